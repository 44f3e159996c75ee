"""Kernels on runs, plain numpy: the reference of `runs_numba`.

A sequence of runs is a pair (values uint32[n], lengths int64[n]) over flat, row-major pixels.
None of them allocates by the number of pixels except `encode` and `decode`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]


def encode(flat: U32) -> tuple[U32, I64]:
    """Maximal runs of a flat, non-empty array."""
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate((np.zeros(1, np.int64), changes))
    return flat[starts], np.diff(starts, append=flat.size)


def decode(values: NDArray[np.generic], lengths: I64, size: int) -> NDArray[np.generic]:
    """The flat array of `size` elements; the dtype is that of `values`."""
    return np.repeat(values, lengths)


def fill_masks(values: U32, lengths: I64, keys: U32, places: I64, masks: NDArray[np.bool_]) -> None:
    """Set the pixels of value keys[k] in masks[places[k]], (n, height, width)."""
    flat = masks.reshape(masks.shape[0], -1)
    ends = np.cumsum(lengths)
    for key, place in zip(keys.tolist(), places.tolist(), strict=True):
        own = np.flatnonzero(values == key)
        for start, stop in zip((ends - lengths)[own].tolist(), ends[own].tolist(), strict=True):
            flat[place, start:stop] = True


def merge(values: U32, lengths: I64) -> tuple[U32, I64]:
    """Join neighbours of equal value and drop runs of length 0."""
    if not lengths.all():
        kept = lengths > 0
        values, lengths = values[kept], lengths[kept]
    is_first = np.ones(values.size, bool)
    np.not_equal(values[1:], values[:-1], out=is_first[1:])
    if is_first.all():
        return values, lengths
    firsts = np.flatnonzero(is_first)
    return values[firsts], np.add.reduceat(lengths, firsts)


def _index_values(values: U32, keys: U32) -> I64:
    """Position of every value in the sorted, unique `keys`; -1 where it is not among them."""
    if keys.size == 0:
        return np.full(values.size, -1, np.int64)
    places = np.searchsorted(keys, values)
    places[places == keys.size] = 0
    places[keys[places] != values] = -1
    return places


def relabel(values: U32, lengths: I64, keys: U32, new: U32, missing: int) -> tuple[U32, I64, int]:
    """Replace each value by the one of its key, then join neighbours.

    0 stays 0 unless it is a key. A value that is no key becomes `missing`; where `missing` is
    negative it is the third result, which is -1 when all were found.
    """
    places = _index_values(values, keys)
    lost = (places < 0) & (values != 0)
    if missing < 0 and lost.any():
        return values[:0], lengths[:0], int(values[np.argmax(lost)])
    mapped = np.zeros(values.size, np.uint32)
    mapped[lost] = max(missing, 0)
    found = places >= 0
    mapped[found] = new[places[found]]
    return (*merge(mapped, lengths), -1)


def measure(values: U32, lengths: I64, width: int) -> tuple[U32, I64, I64]:
    """Ids (sorted, without 0), areas and boxes (top, left, bottom, right; half-open)."""
    ends = np.cumsum(lengths)
    seen = values != 0
    ids, groups = np.unique(values[seen], return_inverse=True)
    starts, lasts = (ends - lengths)[seen], ends[seen] - 1
    tops, bottoms = starts // width, lasts // width
    # A run over a row's end touches both edges of the image.
    crosses = tops != bottoms
    lefts = np.where(crosses, 0, starts % width)
    rights = np.where(crosses, width - 1, lasts % width)
    areas = np.zeros(ids.size, np.int64)
    np.add.at(areas, groups, lengths[seen])
    boxes = np.empty((ids.size, 4), np.int64)
    boxes[:, :2], boxes[:, 2:] = np.iinfo(np.int64).max, -1
    np.minimum.at(boxes[:, 0], groups, tops)
    np.minimum.at(boxes[:, 1], groups, lefts)
    np.maximum.at(boxes[:, 2], groups, bottoms)
    np.maximum.at(boxes[:, 3], groups, rights)
    boxes[:, 2:] += 1
    return ids, areas, boxes


def refine(values_a: U32, lengths_a: I64, values_b: U32, lengths_b: I64) -> tuple[U32, U32, I64]:
    """The common refinement of two sequences of equal total length; not merged."""
    ends_a, ends_b = np.cumsum(lengths_a), np.cumsum(lengths_b)
    ends = np.union1d(ends_a, ends_b)
    in_a = values_a[np.searchsorted(ends_a, ends)]
    in_b = values_b[np.searchsorted(ends_b, ends)]
    return in_a, in_b, np.diff(ends, prepend=0)


def paint(
    values_below: U32, lengths_below: I64, values_above: U32, lengths_above: I64
) -> tuple[U32, I64]:
    """The second sequence where it is not 0, else the first."""
    below, above, lengths = refine(values_below, lengths_below, values_above, lengths_above)
    return merge(np.where(above != 0, above, below), lengths)


def combine_masks(
    values_a: U32, lengths_a: I64, values_b: U32, lengths_b: I64, table: int
) -> tuple[U32, I64]:
    """A 0/1 sequence by truth table: bit (2·a + b) of `table` says whether a pixel is in."""
    in_a, in_b, lengths = refine(values_a, lengths_a, values_b, lengths_b)
    cases = 2 * (in_a != 0) + (in_b != 0)
    return merge(((table >> cases) & 1).astype(np.uint32), lengths)


def group_by_value(values: U32, lengths: I64) -> tuple[U32, I64, I64, I64]:
    """Spans by id: ids (sorted, without 0), k + 1 offsets, then starts and ends grouped by id."""
    ends = np.cumsum(lengths)
    seen = np.flatnonzero(values)
    order = seen[np.argsort(values[seen], kind="stable")]
    ids, firsts = np.unique(values[order], return_index=True)
    offsets = np.append(firsts, order.size).astype(np.int64)
    return ids, offsets, (ends - lengths)[order], ends[order]


def match_ids(values: U32, ids: U32) -> tuple[int, int]:
    """Compare the ids of runs with sorted, unique ids; void aside.

    Returns a value of the runs that is no id (else -1), and the index of an id that no run
    has (else -1).
    """
    places = _index_values(values, ids)
    strangers = (places < 0) & (values != 0)
    stranger = int(values[np.argmax(strangers)]) if strangers.any() else -1
    counts = np.bincount(places[places >= 0], minlength=ids.size)
    absent = int(np.argmin(counts)) if ids.size and counts.min() == 0 else -1
    return stranger, absent


def count_pixels(values: U32, lengths: I64, ids: U32) -> I64:
    """Pixels of each of the sorted ids; values that are no id are left out."""
    places = _index_values(values, ids)
    known = places >= 0
    pixels = np.zeros(ids.size, np.int64)
    np.add.at(pixels, places[known], lengths[known])
    return pixels


def replace_values(values: U32, keys: U32, new: U32) -> U32:
    """The new value of every run, 0 for 0; all others must be keys. Nothing is joined."""
    replaced = np.zeros(values.size, np.uint32)
    seen = values != 0
    replaced[seen] = new[np.searchsorted(keys, values[seen])]
    return replaced


def first_appearances(values: U32, ids: U32) -> I64:
    """Places in the sorted `ids` of those that runs hold, in order of their first run."""
    places = _index_values(values, ids)
    found, firsts = np.unique(places[places >= 0], return_index=True)
    return found[np.argsort(firsts)]


def check_runs(values: U32, lengths: I64, size: int) -> tuple[int, int]:
    """The first run that breaks a rule and which (0: none): 1 its length is not within 1 to
    `size`, 2 its value is that of the run before, 3 the sum of the lengths is not `size`."""
    bad_length = (lengths < 1) | (lengths > size)
    same = np.zeros(values.size, bool)
    same[1:] = values[1:] == values[:-1]
    bad = bad_length | same
    if bad.any():
        run = int(np.argmax(bad))
        return run, 1 if bad_length[run] else 2
    if int(lengths.sum()) != size:
        return values.size - 1, 3
    return 0, 0


def find_floating(values: U32, lengths: I64, values_below: U32, lengths_below: I64) -> int:
    """An id of the first sequence that never lies over an id of the second; 0 if none."""
    above, below, _ = refine(values, lengths, values_below, lengths_below)
    rests = np.unique(above[below != 0])
    floating = np.setdiff1d(values[values != 0], rests)
    return int(floating[0]) if floating.size else 0
