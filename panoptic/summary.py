"""What many diffs amount to: counts that add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from panoptic.changes import ChangeKind


@dataclass(frozen=True)
class DiffSummary:
    """Counts of one diff or of many: summaries add up with `+`, in any order.

    images : how many diffs; resized : how many of them between labels of different sizes
    changes : how many changes of each kind (a split or merged group is one)
    pixels : changed in the panoptic view, hidden below it, and all there are
    """

    images: int = 0
    resized: int = 0
    changes: Mapping[ChangeKind, int] = field(default_factory=lambda: dict.fromkeys(ChangeKind, 0))
    changed_pixels: int = 0
    hidden_pixels: int = 0
    total_pixels: int = 0

    def __add__(self, other: DiffSummary) -> DiffSummary:
        if not isinstance(other, DiffSummary):
            return NotImplemented
        return DiffSummary(
            self.images + other.images,
            self.resized + other.resized,
            {kind: self.changes[kind] + other.changes[kind] for kind in ChangeKind},
            self.changed_pixels + other.changed_pixels,
            self.hidden_pixels + other.hidden_pixels,
            self.total_pixels + other.total_pixels,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the inverse is `from_dict`."""
        return {
            "images": self.images,
            "resized": self.resized,
            "changes": {kind.value: count for kind, count in self.changes.items()},
            "changed_pixels": self.changed_pixels,
            "hidden_pixels": self.hidden_pixels,
            "total_pixels": self.total_pixels,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> DiffSummary:
        changes = {kind: plain["changes"].get(kind.value, 0) for kind in ChangeKind}
        return cls(**{**plain, "changes": changes})
