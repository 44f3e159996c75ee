"""Put photographs into the store, and what their headers say beside them."""

from collections.abc import Sequence

from datasets_app.imports.reading import PhotoFile
from datasets_app.photos import PhotoInfo, register_photos
from store_app.blobs import put_files


def store_photos(photos: Sequence[PhotoFile]) -> list[bytes]:
    """Store photographs; return their digests in the same order."""
    digests = list(put_files(photo.path for photo in photos))
    register_photos(
        {
            digest: _info(digest, photo) for digest, photo in zip(digests, photos, strict=True)
        }.values()
    )
    return digests


def _info(digest: bytes, photo: PhotoFile) -> PhotoInfo:
    header = photo.header
    return PhotoInfo(digest, f"image/{header.format.lower()}", *header.oriented_size, *header.size)
