"""Encode labels for a format in worker processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from datasets_app.attributes import get_attributes
from datasets_app.bulk import batched
from datasets_app.entries import Entry
from datasets_app.exports.records import ExportShard, StoredImage, encode_shard
from datasets_app.exports.selection import NamedEntry
from datasets_app.jobs.executor import map_shards
from datasets_app.photos import get_photos
from labels_app.revisions import revisions
from panoptic.formats.base import ExportImage
from panoptic.formats.problems import Problem, warn
from panoptic.reading import LabelReading
from store_app.blobs import erased_among, get_blobs

_IMAGES_PER_SHARD = 32
# Photographs and attributes of so many images are looked up at once.
_IMAGES_PER_LOOK = 512


@dataclass(frozen=True)
class Encoder:
    """A writer's `encode`, which gets labels in the live classes of `reading`.

    photos : whether the writer wants the photographs beside what it encoded
    """

    encode: Callable[[ExportImage], Any]
    reading: LabelReading
    photos: bool = False


def encode_images(
    encoder: Encoder, batches: Iterable[list[NamedEntry]], tell: Callable[[Problem], None]
) -> Iterator[tuple[Any, bytes | None]]:
    """Yield the record of every image, made on all processors, and its photograph if wanted.

    What was erased is told as a problem, and the image exported without it.
    """
    # The photographs of what is being encoded: they do not pass through the processes.
    waiting: deque[list[bytes | None]] = deque()

    def shards() -> Iterator[ExportShard]:
        for batch in batches:
            for look in batched(batch, _IMAGES_PER_LOOK):
                for some in batched(_look_up(look, tell), _IMAGES_PER_SHARD):
                    waiting.append([image.photo for image in some] if encoder.photos else [])
                    yield ExportShard(encoder.encode, some, encoder.reading)

    for records in map_shards(encode_shard, shards()):
        photos = waiting.popleft()
        found = get_blobs({digest for digest in photos if digest is not None})
        for record, digest in zip_longest(records, photos):
            yield record, None if digest is None else found[digest]


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
        kept = entry.image if entry.image not in erased else None
        height, width = (photo.height, photo.width) if photo else (0, 0)
        if entry.label:
            height, width = facts[entry.label].height, facts[entry.label].width
        known = attributes.get(entry.attributes, {}) if entry.attributes else {}
        label = stored.get(entry.label) if entry.label else None
        split = entry.split or None
        found.append(StoredImage(name, label, height, width, known, split, kept))
    return found


def _erased_from(name: str, entry: Entry, erased: set[bytes]) -> Iterator[Problem]:
    """Yield what an image has lost on purpose (RULES 7.3)."""
    parts = (("label", entry.label), ("photograph", entry.image), ("attributes", entry.attributes))
    for part, digest in parts:
        if digest in erased:
            message = f"its {part} was erased: it is exported without"
            yield warn("object_erased", message, image=name)
