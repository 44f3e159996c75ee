"""Mapillary Vistas, written: instances, labels, panoptic and the list of labels of one version.

Official names: `training`, `validation`, `testing` with `images` and the folder of the version;
an image without a split goes to `training`. A label is written as it is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from panoptic.errors import TooLarge
from panoptic.formats.base import ExportClass, ExportImage, WriteOptions
from panoptic.formats.coco.writer import encode_fields, report_lost
from panoptic.formats.coded_maps import complete_numbers
from panoptic.formats.file_trees import FilesRecord, FolderWriter
from panoptic.formats.json_stream import encode_json, write_object
from panoptic.formats.losses import CHANGED_IDS, CROWD_FLAGS, FIELDS, MERGED_SEGMENTS
from panoptic.formats.mapillary.labels import Listing, config_of, list_classes
from panoptic.formats.mapillary.reader import ID_OF_ZERO
from panoptic.formats.mapillary.tree import (
    IMAGES,
    INSTANCES,
    LABELS,
    PANOPTIC,
    PANOPTIC_FILES,
    SPLIT_FOLDERS,
)
from panoptic.formats.paths import member_path, photo_stem
from panoptic.formats.spool import Spool
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import Visible, leave_out, report_hidden, visible_part
from panoptic.label import Segment
from panoptic.png import encode_class_png, encode_panoptic_png
from panoptic.runs import relabel_runs

NUMBERS_OF_LABEL = 256


class MapillaryWriter(FolderWriter):
    """Writes the folder `target`; the JSON of `panoptic` waits in a spool."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        self._version = options.values.get("version", "v1.2")
        self._listing = list_classes(classes, self._version)
        super().__init__(target)
        self._spool = Spool("CREATE TABLE images (name TEXT, folder TEXT, image BLOB, raw BLOB);")
        self.encode = partial(encode_mapillary, self._listing, self._version)

    def note(self, record: FilesRecord) -> None:
        self._spool.insert("images", (record.name, *record.entry))

    def finish(self) -> None:
        labels = self._listing.labels
        config = encode_json(config_of(labels, self._version))
        self.write(f"config_{self._version}.json", config)
        folders = self._spool.iter_rows("SELECT DISTINCT folder FROM images ORDER BY folder")
        for (folder,) in list(folders):
            panoptic = member_path(self.folder, f"{folder}/{self._version}/{PANOPTIC}")
            with (panoptic / PANOPTIC_FILES[self._version]).open("xb") as out:
                write_object(
                    out,
                    {
                        "info": {"description": "Mapillary Vistas", "version": self._version[1:]},
                        "images": self._iter_column("image", folder),
                        "annotations": self._iter_column("raw", folder),
                        "categories": _categories(self._listing),
                    },
                )
        self._spool.close()

    def discard(self) -> None:
        self._spool.close()
        super().discard()

    def _iter_column(self, column: str, folder: str) -> Iterator[bytes]:
        query = f"SELECT {column} FROM images WHERE folder = ? ORDER BY name"
        return (raw for (raw,) in self._spool.iter_rows(query, [folder]))


def encode_mapillary(listing: Listing, version: str, image: ExportImage) -> FilesRecord:
    """Encode one image; pure. TooLarge for more than 256 segments of a class."""
    if image.label is None:
        return leave_out(image)
    visible = visible_part(image, image.label, listing.numbers)
    values = _number(visible.rows, listing, image.name)
    keys = [0, *values]
    instances = relabel_runs(visible.runs, keys, [listing.void << 8, *values.values()])
    numbers = (value >> 8 for value in values.values())
    labels = relabel_runs(visible.runs, keys, [listing.void, *numbers])
    segments_info, lost_names = _describe(visible, listing)
    stem = photo_stem(image.name)
    split = SPLIT_FOLDERS.get(image.split or "train", image.split or "")
    folder = f"{split}/{version}"
    palette = [label.color for label in listing.labels]
    stuff = [values[each.segment_id] for each in visible.rows if not listing.tells_apart(each)]
    return FilesRecord(
        image.name,
        (
            (f"{folder}/{LABELS}/{stem}.png", encode_class_png(labels, palette=palette)),
            (f"{folder}/{INSTANCES}/{stem}.png", encode_class_png(instances, 16)),
            (f"{folder}/{PANOPTIC}/{stem}.png", encode_panoptic_png(visible.runs)),
        ),
        len(visible.rows),
        # Of `instances`, which says least.
        {
            **visible.lost,
            MERGED_SEGMENTS: len(stuff) - len(set(stuff)),
            CHANGED_IDS: sum((value or ID_OF_ZERO) != each for each, value in values.items()),
            CROWD_FLAGS: sum(row.crowd for row in visible.rows),
            FIELDS: count_fields(image.label.segments),
        },
        (*report_hidden(visible.hidden, image.name), *report_lost(lost_names, image.name)),
        f"{split}/{IMAGES}/{stem}",
        (split, *_entry_of(image, stem, segments_info)),
    )


def _number(rows: Sequence[Segment], listing: Listing, image: str) -> dict[int, int]:
    """The number in `instances` of every segment id: the id where it is one of the class's."""
    values = {}
    by_label: dict[int, list[int]] = {}
    for row in rows:
        by_label.setdefault(listing.numbers[row.class_id], []).append(row.segment_id)
    for number, ids in by_label.items():
        first = number * NUMBERS_OF_LABEL
        label = listing.labels[number]
        if not label.instances:
            values.update(dict.fromkeys(ids, first))
            continue
        if len(ids) > NUMBERS_OF_LABEL:
            what = f"segments of {label.name} in image {image}"
            raise TooLarge(what, actual=len(ids), limit=NUMBERS_OF_LABEL)
        wanted = {each: 0 if each == ID_OF_ZERO else each for each in ids}
        kept = {each: value for each, value in wanted.items() if value >> 8 == number}
        values.update(complete_numbers(ids, kept, first))
    return dict(sorted(values.items()))


def _describe(visible: Visible, listing: Listing) -> tuple[list[dict[str, Any]], set[str]]:
    """The segments as `panoptic` tells them, and the names of attributes that it cannot."""
    lost: set[str] = set()
    segments_info = [
        {
            "id": row.segment_id,
            "category_id": listing.numbers[row.class_id] + 1,
            "area": visible.areas[row.segment_id],
            "bbox": list(visible.boxes[row.segment_id]),
            "iscrowd": int(row.crowd),
            **encode_fields(row, lost),
        }
        for row in visible.rows
    ]
    return segments_info, lost


def _entry_of(image: ExportImage, stem: str, segments_info: list[dict[str, Any]]) -> list[bytes]:
    """The image and its annotation, as JSON."""
    entry = {
        "id": stem,
        "file_name": image.photo_name or image.name,
        "height": image.height,
        "width": image.width,
    }
    annotation = {"image_id": stem, "file_name": f"{stem}.png", "segments_info": segments_info}
    return [encode_json(entry), encode_json(annotation)]


def _categories(listing: Listing) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "name": label.name,
            "supercategory": label.parent or "",
            "isthing": int(label.instances),
            "color": list(label.color),
        }
        for number, label in enumerate(listing.labels, 1)
    ]
