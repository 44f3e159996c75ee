"""Changes of images in segments, as a person would tell them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from panoptic.changes import Change, SegmentSide
from panoptic.diff import LabelDiff, diff_labels
from panoptic.label import Label, empty_label
from panoptic.reading import read_label
from tessera.entries import Entry
from tessera.snapshot import Snapshot
from tessera.working_copy.erased import label_left
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
            "changed_pixels": diff.changed_pixels if diff else 0,
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
    # An image without a label is compared as one in which nothing is labelled.
    old = old or empty_label(*new.shape) if new else old
    new = new or empty_label(*old.shape) if old else new
    assert old is not None
    assert new is not None
    return diff_labels(old, new, kinds=target.taxonomy.reading.kinds)


def _label(snapshot: Snapshot, entry: Entry) -> Label | None:
    return label_left(snapshot, snapshot.item_of(entry))


def _decoded(change: LocalChange, target: Snapshot) -> Label:
    from panoptic.codec import decode_label

    assert change.label is not None
    return read_label(decode_label(change.label.stored), target.taxonomy.reading)


def _segment(change: Change, base: Snapshot, target: Snapshot) -> dict[str, Any]:
    top, left, bottom, right = change.box
    return {
        "kind": change.kind.value,
        "old": [_side(side, base) for side in change.old],
        "new": [_side(side, target) for side in change.new],
        "iou": change.iou,
        "changed_pixels": change.changed_pixels,
        "bbox": [left, top, right - left, bottom - top],
    }


def _side(side: SegmentSide, snapshot: Snapshot) -> dict[str, Any]:
    row = side.segment
    known = snapshot.taxonomy.classes.get(row.class_id)
    return {
        "id": row.segment_id,
        "class_id": row.class_id,
        "class": known.name if known else f"class {row.class_id}",
        "area": side.area,
    }
