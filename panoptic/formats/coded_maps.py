"""From maps of numbers to labels: every number stands for a segment, or for void."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedFile
from panoptic.formats.base import Binding, BoundClass
from panoptic.formats.painting import report_joined_stuff
from panoptic.formats.problems import Problem, list_some
from panoptic.label import Label, Segment, label_from_runs, renumber
from panoptic.runs import Runs, make_runs, refine_runs, relabel_runs

# No segment: void.
VOID = None


class Paired(NamedTuple):
    """Two maps of one image as one: `runs` holds places in `pairs`, uint32 (n, 2)."""

    runs: Runs
    pairs: NDArray[np.uint32]


def pair_maps(first: Runs, second: Runs) -> Paired:
    """Every pair of numbers that lie at one pixel; ShapeMismatch for maps of two sizes."""
    left, right, lengths = refine_runs(first, second)
    keys = left.astype(np.uint64) << np.uint64(32) | right
    found, places = np.unique(keys, return_inverse=True)
    pairs = np.stack([found >> np.uint64(32), found & np.uint64(0xFFFFFFFF)], axis=1)
    runs = make_runs(first.height, first.width, places, lengths)
    return Paired(runs, pairs.astype(np.uint32))


def numbers_of(runs: Runs) -> list[int]:
    """The numbers that a map holds, ascending."""
    values: list[int] = np.unique(runs.values).tolist()
    return values


def label_from_numbers(runs: Runs, meanings: Mapping[int, Segment | None]) -> Label:
    """A label without overlaps from a map of numbers.

    meanings : of every number of the map (others do no harm): its segment, `VOID` for none.
        Numbers may share a segment, which then has the pixels of all of them.

    Raises MalformedFile for a number that means nothing, and how many pixels have it.
    """
    found = numbers_of(runs)
    if strange := [number for number in found if number not in meanings]:
        raise_unknown_numbers(runs, strange)
    segments = [meanings[number] for number in found]
    ids = [0 if segment is None else segment.segment_id for segment in segments]
    rows = {segment.segment_id: segment for segment in segments if segment is not None}
    return label_from_runs(relabel_runs(runs, found, ids), rows.values())


def join_stuff(
    meanings: Mapping[int, Segment | None], binding: Binding, file: str = "", image: str = ""
) -> tuple[dict[int, Segment | None], list[Problem]]:
    """One segment for each stuff class, that of the lowest id, and a warning where others join it.

    meanings : as `label_from_numbers` takes them
    """
    stuff = {bound.class_id for bound in binding.values() if bound.kind == "stuff"}
    parts: dict[int, dict[int, Segment]] = {}
    for row in meanings.values():
        if row is not None and row.class_id in stuff:
            parts.setdefault(row.class_id, {})[row.segment_id] = row
    lowest = {class_id: rows[min(rows)] for class_id, rows in parts.items()}
    joined = {number: row and lowest.get(row.class_id, row) for number, row in meanings.items()}
    several = [list(rows.values()) for rows in parts.values() if len(rows) > 1]
    return joined, [report_joined_stuff(rows, file, image) for rows in several]


def label_from_classes(runs: Runs, classes: Mapping[int, BoundClass | None]) -> Label:
    """A label from a map that tells classes alone: one segment for each, numbered by first pixel.

    classes : of every number its class, None for void. What a thing class covers is one crowd,
        since nothing tells its instances apart.
    """
    rows: dict[int, Segment] = {}
    for bound in classes.values():
        if bound is not None and bound.class_id not in rows:
            crowd = bound.kind == "thing"
            rows[bound.class_id] = Segment(len(rows) + 1, bound.class_id, crowd)
    meanings = {
        number: None if bound is None else rows[bound.class_id] for number, bound in classes.items()
    }
    return number_by_first_pixel(label_from_numbers(runs, meanings))


def free_numbers(taken: Iterable[int], count: int) -> list[int]:
    """The lowest numbers from 1 that are not taken."""
    used = set(taken)
    return [n for n in range(1, len(used) + count + 1) if n not in used][:count]


def complete_numbers(ids: Iterable[int], kept: Mapping[int, int], first: int = 1) -> dict[int, int]:
    """A number for every id: the one it keeps, else the lowest from `first` on that none keeps."""
    taken = set(kept.values())
    free = (number for number in count(first) if number not in taken)
    return {each: kept[each] if each in kept else next(free) for each in ids}


def unbound_class(external_id: int | str, segments: int) -> Problem:
    """The error that a class of the file has no class of the taxonomy."""
    message = f"class {external_id!r} of {segments} segments is not declared"
    return Problem("unknown_class", message)


def raise_unknown_numbers(
    runs: Runs, strange: Iterable[int], show: Callable[[int], str] = str, *, file: str = ""
) -> NoReturn:
    """Raise MalformedFile that names the numbers and counts their pixels."""
    wanted = list(strange)
    pixels = int(runs.lengths[np.isin(runs.values, wanted)].sum())
    # Noise has millions of them, of which five are shown.
    told = list_some([*map(show, wanted[:5]), *wanted[5:]], 5)
    raise MalformedFile(f"{pixels} pixels have values that mean no class: {told}", file=file)


def number_by_first_pixel(label: Label) -> Label:
    """Ids 1, 2, … in the order of first pixels, for formats that have none (RULES 1.1).

    Of segments that begin at one pixel the one with the lower id now comes first.
    """
    ids = label.segments.ids
    firsts = np.full(ids.size, label.height * label.width, np.int64)
    for layer in label.layers:
        starts = layer.ends - layer.lengths
        values, places = np.unique(layer.values, return_index=True)
        is_segment = values != 0
        own = np.searchsorted(ids, values[is_segment])
        firsts[own] = starts[places[is_segment]]
    order = np.lexsort((ids, firsts))
    new_ids = np.empty(ids.size, np.int64)
    new_ids[order] = np.arange(1, ids.size + 1)
    return renumber(label, ids, new_ids)
