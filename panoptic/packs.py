"""The byte form of a pack (docs/formats/pack.md): many blobs in one sealed file."""

import hashlib
import struct
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from panoptic.errors import MalformedPack

MAX_PACK_BYTES = 64_000_000  # the table included
MAX_PACK_OBJECTS = 8_192

_HEAD = b"TESSPK\x00\x01"
_TAIL_MAGIC = b"TESSPK\x01\x00"
_ENTRY = struct.Struct("<32s32sQQQB")
_TAIL = struct.Struct("<QI8s")
ENTRY_BYTES = _ENTRY.size
FRAME_BYTES = len(_HEAD) + _TAIL.size


class PackEntry(NamedTuple):
    """One blob of a pack: its digests, where its stored bytes lie, and the size of its content."""

    digest: bytes
    stored_digest: bytes
    start: int
    length: int
    size: int
    codec: int


class SealedPack(NamedTuple):
    """A pack ready to be written. `chunks` joined are its bytes, `digest` is their sha256."""

    digest: bytes
    size: int
    chunks: Sequence[bytes]
    entries: Sequence[PackEntry]


class NewObject(NamedTuple):
    """What a pack needs to know of a blob."""

    digest: bytes
    stored_digest: bytes
    size: int
    codec: int
    data: bytes


def seal_pack(objects: Sequence[NewObject]) -> SealedPack:
    """Lay objects one behind the other, in the order given.

    The chunks are the callers' own bytes, never joined here, so that sealing does
    not hold a pack twice.
    """
    chunks, entries = [_HEAD], []
    start = len(_HEAD)
    for item in objects:
        chunks.append(item.data)
        entries.append(
            PackEntry(item.digest, item.stored_digest, start, len(item.data), item.size, item.codec)
        )
        start += len(item.data)
    table = b"".join(_ENTRY.pack(*entry) for entry in entries)
    chunks += [table, _TAIL.pack(start, len(entries), _TAIL_MAGIC)]
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)
    return SealedPack(
        sha256.digest(), start + len(table) + _TAIL.size, tuple(chunks), tuple(entries)
    )


class Stretch(NamedTuple):
    """Blobs whose stored bytes lie one behind the other in `data`; columns are of one length."""

    digests: Sequence[bytes]
    stored_digests: Sequence[bytes]
    lengths: Sequence[int]
    sizes: Sequence[int]
    codecs: Sequence[int]
    data: bytes


def seal_stretch(stretch: Stretch) -> SealedPack:
    """Return the pack that `seal_pack` makes of the same blobs, without an object for each."""
    digests, stored_digests, lengths, sizes, codecs, data = stretch
    starts = list(accumulate(lengths, initial=len(_HEAD)))
    end = starts.pop()
    if end != len(_HEAD) + len(data):
        raise ValueError(f"blobs of {end - len(_HEAD)} bytes in {len(data)}")
    entries = list(map(PackEntry, digests, stored_digests, starts, lengths, sizes, codecs))
    table = b"".join([_ENTRY.pack(*entry) for entry in entries])
    chunks = (_HEAD, data, table, _TAIL.pack(end, len(entries), _TAIL_MAGIC))
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)
    return SealedPack(sha256.digest(), end + len(table) + _TAIL.size, chunks, entries)


def read_entries(pack: bytes) -> list[PackEntry]:
    """Return the table of a whole pack, in the order of the objects.

    Raises
    ------
    MalformedPack
        The head, the tail or the table is not in order, or the objects do not lie one
        behind the other. The objects themselves are not checked.
    """
    if len(pack) < FRAME_BYTES or pack[: len(_HEAD)] != _HEAD:
        raise MalformedPack("it does not begin like one")
    table_start, count, magic = _TAIL.unpack_from(pack, len(pack) - _TAIL.size)
    if magic != _TAIL_MAGIC:
        raise MalformedPack("it does not end like one")
    if table_start + count * ENTRY_BYTES + _TAIL.size != len(pack):
        raise MalformedPack(f"a table of {count} objects at {table_start} does not fit")
    table = memoryview(pack)[table_start : len(pack) - _TAIL.size]
    entries = [PackEntry(*fields) for fields in _ENTRY.iter_unpack(table)]
    expected = len(_HEAD)
    for entry in entries:
        if entry.start != expected:
            raise MalformedPack(f"object {entry.digest.hex()} does not begin at {expected}")
        expected += entry.length
    if expected != table_start:
        raise MalformedPack(f"the objects end at {expected}, the table begins at {table_start}")
    return entries


def read_table(read_range: Callable[[int, int], bytes], size: int) -> list[PackEntry]:
    """Return the table of a pack of `size` bytes in two reads, the objects unread.

    `read_range(start, length)` gives part of the file. Raises `MalformedPack` where the tail
    and the table do not fit.
    """
    tail = read_range(max(size - _TAIL.size, 0), _TAIL.size)
    if len(tail) < _TAIL.size:
        raise MalformedPack("it does not end like one")
    table_start, count, magic = _TAIL.unpack(tail)
    if magic != _TAIL_MAGIC:
        raise MalformedPack("it does not end like one")
    if table_start + count * ENTRY_BYTES + _TAIL.size != size:
        raise MalformedPack(f"a table of {count} objects at {table_start} does not fit")
    table = read_range(table_start, count * ENTRY_BYTES)
    if len(table) != count * ENTRY_BYTES:
        raise MalformedPack("its table is truncated")
    return [PackEntry(*fields) for fields in _ENTRY.iter_unpack(table)]
