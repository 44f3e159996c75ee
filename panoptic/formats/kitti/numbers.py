"""Numbers that say class and instance at once, as the files of KITTI have them.

A number is `(code + first) · step + instance`; `code` is the class in the list of the format, 0
the void. Instance 0 is no instance: all of a stuff class, or a region of a thing class whose
objects nobody told apart, which is a crowd. The number is the id of the segment.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panoptic.errors import TooLarge
from panoptic.formats.base import Binding, ExportClass, ExportImage, Kind
from panoptic.formats.coded_maps import (
    VOID,
    complete_numbers,
    join_stuff,
    label_from_numbers,
    raise_unknown_numbers,
    unbound_class,
)
from panoptic.formats.file_trees import Reading
from panoptic.formats.losses import (
    CHANGED_IDS,
    FIELDS,
    MERGED_CROWDS,
    MERGED_SEGMENTS,
    VOID_PIXELS,
)
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import visible_part
from panoptic.label import Label, Segment
from panoptic.runs import Runs, make_runs, relabel_runs


class Numbering(NamedTuple):
    """The rule of a format.

    names : of its classes, by code
    instance_codes : the classes that have instances
    has_tracks : an instance is the same object in all images of a sequence
    """

    names: Mapping[int, str]
    step: int
    first: int
    instance_codes: frozenset[int]
    has_tracks: bool = False

    def number_of(self, code: int, instance: int = 0) -> int:
        return (code + self.first) * self.step + instance

    def split(self, number: int) -> tuple[int, int]:
        """The code, which may be none of the list, and the instance of a number."""
        place, instance = divmod(number, self.step)
        return place - self.first, instance

    def show(self, number: int) -> str:
        return "class {} instance {}".format(*self.split(number))


class Target(NamedTuple):
    """What a class of a taxonomy is in the list of a format; `code` None: nothing, void."""

    name: str
    kind: Kind
    code: int | None


def find_targets(
    numbering: Numbering, scheme: str, classes: Iterable[ExportClass]
) -> dict[int, Target]:
    """By class id: the code that is the class's id in the scheme, else the one of its name."""
    by_name = {name: code for code, name in numbering.names.items()}
    targets = {}
    for class_ in classes:
        code = class_.external.get(scheme)
        if not isinstance(code, int) or code not in numbering.names:
            code = by_name.get(class_.name)
        targets[class_.class_id] = Target(class_.name, class_.kind, code)
    return targets


def read_numbers(runs: Runs, numbering: Numbering, binding: Binding) -> Reading:
    """A label from a map of numbers.

    The numbers of one stuff class are one segment, that of the lowest. MalformedFile for a
    number whose code is none of the list.
    """
    found = np.unique(runs.values[runs.values != 0])
    codes = found.astype(np.int64) // numbering.step - numbering.first
    if (is_strange := ~np.isin(codes, list(numbering.names))).any():
        raise_unknown_numbers(runs, found[is_strange].tolist(), numbering.show)
    meanings: dict[int, Segment | None] = {0: VOID}
    unbound: Counter[int] = Counter()
    for number in found.tolist():
        code, instance = numbering.split(number)
        bound = binding.get(code)
        if bound is None:
            unbound[code] += 1
        elif bound.kind == "stuff":
            meanings[number] = Segment(number, bound.class_id)
        else:
            track_id = number if instance and numbering.has_tracks else None
            meanings[number] = Segment(number, bound.class_id, not instance, track_id)
    if unbound:
        told = [(f"{code} ({numbering.names[code]})", times) for code, times in unbound.items()]
        return Reading(None, tuple(unbound_class(*each) for each in told))
    meanings, joined = join_stuff(meanings, binding)
    return Reading(label_from_numbers(runs, meanings), tuple(joined))


class Numbered(NamedTuple):
    """A label as numbers, how many there are, and what they do not say."""

    runs: Runs
    segments: int
    lost: Mapping[str, int]
    problems: tuple[Problem, ...]


def number_label(
    image: ExportImage, label: Label, numbering: Numbering, targets: Mapping[int, Target]
) -> Numbered:
    """Give every visible segment its number: its id, where that is one of its class.

    Objects of classes without instances, crowds and stuff become one region of their class.
    Raises UnknownClass, and TooLarge for more instances of a class than there are numbers.
    """
    visible = visible_part(image, label, targets)
    areas = visible.areas
    objects: defaultdict[int, list[Segment]] = defaultdict(list)
    regions: defaultdict[int, list[Segment]] = defaultdict(list)
    void: defaultdict[str, int] = defaultdict(int)
    kept_tracks = 0
    for row in visible.rows:
        target = targets[row.class_id]
        is_object = _is_object(row, target, numbering)
        kept_tracks += is_object and numbering.has_tracks and row.track_id is not None
        if target.code is None:
            void[target.name] += areas[row.segment_id]
        else:
            (objects if is_object else regions)[target.code].append(row)
    numbers: dict[int, int] = {}
    problems = [_report_void(name, pixels, image.name) for name, pixels in void.items()]
    for code, rows in objects.items():
        numbers.update(_number_objects(code, rows, numbering, image.name, problems))
    changed = sum(segment_id != number for segment_id, number in numbers.items())
    merged: Counter[str] = Counter()
    for code, rows in regions.items():
        ids, number = [row.segment_id for row in rows], numbering.number_of(code)
        numbers.update(dict.fromkeys(ids, number))
        changed += number not in ids
        all_crowds = all(row.crowd for row in rows)
        merged[MERGED_CROWDS if all_crowds else MERGED_SEGMENTS] += len(rows) - 1
    lost = {
        **visible.lost,
        VOID_PIXELS: sum(void.values()),
        CHANGED_IDS: changed,
        FIELDS: count_fields(label.segments) - kept_tracks,
        **merged,
    }
    ids = sorted(areas)
    runs = relabel_runs(visible.runs, ids, [numbers.get(segment_id, 0) for segment_id in ids])
    return Numbered(runs, len(set(numbers.values())), lost, tuple(problems))


def map_numbers(runs: Runs, change: Callable[[NDArray[np.int64]], ArrayLike]) -> Runs:
    """Every number changed by a function of arrays."""
    return make_runs(*runs.shape, change(runs.values.astype(np.int64)), runs.lengths)


def _is_object(row: Segment, target: Target, numbering: Numbering) -> bool:
    """Whether a segment has an instance: as a thing, or as stuff that came with one."""
    if row.crowd or target.code not in numbering.instance_codes:
        return False
    code, instance = numbering.split(row.segment_id)
    return target.kind == "thing" or (code == target.code and instance > 0)


def _number_objects(
    code: int, rows: list[Segment], numbering: Numbering, image: str, problems: list[Problem]
) -> dict[int, int]:
    """Numbers by segment id: those that the segments have, else the lowest that are free."""
    name, limit = numbering.names[code], numbering.step - 1
    if len(rows) > limit:
        raise TooLarge(f"instances of {name} in image {image}", actual=len(rows), limit=limit)
    wanted = {row.segment_id: _wanted_instance(row, code, numbering, image) for row in rows}
    taken: dict[int, int] = {}
    # A number of this very class goes before one that a segment brings from another.
    for row in sorted(
        rows, key=lambda row: numbering.split(_own_number(row, numbering))[0] != code
    ):
        instance = wanted[row.segment_id]
        if instance is not None:
            taken.setdefault(instance, row.segment_id)
    kept = {segment_id: instance for instance, segment_id in taken.items()}
    if torn := [each for each, own in wanted.items() if own is not None and each not in kept]:
        message = f"{list_some(torn)} of {name} have a track of another segment: numbered anew"
        problems.append(warn("changed_track", f"segments {message}", image=image))
    instances = complete_numbers(wanted, kept)
    return {segment_id: numbering.number_of(code, n) for segment_id, n in instances.items()}


def _own_number(row: Segment, numbering: Numbering) -> int:
    has_track = numbering.has_tracks and row.track_id is not None
    return row.track_id if has_track else row.segment_id  # type: ignore[return-value]


def _wanted_instance(row: Segment, code: int, numbering: Numbering, image: str) -> int | None:
    """The instance that a segment has in its number; a track keeps its own under any class."""
    own = _own_number(row, numbering)
    own_code, instance = numbering.split(own)
    if not numbering.has_tracks or row.track_id is None:
        return instance if own_code == code and instance else None
    if own_code != -numbering.first and own_code not in numbering.names:
        what = f"instance numbers for the track of segment {row.segment_id} in image {image}"
        raise TooLarge(what, actual=own, limit=numbering.step - 1)
    return instance or None


def _report_void(name: str, pixels: int, image: str) -> Problem:
    message = f"the list of the format lacks {name}: {pixels} pixels became void"
    return warn("void_class", message, image=image)
