"""COCO panoptic, read: one RGB PNG per image, id = R + 256·G + 65536·B, and a JSON table.

What the official tools take on trust is checked: ids of PNG and table agree both ways, every
id is there once, every category is declared. Areas and boxes are taken from the pixels; a claim
that differs is a warning.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from panoptic.errors import MalformedFile, PanopticError
from panoptic.formats.base import Binding, BoundClass, LabelledImage, ReadOptions
from panoptic.formats.coco.fields import (
    Claim,
    check_claims,
    claim_of,
    id_key,
    is_segment_id,
    read_crowd,
    read_image_entry,
    read_row,
)
from panoptic.formats.coco.source import CocoItem, CocoSource
from panoptic.formats.painting import report_joined_stuff
from panoptic.formats.paths import member_path
from panoptic.formats.photos import check_size, locate_photo
from panoptic.formats.problems import WARNING, Problem, describe_ids, has_errors, problem_of
from panoptic.label import Label, Segment, label_from_runs
from panoptic.png_read import read_id_runs
from panoptic.runs import Measures, measure_runs, relabel_runs
from panoptic.segments import MAX_SEGMENT_ID


def open_panoptic(path: Path, options: ReadOptions) -> CocoSource:
    """Scan the JSON; the PNGs lie in `options.labels`, else in the JSON's path without .json."""
    folder = options.labels or path.with_suffix("")
    return CocoSource(
        path, folder=folder, needs_kinds=True, name_from_annotation=True, watch=options.watch
    )


def read_panoptic_item(item: CocoItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    try:
        return _read(item, binding, options)
    except PanopticError as error:
        problem = problem_of(error, file=item.file, image=item.name)
        return LabelledImage(item.name, 0, 0, None, problems=(problem,))


class _Entry(NamedTuple):
    """A checked entry of segments_info."""

    info: Mapping[str, Any]
    bound: BoundClass
    row: Segment


def _read(item: CocoItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    entry = json.loads(item.image)
    image = read_image_entry(entry, item.file, item.name)
    photo = locate_photo(options.images, entry.get("file_name") or item.name)
    found = list(photo.problems)
    label = None
    if item.annotations:
        label = _read_label(item, image.size, binding, found)
    size = label.shape if label else image.size or next(iter(photo.sizes), (0, 0))
    if size != (0, 0):
        found += check_size(photo, size, item.name)
    return LabelledImage(
        item.name,
        *size,
        None if has_errors(found) else label,
        photo.path,
        image.attributes,
        tuple(found),
    )


def _read_label(
    item: CocoItem, size: tuple[int, int] | None, binding: Binding, found: list[Problem]
) -> Label | None:
    if len(item.annotations) > 1:
        reason = f"the image has {len(item.annotations)} annotations; there is one per image"
        found.append(Problem("several_annotations", reason, item.file, item.name))
        return None
    annotation = json.loads(item.annotations[0])
    entries = _read_table(annotation.get("segments_info"), item, binding, found)
    file_name = annotation.get("file_name")
    path = member_path(Path(item.folder), file_name, file=item.file, image=item.name)
    if not path.is_file():
        message = f"there is no {file_name} in the folder of label files"
        found.append(Problem("missing_file", message, file_name, item.name))
        return None
    try:
        runs = read_id_runs(path, expected_size=size, file=file_name)
    except PanopticError as error:
        found.append(problem_of(error, file=file_name, image=item.name))
        return None
    if has_errors(found):
        return None
    measures = measure_runs(runs)
    _check_ids(measures.ids, entries, file_name, item.name, found)
    if has_errors(found) and _are_two_channels(measures.ids, binding):
        message = "its red is a category and its green a number: the 2-channel form has no ids"
        found.append(Problem("two_channels", message, file_name, item.name))
    if has_errors(found):
        return None
    found += check_claims(_iter_claims(measures, entries), item.file, item.name)
    rows, joined = _join_stuff(entries, item, found)
    if joined:
        ids = sorted(joined)
        runs = relabel_runs(runs, ids, [joined[segment_id] for segment_id in ids])
    return label_from_runs(runs, rows)


def _read_table(
    segments_info: Any, item: CocoItem, binding: Binding, found: list[Problem]
) -> list[_Entry]:
    """The entries that can be read; what is wrong with the others is appended to `found`."""
    where = item.file, item.name
    if not isinstance(segments_info, list):
        raise MalformedFile("segments_info is no list", file=item.file, image=item.name)
    entries = []
    unknown: Counter[Any] = Counter()
    for info in segments_info:
        if not isinstance(info, dict):
            raise MalformedFile("segments_info holds no objects", file=item.file, image=item.name)
        segment_id = info.get("id")
        if segment_id is None or not is_segment_id(segment_id):
            found.append(Problem("invalid_id", _describe_id(segment_id), *where, str(segment_id)))
            continue
        category = info.get("category_id")
        bound = binding.get(category) if id_key(category) is not None else None  # type: ignore[arg-type]
        if bound is None:
            unknown[repr(category)] += 1
            continue
        crowd = read_crowd(info, *where)
        if crowd and bound.kind == "stuff":
            message = f"segment {segment_id} is stuff; its iscrowd was dropped"
            found.append(Problem("stuff_crowd", message, *where, segment_id, WARNING))
            crowd = False
        row = read_row(info, segment_id, bound.class_id, crowd, *where)
        entries.append(_Entry(info, bound, row))
    for category, count in unknown.items():
        message = f"category {category} of {count} segments is not declared"
        found.append(Problem("unknown_class", message, *where))
    times = Counter(entry.row.segment_id for entry in entries)
    if twice := sorted(segment_id for segment_id, count in times.items() if count > 1):
        message = f"segments_info names {describe_ids(twice)} more than once"
        found.append(Problem("duplicate_id", message, *where, twice[0]))
    return entries


def _describe_id(value: object) -> str:
    if value == 0 and value is not False:
        return "segment id 0 stands for void; ids start at 1"
    if isinstance(value, int) and value > MAX_SEGMENT_ID:
        return f"segment id {value} does not fit a PNG, which holds ids to {MAX_SEGMENT_ID}"
    return f"segment id {value!r} is no number between 1 and {MAX_SEGMENT_ID}"


def _check_ids(
    painted: np.ndarray[Any, np.dtype[np.uint32]],
    entries: Sequence[_Entry],
    file: str,
    image: str,
    found: list[Problem],
) -> None:
    """The ids of the PNG and of the table must be the same, both ways."""
    in_png, in_table = set(painted.tolist()), {entry.row.segment_id for entry in entries}
    if only_png := sorted(in_png - in_table):
        message = f"the PNG has {describe_ids(only_png)} that segments_info does not name"
        found.append(Problem("unmatched_ids", message, file, image, only_png[0]))
    if only_table := sorted(in_table - in_png):
        message = f"segments_info names {describe_ids(only_table)} that the PNG does not have"
        found.append(Problem("unmatched_ids", message, file, image, only_table[0]))


def _are_two_channels(ids: np.ndarray[Any, np.dtype[np.uint32]], binding: Binding) -> bool:
    """Whether they look like category + 256 · number, as panopticapi's other form has them."""
    is_numbered = ids.size > 0 and 256 <= ids.max() < 65536
    return is_numbered and all(number & 255 in binding for number in ids.tolist())


def _iter_claims(measures: Measures, entries: Sequence[_Entry]) -> Iterator[Claim]:
    areas = dict(zip(measures.ids.tolist(), measures.areas.tolist(), strict=True))
    boxes = dict(zip(measures.ids.tolist(), measures.boxes.tolist(), strict=True))
    for info, _, row in entries:
        yield claim_of(info, row.segment_id, areas[row.segment_id], boxes[row.segment_id])


def _join_stuff(
    entries: Sequence[_Entry], item: CocoItem, found: list[Problem]
) -> tuple[list[Segment], dict[int, int]]:
    """The rows that stay, and every id with the one it becomes; empty where nothing is joined."""
    by_class: dict[int, list[Segment]] = {}
    for entry in entries:
        if entry.bound.kind == "stuff":
            by_class.setdefault(entry.row.class_id, []).append(entry.row)
    lowest: dict[int, int] = {}
    for parts in by_class.values():
        if len(parts) > 1:
            found.append(report_joined_stuff(parts, item.file, item.name))
            first = min(part.segment_id for part in parts)
            lowest.update({part.segment_id: first for part in parts})
    rows = [entry.row for entry in entries]
    if not lowest:
        return rows, {}
    joined = {row.segment_id: lowest.get(row.segment_id, row.segment_id) for row in rows}
    return [row for row in rows if joined[row.segment_id] == row.segment_id], joined
