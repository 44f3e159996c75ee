"""Which images of a version an export holds, in the order of their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from datasets_app.entries import Entry
from datasets_app.image_query import ImageQuery
from datasets_app.manifest import iter_named_entries
from datasets_app.models import Version
from labels_app.reading import Reading


class NamedEntry(NamedTuple):
    """One image of a version."""

    name: str
    entry: Entry


def iter_selected(
    version: Version, wanted: ImageQuery, reading: Reading
) -> Iterator[list[NamedEntry]]:
    """Yield the images that match, sorted by name, in lists of bounded length.

    `wanted` was parsed with this reading.
    """
    for batch in iter_named_entries(version):
        chosen = [NamedEntry(name, entry) for name, entry in batch if wanted.matches(name, entry)]
        if wanted.classes:
            labels = [image.entry.label for image in chosen if image.entry.label is not None]
            holding = wanted.holding(labels, reading)
            chosen = [image for image in chosen if wanted.takes(image.entry, holding)]
        if chosen:
            yield chosen
