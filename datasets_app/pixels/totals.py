"""The sums over all images of two versions, unchanged ones included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasets_app.entries import EntryChange
from datasets_app.live_counts import read_counts
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.pixels.counting import PairCounts
from datasets_app.stats import LiveStats
from panoptic.class_counts import ClassCounts
from panoptic.diff import DiffSummary
from panoptic.flow import ClassFlow, flow_of_counts
from panoptic.kinds import Kinds
from panoptic.metrics.boundary import BoundaryTally, boundary_tally_of_counts
from panoptic.metrics.panoptic import PanopticTally, panoptic_tally_of_counts
from panoptic.metrics.semantic import ClassPixels, semantic_tally_of_flow
from panoptic.reading import LabelReading


@dataclass
class Totals:
    """Sums over the changed images, and what they held before, to know the unchanged ones.

    Everything is in live classes of the taxonomy one reads by.

    changed : over all images that differ; present : over those on both sides, which alone
        enter quality (RULES 3.6)
    differing : [segments, crowds, pixels] by class of the old sides; class 0 is void
    """

    changed: DiffSummary = field(default_factory=DiffSummary)
    flow: ClassFlow = field(default_factory=ClassFlow)
    flow_of_present: ClassFlow = field(default_factory=ClassFlow)
    quality: PanopticTally = field(default_factory=PanopticTally)
    boundaries: BoundaryTally = field(default_factory=BoundaryTally)
    differing: dict[int, np.ndarray] = field(default_factory=dict)

    def add(self, change: EntryChange, counts: PairCounts) -> None:
        """Add one image whose labels differ."""
        self.changed += counts.summary
        self.flow += counts.flow
        if change.old is not None and change.new is not None:
            self.quality += counts.quality
            self.boundaries += counts.boundaries
            self.flow_of_present += counts.flow

    def take_away(self, olds: Sequence[ClassCounts], reading: LabelReading) -> None:
        """Note what the old labels of the added images held, one entry per image."""
        for class_id, row in read_counts(olds, reading).sums_by_class().items():
            self.differing[class_id] = self.differing.get(class_id, 0) + row

    def to_json(self, old: LiveStats, kinds: Kinds) -> dict[str, Any]:
        """Return what the API says of segments, pixels, class flow and quality.

        `old` are the statistics of the old version, which `are_enough`.
        """
        unchanged = _unchanged_counts(old, self.differing)
        same = flow_of_counts(unchanged)
        quality = self.quality + panoptic_tally_of_counts(unchanged, kinds)
        boundaries = self.boundaries + boundary_tally_of_counts(unchanged)
        unchanged_pixels = int(unchanged.pixels.sum()) + unchanged.void_pixels
        return {
            "segments": {kind.value: count for kind, count in self.changed.changes.items()},
            "pixels": {
                "changed": self.changed.changed_pixels,
                "hidden": self.changed.hidden_pixels,
                "total": self.changed.total_pixels + unchanged_pixels,
            },
            "class_flow": flow_json(self.flow + same),
            "quality": quality_json(quality, self.flow_of_present + same, boundaries),
            "quality_changed": quality_json(self.quality, self.flow_of_present, self.boundaries),
        }


def are_enough(stats: LiveStats) -> bool:
    """Say whether the segments of every class are counted; images with void enter no sum."""
    return all(
        row.segments is not None and row.crowds is not None
        for row in stats.over_splits
        if row.class_id != VOID_CLASS
    )


def flow_json(flow: ClassFlow) -> list[dict[str, Any]]:
    """Return the cells of a flow; void, and having no partner, are null."""
    return [
        {
            "old_class": row.old_class or None,
            "new_class": row.new_class or None,
            "pixels": row.pixels,
            "segments": row.segments,
        }
        for row in flow
    ]


def quality_json(
    tally: PanopticTally, flow: ClassFlow, boundaries: BoundaryTally
) -> dict[str, Any]:
    """Return PQ, SQ, RQ, mIoU and boundary IoU, over classes and of each; undefined is null.

    IoU is of all pixels of a class in the semantic view; boundary IoU is the mean over its
    segments that were found.
    """
    semantic = semantic_tally_of_flow(flow)
    none = ClassPixels()
    return {
        "pq": tally.pq,
        "sq": tally.sq,
        "rq": tally.rq,
        "miou": semantic.miou,
        "boundary_iou": boundaries.boundary_iou,
        "per_class": [
            {
                "class_id": class_id,
                "pq": row.pq,
                "sq": row.sq,
                "rq": row.rq,
                "iou": semantic.classes.get(class_id, none).iou,
                "boundary_iou": found.boundary_iou
                if (found := boundaries.classes.get(class_id))
                else None,
                "tp": row.tp,
                "fp": row.fp,
                "fn": row.fn,
            }
            for class_id, row in sorted(tally.classes.items())
        ],
    }


def _unchanged_counts(old: LiveStats, differing: Mapping[int, np.ndarray]) -> ClassCounts:
    """Return what the images hold whose labels are equal: the old version less the others."""
    zeros = np.zeros(3, np.int64)
    sums = {
        row.class_id: np.array((row.segments or 0, row.crowds or 0, row.pixels), np.int64)
        - differing.get(row.class_id, zeros)
        for row in old.over_splits
    }
    void = sums.pop(VOID_CLASS, zeros)
    rows = sorted((class_id, row) for class_id, row in sums.items() if row[0] or row[2])
    columns = np.array([row for _, row in rows], np.int64).reshape(-1, 3)
    return ClassCounts(
        class_ids=np.array([class_id for class_id, _ in rows], np.uint32),
        segments=columns[:, 0],
        crowds=columns[:, 1],
        pixels=columns[:, 2],
        void_pixels=int(void[2]),
    )
