"""The images of a version as columns: a million of them open at once, by mmap, in any process.

A folder holds one file per column and `entries.json` with what is common to all. Rows are sorted
by the UTF-8 bytes of the name, so that an image is found by bisection.
"""

from __future__ import annotations

import json
import os
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
        wanted, low, high = name.encode(), 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.name(middle).encode() < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and self.name(low) == name else None

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
        for column in _COLUMNS:
            with (folder / f"{column}.npy").open("wb") as file:
                np.save(file, getattr(self, column))
                file.flush()
                os.fsync(file.fileno())
        about = {"form": _FORM, "split_names": list(self.split_names), "facts": dict(facts)}
        with (folder / "entries.json").open("w", encoding="utf-8") as text:
            json.dump(about, text)
            text.flush()
            os.fsync(text.fileno())


_COLUMNS = (
    "name_bytes", "name_ends", "numbers", "images", "labels", "attributes", "splits", "statuses",
    "sizes",
)  # fmt: skip


def load_entries(folder: Path) -> tuple[EntryTable, dict[str, Any]]:
    """Open a saved table without reading it, and return its facts.

    Raises FileNotFoundError where there is none, ValueError where it is of another form.
    """
    about = json.loads((folder / "entries.json").read_text(encoding="utf-8"))
    if about["form"] != _FORM:
        raise ValueError(f"{folder}: form {about['form']}, this client reads {_FORM}")
    columns = {column: _open_column(folder / f"{column}.npy") for column in _COLUMNS}
    return EntryTable(**columns, split_names=tuple(about["split_names"])), about["facts"]


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
    gone = {*removed, *changed}
    kept = (entry for entry in old if entry.name not in gone)
    return table_of([*kept, *changed.values()])


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
