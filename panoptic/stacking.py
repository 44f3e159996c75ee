"""What two labels say below the surface: hidden differences and painting order, cell by cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panoptic.matching import Matching
from panoptic.overlaps import Cells

I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]


def stacks_differ(old_stacks: I64, new_stacks: I64, old_names: I64, new_names: I64) -> Flags:
    """Per cell whether its two stacks, read from bottom to top, are other sequences of names.

    names : int64[n + 1], the name of each position; names[0] is unused. In which layer a
    segment lies does not count, only what is above what.
    """
    old, new = _names_of(old_stacks, old_names), _names_of(new_stacks, new_names)
    depth = max(old.shape[1], new.shape[1])
    differ: Flags = (_padded(old, depth) != _padded(new, depth)).any(axis=1)
    return differ


def find_swapped(cells: Cells, matching: Matching) -> Flags:
    """The old segments whose order against another matched one is the other way round in the new
    label, on a pixel that all four masks share: bool[n]."""
    swapped = np.zeros(matching.partners_of_old.size, bool)
    if cells.are_flat:
        return swapped
    old_depth = (cells.old_stacks >= 0).sum(axis=1)
    new_depth = (cells.new_stacks >= 0).sum(axis=1)
    deep = np.flatnonzero((old_depth > 1) & (new_depth > 1))
    if not deep.size:
        return swapped
    # Both sides read as old positions; a new segment without a partner has none.
    new_as_old = np.append(matching.partners_of_new, -1)[cells.new_stacks[deep]]
    old_as_old = cells.old_stacks[deep]
    suspect = stacks_differ(
        old_as_old,
        new_as_old,
        np.arange(swapped.size + 1),
        np.arange(swapped.size + 1),
    )
    for old_stack, new_stack in zip(
        old_as_old[suspect].tolist(), new_as_old[suspect].tolist(), strict=True
    ):
        heights = {segment: height for height, segment in enumerate(new_stack) if segment >= 0}
        common = [segment for segment in old_stack if segment in heights]
        for place, lower in enumerate(common):
            for upper in common[place + 1 :]:
                if heights[lower] > heights[upper]:
                    swapped[[lower, upper]] = True
    return swapped


def _names_of(stacks: I64, names: I64) -> I64:
    """Names with the gaps (-1) moved behind them, bottom to top."""
    named = np.where(stacks >= 0, names[stacks + 1], -1)
    if stacks.shape[1] == 1:
        return named
    order = np.argsort(named < 0, axis=1, kind="stable")
    return np.take_along_axis(named, order, axis=1)


def _padded(named: I64, depth: int) -> I64:
    return np.pad(named, ((0, 0), (0, depth - named.shape[1])), constant_values=-1)
