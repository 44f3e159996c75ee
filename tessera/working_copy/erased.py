"""What was erased at the service: in the version it is named, and nobody can have it any more.

That its file is not there is no deletion of anybody's, and a push says nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from panoptic.label import Label
from tessera.items import Item
from tessera.snapshot import Snapshot


class ErasedPart(NamedTuple):
    """One part of an image that is gone; `part` is photograph, label or attributes."""

    name: str
    part: str

    @property
    def message(self) -> str:
        """What to tell people."""
        return f"its {self.part} was erased at the service, on purpose and for good"


def erased_parts(snapshot: Snapshot) -> list[ErasedPart]:
    """Return what a version has lost, by name; photographs only where it was to have them."""
    erased = snapshot.erased
    if not erased:
        return []
    parts = []
    for entry in snapshot.table:
        photo = None if snapshot.labels_only else entry.image
        for part, digest in (
            ("photograph", photo), ("label", entry.label), ("attributes", entry.attributes),
        ):  # fmt: skip
            if digest in erased:
                parts.append(ErasedPart(entry.name, part))
    return parts


def label_left(snapshot: Snapshot, item: Item) -> Label | None:
    """Return the label of an image, None where it has none or where it was erased."""
    return item.label if item.is_labelled and item.entry.label not in snapshot.erased else None


def photo_left(snapshot: Snapshot, item: Item) -> bytes | None:
    """Return the photograph's file, None where there is none or where it was erased."""
    has_photo = item.entry.image is not None and item.entry.image not in snapshot.erased
    return item.photo_bytes if has_photo else None


def attributes_left(snapshot: Snapshot, item: Item) -> Mapping[str, Any]:
    """Return the attributes of an image, none where they were erased."""
    return {} if item.entry.attributes in snapshot.erased else item.attributes
