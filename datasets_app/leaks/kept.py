"""Hashes of photographs: computed once for each photograph, and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_app.bulk import batched, insert_rows, select_in
from datasets_app.jobs.executor import map_shards
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.leaks.hashing import HASHED, HashedPhoto, PhotoShard, hash_shard
from datasets_app.models.image_hash import ImageHash
from panoptic.perceptual import ALGORITHM
from store_app.blobs import Location, get_content, get_locations, read_locations
from store_app.errors import StoreError

LOST = "lost"  # beside the states of `models.HashState`: never kept
# What travels to a worker at once; with three shards in flight per worker, memory stays below
# some 100 MB per processor.
_SHARD_BYTES = 2**24
_SHARD_PHOTOS = 64
# A larger file is no photograph that anybody trains on; it would have to be held in memory.
_MAX_BYTES = 2**28  # counted as lost
_LOOKED_UP_AT_ONCE = 5_000


class KeptHashes(NamedTuple):
    """The hashes of photographs, in the order in which these were given.

    rows : the places, in that order, of those that have a hash
    waves, slopes : uint64 (n,) and (n, 2), of the n rows
    states : how many photographs are in which state of `models.HashState`, or "lost": the
        store could not give their bytes now, and is asked again the next time
    """

    rows: NDArray[np.int64]
    waves: NDArray[np.uint64]
    slopes: NDArray[np.uint64]
    states: dict[str, int]


def get_hashes(digests: Sequence[bytes], progress: Progress = silent) -> KeptHashes:
    """Return the hashes of photographs, computing and keeping those that are not known.

    Two queries and one write per 5,000 photographs, and the reads of the store for unknown
    ones.
    """
    done = 0
    parts: list[NDArray[np.uint64]] = []
    rows: list[int] = []
    states: Counter[str] = Counter()
    for batch in batched(digests, _LOOKED_UP_AT_ONCE):
        known = _read_kept(batch)
        missing = [digest for digest in batch if digest not in known]
        for photo in _hash_missing(missing):
            known[photo.digest] = photo
            progress(done + len(known), len(digests), "photographs hashed")
        for place, digest in enumerate(batch, done):
            states[known[digest].state] += 1
            if known[digest].state == HASHED:
                rows.append(place)
                parts.append(np.frombuffer(known[digest].bits, "<u8"))
        done += len(batch)
        progress(done, len(digests), "photographs hashed")
    words = np.stack(parts).astype(np.uint64) if parts else np.zeros((0, 3), np.uint64)
    return KeptHashes(np.array(rows, np.int64), words[:, 0], words[:, 1:], dict(states))


def _read_kept(digests: Sequence[bytes]) -> dict[bytes, HashedPhoto]:
    rows = select_in(
        ImageHash,
        ("digest", "state", "bits"),
        "digest",
        digests,
        where="algorithm = %s",
        parameters=[ALGORITHM],
    )
    return {bytes(d): HashedPhoto(bytes(d), state, bytes(bits)) for d, state, bits in rows}


def _hash_missing(digests: Sequence[bytes]) -> Iterator[HashedPhoto]:
    """Hash photographs and keep what they look like; yield each, also what cannot be read."""
    lost: list[bytes] = []
    for photos in map_shards(hash_shard, _iter_shards(digests, lost)):
        insert_rows(
            ImageHash,
            ("digest", "algorithm", "state", "bits"),
            [(photo.digest, ALGORITHM, photo.state, photo.bits) for photo in photos],
            known="replace",
        )
        yield from photos
    yield from (HashedPhoto(digest, LOST, b"") for digest in lost)


def _iter_shards(digests: Sequence[bytes], lost: list[bytes]) -> Iterator[PhotoShard]:
    for batch in batched(_iter_locations(digests, lost), _SHARD_PHOTOS):
        for some in _bounded(batch):
            yield PhotoShard(_read(some, lost))


def _iter_locations(digests: Sequence[bytes], lost: list[bytes]) -> Iterator[Location]:
    try:
        found = get_locations(digests)
    except StoreError:  # some are missing or erased: which ones?
        found = []
        for digest in digests:
            try:
                found += get_locations([digest])
            except StoreError:
                lost.append(digest)
    for location in found:
        if location.size <= _MAX_BYTES:
            yield location
        else:
            lost.append(location.digest)


def _bounded(locations: Iterable[Location]) -> Iterator[list[Location]]:
    some: list[Location] = []
    for location in locations:
        if some and sum(one.size for one in some) + location.size > _SHARD_BYTES:
            yield some
            some = []
        some.append(location)
    yield some


def _read(locations: list[Location], lost: list[bytes]) -> list[tuple[bytes, bytes]]:
    try:
        stored = read_locations(locations)
    except StoreError:
        if len(locations) > 1:  # one that is damaged must not hide the others
            return [photo for one in locations for photo in _read([one], lost)]
        lost.append(locations[0].digest)
        return []
    # Photographs are stored as they are. What came to be one otherwise is decoded.
    return [
        (one.digest, stored[one.digest] if one.stored_digest == one.digest else _content(one))
        for one in locations
    ]


def _content(location: Location) -> bytes:
    return get_content(location.digest)
