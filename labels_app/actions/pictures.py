"""Keep the example pictures of guidelines."""

from __future__ import annotations

from django.db import transaction

from labels_app.models import Taxonomy, TaxonomyPicture
from panoptic.errors import MalformedFile, TooLarge
from panoptic.images import read_header, read_photo
from people_app.audit import record
from people_app.models import User
from store_app.blobs import new_blob, put_blobs, touch_blobs

LARGEST_FILE_BYTES = 10 * 2**20
MOST_PIXELS = 2**25
# What every browser shows, and nothing that can hold a script.
_SHOWN = frozenset({"PNG", "JPEG", "WEBP"})


def add_picture(*, taxonomy: Taxonomy, content: bytes, actor: User | None) -> TaxonomyPicture:
    """Store a picture for guidelines; one that the taxonomy has already is returned.

    Raises
    ------
    MalformedFile
        It is no PNG, JPEG or WebP, or damaged.
    TooLarge
        The file or the picture is.
    """
    if len(content) > LARGEST_FILE_BYTES:
        raise TooLarge("bytes", actual=len(content), limit=LARGEST_FILE_BYTES)
    header = read_header(content, max_pixels=MOST_PIXELS, file="picture")
    if header.format not in _SHOWN:
        raise MalformedFile(f"{header.format} is not shown by browsers", file="picture")
    read_photo(content, max_pixels=MOST_PIXELS, file="picture")  # all of it can be decoded
    blob = new_blob(content)
    put_blobs([blob])
    height, width = header.oriented_size
    with transaction.atomic():
        touch_blobs([blob.digest])
        picture, is_new = TaxonomyPicture.objects.get_or_create(
            taxonomy=taxonomy,
            digest=blob.digest,
            defaults={
                "media_type": f"image/{header.format.lower()}",
                "height": height,
                "width": width,
                "uploaded_by": actor,
            },
        )
        if is_new:
            record(actor, "taxonomy.picture_added", taxonomy, digest=blob.digest)
    return picture
