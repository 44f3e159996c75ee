"""Runs from the filtered rows of a PNG: every row is unfiltered, then the pixels are encoded.

The plain twin is what the compiled one must equal. It is no faster way to read a file than
Pillow, which `panoptic.png_read` therefore takes where numba is missing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panoptic.kernels import runs_numpy

U8 = NDArray[np.uint8]

NONE, SUB, UP, AVERAGE, PAETH = range(5)


def collect_runs(
    raw: U8, height: int, width: int, channels: int, keeps_alpha: bool = False
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Values and lengths of the runs of an image of 8 bits per channel.

    raw : uint8[height · (1 + width · channels)], rows with their filter's number before them
    channels : 1 (value: the byte), 2 (first + 256 second), 3 (R + 256 G + 65536 B) or 4 (the
        same; alpha must be 255)
    keeps_alpha : of 4 channels the value is R + 256 G + 65536 B + 2^24 A, whatever A is

    Both are empty if a row has an unknown filter or a pixel is not opaque.
    """
    rows = raw.reshape(height, 1 + width * channels)
    if int(rows[:, 0].max()) > PAETH:
        return np.empty(0, np.uint32), np.empty(0, np.int64)
    pixels = np.zeros((height, width, 4), np.uint8)
    above = np.zeros((width, channels), np.uint8)
    for row, kind in enumerate(rows[:, 0].tolist()):
        above = _unfilter_row(kind, rows[row, 1:].reshape(width, channels), above)
        pixels[row, :, :channels] = above
    if not keeps_alpha:
        if channels == 4 and int(pixels[:, :, 3].min()) < 255:
            return np.empty(0, np.uint32), np.empty(0, np.int64)
        pixels[:, :, 3] = 0
    return runs_numpy.encode(pixels.view("<u4").reshape(-1))


def _unfilter_row(kind: int, row: U8, above: U8) -> U8:
    if kind == NONE:
        return row
    if kind == UP:
        return row + above
    if kind == SUB:
        return np.cumsum(row, axis=0, dtype=np.uint8)
    channels = row.shape[1]
    delta, up = row.reshape(-1).tolist(), [0] * channels + above.reshape(-1).tolist()
    done = [0] * channels  # a pixel of zeros lies to the left of each row
    for k, change in enumerate(delta):
        a, b, c = done[k], up[k + channels], up[k]
        guess = (a + b) // 2 if kind == AVERAGE else _nearest(a, b, c)
        done.append((change + guess) & 255)
    return np.array(done[channels:], np.uint8).reshape(row.shape)


def _nearest(a: int, b: int, c: int) -> int:
    """Paeth's predictor: left, above or above left, whichever is nearest to a + b - c."""
    to_a, to_b, to_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    if to_a <= to_b and to_a <= to_c:
        return a
    return b if to_b <= to_c else c
