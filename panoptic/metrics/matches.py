"""Which visible segments of a truth are found in another labelling (Kirillov et al., CVPR 2019).

Matched are same-class pairs with IoU > 0.5 in the panoptic views, where pixels that are void in
the truth leave the union and crowds of the truth match nothing. There is at most one partner.
A segment without a match is not counted against the other labelling if more than half of it
lies on void or on crowds of its class in the truth; all crowds of a class count together.

Segments that are wholly hidden have no part in the views, yet they are in the statistics of a
label. They are compared among themselves, by full masks, so that a label agrees with itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import ShapeMismatch
from panoptic.kernels import load_kernels
from panoptic.kernels.overlap_numpy import IGNORED, MATCHED, MISSED, UNSEEN
from panoptic.label import Label, measure_label
from panoptic.overlaps import cut_cells, shared_masks
from panoptic.views import panoptic_runs

kernels = load_kernels("overlap")


class Matches(NamedTuple):
    """By position in the segment tables. `states` are MISSED, MATCHED or IGNORED.

    partners int64[n]: matched new position, -1 if none; ious float64[n]: 0 without a partner;
    old_states uint8[n], new_states uint8[m]; hidden_pairs: old positions of pairs that no view
    shows.
    """

    partners: NDArray[np.int64]
    ious: NDArray[np.float64]
    old_states: NDArray[np.uint8]
    new_states: NDArray[np.uint8]
    hidden_pairs: tuple[int, ...]


def match_to_truth(truth: Label, other: Label) -> Matches:
    """Match two labels of one size; raises ShapeMismatch."""
    if truth.shape != other.shape:
        raise ShapeMismatch(truth.shape, other.shape)
    old_view, new_view = panoptic_runs(truth), panoptic_runs(other)
    old, new = truth.segments, other.segments
    partners, ious, old_states, new_states = kernels.match_views(
        *kernels.count_pairs(old_view.values, old_view.lengths, new_view.values, new_view.lengths),
        old.ids,
        old.class_ids,
        old.crowds,
        new.ids,
        new.class_ids,
    )
    matches = Matches(partners, ious, old_states, new_states, ())
    if truth.is_partition and other.is_partition:
        return matches
    return _match_hidden(truth, other, matches)


def _match_hidden(truth: Label, other: Label, matches: Matches) -> Matches:
    hidden_old = np.flatnonzero(matches.old_states == UNSEEN)
    hidden_new = np.flatnonzero(matches.new_states == UNSEEN)
    if not (hidden_old.size or hidden_new.size):
        return matches
    partners, ious, old_states, new_states, _ = matches
    old_states[hidden_old] = np.where(truth.segments.crowds[hidden_old], IGNORED, MISSED)
    new_states[hidden_new] = MISSED

    cells = cut_cells(truth, other)
    shared = shared_masks(cells)
    old_areas, new_areas = measure_label(truth).areas, measure_label(other).areas
    union = old_areas[shared.old] + new_areas[shared.new] - shared.pixels
    fits = (
        np.isin(shared.old, hidden_old)
        & np.isin(shared.new, hidden_new)
        & ~truth.segments.crowds[shared.old]
        & (truth.segments.class_ids[shared.old] == other.segments.class_ids[shared.new])
        & (2 * shared.pixels > union)
    )
    found_ious = shared.pixels[fits] / union[fits]
    # Full masks overlap, so several may fit: the best first, then by position.
    rows = np.flatnonzero(fits)[np.argsort(-found_ious, kind="stable")]
    hidden_pairs = []
    for row in rows.tolist():
        old, new = int(shared.old[row]), int(shared.new[row])
        if old_states[old] == MISSED and new_states[new] == MISSED:
            partners[old], ious[old] = new, shared.pixels[row] / union[row]
            old_states[old] = new_states[new] = MATCHED
            hidden_pairs.append(old)

    void = cells.old_tops < 0
    classes_below = np.append(truth.segments.class_ids, np.uint32(0))[cells.old_stacks]
    crowds_below = np.append(truth.segments.crowds, False)[cells.old_stacks]
    for new in hidden_new[new_states[hidden_new] == MISSED].tolist():
        crowd = (crowds_below & (classes_below == other.segments.class_ids[new])).any(axis=1)
        inside = (cells.new_stacks == new).any(axis=1)
        if 2 * int(cells.pixels[inside & (void | crowd)].sum()) > new_areas[new]:
            new_states[new] = IGNORED
    return matches._replace(hidden_pairs=tuple(sorted(hidden_pairs)))
