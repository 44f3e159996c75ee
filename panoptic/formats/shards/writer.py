"""Shards: what is visible of many images in few files, with their photographs, for training.

`parquet` and `webdataset` differ in the files alone. A segment is described as in COCO panoptic:
its id is in an RGB PNG (id = R + 256 G + 65536 B, 0 is void), `area` and `bbox` (x, y, width,
height) are those of its visible pixels. `classes.json` lists the classes as COCO's categories.

A shard ends before the image that would make it hold more than `shard_bytes` of files; images
keep their order. Images in no split are in the shards `train`, as both libraries call what has
no other name; the images themselves say which split they are in.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from panoptic.errors import PanopticError
from panoptic.formats.base import (
    ExportClass,
    ExportImage,
    ExportReport,
    Option,
    WriteOptions,
    Writer,
)
from panoptic.formats.coco.categories import category_ids, write_categories
from panoptic.formats.coco.fields import SCHEME, write_row
from panoptic.formats.json_stream import encode_json
from panoptic.formats.options import InvalidOption
from panoptic.formats.problems import Problem, warn
from panoptic.formats.staging import Staging
from panoptic.formats.tally import ExportTally
from panoptic.formats.visible import Visible, report_hidden, visible_part
from panoptic.images import read_header
from panoptic.png import encode_panoptic_png

DEFAULT_SHARD_BYTES = 500_000_000
SHARD_BYTES = Option(
    "shard_bytes", f"bytes of files that a shard may hold; {DEFAULT_SHARD_BYTES:,} if not said"
)

_UNSPLIT = "train"
# What `datasets` calls all splits together.
_RESERVED = "all"


class ShardClass(NamedTuple):
    """A class as shards know it."""

    category_id: int
    name: str
    is_thing: bool


class ShardRecord(NamedTuple):
    """An encoded image.

    split : the name of its shards
    size : (height, width) of its label
    text : JSON of name, split, height, width, attributes, segments (null: unlabelled)
    png : of the segment ids; None: unlabelled
    """

    name: str
    split: str
    size: tuple[int, int]
    text: bytes
    png: bytes | None = None
    segments: int = 0
    lost: Mapping[str, int] = {}
    problems: tuple[Problem, ...] = ()


class Shard(ABC):
    """An open file; `size` is in bytes of the files in it."""

    size = 0

    @abstractmethod
    def append(self, record: ShardRecord, photo: bytes | None) -> None: ...

    @abstractmethod
    def close(self) -> None: ...


class ShardWriter(Writer):
    """Writes the folder `target`; one shard of every split is open at a time.

    turns_photos : whether the library that reads them turns photographs by their EXIF
    folder : where to write until all is complete
    counts : shards begun, by split
    """

    turns_photos: ClassVar[bool]

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        self._limit = _shard_bytes(options)
        self._staging = Staging(target)
        self._tally = ExportTally()
        self.folder = self._staging.path(target)
        self.folder.mkdir()
        self.encode = partial(encode_sample, shard_classes(classes, options))
        self.counts: Counter[str] = Counter()
        self._open: dict[str, Shard] = {}
        categories = {"categories": write_categories(classes, options.scheme or SCHEME)}
        (self.folder / "classes.json").write_bytes(encode_json(categories) + b"\n")

    @abstractmethod
    def open_shard(self, split: str, number: int) -> Shard:
        """Begin a shard; they are numbered from 0."""

    def add(self, record: ShardRecord, photo: bytes | None = None) -> None:
        problems = (*record.problems, *self._check_photo(record, photo))
        self._tally.add(record.segments, record.lost, problems)
        size = len(record.text) + len(record.png or b"") + len(photo or b"")
        shard = self._open.get(record.split)
        if shard is None or (shard.size and shard.size + size > self._limit):
            shard = self.begin(record.split)
        shard.size += size
        shard.append(record, photo)

    def begin(self, split: str) -> Shard:
        """Close the shard of a split that is open, and open the next."""
        if split in self._open:
            self._open.pop(split).close()
        shard = self._open[split] = self.open_shard(split, self.counts[split])
        self.counts[split] += 1
        return shard

    def close(self) -> ExportReport:
        self.close_shards()
        self.finish()
        self._staging.commit()
        return self._tally.report()

    def finish(self) -> None:
        """Do what needs the number of all shards."""

    def discard(self) -> None:
        try:
            self.close_shards()
        finally:
            self._staging.discard()

    def _check_photo(self, record: ShardRecord, photo: bytes | None) -> Iterator[Problem]:
        """Tell of a photograph that will not lie on the id map as it is read (RULES 1.7)."""
        if photo is None or record.png is None:
            return
        try:
            header = read_header(photo)
        except PanopticError:
            return  # it is written as it is, whatever it is
        height, width = header.oriented_size if self.turns_photos else header.size
        if (height, width) != record.size:
            message = (
                f"the photograph is read with {height} × {width} pixels (height × width),"
                f" the id map has {record.size[0]} × {record.size[1]}"
            )
            yield warn("photo_size_mismatch", message, image=record.name)

    def close_shards(self) -> None:
        """Complete the shards that are open."""
        while self._open:
            self._open.popitem()[1].close()


def shard_classes(classes: Sequence[ExportClass], options: WriteOptions) -> dict[int, ShardClass]:
    """The classes by class id, in the order of `classes.json`."""
    ids = category_ids(classes, options.scheme or SCHEME)
    return {
        one.class_id: ShardClass(ids[one.class_id], one.name, one.kind == "thing")
        for one in sorted(classes, key=lambda one: ids[one.class_id])
    }


def encode_sample(classes: Mapping[int, ShardClass], image: ExportImage) -> ShardRecord:
    """Encode one image; pure. Raises UnknownClass for a class that is not exported."""
    sample = {
        "name": image.name,
        "split": image.split,
        "height": image.height,
        "width": image.width,
        "attributes": dict(sorted(image.attributes.items())),
        "segments": None,
    }
    split = _shards_of(image.split or _UNSPLIT)
    if image.label is None:
        return ShardRecord(image.name, split, (image.height, image.width), encode_json(sample))
    visible = visible_part(image, image.label, classes)
    segments = list(_iter_segments(classes, visible))
    return ShardRecord(
        image.name,
        split,
        image.label.shape,
        encode_json({**sample, "segments": segments}),
        encode_panoptic_png(visible.runs),
        len(segments),
        visible.lost,
        report_hidden(visible.hidden, image.name),
    )


def _iter_segments(classes: Mapping[int, ShardClass], visible: Visible) -> Iterator[dict[str, Any]]:
    """Yield what is visible of every segment, by ascending id."""
    for row in visible.rows:
        known = classes[row.class_id]
        yield {
            "id": row.segment_id,
            "category_id": known.category_id,
            "category": known.name,
            "is_thing": known.is_thing,
            "iscrowd": row.crowd,
            "area": visible.areas[row.segment_id],
            "bbox": list(visible.boxes[row.segment_id]),
            **write_row(row._replace(attributes={})),
            "attributes": dict(sorted(row.attributes.items())),
        }


def _shards_of(split: str) -> str:
    """A name of shards, of letters, digits and `_`; two splits may have the same shards."""
    name = re.sub(r"\W+", "_", split)
    return f"{name}_" if name == _RESERVED else name


def _shard_bytes(options: WriteOptions) -> int:
    text = options.values.get(SHARD_BYTES.name) or str(DEFAULT_SHARD_BYTES)
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 16 and int(text)):
        raise InvalidOption(SHARD_BYTES.name, f"{text!r} is no number of bytes from 1 on")
    return int(text)
