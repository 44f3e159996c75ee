"""Encode labels for a format, in worker processes: nothing here may need the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from panoptic.codec import decode_label
from panoptic.formats.base import ExportImage


class StoredImage(NamedTuple):
    """An image to export, its label as the store holds it; None: unlabelled."""

    name: str
    stored: bytes | None
    height: int
    width: int
    attributes: Mapping[str, Any]


class ExportShard(NamedTuple):
    """Some images, and what encodes them."""

    encode: Callable[[ExportImage], Any]
    images: list[StoredImage]


def encode_shard(shard: ExportShard) -> list[Any]:
    """Encode the images of one shard (runs in a worker process)."""
    return [shard.encode(_export_image(image)) for image in shard.images]


def _export_image(image: StoredImage) -> ExportImage:
    return ExportImage(
        name=image.name,
        label=None if image.stored is None else decode_label(image.stored),
        height=image.height,
        width=image.width,
        source_id=image.attributes.get("source_id"),
        attributes=image.attributes,
    )
