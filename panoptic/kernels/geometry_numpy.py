"""The runs of a window and of a transposed image, plain numpy: reference of `geometry_numba`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panoptic.kernels.runs_numpy import merge, refine

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]


def crop(
    values: U32, lengths: I64, width: int, top: int, left: int, crop_height: int, crop_width: int
) -> tuple[U32, I64]:
    """The runs of a window; one piece per run and row that it touches, then joined."""
    ends = np.cumsum(lengths)
    row_starts = (top + np.arange(crop_height, dtype=np.int64)) * width + left
    first = np.searchsorted(ends, row_starts, side="right")
    last = np.searchsorted(ends, row_starts + crop_width - 1, side="right")
    pieces = last - first + 1
    rows = np.repeat(np.arange(crop_height), pieces)
    places = np.arange(rows.size) - np.repeat(np.cumsum(pieces) - pieces, pieces) + first[rows]
    begins = np.maximum((ends - lengths)[places], row_starts[rows])
    stops = np.minimum(ends[places], row_starts[rows] + crop_width)
    return merge(values[places], stops - begins)


def transpose(values: U32, lengths: I64, height: int, width: int) -> tuple[U32, I64]:
    """The runs of the transposed image.

    A pixel starts a run there if it differs from the one above it, or, in the first row, from
    the last pixel of the column before. Both are refinements of flat runs: no row is walked.
    """
    if height == 1 or width == 1:
        return values, lengths
    size = height * width
    below = _cut(values, lengths, width, size)
    above = _cut(values, lengths, 0, size - width)
    starts, new = _differences(*below, *above)
    columns, rows = starts % width, starts // width + 1
    first_row = _cut(values, lengths, 1, width)
    last_row = _cut(values, lengths, size - width, size - 1)
    head_columns, head_new = _differences(*first_row, *last_row)
    keys = np.concatenate(
        (np.zeros(1, np.int64), (head_columns + 1) * height, columns * height + rows)
    )
    order = np.argsort(keys, kind="stable")
    changed = np.concatenate((values[:1], head_new, new))
    return changed[order], np.diff(keys[order], append=size)


def _cut(values: U32, lengths: I64, begin: int, stop: int) -> tuple[U32, I64]:
    ends = np.cumsum(lengths)
    first, last = np.searchsorted(ends, [begin, stop - 1], side="right")
    cut = np.minimum(ends[first : last + 1], stop)
    return values[first : last + 1], np.diff(cut, prepend=begin)


def _differences(
    values: U32, lengths: I64, other_values: U32, other_lengths: I64
) -> tuple[I64, U32]:
    """Every position where two sequences differ, with the value of the first."""
    mine, others, pieces = refine(values, lengths, other_values, other_lengths)
    differ = mine != others
    counts = pieces[differ]
    begins = (np.cumsum(pieces) - pieces)[differ]
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(begins, counts) + offsets, np.repeat(mine[differ], counts)
