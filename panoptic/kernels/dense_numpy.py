"""Rows of the predicted codec painted into an array, in plain numpy: the reference of
`dense_numba`, by way of runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from panoptic.kernels import codec_numpy, runs_numpy
from panoptic.kernels.codec_tokens import FINE

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


def render_rows(
    tokens: U8,
    numbers: U8,
    run_counts: I64,
    colors: NDArray[Any],
    color_counts: I64,
    out: NDArray[Any],
    areas: I64,
    boxes: I64,
) -> tuple[int, int, int]:
    """Paint the layers of a label into `out`, (height, width), the lowest first.

    colors : of the dtype of `out`: that of the void, then those of the segments, layer by layer
    color_counts : how many segments each layer has
    areas, boxes : filled for the segments in the order of their colours, as `measure` tells them;
        areas without an element: not asked for

    A finding, its layer and its row, as `decode_rows` gives them, for the same bytes; unless it
    is FINE, the arrays mean nothing.
    """
    height, width = out.shape
    places = np.arange(1, colors.size, dtype=np.uint32)
    values, lengths, finding, layer, row = codec_numpy.decode_rows(
        tokens, numbers, height, width, run_counts, places, color_counts
    )
    if finding != FINE:
        return finding, layer, row
    first = 0
    for count in run_counts.tolist():
        own, own_lengths = values[first : first + count], lengths[first : first + count]
        shown = np.repeat(own, own_lengths).reshape(out.shape)
        if first:
            np.copyto(out, colors[shown], where=shown != 0)
        else:
            out[...] = colors[shown]
        if areas.size:
            found, own_areas, own_boxes = runs_numpy.measure(own, own_lengths, width)
            areas[found - 1], boxes[found - 1] = own_areas, own_boxes
        first += count
    return FINE, layer, 0
