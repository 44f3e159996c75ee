"""Encode labels for a format in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from datasets_app.attributes import get_attributes
from datasets_app.bulk import batched
from datasets_app.entries import Entry
from datasets_app.exports.records import ExportShard, StoredImage, encode_shard
from datasets_app.exports.selection import NamedEntry
from datasets_app.jobs.executor import map_shards
from datasets_app.photos import get_photos
from labels_app.revisions import revisions
from panoptic.formats.base import WARNING, ExportImage, Problem
from panoptic.reading import LabelReading
from store_app.blobs import erased_among, get_blobs

_IMAGES_PER_SHARD = 32
# Photographs and attributes of so many images are looked up at once.
_IMAGES_PER_LOOK = 512


def encode_images(
    encode: Callable[[ExportImage], Any],
    batches: Iterable[list[NamedEntry]],
    reading: LabelReading,
    tell: Callable[[Problem], None],
) -> Iterator[Any]:
    """Yield the record that a writer's `encode` makes of every image, on all processors.

    `encode` gets labels in live classes. What was erased is told as a problem, and the image
    exported without it.
    """
    shards = (
        ExportShard(encode, some, reading)
        for batch in batches
        for look in batched(batch, _IMAGES_PER_LOOK)
        for some in batched(_look_up(look, tell), _IMAGES_PER_SHARD)
    )
    for records in map_shards(encode_shard, shards):
        yield from records


def _look_up(images: list[NamedEntry], tell: Callable[[Problem], None]) -> list[StoredImage]:
    """Bring stored labels, sizes and attributes of images; a constant number of queries."""
    entries = [entry for _, entry in images]
    labels = {entry.label for entry in entries if entry.label}
    photographs = {entry.image for entry in entries if entry.image}
    described = {entry.attributes for entry in entries if entry.attributes}
    erased = erased_among(labels | photographs | described)
    stored = get_blobs(labels - erased)
    facts = revisions(labels)
    photos = get_photos(photographs)
    attributes = get_attributes(described - erased)
    found = []
    for name, entry in images:
        for problem in _erased_from(name, entry, erased):
            tell(problem)
        photo = photos.get(entry.image) if entry.image else None
        height, width = (photo.height, photo.width) if photo else (0, 0)
        if entry.label:
            height, width = facts[entry.label].height, facts[entry.label].width
        known = attributes.get(entry.attributes, {}) if entry.attributes else {}
        label = stored.get(entry.label) if entry.label else None
        found.append(StoredImage(name, label, height, width, known))
    return found


def _erased_from(name: str, entry: Entry, erased: set[bytes]) -> Iterator[Problem]:
    """Yield what an image has lost on purpose (RULES 7.3)."""
    parts = (("label", entry.label), ("photograph", entry.image), ("attributes", entry.attributes))
    for part, digest in parts:
        if digest in erased:
            message = f"its {part} was erased: it is exported without"
            yield Problem("object_erased", message, image=name, severity=WARNING)
