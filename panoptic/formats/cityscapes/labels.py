"""The labels of Cityscapes, and how numbers in its files name them.

A number below 1,000 is a label: all of it where the label is stuff, a group of objects (a crowd)
where it is a thing. `1000 · label + n` is object n of a thing, n from 0 to 999, with gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from panoptic.formats.base import ExportClass, FileClass, Kind
from panoptic.formats.class_lists.cityscapes import ROWS

SCHEME, TRAIN_SCHEME = "cityscapes", "cityscapes_train"

# What nobody labelled: void, and no class.
UNLABELED = 0
# It is drawn in polygons and never in PNGs, which have no negative numbers.
LICENSE_PLATE = -1
# The segment id of a license plate, which no number can be: the next one after the labels.
LICENSE_PLATE_ID = 34
# What labelTrainIds have where the evaluation counts nothing.
IGNORED = 255
# One past the highest number of an object of a label.
OBJECTS = 1000


class CityLabel(NamedTuple):
    """A label; `train_id` None: the evaluation ignores it."""

    label_id: int
    train_id: int | None
    name: str
    kind: Kind
    color: tuple[int, int, int]
    category: str


def _label(
    label_id: int, train_id: int | None, name: str, kind: str, color: str, category: str
) -> CityLabel:
    red, green, blue = bytes.fromhex(color[1:])
    is_thing = kind == "thing"
    return CityLabel(
        label_id, train_id, name, "thing" if is_thing else "stuff", (red, green, blue), category
    )


LABELS = tuple(_label(*row) for row in ROWS)
BY_ID: Mapping[int, CityLabel] = {label.label_id: label for label in LABELS}
BY_NAME: Mapping[str, CityLabel] = {label.name: label for label in LABELS}
EVALUATED = tuple(label for label in LABELS if label.train_id is not None)


def label_id_of(number: int) -> int:
    """The label that a number of instanceIds or labelIds is of, whether or not it is listed."""
    return number if number < OBJECTS else number // OBJECTS


def file_classes(labels: Iterable[CityLabel], *, by_train_id: bool = False) -> list[FileClass]:
    """Labels as classes of a file; unlabeled is none."""
    return [
        FileClass(
            label.train_id if by_train_id and label.train_id is not None else label.label_id,
            label.name,
            label.kind,
            label.color,
            label.category,
        )
        for label in labels
        if label.label_id != UNLABELED
    ]


def label_of_class(class_: ExportClass) -> CityLabel | None:
    """The label that a class of a taxonomy is: by its id in the scheme, else by exact name."""
    external = class_.external.get(SCHEME)
    label = BY_ID.get(external) if isinstance(external, int) else None
    label = label or BY_NAME.get(class_.name)
    return None if label is None or label.label_id == UNLABELED else label
