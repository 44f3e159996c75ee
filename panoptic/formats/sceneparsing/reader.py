"""ADE20K scene parsing, read: `annotations/<split>/<stem>.png` and `images/<split>/<stem>.jpg`.

A PNG of 8 bits holds the class of every pixel: 1 to 150 by the list `objectInfo150.txt`, and 0
for everything else, which is void. Tools that train on it often keep files with the classes
moved down to 0 to 149 and 255 for void (MMSegmentation's `reduce_zero_label`); nothing in such a
file says so. `objectInfo150.txt` says it if its classes begin with 0, as in our exports of that
kind; else the option `zero=first` must.

The benchmark's photographs are made smaller until their short side has 512 pixels at most, and
its annotations with them: they do not fit the photographs of the full ADE20K, and a label of
another size than its photograph is refused, never scaled.

There are no instances: a stuff class is one segment, the region of a thing class one crowd.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from panoptic.colors import parse_color
from panoptic.formats.base import (
    Binding,
    FileClass,
    Found,
    LabelledImage,
    Option,
    ReadOptions,
)
from panoptic.formats.class_lists.ade20k import ROWS
from panoptic.formats.coded_maps import (
    VOID,
    label_from_classes,
    numbers_of,
    raise_unknown_numbers,
    unbound_class,
)
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.paths import PHOTO_SUFFIXES, iter_files
from panoptic.value_maps import read_number_runs

SCHEME = "ade20k"
ZERO = Option(
    "zero",
    "what 0 means: other, so that classes are 1 to 150; or the first class, so that they are"
    " 0 to 149 and 255 is void",
    ("other", "first"),
)
READ_ZERO = Option(
    "zero", f"{ZERO.help}; auto: as objectInfo150.txt counts", ("auto", *ZERO.choices)
)
ANNOTATIONS, IMAGES, CLASS_TABLE = "annotations", "images", "objectInfo150.txt"
# The folders of the splits, where they are not called as the splits are.
FOLDERS = {"train": "training", "val": "validation"}
FIRST_VOID = 255
# Bytes of the table that hold its first class.
_MOST_HEAD = 4096

CLASSES = {
    number: FileClass(number, name, "stuff" if kind == "stuff" else "thing", parse_color(color))
    for number, name, kind, color, _ in ROWS
}

_SPLITS = {folder: split for split, folder in FOLDERS.items()}


def recognise_scenes(path: Path) -> Iterator[Found]:
    """Folders with `annotations` that hold the benchmark's table or files named as its own."""
    for root in (path, path / "ADEChallengeData2016"):
        if (root / ANNOTATIONS).is_dir():
            if (root / CLASS_TABLE).is_file():
                yield Found(root, f"{CLASS_TABLE} beside {ANNOTATIONS}/")
            elif name := _find_benchmark_file(root / ANNOTATIONS):
                yield Found(root, f"{ANNOTATIONS}/{name} is named as the benchmark's files are")


def open_scenes(path: Path, options: ReadOptions) -> TreeSource:
    """List the annotations; photographs without one are unlabelled images."""
    zero = READ_ZERO.value_in(options.values)
    if zero == "auto":
        zero = _zero_of_table(path / CLASS_TABLE)
    return TreeSource(
        path,
        classes=CLASSES.values(),
        scheme=SCHEME,
        items=_iter_items(path, zero),
        wanted=f"{ANNOTATIONS}/<split>/*.png",
    )


def read_scene_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    return read_tree_item(item, options, lambda photo: _read(item, binding))


def number_in_file(external_id: int, zero: str) -> int:
    """The value of the pixels of a class; `zero` is that of the option."""
    return external_id - (zero == "first")


def _read(item: TreeItem, binding: Binding) -> Reading:
    if not item.files:
        return Reading(None)
    runs = read_number_runs(Path(item.files["annotation"]), bits=(8,))
    zero = item.facts["zero"]
    listed = {number_in_file(external_id, zero): external_id for external_id in CLASSES}
    meanings = {number: binding.get(external_id) for number, external_id in listed.items()}
    meanings[FIRST_VOID if zero == "first" else 0] = VOID
    found = numbers_of(runs)
    if strange := [number for number in found if number not in meanings]:
        raise_unknown_numbers(runs, strange, _tell_number)
    if problems := [
        unbound_class(f"{listed[number]} ({CLASSES[listed[number]].name})", 1)
        for number in found
        if number in listed and meanings[number] is None
    ]:
        return Reading(None, tuple(problems))
    return Reading(label_from_classes(runs, meanings))


def _tell_number(number: int) -> str:
    return "255 (void with zero=first)" if number == FIRST_VOID else str(number)


def _iter_items(root: Path, zero: str) -> Iterator[TreeItem]:
    """The images of all splits; none where there is no annotation at all."""
    annotations = _files_by_stem(root / ANNOTATIONS, (".png",))
    photos = _files_by_stem(root / IMAGES, PHOTO_SUFFIXES) if annotations else {}
    for stem in sorted(annotations.keys() | photos.keys()):
        name = photos.get(stem, f"{stem}.jpg")
        split, below = name.split("/", 1) if "/" in name else ("", name)
        yield TreeItem(
            below,
            {"annotation": str(root / ANNOTATIONS / annotations[stem])}
            if stem in annotations
            else {},
            str(root / IMAGES / name) if stem in photos else "",
            _SPLITS.get(split, split) or None,
            {"zero": zero},
        )


def _zero_of_table(table: Path) -> str:
    """What 0 means by the number of the first class of the table; "other" without one."""
    try:
        with table.open("rb") as file:
            first = file.read(_MOST_HEAD).splitlines()[1]
    except (OSError, IndexError):
        return "other"
    return "first" if first.split(b"\t")[0].strip() == b"0" else "other"


def _files_by_stem(root: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """Paths below `root` without their last suffix, and with it."""
    return {os.path.splitext(name)[0]: name for name in iter_files(root, suffixes)}


def _find_benchmark_file(annotations: Path) -> str:
    """The first file of a split if its name is one of ADE20K's; cheap: it lists no folder whole."""
    for split in _SPLITS:
        try:
            with os.scandir(annotations / split) as entries:
                first = next(entries, None)
        except OSError:
            continue
        if first and first.name.startswith("ADE_") and first.name.endswith(".png"):
            return f"{split}/{first.name}"
    return ""
