"""Id maps, written: `labels/*.png` or `.tif`, `classes.csv` and, of instances, `segments.csv`.

What is written is the visible partition, under the segments' own ids: they must fit the chosen
number of bits, or the export fails. With 32 bits, ids that an import could not keep because they
were 2^24 or more (attribute `source_id`) are written as they were.

As maps of classes: the number of a class is the one that its scheme gives it, else its id in
the taxonomy; 0 stays void.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from panoptic.errors import TooLarge
from panoptic.formats.base import ExportClass, ExportImage, Option, WriteOptions
from panoptic.formats.coco.categories import category_ids
from panoptic.formats.color_maps.tables import check_class_name
from panoptic.formats.file_trees import FilesRecord, FolderWriter
from panoptic.formats.id_maps.labels import SOURCE_ID, segment_ids
from panoptic.formats.id_maps.reader import LABELS, MEANING, PHOTOS
from panoptic.formats.id_maps.tables import (
    CLASSES,
    MAX_NUMBER,
    SEGMENTS,
    SegmentRow,
    encode_classes,
    encode_segments,
)
from panoptic.formats.id_maps.tiff import encode_tiff
from panoptic.formats.losses import CHANGED_IDS, FIELDS, MERGED_SEGMENTS
from panoptic.formats.paths import photo_stem
from panoptic.formats.spool import Spool
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import leave_out, report_hidden, visible_part
from panoptic.label import Segment
from panoptic.png import encode_class_png, encode_panoptic_png
from panoptic.runs import Runs, relabel_runs
from panoptic.segments import MAX_SEGMENT_ID

WRITTEN_MEANING = Option("meaning", "whether ids of segments or of classes", MEANING.choices[1:])
BITS = Option(
    "bits",
    "of a number: 8 and 16 are grey PNG, 24 are RGB PNG, 32 are TIFF",
    ("16", "8", "24", "32"),
)


class IdTable(NamedTuple):
    """Name of every class by class id; and their numbers, where the maps are of classes."""

    names: Mapping[int, str]
    numbers: Mapping[int, int] | None
    bits: int


class IdMapsWriter(FolderWriter):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        for class_ in classes:
            check_class_name(class_.name, CLASSES)
        numbers = _number_classes(classes, options.scheme)
        is_of_classes = WRITTEN_MEANING.value_in(options.values) == "classes"
        names = {class_.class_id: class_.name for class_ in classes}
        bits = int(BITS.value_in(options.values))
        if is_of_classes:
            _check_numbers(numbers.values(), bits, "numbers of classes")
        super().__init__(target)
        self.write(CLASSES, encode_classes(classes, numbers))
        self.encode = partial(encode_ids, IdTable(names, numbers if is_of_classes else None, bits))
        self._rows: Spool | None = None
        if not is_of_classes:
            self._rows = Spool(
                "CREATE TABLE rows (file TEXT, number INTEGER, class TEXT, crowd INTEGER);"
            )

    def note(self, record: FilesRecord) -> None:
        if self._rows is not None:
            for row in record.entry:
                self._rows.insert("rows", row)

    def finish(self) -> None:
        if self._rows is not None:
            rows = self._rows.iter_rows("SELECT * FROM rows ORDER BY file, number")
            with (self.folder / SEGMENTS).open("xb") as file:
                file.writelines(encode_segments(SegmentRow(*row) for row in rows))

    def discard(self) -> None:
        if self._rows is not None:
            self._rows.close()
        super().discard()


def encode_ids(table: IdTable, image: ExportImage) -> FilesRecord:
    """Encode one image; pure. Raises UnknownClass, and TooLarge for an id of too many bits."""
    if image.label is None:
        return leave_out(image)
    visible = visible_part(image, image.label, table.names)
    stem = photo_stem(image.photo_name or image.name)
    path = f"{stem}.tif" if table.bits == 32 else f"{stem}.png"
    lost = {**visible.lost, FIELDS: count_fields(image.label.segments)}
    if table.numbers is None:
        numbers = _number_segments(visible.rows, table.bits)
        kept = segment_ids(numbers.values())
        lost[CHANGED_IDS] = sum(kept[number] != i for i, number in numbers.items())
        lost[FIELDS] -= sum(number > MAX_SEGMENT_ID for number in numbers.values())
        rows = [
            SegmentRow(path, numbers[row.segment_id], table.names[row.class_id], row.crowd)
            for row in visible.rows
        ]
    else:
        numbers = {row.segment_id: table.numbers[row.class_id] for row in visible.rows}
        lost[MERGED_SEGMENTS] = len(numbers) - len(set(numbers.values()))
        rows = []
    _check_numbers(numbers.values(), table.bits, f"segment ids of image {image.name}")
    runs = relabel_runs(visible.runs, list(numbers), list(numbers.values()))
    content = _encode_map(runs, table.bits)
    return FilesRecord(
        image.name,
        ((f"{LABELS}/{path}", content),),
        len(numbers),
        lost,
        report_hidden(visible.hidden, image.name),
        photo=f"{PHOTOS}/{stem}",
        entry=rows,
    )


def _number_segments(seen: Sequence[Segment], bits: int) -> dict[int, int]:
    """The number of every segment by its id, which it mostly is, in ascending order of ids."""
    numbers = {row.segment_id: row.segment_id for row in seen}
    if bits < 32:
        return numbers
    taken: set[int] = set()
    for row in seen:
        original = row.attributes.get(SOURCE_ID)
        if not isinstance(original, int) or original in taken:
            continue
        if MAX_SEGMENT_ID < original <= MAX_NUMBER:
            numbers[row.segment_id] = original
            taken.add(original)
    return numbers


def _number_classes(classes: Sequence[ExportClass], scheme: str) -> dict[int, int]:
    """The number of every class by class id; none is 0."""
    numbers = category_ids(classes, scheme)
    highest = max(numbers.values(), default=0)
    return {class_id: number or highest + 1 for class_id, number in numbers.items()}


def _check_numbers(numbers: Iterable[int], bits: int, what: str) -> None:
    highest = max(numbers, default=0)
    if highest >= 2**bits:
        raise TooLarge(f"{what} in {bits} bits", actual=highest, limit=2**bits - 1)


def _encode_map(runs: Runs, bits: int) -> bytes:
    if bits == 32:
        return encode_tiff(runs)
    return encode_panoptic_png(runs) if bits == 24 else encode_class_png(runs, bits)
