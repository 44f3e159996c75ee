"""COCO's compressed RLE strings, compiled; `rle_numpy` says what the functions mean."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from panoptic.kernels.rle_numpy import BAD_CHARACTER, MOST_GROUPS, TOO_LONG, UNFINISHED

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


@numba.njit(cache=True, nogil=True)
def encode_strings(starts: I64, ends: I64, offsets: I64, size: int) -> tuple[U8, I64]:
    """See `rle_numpy.encode_strings`."""
    masks = len(offsets) - 1
    characters = np.empty(MOST_GROUPS * (2 * len(starts) + masks), np.uint8)
    edges = np.zeros(masks + 1, np.int64)
    at = 0
    for mask in range(masks):
        first, stop = offsets[mask], offsets[mask + 1]
        position = 0
        one_earlier, two_earlier = 0, 0
        for k in range(2 * (stop - first) + 1):
            interval = first + k // 2
            if interval == stop:
                edge = size
                if edge == position:
                    break
            else:
                edge = ends[interval] if k & 1 else starts[interval]
            count = edge - position
            position = edge
            number = count - two_earlier if k > 2 else count
            two_earlier, one_earlier = one_earlier, count
            while True:
                group = number & 31
                number >>= 5
                more = number != (-1 if group & 16 else 0)
                characters[at] = group + (80 if more else 48)
                at += 1
                if not more:
                    break
        edges[mask + 1] = at
    return characters[:at].copy(), edges


@numba.njit(cache=True, nogil=True)
def decode_string(characters: U8) -> tuple[I64, int]:
    """See `rle_numpy.decode_string`."""
    counts = np.empty(len(characters), np.int64)
    used, number, groups = 0, 0, 0
    too_long = False
    for k in range(len(characters)):
        group = int(characters[k]) - 48
        if group < 0 or group > 63:
            return counts[:0], BAD_CHARACTER
        if groups < MOST_GROUPS:
            number |= (group & 31) << (5 * groups)
        groups += 1
        if group & 32:
            continue
        too_long |= groups > MOST_GROUPS
        if group & 16:
            number -= 1 << (5 * min(groups, MOST_GROUPS))
        counts[used] = number + (counts[used - 2] if used > 2 else 0)
        used += 1
        number, groups = 0, 0
    if groups:
        return counts[:0], UNFINISHED
    if too_long:
        return counts[:0], TOO_LONG
    return counts[:used].copy(), 0
