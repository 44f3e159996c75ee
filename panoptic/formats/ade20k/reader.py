"""The full ADE20K, read: pictures of instances and parts, full masks, and what tables say.

What is seen is what the pictures say. With `parts=yes` parts lie above the object that has most
of their pixels, whose id is their attribute `part_of`. Where the release has a mask of every
object, its hidden pixels are kept below those who hide it, and objects that are wholly hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from panoptic.errors import MalformedFile
from panoptic.formats.ade20k.codes import RED, Level, Region, read_level
from panoptic.formats.ade20k.objects import Described, describe_by_mask, describe_by_number
from panoptic.formats.ade20k.stacking import stack_as_seen
from panoptic.formats.ade20k.tables import read_entries
from panoptic.formats.ade20k.tree import PARTS, SEG, TABLE, iter_levels
from panoptic.formats.base import Binding, LabelledImage, ReadOptions
from panoptic.formats.coded_maps import pair_maps, unbound_class
from panoptic.formats.file_trees import Reading, TreeItem, read_tree_item, reading_of
from panoptic.formats.painting import Mask, paint_masks
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.label import Segment, label_from_runs
from panoptic.runs import (
    Runs,
    Spans,
    compose_runs,
    paint_runs,
    relabel_runs,
    runs_from_spans,
    spans_by_id,
    spans_of_mask,
    union_masks,
)


def read_full_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    return read_tree_item(item, options, lambda photo: _read(item, binding, options))


def _read(item: TreeItem, binding: Binding, options: ReadOptions) -> Reading:
    if not item.files:
        return Reading(None)
    if SEG not in item.files:
        raise MalformedFile("the picture _seg.png of its objects is missing")
    levels: dict[int, Level] = {}
    for level, path in iter_levels(item, options):
        size = levels[0].runs.shape if levels else None
        levels[level] = read_level(path, level, RED.value_in(options.values), size)
    described = _describe(item, levels, options)
    regions = [region for level in levels.values() for region in level.regions.values()]
    regions += described.unseen
    problems = [*_report_mixed(item, levels), *described.problems]
    if strange := Counter(
        region.class_index for region in regions if binding.get(region.class_index) is None
    ):
        problems += [unbound_class(index, times) for index, times in sorted(strange.items())]
        return Reading(None, tuple(problems))
    joined = _join_stuff(regions, binding, problems)
    ids = sorted(joined)
    planes = [
        relabel_runs(level.runs, ids, [joined[segment_id] for segment_id in ids])
        for level in levels.values()
    ]
    rows = _rows(regions, joined, binding, described.attributes, _find_wholes(planes, levels))
    if len(planes) == 1 and not described.masks:
        return Reading(label_from_runs(planes[0], rows), tuple(problems))
    full = _full_masks(
        planes, [(joined[segment_id], mask) for segment_id, mask in described.masks.items()]
    )
    kinds = {region.segment_id: binding[region.class_index].kind for region in regions}
    masks = [Mask(row, kinds[row.segment_id], full[row.segment_id]) for row in rows]
    stack = stack_as_seen(compose_runs(*planes[0].shape, planes), masks)
    if stack.lost_pixels:
        message = f"{stack.lost_pixels} hidden pixels lie where nothing can hide them: left out"
        problems.append(warn("hidden_pixels_left_out", message, file=_name(item, TABLE)))
    painting = paint_masks(
        *planes[0].shape, stack.masks, "last", sinks_crowds=False, file=_name(item, SEG)
    )
    return reading_of(painting._replace(problems=(*problems, *painting.problems)))


def _describe(item: TreeItem, levels: Mapping[int, Level], options: ReadOptions) -> Described:
    if TABLE not in item.files:
        message = "there is no table beside the picture: nothing is known of its objects"
        return Described(problems=(warn("missing_file", message, file=_name(item, SEG)),))
    path = Path(item.files[TABLE])
    entries = read_entries(path)
    if path.suffix.lower() == ".json":
        described = describe_by_mask(entries, levels, path.parent, path.name)
    else:
        described = describe_by_number(entries, levels, item.facts, path.name)
    absent = sorted({entry.level for entry in entries} - levels.keys())
    if absent and PARTS.value_in(options.values) == "yes":
        message = f"it has parts of level {list_some(absent)}, of which there is no picture"
        problem = warn("missing_file", f"{message}: left out", file=path.name)
        return described._replace(problems=(*described.problems, problem))
    return described


def _report_mixed(item: TreeItem, levels: Mapping[int, Level]) -> Iterator[Problem]:
    for number, level in levels.items():
        if level.mixed:
            told = list_some([f"{key} ({pixels} pixels)" for key, pixels in level.mixed.items()], 5)
            message = f"instances {told} have pixels of a second class, which count as that class"
            file = _name(item, SEG if number == 0 else f"parts_{number}")
            yield warn("mixed_instance", f"{message} without an instance", file=file)


def _join_stuff(
    regions: Sequence[Region], binding: Binding, problems: list[Problem]
) -> dict[int, int]:
    """Every segment id with the one it becomes: of a stuff class there is one segment."""
    by_class: dict[int, list[int]] = {}
    for region in regions:
        bound = binding[region.class_index]
        if bound.kind == "stuff":
            by_class.setdefault(bound.class_id, []).append(region.segment_id)
    joined = {region.segment_id: region.segment_id for region in regions}
    told = []
    for parts in by_class.values():
        ids = sorted(parts)
        joined |= dict.fromkeys(ids, ids[0])
        if len(ids) > 1:
            told.append(list_some(ids))
    if told:
        # Nearly every image has such: one warning for all of its classes.
        message = f"segments that are of one stuff class were joined: {'; '.join(told)}"
        problems.append(warn("joined_stuff", message))
    return joined


def _find_wholes(planes: Sequence[Runs], levels: Mapping[int, Level]) -> dict[int, dict[str, int]]:
    """For every instance of a part what says of which segment it is a part."""
    wholes = {}
    below = planes[0]
    for plane, (number, level) in zip(planes[1:], list(levels.items())[1:], strict=True):
        runs, pairs = pair_maps(plane, below)
        pixels = np.bincount(runs.values, runs.lengths, len(pairs))
        # The most pixels last, so that they decide; of equals the lower id.
        for place in np.lexsort((-pairs[:, 1].astype(np.int64), pixels)).tolist():
            part, whole = pairs[place].tolist()
            if whole and part in level.regions and level.regions[part].number:
                wholes[part] = {"part_of": whole, "part_level": number}
        below = paint_runs(below, plane)
    return wholes


def _rows(
    regions: Iterable[Region],
    joined: Mapping[int, int],
    binding: Binding,
    attributes: Mapping[int, Mapping[str, Any]],
    wholes: Mapping[int, Mapping[str, int]],
) -> list[Segment]:
    members = Counter(joined.values())
    rows = []
    for segment_id, _, class_index, number in regions:
        bound = binding[class_index]
        if joined[segment_id] == segment_id:
            # What several segments were said to be is not true of all of them.
            own = {**attributes.get(segment_id, {}), **wholes.get(segment_id, {})}
            known = own if members[segment_id] == 1 else {}
            crowd = bound.kind == "thing" and not number
            rows.append(Segment(segment_id, bound.class_id, crowd, attributes=known))
    return rows


def _full_masks(planes: Sequence[Runs], masks: Iterable[tuple[int, Runs]]) -> dict[int, Spans]:
    """All pixels of every segment: those of the pictures, and those of its masks."""
    full: dict[int, Runs] = {}
    painted = [
        (segment_id, runs_from_spans(*plane.shape, [(1, spans)]))
        for plane in planes
        for segment_id, spans in spans_by_id(plane).items()
    ]
    for segment_id, mask in [*painted, *masks]:
        full[segment_id] = union_masks(full[segment_id], mask) if segment_id in full else mask
    return {segment_id: spans_of_mask(mask) for segment_id, mask in full.items()}


def _name(item: TreeItem, kind: str) -> str:
    return Path(item.files.get(kind, "")).name
