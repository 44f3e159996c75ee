"""Rows of the predicted codec painted into an array, compiled; `dense_numpy` says what is meant.

No runs are made on the way: each row is painted when it is known, while the row above is at
hand. It reads bytes of any origin: every read and write is within what was allocated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from panoptic.kernels.codec_numba import _get_number
from panoptic.kernels.codec_tokens import (
    AS_BEFORE,
    BAD_VALUE,
    DROP,
    FINE,
    INSERT,
    LEFT_OVER,
    LITERAL,
    OUT_OF_ORDER,
    REPEAT,
    SHIFTS,
    TOO_MANY_ROWS,
    TRUNCATED,
    UNKNOWN_TOKEN,
    UNUSED_SEGMENT,
    WRONG_RUN_COUNT,
)

# Most runs of labels fit: a loop that ends after one block is foreseen by the processor.
_BLOCK_BYTES = 256
_NO_VALUE = np.uint32(2**32 - 1)
# By token, so that the decoder need not divide: what those below SHIFTS and the insertions say.
_ZIGZAG = np.arange(256) // 3
_SHIFT = np.where(_ZIGZAG % 2 == 1, -(_ZIGZAG + 1) // 2, _ZIGZAG // 2)
_SOURCE = np.where(np.arange(256) < SHIFTS, np.arange(256) % 3, np.arange(256) - INSERT).astype(
    np.uint8
)


@intrinsic
def _put_block(_context: Any, array: Any, at: Any, value: Any) -> Any:
    """Write `value` to the block of bytes from `at` on. The compiler writes elements one by one
    into runs as short as those of labels, which takes three times as long."""
    count = _BLOCK_BYTES * 8 // array.dtype.bitwidth

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        element = arguments[2]
        block = ir.VectorType(element.type, count)
        lanes = ir.VectorType(ir.IntType(32), count)
        nothing = ir.Constant(block, ir.Undefined)
        first = builder.insert_element(nothing, element, ir.Constant(ir.IntType(32), 0))
        filled = builder.shuffle_vector(first, nothing, ir.Constant(lanes, [0] * count))
        place = builder.bitcast(builder.gep(data, [arguments[1]]), block.as_pointer())
        builder.store(filled, place, align=element.type.width // 8)
        return context.get_dummy_value()

    return types.void(array, at, array.dtype), generate


@njit(cache=True, nogil=True)
def _paint_row(flat, start, places, values, count, colors):  # type: ignore[no-untyped-def]
    """Paint `count` runs of a row of the lowest layer; places[count] is its width. The pixels
    behind the row, as many as a block has, lose what they were."""
    begin = np.uint64(start)
    block = np.uint64(_BLOCK_BYTES // flat.itemsize)
    for k in range(count):
        end = np.uint64(start + places[k + 1])
        color = colors[values[k]]
        # Past the end of the run, too: the next one corrects it.
        while begin < end:
            _put_block(flat, begin, color)  # type: ignore[call-arg]
            begin += block
        begin = end


@njit(cache=True, nogil=True)
def _paint_over(flat, start, places, values, count, colors, first_color):  # type: ignore[no-untyped-def]
    """Paint the runs of a row that are not void, and no pixel beside them."""
    for k in range(count):
        if values[k]:
            color = colors[first_color + values[k]]
            flat[start + places[k] : start + places[k + 1]] = color


@njit(cache=True, nogil=True)
def _measure_row(row, rows, places, values, count, first, areas, boxes):  # type: ignore[no-untyped-def]
    for k in range(count):
        if values[k]:
            place = first + values[k] - 1
            if areas[place] == 0:
                boxes[place, 0] = row
                boxes[place, 1] = places[k]
            areas[place] += (places[k + 1] - places[k]) * rows
            boxes[place, 1] = min(boxes[place, 1], places[k])
            boxes[place, 2] = row + rows
            boxes[place, 3] = max(boxes[place, 3], places[k + 1])


@njit(cache=True, nogil=True)
def render_rows(tokens, numbers, run_counts, colors, color_counts, out, areas, boxes):  # type: ignore[no-untyped-def]
    height, width = out.shape
    flat = out.reshape(-1)
    block = _BLOCK_BYTES // out.itemsize
    is_measured = areas.size > 0
    if is_measured:
        areas[:] = 0
        boxes[:, :] = 0
    room = np.int64(1)
    for count in run_counts:
        # Each boundary but a row's first is a run of its own.
        room = max(room, min(width, count) + 1)
    places, values = np.empty(room + 1, np.int64), np.empty(room + 1, np.uint32)
    above_places, above_values = np.empty(room + 1, np.int64), np.empty(room + 1, np.uint32)
    t = n = 0
    first_color = np.int64(0)
    for layer in range(run_counts.size):
        own_colors = color_counts[layer]
        # Values come in as literals alone; all others repeat one that was there.
        seen = np.zeros(own_colors + 1, np.bool_)
        seen[0] = True
        above = 1
        above_places[0] = 0
        above_places[1] = width
        above_values[0] = 0
        runs = np.int64(0)
        last_value = _NO_VALUE
        row = np.int64(0)
        while row < height:
            if t >= tokens.size:
                return TRUNCATED, layer, row
            rows = np.int64(1)
            if tokens[t] == REPEAT:
                t += 1
                rows, n = _get_number(numbers, n)
                if rows < 0:
                    return TRUNCATED, layer, row
                if rows >= height - row:
                    return TOO_MANY_ROWS, layer, row
                rows += 1
            else:
                boundaries = 0
                is_bad = is_disordered = False
                present = before = _NO_VALUE
                last = np.int64(-1)
                j = 0
                while True:
                    if t >= tokens.size:
                        return TRUNCATED, layer, row
                    token = tokens[t]
                    t += 1
                    if token < SHIFTS:
                        if j >= above:
                            if token == 0:
                                break
                            return UNKNOWN_TOKEN, layer, row
                        place = above_places[j] + _SHIFT[token]
                        value = above_values[j]
                        j += 1
                    elif token == DROP and 0 < j < above:
                        j += 1
                        continue
                    elif INSERT <= token <= INSERT + LITERAL and j > 0:
                        gap, n = _get_number(numbers, n)
                        if gap < 0:
                            return TRUNCATED, layer, row
                        if gap >= width:
                            return OUT_OF_ORDER, layer, row
                        place = last + 1 + gap
                        value = above_values[j - 1]
                    else:
                        return UNKNOWN_TOKEN, layer, row
                    source = _SOURCE[token]
                    if source:
                        if source == AS_BEFORE:
                            value = before
                        else:
                            number, n = _get_number(numbers, n)
                            if number < 0 or number > own_colors:
                                return BAD_VALUE, layer, row
                            value = np.uint32(number)
                            seen[number] = True
                    # Asked once for the row: these branches would cost as much as the rest.
                    is_bad |= value == present
                    is_bad |= value == _NO_VALUE
                    is_disordered |= place <= last
                    if boundaries == room:
                        return WRONG_RUN_COUNT, layer, row
                    places[boundaries] = place
                    values[boundaries] = value
                    boundaries += 1
                    last = place
                    before, present = present, value
                if is_disordered or last >= width or places[0] != 0:
                    return OUT_OF_ORDER, layer, row
                if is_bad:
                    return BAD_VALUE, layer, row
                places[boundaries] = width
                places, above_places = above_places, places
                values, above_values = above_values, values
                above = boundaries
            first_value = above_values[0]
            runs += above - (first_value == last_value)
            last_value = above_values[above - 1]
            if rows > 1:
                runs += (rows - 1) * (above - (first_value == last_value))
            if runs > run_counts[layer]:
                return WRONG_RUN_COUNT, layer, row
            start = row * width
            for _ in range(rows):
                if layer == 0 and start + width + block <= flat.size:
                    _paint_row(flat, start, above_places, above_values, above, colors)
                else:
                    if layer == 0:  # a last row: nothing may be written behind it
                        flat[start : start + width] = colors[0]
                    _paint_over(flat, start, above_places, above_values, above, colors, first_color)
                start += width
            if is_measured:
                _measure_row(
                    row, rows, above_places, above_values, above, first_color, areas, boxes
                )
            row += rows
        if runs != run_counts[layer]:
            return WRONG_RUN_COUNT, layer, row
        for color in range(own_colors + 1):
            if not seen[color]:
                return UNUSED_SEGMENT, layer, row
        first_color += own_colors
    if t != tokens.size or n != numbers.size:
        return LEFT_OVER, run_counts.size, np.int64(0)
    return FINE, run_counts.size, np.int64(0)
