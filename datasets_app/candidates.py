"""Which images may match a filter: bitmaps that only ever gain bits.

A bit says that an image once had the class, split or status in some version; whether it has
it in the version that somebody reads is confirmed in the tree. So one index serves every
version and branch, and feeding it ahead of a commit that then fails does no harm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from django.db import connection

from datasets_app.bulk import batched, insert_rows
from datasets_app.entries import Entry, EntryChange, Status
from datasets_app.label_facts import LabelFacts
from datasets_app.models import ImageIndex

CHUNK = 4096  # image numbers of one row, as many as below a node of level 1
_PAIRS_AT_ONCE = 2_000
_WINDOW = 64  # chunks read at once where whole bitmaps are: at most 32 kB per key


class Slot(NamedTuple):
    """One row of the index."""

    key: str
    chunk: int


class Candidates(NamedTuple):
    """Image numbers in order, and after which number to go on looking; None: that was all."""

    numbers: list[int]
    go_on: int | None


class KeySize(NamedTuple):
    """How many rows the index has of a key, and the chunk of the last one."""

    rows: int
    last_chunk: int


class SharedImages(NamedTuple):
    """The images of one chunk, by group: a bitmap as in `ImageIndex`, 0 for none."""

    chunk: int
    bits: list[int]


class KeyGroup(NamedTuple):
    """Keys, and of how many of them an image must be a candidate: 1 is any, 2 is shared."""

    keys: tuple[str, ...]
    times: int


def class_key(class_id: int) -> str:
    """Return the key of the images with a segment of a stored class."""
    return f"class:{class_id}"


def split_key(split: str) -> str:
    """Return the key of the images of a split."""
    return f"split:{split}"


def status_key(status: Status) -> str:
    """Return the key of the images of a status."""
    return f"status:{status}"


def feed_candidates(
    dataset_id: int, changes: Iterable[EntryChange], facts: Mapping[bytes, LabelFacts]
) -> None:
    """Set the bits of what images gain by these changes.

    The caller holds the lock of the dataset's row: two writers of one bitmap would lose bits.
    """
    gained: dict[Slot, int] = defaultdict(int)
    for image_no, old, new in changes:
        if new is not None:
            chunk, bit = divmod(image_no, CHUNK)
            for key in _keys(new, facts) - _keys(old, facts):
                gained[Slot(key, chunk)] |= 1 << bit
    present = _read_slots(dataset_id, list(gained))
    insert_rows(
        ImageIndex,
        ("dataset_id", "key", "chunk", "bits"),
        [
            (dataset_id, slot.key, slot.chunk, _pack(bits | present.get(slot, 0)))
            for slot, bits in gained.items()
            if bits & ~present.get(slot, 0)
        ],
        known="replace",
    )


def find_candidates(
    dataset_id: int,
    groups: Sequence[Sequence[str]],
    *,
    after: int,
    limit: int,
    chunks: int = 32,
) -> Candidates:
    """Find up to `limit` image numbers above `after` that may match every group of keys.

    A group is matched by any of its keys. Opens up to `chunks` rows of the index per key,
    and only where every group has one; two queries, whatever the number of images.
    """
    table = connection.ops.quote_name(ImageIndex._meta.db_table)
    first, *others = groups
    also = "".join(
        f" AND EXISTS (SELECT 1 FROM {table} o WHERE o.dataset_id = i.dataset_id"
        f" AND o.key IN ({_places(keys)}) AND o.chunk = i.chunk)"
        for keys in others
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT i.chunk FROM {table} i WHERE i.dataset_id = %s"
            f" AND i.key IN ({_places(first)}) AND i.chunk >= %s{also}"
            " ORDER BY i.chunk LIMIT %s",
            [
                dataset_id,
                *first,
                max(after + 1, 0) // CHUNK,
                *(key for keys in others for key in keys),
                chunks + 1,
            ],
        )
        places = [chunk for (chunk,) in cursor.fetchall()]
    bitmaps = _read_slots(
        dataset_id,
        [Slot(key, chunk) for chunk in places[:chunks] for keys in groups for key in keys],
    )
    found: list[int] = []
    for chunk in places[:chunks]:
        for image_no in numbers_of(chunk, _match(groups, chunk, bitmaps)):
            if image_no <= after:
                continue
            if len(found) == limit:
                return Candidates(found, found[-1])
            found.append(image_no)
    return Candidates(found, places[chunks] * CHUNK - 1 if len(places) > chunks else None)


def keep_candidates(
    dataset_id: int, groups: Sequence[Sequence[str]], numbers: Sequence[int]
) -> list[int]:
    """Return those of these image numbers that may match every group; one query."""
    chunks = {image_no // CHUNK for image_no in numbers}
    keys = [key for group in groups for key in group]
    bitmaps = _read_slots(dataset_id, [Slot(key, chunk) for key in keys for chunk in chunks])
    bits = {chunk: _match(groups, chunk, bitmaps) for chunk in chunks}
    return [no for no in numbers if bits[no // CHUNK] >> no % CHUNK & 1]


def find_sizes(dataset_id: int, keys: Collection[str]) -> dict[str, KeySize]:
    """Return those keys that the index has, and how much of each; one query per 2,000 keys."""
    table = connection.ops.quote_name(ImageIndex._meta.db_table)
    sizes: dict[str, KeySize] = {}
    for batch in batched(keys, _PAIRS_AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT key, COUNT(*), MAX(chunk) FROM {table}"
                f" WHERE dataset_id = %s AND key IN ({_places(batch)}) GROUP BY key",
                [dataset_id, *batch],
            )
            sizes.update((key, KeySize(rows, last)) for key, rows, last in cursor.fetchall())
    return sizes


def iter_shared(
    dataset_id: int, groups: Sequence[KeyGroup], *, last_chunk: int
) -> Iterator[SharedImages]:
    """Yield the candidates of each group, a chunk at a time, up to `last_chunk`.

    Reads every bitmap of the keys: one query per 262,144 image numbers and 2,000 keys.
    """
    keys = sorted({key for group in groups for key in group.keys})
    for start in range(0, last_chunk + 1, _WINDOW):
        bitmaps = _read_window(dataset_id, keys, start)
        for chunk in sorted({slot.chunk for slot in bitmaps}):
            yield SharedImages(chunk, [_share(group, chunk, bitmaps) for group in groups])


def _read_window(dataset_id: int, keys: Sequence[str], start: int) -> dict[Slot, int]:
    table = connection.ops.quote_name(ImageIndex._meta.db_table)
    bitmaps: dict[Slot, int] = {}
    for batch in batched(keys, _PAIRS_AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT key, chunk, bits FROM {table} WHERE dataset_id = %s"
                f" AND key IN ({_places(batch)}) AND chunk >= %s AND chunk < %s",
                [dataset_id, *batch, start, start + _WINDOW],
            )
            for key, chunk, bits in cursor.fetchall():
                bitmaps[Slot(key, chunk)] = _unpack(bits)
    return bitmaps


def _share(group: KeyGroup, chunk: int, bitmaps: Mapping[Slot, int]) -> int:
    once = twice = 0
    for key in group.keys:
        bits = bitmaps.get(Slot(key, chunk), 0)
        twice |= once & bits
        once |= bits
    return once if group.times == 1 else twice


def _match(groups: Sequence[Sequence[str]], chunk: int, bitmaps: Mapping[Slot, int]) -> int:
    bits = -1
    for keys in groups:
        some = 0
        for key in keys:
            some |= bitmaps.get(Slot(key, chunk), 0)
        bits &= some
    return bits


def _places(values: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(values))


def _keys(entry: Entry | None, facts: Mapping[bytes, LabelFacts]) -> set[str]:
    if entry is None:
        return set()
    keys = {split_key(entry.split), status_key(entry.status)}
    if entry.label is not None:
        keys.update(map(class_key, facts[entry.label].counts.class_ids.tolist()))
    return keys


def _read_slots(dataset_id: int, slots: Sequence[Slot]) -> dict[Slot, int]:
    table = connection.ops.quote_name(ImageIndex._meta.db_table)
    present: dict[Slot, int] = {}
    for batch in batched(slots, _PAIRS_AT_ONCE):
        pairs = ", ".join(["(%s, %s)"] * len(batch))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT key, chunk, bits FROM {table} WHERE dataset_id = %s"
                f" AND (key, chunk) IN (VALUES {pairs})",
                [dataset_id, *(value for slot in batch for value in slot)],
            )
            for key, chunk, bits in cursor.fetchall():
                present[Slot(key, chunk)] = _unpack(bits)
    return present


def numbers_of(chunk: int, bits: int) -> Iterator[int]:
    """Yield in order the image numbers of the bitmap of a chunk."""
    while bits:
        # Arithmetic on 512 bytes per bit: about 1 ms for a full chunk.
        lowest = bits & -bits
        yield chunk * CHUNK + lowest.bit_length() - 1
        bits ^= lowest


def _pack(bits: int) -> bytes:
    # As short as the highest bit allows: a rare class takes a few bytes.
    return bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def _unpack(data: bytes | memoryview) -> int:
    return int.from_bytes(data, "little")
