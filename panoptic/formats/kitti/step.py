"""The format `kitti_step`: KITTI-STEP, panoptic maps of videos.

`panoptic_maps/<split>/<sequence>/<frame>.png` is RGB: R = the train id of Cityscapes, 255 void,
instance = 256 G + B, as the preparation of DeepLab2 has it; photographs are
`images/<split>/<sequence>/<frame>.png`, those of the split test without maps. Only persons and
cars have instances; instance 0 of them, and all of any other thing class, is a crowd.

The id of a segment is `(train id + 1) · 65536 + instance`, and the track of an instance is the
same number: it is one object in all frames of its sequence. Sequences count anew, so two objects
of two sequences may have one track id; what tells them apart is the sequence, which stands in the
name and, with the frame, among the attributes of an image. Images of test are called `test/…`,
because their sequences have the numbers of others.

Written: an instance has the number of its track, whether that was read here or is a plain number
to 65,535; without a track that of its id, else the lowest that is free. A relabelled object so
keeps its number over all frames, unless its new class has it already, which is told. Images
without a split go to `train`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panoptic.formats.base import (
    Binding,
    Carries,
    ExportClass,
    ExportImage,
    FileClass,
    Format,
    Found,
    LabelledImage,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.cityscapes.labels import EVALUATED, TRAIN_SCHEME, file_classes
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
from panoptic.formats.problems import Problem, warn
from panoptic.png import encode_panoptic_png
from panoptic.png_read import read_id_runs

_PERSON, _CAR = 11, 13
_VOID = 255
_CLASSES: tuple[FileClass, ...] = tuple(
    class_._replace(kind="thing" if class_.external_id in (_PERSON, _CAR) else "stuff")
    for class_ in file_classes(EVALUATED, by_train_id=True)
)
_NUMBERING = Numbering(
    {int(class_.external_id): class_.name for class_ in _CLASSES},
    step=2**16,
    first=1,
    instance_codes=frozenset({_PERSON, _CAR}),
    has_tracks=True,
)
_MAPS, _PHOTOS = "panoptic_maps", "images"
_FRAME = re.compile(r"(?:.*/)?(?P<sequence>\d+)/(?P<frame>\d{1,9})\.[^./]+")


def open_kitti_step(path: Path, options: ReadOptions) -> TreeSource:
    """List the files below `path`, which may also be its folder of maps."""
    problems: list[Problem] = []
    return TreeSource(
        path,
        classes=_CLASSES,
        scheme=TRAIN_SCHEME,
        # A list, because listing is what finds the problems.
        items=[item for split in _find_splits(path) for item in list_split(split, problems)],
        problems=problems,
        wanted=f"files {_MAPS}/<split>/<sequence>/<frame>{SUFFIX}",
    )


def read_kitti_step_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its file holds becomes a problem, never an exception."""
    return read_tree_item(item, options, partial(_read, item, binding))


def recognise_kitti_step(path: Path) -> Iterator[Found]:
    """A folder `panoptic_maps` with frames: this, in it, or one below."""
    inner = [name for name in list_folders(path)[:MOST_FOLDERS] if name != _MAPS]
    for root in (path, *(path / name for name in inner)):
        maps = (map_ for split in _find_splits(root) for map_ in _first_maps(split))
        if map_ := next(maps, None):
            yield Found(root, f"{'/'.join(map_.parts[-4:])} is a frame of KITTI-STEP")


class KittiStepWriter(KittiWriter):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        super().__init__(target)
        (self.folder / _MAPS).mkdir()
        self.encode = partial(encode_kitti_step, find_targets(_NUMBERING, TRAIN_SCHEME, classes))


def encode_kitti_step(targets: Mapping[int, Target], image: ExportImage) -> FilesRecord:
    """Encode one image; pure. Raises UnknownClass, and TooLarge for a track beyond 65,535."""
    split = image.split or "train"
    stem = f"{split}/{photo_stem(image.name.removeprefix('test/' if split == 'test' else ''))}"
    photo = f"{_PHOTOS}/{stem}"
    if image.label is None:
        return unlabelled(image, photo)
    numbered = number_label(image, image.label, _NUMBERING, targets)
    png = encode_panoptic_png(map_numbers(numbered.runs, _words_of))
    problems = numbered.problems
    if not _FRAME.fullmatch(image.name):
        message = "the name is not <sequence>/<frame> in digits, which the format's tools expect"
        problems = (*problems, warn("unusual_name", message, image=image.name))
    return FilesRecord(
        image.name,
        ((f"{_MAPS}/{stem}{SUFFIX}", png),),
        numbered.segments,
        numbered.lost,
        problems,
        photo,
    )


def _find_splits(path: Path) -> list[Split]:
    """The splits that have maps or photographs; none are where the sequences lie at once."""
    root = path.parent if path.name == _MAPS else path
    maps, photos = root / _MAPS, root / _PHOTOS
    names = sorted({*list_folders(maps), *list_folders(photos)})
    if names and all(name.isdigit() for name in names):
        return [Split(None, _MAPS, photos, {"map": maps})]
    return [Split(name, name, photos / name, {"map": maps / name}) for name in names]


def _first_maps(split: Split) -> Iterator[Path]:
    folder = split.maps["map"]
    return (folder / name for name in islice(iter_files(folder, (SUFFIX,)), 10))


def _read(item: TreeItem, binding: Binding, photo: Photo) -> Reading:
    attributes: dict[str, Any] = {}
    if match := _FRAME.fullmatch(item.name):
        attributes = {"sequence": match["sequence"], "frame": int(match["frame"])}
    if not item.files:
        return Reading(None, attributes=attributes)
    runs = read_id_runs(Path(item.files["map"]))
    reading = read_numbers(map_numbers(runs, _numbers_of), _NUMBERING, binding)
    return reading._replace(attributes=attributes)


def _numbers_of(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of pixels R + 256 G + 65536 B; of void the instance does not matter."""
    codes, high, low = words & 255, words >> 8 & 255, words >> 16
    return np.where(codes == _VOID, 0, (codes + 1) << 16 | high << 8 | low)


def _words_of(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    codes, high, low = (numbers >> 16) - 1, numbers >> 8 & 255, numbers & 255
    return np.where(numbers == 0, _VOID, codes | high << 8 | low << 16)


KITTI_STEP = Format(
    name="kitti_step",
    title="KITTI-STEP",
    has_classes=True,
    has_ids=True,
    file_name=None,
    open=open_kitti_step,
    read_item=read_kitti_step_item,
    create=KittiStepWriter,
    recognise=recognise_kitti_step,
    scheme=TRAIN_SCHEME,
    write_options=(PHOTOS,),
    carries=Carries(
        void="class 255",
        crowd="persons and cars of instance 0; crowds of a class become one",
        overlap="the visible part of every segment",
        loses="hidden pixels and segments; classes that are none of the 19, which become void;"
        " instances of other classes than person and car, which become one region of their class;"
        " ids and tracks that are not (train id + 1) · 65536 + instance, of tracks all but the"
        " number; scores, origins, attributes of segments and images; that an image is in no"
        " split: it goes to train; of names of test images that they do not begin with test/;"
        " without photographs the suffixes of names, which become .png, and unlabelled images;"
        " tracks beyond 65,535 are refused",
    ),
)
