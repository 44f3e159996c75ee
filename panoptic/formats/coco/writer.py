"""What the writers of both COCO formats share: one JSON file, written when all ids are known.

Images and annotations wait in a spool, as JSON without their ids. The file is the same for the
same images in the same order, on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.formats.base import ExportClass, ExportImage, ExportReport, WriteOptions, Writer
from panoptic.formats.coco.categories import write_categories
from panoptic.formats.coco.fields import (
    IMAGE_KEYS,
    OWN_KEYS,
    SCHEME,
    SEGMENT_KEYS,
    id_key,
    write_row,
)
from panoptic.formats.coco.numbering import SCHEMA, number_annotations, number_images, stem_number
from panoptic.formats.json_stream import encode_json, write_object
from panoptic.formats.problems import Problem, list_some, warn
from panoptic.formats.spool import Spool
from panoptic.formats.staging import Staging
from panoptic.formats.tally import ExportTally
from panoptic.label import Segment


class ImageRecord(NamedTuple):
    """An encoded image: its JSON without id, what its numbering needs, and what got lost."""

    name: str
    source: str | None
    stem: int | None
    raw: bytes
    segments: int = 0
    lost: Mapping[str, int] = {}
    problems: tuple[Problem, ...] = ()


def encode_image(image: ExportImage) -> ImageRecord:
    """The entry of an image; `source_id` may also be among its attributes."""
    source_id = image.source_id
    if source_id is None:
        source_id = image.attributes.get("source_id")
    file_name = image.photo_name or image.name
    entry = {"file_name": file_name, "height": image.height, "width": image.width}
    entry.update(
        {key: value for key, value in sorted(image.attributes.items()) if key not in IMAGE_KEYS}
    )
    key = id_key(source_id)
    return ImageRecord(image.name, key, stem_number(image.name), open_end(entry))


def encode_fields(row: Segment, lost: set[str]) -> dict[str, Any]:
    """Score, track, origin and attributes; names of attributes that COCO uses go to `lost`."""
    fields = write_row(row)
    for key in row.attributes.keys() & SEGMENT_KEYS:
        if key not in OWN_KEYS:
            del fields[key]
        if fields.get(key) != row.attributes[key]:
            lost.add(key)
    return fields


def report_lost(names: set[str], image: str) -> tuple[Problem, ...]:
    """A warning for attributes whose names mean something else in COCO."""
    if not names:
        return ()
    message = f"attributes {list_some(sorted(names))} have the name of a COCO key: left out"
    return (warn("lost_attribute", message, image=image),)


class CocoWriter(Writer):
    """Spools records; `close` numbers and writes them. Subclasses say how annotations end."""

    def __init__(
        self,
        target: Path,
        classes: Sequence[ExportClass],
        options: WriteOptions,
        *folders: Path,
    ) -> None:
        self._target, self._classes, self._options = target, classes, options
        self._staging = Staging(*folders, target)
        self._spool = Spool(SCHEMA)
        self._images = 0
        self._annotations = 0
        self._tally = ExportTally()

    def add_image(self, record: ImageRecord) -> None:
        """Spool the image and count what it lost."""
        self._images += 1
        self._spool.insert("images", (self._images, record.source, record.stem, record.raw))
        self._tally.add(record.segments, record.lost, record.problems)

    def add_annotation(
        self, raw: bytes, wanted: int | None = None, segment: int = 0, source: bytes = b"null"
    ) -> None:
        """Spool an annotation of the image that was added last; `raw` has no closing brace.

        wanted : its id if no other wants it, None in a format without annotation ids
        segment, source : segment id, and JSON of the source id, of what is one segment
        """
        self._annotations += 1
        row = (self._annotations, self._images, wanted, segment, source, raw)
        self._spool.insert("annotations", row)

    def close(self) -> ExportReport:
        number_images(self._spool)
        number_annotations(self._spool)
        with self._staging.path(self._target).open("wb") as file:
            write_object(
                file,
                {
                    "info": dict(self._options.info),
                    "licenses": [dict(license_) for license_ in self._options.licenses],
                    "images": self._iter_images(),
                    "annotations": self._iter_annotations(),
                    "categories": write_categories(self._classes, self._options.scheme or SCHEME),
                },
            )
        self._staging.commit()
        self._spool.close()
        return self._tally.report()

    def discard(self) -> None:
        self._spool.close()
        self._staging.discard()

    def _iter_images(self) -> Iterator[bytes]:
        rows = self._spool.iter_rows(
            "SELECT i.raw, i.source, k.key FROM images i JOIN image_ids k ON k.seq = i.seq"
            " ORDER BY i.seq"
        )
        for raw, source, key in rows:
            # Or a reader would take the number that the image got here for its own.
            own = b"" if source == key else b',"source_id":' + _id_of(source)
            yield raw + b',"id":' + _id_of(key) + own + b"}"

    def _iter_annotations(self) -> Iterator[bytes]:
        rows = self._spool.iter_rows(
            "SELECT a.raw, k.key, n.id, a.segment, a.source FROM annotations a"
            " JOIN image_ids k ON k.seq = a.image LEFT JOIN annotation_ids n ON n.seq = a.seq"
            " ORDER BY a.seq"
        )
        for raw, key, number, segment, source in rows:
            yield raw + self.end_annotation(_id_of(key), number, segment, source) + b"}"

    def end_annotation(
        self, image_id: bytes, number: int | None, segment: int, source: bytes
    ) -> bytes:
        """The last keys of an annotation, `,"image_id":…` and on."""
        return b',"image_id":' + image_id


def open_end(entry: Mapping[str, Any]) -> bytes:
    """JSON of an object without its closing brace, so that ids can follow."""
    return encode_json(entry)[:-1]


def _id_of(key: str | None) -> bytes:
    if key is None:
        return b"null"
    return key[1:].encode() if key[0] == "i" else encode_json(key[1:])
