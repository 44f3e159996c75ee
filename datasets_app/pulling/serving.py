"""The bytes that plans tell of, given to those who may read a dataset and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datasets_app.bulk import select_in
from datasets_app.models import Dataset, DatasetBlob
from store_app.blobs import Location, find_locations, get_locations, iter_located
from store_app.errors import ObjectMissing

MOST_DIGESTS = 10_000
_READ_AHEAD_BYTES = 8 * 2**20
_PIECE_BYTES = 256 * 2**10


def find_served(dataset: Dataset, digests: Sequence[bytes]) -> list[Location]:
    """Return where blobs of a dataset lie, in the order asked for; two queries.

    Raises
    ------
    ObjectMissing
        The dataset was never given some of these bytes. Whether another one was is not said.
    ObjectErased
        Some were erased.
    """
    held = _held(dataset, digests)
    unknown = [digest for digest in dict.fromkeys(digests) if digest not in held]
    if unknown:
        raise ObjectMissing(unknown)
    return get_locations(digests)


def served_sizes(dataset: Dataset, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Return the bytes of the contents that a dataset has; the others are left out."""
    found = find_locations(_held(dataset, digests))
    return {digest: location.size for digest, location in found.items()}


def iter_stored(locations: Sequence[Location]) -> Iterator[bytes]:
    """Yield the stored bytes of blobs in their order, each checked by its sha256.

    Pieces hold many blobs: each one costs a step through the web server.
    """
    piece: list[bytes] = []
    length = 0
    for _, stored in iter_located(locations, batch_bytes=_READ_AHEAD_BYTES):
        piece.append(stored)
        length += len(stored)
        if length >= _PIECE_BYTES:
            yield b"".join(piece)
            piece, length = [], 0
    if piece:
        yield b"".join(piece)


def _held(dataset: Dataset, digests: Sequence[bytes]) -> set[bytes]:
    rows = select_in(
        DatasetBlob,
        ("digest",),
        "digest",
        set(digests),
        where="dataset_id = %s",
        parameters=[dataset.pk],
    )
    return {bytes(digest) for (digest,) in rows}
