"""Planes from the spans of masks, plain numpy: the reference of `spans_numba`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panoptic.kernels.runs_numpy import merge

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]


def fill_gaps(starts: I64, ends: I64, values: U32, size: int) -> tuple[U32, I64, int]:
    """Maximal runs of disjoint spans sorted by start; void between them.

    The third result is the index of the first span that overlaps the one before it or leaves
    the image, -1 when there is none.
    """
    before = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
    wrong = (starts < before) | (ends <= starts) | (ends > size)
    if wrong.any():
        return values[:0], starts[:0], int(np.argmax(wrong))
    all_values = np.zeros(2 * starts.size + 1, np.uint32)
    all_values[1::2] = values
    edges = np.zeros(2 * starts.size + 2, np.int64)
    edges[1:-1:2], edges[2::2], edges[-1] = starts, ends, size
    return (*merge(all_values, np.diff(edges)), -1)


def assign_layers(first: I64, last: I64, owners: I64, count: int, piece_count: int) -> I64:
    """Layer of each of `count` segments, numbered from bottom to top, by their spans.

    1 + the highest layer of the segments that it overlaps from above, 0 if none. Between two
    neighbouring edges of spans nothing changes, so one height per such piece replaces the
    pixels; the cost is the number of pieces under all masks. A span goes from its `first` piece
    to before its `last`; spans are grouped by ascending owner.
    """
    heights = np.zeros(piece_count, np.int64)
    bounds = np.searchsorted(owners, np.arange(count + 1))
    layers = np.zeros(count, np.int64)
    for owner in range(count):
        own = slice(bounds[owner], bounds[owner + 1])
        pieces = [np.arange(a, b) for a, b in zip(first[own], last[own], strict=True)]
        if not pieces:
            continue
        under = np.concatenate(pieces)
        layers[owner] = heights[under].max(initial=0)
        heights[under] = layers[owner] + 1
    return layers
