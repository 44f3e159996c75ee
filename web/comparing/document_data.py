"""A comparison as one JSON document, and as a table: a row for each change of segments."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from datasets_app.comparison import kind_of
from datasets_app.comparison_bodies import comparison_json
from datasets_app.pixels.images import ImageDiff, box_json, iter_image_diffs
from labels_app.reading import Reading
from panoptic.changes import Change, SegmentSide
from web.comparing.document import Diff

# What a spreadsheet takes for a formula when a cell begins with it.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS = (
    "image_number", "image", "image_kind", "facets", "change", "flags",
    "old_segments", "old_classes", "old_area", "new_segments", "new_classes", "new_area",
    "iou", "boundary_iou", "changed_pixels", "x", "y", "width", "height",
)  # fmt: skip


def iter_json(diff: Diff) -> Iterator[bytes]:
    """Yield the API's body of the comparison with the API's body of each image inside.

    `listed` says how many images the list has, of which `changed_images` holds the first.
    """
    body = comparison_json(diff.sides.old, diff.sides.new, diff.comparison, diff.read_by)
    body["address"] = diff.address
    body["listed"] = diff.total
    yield orjson.dumps(body)[:-1] + b',"changed_images":['
    for place, found in enumerate(_diffs(diff)):
        image = found.to_json() | {"kind": kind_of(found.change)}
        yield (b",\n" if place else b"\n") + orjson.dumps(image)
    yield b"\n]}\n"


def iter_csv(diff: Diff) -> Iterator[str]:
    """Yield the table, with a head. An image of which no segment changed has a row too."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for found in _diffs(diff):
        changes: Iterable[Change | None] = found.diff.changes if found.diff else ()
        for change in changes or (None,):
            cells = [*_image_cells(found), *_change_cells(change, diff.reading)]
            yield writer.writerow([_harmless(cell) for cell in cells])


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _diffs(diff: Diff) -> Iterator[ImageDiff]:
    return iter_image_diffs(diff.sides.old, diff.sides.new, diff.numbers, reading=diff.reading)


def _image_cells(found: ImageDiff) -> list[Any]:
    change = found.change
    return [change.image_no, found.name, kind_of(change).value, " ".join(change.facets)]


def _change_cells(change: Change | None, reading: Reading) -> list[Any]:
    if change is None:
        return [None] * (len(COLUMNS) - 4)
    return [
        change.kind.value,
        " ".join(sorted(change.flags)),
        *_side_cells(change.old, reading),
        *_side_cells(change.new, reading),
        _ratio(change.iou),
        _ratio(change.boundary_iou),
        change.changed_pixels,
        *box_json(change.box),
    ]


def _side_cells(side: tuple[SegmentSide, ...], reading: Reading) -> list[Any]:
    ids = " ".join(str(one.segment.segment_id) for one in side)
    names = "; ".join(reading.classes[one.segment.class_id].name for one in side)
    return [ids, names, sum(one.area for one in side) if side else None]


def _ratio(number: float | None) -> float | None:
    return None if number is None else round(number, 6)


def _harmless(cell: Any) -> Any:
    """Return a cell that no spreadsheet runs: text that begins like a formula is quoted."""
    if isinstance(cell, str) and cell.startswith(_FORMULAS):
        return f"'{cell}"
    return cell
