"""Kernels of comparison, compiled: twin of `overlap_numpy`, whose docstrings hold here too."""

from __future__ import annotations

import numpy as np
from numba import njit

from panoptic.kernels.overlap_numpy import (
    F64,
    I64,
    IGNORED,
    MATCHED,
    MISSED,
    U8,
    U32,
    U64,
    UNSEEN,
    Flags,
)

_32 = np.uint64(32)
_LOW_32_BITS = np.uint64(0xFFFFFFFF)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Fibonacci hashing
# log2 of the slots of the first hash table; 4 times as many when half of them are taken. A table
# that grows inside the walk cost 15 times more: the compiler then reloads it at every step.
_FIRST_BITS = 9


@njit(cache=True, nogil=True)
def count_pairs(values_a: U32, lengths_a: I64, values_b: U32, lengths_b: I64) -> tuple[U64, I64]:
    bits, used = _FIRST_BITS, -1
    while used < 0:
        keys, counts = np.empty(1 << bits, np.uint64), np.zeros(1 << bits, np.int64)
        shift = np.uint64(64 - bits)
        used = _fill_counts(values_a, lengths_a, values_b, lengths_b, keys, counts, shift)
        bits += 2
    found, pixels = np.empty(used, np.uint64), np.empty(used, np.int64)
    index = 0
    for slot in range(keys.size):
        if counts[slot] > 0:
            found[index], pixels[index] = keys[slot], counts[slot]
            index += 1
    return found, pixels


@njit(cache=True, nogil=True)
def _fill_counts(
    values_a: U32,
    lengths_a: I64,
    values_b: U32,
    lengths_b: I64,
    keys: U64,
    counts: I64,
    shift: np.uint64,
) -> int:
    """Walk both planes into a hash table (count 0: free slot); -1 if it becomes half full."""
    last = np.uint64(keys.size - 1)
    used = 0
    i = j = 0
    left_a, left_b = lengths_a[0], lengths_b[0]
    while True:
        step = min(left_a, left_b)
        key = (np.uint64(values_a[i]) << _32) | np.uint64(values_b[j])
        slot = (key * _SPREAD) >> shift
        while counts[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint64(1)) & last
        if counts[slot] == 0:
            if 2 * used >= keys.size:
                return -1
            keys[slot] = key
            used += 1
        counts[slot] += step
        left_a -= step
        left_b -= step
        if left_a == 0:
            i += 1
            if i == values_a.size:
                break
            left_a = lengths_a[i]
        if left_b == 0:
            j += 1
            left_b = lengths_b[j]
    return used


@njit(cache=True, nogil=True)
def number_pairs(
    values_a: U32, lengths_a: I64, values_b: U32, lengths_b: I64
) -> tuple[U64, U32, I64]:
    numbers = np.empty(values_a.size + values_b.size, np.uint32)
    lengths = np.empty(numbers.size, np.int64)
    bits, used, count = _FIRST_BITS, -1, 0
    while used < 0:
        slots, keys = np.full(1 << bits, -1, np.int64), np.zeros(1 << bits, np.uint64)
        slots[0] = 0  # the pair (0, 0) spreads to slot 0 in a table of any size
        shift = np.uint64(64 - bits)
        used, count = _fill_numbers(
            values_a, lengths_a, values_b, lengths_b, keys, slots, shift, numbers, lengths
        )
        bits += 2
    return keys[:used].copy(), numbers[:count].copy(), lengths[:count].copy()


@njit(cache=True, nogil=True)
def _fill_numbers(
    values_a: U32,
    lengths_a: I64,
    values_b: U32,
    lengths_b: I64,
    keys: U64,
    slots: I64,
    shift: np.uint64,
    numbers: U32,
    lengths: I64,
) -> tuple[int, int]:
    """Keys in the order of their numbers, the plane of numbers; -1 if half of the slots are taken.

    Neighbours of the refinement differ in one plane at least: the new runs are maximal already.
    """
    last = np.uint64(slots.size - 1)
    used, count = 1, 0
    i = j = 0
    left_a, left_b = lengths_a[0], lengths_b[0]
    while True:
        step = min(left_a, left_b)
        key = (np.uint64(values_a[i]) << _32) | np.uint64(values_b[j])
        slot = (key * _SPREAD) >> shift
        while slots[slot] >= 0 and keys[slots[slot]] != key:
            slot = (slot + np.uint64(1)) & last
        if slots[slot] < 0:
            if 2 * used >= slots.size:
                return -1, 0
            slots[slot] = used
            keys[used] = key
            used += 1
        numbers[count], lengths[count] = slots[slot], step
        count += 1
        left_a -= step
        left_b -= step
        if left_a == 0:
            i += 1
            if i == values_a.size:
                break
            left_a = lengths_a[i]
        if left_b == 0:
            j += 1
            left_b = lengths_b[j]
    return used, count


@njit(cache=True, nogil=True)
def _position(ids: U32, wanted: np.uint64) -> int:
    low, high = 0, ids.size
    while low < high:
        middle = (low + high) // 2
        if np.uint64(ids[middle]) < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < ids.size and np.uint64(ids[low]) == wanted else -1


@njit(cache=True, nogil=True)
def match_views(
    keys: U64,
    pixels: I64,
    old_ids: U32,
    old_classes: U32,
    old_crowds: Flags,
    new_ids: U32,
    new_classes: U32,
) -> tuple[I64, F64, U8, U8]:
    in_old, in_new = np.empty(keys.size, np.int64), np.empty(keys.size, np.int64)
    old_areas, new_areas = np.zeros(old_ids.size, np.int64), np.zeros(new_ids.size, np.int64)
    void_areas, excused = np.zeros(new_ids.size, np.int64), np.zeros(new_ids.size, np.int64)
    for pair in range(keys.size):
        old = _position(old_ids, keys[pair] >> _32)
        new = _position(new_ids, keys[pair] & _LOW_32_BITS)
        in_old[pair], in_new[pair] = old, new
        if old >= 0:
            old_areas[old] += pixels[pair]
        if new >= 0:
            new_areas[new] += pixels[pair]
            if old < 0:
                void_areas[new] += pixels[pair]
                excused[new] += pixels[pair]
            elif old_crowds[old] and old_classes[old] == new_classes[new]:
                excused[new] += pixels[pair]

    partners, ious = np.full(old_ids.size, -1, np.int64), np.zeros(old_ids.size, np.float64)
    old_states, new_states = np.empty(old_ids.size, np.uint8), np.empty(new_ids.size, np.uint8)
    for old in range(old_ids.size):
        old_states[old] = UNSEEN if old_areas[old] == 0 else IGNORED if old_crowds[old] else MISSED
    for new in range(new_ids.size):
        if new_areas[new] == 0:
            new_states[new] = UNSEEN
        else:
            new_states[new] = IGNORED if 2 * excused[new] > new_areas[new] else MISSED
    for pair in range(keys.size):
        old, new, shared = in_old[pair], in_new[pair], pixels[pair]
        if old < 0 or new < 0 or old_crowds[old] or old_classes[old] != new_classes[new]:
            continue
        union = old_areas[old] + new_areas[new] - shared - void_areas[new]
        if 2 * shared > union:
            partners[old], ious[old] = new, shared / union
            old_states[old] = new_states[new] = MATCHED
    return partners, ious, old_states, new_states


@njit(cache=True, nogil=True)
def keep_band(id_map: U32, reach: int) -> U32:
    height, width = id_map.shape
    band = id_map.copy()
    # In which row the present column-wise run of one id began.
    began = np.zeros(width, np.int32)
    # Where neighbours in a row part: 0 nowhere, 1 at another id, 2 at a column that does not
    # keep one id over the height of the window. Mostly 0, so eight are looked at together.
    parted = np.zeros((width + 7) // 8 * 8, np.uint8)
    eights = parted.view(np.uint64)
    for row in range(1, height):
        row32 = np.int32(row)
        for column in range(width):
            if id_map[row, column] != id_map[row - 1, column]:
                began[column] = row32
        first = np.int32(row - 2 * reach)
        if first < 0:
            continue
        ids, kept = id_map[row - reach], band[row - reach]
        parted[0] = 2 * (began[0] > first)
        for column in range(1, width):
            is_short = began[column] > first
            parted[column] = 2 * is_short + (ids[column] != ids[column - 1]) * (1 - is_short)
        start = 0
        for eight in range(eights.size):
            if eights[eight] == 0:
                continue
            for column in range(8 * eight, 8 * eight + 8):
                if parted[column] != 0:
                    if column - start > 2 * reach:
                        kept[start + reach : column - reach] = 0
                    start = column + parted[column] - 1
        if width - start > 2 * reach:
            kept[start + reach : width - reach] = 0
    return band
