"""Kernels on runs, compiled: the fast twin of `runs_numpy`, which says what each one means.

Two pointers and single passes instead of sorts. Ids are found through a small hash table, since
a table over all 2^24 ids would cost more to clear than a label to read.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_EMPTY = -1


@njit(cache=True, nogil=True)
def _table_of(keys):  # type: ignore[no-untyped-def]
    """A hash table of key places, at most half full; slots hold a place or -1.

    Slots of 32 bits: with 64, the compiler makes the search of `_find` 15 times slower.
    """
    size = 16
    while size < 2 * keys.size:
        size *= 2
    slots = np.full(size, _EMPTY, np.int32)
    for place in range(keys.size):
        slot = _hash(keys[place], size)
        while slots[slot] != _EMPTY:
            slot = (slot + 1) & (size - 1)
        slots[slot] = place
    return slots


@njit(cache=True, nogil=True)
def _hash(value, size):  # type: ignore[no-untyped-def]
    mixed = np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed >> np.uint64(40)) & (size - 1)


@njit(cache=True, nogil=True)
def _find(slots, keys, value):  # type: ignore[no-untyped-def]
    slot = _hash(value, slots.size)
    while slots[slot] != _EMPTY:
        if keys[slots[slot]] == value:
            return np.int64(slots[slot])
        slot = (slot + 1) & (slots.size - 1)
    return np.int64(-1)


@njit(cache=True, nogil=True)
def encode(flat):  # type: ignore[no-untyped-def]
    count = 1
    for i in range(1, flat.size):
        count += flat[i] != flat[i - 1]
    values = np.empty(count, np.uint32)
    lengths = np.empty(count, np.int64)
    run = 0
    start = 0
    for i in range(1, flat.size):
        if flat[i] != flat[i - 1]:
            values[run] = flat[i - 1]
            lengths[run] = i - start
            start = i
            run += 1
    values[run] = flat[flat.size - 1]
    lengths[run] = flat.size - start
    return values, lengths


@njit(cache=True, nogil=True)
def decode(values, lengths, size):  # type: ignore[no-untyped-def]
    flat = np.empty(size, values.dtype)
    position = 0
    for run in range(values.size):
        stop = min(position + lengths[run], size)
        flat[position:stop] = values[run]
        position = stop
    return flat


@njit(cache=True, nogil=True)
def fill_masks(values, lengths, keys, places, masks):  # type: ignore[no-untyped-def]
    slots = _table_of(keys)
    flat = masks.reshape(masks.shape[0], -1)
    position = 0
    for run in range(values.size):
        stop = min(position + lengths[run], flat.shape[1])
        if values[run]:
            key = _find(slots, keys, values[run])
            if key >= 0:
                flat[places[key], position:stop] = True
        position = stop


@njit(cache=True, nogil=True)
def merge(values, lengths):  # type: ignore[no-untyped-def]
    new_values = np.empty(values.size, np.uint32)
    new_lengths = np.empty(values.size, np.int64)
    count = 0
    for run in range(values.size):
        if lengths[run] == 0:
            continue
        if count and new_values[count - 1] == values[run]:
            new_lengths[count - 1] += lengths[run]
        else:
            new_values[count] = values[run]
            new_lengths[count] = lengths[run]
            count += 1
    return new_values[:count], new_lengths[:count]


@njit(cache=True, nogil=True)
def relabel(values, lengths, keys, new, missing):  # type: ignore[no-untyped-def]
    slots = _table_of(keys)
    new_values = np.empty(values.size, np.uint32)
    new_lengths = np.empty(values.size, np.int64)
    count = 0
    for run in range(values.size):
        value = values[run]
        place = _find(slots, keys, value)
        if place >= 0:
            mapped = new[place]
        elif value == 0:
            mapped = np.uint32(0)
        elif missing >= 0:
            mapped = np.uint32(missing)
        else:
            return new_values[:0], new_lengths[:0], np.int64(value)
        if count and new_values[count - 1] == mapped:
            new_lengths[count - 1] += lengths[run]
        else:
            new_values[count] = mapped
            new_lengths[count] = lengths[run]
            count += 1
    return new_values[:count], new_lengths[:count], np.int64(-1)


@njit(cache=True, nogil=True)
def _grow_table(slots, keys, count):  # type: ignore[no-untyped-def]
    bigger = np.full(2 * slots.size, _EMPTY, np.int32)
    for place in range(count):
        slot = _hash(keys[place], bigger.size)
        while bigger[slot] != _EMPTY:
            slot = (slot + 1) & (bigger.size - 1)
        bigger[slot] = place
    return bigger


@njit(cache=True, nogil=True)
def _distinct(values):  # type: ignore[no-untyped-def]
    """The distinct values without 0, in order of appearance."""
    slots = np.full(64, _EMPTY, np.int32)
    found = np.empty(32, np.uint32)
    count = 0
    last = np.uint32(0)
    for run in range(values.size):
        value = values[run]
        if value == 0 or value == last:
            continue
        last = value
        slot = _hash(value, slots.size)
        while slots[slot] != _EMPTY and found[slots[slot]] != value:
            slot = (slot + 1) & (slots.size - 1)
        if slots[slot] != _EMPTY:
            continue
        if count == found.size:
            longer = np.empty(2 * count, np.uint32)
            longer[:count] = found
            found = longer
            slots = _grow_table(slots, found, count)
            slot = _hash(value, slots.size)
            while slots[slot] != _EMPTY:
                slot = (slot + 1) & (slots.size - 1)
        found[count] = value
        slots[slot] = count
        count += 1
    return found[:count]


@njit(cache=True, nogil=True)
def _sort(ids):  # type: ignore[no-untyped-def]
    """Shell's sort in place: np.sort would take the compiler several seconds."""
    gap = 1
    while gap < ids.size // 2:
        gap = gap * 9 // 4 + 1
    while gap:
        for k in range(gap, ids.size):
            value = ids[k]
            place = k
            while place >= gap and ids[place - gap] > value:
                ids[place] = ids[place - gap]
                place -= gap
            ids[place] = value
        gap = gap * 4 // 9


@njit(cache=True, nogil=True)
def measure(values, lengths, width):  # type: ignore[no-untyped-def]
    ids = _distinct(values)
    _sort(ids)
    slots = _table_of(ids)
    areas = np.zeros(ids.size, np.int64)
    boxes = np.empty((ids.size, 4), np.int64)
    boxes[:, 1] = width
    start = 0
    row = 0
    row_start = 0
    for run in range(values.size):
        end = start + lengths[run]
        # A division per run would cost more than all the rest: most runs stay in their row.
        if start >= row_start + width:
            row = start // width
            row_start = row * width
        value = values[run]
        if value:
            place = _find(slots, ids, value)
            last_row = row
            left = start - row_start
            right = end - row_start
            if right > width:
                last_row = (end - 1) // width
                left = 0
                right = width
            if areas[place] == 0:
                boxes[place, 0] = row
                boxes[place, 3] = right
            areas[place] += lengths[run]
            boxes[place, 1] = min(boxes[place, 1], left)
            boxes[place, 2] = last_row + 1
            boxes[place, 3] = max(boxes[place, 3], right)
        start = end
    return ids, areas, boxes


@njit(cache=True, nogil=True)
def refine(values_a, lengths_a, values_b, lengths_b):  # type: ignore[no-untyped-def]
    most = values_a.size + values_b.size
    in_a = np.empty(most, np.uint32)
    in_b = np.empty(most, np.uint32)
    lengths = np.empty(most, np.int64)
    i = j = count = 0
    left_a = left_b = 0
    if values_a.size and values_b.size:
        left_a, left_b = lengths_a[0], lengths_b[0]
    while i < values_a.size and j < values_b.size:
        step = min(left_a, left_b)
        in_a[count] = values_a[i]
        in_b[count] = values_b[j]
        lengths[count] = step
        count += 1
        left_a -= step
        left_b -= step
        if left_a == 0:
            i += 1
            if i < values_a.size:
                left_a = lengths_a[i]
        if left_b == 0:
            j += 1
            if j < values_b.size:
                left_b = lengths_b[j]
    return in_a[:count], in_b[:count], lengths[:count]


@njit(cache=True, nogil=True)
def paint(values_below, lengths_below, values_above, lengths_above):  # type: ignore[no-untyped-def]
    below, above, lengths = refine(values_below, lengths_below, values_above, lengths_above)
    for piece in range(lengths.size):
        if above[piece]:
            below[piece] = above[piece]
    return merge(below, lengths)


@njit(cache=True, nogil=True)
def combine_masks(values_a, lengths_a, values_b, lengths_b, table):  # type: ignore[no-untyped-def]
    in_a, in_b, lengths = refine(values_a, lengths_a, values_b, lengths_b)
    for piece in range(lengths.size):
        case = 2 * (in_a[piece] != 0) + (in_b[piece] != 0)
        in_a[piece] = (table >> case) & 1
    return merge(in_a, lengths)


@njit(cache=True, nogil=True)
def group_by_value(values, lengths):  # type: ignore[no-untyped-def]
    ids = _distinct(values)
    _sort(ids)
    slots = _table_of(ids)
    places = np.empty(values.size, np.int64)
    offsets = np.zeros(ids.size + 1, np.int64)
    for run in range(values.size):
        places[run] = -1
        if values[run]:
            places[run] = _find(slots, ids, values[run])
            offsets[places[run] + 1] += 1
    for place in range(ids.size):
        offsets[place + 1] += offsets[place]
    cursors = offsets.copy()
    starts = np.empty(offsets[ids.size], np.int64)
    ends = np.empty(offsets[ids.size], np.int64)
    position = 0
    for run in range(values.size):
        if places[run] >= 0:
            cursor = cursors[places[run]]
            starts[cursor] = position
            ends[cursor] = position + lengths[run]
            cursors[places[run]] += 1
        position += lengths[run]
    return ids, offsets, starts, ends


@njit(cache=True, nogil=True)
def match_ids(values, ids):  # type: ignore[no-untyped-def]
    slots = _table_of(ids)
    seen = np.zeros(ids.size, np.bool_)
    for run in range(values.size):
        if values[run]:
            place = _find(slots, ids, values[run])
            if place < 0:
                return np.int64(values[run]), np.int64(-1)
            seen[place] = True
    for place in range(ids.size):
        if not seen[place]:
            return np.int64(-1), np.int64(place)
    return np.int64(-1), np.int64(-1)


@njit(cache=True, nogil=True)
def count_pixels(values, lengths, ids):  # type: ignore[no-untyped-def]
    slots = _table_of(ids)
    pixels = np.zeros(ids.size, np.int64)
    for run in range(values.size):
        if values[run]:
            place = _find(slots, ids, values[run])
            if place >= 0:
                pixels[place] += lengths[run]
    return pixels


@njit(cache=True, nogil=True)
def replace_values(values, keys, new):  # type: ignore[no-untyped-def]
    slots = _table_of(keys)
    replaced = np.zeros(values.size, np.uint32)
    for run in range(values.size):
        if values[run]:
            replaced[run] = new[_find(slots, keys, values[run])]
    return replaced


@njit(cache=True, nogil=True)
def first_appearances(values, ids):  # type: ignore[no-untyped-def]
    slots = _table_of(ids)
    seen = np.zeros(ids.size, np.bool_)
    order = np.empty(ids.size, np.int64)
    count = 0
    for run in range(values.size):
        if values[run]:
            place = _find(slots, ids, values[run])
            if place >= 0 and not seen[place]:
                seen[place] = True
                order[count] = place
                count += 1
    return order[:count]


@njit(cache=True, nogil=True)
def check_runs(values, lengths, size):  # type: ignore[no-untyped-def]
    total = 0
    for run in range(values.size):
        if lengths[run] < 1 or lengths[run] > size:
            return run, 1
        if run and values[run] == values[run - 1]:
            return run, 2
        total += lengths[run]
    if total != size:
        return values.size - 1, 3
    return 0, 0


@njit(cache=True, nogil=True)
def find_floating(values, lengths, values_below, lengths_below):  # type: ignore[no-untyped-def]
    ids = _distinct(values)
    _sort(ids)
    slots = _table_of(ids)
    rests = np.zeros(ids.size, np.bool_)
    above, below, _ = refine(values, lengths, values_below, lengths_below)
    for piece in range(above.size):
        if above[piece] and below[piece]:
            rests[_find(slots, ids, above[piece])] = True
    for place in range(ids.size):
        if not rests[place]:
            return np.int64(ids[place])
    return np.int64(0)
