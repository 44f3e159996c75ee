"""Bring blobs into the cache: many in one request, large ones in pieces that can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import httpx

from panoptic.packs import MAX_PACK_OBJECTS, NewObject
from tessera.cache import Cache
from tessera.errors import AccessError, NetworkError, NotFound, UsageError
from tessera.http import Connection
from tessera.pulling.plan import RemoteObject, RemoteRange

BATCH_BYTES = 8 * 2**20
_BATCH_OBJECTS = min(2_000, MAX_PACK_OBJECTS)
# Asking S3 for less costs more than letting the service gather it.
_ALONE_BYTES = 256 * 2**10
_CHUNK_BYTES = 2**18

Count = Callable[[int], None]


class Portion(NamedTuple):
    """Blobs that one request brings; without `url` from the service."""

    objects: tuple[RemoteObject, ...]
    url: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def portions_of(ranges: Iterable[RemoteRange], missing: set[bytes]) -> Iterator[Portion]:
    """Yield what to ask for: ranges as they are where all of them is missing and worth a
    request of its own, the rest gathered into requests of bounded size."""
    batch: list[RemoteObject] = []
    length = 0
    for one in ranges:
        wanted = tuple(item for item in one.objects if item.digest in missing)
        if one.url and len(wanted) == len(one.objects) and one.length >= _ALONE_BYTES:
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

    `count` is told of bytes as they arrive.

    Raises
    ------
    ObjectCorrupt
        Bytes arrived with another digest.
    NetworkError, ObjectMissing, ObjectErased
    """
    if len(portion.objects) == 1 and portion.objects[0].length > BATCH_BYTES:
        _fetch_large(connection, slug, cache, portion, count)
        return
    remaining = portion

    def attempt() -> None:
        nonlocal remaining
        arrived: list[NewObject] = []
        try:
            _receive(connection, slug, remaining, count, arrived.append)
        except (AccessError, NotFound, UsageError):
            if remaining.url is None:
                raise
            # The signed address is too old, or the pack was rewritten: the service has them.
            remaining = Portion(remaining.objects)
            raise NetworkError("a signed address is no good any more") from None
        finally:
            cache.add_objects(arrived)
            remaining = Portion(remaining.objects[len(arrived) :]) if arrived else remaining

    connection.repeat(attempt)


def _receive(
    connection: Connection,
    slug: str,
    portion: Portion,
    count: Count,
    keep: Callable[[NewObject], None],
) -> None:
    """Keep blobs as they arrive whole."""
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
        for item in _cut(_counted(answer, count), portion.objects):
            keep(item)


def _cut(chunks: Iterator[bytes], objects: Sequence[RemoteObject]) -> Iterator[NewObject]:
    """Cut a stream into the blobs that it is made of; the last one may end early: an error."""
    rest = bytearray()
    for item in objects:
        while len(rest) < item.length:
            chunk = next(chunks, None)
            if chunk is None:
                raise NetworkError(f"the answer ends within object {item.digest.hex()}")
            rest += chunk
        data = bytes(rest[: item.length])
        del rest[: item.length]
        yield NewObject(item.digest, item.stored_digest, item.size, item.codec, data)


def _fetch_large(
    connection: Connection, slug: str, cache: Cache, portion: Portion, count: Count
) -> None:
    """Bring one large content as a file; where the connection breaks it goes on from there."""
    [item] = portion.objects
    path = cache.folder / "new" / f"{item.digest.hex()}.part"
    url = portion.url if portion.url and item.codec == 0 else None

    def attempt() -> None:
        nonlocal url
        begin = path.stat().st_size if path.exists() else 0
        if begin >= item.size:
            return
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        if url is not None:
            signed = dict(portion.headers)
            # A signed range cannot be shortened.
            begin, headers = 0, signed
        address = url or f"/datasets/{slug}/blobs/{item.digest.hex()}"
        try:
            with (
                connection.stream("GET", address, headers=headers) as answer,
                path.open("r+b" if path.exists() else "wb") as file,
            ):
                file.seek(begin if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0)
                file.truncate()
                for chunk in _counted(answer, count):
                    file.write(chunk)
        except (AccessError, NotFound):
            if url is None:
                raise
            url = None
            raise NetworkError("a signed address is no good any more") from None
        if path.stat().st_size < item.size:
            raise NetworkError(f"the answer ends within object {item.digest.hex()}")

    connection.repeat(attempt)
    if path.exists():
        cache.adopt(path, item.digest)


def _counted(answer: httpx.Response, count: Count) -> Iterator[bytes]:
    for chunk in answer.iter_bytes(_CHUNK_BYTES):
        count(len(chunk))
        yield chunk
