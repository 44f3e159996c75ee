"""Give content in pieces, from any byte to any other, in constant memory.

The whole of a blob is checked by its digest before its last piece is given, so that damaged
bytes never arrive complete. A range cannot be: that would cost reading the whole. It is checked
for its length, and where the stored form is compressed by that form itself.
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import zstandard

from panoptic.blob_codecs import CodecNumber
from store_app.durable import Files, blob_files
from store_app.errors import ObjectCorrupt, ObjectMissing
from store_app.index import Location
from store_app.reading import get_locations, read_content

IN_MEMORY_BYTES = 8 * 2**20  # what is decoded and checked before the first byte is given
_PIECE_BYTES = 2**20
_REMOTE_PIECE_BYTES = 4 * 2**20  # each is a request


class Content(NamedTuple):
    """The content of a blob that is there; `location` is where it lay when it was looked up."""

    location: Location

    @property
    def size(self) -> int:
        """Its bytes, uncompressed."""
        return self.location.size


def find_content(digest: bytes) -> Content:
    """Return what is known of a blob's content; one query, two where it is not there.

    Raises
    ------
    ObjectMissing, ObjectErased
    """
    return Content(*get_locations([digest]))


def iter_content(content: Content, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
    """Yield the bytes from `start` to before `stop`, by default all of them.

    Raises
    ------
    ObjectMissing, ObjectErased
        At the first piece, or later if somebody takes the blob away meanwhile.
    ObjectCorrupt
        The whole: before its last piece. A range: if bytes of it are not there.
    """
    location = content.location
    stop = location.size if stop is None else min(stop, location.size)
    if location.size <= IN_MEMORY_BYTES and _is_small(location, start, stop):
        yield read_content(location)[start:stop]
    elif (start, stop) == (0, location.size):
        yield from _checked(_iter_decoded(location), location)
    elif location.codec == CodecNumber.RAW:
        yield from _iter_stored(location, start, stop)
    elif location.codec == CodecNumber.ZSTD:
        yield from _cut(_iter_decoded(location), start, stop, location)
    else:
        yield read_content(location)[start:stop]


def _is_small(location: Location, start: int, stop: int) -> bool:
    """Say whether to read all of a small blob: where it is compressed, or most of it is wanted."""
    return location.codec != CodecNumber.RAW or 2 * (stop - start) >= location.size


def _checked(pieces: Iterator[bytes], location: Location) -> Iterator[bytes]:
    """Yield pieces one late, so that the last one waits until the digest of all is known."""
    sha256, size, held = hashlib.sha256(), 0, b""
    for piece in pieces:
        sha256.update(piece)
        size += len(piece)
        if held:
            yield held
        held = piece
    if size != location.size or sha256.digest() != location.digest:
        raise _corrupt(location, "its content has another digest")
    yield held


def _iter_decoded(location: Location) -> Iterator[bytes]:
    stored = _iter_stored(location, 0, location.length)
    if location.codec == CodecNumber.RAW:
        yield from stored
    elif location.codec == CodecNumber.ZSTD:
        # A decompressor of its own: they crash where threads share one.
        with zstandard.ZstdDecompressor().stream_reader(_Forwards(stored)) as reader:
            try:
                while piece := reader.read(_PIECE_BYTES):
                    yield piece
            except zstandard.ZstdError as error:
                raise _corrupt(location, str(error)) from error
    else:
        yield read_content(location)


def _cut(pieces: Iterator[bytes], start: int, stop: int, location: Location) -> Iterator[bytes]:
    """Yield what lies in a range; what comes before it is decoded and dropped."""
    offset = 0
    for piece in pieces:
        begin, end = max(start - offset, 0), stop - offset
        if begin < len(piece):
            yield piece[begin:end]
        offset += len(piece)
        if offset >= stop:
            return
    raise _corrupt(location, f"its content ends after {offset} bytes")


class _Forwards:
    """Pieces as a file that can only be read forwards; a read gives the next piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1) -> bytes:
        return next(self._pieces, b"")


def _iter_stored(location: Location, start: int, stop: int) -> Iterator[bytes]:
    """Yield stored bytes; a pack that is rewritten meanwhile is followed to its new place."""
    files = blob_files()
    at_once = _REMOTE_PIECE_BYTES if files.remote else _PIECE_BYTES
    while start < stop:
        wanted = min(at_once, stop - start)
        location, piece = _read(files, location, start, wanted)
        if len(piece) != wanted:
            raise _corrupt(location, f"truncated after {start + len(piece)} bytes")
        yield piece
        start += wanted


def _read(files: Files, location: Location, start: int, length: int) -> tuple[Location, bytes]:
    try:
        return location, files.read_range(location.pack, location.start + start, length)
    except FileNotFoundError:
        [fresh] = get_locations([location.digest])
    try:
        return fresh, files.read_range(fresh.pack, fresh.start + start, length)
    except FileNotFoundError:
        raise ObjectMissing([fresh.digest], pack=fresh.pack, offset=fresh.start) from None


def _corrupt(location: Location, reason: str) -> ObjectCorrupt:
    return ObjectCorrupt(location.digest, pack=location.pack, offset=location.start, reason=reason)
