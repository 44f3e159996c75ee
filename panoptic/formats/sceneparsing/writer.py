"""ADE20K scene parsing, written: 8-bit PNGs of class numbers, and `objectInfo150.txt`.

A class goes by its external id in the scheme `ade20k`, else by its name in the list; what the
list lacks is written as void and counted. The splits `train` and `val` are the folders
`training` and `validation`; an image of no split goes to `training`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from panoptic.formats.base import ExportClass, ExportImage, WriteOptions
from panoptic.formats.class_lists.ade20k import ROWS
from panoptic.formats.file_trees import FilesRecord, FolderWriter
from panoptic.formats.losses import (
    FIELDS,
    MERGED_SEGMENTS,
    VOID_PIXELS,
)
from panoptic.formats.paths import photo_stem
from panoptic.formats.problems import Problem, warn
from panoptic.formats.sceneparsing.reader import (
    ANNOTATIONS,
    CLASS_TABLE,
    FIRST_VOID,
    FOLDERS,
    IMAGES,
    SCHEME,
    ZERO,
    number_in_file,
)
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import leave_out, visible_part
from panoptic.label import Segment
from panoptic.png import encode_class_png
from panoptic.runs import relabel_runs

_NUMBERS = {name: number for number, name, *_ in ROWS}


class Plan(NamedTuple):
    """How an export writes classes, by class id; `numbers` lacks those that become void."""

    classes: Mapping[int, ExportClass]
    numbers: Mapping[int, int]
    zero: str


class Counted(NamedTuple):
    """What the class table needs of an image: pixels by class number, and of the whole."""

    folder: str
    pixels: Mapping[int, int]
    size: int


class ScenesWriter(FolderWriter):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        super().__init__(target)
        numbers = {each.class_id: _number_of(each) for each in classes}
        plan = Plan(
            {each.class_id: each for each in classes},
            {class_id: number for class_id, number in numbers.items() if number},
            ZERO.value_in(options.values),
        )
        self.encode = partial(encode_scene, plan)
        self._zero = plan.zero
        self._size = 0
        self._pixels: Counter[int] = Counter()
        self._images: Counter[tuple[str, int]] = Counter()

    def note(self, record: FilesRecord) -> None:
        counted: Counted = record.entry
        self._size += counted.size
        self._pixels.update(counted.pixels)
        self._images.update((counted.folder, number) for number in counted.pixels)

    def finish(self) -> None:
        lines = ["Idx\tRatio\tTrain\tVal\tStuff\tName"]
        for number, name, kind, _, synonyms in ROWS:
            ratio = self._pixels[number] / (self._size or 1)
            train, val = (self._images[folder, number] for folder in FOLDERS.values())
            names = f"{name}, {synonyms}" if synonyms else name
            index = number_in_file(number, self._zero)
            lines.append(f"{index}\t{ratio:.4f}\t{train}\t{val}\t{int(kind == 'stuff')}\t{names}")
        self.write(CLASS_TABLE, "\n".join([*lines, ""]).encode())


def encode_scene(plan: Plan, image: ExportImage) -> FilesRecord:
    """Encode one image; pure. Raises UnknownClass for a class that the export does not have."""
    label = image.label
    if label is None:
        return leave_out(image)
    visible = visible_part(image, label, plan.classes)
    areas = visible.areas
    written = [row for row in visible.rows if row.class_id in plan.numbers]
    pixels: Counter[int] = Counter()
    values = {0: FIRST_VOID if plan.zero == "first" else 0}
    values |= {row.segment_id: values[0] for row in visible.rows}
    for row in written:
        number = plan.numbers[row.class_id]
        pixels[number] += areas[row.segment_id]
        values[row.segment_id] = number_in_file(number, plan.zero)
    keys = sorted(values)
    png = encode_class_png(relabel_runs(visible.runs, keys, [values[key] for key in keys]))
    things = [row for row in written if plan.classes[row.class_id].kind == "thing"]
    split = image.split or "train"
    folder = FOLDERS.get(split, split)
    stem = f"{folder}/{photo_stem(image.name)}"
    return FilesRecord(
        image.name,
        ((f"{ANNOTATIONS}/{stem}.png", png),),
        len(written),
        {
            **visible.lost,
            VOID_PIXELS: sum(areas.values()) - sum(pixels.values()),
            MERGED_SEGMENTS: len(things) - len({plan.numbers[row.class_id] for row in things}),
            FIELDS: count_fields(label.segments),
        },
        _report_void(plan, visible.rows, image.name),
        f"{IMAGES}/{stem}",
        Counted(folder, pixels, label.height * label.width),
    )


def _number_of(class_: ExportClass) -> int | None:
    number = class_.external.get(SCHEME)
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= len(ROWS):
        return number
    return _NUMBERS.get(class_.name) if number is None else None


def _report_void(plan: Plan, seen: Sequence[Segment], image: str) -> tuple[Problem, ...]:
    lacking = Counter(row.class_id for row in seen if row.class_id not in plan.numbers)
    if not lacking:
        return ()
    told = ", ".join(sorted(plan.classes[class_id].name for class_id in lacking))
    message = f"the list of 150 classes lacks {told}: {lacking.total()} segments became void"
    return (warn("void_class", message, image=image),)
