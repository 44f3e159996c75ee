"""PASCAL VOC, written: PNGs with VOC's palette, lists of stems, a labelmap where one is needed.

What is written is the visible partition. Things are objects under their own ids where those are
254 or less, else under the lowest free number; stuff and crowds have a class and no object. A
border is not drawn: nothing is known of one. More than 254 things in an image, or classes in a
list, are an error.

Classes that are all among VOC's 20, by their `voc` ids or by name, are written as those. Any
others come with a `labelmap.txt`, and the files show its colours.

An image is in the list of its split, and in `trainval` if that is train or val or none; splits
called `trainval` or `default` come back as none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from panoptic.colors import Color
from panoptic.errors import TooLarge
from panoptic.formats.base import ExportClass, ExportImage, WriteOptions
from panoptic.formats.coded_maps import complete_numbers, free_numbers
from panoptic.formats.color_maps.tables import (
    LABELMAP,
    VOC_PALETTE,
    NamedColor,
    assign_colors,
    encode_labelmap,
)
from panoptic.formats.file_trees import FilesRecord, FolderWriter
from panoptic.formats.losses import CHANGED_IDS, FIELDS, MERGED_CROWDS, MERGED_SEGMENTS
from panoptic.formats.paths import photo_stem
from panoptic.formats.problems import Problem
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import Visible, leave_out, report_hidden, visible_part
from panoptic.formats.voc.classes import BACKGROUND, BORDER, MAX_NUMBER, SCHEME, VOC_IDS
from panoptic.formats.voc.reader import CLASSES, LISTS, OBJECTS, PHOTOS, TRAINVAL
from panoptic.label import Segment
from panoptic.png import encode_class_png
from panoptic.runs import relabel_runs


class VocTable(NamedTuple):
    """The number of every class by class id, and which of them are things."""

    numbers: Mapping[int, int]
    things: frozenset[int]
    palette: tuple[Color, ...]


class VocWriter(FolderWriter):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        table, labelmap, problems = _make_table(classes)
        super().__init__(target)
        self._tally.add(0, {}, problems, images=0)
        if labelmap:
            self.write(LABELMAP, labelmap)
        self.encode = partial(encode_voc, table)
        self._stems: dict[str, list[str]] = {TRAINVAL: []}

    def note(self, record: FilesRecord) -> None:
        stem, split = record.entry
        lists = {split or TRAINVAL}
        if split in ("train", "val"):
            lists.add(TRAINVAL)
        for name in lists:
            self._stems.setdefault(name, []).append(stem)

    def finish(self) -> None:
        for name, stems in sorted(self._stems.items()):
            lines = "".join(f"{_line(stem)}\n" for stem in sorted(stems))
            self.write(f"{LISTS}/{name}.txt", lines.encode())


def _line(stem: str) -> str:
    """A stem in a list; in quotes where a reader would else take something off its ends."""
    return f'"{stem}"' if stem != stem.strip(' "') else stem


def encode_voc(table: VocTable, image: ExportImage) -> FilesRecord:
    """Encode one image; pure. Raises UnknownClass, and TooLarge for more than 254 things."""
    if image.label is None:
        return leave_out(image)
    visible = visible_part(image, image.label, table.numbers)
    objects = _number_objects(visible.rows, table.things, image.name)
    ids = [row.segment_id for row in visible.rows]
    numbers = [table.numbers[row.class_id] for row in visible.rows]
    classes = relabel_runs(visible.runs, ids, numbers)
    instances = relabel_runs(visible.runs, ids, [objects.get(i, 0) for i in ids])
    stem = photo_stem(image.photo_name or image.name)
    return FilesRecord(
        image.name,
        (
            (f"{CLASSES}/{stem}.png", encode_class_png(classes, palette=table.palette)),
            (f"{OBJECTS}/{stem}.png", encode_class_png(instances, palette=VOC_PALETTE)),
        ),
        len(visible.rows),
        {
            **visible.lost,
            **_count_changed(visible, objects, table.things),
            FIELDS: count_fields(image.label.segments),
        },
        report_hidden(visible.hidden, image.name),
        photo=f"{PHOTOS}/{stem}",
        entry=(stem, image.split),
    )


def _number_objects(seen: Sequence[Segment], things: frozenset[int], image: str) -> dict[int, int]:
    """The object number of every instance, by segment id."""
    ids = [row.segment_id for row in seen if row.class_id in things and not row.crowd]
    if len(ids) > MAX_NUMBER:
        what = f"objects in the VOC files of image {image}"
        raise TooLarge(what, actual=len(ids), limit=MAX_NUMBER)
    return complete_numbers(ids, {each: each for each in ids if each <= MAX_NUMBER})


def _count_changed(
    visible: Visible, objects: Mapping[int, int], things: frozenset[int]
) -> dict[str, int]:
    """Segments that a reader of the files joins, or gives another id."""
    rows = {row.segment_id: row for row in visible.rows}
    regions: dict[int, list[int]] = {}
    # In the order of first pixels, by which a reader numbers what is no object.
    for segment_id in dict.fromkeys(visible.runs.values.tolist()):
        if segment_id in rows and segment_id not in objects:
            regions.setdefault(rows[segment_id].class_id, []).append(segment_id)
    changed = sum(number != segment_id for segment_id, number in objects.items())
    merged = {True: 0, False: 0}
    numbers = free_numbers(objects.values(), len(regions))
    for number, (class_id, ids) in zip(numbers, regions.items(), strict=True):
        merged[class_id in things] += len(ids) - 1
        changed += sum(segment_id != number for segment_id in ids)
    return {CHANGED_IDS: changed, MERGED_CROWDS: merged[True], MERGED_SEGMENTS: merged[False]}


def _make_table(
    classes: Sequence[ExportClass],
) -> tuple[VocTable, bytes, tuple[Problem, ...]]:
    """The numbers of the classes, and a labelmap if they are not those of VOC, else b""."""
    things = frozenset(class_.class_id for class_ in classes if class_.kind == "thing")
    numbers = _voc_numbers(classes)
    if numbers is not None:
        return VocTable(numbers, things, VOC_PALETTE), b"", ()
    if len(classes) > MAX_NUMBER:
        raise TooLarge("classes of VOC files", actual=len(classes), limit=MAX_NUMBER)
    void, border = VOC_PALETTE[BACKGROUND], VOC_PALETTE[BORDER]
    colors, problems = assign_colors(classes, (void, border), LABELMAP)
    ordered = sorted(classes, key=lambda class_: class_.class_id)
    own = [colors[class_.class_id] for class_ in ordered]
    palette = [void, *own, *[void] * (MAX_NUMBER - len(own)), border]
    taken = {class_.name for class_ in classes}
    background = next(name for name in ("background", "void", "nothing") if name not in taken)
    rows = [NamedColor(class_.name, color) for class_, color in zip(ordered, own, strict=True)]
    labelmap = encode_labelmap([NamedColor(background, void), *rows])
    numbers = {class_.class_id: number for number, class_ in enumerate(ordered, 1)}
    return VocTable(numbers, things, tuple(palette)), labelmap, problems


def _voc_numbers(classes: Sequence[ExportClass]) -> dict[int, int] | None:
    """VOC's number of every class; None unless each has one of its own."""
    numbers = {each.class_id: each.external.get(SCHEME, VOC_IDS.get(each.name)) for each in classes}
    known = {key: n for key, n in numbers.items() if isinstance(n, int) and n in VOC_IDS.values()}
    return known if len(set(known.values())) == len(classes) else None
