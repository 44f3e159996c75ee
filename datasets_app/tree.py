"""The radix Merkle tree over image numbers: what a version contains (RULES 6.2).

A tree has five levels of nodes; each has 64 places. A leaf (level 0) holds the entries of 64
neighbouring image numbers, a node of level n the digests of its children. An empty subtree
has no node: its digest is None. So the same entries give the same root, whatever the order of
the edits, and equal subtrees of two trees are known by their digests without a look inside.

All functions read level by level, with one `read` of the store per level and window.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from datasets_app.entries import Entry, EntryChange, decode_entry, encode_entry
from datasets_app.node_bytes import FAN_OUT, Digest, NewNode, build_node, parse_node

_BITS = 6
HEIGHT = 5
ROOT_LEVEL = HEIGHT - 1
CAPACITY = FAN_OUT**HEIGHT  # image numbers are 0 ≤ n < 2^30

# How many nodes of one level are read at once. It bounds memory (a leaf has up to
# 8 kB) and keeps lists of SQL parameters short.
WINDOW = 1024
_BATCH = 5_000


class NodeStore(Protocol):
    """Where nodes are. `read` raises `NodeDamaged` for a node that is missing or altered."""

    def read(self, digests: Collection[Digest]) -> Mapping[Digest, bytes]: ...

    def write(self, nodes: Collection[NewNode]) -> None: ...


def get_entries(
    nodes: NodeStore, root: Digest | None, image_nos: Iterable[int]
) -> dict[int, Entry]:
    """Return the entries of those image numbers that the tree contains, in their order.

    Reads one path per leaf that is asked for; at most `HEIGHT` reads of the store.
    """
    wanted = sorted(set(image_nos))
    return {
        image_no: decode_entry(data)
        for image_no, data in _find_raw_entries(nodes, root, wanted).items()
    }


def iter_entries(
    nodes: NodeStore, root: Digest | None, *, after: int = -1, window: int = WINDOW
) -> Iterator[tuple[int, Entry]]:
    """Yield (image_no, entry) of all numbers above `after`, in their order.

    A smaller window reads less ahead of what is asked for.
    """
    for change in iter_raw_changes(nodes, None, root, after=after, window=window):
        assert change.new is not None
        yield change.image_no, decode_entry(change.new)


def diff_roots(
    nodes: NodeStore,
    old: Digest | None,
    new: Digest | None,
    *,
    after: int = -1,
    window: int = WINDOW,
) -> Iterator[EntryChange]:
    """Yield what differs between two trees, by image number, from the first above `after`.

    Reads the nodes that differ and no other: O(changes · HEIGHT), whatever the number of
    images. Applying the changes to `old` gives `new`.
    """
    for change in iter_raw_changes(nodes, old, new, after=after, window=window):
        yield EntryChange(
            change.image_no,
            None if change.old is None else decode_entry(change.old),
            None if change.new is None else decode_entry(change.new),
        )


class RawChange(NamedTuple):
    """As `EntryChange`, with the entries as bytes."""

    image_no: int
    old: bytes | None
    new: bytes | None


def iter_raw_changes(
    nodes: NodeStore,
    old: Digest | None,
    new: Digest | None,
    *,
    after: int = -1,
    window: int = WINDOW,
) -> Iterator[RawChange]:
    """Yield what differs between two trees without decoding it."""
    # The pairs of subtrees still to be compared, the lowest image numbers last. Only a
    # window of them is opened at once, so at most HEIGHT · 64 · window pairs wait here.
    pending = [_Pair(ROOT_LEVEL, 0, old, new)] if old != new else []
    while pending:
        level = pending[-1].level
        batch = []
        while pending and pending[-1].level == level and len(batch) < window:
            pair = pending.pop()
            if _end_of(pair) > after + 1:
                batch.append(pair)
        found = _read_pairs(nodes, batch)
        if level == 0:
            for pair in batch:
                yield from _differing_entries(pair, found, after)
        else:
            children = [child for pair in batch for child in _differing_children(pair, found)]
            pending.extend(reversed(children))


def update_root(
    nodes: NodeStore,
    root: Digest | None,
    changes: Iterable[tuple[int, Entry | None]],
    *,
    batch: int = _BATCH,
) -> Digest | None:
    """Return the root of the tree with these entries put (None: removed) in it.

    Parameters
    ----------
    changes
        (image_no, entry), strictly ascending by number. May be long: `batch` of them are in
        memory at once, and new nodes are written after each batch.

    Raises
    ------
    ValueError
        Numbers that do not ascend, or are beyond the capacity.
    """
    last = -1
    stream = iter(changes)
    while part := list(itertools.islice(stream, batch)):
        for image_no, _ in part:
            if not last < image_no < CAPACITY:
                raise ValueError(f"image number {image_no} after {last}")
            last = image_no
        root = _update_part(nodes, root, part)
    return root


# ---- reading ----------------------------------------------------------------


class _Pair(NamedTuple):
    """A subtree in two trees: the numbers from `prefix << (6 * (level + 1))` on."""

    level: int
    prefix: int
    old: Digest | None
    new: Digest | None


def _end_of(pair: _Pair) -> int:
    return (pair.prefix + 1) << (_BITS * (pair.level + 1))


def _read_pairs(nodes: NodeStore, pairs: Sequence[_Pair]) -> Mapping[Digest, bytes]:
    digests = {pair.old for pair in pairs} | {pair.new for pair in pairs}
    return nodes.read([digest for digest in digests if digest is not None])


def _differing_children(pair: _Pair, found: Mapping[Digest, bytes]) -> Iterator[_Pair]:
    old = _parse_found(pair.old, pair.level, found)
    new = _parse_found(pair.new, pair.level, found)
    for place in _differing_places(old, new):
        number = (pair.prefix << _BITS) | place
        yield _Pair(pair.level - 1, number, old.get(place), new.get(place))


def _differing_entries(
    pair: _Pair, found: Mapping[Digest, bytes], after: int
) -> Iterator[RawChange]:
    old = _parse_found(pair.old, 0, found)
    new = _parse_found(pair.new, 0, found)
    for place in _differing_places(old, new):
        image_no = (pair.prefix << _BITS) | place
        if image_no > after:
            yield RawChange(image_no, old.get(place), new.get(place))


def _differing_places(old: dict[int, bytes], new: dict[int, bytes]) -> list[int]:
    """Return in order the places whose parts differ; places ascend in parsed nodes."""
    if old.keys() == new.keys():  # nearly always
        sides = zip(old, old.values(), new.values(), strict=True)
        return [place for place, was, now in sides if was != now]
    places = sorted(old.keys() | new.keys())
    return [place for place in places if old.get(place) != new.get(place)]


def _parse_found(
    digest: Digest | None, level: int, found: Mapping[Digest, bytes]
) -> dict[int, bytes]:
    return {} if digest is None else parse_node(digest, level, found[digest])


def _find_raw_entries(
    nodes: NodeStore, root: Digest | None, wanted: Sequence[int]
) -> dict[int, bytes]:
    entries: dict[int, bytes] = {}
    paths = _read_paths(nodes, root, wanted)
    leaves = paths[0]
    for image_no in wanted:
        raw = leaves.get(image_no >> _BITS, {}).get(image_no & (FAN_OUT - 1))
        if raw is not None:
            entries[image_no] = raw
    return entries


def _read_paths(
    nodes: NodeStore, root: Digest | None, wanted: Sequence[int]
) -> list[dict[int, dict[int, bytes]]]:
    """Return, by level, the parsed nodes on the paths to `wanted`, by their prefix."""
    levels: list[dict[int, dict[int, bytes]]] = [{} for _ in range(HEIGHT)]
    present: dict[int, Digest] = {} if root is None or not wanted else {0: root}
    for level in range(ROOT_LEVEL, -1, -1):
        found = nodes.read(list(set(present.values()))) if present else {}
        parsed = {
            prefix: parse_node(digest, level, found[digest]) for prefix, digest in present.items()
        }
        levels[level] = parsed
        present = {}
        if level:
            for prefix in _prefixes(wanted, level - 1):
                digest = parsed.get(prefix >> _BITS, {}).get(prefix & (FAN_OUT - 1))
                if digest is not None:
                    present[prefix] = digest
    return levels


def _prefixes(image_nos: Sequence[int], level: int) -> list[int]:
    """Return the prefixes of the nodes of `level` above these ascending numbers."""
    shift = _BITS * (level + 1)
    return [prefix for prefix, _ in itertools.groupby(no >> shift for no in image_nos)]


# ---- writing ----------------------------------------------------------------


def _update_part(
    nodes: NodeStore, root: Digest | None, part: Sequence[tuple[int, Entry | None]]
) -> Digest | None:
    image_nos = [image_no for image_no, _ in part]
    levels = _read_paths(nodes, root, image_nos)
    leaves = levels[0]
    for image_no, entry in part:
        _put(leaves, image_no, None if entry is None else encode_entry(entry))
    for level in range(HEIGHT):
        fresh = {
            prefix: build_node(level, levels[level].get(prefix, {}))
            for prefix in _prefixes(image_nos, level)
        }
        nodes.write([node for node in fresh.values() if node is not None])
        if level == ROOT_LEVEL:
            top = fresh[0]
            return None if top is None else top.digest
        for prefix, node in fresh.items():
            _put(levels[level + 1], prefix, None if node is None else node.digest)
    raise AssertionError("a tree has a root level")


def _put(parsed: dict[int, dict[int, bytes]], number: int, value: bytes | None) -> None:
    places = parsed.setdefault(number >> _BITS, {})
    if value is None:
        places.pop(number & (FAN_OUT - 1), None)
    else:
        places[number & (FAN_OUT - 1)] = value
