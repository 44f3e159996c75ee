"""One small world that every format can write, and what each of them gives back of it.

The world has what tears labels apart: overlap, crowds, void, a class that no list of a format
knows, an image without segments, one without a label, one of a single pixel, photographs, splits
and names with folders, dots, spaces and accents.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from panoptic.formats.base import (
    Binding,
    BoundClass,
    ExportClass,
    ExportImage,
    ExportReport,
    Format,
    LabelledImage,
    ReadOptions,
    Source,
)
from panoptic.formats.options import parse_read_options, parse_write_options
from panoptic.formats.problems import Problem
from panoptic.formats.registry import FORMATS
from panoptic.label import Label, empty_label
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tests.builders import label, stack

ROAD, CAR, PERSON, DRAGON = 1, 2, 3, 4

# Ids in the schemes of all fixed lists; VOC has no road, and no list has a dragon.
CLASSES = (
    ExportClass(
        ROAD,
        "road",
        "stuff",
        (128, 64, 128),
        {
            "ade20k": 7,
            "bdd100k": 7,
            "cityscapes": 7,
            "cityscapes_train": 0,
            "coco": 149,
            "mapillary": 13,
            "mapillary2": 21,
        },
    ),
    ExportClass(
        CAR,
        "car",
        "thing",
        (0, 0, 142),
        {
            "ade20k": 21,
            "bdd100k": 35,
            "cityscapes": 26,
            "cityscapes_train": 13,
            "coco": 3,
            "mapillary": 55,
            "mapillary2": 108,
            "voc": 7,
        },
    ),
    ExportClass(
        PERSON,
        "person",
        "thing",
        (220, 20, 60),
        {
            "ade20k": 13,
            "bdd100k": 31,
            "cityscapes": 24,
            "cityscapes_train": 11,
            "coco": 1,
            "mapillary": 19,
            "mapillary2": 30,
            "voc": 15,
        },
    ),
    ExportClass(DRAGON, "dragon", "thing", (1, 2, 3)),
)

# Two cars, a person that hides a part of one of them, void below and to the right.
STREET = stack(
    "111111. 111111. 111111. .......",
    ".22.... .22.... ....... .......",
    "....33. ....33. ....... .......",
    "..44... ..44... ..44... .......",
    classes={1: ROAD, 2: CAR, 3: CAR, 4: PERSON},
)
# A crowd of persons between two of them.
SQUARE = label("1122 1333 1443", {1: ROAD, 2: PERSON, 3: PERSON, 4: PERSON}, crowds=[3])
# What no list has.
LAIR = label("1122 1122", {1: ROAD, 2: DRAGON})
PIXEL = label("1", {1: CAR})
NOTHING = empty_label(2, 3)


class Place(NamedTuple):
    """An image of the world."""

    name: str
    split: str | None
    label: Label | None
    size: tuple[int, int]

    @property
    def export(self) -> ExportImage:
        return ExportImage(self.name, self.label, *self.size, split=self.split)

    @property
    def photo(self) -> bytes:
        """A photograph of the kind that the name says, other for every name."""
        return photograph(self.name, self.size)


def _place(name: str, split: str | None, label_: Label | None) -> Place:
    return Place(name, split, label_, label_.shape if label_ is not None else (2, 3))


WORLD = (
    _place("0000/000000.png", "train", STREET),
    _place("0000/000001.png", "train", SQUARE),
    _place("0001/000000.png", "val", PIXEL),
    _place("0001/000001.png", "val", LAIR),
    _place("0001/000002.png", "val", NOTHING),
    _place("0001/000003.png", "val", None),
    _place("aus Köln/b.v1.0 é/c d.e.jpg", "train", STREET),
)


def photograph(name: str, size: tuple[int, int]) -> bytes:
    """A tiny JPEG or PNG whose pixels tell the name."""
    seed = sum(name.encode())
    pixels = (np.arange(size[0] * size[1] * 3) * 7 + seed) % 256
    file = io.BytesIO()
    kind = "JPEG" if name.endswith(".jpg") else "PNG"
    Image.fromarray(pixels.astype(np.uint8).reshape(*size, 3)).save(file, kind)
    return file.getvalue()


def name_of(form: Format) -> str:
    """What tests call a format."""
    return form.name


def target_name(form: Format) -> str:
    """What an export of a format is called in its folder."""
    return form.file_name or "files"


def has_photos(form: Format) -> bool:
    """Whether an export can hold photographs."""
    return any(option.name == "photos" for option in form.write_options)


def export_world(
    form: Format, target: Path, places: Iterable[Place] = WORLD, **values: str
) -> ExportReport:
    """Write the world; `values` are options of the format, photographs go where they ask for it."""
    options = parse_write_options(form, values)
    with form.create(target, CLASSES, options) as writer:
        for place in places:
            writer.add(writer.encode(place.export), place.photo if options.photos else None)
        return writer.close()


def export_every(folder: Path) -> None:
    """The world in every format that is written, below a folder, with all that it can hold."""
    for form in FORMATS.values():
        if form.is_written:
            values = {"photos": "yes"} if has_photos(form) else {}
            export_world(form, folder / form.name / target_name(form), **values)


class World(NamedTuple):
    """What was read: images by name, and every problem."""

    images: Mapping[str, LabelledImage]
    problems: tuple[Problem, ...]


def import_world(
    form: Format,
    path: Path,
    images: Path | None = None,
    *,
    classes: Iterable[ExportClass] = CLASSES,
    values: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> World:
    """Read all, classes bound as an import does: by id in the scheme of the files, else by name.

    settings : of `ReadOptions`
    """
    usual = {"class_name": None if form.has_classes else "car", "on_overlap": "last"}
    options = ReadOptions(
        images=images,
        values=parse_read_options(form, values or {}),
        **{**usual, **(settings or {})},
    )
    with form.open(path, options) as source:
        binding = bind(source, tuple(classes))
        read = [form.read_item(item, binding, options) for item in source.iter_items()]
        assert source.count in (None, len(read))
        problems = (*source.problems, *(each for image in read for each in image.problems))
    images_by_name = {image.name: image for image in read}
    assert len(images_by_name) == len(read)
    return World(images_by_name, problems)


def bind(source: Source, classes: tuple[ExportClass, ...] = CLASSES) -> Binding:
    """The classes of the world that those of a source are."""
    by_id = {
        class_.external[source.scheme]: class_
        for class_ in classes
        if source.scheme in class_.external
    }
    by_name = {class_.name: class_ for class_ in classes}
    found = {
        each.external_id: by_id.get(each.external_id) or by_name.get(each.name)
        for each in source.classes
    }
    return {
        external_id: BoundClass(class_.class_id, class_.kind)
        for external_id, class_ in found.items()
        if class_ is not None
    }


def draw(label_: Label | None) -> str | None:
    """The visible class of every pixel by its first letter, a capital for a crowd, '.' for void."""
    if label_ is None:
        return None
    letters = {0: "."}
    for row in label_.segments:
        letter = _LETTERS[row.class_id]
        letters[row.segment_id] = letter.upper() if row.crowd else letter
    plane = decode_runs(panoptic_runs(label_)).tolist()
    return " ".join("".join(letters[each] for each in line) for line in plane)


_LETTERS = {each.class_id: each.name[0] for each in CLASSES}
