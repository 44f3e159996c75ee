"""From two maps of VOC, of classes and of objects, to a label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from panoptic.formats.base import Binding, BoundClass
from panoptic.formats.coded_maps import (
    Paired,
    free_numbers,
    label_from_numbers,
    pair_maps,
    unbound_class,
)
from panoptic.formats.file_trees import Reading
from panoptic.formats.painting import report_joined_stuff
from panoptic.formats.problems import Problem, has_errors, list_some, warn
from panoptic.formats.voc.classes import BACKGROUND, BORDER, VocClasses
from panoptic.label import Segment
from panoptic.runs import Runs


class Region(NamedTuple):
    """What has one class and one object number; `place` is its value in the paired map."""

    place: int
    class_number: int
    object_number: int
    pixels: int

    @property
    def is_border(self) -> bool:
        return BORDER in (self.class_number, self.object_number)


def label_of_maps(classes: Runs, objects: Runs, known: VocClasses, binding: Binding) -> Reading:
    """The label of two maps of one size, by the rules of `reader`.

    classes, objects : 0 is the background, 255 the border; else the numbers of `known`
    """
    paired = pair_maps(classes, objects)
    regions = _find_regions(paired)
    seen = [region for region in regions if not region.is_border and any(region[1:3])]
    bound, problems = _bind(seen, known, binding)
    problems += _check_objects(seen, known)
    if has_errors(problems):
        return Reading(None, tuple(problems))
    meanings: dict[int, Segment | None] = {region.place: None for region in regions}
    meanings |= _make_segments(seen, bound, problems)
    if pixels := sum(region.pixels for region in regions if region.is_border):
        problems.append(warn("border_pixels", f"{pixels} pixels of border are read as void"))
    return Reading(label_from_numbers(paired.runs, meanings), tuple(problems))


def _find_regions(paired: Paired) -> list[Region]:
    """In the order of their first pixels."""
    runs = paired.runs
    _, firsts = np.unique(runs.values, return_index=True)
    pixels = np.bincount(runs.values, runs.lengths).astype(np.int64)
    rows = zip(*paired.pairs.T.tolist(), pixels.tolist(), strict=True)
    regions = [Region(place, *row) for place, row in enumerate(rows)]
    return [regions[place] for place in np.argsort(firsts).tolist()]


def _bind(
    regions: Sequence[Region], known: VocClasses, binding: Binding
) -> tuple[dict[int, BoundClass], list[Problem]]:
    """The class of the taxonomy for every class number; an error for each without one."""
    bound, problems = {}, []
    for number in sorted({region.class_number for region in regions} - {BACKGROUND}):
        external_id = known.externals[number]
        class_ = binding.get(external_id)
        if class_ is None:
            count = sum(region.class_number == number for region in regions)
            problems.append(unbound_class(external_id, count))
        else:
            bound[number] = class_
    return bound, problems


def _check_objects(regions: Sequence[Region], known: VocClasses) -> list[Problem]:
    """An error for every object that lies on two classes, or on none."""
    under: dict[int, list[Region]] = {}
    for region in regions:
        if region.object_number:
            under.setdefault(region.object_number, []).append(region)
    problems = []
    for number, own in sorted(under.items()):
        if len(own) > 1 or own[0].class_number == BACKGROUND:
            names = [f"{known.name_of(r.class_number)} ({r.pixels} pixels)" for r in own]
            message = f"object {number} lies on {list_some(names)}; an object has one class"
            problems.append(Problem("mixed_classes", message, segment=number))
    return problems


def _make_segments(
    regions: Sequence[Region], bound: Mapping[int, BoundClass], problems: list[Problem]
) -> dict[int, Segment]:
    """The segment of every region, by its place."""
    segments: dict[int, Segment] = {}
    by_class: dict[int, list[Region]] = {}
    for region in regions:
        class_ = bound[region.class_number]
        if region.object_number and class_.kind == "thing":
            segments[region.place] = Segment(region.object_number, class_.class_id)
        else:
            by_class.setdefault(class_.class_id, []).append(region)
    free = iter(free_numbers([region.object_number for region in regions], len(by_class)))
    for class_id, parts in by_class.items():
        crowd = bound[parts[0].class_number].kind == "thing"
        rows = [Segment(r.object_number, class_id) for r in parts if r.object_number]
        if len(rows) > 1:
            problems.append(report_joined_stuff(rows, "", ""))
        number = min((row.segment_id for row in rows), default=0) or next(free)
        segments |= {part.place: Segment(number, class_id, crowd) for part in parts}
    return segments
