"""Cityscapes, read: instanceIds checked against labelIds, either of them alone, or polygons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from operator import itemgetter
from pathlib import Path

import numpy as np

from panoptic.errors import MalformedFile
from panoptic.formats.base import Binding, LabelledImage, Option, ReadOptions
from panoptic.formats.cityscapes.labels import (
    BY_ID,
    LABELS,
    LICENSE_PLATE,
    LICENSE_PLATE_ID,
    OBJECTS,
    SCHEME,
    UNLABELED,
    file_classes,
    label_id_of,
)
from panoptic.formats.cityscapes.polygons import read_objects
from panoptic.formats.cityscapes.tree import (
    INSTANCE_IDS,
    LABEL_IDS,
    POLYGONS,
    find_trees,
    list_items,
    read_names,
    with_photos_of,
)
from panoptic.formats.coded_maps import (
    VOID,
    join_stuff,
    label_from_numbers,
    numbers_of,
    pair_maps,
    raise_unknown_numbers,
    unbound_class,
)
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.label import Segment
from panoptic.runs import Runs
from panoptic.value_maps import read_number_runs

SOURCE = Option(
    "source",
    "masks: the PNGs, polygons where there are none; polygons: drawn as the official tool does",
    ("masks", "polygons"),
)


def open_tree(path: Path, options: ReadOptions) -> TreeSource:
    """List the label files below a folder; none is opened."""
    problems: list[Problem] = []
    trees = find_trees(path)
    if len(trees) > 1:
        told = list_some([tree.root.name for tree in trees])
        problems.append(Problem("several_trees", f"name one of the folders {told}", path.name))
    tree = trees[0] if len(trees) == 1 else None
    names = read_names(tree.root, problems) if tree else {}
    return TreeSource(
        path,
        classes=file_classes(LABELS),
        scheme=SCHEME,
        items=list_items(tree, names) if tree else (),
        problems=problems,
        wanted=f"<split>/<city>/*_gtFine_{INSTANCE_IDS}, _{LABEL_IDS} or _{POLYGONS}",
    )


def read_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    source = SOURCE.value_in(options.values)
    options = with_photos_of(item.split, options)
    return read_tree_item(item, options, partial(_read, item.files, source, binding))


def _read(files: Mapping[str, str], source: str, binding: Binding, photo: Photo) -> Reading:
    masks = [Path(files[kind]) for kind in (INSTANCE_IDS, LABEL_IDS) if kind in files]
    if source == "polygons" or not masks:
        if POLYGONS not in files:
            raise MalformedFile("the image has no polygons", file=masks[0].name)
        file = Path(files[POLYGONS])
        drawn = read_objects(file)
        reading = label_from_ids(drawn.runs, drawn.numbers, binding, file.name)
        return reading._replace(problems=(*drawn.problems, *reading.problems))
    numbers = read_numbers(files)
    return label_from_ids(numbers, {n: n for n in numbers_of(numbers)}, binding, masks[0].name)


def read_numbers(files: Mapping[str, str]) -> Runs:
    """The numbers of instanceIds, which labelIds must agree with, or those of labelIds alone."""
    if INSTANCE_IDS not in files:
        return read_number_runs(Path(files[LABEL_IDS]), bits=(8,))
    numbers = read_number_runs(Path(files[INSTANCE_IDS]), bits=(16,))
    if LABEL_IDS in files:
        file = Path(files[LABEL_IDS])
        labels = read_number_runs(file, bits=(8,), expected_size=numbers.shape)
        _check_agreement(numbers, labels, file.name)
    return numbers


def _check_agreement(numbers: Runs, labels: Runs, file: str) -> None:
    paired = pair_maps(numbers, labels)
    wrong = {
        place: f"{number} where labelIds say {label_id}"
        for place, (number, label_id) in enumerate(paired.pairs.tolist())
        if label_id_of(number) != label_id
    }
    if wrong:
        is_wrong = np.isin(paired.runs.values, list(wrong))
        pixels = int(paired.runs.lengths[is_wrong].sum())
        told = list_some(list(wrong.values()), 5)
        reason = f"{pixels} pixels contradict the instanceIds, which have {told}"
        raise MalformedFile(reason, file=file)


def label_from_ids(runs: Runs, numbers: Mapping[int, int], binding: Binding, file: str) -> Reading:
    """A label from a map whose values stand for numbers of Cityscapes.

    numbers : by value; -1 is a license plate

    Segments have the ids that are their numbers. A plain number of a thing is a crowd.
    """
    strange = [value for value, number in numbers.items() if label_id_of(number) not in BY_ID]
    if strange:
        raise_unknown_numbers(runs, strange, lambda value: str(numbers[value]), file=file)
    meanings: dict[int, Segment | None] = {}
    numbered, unknown = [], Counter[int]()
    for value, number in sorted(numbers.items(), key=itemgetter(1)):
        label_id = label_id_of(number)
        bound = binding.get(label_id)
        plain_id = LICENSE_PLATE_ID if label_id == LICENSE_PLATE else label_id
        if label_id == UNLABELED:
            meanings[value] = VOID
        elif bound is None:
            unknown[label_id] += 1
        elif bound.kind == "thing":
            is_crowd = number < OBJECTS
            segment_id = plain_id if is_crowd else number
            meanings[value] = Segment(segment_id, bound.class_id, is_crowd)
        else:
            meanings[value] = Segment(plain_id, bound.class_id)
            if number >= OBJECTS:
                numbered.append(number)
    problems = [
        unbound_class(BY_ID[label_id].name, count)._replace(file=file)
        for label_id, count in unknown.items()
    ]
    if numbered:
        message = f"{list_some(numbered)} would be objects of stuff, which has none: read as stuff"
        problems.append(warn("numbered_stuff", message, file=file))
    if unknown:
        return Reading(None, tuple(problems))
    meanings, joined = join_stuff(meanings, binding, file)
    return Reading(label_from_numbers(runs, meanings), (*problems, *joined))
