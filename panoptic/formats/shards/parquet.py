"""The format `parquet`: shards that `datasets` of Hugging Face loads; only written.

`data/<split>-00000-of-00003.parquet`, the place and the names by which the library finds splits,
and `classes.json` beside `data`. A row is an image:

    image, panoptic        struct of bytes and path, the library's `Image`; `panoptic` is the PNG
                           of segment ids (see `shards`), null where the image is unlabelled.
                           Without photographs there is no column `image`
    segments               list of id, category (a `ClassLabel`: the place in `classes.json`),
                           category_id, is_thing, iscrowd, area, bbox, score, track_id, and as
                           JSON origin and attributes; null where the image is unlabelled
    name, split            of the image; split is null where it is in none
    height, width          of the label, in pixels
    attributes             of the image, as JSON

The schema's metadata hold the features as `datasets` writes them, in the form that all its
releases from 2 on read. Nothing is compressed: PNGs and JPEGs are already. The bytes of a file
are the same for the same images with one release of pyarrow, whose name and release are in it;
another release may write other bytes. Needs pyarrow (extra `parquet`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from panoptic.errors import LibraryMissing, TooLarge
from panoptic.formats.base import Carries, ExportClass, Format, WriteOptions
from panoptic.formats.json_stream import encode_json
from panoptic.formats.options import SCHEME, WITH_PHOTOS
from panoptic.formats.paths import photo_stem
from panoptic.formats.shards.writer import (
    SHARD_BYTES,
    Shard,
    ShardRecord,
    ShardWriter,
    shard_classes,
)

# A row group is what waits in memory, and what a reader fetches at once.
_GROUP_BYTES = 32 * 2**20
_GROUP_ROWS = 1000

# The names of shards have five digits.
_MAX_SHARDS = 99_999

_SEGMENT_TYPES = {
    "id": "int32",
    "category": "int64",
    "category_id": "int64",
    "is_thing": "bool",
    "iscrowd": "bool",
    "area": "int64",
    "bbox": "int32",
    "score": "float32",
    "track_id": "int64",
    "origin": "string",
    "attributes": "string",
}
_IMAGE_TYPES = {
    "name": "string",
    "split": "string",
    "height": "int32",
    "width": "int32",
    "attributes": "string",
}


class ParquetWriter(ShardWriter):
    """Writes the folder `target`; raises LibraryMissing before it does anything."""

    turns_photos = True

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        known = shard_classes(classes, options).values()
        self._schema = _make_schema([one.name for one in known], options.photos)
        self._places = {one.category_id: place for place, one in enumerate(known)}
        super().__init__(target, classes, options)
        self._data = self.folder / "data"
        self._data.mkdir()

    def open_shard(self, split: str, number: int) -> Shard:
        if number == _MAX_SHARDS:
            raise TooLarge(f"shards of {split}", actual=number + 1, limit=_MAX_SHARDS)
        return _ParquetShard(self._shard_path(split, number), self._schema, self._places)

    def finish(self) -> None:
        if not self.counts:
            self.begin("train")  # an empty dataset has its columns, too
            self.close_shards()
        for split, count in self.counts.items():
            for number in range(count):
                name = f"{split}-{number:05d}-of-{count:05d}.parquet"
                self._shard_path(split, number).rename(self._data / name)

    def _shard_path(self, split: str, number: int) -> Path:
        return self._data / f"{split}-{number:05d}"


class _ParquetShard(Shard):
    """Writes a row group whenever one is full; `places` are those of classes, by category id."""

    def __init__(self, path: Path, schema: Any, places: Mapping[int, int]) -> None:
        from pyarrow import parquet

        self._schema, self._places = schema, places
        self._file = parquet.ParquetWriter(
            path, schema, compression="none", use_dictionary=False, write_statistics=False
        )
        self._rows: list[dict[str, Any]] = []
        self._written = 0

    def append(self, record: ShardRecord, photo: bytes | None) -> None:
        row = json.loads(record.text)
        row["attributes"] = encode_json(row["attributes"]).decode()
        for segment in row["segments"] or ():
            self._fit(segment)
        if photo is not None:
            row["image"] = {"bytes": photo, "path": record.name}
        if record.png is not None:
            row["panoptic"] = {"bytes": record.png, "path": f"{photo_stem(record.name)}.png"}
        self._rows.append(row)
        if self.size - self._written >= _GROUP_BYTES or len(self._rows) == _GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        with self._file:
            self._flush()

    def _fit(self, segment: dict[str, Any]) -> None:
        """Say what the schema says otherwise than the JSON."""
        segment["category"] = self._places[segment["category_id"]]
        for name in ("origin", "attributes"):
            if name in segment:
                segment[name] = encode_json(segment[name]).decode()

    def _flush(self) -> None:
        import pyarrow

        if self._rows:
            self._file.write_batch(pyarrow.RecordBatch.from_pylist(self._rows, self._schema))
            self._rows.clear()
            self._written = self.size


def _make_schema(names: list[str], photos: bool) -> Any:
    """The columns for Arrow and, among its metadata, for `datasets`; `names` of the classes."""
    try:
        import pyarrow as pa
    except ModuleNotFoundError:
        raise LibraryMissing("pyarrow", "parquet") from None
    images = ["image", "panoptic"] if photos else ["panoptic"]
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    segment_types = {name: pa.type_for_alias(kind) for name, kind in _SEGMENT_TYPES.items()}
    segment_types["bbox"] = pa.list_(segment_types["bbox"], 4)
    columns = {
        **dict.fromkeys(images, image),
        "segments": pa.list_(pa.struct(segment_types.items())),
        **{name: pa.type_for_alias(kind) for name, kind in _IMAGE_TYPES.items()},
    }
    segment = {name: _value(kind) for name, kind in _SEGMENT_TYPES.items()}
    segment["category"] = {"names": names, "_type": "ClassLabel"}
    segment["bbox"] = {"feature": segment["bbox"], "length": 4, "_type": "Sequence"}
    features = {
        **{name: {"_type": "Image"} for name in images},
        "segments": [segment],
        **{name: _value(kind) for name, kind in _IMAGE_TYPES.items()},
    }
    metadata = {"huggingface": encode_json({"info": {"features": features}})}
    return pa.schema(columns.items(), metadata)


def _value(kind: str) -> dict[str, Any]:
    return {"dtype": kind, "_type": "Value"}


PARQUET = Format(
    name="parquet",
    title="Parquet for Hugging Face",
    has_classes=True,
    has_ids=True,
    file_name=None,
    create=ParquetWriter,
    write_options=(SCHEME, WITH_PHOTOS, SHARD_BYTES),
    carries=Carries(
        void="id 0",
        crowd="`iscrowd`; several crowds of a class stay several",
        overlap="the visible part of every segment",
        loses="hidden pixels and segments; it is only written",
    ),
)
