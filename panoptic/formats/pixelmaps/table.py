"""What the pixels of semantic maps mean: three conventions, and the table that says which.

Of COCO categories the tools of the field make pixels in three ways that nothing in a PNG tells
apart (panopticapi's `panoptic2semantic_segmentation`, detectron2's `prepare_panoptic_fpn`, the
pixel maps of COCO-Stuff):

panopticapi   the category id; 0 is void
detectron2    stuff from 1 on in the order of the category ids, all things 0; 255 is void
coco_stuff    the category id less one; 255 is void

An export therefore writes `pixelmaps.json` beside its maps: convention, scheme of the category
ids, void, the folders that are splits, and for every value its category and name.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.errors import MalformedFile
from panoptic.formats.base import FileClass, Kind, Option, ReadOptions
from panoptic.formats.coco.categories import read_categories
from panoptic.formats.coco.fields import SCHEME, is_int
from panoptic.formats.json_stream import encode_json, write_object
from panoptic.formats.options import InvalidOption
from panoptic.formats.problems import ERROR, ProblemList

TABLE = "pixelmaps.json"
MAX_TABLE_BYTES = 2**24
MAX_VALUE = 2**16 - 1

# The value that is void, by convention.
VOIDS: Mapping[str, int] = {"panopticapi": 0, "detectron2": 255, "coco_stuff": 255}
_MEANING = (
    "what a pixel holds: panopticapi: the category id, 0 void; detectron2: stuff from 1 on, things"
    " 0, 255 void; coco_stuff: the category id less one, 255 void"
)
CONVENTION = Option("convention", _MEANING, tuple(VOIDS))
READ_CONVENTION = Option(
    "convention", f"{_MEANING}; table: what {TABLE} says", ("table", *CONVENTION.choices)
)

# detectron2's name of what all things become.
THINGS = FileClass("things", "things", "thing")


class PixelTable(NamedTuple):
    """What the values of a folder of maps mean; `splits` are the folders that are splits."""

    convention: str
    scheme: str
    void: int
    values: Mapping[int, FileClass]
    splits: tuple[str, ...] = ()


def value_of_classes(convention: str, kinds: Mapping[int, Kind]) -> Mapping[int, int | None]:
    """Value by category id; None for a category that the convention has no value for.

    A value may be one that no PNG of 8 bits holds, or the one of void.
    """
    if convention == "panopticapi":
        return {category: category or None for category in kinds}
    if convention == "coco_stuff":
        return {category: category - 1 if category else None for category in kinds}
    stuff = sorted(category for category, kind in kinds.items() if kind == "stuff")
    return dict.fromkeys(kinds, 0) | {category: value for value, category in enumerate(stuff, 1)}


def load_table(path: Path | None, options: ReadOptions) -> PixelTable:
    """The table at `path`, else one by the options `convention` and `classes`.

    Raises MalformedFile for files of another shape, and InvalidOption where neither is said.
    """
    if path is not None:
        return _parse_table(_load_json(path), path.name)
    convention = READ_CONVENTION.value_in(options.values)
    if convention not in VOIDS:
        raise InvalidOption("convention", f"there is no {TABLE} that says it; choose one")
    if options.classes is None:
        raise InvalidOption("classes", f"there is no {TABLE}; name a JSON file of COCO categories")
    content = _load_json(options.classes)
    entries = content.get("categories") if isinstance(content, dict) else content
    return _table_of_categories(convention, entries, options.classes.name)


def write_table(
    convention: str,
    scheme: str,
    bits: int,
    splits: Iterable[str],
    values: Sequence[tuple[int, Mapping[str, Any]]],
) -> bytes:
    """The content of `pixelmaps.json`; `values` are pairs of a value and its COCO category."""
    file = io.BytesIO()
    rows = sorted(values, key=lambda pair: pair[0])
    write_object(
        file,
        {
            "convention": convention,
            "scheme": scheme,
            "bits": bits,
            "void": VOIDS[convention],
            "splits": sorted(splits),
            "values": (encode_json({"value": value, **category}) for value, category in rows),
        },
    )
    return file.getvalue()


def _load_json(path: Path) -> Any:
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MAX_TABLE_BYTES else b""
    except OSError as error:
        raise MalformedFile(f"it cannot be read: {error.strerror}", file=path.name) from None
    if size > MAX_TABLE_BYTES:
        raise MalformedFile(f"{size} bytes are too many for a table", file=path.name)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedFile(f"it is no JSON: {error}", file=path.name) from None


def _parse_table(content: Any, file: str) -> PixelTable:
    def need(holds: bool, reason: str) -> None:
        if not holds:
            raise MalformedFile(reason, file=file)

    need(isinstance(content, dict), "it is no JSON object")
    convention, void = content.get("convention"), content.get("void")
    scheme, splits = content.get("scheme", SCHEME), content.get("splits", [])
    need(convention in CONVENTION.choices, f"convention {convention!r} is none of {list(VOIDS)}")
    need(_is_value(void), f"void is {void!r}, no value of a pixel")
    need(isinstance(scheme, str), "scheme is no text")
    need(_is_texts(splits), "splits is no list of folders")
    rows = content.get("values")
    need(isinstance(rows, list) and all(isinstance(row, dict) for row in rows), "no list of values")
    numbers = [row.get("value") for row in rows]
    need(all(map(_is_value, numbers)), "a value is no number of a pixel")
    need(void not in numbers, f"value {void} is void and a class")
    need(len(set(numbers)) == len(numbers), "a value is listed twice")
    categories = [row for row in rows if "id" in row]
    others = {str(row.get("name")) for row in rows if "id" not in row}
    need(others <= {THINGS.name}, "a value has no id of a category")
    classes = _classes_of(categories, file) if categories else ()
    by_id = {class_.external_id: class_ for class_ in classes}
    values = {row["value"]: by_id.get(row.get("id"), THINGS) for row in rows}
    return PixelTable(convention, scheme, void, values, tuple(splits))


def _table_of_categories(convention: str, entries: Any, file: str) -> PixelTable:
    if not isinstance(entries, list):
        raise MalformedFile("it holds no list of categories", file=file)
    classes = {int(class_.external_id): class_ for class_ in _classes_of(entries, file)}
    values: dict[int, FileClass] = {}
    kinds = {category: class_.kind for category, class_ in classes.items()}
    for category, value in value_of_classes(convention, kinds).items():
        if value is not None and value != VOIDS[convention]:
            is_of_things = convention == "detectron2" and kinds[category] == "thing"
            values[value] = THINGS if is_of_things else classes[category]
    return PixelTable(convention, SCHEME, VOIDS[convention], values)


def _classes_of(entries: Sequence[Any], file: str) -> tuple[FileClass, ...]:
    """Classes of COCO categories; MalformedFile for the first error in them."""
    problems = ProblemList()
    classes = read_categories(entries, file, problems, default="stuff")
    for problem in problems.as_tuple():
        if problem.severity == ERROR:
            raise MalformedFile(problem.message, file=file)
    return classes


def _is_value(number: object) -> bool:
    return is_int(number) and 0 <= number <= MAX_VALUE  # type: ignore[operator]


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and text for text in value)
