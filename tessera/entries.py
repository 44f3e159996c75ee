"""The images of a version as columns: a million of them open at once, by mmap, in any process.

A folder holds one file per column and `entries.json` with what is common to all. Rows are sorted
by the UTF-8 bytes of the name, so that an image is found by bisection.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

_FORM = 1
_DIGEST_BYTES = 32
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
        [entry] = self._rows(place, place + 1)
        return entry

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
        at = int(self.name_ends[begin - 1]) if begin else 0
        for stop in self.name_ends[begin:end].tolist():
            yield self.name_bytes[at:stop].tobytes().decode()
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


def load_entries(folder: Path) -> tuple[EntryTable, dict[str, Any]]:
    """Open a saved table without reading it, and return its facts.

    Raises FileNotFoundError where there is none, ValueError where it is of another form.
    """
    about = _read_about(folder)
    columns = {column: _open_column(folder / f"{column}.npy") for column in _COLUMNS}
    return EntryTable(**columns, split_names=tuple(about["split_names"])), about["facts"]


def change_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Replace the facts of a saved table."""
    _write_about(folder, {**_read_about(folder), "facts": dict(facts)})


def find_damage(folder: Path) -> Iterator[str]:
    """Yield the names of those files of a saved table in which a bit is wrong."""
    try:
        about = json.loads((folder / "entries.json").read_bytes())
        expected = about.pop("sha256")
        whole = expected == _sum_of(about)
    except (ValueError, KeyError, AttributeError, FileNotFoundError):
        whole = False
    if not whole:
        yield "entries.json"
        return
    for column in _COLUMNS:
        path = folder / f"{column}.npy"
        if not path.exists() or _sha256(path) != about["columns"].get(column):
            yield path.name


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


def changed_table(
    old: EntryTable, changed: Mapping[str, Entry], removed: Iterable[str]
) -> EntryTable:
    """Return a table with some entries changed or added, and others gone."""
    new = table_of(changed.values())
    found = {old.find(name) for name in {*removed, *changed}}
    gone = np.array(sorted(place for place in found if place is not None), np.int64)
    kept = np.delete(np.arange(len(old), dtype=np.int64), gone)
    before = np.array([old.place_for(entry.name) for entry in new], np.int64)
    # Rows by number: those of `old`, then those of `new`.
    rows = np.insert(kept, before - np.searchsorted(gone, before), len(old) + np.arange(len(new)))
    split_names, splits = _joined_splits(old, new, rows)
    name_bytes, name_ends = _joined_names(old, new, rows)
    columns = {
        column: np.concatenate([getattr(old, column), getattr(new, column)])[rows]
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


def _joined_splits(
    old: EntryTable, new: EntryTable, rows: NDArray[np.int64]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    names = [*old.split_names, *new.split_names]
    places = np.concatenate([old.splits, new.splits + len(old.split_names)])[rows]
    used = np.unique(places).tolist()
    split_names = tuple(sorted({names[place] for place in used}))
    becomes = np.zeros(len(names), np.int32)
    becomes[used] = [split_names.index(names[place]) for place in used]
    return split_names, becomes[places]


def _joined_names(
    old: EntryTable, new: EntryTable, rows: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    data = np.concatenate([old.name_bytes, new.name_bytes])
    ends = np.concatenate([old.name_ends, new.name_ends + len(old.name_bytes)])
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
    about: dict[str, Any] = json.loads((folder / "entries.json").read_text(encoding="utf-8"))
    if about["form"] != _FORM:
        raise ValueError(f"{folder}: form {about['form']}, this client reads {_FORM}")
    return about


def _write_about(folder: Path, about: dict[str, Any]) -> None:
    about.pop("sha256", None)
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


def _digests(rows: NDArray[np.uint8]) -> Iterator[bytes | None]:
    data = rows.tobytes()
    present = np.asarray(rows.any(axis=1))
    for place, is_there in enumerate(present.tolist()):
        at = place * _DIGEST_BYTES
        yield data[at : at + _DIGEST_BYTES] if is_there else None
