"""COCO's compressed RLE strings, plain numpy; `rle_numba` has the compiled twins.

A string holds counts of pixels, column by column, that alternate between 0 and 1 and begin
with 0. From the fourth on each is stored as its difference to the one two earlier; every
number as groups of 5 bits, the lowest first, sign-extended, with bit 5 set where another
group follows, plus 48 (cocodataset/cocoapi, maskApi.c).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

# More groups than these no count below 2^31 needs.
MOST_GROUPS = 7

BAD_CHARACTER, TOO_LONG, UNFINISHED = -1, -2, -3


def encode_strings(starts: I64, ends: I64, offsets: I64, size: int) -> tuple[U8, I64]:
    """The strings of many masks at once.

    starts, ends : half-open column-major intervals; those of mask k lie between offsets[k]
    and offsets[k + 1]
    size : pixels of the image

    Returns the characters of all strings, and where each string begins and the last one ends.
    """
    masks = offsets.size - 1
    if masks == 0:
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    # Each mask has two counts for an interval and one for what follows the last.
    first_counts = 2 * offsets + np.arange(masks + 1)
    counts = np.empty(int(first_counts[-1]), np.int64)
    mask_of = np.repeat(np.arange(masks), np.diff(offsets))
    zeros_at = 2 * np.arange(starts.size) + mask_of
    has_pixels = np.diff(offsets) > 0
    ends_before = np.concatenate([[0], ends])
    last_ends = np.where(has_pixels, ends_before[offsets[1:]], 0)
    ends_before[offsets[:-1][has_pixels]] = 0
    counts[zeros_at] = starts - ends_before[:-1]
    counts[zeros_at + 1] = ends - starts
    after_last = size - last_ends
    counts[first_counts[1:] - 1] = after_last

    index = np.arange(counts.size) - np.repeat(first_counts[:-1], np.diff(first_counts))
    numbers = counts.copy()
    numbers[2:] -= np.where(index[2:] > 2, counts[:-2], 0)
    # A mask that reaches the last pixel has no count of zeros behind it.
    kept = np.ones(counts.size, bool)
    kept[first_counts[1:] - 1] = after_last > 0
    numbers_before = np.concatenate([[0], np.cumsum(kept)])[first_counts]
    numbers = numbers[kept]

    magnitudes = np.where(numbers < 0, ~numbers, numbers)
    groups = np.ones(numbers.size, np.int64)
    for bits in range(4, 5 * MOST_GROUPS - 1, 5):
        groups += magnitudes >= 1 << bits
    group_ends = np.cumsum(groups)
    place = np.arange(int(group_ends[-1])) - np.repeat(group_ends - groups, groups)
    characters = (np.repeat(numbers, groups) >> (5 * place)) & 31
    characters += np.where(place + 1 < np.repeat(groups, groups), 32 + 48, 48)
    string_edges = np.concatenate([[0], group_ends])[numbers_before]
    return characters.astype(np.uint8), string_edges


def decode_string(characters: U8) -> tuple[I64, int]:
    """The counts of a string, and 0 or what is wrong with it (`BAD_CHARACTER`, …)."""
    nothing = np.empty(0, np.int64)
    if characters.size == 0:
        return nothing, 0
    if characters.min() < 48 or characters.max() >= 48 + 64:
        return nothing, BAD_CHARACTER
    groups = characters.astype(np.int64) - 48
    is_last = (groups & 32) == 0
    if not is_last[-1]:
        return nothing, UNFINISHED
    last = np.flatnonzero(is_last)
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if lengths.max() > MOST_GROUPS:
        return nothing, TOO_LONG
    place = np.arange(groups.size) - np.repeat(first, lengths)
    counts = np.add.reduceat((groups & 31) << (5 * place), first)
    counts -= np.where(groups[last] & 16, np.int64(1) << (5 * lengths), 0)
    # Differences to the count two earlier, from the fourth on.
    counts[1::2] = np.cumsum(counts[1::2])
    counts[2::2] = np.cumsum(counts[2::2])
    return counts, 0
