"""Changes of images in segments, as a person would tell them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from panoptic.changes import Change
from panoptic.diff import LabelDiff, diff_labels
from panoptic.label import Label, empty_label
from panoptic.reading import read_label
from tessera.entries import Entry
from tessera.snapshot import Snapshot
from tessera.working_copy.scanning import LocalChange

_ORDER = (
    "added", "removed", "split", "merged", "reclassified", "reshaped", "attributes", "renumbered",
)  # fmt: skip


def summaries(base: Snapshot, changes: Sequence[LocalChange]) -> list[dict[str, Any]]:
    """Return name, kind, facets and counts of segments of each changed image."""
    return [
        {key: row[key] for key in ("name", "kind", "facets", "counts", "changed_pixels")}
        for row in details(base, changes)
    ]


def details(
    base: Snapshot, changes: Sequence[LocalChange], target: Snapshot | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the same with each segment's change: kind, sides, IoU, changed pixels, box.

    `target` has the labels of the new side where the changes bring none themselves.
    """
    for change in changes:
        diff = _diff(base, change, target or base)
        counts = Counter(one.kind.value for one in diff.changes) if diff else Counter[str]()
        yield {
            "name": change.name,
            "kind": change.kind,
            "facets": list(change.facets),
            "counts": {kind: counts[kind] for kind in _ORDER if counts[kind]},
            "changed_pixels": sum(one.changed_pixels for one in diff.changes) if diff else 0,
            "segments": [_segment(one, base, target or base) for one in diff.changes]
            if diff
            else [],
        }


def _diff(base: Snapshot, change: LocalChange, target: Snapshot) -> LabelDiff | None:
    old = None if change.old is None else _label(base, change.old)
    new = None
    if change.label is not None:
        new = _decoded(change, target)
    elif change.new is not None:
        new = _label(target, change.new)
    if old is None and new is None:
        return None
    shape = (old or new).shape  # type: ignore[union-attr]
    return diff_labels(
        old or empty_label(*shape), new or empty_label(*shape), kinds=target.taxonomy.reading.kinds
    )


def _label(snapshot: Snapshot, entry: Entry) -> Label | None:
    return None if entry.label is None else snapshot.item_of(entry).label


def _decoded(change: LocalChange, target: Snapshot) -> Label:
    from panoptic.codec import decode_label

    assert change.label is not None
    return read_label(decode_label(change.label.stored), target.taxonomy.reading)
