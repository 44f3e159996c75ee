"""Diff of two label revisions: what happened to which segment, and to how many pixels (RULES 3).

A diff is a value: `apply_diff(old, diff) == new`, and `~diff` is the diff back. Nothing here
draws, prints or serialises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from panoptic.changes import Change, ChangeKind, SegmentSide, in_order
from panoptic.description import describe_changes, describe_sides
from panoptic.drafts import Evidence, draft_changes, gather_evidence
from panoptic.errors import ShapeMismatch
from panoptic.fields import find_differing_fields
from panoptic.flow import ClassFlow, flow_from_columns
from panoptic.kinds import Kinds
from panoptic.label import Label, measure_label, visible_areas
from panoptic.matching import Matching
from panoptic.patch import Patch, PatchDoesNotFit, apply_patch, make_patch
from panoptic.runs import Runs, make_runs, refine_runs, relabel_runs
from panoptic.stacking import stacks_differ
from panoptic.summary import DiffSummary
from panoptic.views import panoptic_runs

__all__ = [
    "ALGORITHM_VERSION",
    "Change",
    "ChangeKind",
    "ClassFlow",
    "DiffSummary",
    "Kinds",
    "LabelDiff",
    "PatchDoesNotFit",
    "SegmentSide",
    "apply_diff",
    "change_mask",
    "diff_labels",
]

# Part of the cache key of every diff (RULES 3.9): raise it when the same labels give another diff.
ALGORITHM_VERSION = 1

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LabelDiff:
    """Everything that differs between two label revisions; `==` compares content.

    counts : how many changes of each kind
    flow : by class, diagonal included
    changed_pixels : where the visible owners before and after are not the same matched pair, or
        their classes differ (void is an owner)
    hidden_pixels : where only what lies below the visible segments differs
    total_pixels : of the image; of the larger one where the sizes differ
    resized : the sizes differ. Then all old segments are removed, all new ones added, and every
        pixel counts as changed.
    """

    old: Label
    new: Label
    kinds: Kinds
    counts: Mapping[ChangeKind, int]
    flow: ClassFlow
    changed_pixels: int
    hidden_pixels: int
    total_pixels: int
    resized: bool
    # Rows, boxes and pixels of each change take longer to look up than the rest to compute, and
    # a summary of thousands of images needs none of them.
    describe: Callable[[], tuple[Change, ...]] = field(repr=False)

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What happened; each segment is in at most one change. Most changed pixels first."""
        return self.describe()

    @cached_property
    def patch(self) -> Patch:
        """What must be written to turn `old` into `new`; it stands without either of them."""
        return make_patch(self.old, self.new)

    def summary(self) -> DiffSummary:
        """Counts only; quick, since no change is described for it."""
        return DiffSummary(
            images=1,
            resized=int(self.resized),
            changes=self.counts,
            changed_pixels=self.changed_pixels,
            hidden_pixels=self.hidden_pixels,
            total_pixels=self.total_pixels,
        )

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return self.resized or any(self.counts.values())

    def __invert__(self) -> LabelDiff:
        return LabelDiff(
            old=self.new,
            new=self.old,
            kinds=self.kinds,
            counts={kind: self.counts[~kind] for kind in ChangeKind},
            flow=~self.flow,
            changed_pixels=self.changed_pixels,
            hidden_pixels=self.hidden_pixels,
            total_pixels=self.total_pixels,
            resized=self.resized,
            describe=partial(_describe_mirrored, self),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LabelDiff):
            return NotImplemented
        return (
            self.summary() == other.summary()
            and (self.old, self.new, self.kinds) == (other.old, other.new, other.kinds)
            and self.flow == other.flow
            and self.changes == other.changes
        )

    def __hash__(self) -> int:
        return hash((self.old, self.new, self.kinds))


def diff_labels(old: Label, new: Label, *, kinds: Kinds) -> LabelDiff:
    """Compare two revisions of one image's label.

    `kinds` says which classes are stuff: those are matched by their class alone.
    """
    if old.shape != new.shape:
        return _diff_of_sizes(old, new, kinds)
    if _is_same(old, new):
        return _diff_of_equals(old, new, kinds)
    evidence = gather_evidence(old, new, kinds)
    drafts = draft_changes(evidence)
    cells = evidence.cells
    return LabelDiff(
        old=old,
        new=new,
        kinds=kinds,
        counts=_count(draft.flags[0] for draft in drafts),
        flow=flow_from_columns(
            (_classes(old, cells.old_tops), _classes(new, cells.new_tops), cells.pixels),
            _segment_flow(old, new, evidence.matching),
        ),
        changed_pixels=int(cells.pixels[evidence.changed].sum()),
        hidden_pixels=_count_hidden_pixels(evidence),
        total_pixels=old.height * old.width,
        resized=False,
        describe=partial(describe_changes, evidence, drafts),
    )


def apply_diff(old: Label, diff: LabelDiff) -> Label:
    """The new label of the diff, from the old one; raises PatchDoesNotFit if it is another."""
    return apply_patch(old, diff.patch)


def change_mask(old: Label, new: Label, diff: LabelDiff) -> Runs:
    """1 where a pixel changed (RULES 3.4), else 0.

    Raises ShapeMismatch for labels of different sizes, which have no pixel in common.
    """
    if old.shape != new.shape:
        raise ShapeMismatch(old.shape, new.shape)
    old_names = {segment_id: segment_id for segment_id in old.segments.ids.tolist()}
    new_names = {segment_id: segment_id for segment_id in new.segments.ids.tolist()}
    unshared = 2**24
    for change in diff.changes:
        for place, side in enumerate(change.new):
            new_names[side.segment.segment_id] = unshared + side.segment.segment_id
            if place == 0 and change.old and _keeps_class(change):
                new_names[side.segment.segment_id] = change.old[0].segment.segment_id
    before = _rename(panoptic_runs(old), old_names)
    after = _rename(panoptic_runs(new), new_names)
    names_before, names_after, lengths = refine_runs(before, after)
    return make_runs(old.height, old.width, names_before != names_after, lengths)


def _diff_of_equals(old: Label, new: Label, kinds: Kinds) -> LabelDiff:
    classes = old.segments.class_ids.astype(np.int64)
    pixels = visible_areas(old)
    all_classes = np.append(classes, 0)
    all_pixels = np.append(pixels, old.height * old.width - pixels.sum())
    return LabelDiff(
        old=old,
        new=new,
        kinds=kinds,
        counts=_count(()),
        flow=flow_from_columns((all_classes, all_classes, all_pixels), (classes, classes)),
        changed_pixels=0,
        hidden_pixels=0,
        total_pixels=old.height * old.width,
        resized=False,
        describe=tuple,
    )


def _diff_of_sizes(old: Label, new: Label, kinds: Kinds) -> LabelDiff:
    """All removed, all added: no pixel of one image is known to be one of the other.

    So the flow of void into void is empty here; the sums of every class are right.
    """
    old_classes = old.segments.class_ids.astype(np.int64)
    new_classes = new.segments.class_ids.astype(np.int64)
    classes = (
        np.concatenate((old_classes, np.zeros_like(new_classes))),
        np.concatenate((np.zeros_like(old_classes), new_classes)),
    )
    pixels = np.concatenate((visible_areas(old), visible_areas(new)))
    total = max(old.height * old.width, new.height * new.width)
    return LabelDiff(
        old=old,
        new=new,
        kinds=kinds,
        counts={
            **_count(()),
            ChangeKind.REMOVED: len(old.segments),
            ChangeKind.ADDED: len(new.segments),
        },
        flow=flow_from_columns((*classes, pixels), classes),
        changed_pixels=total,
        hidden_pixels=0,
        total_pixels=total,
        resized=True,
        describe=partial(_describe_resized, old, new),
    )


def _describe_resized(old: Label, new: Label) -> tuple[Change, ...]:
    removed = describe_sides(
        old, measure_label(old), [(place,) for place in range(len(old.segments))]
    )
    added = describe_sides(
        new, measure_label(new), [(place,) for place in range(len(new.segments))]
    )
    changes = [_alone(ChangeKind.REMOVED, side, (side,), ()) for (side,) in removed]
    changes += [_alone(ChangeKind.ADDED, side, (), (side,)) for (side,) in added]
    return in_order(changes)


def _alone(
    kind: ChangeKind,
    side: SegmentSide,
    old: tuple[SegmentSide, ...],
    new: tuple[SegmentSide, ...],
) -> Change:
    return Change(kind, frozenset((kind,)), old, new, None, side.visible_area, side.box)


def _describe_mirrored(diff: LabelDiff) -> tuple[Change, ...]:
    boundaries = [change.boundaries for change in diff.changes if change.boundaries]
    back = ~boundaries[0] if boundaries else None  # all changes share one
    return in_order(
        [change.mirrored(back if change.boundaries else None) for change in diff.changes]
    )


def _is_same(old: Label, new: Label) -> bool:
    if old is new:
        return True
    if old != new:
        return False
    places = np.arange(len(old.segments))
    # `==` of Python takes true for 1, the bytes of a label do not.
    return not find_differing_fields(old.segments, places, new.segments, places).any()


def _count(kinds: Iterable[ChangeKind]) -> dict[ChangeKind, int]:
    counts = dict.fromkeys(ChangeKind, 0)
    for kind in kinds:
        counts[kind] += 1
    return counts


def _count_hidden_pixels(evidence: Evidence) -> int:
    cells = evidence.cells
    if cells.are_flat:
        return 0
    differ = stacks_differ(
        cells.old_stacks, cells.new_stacks, evidence.old_names, evidence.new_names
    )
    return int(cells.pixels[differ & ~evidence.changed].sum())


def _segment_flow(old: Label, new: Label, matching: Matching) -> tuple[I64, I64]:
    """(old class, new class) of every pair and of every segment without one, then 0."""
    old_classes = old.segments.class_ids.astype(np.int64)
    new_classes = new.segments.class_ids.astype(np.int64)
    partners = matching.partners_of_old
    come = new_classes[matching.partners_of_new < 0]
    of_partners = np.append(new_classes, 0)[partners]  # -1, no partner, reads the 0
    return (
        np.concatenate((old_classes, np.zeros_like(come))),
        np.concatenate((of_partners, come)),
    )


def _classes(label: Label, places: I64) -> I64:
    """Class at each position; -1, the void, reads the 0 at the end."""
    classes = np.zeros(len(label.segments) + 1, np.int64)
    classes[:-1] = label.segments.class_ids
    return classes[places]


def _keeps_class(change: Change) -> bool:
    return change.old[0].segment.class_id == change.new[0].segment.class_id


def _rename(view: Runs, names: dict[int, int]) -> Runs:
    return relabel_runs(view, list(names), list(names.values()))
