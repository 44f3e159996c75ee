"""Pixel maps, written: `<split>/<name>.png`, and `pixelmaps.json`, which says what they mean.

Values that the depth of the maps cannot hold, or that mean void, are refused where such a class
is in an image, never wrapped. A class of category 0 has no value in two of the conventions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.errors import TooLarge
from panoptic.formats.base import ExportClass, ExportImage, Kind, Option, WriteOptions
from panoptic.formats.coco.categories import category_ids, write_categories
from panoptic.formats.coco.fields import SCHEME
from panoptic.formats.file_trees import FilesRecord, FolderWriter, NameTaken
from panoptic.formats.losses import (
    FIELDS,
    MERGED_SEGMENTS,
    VOID_PIXELS,
)
from panoptic.formats.paths import photo_stem
from panoptic.formats.pixelmaps.reader import MAP_SUFFIX
from panoptic.formats.pixelmaps.table import (
    CONVENTION,
    TABLE,
    THINGS,
    VOIDS,
    value_of_classes,
    write_table,
)
from panoptic.formats.problems import Problem, warn
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import leave_out, visible_part
from panoptic.png import encode_class_png
from panoptic.runs import relabel_runs

BITS = Option("bits", "of a pixel; category ids beyond 255 need 16", ("8", "16"))


class PixelClass(NamedTuple):
    """What becomes of a class; `value` None: void."""

    name: str
    kind: Kind
    value: int | None


class Plan(NamedTuple):
    """How an export writes, by class id."""

    classes: Mapping[int, PixelClass]
    void: int
    bits: int


class PixelmapsWriter(FolderWriter):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        super().__init__(target)
        self._scheme = options.scheme or SCHEME
        self._convention = CONVENTION.value_in(options.values)
        self._categories = write_categories(classes, self._scheme)
        ids = category_ids(classes, self._scheme)
        kinds = {ids[each.class_id]: each.kind for each in classes}
        self._values = value_of_classes(self._convention, kinds)
        planned = {
            each.class_id: PixelClass(each.name, each.kind, self._values[ids[each.class_id]])
            for each in classes
        }
        self._plan = Plan(planned, VOIDS[self._convention], int(BITS.value_in(options.values)))
        # The first folders of maps: those that are splits, and those that belong to names.
        self._splits: set[str] = set()
        self._folders: set[str] = set()
        self.encode = partial(encode_pixelmap, self._plan)

    def note(self, record: FilesRecord) -> None:
        split, folder = record.entry
        if split is None:
            self._folders.add(folder)
        else:
            self._splits.add(split)
        # Else a reader would take the folder of a name for a split.
        if both := self._splits & self._folders:
            raise NameTaken(f"{both.pop()}/", record.name)

    def finish(self) -> None:
        limit = 2**self._plan.bits - 1
        values: dict[int, Mapping[str, Any]] = {}
        for category in self._categories:
            value = self._values[category["id"]]
            if value is None or value > limit or value == self._plan.void:
                continue
            is_one_of_things = self._convention == "detectron2" and category["isthing"]
            values[value] = {"name": THINGS.name} if is_one_of_things else category
        table = (self._convention, self._scheme, self._plan.bits)
        self.write(TABLE, write_table(*table, self._splits, list(values.items())))


def encode_pixelmap(plan: Plan, image: ExportImage) -> FilesRecord:
    """Encode one image; pure.

    Raises UnknownClass, and TooLarge for a class whose value does not fit.
    """
    label = image.label
    if label is None:
        return leave_out(image)
    visible = visible_part(image, label, plan.classes)
    values, lacking, things = {0: plan.void}, {}, []
    for row in visible.rows:
        class_ = plan.classes[row.class_id]
        values[row.segment_id] = _check_value(class_, plan, image.name)
        if class_.value is None:
            lacking[row.segment_id] = class_.name
        elif class_.kind == "thing":
            things.append(class_.value)
    keys = sorted(values)
    runs = relabel_runs(visible.runs, keys, [values[key] for key in keys])
    name = f"{photo_stem(image.name)}{MAP_SUFFIX}"
    split = image.split or None
    return FilesRecord(
        image.name,
        ((f"{split}/{name}" if split else name, encode_class_png(runs, plan.bits)),),
        len(visible.rows) - len(lacking),
        {
            **visible.lost,
            VOID_PIXELS: sum(visible.areas[segment_id] for segment_id in lacking),
            MERGED_SEGMENTS: len(things) - len(set(things)),
            FIELDS: count_fields(label.segments),
        },
        _report_void(sorted(set(lacking.values())), image.name),
        entry=(split, name.partition("/")[0] if "/" in name else ""),
    )


def _check_value(class_: PixelClass, plan: Plan, image: str) -> int:
    """The value of the pixels of a class; TooLarge if they cannot say it."""
    if class_.value is None:
        return plan.void
    limit = plan.void - 1 if class_.value == plan.void else 2**plan.bits - 1
    if class_.value > limit:
        what = f"values in maps of {plan.bits} bits (class {class_.name} of image {image})"
        raise TooLarge(what, actual=class_.value, limit=limit)
    return class_.value


def _report_void(names: Sequence[str], image: str) -> tuple[Problem, ...]:
    if not names:
        return ()
    message = f"category 0 has no value in this convention: {', '.join(names)} became void"
    return (warn("void_class", message, image=image),)
