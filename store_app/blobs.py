"""The store's public face: import from here."""

from store_app.index import Location
from store_app.large import put_file, put_files
from store_app.reading import (
    get_blobs,
    get_content,
    get_locations,
    iter_blobs,
    open_content,
    read_locations,
)
from store_app.writing import (
    NewBlob,
    PutReport,
    new_blob,
    put_blobs,
    touch_blobs,
)

__all__ = [
    "Location",
    "NewBlob",
    "PutReport",
    "get_blobs",
    "get_content",
    "get_locations",
    "iter_blobs",
    "new_blob",
    "open_content",
    "put_blobs",
    "put_file",
    "put_files",
    "read_locations",
    "touch_blobs",
]
