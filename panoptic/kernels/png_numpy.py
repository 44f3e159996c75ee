"""What a PNG holds, straight from runs: rows filtered with Up, as literals and matches.

These are the plain bodies; `png_numba` compiles the very same code, so both give the same
bytes. That is why they are written with integers, loops and preallocated arrays: nothing in
them depends on a processor, on a library's release or on which of the two ways runs them.

`collect_pieces` walks the runs of every row beside those of the row above: their byte
differences come in pieces, most of them zero. `collect_tokens` says the pieces as tokens of
deflate (see `deflate_numpy`). Which match pays is judged by the bits that a usual label map
needs for each kind of token.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from panoptic.kernels.deflate_numpy import (
    DISTANCE_EXTRA,
    LENGTH_EXTRA,
    LONGEST_MATCH,
    TOKEN_SYMBOL,
    WINDOW,
    distance_symbol,
    write_block,
)

__all__ = ["collect_pieces", "collect_tokens", "write_block"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

FILTER_UP = 2
# The "difference" of the byte that starts each row and names its filter; no pixel has it.
FILTER = 1 << 32

_MODULUS = 65521
# Pieces are cut here so that the closed form of adler32 stays within 63 bits.
_LONGEST_PIECE = 1 << 24

_HASH_BITS = 12
_MULTIPLIER = 0x9E3779B1

# Bits that a token takes in the Huffman code of a usual label map.
_BITS_OF_BYTE = 7
_BITS_OF_ZERO = 2
_BITS_OF_FILTER = 4
_BITS_OF_REPEAT = 5
_BITS_OF_DISTANCE = 4
_BITS_OF_LONG_MATCH = 2
# The match of a single RGB pixel is so frequent that its symbol is short.
_BITS_OF_LENGTH = 5 + LENGTH_EXTRA[np.maximum(TOKEN_SYMBOL[256:] - 257, 0)]
_BITS_OF_LENGTH[3] = 2


def collect_pieces(
    samples: I64, ends: I64, height: int, width: int, bytes_per_pixel: int
) -> tuple[I64, I64, int, int]:
    """Walk every row beside the one above: pieces of equal difference, in stream order.

    samples : of every run, the pixel's bytes in stream order, the first one lowest
    ends : of every run, the flat pixel after its last

    Returns the differences (bytes as in `samples`; `FILTER` starts each row), their offsets
    in the filtered bytes and the end of the last one, their number, and the adler32 of the
    filtered bytes in closed form.
    """
    room = 2 * len(ends) + 2 * height + height * width // _LONGEST_PIECE + 2
    deltas = np.empty(room, np.int64)
    offsets = np.empty(room + 1, np.int64)
    pieces, offset = 0, 0
    adler_a, adler_b = 1, 0
    here, above = 0, 0
    value, value_end = int(samples[0]), int(ends[0])
    # Runs of the row above come one row later; above the first row everything is zero.
    value_above, above_end = 0, width
    size = height * width
    position, row_end = 0, 0
    while position < size:
        if position == row_end:
            deltas[pieces], offsets[pieces] = FILTER, offset
            pieces += 1
            offset += 1
            row_end += width
            adler_a = (adler_a + FILTER_UP) % _MODULUS
            adler_b += adler_a
        if position == value_end:
            here += 1
            value, value_end = int(samples[here]), int(ends[here])
        if position == above_end:
            if position > width:
                above += 1
            value_above, above_end = int(samples[above]), int(ends[above]) + width
        stop = min(min(value_end, above_end), min(row_end, position + _LONGEST_PIECE))
        pixels = stop - position
        position = stop
        length = bytes_per_pixel * pixels
        adler_b = (adler_b + length * adler_a) % _MODULUS
        # Byte by byte: the high bits are kept out of the way of the borrow.
        delta = ((value | 0x80808080) - (value_above & 0x7F7F7F7F)) ^ (
            (value ^ ~value_above) & 0x80808080
        )
        if delta:
            weight = length * pixels - bytes_per_pixel * (pixels * (pixels - 1) // 2)
            for k in range(bytes_per_pixel):
                byte = (delta >> (8 * k)) & 255
                adler_a += pixels * byte
                adler_b += byte * (weight - k * pixels)
            adler_a, adler_b = adler_a % _MODULUS, adler_b % _MODULUS
        # Where both rows change alike the zeros go on.
        if delta or deltas[pieces - 1]:
            deltas[pieces], offsets[pieces] = delta, offset
            pieces += 1
        offset += length
    offsets[pieces] = offset
    return deltas, offsets, pieces, adler_b << 16 | adler_a


def collect_tokens(
    deltas: I64, offsets: I64, pieces: int, width: int, bytes_per_pixel: int
) -> tuple[I32, int]:
    """Say the pieces as literals and matches; returns the tokens and their number."""
    # Matches across rows pay where one of them holds several rows. Within rows they save
    # about 1 % of an 8-bit map, which is not worth a third of the time.
    is_narrow = width * bytes_per_pixel < LONGEST_MATCH // 2
    # A piece needs at most its bytes, two that remain, and one for every longest match.
    tokens = np.empty(6 * pieces + int(offsets[pieces]) // LONGEST_MATCH + 16, np.int32)
    count = 0
    remembered = np.full(1 << _HASH_BITS, -1, np.int64)  # the latest piece, by its hash
    zeros, last = 0, -1  # zero bytes that wait to be written, and the byte before them
    k = 0
    while k < pieces:
        delta = int(deltas[k])
        start, end = int(offsets[k]), int(offsets[k + 1])
        if delta == 0:
            zeros += end - start
            k += 1
            continue
        begin, stop, earlier = start, start, -1
        if is_narrow or (bytes_per_pixel > 1 and delta != FILTER):
            slot = _slot(delta)
            earlier = int(remembered[slot])
            remembered[slot] = k
        if earlier >= 0 and deltas[earlier] == delta and start - offsets[earlier] <= WINDOW:
            begin, stop = find_match(
                deltas, offsets, pieces, bytes_per_pixel, k, earlier, zeros, last
            )
            if begin < start:
                zeros = 0
        if stop > start:
            count = _put_zeros(tokens, count, zeros, last)
            count = _put_copies(tokens, count, stop - begin, start - int(offsets[earlier]))
            # What the match covers is remembered too; it may end inside its last piece.
            while offsets[k + 1] < stop:
                k += 1
                covered = int(deltas[k])
                if covered:
                    remembered[_slot(covered)] = k
            delta, start, end = int(deltas[k]), stop, int(offsets[k + 1])
            last = FILTER_UP if delta == FILTER else delta >> (8 * bytes_per_pixel - 8)
            zeros = 0
        elif delta == FILTER:
            count = _put_zeros(tokens, count, zeros, last)
            tokens[count] = FILTER_UP << 16
            count += 1
            zeros, last, start = 0, FILTER_UP, end
        else:
            for j in range(bytes_per_pixel):
                byte = (delta >> (8 * j)) & 255
                if byte == 0:
                    zeros += 1
                    continue
                count = _put_zeros(tokens, count, zeros, last)
                tokens[count] = byte << 16
                count += 1
                zeros, last = 0, byte
            start += bytes_per_pixel
        k += 1
        if start == end:
            continue
        # The other pixels of the piece repeat the first.
        count = _put_zeros(tokens, count, zeros, last)
        count = _put_pixels(tokens, count, end - start, delta, bytes_per_pixel)
        zeros, last = 0, delta >> (8 * bytes_per_pixel - 8)
    return tokens, _put_zeros(tokens, count, zeros, last)


def _slot(delta: int) -> int:
    """Where the latest piece of a difference is remembered; that of FILTER is the one of 2^24,
    as it was before pixels had four bytes: another one would change bytes that are promised."""
    return (((delta | delta >> 32 << 24) * _MULTIPLIER) & 0xFFFFFFFF) >> (32 - _HASH_BITS)


def find_match(
    deltas: I64,
    offsets: I64,
    pieces: int,
    bytes_per_pixel: int,
    k: int,
    earlier: int,
    zeros: int,
    last: int,
) -> tuple[int, int]:
    """The bytes around piece `k`, (begin, stop), that the same bytes around an equal `earlier`
    piece may stand for, if that saves bits; stop == begin if not.

    A match may begin with the zeros that wait, covers whole pieces after that, or the first
    pixel alone where the pieces' lengths differ.
    """
    start = int(offsets[k])
    distance = start - int(offsets[earlier])
    far = _BITS_OF_DISTANCE + int(DISTANCE_EXTRA[distance_symbol(distance)])
    before = 0
    saved = 0
    follows_zeros = zeros > 0 and earlier > 0 and deltas[earlier - 1] == 0
    if follows_zeros and offsets[earlier] - offsets[earlier - 1] >= zeros:
        before = zeros
        saved = _bits_of_zeros(zeros, last)
    best, begin, stop = 0, start, start
    pixel = _bits_of_pixel(int(deltas[k]))
    if bytes_per_pixel >= 3 and deltas[k] != FILTER:
        gain = pixel - _bits_of_match(bytes_per_pixel, far)
        if gain > best:
            best, stop = gain, start + bytes_per_pixel
        gain = saved + pixel - _bits_of_match(before + bytes_per_pixel, far)
        if before and gain > best:
            best, begin, stop = gain, start - before, start + bytes_per_pixel
    while k < pieces and deltas[k] == deltas[earlier]:
        length = int(offsets[k + 1] - offsets[k])
        if length != offsets[earlier + 1] - offsets[earlier]:
            break
        delta = int(deltas[k])
        if delta == 0:
            saved += _bits_of_zeros(length, 1)
        else:
            saved += _bits_of_pixel(delta)
            if length > bytes_per_pixel:
                saved += _BITS_OF_REPEAT
        k += 1
        earlier += 1
        end = int(offsets[k])
        gain = saved - _bits_of_match(end - start + before, far)
        if gain > best and end - start + before >= 3:
            best, begin, stop = gain, start - before, end
        elif gain < best - 64:
            break
    return begin, stop


def _bits_of_pixel(delta: int) -> int:
    if delta == FILTER:
        return _BITS_OF_FILTER
    bits = 0
    while delta:
        bits += _BITS_OF_BYTE if delta & 255 else _BITS_OF_ZERO
        delta >>= 8
    return bits


def _bits_of_zeros(length: int, last: int) -> int:
    bits = _BITS_OF_ZERO if last else 0
    if length > LONGEST_MATCH:
        return bits + (length // LONGEST_MATCH) * (_BITS_OF_LONG_MATCH + 1) + 10
    return bits + int(_BITS_OF_LENGTH[length])


def _bits_of_match(length: int, far: int) -> int:
    if length > LONGEST_MATCH:
        parts = (length + LONGEST_MATCH - 1) // LONGEST_MATCH
        return parts * (_BITS_OF_LONG_MATCH + far) + 3
    return int(_BITS_OF_LENGTH[length]) + far


def _put_zeros(tokens: I32, count: int, zeros: int, last: int) -> int:
    """Put zero bytes: one literal, unless the byte before is zero, and copies of it."""
    if zeros == 0:
        return count
    if last != 0:
        tokens[count] = 0
        count += 1
        zeros -= 1
    while zeros >= 3:
        part = min(zeros, LONGEST_MATCH)
        tokens[count] = (256 + part) << 16 | 1
        count += 1
        zeros -= part
    for _ in range(zeros):
        tokens[count] = 0
        count += 1
    return count


def _put_copies(tokens: I32, count: int, length: int, distance: int) -> int:
    """Put a match of any length from 3 on."""
    while length:
        part = min(length, LONGEST_MATCH)
        if 0 < length - part < 3:
            part -= 3
        tokens[count] = (256 + part) << 16 | distance
        count += 1
        length -= part
    return count


def _put_pixels(tokens: I32, count: int, length: int, delta: int, bytes_per_pixel: int) -> int:
    """Put more bytes of pixels that equal the one before."""
    while length >= 3:
        part = min(length, LONGEST_MATCH)
        tokens[count] = (256 + part) << 16 | bytes_per_pixel
        count += 1
        length -= part
    # What remains are the last bytes of a pixel, or whole ones.
    for k in range(-length, 0):
        tokens[count] = ((delta >> (8 * (k % bytes_per_pixel))) & 255) << 16
        count += 1
    return count
