"""Full masks painted so that what is seen is what a picture shows.

Which object lies above which is not told; it follows from where an object is hidden and who is
seen there. Masks that contradict each other, or the picture, lose the pixels in question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from panoptic.formats.coded_maps import pair_maps
from panoptic.formats.painting import Mask
from panoptic.runs import Runs, intersect_masks, relabel_runs, runs_from_spans, spans_of_mask


class Stack(NamedTuple):
    """Masks from bottom to top, and the pixels that had to go so that they show the picture."""

    masks: list[Mask]
    lost_pixels: int


def stack_as_seen(seen: Runs, masks: Sequence[Mask]) -> Stack:
    """Order masks, crowds lowest, and cut what would lie above what is seen.

    seen : the segment that every pixel shows; the mask of each segment has its pixels at least
    """
    planes = [runs_from_spans(*seen.shape, [(1, mask.spans)]) for mask in masks]
    order = _order(masks, [_covers(seen, plane) for plane in planes])
    heights = {masks[place].row.segment_id: height for height, place in enumerate(order)}
    keys = sorted(heights)
    ordered, lost = [], 0
    for height, place in enumerate(order):
        # May stay: where this segment is seen, or one that lies above it.
        above = relabel_runs(seen, keys, [heights[key] >= height for key in keys])
        spans = spans_of_mask(intersect_masks(planes[place], above))
        lost += masks[place].spans.area - spans.area
        ordered.append(Mask(masks[place].row, masks[place].kind, spans))
    return Stack(ordered, lost)


def _covers(seen: Runs, plane: Runs) -> Mapping[int, int]:
    """Pixels of a mask by the segment that is seen there."""
    runs, pairs = pair_maps(seen, plane)
    pixels = np.bincount(runs.values, runs.lengths, len(pairs)).astype(np.int64)
    inside = pairs[:, 1] == 1
    return dict(zip(pairs[inside, 0].tolist(), pixels[inside].tolist(), strict=True))


def _order(masks: Sequence[Mask], covers: Sequence[Mapping[int, int]]) -> list[int]:
    """Places from bottom to top; step by step the one that costs the fewest pixels goes lowest.

    A mask costs the pixels where it is seen and a mask that is not placed yet has its own, too.
    """
    costs: Counter[int] = Counter()
    for mask, owners in zip(masks, covers, strict=True):
        costs.update(owners)
        costs[mask.row.segment_id] -= owners.get(mask.row.segment_id, 0)

    def rank(place: int) -> tuple[bool, int, int, int]:
        mask = masks[place]
        segment_id = mask.row.segment_id
        return not mask.row.crowd, costs[segment_id], -mask.spans.area, segment_id

    left, order = set(range(len(masks))), []
    while left:
        lowest = min(left, key=rank)
        left.remove(lowest)
        order.append(lowest)
        costs.subtract(covers[lowest])
        own = masks[lowest].row.segment_id
        costs[own] += covers[lowest].get(own, 0)
    return order
