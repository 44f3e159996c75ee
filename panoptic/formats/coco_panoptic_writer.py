"""COCO panoptic, written: PNG ids are segment ids, areas and boxes those of the visible pixels.

A layered label is written as it is seen: pixels and segments under others are left out and
counted. Several crowds of a class in one image stay several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from panoptic.formats.base import WARNING, ExportClass, ExportImage, Problem, WriteOptions
from panoptic.formats.coco_categories import category_ids
from panoptic.formats.coco_fields import SCHEME, describe_ids
from panoptic.formats.coco_writer import (
    CocoWriter,
    ImageRecord,
    category_of,
    encode_fields,
    encode_image,
    open_end,
    report_lost,
)
from panoptic.formats.json_stream import encode_json
from panoptic.formats.losses import HIDDEN_PIXELS, HIDDEN_SEGMENTS
from panoptic.formats.painting import count_hidden
from panoptic.formats.paths import member_path
from panoptic.png import encode_panoptic_png
from panoptic.runs import measure_runs
from panoptic.views import panoptic_runs


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
            path = member_path(folder, file_name)
            if not path.exists():
                break
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(png)
        return file_name


def encode_panoptic(categories: Mapping[int, int], image: ExportImage) -> PanopticRecord:
    """Encode one image; pure. Raises UnknownClass for a class without a category id."""
    record = encode_image(image)
    if image.label is None:
        return PanopticRecord(record, None, None)
    visible = panoptic_runs(image.label)
    measures = measure_runs(visible)
    rows = {row.segment_id: row for row in image.label.segments}
    lost: set[str] = set()
    segments_info = []
    for segment_id, area, (top, left, bottom, right) in zip(
        measures.ids.tolist(), measures.areas.tolist(), measures.boxes.tolist(), strict=True
    ):
        row = rows[segment_id]
        segments_info.append(
            {
                "id": segment_id,
                "category_id": category_of(row, categories, image.name),
                "iscrowd": int(row.crowd),
                "bbox": [left, top, right - left, bottom - top],
                "area": area,
                **encode_fields(row, lost),
            }
        )
    hidden = sorted(rows.keys() - set(measures.ids.tolist()))
    record = record._replace(
        segments=len(segments_info),
        lost={HIDDEN_PIXELS: count_hidden(image.label), HIDDEN_SEGMENTS: len(hidden)},
        problems=(*_report_hidden(hidden, image), *report_lost(lost, image.name)),
    )
    return PanopticRecord(
        record, open_end({"segments_info": segments_info}), encode_panoptic_png(visible)
    )


def _report_hidden(hidden: Sequence[int], image: ExportImage) -> tuple[Problem, ...]:
    if not hidden:
        return ()
    message = f"{describe_ids(hidden)} lie wholly under other segments: left out"
    return (
        Problem("hidden_segment", message, image=image.name, segment=hidden[0], severity=WARNING),
    )
