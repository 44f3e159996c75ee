"""Runs straight from the filtered rows of a PNG, compiled; `png_rows_numpy` says what it means.

Label maps are mostly areas of one colour, whose filtered bytes are zero. A zero says "as the
pixel to the left" or "as the one above", so a row can only change colour where a byte is not
zero or where the row above changes. Only those places are visited, with the runs of two rows in
hand.

A pixel is one integer, its first channel in the lowest byte. Channels are added all at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from panoptic.kernels.png_rows_numpy import AVERAGE, NONE, PAETH, SUB, U8, UP

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]

_LOW_BITS, _HIGH_BIT = 0x7F7F7F7F, 0x80808080


def collect_runs(
    raw: U8, height: int, width: int, channels: int, keeps_alpha: bool = False
) -> tuple[U32, I64]:
    """See `png_rows_numpy.collect_runs`."""
    # Slices and views are made here: compiled, each of them takes half a second to compile.
    words = raw[: raw.size // 8 * 8].view(np.uint64)
    values, lengths, count = _collect_runs(raw, words, height, width, channels, keeps_alpha)
    return values[:count], lengths[:count]


@njit(cache=True, nogil=True)
def _collect_runs(  # type: ignore[no-untyped-def]
    raw, words, height, width, channels, keeps_alpha
):
    stride = 1 + width * channels
    kept = 0xFFFFFFFF if keeps_alpha else 0xFFFFFF
    is_checked = channels == 4 and not keeps_alpha
    changed_words = np.empty(stride // 8 + 1, np.int64)
    changes = np.empty(stride + 1, np.int64)
    values, lengths, count = np.empty(1024, np.uint32), np.empty(1024, np.int64), 0
    # The runs of two rows, this one's and the one's above, begin at `own` and at `above`; starts
    # end with the width. Above the first row all is 0.
    starts, pixels = np.empty(2 * width + 2, np.int64), np.empty(2 * width + 2, np.int64)
    starts[0], starts[1], pixels[0] = 0, width, 0
    # Not 0 itself, for which numba would compile the row a second time.
    own, above, runs = np.int64(0), width + 1, 1
    for row in range(height):
        first, stop = row * stride + 1, (row + 1) * stride
        kind = np.int64(raw[first - 1])
        if kind > PAETH:
            return values, lengths, 0
        found = 0
        if kind != NONE:
            found = _find_nonzero(raw, words, first, stop, changed_words, changes)
        # Zeros with Up or Paeth repeat the row above; but the first has none that is opaque.
        if found > 0 or row == 0 or kind <= SUB or kind == AVERAGE:
            own, above = above, own
            runs = _unfilter_row(
                raw, first, kind, width, channels, changes, starts, pixels, above, own, is_checked
            )
            if runs < 0:
                return values, lengths, 0
        if count + runs > values.size:
            size = min(2 * (count + runs), height * width)
            old_values, old_lengths = values, lengths
            values, lengths = np.empty(size, np.uint32), np.empty(size, np.int64)
            for run in range(count):
                values[run], lengths[run] = old_values[run], old_lengths[run]
        for run in range(runs):
            value = np.uint32(pixels[own + run] & kept)
            length = starts[own + run + 1] - starts[own + run]
            if run == 0 and count > 0 and values[count - 1] == value:
                lengths[count - 1] += length
            else:
                values[count], lengths[count] = value, length
                count += 1
    return values, lengths, count


@njit(cache=True, nogil=True)
def _unfilter_row(  # type: ignore[no-untyped-def]
    raw, first, kind, width, channels, changes, starts, pixels, above, own, is_checked
):
    """The runs of a row from those above it; their number, or -1 if a pixel is not opaque, where
    that is checked."""
    end, change, x, left = own, 0, 0, np.int64(0)
    while x < width:
        while starts[above + 1] <= x:
            above += 1
        up = pixels[above]
        corner = up
        if starts[above] == x:
            corner = pixels[above - 1] if x > 0 else 0
        at = first + x * channels
        pixel = _add(_predict(kind, left, up, corner), _pixel_at(raw, at, channels))
        if x == 0 or pixel != left:
            if is_checked and pixel >> 24 != 255:
                return -1
            starts[end], pixels[end] = x, pixel
            end += 1
        left = pixel
        if kind == NONE:  # as it is written: files with a palette have no other filter
            x = _end_of_same(raw, first, x, width, channels)
            continue
        x += 1
        # Zeros go on with this run, unless they mean black or the pixel above and it is neither.
        if UP <= kind <= AVERAGE and pixel != up:
            continue
        x = width if kind <= SUB else starts[above + 1]
        while changes[change] < at + channels:
            change += 1
        if changes[change] < first + x * channels:
            x = (changes[change] - first) // channels
    starts[end] = width
    return end - own


@njit(cache=True, nogil=True)
def _end_of_same(raw, first, x, width, channels):  # type: ignore[no-untyped-def]
    """Where the pixels of an unfiltered row end that are as the one at `x`."""
    at, stop = first + x * channels + channels, first + width * channels
    while at < stop and raw[at] == raw[at - channels]:
        at += 1
    return (at - first) // channels


@njit(cache=True, nogil=True)
def _predict(kind, left, up, corner):  # type: ignore[no-untyped-def]
    if kind == NONE:
        return 0
    if kind == SUB:
        return left
    if kind == UP:
        return up
    if kind == AVERAGE:
        return (left & up) + (((left ^ up) >> 1) & _LOW_BITS)
    if up == corner:
        return left
    if left == corner:
        return up
    predicted = 0
    for shift in range(0, 32, 8):
        a, b, c = (left >> shift) & 255, (up >> shift) & 255, (corner >> shift) & 255
        to_a, to_b, to_c = abs(b - c), abs(a - c), abs(a + b - 2 * c)
        nearest = a if to_a <= to_b and to_a <= to_c else b if to_b <= to_c else c
        predicted |= nearest << shift
    return predicted


@njit(cache=True, nogil=True)
def _add(a, b):  # type: ignore[no-untyped-def]
    """Sum of every byte, without a carry to the next."""
    return ((a & _LOW_BITS) + (b & _LOW_BITS)) ^ ((a ^ b) & _HIGH_BIT)


@njit(cache=True, nogil=True)
def _pixel_at(raw, at, channels):  # type: ignore[no-untyped-def]
    pixel = np.int64(raw[at])
    for channel in range(1, channels):
        pixel |= np.int64(raw[at + channel]) << (8 * channel)
    return pixel


@njit(cache=True, nogil=True)
def _find_nonzero(raw, words, first, stop, changed_words, found):  # type: ignore[no-untyped-def]
    """Write to `found` which bytes from `first` to `stop` are not 0, then `stop`; their number.

    Without a branch on any of them: those cannot be predicted and would cost four times the rest.
    """
    lead, last = min((first + 7) // 8 * 8, stop), stop // 8
    count, hits = 0, 0
    for at in range(first, lead):
        found[count] = at
        count += raw[at] != 0
    for word in range(lead // 8, last):
        changed_words[hits] = word
        hits += words[word] != 0
    for hit in range(hits):
        for at in range(8 * changed_words[hit], 8 * changed_words[hit] + 8):
            found[count] = at
            count += raw[at] != 0
    for at in range(max(lead, 8 * last), stop):
        found[count] = at
        count += raw[at] != 0
    found[count] = stop
    return count
