"""Panoptic quality: PQ = SQ · RQ (Kirillov et al., "Panoptic Segmentation", CVPR 2019).

The old side of a pair is the truth. Numbers are those of panopticapi's `pq_compute`, with one
difference: where a class has several crowds in an image, all of them count, not the last one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from panoptic.class_counts import ClassCounts
from panoptic.kernels.overlap_numpy import MATCHED, MISSED
from panoptic.kinds import ALL_THINGS, Kinds
from panoptic.label import Label
from panoptic.metrics.matches import match_to_truth
from panoptic.metrics.ratios import TICKS, divide, mean, to_ticks


class ClassTally(NamedTuple):
    """Counts of one class: segments found, invented and missed, and the IoUs of those found, in
    ticks of 2^-32."""

    tp: int = 0
    fp: int = 0
    fn: int = 0
    iou_ticks: int = 0

    @property
    def iou_sum(self) -> float:
        return self.iou_ticks / TICKS

    @property
    def pq(self) -> float | None:
        """IoU sum over TP + FP/2 + FN/2; None where there is no segment on either side."""
        return divide(self.iou_sum, self.tp + 0.5 * self.fp + 0.5 * self.fn)

    @property
    def sq(self) -> float | None:
        """Mean IoU of what was found; None where nothing was."""
        return divide(self.iou_sum, self.tp)

    @property
    def rq(self) -> float | None:
        """F1 of finding; None where there is no segment on either side."""
        return divide(self.tp, self.tp + 0.5 * self.fp + 0.5 * self.fn)


@dataclass(frozen=True)
class PanopticTally:
    """Panoptic quality of one image or of many: add tallies with `+`.

    classes : by class id, only those with a segment found, invented or missed
    """

    classes: Mapping[int, ClassTally] = field(default_factory=dict)
    kinds: Kinds = ALL_THINGS

    def __add__(self, other: PanopticTally) -> PanopticTally:
        if not isinstance(other, PanopticTally):
            return NotImplemented
        classes = dict(self.classes)
        for class_id, more in other.classes.items():
            known = classes.get(class_id)
            if known is None:
                classes[class_id] = more
            else:
                classes[class_id] = ClassTally(*map(int.__add__, known, more))
        return PanopticTally(classes, Kinds(self.kinds.stuff | other.kinds.stuff))

    @property
    def pq(self) -> float | None:
        """Mean over the classes; None if there are none."""
        return mean(tally.pq for tally in self.classes.values())

    @property
    def sq(self) -> float | None:
        """Mean over the classes. One without any match counts 0, as in panopticapi: otherwise
        missing a class wholly would raise the mean."""
        return mean(tally.sq or 0.0 for tally in self.classes.values())

    @property
    def rq(self) -> float | None:
        """Mean over the classes; None if there are none."""
        return mean(tally.rq for tally in self.classes.values())

    @property
    def things(self) -> PanopticTally:
        """The thing classes alone."""
        return self.only({c for c in self.classes if not self.kinds.is_stuff(c)})

    @property
    def stuff(self) -> PanopticTally:
        """The stuff classes alone."""
        return self.only({c for c in self.classes if self.kinds.is_stuff(c)})

    def only(self, class_ids: Collection[int]) -> PanopticTally:
        """These classes alone."""
        return PanopticTally(
            {c: tally for c, tally in self.classes.items() if c in class_ids}, self.kinds
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the inverse is `from_dict`."""
        return {
            "classes": [[c, *tally] for c, tally in sorted(self.classes.items())],
            "stuff": sorted(self.kinds.stuff),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> PanopticTally:
        return cls(
            {class_id: ClassTally(*counts) for class_id, *counts in plain["classes"]},
            Kinds(frozenset(plain["stuff"])),
        )


def panoptic_quality(old: Label, new: Label, kinds: Kinds) -> PanopticTally:
    """Measure `new` against the truth `old`.

    Where the sizes differ nothing can be found: all segments of the truth but crowds are missed,
    all new ones but crowds invented.
    """
    counts: dict[int, list[int]] = {}
    if old.shape != new.shape:
        _count_alone(counts, old, 2)
        _count_alone(counts, new, 1)
    else:
        _count_matches(counts, old, new)
    return PanopticTally({c: ClassTally(*four) for c, four in counts.items()}, kinds)


def panoptic_tally_of_counts(counts: ClassCounts, kinds: Kinds) -> PanopticTally:
    """The tally of a label against itself, from its statistics alone: all but crowds is found."""
    classes = {}
    columns = (counts.class_ids, counts.segments, counts.crowds)
    for class_id, segments, crowds in zip(*(c.tolist() for c in columns), strict=True):
        if segments > crowds:
            classes[class_id] = ClassTally(
                tp=segments - crowds, iou_ticks=(segments - crowds) * TICKS
            )
    return PanopticTally(classes, kinds)


def _count_matches(counts: dict[int, list[int]], old: Label, new: Label) -> None:
    matches = match_to_truth(old, new)
    columns = (old.segments.class_ids, matches.old_states, matches.ious)
    for class_id, state, iou in zip(*(column.tolist() for column in columns), strict=True):
        if state == MATCHED:
            counted = counts.setdefault(class_id, [0, 0, 0, 0])
            counted[0] += 1
            counted[3] += to_ticks(iou)
        elif state == MISSED:
            counts.setdefault(class_id, [0, 0, 0, 0])[2] += 1
    for class_id, state in zip(
        new.segments.class_ids.tolist(), matches.new_states.tolist(), strict=True
    ):
        if state == MISSED:
            counts.setdefault(class_id, [0, 0, 0, 0])[1] += 1


def _count_alone(counts: dict[int, list[int]], label: Label, column: int) -> None:
    for row in label.segments:
        if not row.crowd:
            counts.setdefault(row.class_id, [0, 0, 0, 0])[column] += 1
