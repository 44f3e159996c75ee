"""Compare pairs of labels, in worker processes: nothing here may need the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from panoptic.codec import decode_label
from panoptic.diff import DiffSummary, diff_labels
from panoptic.flow import ClassFlow
from panoptic.label import Label, empty_label
from panoptic.metrics.boundary import BoundaryTally, boundary_quality
from panoptic.metrics.panoptic import PanopticTally, panoptic_quality
from panoptic.reading import LabelReading, read_label


@dataclass(frozen=True)
class PairCounts:
    """A diff without its changes: what sums over many images are made of.

    `quality` and `boundaries` measure the new side against the old one.
    """

    summary: DiffSummary
    flow: ClassFlow
    quality: PanopticTally
    boundaries: BoundaryTally

    @cached_property
    def class_ids(self) -> frozenset[int]:
        """The live classes that something left or joined, void aside."""
        moved = (row for row in self.flow if row.old_class != row.new_class)
        ids = {class_id for row in moved for class_id in (row.old_class, row.new_class)}
        return frozenset(ids - {0})

    def to_json(self) -> dict[str, Any]:
        return {
            "summary": self.summary.to_dict(),
            "flow": self.flow.to_dict(),
            "quality": self.quality.to_dict(),
            "boundaries": self.boundaries.to_dict(),
        }

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> PairCounts:
        return cls(
            DiffSummary.from_dict(plain["summary"]),
            ClassFlow.from_dict(plain["flow"]),
            PanopticTally.from_dict(plain["quality"]),
            BoundaryTally.from_dict(plain["boundaries"]),
        )


class PairShard(NamedTuple):
    """Pairs of stored labels, and how their classes read."""

    pairs: list[tuple[bytes | None, bytes | None]]
    reading: LabelReading


def count_shard(shard: PairShard) -> list[PairCounts]:
    """Compare the pairs of a shard (runs in a worker process)."""
    kinds = shard.reading.kinds
    counts = []
    for pair in shard.pairs:
        old, new = both_labels(*(_read(stored, shard.reading) for stored in pair))
        diff = diff_labels(old, new, kinds=kinds)
        quality = panoptic_quality(old, new, kinds)
        boundaries = boundary_quality(old, new)
        counts.append(PairCounts(diff.summary(), diff.flow, quality, boundaries))
    return counts


def _read(stored: bytes | None, reading: LabelReading) -> Label | None:
    return None if stored is None else read_label(decode_label(stored), reading)


def both_labels(old: Label | None, new: Label | None) -> tuple[Label, Label]:
    """Return both labels; one that is missing is void all over."""
    if old is None and new is None:
        raise ValueError("a pair has at least one label")
    if old is None:
        return empty_label(new.height, new.width), new
    if new is None:
        return old, empty_label(old.height, old.width)
    return old, new
