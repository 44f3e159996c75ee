"""The images of a version as columns: a million of them open at once, by mmap, in any process.

A folder holds one file per column and `entries.json` with what is common to all. Rows are sorted
by the UTF-8 bytes of the name, so that an image is found by bisection.
"""

from __future__ import annotations

import hashlib
import json
import operator
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

_FORM = 1
_DIGEST_BYTES = 32
_NO_DIGEST = bytes(_DIGEST_BYTES)
_ROWS_AT_ONCE = 8_192
_HEADER_BYTES = 128  # of a .npy file
STATUSES = ("unlabelled", "pre-labelled", "labelled", "reviewed")


class Entry(NamedTuple):
    """What a version says of one image. Digests are 32 bytes or None; split "" means none.

    height, width : of the photograph or the label, in pixels; 0 where neither is there
    """

    name: str
    number: int
    image: bytes | None = None
    label: bytes | None = None
    attributes: bytes | None = None
    split: str = ""
    status: str = "unlabelled"
    height: int = 0
    width: int = 0

    def digests(self) -> list[bytes]:
        """Return the blobs that it names."""
        found = (self.image, self.label, self.attributes)
        return [digest for digest in found if digest is not None]


@dataclass(frozen=True, eq=False)
class EntryTable:
    """Entries sorted by name.

    name_bytes : uint8, the names one behind the other; name_ends : int64 (n,), where each ends
    numbers : int64 (n,); images, labels, attributes : uint8 (n, 32), all zero where there is none
    splits : int32 (n,), places in `split_names`; statuses : uint8 (n,), places in `STATUSES`
    sizes : int32 (n, 2), height and width
    """

    name_bytes: NDArray[np.uint8]
    name_ends: NDArray[np.int64]
    numbers: NDArray[np.int64]
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    attributes: NDArray[np.uint8]
    splits: NDArray[np.int32]
    statuses: NDArray[np.uint8]
    sizes: NDArray[np.int32]
    split_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Entry]:
        for begin in range(0, len(self), _ROWS_AT_ONCE):
            yield from self._rows(begin, min(begin + _ROWS_AT_ONCE, len(self)))

    def __getitem__(self, place: int) -> Entry:
        # Not by `_rows`, whose slices and generators take twice as long for one image.
        height, width = self.sizes[place].tolist()
        return Entry(
            self.name(place),
            int(self.numbers[place]),
            _digest(self.images[place]),
            _digest(self.labels[place]),
            _digest(self.attributes[place]),
            self.split_names[self.splits[place]],
            STATUSES[self.statuses[place]],
            height,
            width,
        )

    def name(self, place: int) -> str:
        """Return the name of an image."""
        [name] = self._names(place, place + 1)
        return name

    def find(self, name: str) -> int | None:
        """Return the place of an image, None where there is none of this name."""
        place = self.place_for(name)
        return place if place < len(self) and self.name(place) == name else None

    def place_for(self, name: str) -> int:
        """Return how many names come before this one, which need not be there."""
        wanted, low, high = name.encode(), 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.name(middle).encode() < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    def digests(self, columns: Sequence[str]) -> list[bytes]:
        """Return the digests in some of `images`, `labels` and `attributes`, each once."""
        wanted: dict[bytes, None] = {}
        for column in columns:
            rows: NDArray[np.uint8] = getattr(self, column)
            data = np.ascontiguousarray(rows[rows.any(axis=1)]).tobytes()
            wanted.update(
                (data[at : at + _DIGEST_BYTES], None) for at in range(0, len(data), _DIGEST_BYTES)
            )
        return list(wanted)

    def names(self) -> Iterator[str]:
        """Yield the names in their order."""
        return self._names(0, len(self))

    def _rows(self, begin: int, end: int) -> Iterator[Entry]:
        rows = slice(begin, end)
        splits = (self.split_names[place] for place in self.splits[rows].tolist())
        statuses = (STATUSES[place] for place in self.statuses[rows].tolist())
        digests = (_digests(column[rows]) for column in (self.images, self.labels, self.attributes))
        for name, number, image, label, attributes, split, status, (height, width) in zip(
            self._names(begin, end),
            self.numbers[rows].tolist(),
            *digests,
            splits,
            statuses,
            self.sizes[rows].tolist(),
            strict=True,
        ):
            yield Entry(name, number, image, label, attributes, split, status, height, width)

    def _names(self, begin: int, end: int) -> Iterator[str]:
        first = int(self.name_ends[begin - 1]) if begin else 0
        stops = self.name_ends[begin:end].tolist()
        data = self.name_bytes[first : stops[-1] if stops else first].tobytes()
        at = first
        for stop in stops:
            yield data[at - first : stop - first].decode()
            at = stop

    def save(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write the columns into a new folder; `facts` are kept beside them, as JSON."""
        folder.mkdir(parents=True)
        sums = {}
        for column in _COLUMNS:
            path = folder / f"{column}.npy"
            with path.open("wb") as file:
                np.save(file, getattr(self, column))
                file.flush()
                os.fsync(file.fileno())
            sums[column] = _sha256(path)
        about = {
            "form": _FORM,
            "split_names": list(self.split_names),
            "facts": dict(facts),
            "columns": sums,
        }
        _write_about(folder, about)


_COLUMNS = (
    "name_bytes", "name_ends", "numbers", "images", "labels", "attributes", "splits", "statuses",
    "sizes",
)  # fmt: skip


class DamagedTable(ValueError):
    """A saved table cannot be what was saved; `file` is the path of what is wrong in it."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file


def load_entries(folder: Path) -> tuple[EntryTable, dict[str, Any]]:
    """Open a saved table, and return its facts; what is read of it later stays on the disk.

    Every byte is looked at once, half a second for a million images: a wrong bit would put
    an image into another split, and a file that is cut off would kill whoever reads its end.

    Raises FileNotFoundError where there is none, `DamagedTable` where a bit is wrong or it is of
    another form.
    """
    about = _read_about(folder)
    for name in _damaged_columns(folder, about):
        raise DamagedTable(folder / name, "it is damaged or cut off")
    columns = {column: _open_column(folder / f"{column}.npy") for column in _COLUMNS}
    return EntryTable(**columns, split_names=tuple(about["split_names"])), about["facts"]


def load_facts(folder: Path) -> dict[str, Any]:
    """Return the facts of a saved table, whatever became of its columns; raises the same."""
    facts: dict[str, Any] = _read_about(folder)["facts"]
    return facts


def change_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Replace the facts of a saved table."""
    _write_about(folder, {**_read_about(folder), "facts": dict(facts)})


def find_damage(folder: Path) -> Iterator[str]:
    """Yield the names of those files of a saved table in which a bit is wrong."""
    try:
        about = _read_about(folder)
    except (DamagedTable, FileNotFoundError):
        yield "entries.json"
        return
    yield from _damaged_columns(folder, about)


def table_of(entries: Iterable[Entry]) -> EntryTable:
    """Return entries as a table, sorted by name."""
    rows = sorted(entries, key=lambda entry: entry.name.encode())
    names = [entry.name.encode() for entry in rows]
    split_names = tuple(sorted({entry.split for entry in rows}))
    places = {split: place for place, split in enumerate(split_names)}
    return EntryTable(
        name_bytes=np.frombuffer(b"".join(names), np.uint8),
        name_ends=np.cumsum([len(name) for name in names], dtype=np.int64),
        numbers=np.array([entry.number for entry in rows], np.int64),
        images=_column([entry.image for entry in rows]),
        labels=_column([entry.label for entry in rows]),
        attributes=_column([entry.attributes for entry in rows]),
        splits=np.array([places[entry.split] for entry in rows], np.int32),
        statuses=np.array([STATUSES.index(entry.status) for entry in rows], np.uint8),
        sizes=np.array([(entry.height, entry.width) for entry in rows], np.int32).reshape(-1, 2),
        split_names=split_names,
    )


def joined_table(parts: Sequence[EntryTable]) -> EntryTable:
    """Return the entries of several tables, in any order, as one; of one name the last entry."""
    joined = parts[0] if parts else table_of([])
    if len(parts) > 1:
        joined = _joined(parts)
    data, ends = joined.name_bytes.tobytes(), [0, *joined.name_ends.tolist()]
    names = [data[begin:end] for begin, end in pairwise(ends)]
    if all(map(operator.lt, names, names[1:])):
        return joined
    rows = sorted(range(len(names)), key=names.__getitem__)
    last = [
        row
        for place, row in enumerate(rows)
        if place + 1 == len(rows) or names[row] != names[rows[place + 1]]
    ]
    return _taken(joined, np.array(last, np.int64))


def changed_table(
    old: EntryTable, changed: Mapping[str, Entry], removed: Iterable[str]
) -> EntryTable:
    """Return a table with some entries changed or added, and others gone."""
    return overlaid_table(old, table_of(changed.values()), removed)


def overlaid_table(old: EntryTable, new: EntryTable, removed: Iterable[str]) -> EntryTable:
    """Return a table with the entries of another one laid over its own, and others gone."""
    changed = list(new.names())
    found = {old.find(name) for name in {*removed, *changed}}
    gone = np.array(sorted(place for place in found if place is not None), np.int64)
    kept = np.delete(np.arange(len(old), dtype=np.int64), gone)
    before = np.array([old.place_for(name) for name in changed], np.int64)
    # Rows by number: those of `old`, then those of `new`.
    rows = np.insert(kept, before - np.searchsorted(gone, before), len(old) + np.arange(len(new)))
    return _taken(_joined([old, new]), rows)


def _joined(parts: Sequence[EntryTable]) -> EntryTable:
    """Return tables one behind the other."""
    split_names = tuple(sorted({name for part in parts for name in part.split_names}))
    columns: dict[str, NDArray[Any]] = {
        column: np.concatenate([getattr(part, column) for part in parts])
        for column in _COLUMNS
        if column not in ("name_ends", "splits")
    }
    begins = accumulate((len(part.name_bytes) for part in parts), initial=0)
    columns["name_ends"] = np.concatenate(
        [part.name_ends + begin for part, begin in zip(parts, begins, strict=False)]
    )
    columns["splits"] = np.concatenate(
        [
            np.array([split_names.index(name) for name in part.split_names], np.int32)[part.splits]
            for part in parts
        ]
    )
    return EntryTable(**columns, split_names=split_names)


def _taken(table: EntryTable, rows: NDArray[np.int64]) -> EntryTable:
    """Return some rows of a table, in another order."""
    split_names, splits = _taken_splits(table, rows)
    name_bytes, name_ends = _taken_names(table, rows)
    columns = {
        column: getattr(table, column)[rows]
        for column in _COLUMNS
        if column not in ("name_bytes", "name_ends", "splits")
    }
    return EntryTable(
        name_bytes=name_bytes,
        name_ends=name_ends,
        splits=splits,
        split_names=split_names,
        **columns,
    )


def _taken_splits(
    table: EntryTable, rows: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    names, places = table.split_names, table.splits[rows]
    used = np.unique(places).tolist()
    split_names = tuple(sorted({names[place] for place in used}))
    becomes = np.zeros(len(names), np.int32)
    becomes[used] = [split_names.index(names[place]) for place in used]
    return split_names, becomes[places]


def _taken_names(
    table: EntryTable, rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    data, ends = table.name_bytes, table.name_ends
    begins = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[: len(ends)]
    # Rows that follow each other are copied at once: there are as many stretches as changes.
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    firsts = rows[np.concatenate([np.zeros(1, np.int64), breaks])[: len(rows)]]
    lasts = rows[np.append(breaks, len(rows))[: len(rows)] - 1]
    stretches = zip(begins[firsts].tolist(), ends[lasts].tolist(), strict=True)
    joined = [data[begin:end] for begin, end in stretches]
    names = np.concatenate(joined) if joined else np.zeros(0, np.uint8)
    return names, np.cumsum((ends - begins)[rows], dtype=np.int64)


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / "entries.json"
    try:
        about: dict[str, Any] = json.loads(path.read_bytes())
        form, expected = about["form"], about.pop("sha256")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedTable(path, "it is damaged or cut off") from error
    if form != _FORM:
        raise DamagedTable(path, f"form {form}, this client reads {_FORM}")
    if expected != _sum_of(about):
        raise DamagedTable(path, "it is damaged")
    return about


def _damaged_columns(folder: Path, about: Mapping[str, Any]) -> Iterator[str]:
    for column in _COLUMNS:
        path = folder / f"{column}.npy"
        if not path.exists() or _sha256(path) != about["columns"].get(column):
            yield path.name


def _write_about(folder: Path, about: dict[str, Any]) -> None:
    new = folder / f"entries.json.{uuid.uuid4().hex}.new"
    with new.open("w", encoding="utf-8") as text:
        json.dump({**about, "sha256": _sum_of(about)}, text)
        text.flush()
        os.fsync(text.fileno())
    new.replace(folder / "entries.json")


def _sum_of(about: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open_column(path: Path) -> NDArray[Any]:
    # A column without rows has no bytes that could be mapped.
    mode: Literal["r"] | None = "r" if path.stat().st_size > _HEADER_BYTES else None
    column: NDArray[Any] = np.load(path, mmap_mode=mode, allow_pickle=False)
    # Single rows of numpy's memmap class cost ten times those of a plain array over it.
    return column.view(np.ndarray)


def _column(digests: Sequence[bytes | None]) -> NDArray[np.uint8]:
    none = bytes(_DIGEST_BYTES)
    data = b"".join(digest or none for digest in digests)
    return np.frombuffer(data, np.uint8).reshape(-1, _DIGEST_BYTES)


def _digest(row: NDArray[np.uint8]) -> bytes | None:
    data = row.tobytes()
    return None if data == _NO_DIGEST else data


def _digests(rows: NDArray[np.uint8]) -> Iterator[bytes | None]:
    data = rows.tobytes()
    present = np.asarray(rows.any(axis=1))
    for place, is_there in enumerate(present.tolist()):
        at = place * _DIGEST_BYTES
        yield data[at : at + _DIGEST_BYTES] if is_there else None
