"""Mean boundary IoU of the segments that panoptic quality matches (Cheng et al., CVPR 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from panoptic.boundary import (
    BAND_RATIO,
    band_ious,
    boundary_iou,
    boundary_reach,
    boundary_runs,
)
from panoptic.class_counts import ClassCounts
from panoptic.label import Label, segment_mask
from panoptic.metrics.matches import match_to_truth
from panoptic.metrics.ratios import TICKS, divide, mean, to_ticks
from panoptic.views import panoptic_runs


class ClassBoundaries(NamedTuple):
    """Matched pairs of one class and the sum of their boundary IoUs, in ticks of 2^-32."""

    pairs: int = 0
    iou_ticks: int = 0

    @property
    def boundary_iou(self) -> float | None:
        """Mean over the pairs; None if there are none."""
        return divide(self.iou_ticks / TICKS, self.pairs)


@dataclass(frozen=True)
class BoundaryTally:
    """Boundary agreement of one image or of many: add tallies with `+`."""

    classes: Mapping[int, ClassBoundaries] = field(default_factory=dict)

    def __add__(self, other: BoundaryTally) -> BoundaryTally:
        if not isinstance(other, BoundaryTally):
            return NotImplemented
        classes = dict(self.classes)
        for class_id, more in other.classes.items():
            known = classes.get(class_id, ClassBoundaries())
            classes[class_id] = ClassBoundaries(*map(int.__add__, known, more))
        return BoundaryTally(classes)

    @property
    def boundary_iou(self) -> float | None:
        """Mean over the classes with a matched pair; None if there are none."""
        return mean(tally.boundary_iou for tally in self.classes.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the inverse is `from_dict`."""
        return {"classes": [[c, *tally] for c, tally in sorted(self.classes.items())]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> BoundaryTally:
        return cls({class_id: ClassBoundaries(*counts) for class_id, *counts in plain["classes"]})


def boundary_quality(old: Label, new: Label, ratio: float = BAND_RATIO) -> BoundaryTally:
    """Boundary IoU of each pair of visible segments that `panoptic_quality` counts as found.

    Bands are `ratio` of the image's diagonal wide. Labels of different sizes have no pairs.
    """
    if old.shape != new.shape:
        return BoundaryTally()
    matches = match_to_truth(old, new)
    matched = np.flatnonzero(matches.partners >= 0).tolist()
    old_ids = old.segments.ids.tolist()
    new_ids = new.segments.ids[matches.partners].tolist() if matched else []
    reach = boundary_reach(*old.shape, ratio)
    hidden = set(matches.hidden_pairs)
    visible = [(old_ids[place], new_ids[place]) for place in matched if place not in hidden]
    ious = {}
    if visible:
        ious = band_ious(
            boundary_runs(panoptic_runs(old), reach),
            boundary_runs(panoptic_runs(new), reach),
            visible,
        )
    counts: dict[int, list[int]] = {}
    for place in matched:
        pair = old_ids[place], new_ids[place]
        if place in hidden:
            masks = segment_mask(old, pair[0]), segment_mask(new, pair[1])
            iou = boundary_iou(*masks, ratio) or 0.0
        else:
            iou = ious[pair]
        counted = counts.setdefault(int(old.segments.class_ids[place]), [0, 0])
        counted[0] += 1
        counted[1] += to_ticks(iou)
    return BoundaryTally({c: ClassBoundaries(*two) for c, two in counts.items()})


def boundary_tally_of_counts(counts: ClassCounts) -> BoundaryTally:
    """The tally of a label against itself, from its statistics alone."""
    columns = (counts.class_ids, counts.segments, counts.crowds)
    return BoundaryTally(
        {
            class_id: ClassBoundaries(segments - crowds, (segments - crowds) * TICKS)
            for class_id, segments, crowds in zip(*(c.tolist() for c in columns), strict=True)
            if segments > crowds
        }
    )
