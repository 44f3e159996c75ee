"""Which entry of a table of ADE20K describes which region of the pictures.

The n-th line of a level in `_atr.txt` is instance n of its picture, if its class is that of the
pixels. The objects of a JSON have masks: an object is the region of its class that its visible
part covers most. Its mask is amodal, 255 where it is seen, 128 where others hide it; masks of 0
and 1 do not tell the two apart. What is visible is always what the picture says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from panoptic.errors import MalformedFile, TooLarge
from panoptic.formats.ade20k.codes import LEVEL_STEP, UNSEEN, Level, Region
from panoptic.formats.ade20k.tables import Entry
from panoptic.formats.coded_maps import numbers_of, pair_maps
from panoptic.formats.paths import member_path
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.png_read import read_index_runs
from panoptic.runs import Runs, relabel_runs, union_masks

MAX_UNSEEN = 1000
# Of all masks of an image; those of real images have a few hundred thousand.
MAX_RUNS = 2**24
_HIDDEN, _VISIBLE = 1, 2


class Described(NamedTuple):
    """What a table adds to the pictures.

    attributes : by segment id
    masks : full masks, 0 and 1, by segment id
    unseen : objects of which no pixel is seen; each has a mask
    """

    attributes: Mapping[int, Mapping[str, Any]] = {}
    masks: Mapping[int, Runs] = {}
    unseen: Sequence[Region] = ()
    problems: Sequence[Problem] = ()


def describe_by_number(
    entries: Iterable[Entry], levels: Mapping[int, Level], indices: Mapping[str, int], file: str
) -> Described:
    """Read `_atr.txt`; `indices` tells the class that a name stands for."""
    numbered = {(entry.level, entry.number): entry for entry in entries if entry.level in levels}
    attributes = {}
    other_class = []
    for level in levels.values():
        for region in level.instances:
            entry = numbered.pop((region.level, region.number), None)
            if entry is not None and indices.get(entry.name) == region.class_index:
                attributes[region.segment_id] = entry.attributes
            else:
                other_class.append(region.segment_id)
    problems = []
    if other_class:
        message = f"the lines of {list_some(other_class)} are missing or tell of another class"
        problems.append(warn("unmatched_ids", f"{message}: not used", file=file))
    if numbered:
        told = list_some([level * LEVEL_STEP + number for level, number in sorted(numbered)])
        problems.append(warn("empty_segment", f"{told} have no pixel: left out", file=file))
    return Described(attributes, problems=problems)


def describe_by_mask(
    entries: Iterable[Entry], levels: Mapping[int, Level], folder: Path, file: str
) -> Described:
    """Read a JSON and the masks that it names; raises MalformedFile, InvalidName or TooLarge."""
    problems: list[Problem] = []
    objects = list(_iter_objects(entries, levels, folder, file, problems))
    matched = _match(objects, levels)
    times = Counter(region.segment_id for region in matched.values())
    attributes: dict[int, Mapping[str, Any]] = {}
    masks: dict[int, Runs] = {}
    unseen: Counter[int] = Counter()
    regions = []
    wrong = []
    for place, each in enumerate(objects):
        region = matched.get(place)
        if region is None:
            region = _unseen_region(each.entry, unseen)
            regions.append(region)
        segment_id = region.segment_id
        if times[segment_id] < 2:
            # Objects without markers share a region; then none of them is the whole of it.
            attributes[segment_id] = {**each.entry.attributes, "object_id": each.entry.number}
        full = relabel_runs(each.mask, [_HIDDEN, _VISIBLE], [1, 1])
        masks[segment_id] = union_masks(masks[segment_id], full) if segment_id in masks else full
        if pixels := _count_wrong(each, region):
            wrong.append(f"{each.entry.number} ({pixels} pixels)")
    if wrong:
        message = f"the visible parts of objects {list_some(wrong, 5)} are not those of the"
        problems.append(warn("visible_mismatch", f"{message} picture, which counts", file=file))
    return Described(attributes, masks, regions, problems)


class _Object(NamedTuple):
    """An entry with its mask of 0, `_HIDDEN` and `_VISIBLE`.

    covers : pixels by segment of its level and by what the mask says of them
    tells_hidden : whether the mask tells hidden from visible; else all of it counts as visible
    """

    entry: Entry
    mask: Runs
    covers: Mapping[tuple[int, int], int]
    tells_hidden: bool


def _iter_objects(
    entries: Iterable[Entry],
    levels: Mapping[int, Level],
    folder: Path,
    file: str,
    problems: list[Problem],
) -> Iterator[_Object]:
    missing, empty, total = [], [], 0
    for entry in entries:
        level = levels.get(entry.level)
        if level is None:
            continue
        path = member_path(folder, entry.mask, file=file) if entry.mask else None
        if path is None or not path.is_file():
            missing.append(entry.number)
            continue
        mask, tells_hidden = _read_mask(path, entry.mask, level.runs.shape)
        total += mask.count
        if total > MAX_RUNS:
            raise TooLarge(f"runs in the masks of {file}", actual=total, limit=MAX_RUNS)
        runs, pairs = pair_maps(level.runs, mask)
        pixels = np.bincount(runs.values, runs.lengths, len(pairs)).astype(np.int64).tolist()
        covers = dict(zip(map(tuple, pairs.tolist()), pixels, strict=True))
        if any(said for _, said in covers):
            yield _Object(entry, mask, covers, tells_hidden)
        else:
            empty.append(entry.number)
    if missing:
        message = f"objects {list_some(missing)} have no mask, so nothing is known of them"
        problems.append(warn("missing_file", message, file=file))
    if empty:
        message = f"the masks of objects {list_some(empty)} are empty: left out"
        problems.append(warn("empty_segment", message, file=file))


def _read_mask(path: Path, file: str, size: tuple[int, int]) -> tuple[Runs, bool]:
    runs = read_index_runs(path, expected_size=size, file=file)
    values = set(numbers_of(runs))
    if values <= {0, 128, 255}:
        return relabel_runs(runs, [128, 255], [_HIDDEN, _VISIBLE], missing=0), True
    if values <= {0, 1}:
        return relabel_runs(runs, [1], [_VISIBLE], missing=0), False
    told = list_some(sorted(values - {0, 128, 255}), 5)
    raise MalformedFile(f"a mask has 0, 128 and 255, or 0 and 1, but not {told}", file=file)


def _match(objects: Sequence[_Object], levels: Mapping[int, Level]) -> dict[int, Region]:
    """Regions by the place of the object, the largest overlaps first; an instance is one object."""
    candidates = []
    for place, each in enumerate(objects):
        regions = levels[each.entry.level].regions
        for (segment_id, said), pixels in each.covers.items():
            region = regions.get(segment_id)
            if region and said == _VISIBLE and region.class_index == each.entry.class_index:
                candidates.append((-pixels, place, region))
    matched: dict[int, Region] = {}
    taken: set[int] = set()
    for _, place, region in sorted(candidates):
        if place not in matched and region.segment_id not in taken:
            matched[place] = region
            if region.number:
                taken.add(region.segment_id)
    return matched


def _unseen_region(entry: Entry, unseen: Counter[int]) -> Region:
    number = unseen[entry.level]
    unseen[entry.level] += 1
    if number >= MAX_UNSEEN:
        what = "objects of one level without a visible pixel"
        raise TooLarge(what, actual=number + 1, limit=MAX_UNSEEN)
    segment_id = entry.level * LEVEL_STEP + UNSEEN + number
    return Region(segment_id, entry.level, entry.class_index or 0, UNSEEN + number)


def _count_wrong(each: _Object, region: Region) -> int:
    """Pixels that the mask and the picture do not both show as the object's."""
    claimed = sum(pixels for (_, said), pixels in each.covers.items() if said == _VISIBLE)
    painted = sum(
        pixels for (owner, _), pixels in each.covers.items() if owner == region.segment_id
    )
    both = each.covers.get((region.segment_id, _VISIBLE), 0)
    wrong = painted - both if region.number else 0
    return wrong + claimed - both if each.tells_hidden else wrong
