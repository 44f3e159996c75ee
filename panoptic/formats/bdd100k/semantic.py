"""Semantic masks of BDD100K: an 8-bit PNG of train ids per image, 255 for what is unknown.

    labels/sem_seg/masks/train/x.png
    images/10k/train/x.jpg

The train ids 0 to 18 are those of Cityscapes, and so is the scheme. A mask tells no instances
apart: what a thing class covers is one crowd. After "Label Format" in BDD100K's documentation.
Only read: what is written in train ids is a format of its own, such as `cityscapes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from panoptic.formats.base import Binding, Carries, Format, Found, LabelledImage, ReadOptions
from panoptic.formats.bdd100k.classes import SEMANTIC
from panoptic.formats.bdd100k.tree import MaskFolder, find_masks, iter_masks
from panoptic.formats.coded_maps import (
    label_from_classes,
    numbers_of,
    raise_unknown_numbers,
    unbound_class,
)
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem
from panoptic.value_maps import read_number_runs

_MASKS = "masks"
_VOID = 255


def recognise_semantic(path: Path) -> Iterator[Found]:
    """The folder `sem_seg/masks`."""
    for masks in find_masks(path, SEMANTIC.tasks, _MASKS):
        yield Found(masks.path, f"sem_seg/{_MASKS} is the folder of semantic masks of BDD100K")


def open_semantic(path: Path, options: ReadOptions) -> TreeSource:
    """List the masks; no file is opened."""
    found = find_masks(path, SEMANTIC.tasks, _MASKS) or [MaskFolder(path)]
    return TreeSource(
        path,
        classes=SEMANTIC.classes,
        scheme=SEMANTIC.scheme,
        items=iter_masks(found[0]),
        wanted="PNGs",
    )


def read_semantic_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its file holds becomes a problem, never an exception."""
    return read_tree_item(item, options, partial(_read, item, binding))


def _read(item: TreeItem, binding: Binding, photo: Photo) -> Reading:
    path = Path(item.files["mask"])
    runs = read_number_runs(path, bits=(8,))
    names = {each.external_id: each.name for each in SEMANTIC.classes}
    numbers = numbers_of(runs)
    if strange := [number for number in numbers if number not in names and number != _VOID]:
        raise_unknown_numbers(runs, strange, file=path.name)
    found: tuple[Problem, ...] = tuple(
        unbound_class(names[number], 1)._replace(file=path.name)
        for number in numbers
        if number != _VOID and binding.get(number) is None
    )
    classes = {number: binding.get(number) for number in numbers}
    return Reading(label_from_classes(runs, classes), found)


BDD100K_SEMANTIC = Format(
    name="bdd100k_semantic",
    title="BDD100K semantic masks",
    has_classes=True,
    has_ids=False,
    file_name=None,
    open=open_semantic,
    read_item=read_semantic_item,
    recognise=recognise_semantic,
    scheme=SEMANTIC.scheme,
    carries=Carries(
        void="255",
        crowd="a thing class is one crowd",
        overlap="there is none",
        loses="nothing: it is only read; it has neither instances nor ids",
    ),
)
