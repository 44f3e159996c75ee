"""Bitmasks of BDD100K, written: `labels/pan_seg/bitmasks/<split>/x.png`, or `ins_seg`.

An image without a split goes to `train`. A class goes by its external id in the scheme of the
list, else by its name; what the list lacks is void and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from panoptic.errors import TooLarge
from panoptic.formats.base import ExportClass, ExportImage, WriteOptions
from panoptic.formats.bdd100k.classes import (
    ATTRIBUTES,
    BITMASKS,
    CROWD,
    LISTS,
    MAX_INSTANCE,
    ClassList,
    Word,
    join_word,
)
from panoptic.formats.coded_maps import complete_numbers
from panoptic.formats.file_trees import FilesRecord, FolderWriter
from panoptic.formats.losses import CHANGED_IDS, FIELDS, VOID_PIXELS
from panoptic.formats.paths import photo_stem
from panoptic.formats.problems import Problem, warn
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import leave_out, report_hidden, visible_part
from panoptic.label import Segment
from panoptic.png import encode_rgba_png
from panoptic.runs import relabel_runs


class Plan(NamedTuple):
    """How an export writes classes: names by class id, and numbers, which lack void ones."""

    names: Mapping[int, str]
    numbers: Mapping[int, int]
    masks: str
    images: str


class Bdd100kWriter(FolderWriter):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        super().__init__(target)
        list_ = LISTS[options.values.get("classes", "panoptic")]
        (task, images), *_ = list_.tasks.items()
        plan = Plan(
            {each.class_id: each.name for each in classes},
            _number_classes(classes, list_),
            f"labels/{task}/{BITMASKS}",
            f"images/{images}",
        )
        self.encode = partial(encode_bdd100k, plan)


def encode_bdd100k(plan: Plan, image: ExportImage) -> FilesRecord:
    """Encode one image; pure. TooLarge for more than 65,535 segments."""
    if image.label is None:
        return leave_out(image)
    visible = visible_part(image, image.label, plan.names)
    void: Counter[int] = Counter()
    written: list[Segment] = []
    for row in visible.rows:
        if row.class_id in plan.numbers:
            written.append(row)
        else:
            void[row.class_id] += visible.areas[row.segment_id]
    instances = _number_instances([row.segment_id for row in written], image.name)
    words = {
        row.segment_id: Word(plan.numbers[row.class_id], _bits_of(row), instances[row.segment_id])
        for row in written
    }
    masks = relabel_runs(visible.runs, list(words), list(map(join_word, words.values())), missing=0)
    split, stem = image.split or "train", photo_stem(image.name)
    kept = sum((word.bits & ~CROWD).bit_count() for word in words.values())
    return FilesRecord(
        image.name,
        ((f"{plan.masks}/{split}/{stem}.png", encode_rgba_png(masks)),),
        len(written),
        {
            **visible.lost,
            VOID_PIXELS: void.total(),
            CHANGED_IDS: sum(each != instance for each, instance in instances.items()),
            FIELDS: count_fields(image.label.segments) - kept,
        },
        (
            *report_hidden(visible.hidden, image.name),
            *(_report_void(plan.names[class_id], void[class_id], image) for class_id in void),
        ),
        f"{plan.images}/{split}/{stem}",
    )


def _number_classes(classes: Sequence[ExportClass], list_: ClassList) -> dict[int, int]:
    by_name = list_.by_name()
    # As BDD100K's own tools rename it.
    by_name.setdefault("person", by_name.get("pedestrian", 0))
    known = set(by_name.values())
    numbers = {}
    for class_ in classes:
        number = class_.external.get(list_.scheme)
        if number not in known:
            number = by_name.get(class_.name)
        if number is not None:
            numbers[class_.class_id] = int(number)
    return numbers


def _number_instances(ids: Sequence[int], image: str) -> dict[int, int]:
    """The instance of every id: the id where it fits 16 bits, else the lowest free one."""
    if len(ids) > MAX_INSTANCE:
        raise TooLarge(f"segments in image {image}", actual=len(ids), limit=MAX_INSTANCE)
    return complete_numbers(ids, {each: each for each in ids if each <= MAX_INSTANCE})


def _bits_of(row: Segment) -> int:
    bits = sum(bit for name, bit in ATTRIBUTES.items() if row.attributes.get(name) is True)
    return bits | (CROWD if row.crowd else 0)


def _report_void(name: str, pixels: int, image: ExportImage) -> Problem:
    message = f"BDD100K has no class {name!r}: {pixels} pixels are written as void"
    return warn("void_class", message, image=image.name)
