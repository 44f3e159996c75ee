"""COCO panoptic, written: PNG ids are segment ids, areas and boxes those of the visible pixels.

A layered label is written as it is seen: pixels and segments under others are left out and
counted. Several crowds of a class in one image stay several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, count
from os.path import exists
from pathlib import Path
from typing import NamedTuple

from panoptic.formats.base import ExportClass, ExportImage, WriteOptions
from panoptic.formats.coco.categories import category_ids
from panoptic.formats.coco.fields import SCHEME
from panoptic.formats.coco.writer import (
    CocoWriter,
    ImageRecord,
    encode_fields,
    encode_image,
    open_end,
    report_lost,
)
from panoptic.formats.file_trees import write_new
from panoptic.formats.json_stream import encode_json
from panoptic.formats.paths import member_path
from panoptic.formats.visible import report_hidden, visible_part
from panoptic.png import encode_panoptic_png


class PanopticRecord(NamedTuple):
    """An encoded image: None for both where it is unlabelled."""

    image: ImageRecord
    segments_info: bytes | None
    png: bytes | None


class PanopticWriter(CocoWriter):
    """Writes `target` and the folder of the same name without .json beside it."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        self._folder = target.with_suffix("")
        if self._folder == target:
            self._folder = target.with_name(f"{target.name}_masks")
        super().__init__(target, classes, options, self._folder)
        self._staging.path(self._folder).mkdir()
        self.encode = partial(encode_panoptic, category_ids(classes, options.scheme or SCHEME))

    def add(self, record: PanopticRecord, photo: bytes | None = None) -> None:
        self.add_image(record.image)
        if record.segments_info is None or record.png is None:
            return
        file_name = self._write_png(record.image.name, record.png)
        raw = record.segments_info + b',"file_name":' + encode_json(file_name)
        self.add_annotation(raw)

    def _write_png(self, name: str, png: bytes) -> str:
        """The file's name is that of the image with .png for its suffix, if that is free."""
        folder = self._staging.path(self._folder)
        stem = str(Path(name).with_suffix(""))
        others = (f"{name}.{number}.png" for number in count(2))
        for file_name in chain([f"{stem}.png", f"{name}.png"], others):
            # Path.exists would raise where the name is too long for the disk.
            if not exists(member_path(folder, file_name)):
                break
        write_new(folder, file_name, png, image=name)
        return file_name


def encode_panoptic(categories: Mapping[int, int], image: ExportImage) -> PanopticRecord:
    """Encode one image; pure. Raises UnknownClass for a class without a category id."""
    record = encode_image(image)
    if image.label is None:
        return PanopticRecord(record, None, None)
    visible = visible_part(image, image.label, categories)
    lost: set[str] = set()
    segments_info = [
        {
            "id": row.segment_id,
            "category_id": categories[row.class_id],
            "iscrowd": int(row.crowd),
            "bbox": list(visible.boxes[row.segment_id]),
            "area": visible.areas[row.segment_id],
            **encode_fields(row, lost),
        }
        for row in visible.rows
    ]
    record = record._replace(
        segments=len(segments_info),
        lost=visible.lost,
        problems=(*report_hidden(visible.hidden, image.name), *report_lost(lost, image.name)),
    )
    return PanopticRecord(
        record, open_end({"segments_info": segments_info}), encode_panoptic_png(visible.runs)
    )
