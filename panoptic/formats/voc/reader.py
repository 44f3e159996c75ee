"""PASCAL VOC, read: `SegmentationClass` and `SegmentationObject`, two PNGs for each image.

A pixel's number in the one is its class, in the other its object; see `voc_classes` for void and
border. Files with a palette are read by their indices, never by their colours, unless a
`labelmap.txt` lies beside them, which knows classes by colours alone (CVAT's "Segmentation mask
1.1", Datumaro); RGB files are read by their colours, which for objects are those of VOC's
palette. Grey files hold numbers.

An object is a thing: its number is the segment's id, its class is that of the pixels under it,
and two classes under one object are an error. What has a class and no object is a segment of
stuff, or one crowd where the class is a thing; their ids are the lowest that no object has, in
order of the first pixel. Without `SegmentationObject` everything is such. A border in either
file is void, and its pixels are counted in a warning.

`ImageSets/Segmentation/*.txt` say the split of a stem; `trainval` and `default` are none. A stem
in two lists is in the first of train, val, test and what else there is by name, with a warning.
Files that no list names are images without a split; a stem without files is an unlabelled image
if there is a photograph in `JPEGImages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from io import StringIO
from pathlib import Path

from panoptic.errors import MalformedFile
from panoptic.formats.base import Binding, Found, LabelledImage, ReadOptions
from panoptic.formats.coded_maps import numbers_of, raise_unknown_numbers
from panoptic.formats.color_maps.tables import (
    LABELMAP,
    VOC_PALETTE,
    color_word,
    raise_unknown_colors,
    read_text,
)
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.paths import InvalidName, check_relative, find_photo_of_stem, iter_files
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem, list_some, problem_of, warn
from panoptic.formats.voc.classes import VOC_CLASSES, VocClasses, read_labelmap
from panoptic.formats.voc.segments import label_of_maps
from panoptic.images import read_header
from panoptic.png_read import read_index_runs, read_value_runs
from panoptic.runs import Runs, constant_runs, relabel_runs

PHOTOS, CLASSES, OBJECTS = "JPEGImages", "SegmentationClass", "SegmentationObject"
LISTS = "ImageSets/Segmentation"
# Lists that are no split: VOC's own union of two, and the one that CVAT gives images without any.
TRAINVAL, NO_SPLITS = "trainval", ("trainval", "default")

_MAX_LIST_BYTES = 2**26
_OBJECTS = {number: number for number in range(256)}
_OBJECT_WORDS = {color_word(color): number for number, color in enumerate(VOC_PALETTE)}


def recognise_voc(path: Path) -> Iterator[Found]:
    """A folder with a folder SegmentationClass of PNGs, as it is or one folder further down."""
    for folder in [path, *sorted(path.glob("*/"))]:
        first = next(iter_files(folder / CLASSES, (".png",)), None)
        if first is not None:
            beside = f" beside {LABELMAP}" if (folder / LABELMAP).is_file() else ""
            yield Found(folder, f"{CLASSES}/{first}{beside}")


def open_voc(path: Path, options: ReadOptions) -> TreeSource:
    """List the images; only the lists of `ImageSets` and the labelmap are opened."""
    problems: list[Problem] = []
    found = VOC_CLASSES
    try:
        found = _classes_of(_facts(path, options))
    except MalformedFile as error:
        problems.append(problem_of(error))
    splits = _read_lists(path / LISTS, problems)
    if not (path / CLASSES).is_dir():
        message = f"there is no folder {CLASSES} in {path.name}; boxes and actions are not read"
        problems.append(Problem("missing_folder", message, path.name))
        splits = {}
    return TreeSource(
        path,
        classes=found.classes,
        scheme=found.scheme,
        items=_iter_items(path, splits, options),
        problems=problems,
        wanted=f"PNGs in {CLASSES}",
    )


def read_voc_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    return read_tree_item(item, options, partial(_read, item, binding))


def _read_lists(folder: Path, problems: list[Problem]) -> dict[str, str | None]:
    """Stems and their splits."""
    order = {name: place for place, name in enumerate(("train", "val", "test"))}
    files = sorted(folder.glob("*.txt"), key=lambda file: (order.get(file.stem, 3), file.stem))
    splits: dict[str, str | None] = {}
    for file in files:
        try:
            check_relative(file.stem)
            lines = StringIO(read_text(file, _MAX_LIST_BYTES))
        except MalformedFile as error:
            problems.append(problem_of(error, file=LISTS))
            continue
        stems = {stem for line in lines if (stem := _unquoted(line.strip()))}
        if file.stem in NO_SPLITS:
            splits = {**dict.fromkeys(stems), **splits}
            continue
        if twice := sorted(stem for stem in stems if splits.get(stem) is not None):
            kept = splits[twice[0]]
            message = f"{list_some(twice)} of {file.name} are in other lists, too, as in {kept}.txt"
            problems.append(warn("two_splits", message, file=file.name, image=twice[0]))
        splits |= {stem: file.stem for stem in stems if splits.get(stem) is None}
    return splits


def _unquoted(line: str) -> str:
    """Tools that allow spaces in names may put them in quotes."""
    return line[1:-1] if len(line) > 2 and line[0] == line[-1] == '"' else line


def _iter_items(
    root: Path, splits: Mapping[str, str | None], options: ReadOptions
) -> Iterator[TreeItem]:
    """An item for every stem that a folder of labels or a list has."""
    files: dict[str, dict[str, str]] = {stem: {} for stem in splits}
    for role, folder in (("class", root / CLASSES), ("object", root / OBJECTS)):
        for name in iter_files(folder, (".png",)):
            files.setdefault(name[:-4], {})[role] = str(folder / name)
    facts = _facts(root, options)
    photos = options.images or root / PHOTOS
    for stem, own in files.items():
        try:
            photo = find_photo_of_stem(photos, stem)
        except InvalidName:
            photo = None  # and the source refuses the name
        name = photo.relative_to(photos).as_posix() if photo else f"{stem}.jpg"
        # Photographs that the options name are found by the name of the image.
        beside = "" if photo is None or options.images else str(photo)
        yield TreeItem(name, own, beside, splits.get(stem), facts)


def _facts(root: Path, options: ReadOptions) -> dict[str, str | bool]:
    """What an item must know of the whole: the labelmap, and whether there are objects."""
    labelmap = options.classes or root / LABELMAP
    is_there = options.classes is not None or labelmap.is_file()
    return {"labelmap": str(labelmap) if is_there else "", "objects": (root / OBJECTS).is_dir()}


def _classes_of(facts: Mapping[str, str | bool]) -> VocClasses:
    if not facts["labelmap"]:
        return VOC_CLASSES
    return read_labelmap(Path(str(facts["labelmap"])), "thing" if facts["objects"] else "stuff")


def _read(item: TreeItem, binding: Binding, photo: Photo) -> Reading:
    if "class" not in item.files:
        if "object" in item.files:
            raise MalformedFile(f"there is no file of this name in {CLASSES}")
        if photo.path is None:
            raise MalformedFile(f"{LISTS} names an image that has neither labels nor photograph")
        return Reading(None)
    known = _classes_of(item.facts)
    path = Path(item.files["class"])
    classes = _read_numbers(path, known.indices, known.words, by_palette=known.has_colors)
    objects = constant_runs(*classes.shape)
    found = []
    if "object" in item.files:
        path = Path(item.files["object"])
        objects = _read_numbers(path, _OBJECTS, _OBJECT_WORDS, expected_size=classes.shape)
    elif item.facts["objects"]:
        message = f"there is no file of this name in {OBJECTS}: each thing class is one crowd"
        found.append(warn("missing_file", message, file=path.name))
    reading = label_of_maps(classes, objects, known, binding)
    return reading._replace(problems=(*found, *reading.problems))


def _read_numbers(
    path: Path,
    indices: Mapping[int, int],
    words: Mapping[int, int],
    *,
    by_palette: bool = False,
    expected_size: tuple[int, int] | None = None,
) -> Runs:
    """The numbers that the values of a file mean, or its colours."""
    mode = read_header(path).mode
    shows_colors = mode in ("RGB", "RGBA") or (mode == "P" and by_palette)
    if shows_colors:
        values = read_value_runs(path, "color", expected_size=expected_size)
    else:
        values = read_index_runs(path, expected_size=expected_size)
    meanings = words if shows_colors else indices
    found = numbers_of(values)
    if strange := [value for value in found if value not in meanings]:
        if shows_colors:
            raise_unknown_colors(values, strange, path.name)
        raise_unknown_numbers(values, strange, file=path.name)
    return relabel_runs(values, found, [meanings[value] for value in found])
