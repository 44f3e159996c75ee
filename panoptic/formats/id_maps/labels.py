"""From a map of numbers, and what its tables say of them, to a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from panoptic.errors import MalformedFile
from panoptic.formats.base import Binding, BoundClass
from panoptic.formats.coded_maps import (
    free_numbers,
    join_stuff,
    label_from_classes,
    label_from_numbers,
    numbers_of,
    raise_unknown_numbers,
    unbound_class,
)
from panoptic.formats.file_trees import Reading
from panoptic.formats.id_maps.tables import SEGMENTS, read_classes
from panoptic.formats.problems import Problem, describe_ids, warn
from panoptic.images import read_header
from panoptic.label import Segment
from panoptic.png_read import read_id_runs
from panoptic.runs import Runs
from panoptic.segments import MAX_SEGMENT_ID
from panoptic.value_maps import TIFF_SUFFIXES, read_number_runs

SOURCE_ID = "source_id"


class IdRow(NamedTuple):
    """What is known of an id."""

    class_name: str
    crowd: bool


def read_map(path: Path) -> Runs:
    """The numbers of a map, whatever its depth."""
    if path.suffix.lower() in TIFF_SUFFIXES:
        return read_number_runs(path, bits=(8, 16, 32))
    mode = read_header(path).mode
    if mode in ("RGBA", "LA"):
        raise MalformedFile("a picture with transparency is no id map", file=path.name)
    return read_id_runs(path) if mode == "RGB" else read_number_runs(path, bits=(8, 16))


def compare_ids(ids: set[int], rows: Mapping[int, IdRow], file: str) -> list[Problem]:
    """The ids of a map and of its rows must be the same, both ways."""
    problems = []
    if only_map := sorted(ids - rows.keys()):
        message = f"the map has {describe_ids(only_map)} that {SEGMENTS} does not name"
        problems.append(Problem("unmatched_ids", message, file, segment=only_map[0]))
    if only_rows := sorted(rows.keys() - ids):
        message = f"{SEGMENTS} names {describe_ids(only_rows)} that the map does not have"
        problems.append(Problem("unmatched_ids", message, file, segment=only_rows[0]))
    return problems


def label_of_classes(runs: Runs, table: Path, file: str, binding: Binding) -> Reading:
    """A label whose numbers are classes of `table`; raises MalformedFile for any that is none."""
    classes = {each.number: each for each in read_classes(table)}
    found = numbers_of(runs)
    if strange := [number for number in found if number and number not in classes]:
        raise_unknown_numbers(runs, strange, file=file)
    # 0 is void unless the table says otherwise.
    bound: dict[int, BoundClass | None] = {0: None}
    problems = []
    for number in found:
        if number in classes and classes[number].kind is not None:
            name = classes[number].name
            bound[number] = binding.get(name)
            if bound[number] is None:
                problems.append(unbound_class(name, 1))
        else:
            bound[number] = None
    return Reading(None if problems else label_from_classes(runs, bound), tuple(problems))


def label_of_instances(runs: Runs, rows: Mapping[int, IdRow], binding: Binding) -> Reading:
    """A label whose numbers are segments; `rows` has every number of the map, except for 0."""
    problems: list[Problem] = []
    of_class = Counter(row.class_name for row in rows.values())
    problems += [unbound_class(name, of_class[name]) for name in of_class if name not in binding]
    if problems:
        return Reading(None, tuple(problems))
    meanings: dict[int, Segment | None] = {0: None}
    ids = segment_ids(rows)
    for number, (name, crowd) in rows.items():
        class_id, kind = binding[name]
        if crowd and kind == "stuff":
            message = f"segment {number} is stuff; its crowd was dropped"
            problems.append(warn("stuff_crowd", message, segment=number))
        attributes = {} if ids[number] == number else {SOURCE_ID: number}
        meanings[number] = Segment(
            ids[number], class_id, crowd and kind == "thing", attributes=attributes
        )
    meanings, joined = join_stuff(meanings, binding)
    return Reading(label_from_numbers(runs, meanings), (*problems, *joined))


def segment_ids(numbers: Collection[int]) -> dict[int, int]:
    """The segment id of every number: itself, or the lowest free one if it is too large."""
    large = sorted(number for number in numbers if number > MAX_SEGMENT_ID)
    kept = set(numbers) - set(large)
    free = zip(large, free_numbers(kept, len(large)), strict=True)
    return {number: number for number in kept} | dict(free)
