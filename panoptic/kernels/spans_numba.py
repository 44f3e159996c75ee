"""Planes from the spans of masks, compiled; `spans_numpy` says what is meant."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def fill_gaps(starts, ends, values, size):  # type: ignore[no-untyped-def]
    new_values = np.empty(2 * starts.size + 1, np.uint32)
    new_lengths = np.empty(2 * starts.size + 1, np.int64)
    count = 0
    position = 0
    for span in range(starts.size):
        if starts[span] < position or ends[span] <= starts[span] or ends[span] > size:
            return new_values[:0], new_lengths[:0], span
        if starts[span] > position:
            new_values[count] = 0
            new_lengths[count] = starts[span] - position
            count += 1
        if count and new_values[count - 1] == values[span]:
            new_lengths[count - 1] += ends[span] - starts[span]
        else:
            new_values[count] = values[span]
            new_lengths[count] = ends[span] - starts[span]
            count += 1
        position = ends[span]
    if position < size:
        new_values[count] = 0
        new_lengths[count] = size - position
        count += 1
    return new_values[:count], new_lengths[:count], -1


@njit(cache=True, nogil=True)
def assign_layers(first, last, owners, count, piece_count):  # type: ignore[no-untyped-def]
    heights = np.zeros(piece_count, np.int64)
    layers = np.zeros(count, np.int64)
    begin = 0
    while begin < owners.size:
        owner = owners[begin]
        stop = begin
        highest = 0
        while stop < owners.size and owners[stop] == owner:
            for piece in range(first[stop], last[stop]):
                highest = max(highest, heights[piece])
            stop += 1
        for span in range(begin, stop):
            heights[first[span] : last[span]] = highest + 1
        layers[owner] = highest
        begin = stop
    return layers
