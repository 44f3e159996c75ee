"""The row-predicted codec, compiled; `codec_numpy` is its plain twin and says what is meant.

`decode_rows` reads bytes of any origin: every read and write is within what was allocated, and
allocation follows the run counts, which the caller has checked against its limits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from panoptic.kernels.codec_tokens import (
    AS_ABOVE,
    AS_BEFORE,
    BAD_CLASS,
    BAD_CROWD,
    BAD_ID,
    BAD_LAYER,
    BAD_TRACK,
    BAD_VALUE,
    CUT_OFF,
    DROP,
    FINE,
    INSERT,
    LEFT_OVER,
    LITERAL,
    OUT_OF_ORDER,
    REACH,
    REPEAT,
    SHIFTS,
    TOO_MANY_ROWS,
    TRUNCATED,
    UNKNOWN_TOKEN,
    UNUSED_SEGMENT,
    WRONG_RUN_COUNT,
)
from panoptic.segments import MAX_CLASS_ID, MAX_SEGMENT_ID, MAX_TRACK_ID

_NONE = -1
# What each token below SHIFTS says, so that the decoder need not divide.
_ZIGZAG = np.arange(SHIFTS) // 3
_SHIFT = np.where(_ZIGZAG % 2 == 1, -(_ZIGZAG + 1) // 2, _ZIGZAG // 2)
_SOURCE = np.arange(SHIFTS) % 3


@njit(cache=True, nogil=True)
def _put_number(numbers, at, number):  # type: ignore[no-untyped-def]
    while number >= 128:
        numbers[at] = (number & 127) | 128
        number >>= 7
        at += 1
    numbers[at] = number
    return at + 1


@njit(cache=True, nogil=True)
def _get_number(numbers, at):  # type: ignore[no-untyped-def]
    """A number and the place after it; -1 if it is cut off or longer than 9 bytes."""
    number = np.int64(0)
    for shift in range(0, 63, 7):
        if at >= numbers.size:
            return np.int64(-1), at
        byte = np.int64(numbers[at])
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    return np.int64(-1), at


@njit(cache=True, nogil=True)
def encode_varints(numbers):  # type: ignore[no-untyped-def]
    encoded = np.empty(9 * numbers.size, np.uint8)
    at = 0
    for number in numbers:
        at = _put_number(encoded, at, number)
    return encoded[:at]


@njit(cache=True, nogil=True)
def decode_columns(encoded, count, given, layer_count):  # type: ignore[no-untyped-def]
    ids, class_ids = np.empty(count, np.uint32), np.empty(count, np.uint32)
    layers, crowds = np.zeros(count, np.uint16), np.zeros(count, np.bool_)
    track_ids = np.zeros(count, np.int64)
    at = 0
    last = np.int64(0)
    finding = 0
    for column in range(5):
        if column > 1 and not given & (1 << (column - 2)):
            continue
        for k in range(count):
            number, at = _get_number(encoded, at)
            if number < 0:
                return ids, class_ids, layers, crowds, track_ids, at, CUT_OFF
            if column == 0:
                if number < 1 or number > MAX_SEGMENT_ID - last:
                    finding = BAD_ID
                    break
                last += number
                ids[k] = last
            elif column == 1:
                if number < 1 or number > MAX_CLASS_ID:
                    finding = BAD_CLASS
                class_ids[k] = number
            elif column == 2:
                if number >= layer_count:
                    finding = BAD_LAYER
                layers[k] = number
            elif column == 3:
                if number > 1:
                    finding = BAD_CROWD
                crowds[k] = number == 1
            else:
                if number > MAX_TRACK_ID:
                    finding = BAD_TRACK
                track_ids[k] = number
        if finding:
            break
    return ids, class_ids, layers, crowds, track_ids, at, finding


@njit(cache=True, nogil=True)
def encode_rows(indices, lengths, run_counts, height, width):  # type: ignore[no-untyped-def]
    total = 0
    for count in run_counts:
        total += count
    # A row that differs from the one above it holds a run's begin or follows such a row: at most
    # 2 · runs rows are told, with 3 · runs boundaries, and as many above them. A boundary takes
    # at most 9 bytes of numbers, a repetition 5.
    tokens = np.empty(10 * total + 8 * run_counts.size, np.uint8)
    numbers = np.empty(40 * total + 32 * run_counts.size, np.uint8)
    room = 1
    for count in run_counts:
        room = max(room, min(width, count) + 1)
    row_places, row_values = np.empty(room, np.int64), np.empty(room, np.int64)
    above_places, above_values = np.empty(room, np.int64), np.empty(room, np.int64)
    n_tokens = 0
    n_numbers = 0
    run = 0
    for _ in range(run_counts.size):
        above = 1
        above_places[0] = 0
        above_values[0] = 0
        equal_rows = np.int64(0)
        left = np.int64(0)
        run -= 1
        row = 0
        while row < height:
            if left == 0:
                run += 1
                left = lengths[run]
            if left >= width and above == 1 and above_values[0] == indices[run]:
                rows = left // width
                equal_rows += rows
                row += rows
                left -= rows * width
                continue
            boundaries = 0
            column = np.int64(0)
            equal = True
            while column < width:
                if left == 0:
                    run += 1
                    left = lengths[run]
                row_places[boundaries] = column
                row_values[boundaries] = indices[run]
                equal = (
                    equal
                    and boundaries < above
                    and above_places[boundaries] == column
                    and above_values[boundaries] == row_values[boundaries]
                )
                boundaries += 1
                step = min(left, width - column)
                column += step
                left -= step
            row += 1
            if equal and boundaries == above:
                equal_rows += 1
                continue
            if equal_rows:
                tokens[n_tokens] = REPEAT
                n_tokens += 1
                n_numbers = _put_number(numbers, n_numbers, equal_rows - 1)
                equal_rows = np.int64(0)
            n_tokens, n_numbers = _tell_row(
                row_places,
                row_values,
                boundaries,
                above_places,
                above_values,
                above,
                tokens,
                n_tokens,
                numbers,
                n_numbers,
            )
            row_places, above_places = above_places, row_places
            row_values, above_values = above_values, row_values
            above = boundaries
        if equal_rows:
            tokens[n_tokens] = REPEAT
            n_tokens += 1
            n_numbers = _put_number(numbers, n_numbers, equal_rows - 1)
        run += 1
    return tokens[:n_tokens], numbers[:n_numbers]


@njit(cache=True, nogil=True)
def _tell_row(  # type: ignore[no-untyped-def]
    places, values, count, above_places, above_values, above, tokens, n_tokens, numbers, n_numbers
):
    present = before = _NONE
    last = np.int64(0)
    i = j = 0
    while i < count or j < above:
        is_shift = False
        shift = np.int64(0)
        if i < count and j < above:
            shift = places[i] - above_places[j]
            if i == 0:
                is_shift = True
            elif -REACH <= shift <= REACH:
                distance = abs(shift)
                is_shift = values[i] == above_values[j] or not (
                    (i + 1 < count and abs(places[i + 1] - above_places[j]) <= distance)
                    or (j + 1 < above and abs(places[i] - above_places[j + 1]) <= distance)
                )
        if not is_shift and j < above and (i == count or above_places[j] < places[i]):
            tokens[n_tokens] = DROP
            n_tokens += 1
            j += 1
            continue
        value = values[i]
        if value == above_values[j if is_shift else j - 1]:
            source = AS_ABOVE
        elif value == before:
            source = AS_BEFORE
        else:
            source = LITERAL
        if is_shift:
            zigzag = 2 * shift if shift >= 0 else -2 * shift - 1
            tokens[n_tokens] = 3 * zigzag + source
            j += 1
        else:
            tokens[n_tokens] = INSERT + source
            n_numbers = _put_number(numbers, n_numbers, places[i] - last - 1)
        n_tokens += 1
        if source == LITERAL:
            n_numbers = _put_number(numbers, n_numbers, value)
        last = places[i]
        before, present = present, value
        i += 1
    tokens[n_tokens] = 0
    return n_tokens + 1, n_numbers


@njit(cache=True, nogil=True)
def decode_rows(tokens, numbers, height, width, run_counts, palette, palette_sizes):  # type: ignore[no-untyped-def]
    total = 0
    room = np.int64(1)
    for count in run_counts:
        total += count
        # Each boundary but a row's first is a run of its own.
        room = max(room, min(width, count) + 1)
    values, lengths = np.empty(total, np.uint32), np.empty(total, np.int64)
    row_places, row_values = np.empty(room, np.int64), np.empty(room, np.int64)
    above_places, above_values = np.empty(room, np.int64), np.empty(room, np.int64)
    t = n = 0
    first_run = 0
    first_color = 0
    for layer in range(run_counts.size):
        colors = palette_sizes[layer]
        stop_run = first_run + run_counts[layer]
        seen = np.zeros(colors + 1, np.bool_)
        seen[0] = True
        above = 1
        above_places[0] = 0
        above_values[0] = 0
        out = first_run  # `lengths` holds the first pixel of each run until the layer is done
        out_value = np.int64(_NONE)
        row = np.int64(0)
        row_start = np.int64(0)
        while row < height:
            if t >= tokens.size:
                return values, lengths, TRUNCATED, layer, row
            if tokens[t] == REPEAT:
                t += 1
                rows, n = _get_number(numbers, n)
                if rows < 0:
                    return values, lengths, TRUNCATED, layer, row
                if rows >= height - row:
                    return values, lengths, TOO_MANY_ROWS, layer, row
                for _ in range(rows + 1 if above > 1 or above_values[0] != out_value else 0):
                    for k in range(above):
                        value = above_values[k]
                        if value == out_value:
                            continue
                        if out == stop_run:
                            return values, lengths, WRONG_RUN_COUNT, layer, row
                        values[out] = palette[first_color + value - 1] if value else 0
                        lengths[out] = row_start + above_places[k]
                        out += 1
                        out_value = value
                    if above == 1:  # the rows that follow are of this value, too
                        break
                    row_start += width
                row += rows + 1
                row_start = row * width
                continue
            present = before = np.int64(_NONE)
            last = np.int64(_NONE)
            boundaries = 0
            j = 0
            while True:
                if t >= tokens.size:
                    return values, lengths, TRUNCATED, layer, row
                token = np.int64(tokens[t])
                t += 1
                if token < SHIFTS:
                    if j >= above:
                        if token == 0:
                            break
                        return values, lengths, UNKNOWN_TOKEN, layer, row
                    place = above_places[j] + _SHIFT[token]
                    source = _SOURCE[token]
                    value = above_values[j]
                    j += 1
                elif token == DROP and 0 < j < above:
                    j += 1
                    continue
                elif INSERT <= token <= INSERT + LITERAL and j > 0:
                    source = token - INSERT
                    gap, n = _get_number(numbers, n)
                    if gap < 0:
                        return values, lengths, TRUNCATED, layer, row
                    place = last + 1 + gap
                    value = above_values[j - 1]
                else:
                    return values, lengths, UNKNOWN_TOKEN, layer, row
                if source == AS_BEFORE:
                    value = before
                elif source == LITERAL:
                    value, n = _get_number(numbers, n)
                if place <= last or place >= width or (boundaries == 0 and place != 0):
                    return values, lengths, OUT_OF_ORDER, layer, row
                if value < 0 or value > colors or value == present:
                    return values, lengths, BAD_VALUE, layer, row
                if value != out_value:
                    if out == stop_run:
                        return values, lengths, WRONG_RUN_COUNT, layer, row
                    values[out] = palette[first_color + value - 1] if value else 0
                    lengths[out] = row_start + place
                    out += 1
                    out_value = value
                row_places[boundaries] = place
                row_values[boundaries] = value
                boundaries += 1
                seen[value] = True
                last = place
                before, present = present, value
            row_places, above_places = above_places, row_places
            row_values, above_values = above_values, row_values
            above = boundaries
            row += 1
            row_start += width
        if out != stop_run:
            return values, lengths, WRONG_RUN_COUNT, layer, row
        for color in range(colors + 1):
            if not seen[color]:
                return values, lengths, UNUSED_SEGMENT, layer, row
        for run in range(first_run, stop_run - 1):
            lengths[run] = lengths[run + 1] - lengths[run]
        lengths[stop_run - 1] = row_start - lengths[stop_run - 1]
        first_run = stop_run
        first_color += colors
    if t != tokens.size or n != numbers.size:
        return values, lengths, LEFT_OVER, run_counts.size, np.int64(0)
    return values, lengths, FINE, run_counts.size, np.int64(0)
