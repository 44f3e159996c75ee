"""Kernels of comparison, plain numpy: the reference of `overlap_numba`.

A plane is a pair (values uint32[n], lengths int64[n]): maximal runs over flat, row-major pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panoptic.kernels.runs_numpy import merge, refine

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]

_32 = np.uint64(32)
_LOW_32_BITS = np.uint64(0xFFFFFFFF)

# What becomes of a segment when two views are matched.
MISSED, MATCHED, IGNORED, UNSEEN = 0, 1, 2, 3


def count_pairs(values_a: U32, lengths_a: I64, values_b: U32, lengths_b: I64) -> tuple[U64, I64]:
    """Pixels of each pair of values: keys (a << 32 | b) uint64[k] in any order, and counts."""
    in_a, in_b, lengths = refine(values_a, lengths_a, values_b, lengths_b)
    keys, groups = np.unique((in_a.astype(np.uint64) << _32) | in_b, return_inverse=True)
    pixels = np.zeros(keys.size, np.int64)
    np.add.at(pixels, groups, lengths)
    return keys, pixels


def number_pairs(
    values_a: U32, lengths_a: I64, values_b: U32, lengths_b: I64
) -> tuple[U64, U32, I64]:
    """One plane that tells the pairs of two planes apart.

    Returns keys uint64[k] (a << 32 | b), of which keys[0] is the pair (0, 0) even where no pixel
    has it, then the values (indices into keys) and lengths of the plane.
    """
    in_a, in_b, lengths = refine(values_a, lengths_a, values_b, lengths_b)
    pairs = (in_a.astype(np.uint64) << _32) | in_b
    found, groups = np.unique(pairs, return_inverse=True)
    if found[0] != 0:
        found, groups = np.concatenate((np.zeros(1, np.uint64), found)), groups + 1
    return (found, *merge(groups.astype(np.uint32), lengths))


def match_views(
    keys: U64,
    pixels: I64,
    old_ids: U32,
    old_classes: U32,
    old_crowds: Flags,
    new_ids: U32,
    new_classes: U32,
) -> tuple[I64, F64, U8, U8]:
    """Match the visible segments of a truth (old) and of another view, as Kirillov et al. do.

    keys, pixels : as `count_pairs` gives them for the two views
    ids : sorted; classes and crowds stand beside them

    Returns per old segment its partner's position (-1 none) and their IoU (0 without one), then
    a state per old and per new segment: MISSED, MATCHED, IGNORED, or UNSEEN where the segment
    has no pixel in its view.
    """
    in_old, in_new = _positions(keys >> _32, old_ids), _positions(keys & _LOW_32_BITS, new_ids)
    has_old, has_new = in_old >= 0, in_new >= 0
    old_areas = _sum_by(in_old[has_old], pixels[has_old], old_ids.size)
    new_areas = _sum_by(in_new[has_new], pixels[has_new], new_ids.size)
    on_void = has_new & ~has_old
    excused = _sum_by(in_new[on_void], pixels[on_void], new_ids.size)
    void_areas = excused.copy()

    both = np.flatnonzero(has_old & has_new)
    old, new, shared = in_old[both], in_new[both], pixels[both]
    same = old_classes[old] == new_classes[new]
    old, new, shared = old[same], new[same], shared[same]
    crowd = old_crowds[old]
    excused += _sum_by(new[crowd], shared[crowd], new_ids.size)
    union = old_areas[old] + new_areas[new] - shared - void_areas[new]
    hit = ~crowd & (2 * shared > union)

    partners, ious = np.full(old_ids.size, -1, np.int64), np.zeros(old_ids.size, np.float64)
    partners[old[hit]], ious[old[hit]] = new[hit], shared[hit] / union[hit]
    old_states = np.where(old_crowds, IGNORED, MISSED).astype(np.uint8)
    old_states[old[hit]] = MATCHED
    old_states[old_areas == 0] = UNSEEN
    new_states = np.where(2 * excused > new_areas, IGNORED, MISSED).astype(np.uint8)
    new_states[new[hit]] = MATCHED
    new_states[new_areas == 0] = UNSEEN
    return partners, ious, old_states, new_states


def keep_band(id_map: U32, reach: int) -> U32:
    """Zero every pixel of a (height, width) map whose whole window has its own id.

    The window is the square of `2 · reach + 1` pixels around it; the outside of the image is
    another id. Equal to eroding every segment `reach` times by 3 × 3 and keeping the rest.
    """
    lowest = _window(np.minimum, np.pad(id_map, reach), reach)
    highest = _window(np.maximum, np.pad(id_map, reach), reach)
    return np.where(lowest == highest, np.uint32(0), id_map)


def _positions(ids: U64, table: U32) -> I64:
    if table.size == 0:
        return np.full(ids.size, -1, np.int64)
    places = np.minimum(np.searchsorted(table, ids), table.size - 1)
    return np.where(table[places] == ids, places, -1)


def _sum_by(places: I64, amounts: I64, size: int) -> I64:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, places, amounts)
    return sums


def _window(extreme: np.ufunc, padded: U32, reach: int) -> U32:
    """Minimum or maximum over the square window; log2(reach) passes along either axis."""
    for axis in (0, 1):
        found, covered, side = padded, 1, 2 * reach + 1
        while covered < side:
            step = min(covered, side - covered)
            size = found.shape[axis] - step
            found = extreme(
                found.take(np.arange(size), axis), found.take(np.arange(step, step + size), axis)
            )
            covered += step
        padded = found
    return padded
