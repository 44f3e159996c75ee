"""One change of a label: which segments it takes up, and what happened to them (RULES 3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from panoptic.boundary import PairBoundaries
from panoptic.segments import Segment

Box = tuple[int, int, int, int]


class ChangeKind(StrEnum):
    """In the order in which a kind is chosen; the first two stand alone."""

    ADDED = "added"
    REMOVED = "removed"
    SPLIT = "split"
    MERGED = "merged"
    RECLASSIFIED = "reclassified"
    RESHAPED = "reshaped"
    ATTRIBUTES = "attributes"
    RENUMBERED = "renumbered"

    def __invert__(self) -> ChangeKind:
        """The kind of the same change seen from the other side."""
        return _MIRRORED.get(self, self)


_MIRRORED = {
    ChangeKind.ADDED: ChangeKind.REMOVED,
    ChangeKind.REMOVED: ChangeKind.ADDED,
    ChangeKind.SPLIT: ChangeKind.MERGED,
    ChangeKind.MERGED: ChangeKind.SPLIT,
}


class SegmentSide(NamedTuple):
    """A segment as it is in one of the labels: its row, area and box (top, left, bottom, right;
    half-open) of the full mask, and the area that is visible; all in pixels."""

    segment: Segment
    area: int
    visible_area: int
    box: Box


@dataclass(frozen=True, slots=True)
class Change:
    """A matched pair that differs, with the pieces that broke off or were joined, or one segment
    that has no partner.

    kind : the first that holds, in the order of `ChangeKind`; flags : all that hold
    old, new : the segments on either side. Where both have one, the first of each are the
        matched pair; what follows are pieces, by id.
    iou : of the full masks of the matched pair; None without one
    changed_pixels : changed pixels that belong to one of its segments before or after; a pixel
        that goes from one changed segment to another counts in both changes
    box : around the full masks of all its segments, in pixels (half-open)
    """

    kind: ChangeKind
    flags: frozenset[ChangeKind]
    old: tuple[SegmentSide, ...]
    new: tuple[SegmentSide, ...]
    iou: float | None
    changed_pixels: int
    box: Box
    boundaries: PairBoundaries | None = field(default=None, compare=False, repr=False)

    @property
    def is_pair(self) -> bool:
        """Whether it holds a matched pair, `old[0]` and `new[0]`."""
        return bool(self.old and self.new)

    @property
    def boundary_iou(self) -> float | None:
        """Boundary IoU of the full masks of the matched pair; None without one.

        Asking for the first computes those of all changes of the diff.
        """
        if not self.is_pair or self.boundaries is None:
            return None
        return self.boundaries.iou_of(
            self.old[0].segment.segment_id, self.new[0].segment.segment_id
        )

    def mirrored(self, boundaries: PairBoundaries | None) -> Change:
        """The change back, with the boundaries of the diff back."""
        return replace(
            self,
            kind=~self.kind,
            flags=frozenset(~flag for flag in self.flags),
            old=self.new,
            new=self.old,
            boundaries=boundaries,
        )


def in_order(changes: list[Change]) -> tuple[Change, ...]:
    """Most changed pixels first, then by the ids of the old side, then of the new side."""
    return tuple(sorted(changes, key=_place))


def _place(change: Change) -> tuple[int, list[int], list[int]]:
    return (
        -change.changed_pixels,
        [side.segment.segment_id for side in change.old],
        [side.segment.segment_id for side in change.new],
    )
