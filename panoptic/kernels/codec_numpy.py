"""The row-predicted codec in plain Python: the reference of `codec_numba`.

Every row of a layer is told against the row above it (above the first one: all void), boundary
by boundary, by the tokens of `codec_tokens`; numbers stand apart as varints (7 bits a byte, low
first). Values are places in the palette of the layer: 0 void, 1 + k its k-th segment by id.
"""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

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

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]

# A row is a list of boundaries (column, value); the first column is 0, values differ.
_Row = list[tuple[int, int]]


def encode_varints(numbers: I64) -> U8:
    """Non-negative numbers below 2^63, 7 bits a byte, low bits first."""
    encoded = bytearray()
    for number in numbers.tolist():
        _put_number(encoded, number)
    return np.frombuffer(encoded, np.uint8)


def decode_columns(
    encoded: U8, count: int, given: int, layer_count: int
) -> tuple[U32, U32, NDArray[np.uint16], NDArray[np.bool_], I64, int, int]:
    """Columns of the segment table: ids, classes, layers, crowds, track ids.

    given : which of the last three are there (bits HAS_…); the others are 0
    Then the place after them and a finding, 0 if every number is in range.
    """
    reader = _Reader(encoded.tobytes())
    columns: list[list[int]] = []
    finding = 0
    for column in range(5):
        if finding or (column > 1 and not given & (1 << (column - 2))):
            columns.append([0] * count)
            continue
        numbers = [reader.get_number() for _ in range(count)]
        if min(numbers) < 0:
            finding = CUT_OFF
        elif column == 0:
            numbers = list(accumulate(numbers))
            steps_up = all(a < b for a, b in pairwise([0, *numbers]))
            finding = 0 if steps_up and numbers[-1] <= MAX_SEGMENT_ID else BAD_ID
        elif column == 1:
            finding = 0 if min(numbers) >= 1 and max(numbers) <= MAX_CLASS_ID else BAD_CLASS
        else:
            limit, code = (
                (layer_count - 1, BAD_LAYER),
                (1, BAD_CROWD),
                (MAX_TRACK_ID, BAD_TRACK),
            )[column - 2]
            finding = code if max(numbers) > limit else 0
        columns.append([0] * count if finding else numbers)
    ids, class_ids, layers, crowds, track_ids = columns
    return (
        np.array(ids, np.uint32),
        np.array(class_ids, np.uint32),
        np.array(layers, np.uint16),
        np.array(crowds, np.bool_),
        np.array(track_ids, np.int64),
        reader.at,
        finding,
    )


def encode_rows(
    indices: U32, lengths: I64, run_counts: I64, height: int, width: int
) -> tuple[U8, U8]:
    """Tokens and numbers of all layers.

    indices, lengths : palette places and lengths of the runs, layer after layer
    run_counts : how many of them belong to each layer
    """
    tokens, numbers = bytearray(), bytearray()
    first = 0
    for count in run_counts.tolist():
        own = slice(first, first + count)
        rows = _Rows(indices[own].tolist(), lengths[own].tolist(), width)
        _encode_layer(rows, height, tokens, numbers)
        first += count
    return np.frombuffer(tokens, np.uint8), np.frombuffer(numbers, np.uint8)


def decode_rows(
    tokens: U8,
    numbers: U8,
    height: int,
    width: int,
    run_counts: I64,
    palette: U32,
    palette_sizes: I64,
) -> tuple[U32, I64, int, int, int]:
    """Values (ids) and lengths of all layers; then a finding, its layer and its row.

    Unless the finding is FINE, values and lengths mean nothing. FINE says: runs are maximal,
    cover the image, are as many as announced, and every id of the palette is used.
    """
    reader = _Reader(numbers.tobytes())
    stream = _Reader(tokens.tobytes())
    values: list[int] = []
    lengths: list[int] = []
    colors = palette.tolist()
    first_color = 0
    layer = 0
    try:
        for layer, count in enumerate(run_counts.tolist()):
            own_colors = [0, *colors[first_color : first_color + int(palette_sizes[layer])]]
            runs = _Runs(count)
            _decode_layer(stream, reader, height, width, len(own_colors), runs)
            if len(set(runs.values) | {0}) != len(own_colors):
                raise _Finding(UNUSED_SEGMENT, height)
            values += [own_colors[value] for value in runs.values]
            lengths += runs.lengths(height * width)
            first_color += len(own_colors) - 1
        layer = int(run_counts.size)
        if not stream.is_at_end or not reader.is_at_end:
            raise _Finding(LEFT_OVER, 0)
    except _Finding as finding:
        return np.zeros(0, np.uint32), np.zeros(0, np.int64), finding.code, layer, finding.row
    return np.array(values, np.uint32), np.array(lengths, np.int64), FINE, layer, 0


class _Finding(Exception):
    def __init__(self, code: int, row: int) -> None:
        super().__init__(code, row)
        self.code, self.row = code, row


class _Reader:
    """Bytes with a place."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def is_at_end(self) -> bool:
        return self.at == len(self.data)

    def get_byte(self) -> int:
        """The next byte, -1 at the end."""
        if self.is_at_end:
            return -1
        self.at += 1
        return self.data[self.at - 1]

    def get_number(self) -> int:
        """The next number, -1 if it is cut off or longer than 9 bytes."""
        number = 0
        for shift in range(0, 63, 7):
            byte = self.get_byte()
            if byte < 0:
                return -1
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        return -1


class _Rows:
    """Runs, read row by row."""

    def __init__(self, values: list[int], lengths: list[int], width: int) -> None:
        self.values, self.lengths, self.width = values, lengths, width
        self.run, self.left = 0, lengths[0]

    def take_rows_of(self, value: int) -> int:
        """Skip the rows that lie wholly in the present run if it has this value: how many."""
        self._advance()
        rows = self.left // self.width if self.values[self.run] == value else 0
        self.left -= rows * self.width
        return rows

    def take_row(self) -> _Row:
        row: _Row = []
        column = 0
        while column < self.width:
            self._advance()
            row.append((column, self.values[self.run]))
            step = min(self.left, self.width - column)
            column += step
            self.left -= step
        return row

    def _advance(self) -> None:
        if self.left == 0:
            self.run += 1
            self.left = self.lengths[self.run]


class _Runs:
    """Maximal runs in the making: values and first pixels."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.values: list[int] = []
        self.starts: list[int] = []

    def add_row(self, row: _Row, row_start: int) -> bool:
        """False when there are more runs than announced."""
        for column, value in row:
            if self.values and self.values[-1] == value:
                continue
            if len(self.values) == self.most:
                return False
            self.values.append(value)
            self.starts.append(row_start + column)
        return True

    def lengths(self, size: int) -> list[int]:
        ends = [*self.starts[1:], size]
        return [end - start for start, end in zip(self.starts, ends, strict=True)]


def _put_number(encoded: bytearray, number: int) -> None:
    while number >= 128:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)


def _encode_layer(rows: _Rows, height: int, tokens: bytearray, numbers: bytearray) -> None:
    above: _Row = [(0, 0)]
    equal_rows = 0
    row = 0

    def tell_equal_rows() -> None:
        if equal_rows:
            tokens.append(REPEAT)
            _put_number(numbers, equal_rows - 1)

    while row < height:
        skipped = rows.take_rows_of(above[0][1]) if len(above) == 1 else 0
        if skipped:
            equal_rows += skipped
            row += skipped
            continue
        present = rows.take_row()
        row += 1
        if present == above:
            equal_rows += 1
            continue
        tell_equal_rows()
        equal_rows = 0
        _encode_row(present, above, tokens, numbers)
        above = present
    tell_equal_rows()


def _encode_row(row: _Row, above: _Row, tokens: bytearray, numbers: bytearray) -> None:
    present = before = last = -1
    i = j = 0
    while i < len(row) or j < len(above):
        is_shift = i < len(row) and j < len(above) and _is_shift(row, i, above, j)
        if not is_shift and j < len(above) and (i == len(row) or above[j][0] < row[i][0]):
            tokens.append(DROP)
            j += 1
            continue
        column, value = row[i]
        if value == above[j if is_shift else j - 1][1]:
            source = AS_ABOVE
        elif value == before:
            source = AS_BEFORE
        else:
            source = LITERAL
        if is_shift:
            shift = column - above[j][0]
            tokens.append(3 * (2 * shift if shift >= 0 else -2 * shift - 1) + source)
            j += 1
        else:
            tokens.append(INSERT + source)
            _put_number(numbers, column - last - 1)
        if source == LITERAL:
            _put_number(numbers, value)
        last = column
        before, present = present, value
        i += 1
    tokens.append(0)


def _is_shift(row: _Row, i: int, above: _Row, j: int) -> bool:
    """Whether to tell boundary i by its shift against boundary j above it."""
    distance = abs(row[i][0] - above[j][0])
    if i == 0 or distance > REACH:
        return i == 0
    if row[i][1] == above[j][1]:
        return True
    # Of other value: the nearer neighbour may fit better.
    next_is_nearer = i + 1 < len(row) and abs(row[i + 1][0] - above[j][0]) <= distance
    later_is_nearer = j + 1 < len(above) and abs(row[i][0] - above[j + 1][0]) <= distance
    return not (next_is_nearer or later_is_nearer)


def _decode_layer(
    stream: _Reader, reader: _Reader, height: int, width: int, colors: int, runs: _Runs
) -> None:
    above: _Row = [(0, 0)]
    row = 0
    while row < height:
        if stream.is_at_end:
            raise _Finding(TRUNCATED, row)
        rows = 1
        if stream.data[stream.at] == REPEAT:
            stream.at += 1
            rows = reader.get_number() + 1
            if rows < 1:
                raise _Finding(TRUNCATED, row)
            if rows > height - row:
                raise _Finding(TOO_MANY_ROWS, row)
        else:
            above = _decode_row(stream, reader, above, width, colors, row, runs.most)
        # Rows of one value add at most one run, however many they are.
        for k in range(rows if len(above) > 1 else 1):
            if not runs.add_row(above, (row + k) * width):
                raise _Finding(WRONG_RUN_COUNT, row)
        row += rows
    if len(runs.values) != runs.most:
        raise _Finding(WRONG_RUN_COUNT, row)


def _decode_row(
    stream: _Reader, reader: _Reader, above: _Row, width: int, colors: int, y: int, most: int
) -> _Row:
    row: _Row = []
    present = before = last = -1
    j = 0
    while True:
        token = stream.get_byte()
        if token < 0:
            raise _Finding(TRUNCATED, y)
        if token == 0 and j == len(above):
            return row
        if token == DROP and 0 < j < len(above):
            j += 1
            continue
        if token < SHIFTS and j < len(above):
            zigzag, source = divmod(token, 3)
            column = above[j][0] + (-((zigzag + 1) >> 1) if zigzag & 1 else zigzag >> 1)
            value = above[j][1]
            j += 1
        elif INSERT <= token <= INSERT + LITERAL and j > 0:
            source = token - INSERT
            gap = reader.get_number()
            if gap < 0:
                raise _Finding(TRUNCATED, y)
            column = last + 1 + gap
            value = above[j - 1][1]
        else:
            raise _Finding(UNKNOWN_TOKEN, y)
        if source == AS_BEFORE:
            value = before
        elif source == LITERAL:
            value = reader.get_number()
        if not last < column < width or (not row and column != 0):
            raise _Finding(OUT_OF_ORDER, y)
        if not 0 <= value < colors or value == present:
            raise _Finding(BAD_VALUE, y)
        if len(row) > most:
            raise _Finding(WRONG_RUN_COUNT, y)
        row.append((column, value))
        last = column
        before, present = present, value
