"""The runs of a window and of a transposed image, compiled; `geometry_numpy` says what is meant."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def crop(values, lengths, width, top, left, crop_height, crop_width):  # type: ignore[no-untyped-def]
    new_values = np.empty(64, np.uint32)
    new_lengths = np.empty(64, np.int64)
    count = 0
    run = 0
    end = lengths[0]
    for row in range(top, top + crop_height):
        position = row * width + left
        stop = position + crop_width
        while position < stop:
            while end <= position:
                run += 1
                end += lengths[run]
            step = min(end, stop) - position
            position += step
            if count and new_values[count - 1] == values[run]:
                new_lengths[count - 1] += step
                continue
            if count == new_values.size:
                new_values = np.append(new_values, np.empty(count, np.uint32))
                new_lengths = np.append(new_lengths, np.empty(count, np.int64))
            new_values[count] = values[run]
            new_lengths[count] = step
            count += 1
    return new_values[:count].copy(), new_lengths[:count].copy()


@njit(cache=True, nogil=True)
def transpose(values, lengths, height, width):  # type: ignore[no-untyped-def]
    if height == 1 or width == 1:
        return values, lengths
    size = height * width
    places, new = _differences(values, lengths, width, 0, size - width)
    head_places, head_new = _differences(values, lengths, 1, size - width, width - 1)
    heads = head_places.size
    total = heads + places.size
    columns, rows = np.empty(total, np.int32), np.empty(total, np.int32)
    for k in range(heads):
        columns[k] = head_places[k] + 1
        rows[k] = 0
    row = np.int64(1)
    row_start = np.int64(0)
    for k in range(places.size):
        if places[k] >= row_start + width:
            row = places[k] // width + 1
            row_start = (row - 1) * width
        columns[heads + k] = places[k] - row_start
        rows[heads + k] = row
    order = _order_by_column(columns, width)
    new_values, new_lengths = np.empty(total + 1, np.uint32), np.empty(total + 1, np.int64)
    new_values[0] = values[0]
    start = np.int64(0)
    for k in range(total):
        place = order[k]
        next_start = np.int64(columns[place]) * height + rows[place]
        new_lengths[k] = next_start - start
        new_values[k + 1] = head_new[place] if place < heads else new[place - heads]
        start = next_start
    new_lengths[total] = size - start
    return new_values, new_lengths


@njit(cache=True, nogil=True)
def _order_by_column(columns, width):  # type: ignore[no-untyped-def]
    """Boundaries come row by row: a stable order by column has their rows ascend, too."""
    order = np.arange(columns.size)
    if width <= 4 * columns.size + 2**16:
        return _order_by_bits(columns, order, 0, -1, width)
    # So wide and so plain that counters per column would be the larger part.
    order = _order_by_bits(columns, order, 0, 2**16 - 1, 2**16)
    return _order_by_bits(columns, order, 16, -1, 2**15)


@njit(cache=True, nogil=True)
def _order_by_bits(columns, order, shift, mask, buckets):  # type: ignore[no-untyped-def]
    """One pass of a counting sort, by (column >> shift) & mask, which is below `buckets`."""
    offsets = np.zeros(buckets + 1, np.int64)
    for column in columns:
        offsets[((column >> shift) & mask) + 1] += 1
    for bucket in range(buckets):
        offsets[bucket + 1] += offsets[bucket]
    sorted_order = np.empty(order.size, np.int64)
    for place in order:
        bucket = (columns[place] >> shift) & mask
        sorted_order[offsets[bucket]] = place
        offsets[bucket] += 1
    return sorted_order


@njit(cache=True, nogil=True)
def _differences(values, lengths, first, second, total):  # type: ignore[no-untyped-def]
    """Where `total` pixels from `first` on differ from those from `second` on, and the former's
    value there."""
    nothing, no_values = np.empty(0, np.int64), np.empty(0, np.uint32)
    count = _compare(values, lengths, first, second, total, nothing, no_values)
    places, new = np.empty(count, np.int64), np.empty(count, np.uint32)
    if count:
        _compare(values, lengths, first, second, total, places, new)
    return places, new


@njit(cache=True, nogil=True)
def _compare(values, lengths, first, second, total, places, new):  # type: ignore[no-untyped-def]
    """The number of differences; written down unless `places` is empty. Counting first costs
    less than arrays that grow in the loop."""
    count = 0
    i, end_i = _run_at(lengths, first)
    j, end_j = _run_at(lengths, second)
    done = np.int64(0)
    while done < total:
        if end_i == done:
            i += 1
            end_i += lengths[i]
        if end_j == done:
            j += 1
            end_j += lengths[j]
        stop = min(end_i, end_j, total)
        if values[i] != values[j]:
            if places.size:
                for k in range(stop - done):
                    places[count + k] = done + k
                    new[count + k] = values[i]
            count += stop - done
        done = stop
    return count


@njit(cache=True, nogil=True)
def _run_at(lengths, position):  # type: ignore[no-untyped-def]
    """The run that holds a flat pixel, and how many pixels from there on it ends."""
    run = 0
    end = lengths[0]
    while end <= position:
        run += 1
        end += lengths[run]
    return run, end - position
