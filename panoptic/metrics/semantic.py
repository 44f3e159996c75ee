"""Quality of the semantic view: mean IoU over classes, and pixel accuracy.

The old side is the truth. Pixels that are void in the truth are not looked at; a pixel that is
void in the other side alone is a miss of its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from panoptic.class_counts import ClassCounts
from panoptic.flow import ClassFlow, flow_from_columns
from panoptic.label import Label, visible_areas
from panoptic.metrics.ratios import divide, mean
from panoptic.overlaps import count_overlaps
from panoptic.views import semantic_runs


class ClassPixels(NamedTuple):
    """Pixels of one class, all where the truth is not void: those that both sides have, those of
    the truth, those of the other side."""

    shared: int = 0
    truth: int = 0
    found: int = 0

    @property
    def iou(self) -> float | None:
        """None where neither side has the class."""
        return divide(self.shared, self.truth + self.found - self.shared)


@dataclass(frozen=True)
class SemanticTally:
    """Pixels by class, of one image or of many: add tallies with `+`."""

    classes: Mapping[int, ClassPixels] = field(default_factory=dict)

    def __add__(self, other: SemanticTally) -> SemanticTally:
        if not isinstance(other, SemanticTally):
            return NotImplemented
        classes = dict(self.classes)
        for class_id, more in other.classes.items():
            known = classes.get(class_id, ClassPixels())
            classes[class_id] = ClassPixels(*map(int.__add__, known, more))
        return SemanticTally(classes)

    @property
    def miou(self) -> float | None:
        """Mean IoU over the classes that either side has; None if there are none."""
        return mean(pixels.iou for pixels in self.classes.values())

    @property
    def pixel_accuracy(self) -> float | None:
        """Share of the truth's pixels that have the right class; None if the truth is void."""
        counted = self.classes.values()
        return divide(
            sum(pixels.shared for pixels in counted), sum(pixels.truth for pixels in counted)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the inverse is `from_dict`."""
        return {"classes": [[c, *pixels] for c, pixels in sorted(self.classes.items())]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> SemanticTally:
        return cls({class_id: ClassPixels(*counts) for class_id, *counts in plain["classes"]})


def semantic_quality(old: Label, new: Label) -> SemanticTally:
    """Measure `new` against the truth `old`; where the sizes differ every pixel is a miss."""
    if old.shape != new.shape:
        pixels = visible_areas(old)
        missed = (old.segments.class_ids, np.zeros_like(old.segments.class_ids), pixels)
        return semantic_tally_of_flow(flow_from_columns(missed))
    overlaps = count_overlaps(semantic_runs(old), semantic_runs(new))
    columns = (overlaps.old_ids, overlaps.new_ids, overlaps.pixels)
    return semantic_tally_of_flow(flow_from_columns(columns))


def semantic_tally_of_flow(flow: ClassFlow) -> SemanticTally:
    """The tally that the pixels of a class flow amount to: a diff has it at no further cost."""
    counts: dict[int, list[int]] = {}
    for (old_class, new_class), (pixels, _) in flow.cells.items():
        if old_class == 0 or pixels == 0:
            continue
        truth = counts.setdefault(old_class, [0, 0, 0])
        truth[1] += pixels
        if new_class == old_class:
            truth[0] += pixels
        if new_class != 0:
            counts.setdefault(new_class, [0, 0, 0])[2] += pixels
    return SemanticTally({c: ClassPixels(*three) for c, three in counts.items()})


def semantic_tally_of_counts(counts: ClassCounts) -> SemanticTally:
    """The tally of a label against itself, from its statistics alone."""
    columns = (counts.class_ids, counts.pixels)
    return SemanticTally(
        {
            class_id: ClassPixels(pixels, pixels, pixels)
            for class_id, pixels in zip(*(c.tolist() for c in columns), strict=True)
            if pixels
        }
    )
