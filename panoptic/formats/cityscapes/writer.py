"""Cityscapes, written: the whole tree of fine labels, and the panoptic files made of it.

Every image has instanceIds, labelIds, labelTrainIds, color and polygons; every split has
`gtFine/cityscapes_panoptic_<split>.json` and a folder of PNGs, as createPanopticImgs makes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from panoptic.formats.base import ExportClass, Option, WriteOptions
from panoptic.formats.cityscapes.encoding import PANOPTIC, Entry, encode_image
from panoptic.formats.cityscapes.labels import EVALUATED, label_of_class
from panoptic.formats.cityscapes.tree import (
    INSTANCE_IDS,
    NAMES,
    PHOTOS,
    Place,
    find_place,
    number_place,
)
from panoptic.formats.file_trees import FilesRecord, FolderWriter, photo_suffix
from panoptic.formats.json_stream import encode_json, write_object
from panoptic.formats.spool import Spool

TRAIN_IDS = Option(
    "train_ids",
    "whether the categories of the panoptic files are train ids (0 is road) instead of label ids",
    ("no", "yes"),
)

_SCHEMA = """
CREATE TABLE images (split TEXT, place TEXT, image BLOB, annotation BLOB);
CREATE TABLE names (place TEXT, name TEXT);
"""


class CityscapesWriter(FolderWriter):
    """Writes the folder that holds `gtFine` and `leftImg8bit`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        super().__init__(target)
        (self.folder / "gtFine").mkdir()
        self._by_train_id = TRAIN_IDS.value_in(options.values) == "yes"
        self._spool = Spool(_SCHEMA)
        self._numbers = count()
        labels = {class_.class_id: (class_, label_of_class(class_)) for class_ in classes}
        self.encode = partial(encode_image, labels, self._by_train_id)

    def add(self, record: FilesRecord, photo: bytes | None = None) -> None:
        if record.files:
            place = self._find_free_place(record)
            suffix = photo_suffix(photo) if photo is not None else ".png"
            if record.name != place.image_name(suffix):
                self._spool.insert("names", (place.key, record.name))
            files = tuple((self._path(place, kind), content) for kind, content in record.files)
            self._note(place, record.entry)
            record = record._replace(files=files, photo=place.photo)
        super().add(record, photo)

    def finish(self) -> None:
        splits = [row[0] for row in self._spool.iter_rows("SELECT DISTINCT split FROM images")]
        for split in splits:
            with (self.folder / f"gtFine/{self._set_name(split)}.json").open("xb") as file:
                write_object(
                    file,
                    {
                        "images": self._iter_raw("image", split),
                        "annotations": self._iter_raw("annotation", split),
                        "categories": _categories(self._by_train_id),
                    },
                )
        if self._spool.value("SELECT count(*) FROM names"):
            named = self._spool.iter_rows("SELECT place, name FROM names ORDER BY place")
            entries = (encode_json({"place": place, "name": name}) for place, name in named)
            with (self.folder / NAMES).open("xb") as file:
                write_object(file, {"images": entries})
        self._spool.close()

    def discard(self) -> None:
        super().discard()
        self._spool.close()

    def _find_free_place(self, record: FilesRecord) -> Place:
        """The place that the name says if that is free, else the next number."""
        split = record.entry.split
        place = find_place(split, record.name)
        while place is None or (self.folder / place.label_file(INSTANCE_IDS)).exists():
            place = number_place(split, next(self._numbers))
        return place

    def _path(self, place: Place, kind: str) -> str:
        if kind == PANOPTIC:
            return f"gtFine/{self._set_name(place.split)}/{place.stem}_gtFine_{kind}"
        return place.label_file(kind)

    def _set_name(self, split: str) -> str:
        return f"cityscapes_panoptic_{split}{'_trainId' * self._by_train_id}"

    def _note(self, place: Place, entry: Entry) -> None:
        height, width = entry.size
        image = {
            "id": place.stem,
            "width": width,
            "height": height,
            # So the tool calls it, though the photograph's name is without gtFine.
            "file_name": f"{place.stem}_gtFine_{PHOTOS}.png",
        }
        annotation = {
            "image_id": place.stem,
            "file_name": f"{place.stem}_gtFine_{PANOPTIC}",
            "segments_info": entry.segments_info,
        }
        raw = encode_json(image), encode_json(annotation)
        self._spool.insert("images", (place.split, place.key, *raw))

    def _iter_raw(self, column: str, split: str) -> Iterator[bytes]:
        rows = self._spool.iter_rows(
            f"SELECT {column} FROM images WHERE split = ? ORDER BY place", [split]
        )
        return (row[0] for row in rows)


def _categories(by_train_id: bool) -> list[dict[str, Any]]:
    return [
        {
            "id": label.train_id if by_train_id else label.label_id,
            "name": label.name,
            "color": list(label.color),
            "supercategory": label.category,
            "isthing": int(label.kind == "thing"),
        }
        for label in EVALUATED
    ]
