"""The format `kitti`: semantic and instance segmentation of KITTI 2015.

`training/image_2` holds photographs, `training/instance` 16-bit PNGs of `class · 256 + n`,
`training/semantic` 8-bit PNGs of the class alone, `training/semantic_rgb` its colours, all of one
name; `testing` holds photographs only. Classes are the ids of Cityscapes; 0 is unlabelled. n
counts the objects of a class from 1, by the benchmark's own readme those of stuff, too; n = 0
says that nobody told them apart. The id of a segment is its value in `instance`.

Read: `instance`, and `semantic` only to compare the two; where an image has no `instance`, the
region of a thing class is one crowd. Images of `testing` are called `testing/…`, since their
numbers are those of images in `training`. Written: `testing` for the split test, `training` for
every other; the license plate, which no PNG can say, is void.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from panoptic.formats.base import (
    Binding,
    Carries,
    ExportClass,
    ExportImage,
    Format,
    Found,
    LabelledImage,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.cityscapes.labels import (
    LABELS,
    LICENSE_PLATE,
    SCHEME,
    UNLABELED,
    file_classes,
)
from panoptic.formats.file_trees import FilesRecord, Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.kitti.numbers import (
    Numbering,
    Target,
    find_targets,
    map_numbers,
    number_label,
    read_numbers,
)
from panoptic.formats.kitti.tree import (
    MOST_FOLDERS,
    SUFFIX,
    KittiWriter,
    Split,
    list_folders,
    list_split,
    unlabelled,
)
from panoptic.formats.options import PHOTOS
from panoptic.formats.paths import iter_files, photo_stem
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.png import encode_class_png, encode_panoptic_png
from panoptic.png_read import read_index_runs
from panoptic.runs import Runs, refine_runs

_STEP = 256
_LABELS = [label for label in LABELS if label.label_id not in (UNLABELED, LICENSE_PLATE)]
_NAMES = {label.label_id: label.name for label in _LABELS}
_NUMBERING = Numbering(_NAMES, _STEP, 0, frozenset(_NAMES))
# By label, as R + 256 G + 65536 B; unlabelled is black.
_COLORS = np.array([0, *(int.from_bytes(bytes(each.color), "little") for each in _LABELS)])

_SPLITS = {"training": "train", "testing": "test"}
_PHOTOS, _INSTANCE, _SEMANTIC, _RGB = "image_2", "instance", "semantic", "semantic_rgb"


def open_kitti(path: Path, options: ReadOptions) -> TreeSource:
    """List the files below `path`, or below the folder of one split."""
    problems: list[Problem] = []
    return TreeSource(
        path,
        classes=file_classes(_LABELS),
        scheme=SCHEME,
        # A list, because listing is what finds the problems.
        items=[item for split in _find_splits(path) for item in _list_items(split, problems)],
        problems=problems,
        wanted=f"files training/{_INSTANCE}/*{SUFFIX} or training/{_SEMANTIC}/*{SUFFIX}",
    )


def read_kitti_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its files hold becomes a problem, never an exception."""
    return read_tree_item(item, options, partial(_read, item, binding))


def recognise_kitti(path: Path) -> Iterator[Found]:
    """A folder `training` with maps of instances or classes: this, in it, or one below."""
    inner = [name for name in list_folders(path)[:MOST_FOLDERS] if name not in _SPLITS]
    for root in (path, *(path / name for name in inner)):
        for split in _find_splits(root):
            if map_ := _first_map(split):
                where = "/".join(map_.parts[-3:])
                yield Found(root, f"{where} is a map of KITTI")
                break


class KittiMapsWriter(KittiWriter):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        super().__init__(target)
        (self.folder / "training").mkdir()
        self.encode = partial(encode_kitti, find_targets(_NUMBERING, SCHEME, classes))


def encode_kitti(targets: Mapping[int, Target], image: ExportImage) -> FilesRecord:
    """Encode one image; pure. Raises UnknownClass, and TooLarge beyond 255 objects of a class."""
    folder = "testing" if image.split == "test" else "training"
    stem = photo_stem(image.name.removeprefix("testing/" if image.split == "test" else ""))
    photo = f"{folder}/{_PHOTOS}/{stem}"
    if image.label is None:
        return unlabelled(image, photo)
    numbered = number_label(image, image.label, _NUMBERING, targets)
    semantic = map_numbers(numbered.runs, lambda numbers: numbers // _STEP)
    colors = map_numbers(semantic, lambda codes: _COLORS[codes])
    files = {
        _INSTANCE: encode_class_png(numbered.runs, 16),
        _SEMANTIC: encode_class_png(semantic),
        _RGB: encode_panoptic_png(colors),
    }
    return FilesRecord(
        image.name,
        tuple((f"{folder}/{kind}/{stem}{SUFFIX}", png) for kind, png in files.items()),
        numbered.segments,
        numbered.lost,
        numbered.problems,
        photo,
    )


def _find_splits(path: Path) -> list[Split]:
    root, folders = (path.parent, [path.name]) if path.name in _SPLITS else (path, list(_SPLITS))
    return [
        Split(
            _SPLITS[folder],
            folder,
            root / folder / _PHOTOS,
            {kind: root / folder / kind for kind in (_INSTANCE, _SEMANTIC)},
        )
        for folder in folders
    ]


def _first_map(split: Split) -> Path | None:
    return next(
        (at / name for at in split.maps.values() for name in iter_files(at, (SUFFIX,))), None
    )


def _list_items(split: Split, problems: list[Problem]) -> Iterator[TreeItem]:
    alone = []
    for item in list_split(split, problems):
        if list(item.files) == [_SEMANTIC]:
            alone.append(item.name)
        yield item
    if alone:
        message = f"{len(alone)} images have no map of instances, each of their thing classes is"
        message += f" read as one crowd: {list_some(alone)}"
        problems.append(warn("missing_instances", message, file=split.folder))


def _read(item: TreeItem, binding: Binding, photo: Photo) -> Reading:
    if not item.files:
        return Reading(None)
    if _INSTANCE not in item.files:
        classes = _read_map(item, _SEMANTIC)
        return read_numbers(map_numbers(classes, lambda codes: codes * _STEP), _NUMBERING, binding)
    numbers = _read_map(item, _INSTANCE)
    # Objects of what is unlabelled are unlabelled.
    labelled = map_numbers(numbers, lambda each: np.where(each < _STEP, 0, each))
    reading = read_numbers(labelled, _NUMBERING, binding)
    if _SEMANTIC not in item.files:
        return reading
    problems = _compare(_read_map(item, _SEMANTIC, numbers.shape), numbers)
    return reading._replace(problems=(*reading.problems, *problems))


def _read_map(item: TreeItem, kind: str, size: tuple[int, int] | None = None) -> Runs:
    path = Path(item.files[kind])
    bits = (16,) if kind == _INSTANCE else (8,)
    return read_index_runs(path, bits=bits, expected_size=size, file=f"{kind}/{path.name}")


def _compare(semantic: Runs, numbers: Runs) -> Iterator[Problem]:
    """A warning where the two maps name different classes; that of the instances is read."""
    left, right, lengths = refine_runs(semantic, numbers)
    if pixels := int(lengths[left != right // _STEP].sum()):
        message = f"{pixels} pixels have another class in {_SEMANTIC} than in {_INSTANCE}, which is"
        yield warn("mismatched_maps", f"{message} what is read")


KITTI = Format(
    name="kitti",
    title="KITTI semantic and instance segmentation",
    has_classes=True,
    has_ids=True,
    file_name=None,
    open=open_kitti,
    read_item=read_kitti_item,
    create=KittiMapsWriter,
    recognise=recognise_kitti,
    scheme=SCHEME,
    write_options=(PHOTOS,),
    carries=Carries(
        void="label 0",
        crowd="a thing's value without a number; crowds of a class become one",
        overlap="the visible part of every segment",
        loses="hidden pixels and segments; classes that Cityscapes' PNGs do not have, which become"
        " void; ids that are not class · 256 + n; scores, tracks, origins, attributes of segments"
        " and images; splits but test, the others become train; of names of test images that they"
        " do not begin with testing/; without photographs the suffixes of names, which become"
        " .png, and unlabelled images; more than 255 objects of a class are refused",
    ),
)
