"""The sums over all images of two versions, unchanged ones included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasets_app.entries import EntryChange
from datasets_app.label_facts import LabelFacts
from datasets_app.models import Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.pixels.counting import PairCounts
from datasets_app.tallies import Tally, tally_of
from panoptic.class_counts import ClassCounts
from panoptic.diff import DiffSummary
from panoptic.flow import ClassFlow, flow_of_counts
from panoptic.kinds import Kinds
from panoptic.metrics.panoptic import PanopticTally, panoptic_tally_of_counts
from panoptic.metrics.semantic import semantic_tally_of_flow


@dataclass
class Totals:
    """Sums over the changed images, and what they held before, to know the unchanged ones.

    changed : over all images that differ; present : over those on both sides, which alone
        enter quality (RULES 3.6)
    """

    changed: DiffSummary = field(default_factory=DiffSummary)
    flow: ClassFlow = field(default_factory=ClassFlow)
    flow_of_present: ClassFlow = field(default_factory=ClassFlow)
    quality: PanopticTally = field(default_factory=PanopticTally)
    differing: Tally = field(default_factory=Tally)

    def add(
        self, change: EntryChange, counts: PairCounts, facts: Mapping[bytes, LabelFacts]
    ) -> None:
        """Add one image whose labels differ; `facts` know its old label."""
        self.changed += counts.summary
        self.flow += counts.flow
        if change.old is not None and change.new is not None:
            self.quality += counts.quality
            self.flow_of_present += counts.flow
        self.differing.add([change._replace(new=None)], facts)

    def to_json(self, old: Version, kinds: Kinds) -> dict[str, Any]:
        """Return what the API says of segments, pixels, class flow and quality."""
        unchanged = _unchanged_counts(old, self.differing)
        same = flow_of_counts(unchanged)
        quality = self.quality + panoptic_tally_of_counts(unchanged, kinds)
        unchanged_pixels = int(unchanged.pixels.sum()) + unchanged.void_pixels
        return {
            "segments": {kind.value: count for kind, count in self.changed.changes.items()},
            "pixels": {
                "changed": self.changed.changed_pixels,
                "hidden": self.changed.hidden_pixels,
                "total": self.changed.total_pixels + unchanged_pixels,
            },
            "class_flow": flow_json(self.flow + same),
            "quality": quality_json(quality, self.flow_of_present + same),
            "quality_changed": quality_json(self.quality, self.flow_of_present),
        }


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


def quality_json(tally: PanopticTally, flow: ClassFlow) -> dict[str, Any]:
    """Return PQ, SQ, RQ and mIoU, over classes and of each; undefined is null."""
    semantic = semantic_tally_of_flow(flow)
    return {
        "pq": tally.pq,
        "sq": tally.sq,
        "rq": tally.rq,
        "miou": semantic.miou,
        "per_class": [
            {
                "class_id": class_id,
                "pq": row.pq,
                "sq": row.sq,
                "rq": row.rq,
                "tp": row.tp,
                "fp": row.fp,
                "fn": row.fn,
            }
            for class_id, row in sorted(tally.classes.items())
        ],
    }


def _unchanged_counts(old: Version, differing: Tally) -> ClassCounts:
    """Return what the images hold whose labels are equal: the old version less the others.

    `differing` holds the old sides with a negative sign: what is taken away.
    """
    sums: dict[int, np.ndarray] = {}
    for tally in (tally_of(old), differing):
        for key, row in tally.classes.items():
            sums[key.class_id] = sums.get(key.class_id, 0) + row
    void = sums.pop(VOID_CLASS, np.zeros(4, np.int64))
    rows = sorted((class_id, row) for class_id, row in sums.items() if row[1] or row[3])
    columns = np.array([row for _, row in rows], np.int64).reshape(-1, 4)
    return ClassCounts(
        class_ids=np.array([class_id for class_id, _ in rows], np.uint32),
        segments=columns[:, 1],
        crowds=columns[:, 2],
        pixels=columns[:, 3],
        void_pixels=int(void[3]),
    )
