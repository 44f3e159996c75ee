"""One image on two sides: its labels, their diff, and how JSON tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datasets_app.bulk import batched
from datasets_app.comparison import find_change
from datasets_app.entries import EntryChange
from datasets_app.errors import NotFound
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import find_numbers, names_of
from datasets_app.pixels.counting import both_labels
from datasets_app.pixels.totals import flow_json, quality_json
from datasets_app.segment_rows import get_read_labels
from datasets_app.taxonomy_access import get_read_by
from datasets_app.tree import get_entries
from labels_app.reading import Reading
from panoptic.changes import Box, Change, SegmentSide
from panoptic.diff import LabelDiff, diff_labels
from panoptic.label import Label
from panoptic.metrics.boundary import boundary_quality
from panoptic.metrics.panoptic import panoptic_quality

_IMAGES_AT_ONCE = 16


@dataclass(frozen=True)
class ImageDiff:
    """An image that two versions hold, both sides read by the same classes.

    `diff` is None where neither side has a label.
    """

    name: str
    change: EntryChange
    diff: LabelDiff | None
    reading: Reading

    @cached_property
    def quality(self) -> dict[str, Any] | None:
        """PQ and its fellows of the new label against the old one."""
        if self.diff is None:
            return None
        kinds = self.reading.label_reading.kinds
        tally = panoptic_quality(self.diff.old, self.diff.new, kinds)
        boundaries = boundary_quality(self.diff.old, self.diff.new)
        return quality_json(tally, self.diff.flow, boundaries)

    def to_json(self) -> dict[str, Any]:
        """Return the body of the API's comparison of one image."""
        diff = self.diff
        return {
            "number": self.change.image_no,
            "name": self.name,
            "facets": list(self.change.facets),
            "changes": [change_json(c, self.reading) for c in diff.changes] if diff else [],
            "pixels": {
                "changed": diff.changed_pixels if diff else 0,
                "hidden": diff.hidden_pixels if diff else 0,
                "total": diff.total_pixels if diff else 0,
            },
            "resized": diff.resized if diff else False,
            "class_flow": flow_json(diff.flow) if diff else [],
            "quality": self.quality,
        }


def diff_image(
    old: Version, new: Version, name: str, *, reading: Reading | None = None
) -> ImageDiff:
    """Compare the image of this name in two versions; raise `NotFound` if neither has it.

    `reading` is how both are read; None: by the later of their taxonomy versions.
    """
    image_no = find_numbers(new.dataset_id, [name]).get(name)
    if image_no is None:
        raise NotFound("image", name)
    return diff_numbered(old, new, image_no, name, reading=reading)


def diff_numbered(
    old: Version, new: Version, image_no: int, name: str, *, reading: Reading | None = None
) -> ImageDiff:
    """As `diff_image`, for a caller who knows number and name."""
    change = find_change(old, new, image_no)
    reading = reading or get_read_by([old, new], user=None).reading
    return ImageDiff(name, change, _diff(change, reading), reading)


def iter_image_diffs(
    old: Version, new: Version, numbers: Sequence[int], *, reading: Reading
) -> Iterator[ImageDiff]:
    """Yield the diffs of images that either version has, in the order given.

    A few at a time: however many there are, some dozens of labels are held, and each batch costs
    as many queries as one image.
    """
    nodes = SqlNodes()
    for batch in batched(numbers, _IMAGES_AT_ONCE):
        before, after = (get_entries(nodes, version.root, batch) for version in (old, new))
        names = names_of(new.dataset_id, batch)
        changes = [EntryChange(no, before.get(no), after.get(no)) for no in batch]
        digests = {
            entry.label for one in changes for entry in (one.old, one.new) if entry is not None
        }
        labels = get_read_labels(list(digests), reading)
        for change in changes:
            diff = _diff_of(change, labels, reading)
            yield ImageDiff(names[change.image_no], change, diff, reading)


def change_json(change: Change, reading: Reading) -> dict[str, Any]:
    """Return a change of read labels: boxes as x, y, width, height; areas of full masks."""
    return {
        "kind": change.kind,
        "flags": sorted(change.flags),
        "old": [_side_json(side, reading) for side in change.old],
        "new": [_side_json(side, reading) for side in change.new],
        "iou": change.iou,
        "boundary_iou": change.boundary_iou,
        "changed_pixels": change.changed_pixels,
        "bbox": box_json(change.box),
    }


def box_json(box: Box) -> list[int]:
    """Return a box (top, left, bottom, right) as x, y, width, height."""
    top, left, bottom, right = (int(edge) for edge in box)
    return [left, top, right - left, bottom - top]


def _side_json(side: SegmentSide, reading: Reading) -> dict[str, Any]:
    segment = side.segment
    spec = reading.classes[segment.class_id]
    return {
        "id": segment.segment_id,
        "class_id": segment.class_id,
        "class_name": spec.name,
        "kind": spec.kind,
        "crowd": segment.crowd,
        "score": segment.score,
        "area": side.area,
        "visible_area": side.visible_area,
        "bbox": box_json(side.box),
    }


def _diff(change: EntryChange, reading: Reading) -> LabelDiff | None:
    digests = [entry.label if entry else None for entry in (change.old, change.new)]
    if digests == [None, None]:
        return None
    return _diff_of(change, get_read_labels(digests, reading), reading)


def _diff_of(
    change: EntryChange, labels: Mapping[bytes | None, Label | None], reading: Reading
) -> LabelDiff | None:
    """Return the diff of two labels that were read; None where neither side has one."""
    old, new = (
        labels[entry.label] if entry is not None and entry.label is not None else None
        for entry in (change.old, change.new)
    )
    if old is None and new is None:
        return None
    return diff_labels(*both_labels(old, new), kinds=reading.label_reading.kinds)
