"""Ids for labels of formats that have none: those of the parent revision (RULES 1.1)."""

from __future__ import annotations

import numpy as np

from panoptic.kinds import Kinds
from panoptic.label import Label, measure_label, renumber
from panoptic.matching import Side, match_segments
from panoptic.overlaps import cut_cells, shared_masks
from panoptic.segments import MAX_SEGMENT_ID


def assign_ids(label: Label, parent: Label | None, kinds: Kinds | None = None) -> Label:
    """Give every segment the id of the parent's segment that it matches (RULES 3.1).

    The others get the lowest ids that the parent does not use, in the order of the ids they
    have now, which is that of their first pixels. Without a parent, or with one of another
    size, the label stays as it is. Pure.
    """
    if parent is None or parent.shape != label.shape or not len(label.segments):
        return label
    new_ids = np.zeros(len(label.segments), np.int64)
    if len(parent.segments):
        places = _match(label, parent, kinds or Kinds())
        matched = places >= 0
        new_ids[matched] = parent.segments.ids[places[matched]]
    unmatched = np.flatnonzero(new_ids == 0)
    # Among this many numbers are enough that the parent does not use.
    candidates = np.arange(1, len(parent.segments) + unmatched.size + 1)
    free = np.setdiff1d(candidates, parent.segments.ids.astype(np.int64))
    new_ids[unmatched] = free[: unmatched.size]
    return renumber(label, label.segments.ids, new_ids)


def _match(label: Label, parent: Label, kinds: Kinds) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For every segment of the label its place in the parent, -1 for none."""
    # Its ids mean nothing yet: none of them may equal one of the parent by chance.
    top = int(parent.segments.ids.max())
    count = len(label.segments)
    strange = np.arange(top + 1, top + 1 + count)
    if top + count > MAX_SEGMENT_ID:
        strange = np.setdiff1d(
            np.arange(1, len(parent.segments) + count + 1), parent.segments.ids.astype(np.int64)
        )[:count]
    stranger = renumber(label, label.segments.ids, strange)
    shared = shared_masks(cut_cells(parent, stranger))
    return match_segments(
        Side(parent.segments, measure_label(parent).areas),
        Side(stranger.segments, measure_label(stranger).areas),
        shared,
        kinds,
    ).partners_of_new
