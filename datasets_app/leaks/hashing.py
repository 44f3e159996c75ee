"""Hash photographs, in worker processes: nothing here may need the database."""

from __future__ import annotations

from typing import NamedTuple

from panoptic.errors import PanopticError
from panoptic.perceptual import hash_photo

HASHED, FLAT, UNREADABLE = "hashed", "flat", "unreadable"  # as `models.HashState`


class PhotoShard(NamedTuple):
    """Some photographs: digest and bytes."""

    photos: list[tuple[bytes, bytes]]


class HashedPhoto(NamedTuple):
    """What a photograph looks like; `bits` are empty unless the state is "hashed"."""

    digest: bytes
    state: str
    bits: bytes


def hash_shard(shard: PhotoShard) -> list[HashedPhoto]:
    """Hash some photographs; one that cannot be decoded is said to be, and stops no other."""
    return [_hash(digest, data) for digest, data in shard.photos]


def _hash(digest: bytes, data: bytes) -> HashedPhoto:
    try:
        found = hash_photo(data)
    except PanopticError:
        return HashedPhoto(digest, UNREADABLE, b"")
    if found is None:
        return HashedPhoto(digest, FLAT, b"")
    return HashedPhoto(digest, HASHED, found.to_bytes())
