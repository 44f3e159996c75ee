"""Tables that give classes colours: `label_colors.txt`, `labelmap.txt`, `dataset_meta.json`.

`label_colors.txt` (CamVid) has lines `red green blue name`; `labelmap.txt` (CVAT, Datumaro)
has lines `name:red,green,blue:parts:actions`; `dataset_meta.json` (Datumaro) has `label_map`,
a name for each number, and `segmentation_colors` in the same order. Empty lines and those that
start with # say nothing in the two lists. Where a table has no colours at all its rows have
those of VOC's palette, in order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from os import fstat
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from panoptic.colors import Color, distinct_color
from panoptic.errors import MalformedFile, PanopticError
from panoptic.formats.base import ExportClass
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.runs import Runs

LABEL_COLORS, LABELMAP, DATASET_META = "label_colors.txt", "labelmap.txt", "dataset_meta.json"

_MAX_TABLE_BYTES = 2**22


class NamedColor(NamedTuple):
    """A row; `color` None: no pixel can be of this class."""

    name: str
    color: Color | None


class ColorTable(NamedTuple):
    """Rows in the order of their file, names and colours unique.

    background : the row that the file itself calls background, as only JSON does
    """

    rows: tuple[NamedColor, ...]
    background: str | None = None


class UnwritableClass(PanopticError):
    """A class has a name that would break the table it is written to."""

    code = "unwritable_class"

    def __init__(self, name: str, table: str) -> None:
        super().__init__(f"the name {name!r} of a class cannot stand in {table}")
        self.name, self.table = name, table


def voc_color(index: int) -> Color:
    """VOC's colour of a number: its bits, lowest first, go to red, green, blue in turn, and there
    from the highest bit down. No two numbers below 2^24 share one."""
    red, green, blue = (
        sum((index >> (3 * step + channel) & 1) << (7 - step) for step in range(8))
        for channel in range(3)
    )
    return red, green, blue


VOC_PALETTE: tuple[Color, ...] = tuple(voc_color(index) for index in range(256))


def color_word(color: Color) -> int:
    """R + 256 G + 65536 B, as `png_read.read_value_runs` gives colours."""
    red, green, blue = color
    return red + (green << 8) + (blue << 16)


def show_color(word: int) -> str:
    """`(192, 0, 128)`, of a word."""
    return f"({word & 255}, {word >> 8 & 255}, {word >> 16})"


def raise_unknown_colors(runs: Runs, strange: Sequence[int], file: str) -> NoReturn:
    """Raise MalformedFile that counts the pixels of these words, and names the first ones."""
    pixels = int(runs.lengths[np.isin(runs.values, strange)].sum())
    # A photograph has millions of them, of which five are shown.
    told = list_some([*map(show_color, strange[:5]), *strange[5:]], 5)
    reason = f"{pixels} pixels have {len(strange)} colours that no class has: {told}"
    raise MalformedFile(reason, file=file)


def read_text(path: Path, most: int = _MAX_TABLE_BYTES) -> str:
    """A small text file in UTF-8; MalformedFile for any other."""
    try:
        with path.open("rb") as file:
            size = fstat(file.fileno()).st_size
            # Not `most`: room is made at once for all that is asked for.
            content = file.read(size) if size <= most else b""
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
        raise MalformedFile(reason, file=path.name) from None
    if size > most:
        raise MalformedFile(f"it has more than {most} bytes", file=path.name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is no UTF-8"
        raise MalformedFile(reason, file=path.name) from None


def read_color_table(path: Path) -> ColorTable:
    """The table of a file of any of the three kinds, told apart by what it holds."""
    text = read_text(path)
    if path.suffix.lower() == ".json":
        table = _parse_meta(text, path.name)
    else:
        parse = _parse_labelmap_row if _is_labelmap(text) else _parse_colors_row
        table = ColorTable(tuple(_parse_rows(text, parse, path.name)))
    rows = table.rows
    if rows and all(row.color is None for row in rows):
        rows = tuple(NamedColor(row.name, voc_color(n)) for n, row in enumerate(rows))
    _check_rows(rows, path.name)
    return table._replace(rows=rows)


def encode_label_colors(rows: Iterable[NamedColor]) -> bytes:
    """The content of a `label_colors.txt`; UnwritableClass for a name that cannot be read back."""
    lines = []
    for name, color in rows:
        check_class_name(name, LABEL_COLORS)
        lines.append(" ".join([*map(str, color or ()), name]) + "\n")
    return "".join(lines).encode()


def encode_labelmap(rows: Iterable[NamedColor]) -> bytes:
    """The content of a `labelmap.txt`; UnwritableClass for a name that cannot be read back."""
    lines = ["# label:color_rgb:parts:actions\n"]
    for name, color in rows:
        check_class_name(name, LABELMAP, ":#")
        lines.append(f"{name}:{','.join(map(str, color or ()))}::\n")
    return "".join(lines).encode()


def check_class_name(name: str, table: str, forbidden: str = "") -> None:
    """Raise UnwritableClass for an empty name, one with space around it or with these signs."""
    if name != name.strip() or not name or any(sign in name for sign in ("\n", "\r", *forbidden)):
        raise UnwritableClass(name, table)


def assign_colors(
    classes: Sequence[ExportClass], reserved: Iterable[Color], table: str
) -> tuple[dict[int, Color], tuple[Problem, ...]]:
    """A colour of its own for each class, by class id, and a warning where it is another than
    the taxonomy's; `reserved` colours mean something else."""
    taken = set(reserved)
    colors: dict[int, Color] = {}
    ordered = sorted(classes, key=lambda class_: class_.class_id)
    for class_ in ordered:
        if class_.color not in taken:
            colors[class_.class_id] = class_.color
            taken.add(class_.color)
    problems = []
    for class_ in ordered:
        if class_.class_id not in colors:
            free = next(c for c in map(distinct_color, count()) if c not in taken)
            colors[class_.class_id] = free
            taken.add(free)
            message = f"class {class_.name} is written as {free}: {class_.color} is taken"
            problems.append(warn("changed_color", message, file=table))
    return colors, tuple(problems)


def _lines(text: str) -> list[tuple[int, str]]:
    """Number and content of the lines that say something."""
    stripped = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]


def _is_labelmap(text: str) -> bool:
    """By its first row: colours come first in the other kind."""
    _, first = next(iter(_lines(text)), (0, ""))
    return ":" in first and not first.split()[0].isdecimal()


def _parse_rows(text: str, parse: Callable[[str], NamedColor], file: str) -> list[NamedColor]:
    rows = []
    for number, line in _lines(text):
        try:
            rows.append(parse(line))
        except ValueError as error:
            raise MalformedFile(f"line {number}: {error}", file=file) from None
    return rows


def _parse_colors_row(line: str) -> NamedColor:
    parts = line.split(maxsplit=3)
    if len(parts) == 1:
        return NamedColor(line, None)
    if len(parts) != 4:
        raise ValueError(f"'red green blue name' is needed, not {line[:80]!r}")
    return NamedColor(parts[3], _color(parts[:3]))


def _parse_labelmap_row(line: str) -> NamedColor:
    parts = [part.strip() for part in line.split(":")]
    if len(parts) != 4 or not parts[0]:
        raise ValueError(f"'name:red,green,blue:parts:actions' is needed, not {line[:80]!r}")
    return NamedColor(parts[0], _color(parts[1].split(",")) if parts[1] else None)


def _color(parts: Sequence[Any]) -> Color:
    if len(parts) == 3 and all(str(part).strip().isdecimal() for part in parts):
        red, green, blue = (int(part) for part in parts)
        if max(red, green, blue) <= 255:
            return red, green, blue
    raise ValueError(f"a colour is three numbers of 0 to 255, not {', '.join(map(str, parts))!r}")


def _parse_meta(text: str, file: str) -> ColorTable:
    try:
        content = json.loads(text)
        names = list(content["label_map"].values())
        given = content.get("segmentation_colors") or [None] * len(names)
        if not all(isinstance(name, str) for name in names) or len(given) != len(names):
            raise ValueError("label_map needs names, and segmentation_colors one entry for each")
        colors = [None if color is None else _color(color) for color in given]
        background = content["label_map"].get(content.get("background_label"))
    except RecursionError:
        raise MalformedFile("it is nested too deeply", file=file) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = "" if isinstance(error, (TypeError, KeyError, AttributeError)) else f": {error}"
        wanted = "it is no JSON with label_map and segmentation_colors"
        raise MalformedFile(f"{wanted}{reason}", file=file) from None
    rows = tuple(NamedColor(name, color) for name, color in zip(names, colors, strict=True))
    return ColorTable(rows, background)


def _check_rows(rows: Sequence[NamedColor], file: str) -> None:
    if not rows:
        raise MalformedFile("it names no class", file=file)
    names: set[str] = set()
    owners: dict[Color, str] = {}
    for name, color in rows:
        if name in names:
            raise MalformedFile(f"two classes are called {name!r}", file=file)
        names.add(name)
        if color is None:
            continue
        if color in owners:
            both = f"{owners[color]!r} and {name!r}"
            raise MalformedFile(f"the classes {both} have one colour, {color}", file=file)
        owners[color] = name
