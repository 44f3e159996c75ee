"""The tables beside id maps: `segments.csv` and `classes.csv`, in UTF-8, with a line of names.

`segments.csv` has the columns file, id, class and, if it likes, crowd (0 or 1): the class, by
name, of every id of every map; `file` is the path of the map below the folder of maps.
`classes.csv` has the columns id, name and, if it likes, kind (thing, stuff or void) and color
(#rrggbb): what the numbers of maps of classes mean, and of which kind the classes of
`segments.csv` are. Without a kind a class is a thing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from panoptic.colors import format_color, parse_color
from panoptic.errors import MalformedFile
from panoptic.formats.base import ExportClass, FileClass, Kind

SEGMENTS, CLASSES = "segments.csv", "classes.csv"

# The largest number that any map holds.
MAX_NUMBER = 2**32 - 1

_LONGEST_LINE = 2**16
_MAX_CLASSES = 2**16


class SegmentRow(NamedTuple):
    """A line of `segments.csv`."""

    file: str
    number: int
    class_name: str
    crowd: bool


class NumberedClass(NamedTuple):
    """A line of `classes.csv`; `kind` None: void."""

    number: int
    name: str
    kind: Kind | None
    color: tuple[int, int, int] | None

    def as_file_class(self) -> FileClass:
        """Known by its name; of the class of an unsaid kind a taxonomy decides."""
        return FileClass(self.name, self.name, self.kind or "thing", self.color)


def iter_segment_rows(path: Path) -> Iterator[SegmentRow]:
    """The lines of `segments.csv`, one at a time; raises MalformedFile for a wrong one."""
    for line, row in _iter_rows(path, ("file", "id", "class")):
        number = _number(row["id"], path, line)
        crowd = row.get("crowd", "") or "0"
        if not row["file"] or not row["class"] or crowd not in ("0", "1") or not number:
            reason = "a file, an id of 1 or more, a class and a crowd of 0 or 1 are needed"
            raise MalformedFile(f"line {line}: {reason}", file=path.name)
        yield SegmentRow(row["file"], number, row["class"], crowd == "1")


def read_classes(path: Path) -> tuple[NumberedClass, ...]:
    """The lines of `classes.csv`; raises MalformedFile, also for ids or names that come twice."""
    classes: dict[int, NumberedClass] = {}
    names: set[str] = set()
    for line, row in _iter_rows(path, ("id", "name")):
        kind, color = row.get("kind", "") or "thing", row.get("color", "")
        number = _number(row["id"], path, line)
        try:
            parsed = parse_color(color) if color else None
        except ValueError as error:
            raise MalformedFile(f"line {line}: {error}", file=path.name) from None
        if not row["name"] or kind not in ("thing", "stuff", "void"):
            reason = "a name and a kind of thing, stuff or void are needed"
            raise MalformedFile(f"line {line}: {reason}", file=path.name)
        if number in classes or row["name"] in names or len(classes) == _MAX_CLASSES:
            reason = f"the class {number}, {row['name']!r} comes twice, or is one too many"
            raise MalformedFile(f"line {line}: {reason}", file=path.name)
        of_kind: dict[str, Kind] = {"thing": "thing", "stuff": "stuff"}
        classes[number] = NumberedClass(number, row["name"], of_kind.get(kind), parsed)
        names.add(row["name"])
    return tuple(classes.values())


def has_columns(path: Path, columns: Sequence[str]) -> bool:
    """Whether the first line of a table names these columns."""
    try:
        return next(_iter_rows(path, columns, with_header=True), None) is not None
    except MalformedFile:
        return False


def encode_segments(rows: Iterable[SegmentRow]) -> Iterator[bytes]:
    """The lines of a `segments.csv`."""
    yield _encode_line(("file", "id", "class", "crowd"))
    for row in rows:
        yield _encode_line((row.file, row.number, row.class_name, int(row.crowd)))


def encode_classes(classes: Sequence[ExportClass], numbers: Mapping[int, int]) -> bytes:
    """The content of a `classes.csv`; `numbers` by class id."""
    lines = [_encode_line(("id", "name", "kind", "color"))]
    for each in sorted(classes, key=lambda each: numbers[each.class_id]):
        color = format_color(each.color)
        lines.append(_encode_line((numbers[each.class_id], each.name, each.kind, color)))
    return b"".join(lines)


def _encode_line(values: Sequence[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


def _iter_rows(
    path: Path, needed: Sequence[str], *, with_header: bool = False
) -> Iterator[tuple[int, dict[str, str]]]:
    """Number of the line and its cells by column; empty lines are left out."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            # A line without an end would be read whole, however long it is.
            reader = csv.reader(iter(lambda: file.readline(_LONGEST_LINE), ""), strict=True)
            columns = [name.strip().lower() for name in next(reader, [])]
            if not set(needed) <= set(columns):
                raise MalformedFile(f"it has no columns {', '.join(needed)}", file=path.name)
            if with_header:
                yield 1, {}
            for cells in reader:
                if len(cells) not in (0, len(columns)):
                    reason = f"{len(columns)} values are needed, there are {len(cells)}"
                    raise MalformedFile(f"line {reader.line_num}: {reason}", file=path.name)
                if cells:
                    row = zip(columns, cells, strict=True)
                    # Spaces may follow a comma, but they may also begin the name of a file.
                    stripped = {
                        name: cell if name == "file" else cell.strip() for name, cell in row
                    }
                    yield reader.line_num, stripped
    except (csv.Error, UnicodeDecodeError) as error:
        raise MalformedFile(f"it is no table in UTF-8: {error}", file=path.name) from None
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
        raise MalformedFile(reason, file=path.name) from None


def _number(text: str, path: Path, line: int) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MAX_NUMBER:
        return int(text)
    reason = f"an id is a number of 0 to {MAX_NUMBER}, not {text[:40]!r}"
    raise MalformedFile(f"line {line}: {reason}", file=path.name)
