"""Bring blobs into the cache: many in one request, large ones in pieces that can be resumed."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import IO, NamedTuple

import httpx

from panoptic.packs import MAX_PACK_OBJECTS, Stretch
from tessera.cache import Cache
from tessera.errors import NetworkError, ObjectCorrupt, TesseraError
from tessera.http import Connection
from tessera.pulling.plan import RemoteObject, RemoteRange

try:
    import fcntl
except ImportError:  # not on Windows, where two who fetch one photograph may both have to
    fcntl = None  # type: ignore[assignment]

BATCH_BYTES = 8 * 2**20
_BATCH_OBJECTS = min(2_000, MAX_PACK_OBJECTS)

Count = Callable[[int], None]


class Portion(NamedTuple):
    """Blobs that one request brings; without `url` from the service."""

    objects: tuple[RemoteObject, ...]
    url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def portions_of(ranges: Iterable[RemoteRange], missing: set[bytes]) -> Iterator[Portion]:
    """Yield what to ask for.

    A range with an address of its own is asked for there, if all of it is missing: it cannot be
    shortened. The rest is gathered into requests of bounded size.
    """
    batch: list[RemoteObject] = []
    length = 0
    for one in ranges:
        wanted = tuple(item for item in one.objects if item.digest in missing)
        if one.url and len(wanted) == len(one.objects):
            yield Portion(wanted, one.url, tuple(one.headers.items()))
            continue
        for item in wanted:
            if item.length > BATCH_BYTES:
                yield Portion((item,))
                continue
            if batch and (length + item.length > BATCH_BYTES or len(batch) == _BATCH_OBJECTS):
                yield Portion(tuple(batch))
                batch, length = [], 0
            batch.append(item)
            length += item.length
    if batch:
        yield Portion(tuple(batch))


def fetch_portion(
    connection: Connection, slug: str, cache: Cache, portion: Portion, count: Count
) -> None:
    """Bring the blobs of one portion into the cache; what arrived whole is never asked for again.

    Whatever is wrong with a signed address (it is too old, the pack was rewritten, the bucket is
    out of reach), the service has the bytes. `count` is told of bytes as they arrive.

    Raises
    ------
    ObjectCorrupt
        Bytes arrived with another digest; those that are right are kept.
    NetworkError, ObjectMissing, ObjectErased
    """
    if len(portion.objects) == 1 and portion.objects[0].length > BATCH_BYTES:
        _fetch_large(connection, slug, cache, portion, count)
        return
    remaining = portion

    def attempt() -> None:
        nonlocal remaining
        asked, error = remaining, None
        chunks: list[bytes] = []
        try:
            _receive(connection, slug, asked, count, chunks.append)
        except TesseraError as found:
            error = found
        arrived = _cut(asked.objects, b"".join(chunks))
        remaining = Portion(asked.objects[len(arrived.digests) :])
        if remaining.objects and error is None:
            named = remaining.objects[0].digest.hex()
            error = NetworkError(f"the answer ends within object {named}")
        try:
            if arrived.digests:
                cache.add_stretch(arrived)
        except ObjectCorrupt as found:
            remaining, error = Portion(asked.objects), found
        if error is not None:
            raise error if asked.url is None else _no_good(error)

    connection.repeat(attempt, progress=lambda: -len(remaining.objects))


def _receive(
    connection: Connection,
    slug: str,
    portion: Portion,
    count: Count,
    keep: Callable[[bytes], None],
) -> None:
    """Keep bytes as they arrive."""
    if not portion.objects:
        return
    if portion.url is not None:
        opened = connection.stream("GET", portion.url, headers=dict(portion.headers))
    else:
        digests = [item.digest.hex() for item in portion.objects]
        opened = connection.stream(
            "POST", f"/datasets/{slug}/blobs/fetch/", json={"digests": digests}
        )
    with opened as answer:
        for chunk in _counted(answer, count):
            keep(chunk)


def _cut(objects: Sequence[RemoteObject], data: bytes) -> Stretch:
    """Return those blobs that arrived whole; what was cut off after them is dropped."""
    ends = list(accumulate(item.length for item in objects))
    whole = bisect_right(ends, len(data))
    length = ends[whole - 1] if whole else 0
    columns = list(zip(*objects[:whole], strict=True)) or [()] * len(RemoteObject._fields)
    digests, stored_digests, codecs, lengths, sizes = columns
    if length < len(data):
        data = data[:length]
    return Stretch(digests, stored_digests, lengths, sizes, codecs, data)


def _fetch_large(
    connection: Connection, slug: str, cache: Cache, portion: Portion, count: Count
) -> None:
    """Bring one large content as a file; where the connection breaks it goes on from there."""
    [item] = portion.objects
    path = cache.folder / "new" / f"{item.digest.hex()}.part"
    with _claimed(path) as file:
        if cache.find([item.digest]):  # another process was quicker
            path.unlink()
            return
        resumed = os.fstat(file.fileno()).st_size
        _receive_large(connection, slug, file, portion, count)
        try:
            cache.adopt(path, item.digest)
            return
        except ObjectCorrupt:
            if not resumed:
                raise
    # What was there from an earlier time was not what had been written, as after a power cut.
    _fetch_large(connection, slug, cache, portion, count)


def _receive_large(
    connection: Connection, slug: str, file: IO[bytes], portion: Portion, count: Count
) -> None:
    """Append to a file what it lacks of a content."""
    [item] = portion.objects
    url = portion.url if item.codec == 0 else None

    def size() -> int:
        file.flush()
        return os.fstat(file.fileno()).st_size

    def attempt() -> None:
        nonlocal url
        begin = size()
        if begin == item.size:
            return
        # A signed range cannot be shortened.
        signed, url = None if begin else url, None
        rest = {"Range": f"bytes={begin}-"} if begin else {}
        headers = dict(portion.headers) if signed else rest
        address = signed or f"/datasets/{slug}/blobs/{item.digest.hex()}"
        try:
            with connection.stream("GET", address, headers=headers) as answer:
                if begin and answer.status_code != httpx.codes.PARTIAL_CONTENT:
                    file.truncate(0)
                for chunk in _counted(answer, count):
                    file.write(chunk)
        except TesseraError as error:
            raise _no_good(error) if signed else error from error
        if size() != item.size:
            if size() > item.size:
                file.truncate(0)
            raise NetworkError(f"the answer ends within object {item.digest.hex()}")

    connection.repeat(attempt, progress=size)


@contextmanager
def _claimed(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for appending that no other process appends to meanwhile."""
    while True:
        with path.open("ab") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            # Who had it may have finished it, and moved it away.
            if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                yield file
                return


def _counted(answer: httpx.Response, count: Count) -> Iterator[bytes]:
    # As they come: where the connection breaks, no byte that arrived is lost in a chunk.
    for chunk in answer.iter_bytes():
        count(len(chunk))
        yield chunk


def _no_good(error: TesseraError) -> NetworkError:
    return NetworkError(f"a signed address is no good: {error.message}")
