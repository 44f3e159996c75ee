"""The store's public face: import from here."""

from store_app.index import Location, erased_among
from store_app.index import locate as find_locations
from store_app.large import put_file, put_files
from store_app.leases import grant_lease, release_lease, renew_lease
from store_app.ranges import Content, find_content, iter_content
from store_app.reading import (
    get_blobs,
    get_content,
    get_locations,
    iter_blobs,
    iter_located,
    open_content,
    read_locations,
    sign_range,
)
from store_app.writing import (
    NewBlob,
    PutReport,
    new_blob,
    put_blobs,
    touch_blobs,
)

__all__ = [
    "Content",
    "Location",
    "NewBlob",
    "PutReport",
    "erased_among",
    "find_content",
    "find_locations",
    "get_blobs",
    "get_content",
    "get_locations",
    "grant_lease",
    "iter_blobs",
    "iter_content",
    "iter_located",
    "new_blob",
    "open_content",
    "put_blobs",
    "put_file",
    "put_files",
    "read_locations",
    "release_lease",
    "renew_lease",
    "sign_range",
    "touch_blobs",
]
