"""Get blobs out of the store: few ranges of few files, every byte checked."""

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import BinaryIO, NamedTuple

from panoptic.blob_codecs import CodecNumber, codec_of
from store_app.durable import Files, SignedRange, blob_files, hash_chunks, iter_chunks
from store_app.errors import ObjectCorrupt, ObjectErased, ObjectMissing
from store_app.index import Location, erased_among, locate

GAP_BYTES = 65_536  # reading on is cheaper than asking again
RANGE_BYTES = 8 * 2**20  # split there, so that threads can share a pack
_THREADS = 8
_LOOKED_UP_AT_ONCE = 4096
_IN_MEMORY_BYTES = 8 * 2**20


def get_blobs(digests: Iterable[bytes]) -> dict[bytes, bytes]:
    """Return the stored bytes of blobs, in the order asked for: one query, few reads.

    Raises
    ------
    ObjectMissing
        Some are not in the index (all of them are listed), or a file is gone.
    ObjectErased
        Some were erased (all of them are listed), and none is missing.
    ObjectCorrupt
        Stored bytes do not have the sha256 that they were stored with.
    """
    return _read_moving(get_locations(digests))


def iter_blobs(
    digests: Iterable[bytes], *, batch_bytes: int = 32_000_000
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (digest, stored bytes) in the order asked for, reading `batch_bytes` ahead."""
    remaining = iter(digests)
    while some := list(islice(remaining, _LOOKED_UP_AT_ONCE)):
        locations = {location.digest: location for location in get_locations(some)}
        yield from iter_located([locations[digest] for digest in some], batch_bytes=batch_bytes)


def iter_located(
    locations: Sequence[Location], *, batch_bytes: int = 32_000_000
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (digest, stored bytes) of locations that were just looked up, in their order."""
    for batch in _batches(locations, batch_bytes):
        found = _read_moving(batch)
        yield from ((location.digest, found[location.digest]) for location in batch)


def get_content(digest: bytes) -> bytes:
    """Return the uncompressed content of a blob, checked against its digest."""
    return read_content(get_locations([digest])[0])


def read_content(location: Location) -> bytes:
    """Return the uncompressed content at a location, or where it has gone to, checked."""
    return decode_content(location, _read_moving([location])[location.digest])


def open_content(digest: bytes) -> BinaryIO:
    """Open the content of a blob as a seekable file, checked before the first byte is given.

    Raw files of their own (photographs) are never held in memory; close them.
    """
    [location] = get_locations([digest])
    alone = location.pack.startswith("objects/")
    if not alone or location.codec != CodecNumber.RAW or location.length <= _IN_MEMORY_BYTES:
        return io.BytesIO(read_content(location))
    try:
        file = blob_files().open(location.pack)
    except FileNotFoundError:
        raise ObjectMissing([digest], pack=location.pack, offset=0) from None
    if hash_chunks(iter_chunks(file)) != digest:
        file.close()
        raise _corrupt(location, "its sha256 is another")
    file.seek(0)
    return file


def get_locations(digests: Iterable[bytes]) -> list[Location]:
    """Return where blobs lie, each once, in the order asked for.

    `ObjectMissing` lists all gaps; where all of them were made on purpose, `ObjectErased` does.
    """
    wanted = list(dict.fromkeys(digests))
    found = locate(wanted)
    missing = [digest for digest in wanted if digest not in found]
    if missing:
        erased = erased_among(missing)
        lost = [digest for digest in missing if digest not in erased]
        raise ObjectMissing(lost) if lost else ObjectErased(missing)
    return [found[digest] for digest in wanted]


def sign_range(name: str, start: int, length: int) -> SignedRange | None:
    """Let somebody read part of a file past the service, for 15 minutes; None: they cannot."""
    return blob_files().sign_range(name, start, length)


def read_locations(locations: Sequence[Location]) -> dict[bytes, bytes]:
    """Return the stored bytes at these locations, each checked by its sha256."""
    files = blob_files()
    ranges = list(_coalesced(locations))
    if files.remote and len(ranges) > 1:
        with ThreadPoolExecutor(min(_THREADS, len(ranges))) as threads:
            parts = list(threads.map(lambda piece: _read_range(files, piece), ranges))
    else:
        parts = [_read_range(files, piece) for piece in ranges]
    found = {digest: stored for part in parts for digest, stored in part.items()}
    return {location.digest: found[location.digest] for location in locations}


def decode_content(location: Location, stored: bytes) -> bytes:
    """Return the content of stored bytes; `ObjectCorrupt` if it is not of the blob's digest."""
    try:
        content = codec_of(location.codec).decode(stored, location.size)
    except ValueError as error:
        raise _corrupt(location, str(error)) from error
    if len(content) != location.size:
        raise _corrupt(location, f"its content has {len(content)} bytes, not {location.size}")
    if hashlib.sha256(content).digest() != location.digest:
        raise _corrupt(location, "its content has another digest")
    return content


def _read_moving(locations: Sequence[Location]) -> dict[bytes, bytes]:
    """Read locations that may be old: a pack may have been rewritten since they were looked up."""
    try:
        return read_locations(locations)
    except ObjectMissing:
        fresh = get_locations(location.digest for location in locations)
        if fresh == list(locations):
            raise
        return read_locations(fresh)


class _Range(NamedTuple):
    """A stretch of one file, and what lies in it."""

    pack: str
    start: int
    end: int
    locations: list[Location]


def _coalesced(locations: Sequence[Location]) -> Iterator[_Range]:
    """Join neighbours in a file into ranges: gaps of 64 kB are read and dropped."""
    current: _Range | None = None
    for location in sorted(locations, key=lambda location: (location.pack, location.start)):
        end = location.start + location.length
        if (
            current is not None
            and location.pack == current.pack
            and location.start <= current.end + GAP_BYTES
            and end - current.start <= RANGE_BYTES
        ):
            current.locations.append(location)
            current = current._replace(end=max(end, current.end))
            continue
        if current is not None:
            yield current
        current = _Range(location.pack, location.start, end, [location])
    if current is not None:
        yield current


def _read_range(files: Files, piece: _Range) -> dict[bytes, bytes]:
    try:
        data = files.read_range(piece.pack, piece.start, piece.end - piece.start)
    except FileNotFoundError:
        lost = [location.digest for location in piece.locations]
        raise ObjectMissing(lost, pack=piece.pack, offset=piece.start) from None
    found = {}
    for location in piece.locations:
        begin = location.start - piece.start
        stored = data[begin : begin + location.length]
        if len(stored) != location.length:
            raise _corrupt(location, f"truncated: {len(stored)} of {location.length} bytes")
        if hashlib.sha256(stored).digest() != location.stored_digest:
            raise _corrupt(location, "the sha256 of its stored bytes is another")
        found[location.digest] = stored
    return found


def _batches(locations: Iterable[Location], batch_bytes: int) -> Iterator[list[Location]]:
    """Cut into lists whose stored bytes stay within a budget, one location at least."""
    batch: list[Location] = []
    used = 0
    for location in locations:
        if batch and used + location.length > batch_bytes:
            yield batch
            batch, used = [], 0
        batch.append(location)
        used += location.length
    if batch:
        yield batch


def _corrupt(location: Location, reason: str) -> ObjectCorrupt:
    return ObjectCorrupt(location.digest, pack=location.pack, offset=location.start, reason=reason)
