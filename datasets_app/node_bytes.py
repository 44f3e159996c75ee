"""The bytes of tree nodes (docs/formats/tree.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from datasets_app.entries import DIGEST_BYTES, Entry, decode_entry, entry_length
from datasets_app.errors import NodeDamaged

FORM = 1
FAN_OUT = 64
_HEADER = 10  # form, level, bitmap of the present places

_LENGTHS = tuple(entry_length(bytes((flags, 0, 0))) for flags in range(8))

Digest = bytes


class NewNode(NamedTuple):
    """A node to be stored; `digest` is the sha256 of `data`."""

    digest: Digest
    level: int
    data: bytes


def build_node(level: int, places: Mapping[int, bytes]) -> NewNode | None:
    """Return the node with these parts (entries or digests) at these places; None for none."""
    if not places:
        return None
    bitmap = 0
    for place in places:
        bitmap |= 1 << place
    header = bytes((FORM, level)) + bitmap.to_bytes(8, "little")
    data = header + b"".join(places[place] for place in sorted(places))
    return NewNode(hashlib.sha256(data).digest(), level, data)


def parse_node(digest: Digest, level: int, data: bytes) -> dict[int, bytes]:
    """Return the parts of a node by their place; raise `NodeDamaged` where it is malformed."""
    return _parse_interior(digest, level, data) if level else _parse_leaf(digest, data)


def children_of(digest: Digest, level: int, data: bytes) -> list[Digest]:
    """Return the digests of the children of a node, in order; a leaf has none."""
    return [] if level == 0 else list(parse_node(digest, level, data).values())


def leaf_entries(digest: Digest, data: bytes) -> dict[int, Entry]:
    """Return the entries of a leaf by their place in it (0 to 63)."""
    return {place: decode_entry(raw) for place, raw in _parse_leaf(digest, data).items()}


def _parse_interior(digest: Digest, level: int, data: bytes) -> dict[int, bytes]:
    places = _parse_header(digest, level, data)
    if len(data) != _HEADER + DIGEST_BYTES * len(places):
        raise NodeDamaged(digest.hex(), f"{len(places)} children do not fill {len(data)} bytes")
    starts = range(_HEADER, len(data), DIGEST_BYTES)
    return {
        place: data[start : start + DIGEST_BYTES]
        for place, start in zip(places, starts, strict=True)
    }


def _parse_leaf(digest: Digest, data: bytes) -> dict[int, bytes]:
    entries = {}
    at = _HEADER
    try:
        for place in _parse_header(digest, 0, data):
            # As `entry_length` says; a call for each of 64 entries would double the time.
            end = at + _LENGTHS[data[at] & 7] + data[at + 2]
            entries[place] = data[at:end]
            at = end
    except IndexError as error:
        raise NodeDamaged(digest.hex(), "a truncated leaf") from error
    if at != len(data):
        raise NodeDamaged(digest.hex(), f"entries of {at - _HEADER} bytes in {len(data)}")
    return entries


def _parse_header(digest: Digest, level: int, data: bytes) -> tuple[int, ...]:
    if len(data) < _HEADER or data[0] != FORM or data[1] != level:
        raise NodeDamaged(digest.hex(), f"no node of level {level} and form {FORM}")
    bitmap = int.from_bytes(data[2:_HEADER], "little")
    if not bitmap:
        raise NodeDamaged(digest.hex(), "an empty node")
    return _places(bitmap)


@lru_cache(maxsize=4096)
def _places(bitmap: int) -> tuple[int, ...]:
    # Most nodes are full, so that few bitmaps are worth keeping.
    return tuple(place for place in range(FAN_OUT) if bitmap >> place & 1)
