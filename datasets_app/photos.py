"""What is known about photographs: their headers, read once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from datasets_app.bulk import insert_rows, select_in
from datasets_app.models import Photo


class PhotoInfo(NamedTuple):
    """The header of a photograph; `height` and `width` are of the upright picture."""

    digest: bytes
    media_type: str
    height: int
    width: int
    raw_height: int
    raw_width: int


def register_photos(photos: Iterable[PhotoInfo]) -> None:
    """Keep headers; those of known photographs are left as they are."""
    insert_rows(Photo, PhotoInfo._fields, photos, known="keep")


def get_photos(digests: Collection[bytes]) -> dict[bytes, PhotoInfo]:
    """Return the headers of those photographs that were registered; one query per 5,000."""
    return {
        bytes(digest): PhotoInfo(bytes(digest), *rest)
        for digest, *rest in select_in(Photo, PhotoInfo._fields, "digest", digests)
    }
