"""Encode labels for a format, in worker processes: nothing here may need the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from panoptic.codec import decode_label
from panoptic.formats.base import ExportImage
from panoptic.reading import LabelReading, read_label


class StoredImage(NamedTuple):
    """An image to export, its label as the store holds it; None: unlabelled."""

    name: str
    stored: bytes | None
    height: int
    width: int
    attributes: Mapping[str, Any]
    split: str | None = None
    photo: bytes | None = None  # its digest


class ExportShard(NamedTuple):
    """Some images, what encodes them, and how their classes read."""

    encode: Callable[[ExportImage], Any]
    images: list[StoredImage]
    reading: LabelReading


def encode_shard(shard: ExportShard) -> list[Any]:
    """Encode the images of one shard (runs in a worker process)."""
    return [shard.encode(_export_image(image, shard.reading)) for image in shard.images]


def _export_image(image: StoredImage, reading: LabelReading) -> ExportImage:
    label = None if image.stored is None else read_label(decode_label(image.stored), reading)
    return ExportImage(
        name=image.name,
        label=label,
        height=image.height,
        width=image.width,
        source_id=image.attributes.get("source_id"),
        attributes=image.attributes,
        split=image.split,
    )
