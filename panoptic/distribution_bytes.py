"""The bytes in which sums are kept: every column as narrow as its largest number, compressed."""

from __future__ import annotations

import struct

import numpy as np
import zstandard
from numpy.typing import NDArray

from panoptic.distributions import COUNT_BINS, FORM, ROW_LENGTH, Distributions
from panoptic.errors import MalformedLabel

_HEADER = struct.Struct("<4sHHBBB")
_MAGIC = b"TDIS"
_WIDTHS = (1, 2, 4, 8)
_LEVEL = 3


def encode_distributions(sums: Distributions) -> bytes:
    """Return the bytes of sums, of which none is below 0."""
    columns = [_narrow(column) for column in (sums.rows, sums.together, sums.segments)]
    header = _HEADER.pack(
        _MAGIC, FORM, sums.class_ids.size, *(column.dtype.itemsize for column in columns)
    )
    # Byte by byte of all numbers: the upper ones are mostly 0.
    planes = [
        column.reshape(-1).view(np.uint8).reshape(column.size, column.dtype.itemsize).T
        for column in columns
    ]
    plain = b"".join(
        (sums.class_ids.astype("<u2").tobytes(), *(plane.tobytes() for plane in planes))
    )
    return header + zstandard.ZstdCompressor(level=_LEVEL).compress(plain)


def decode_distributions(data: bytes) -> Distributions:
    """Return the sums that `encode_distributions` was given.

    Raises
    ------
    MalformedLabel
        The bytes are cut off, of another form, or no sums at all.
    """
    if len(data) < _HEADER.size or data[:4] != _MAGIC:
        raise MalformedLabel("are no distributions", where="distributions")
    _, form, size, *widths = _HEADER.unpack_from(data)
    if form != FORM or any(width not in _WIDTHS for width in widths):
        raise MalformedLabel(f"are of form {form}, not {FORM}", where="distributions")
    numbers = (size * ROW_LENGTH, size * size, COUNT_BINS)
    length = 2 * size + sum(w * n for w, n in zip(widths, numbers, strict=True))
    try:
        plain = zstandard.ZstdDecompressor().decompress(
            data[_HEADER.size :], max_output_size=length
        )
    except zstandard.ZstdError as error:
        raise MalformedLabel(f"not to be decompressed: {error}", where="distributions") from error
    if len(plain) != length:
        raise MalformedLabel(f"{len(plain)} bytes, not {length}", where="distributions")
    columns, offset = [], 2 * size
    for width, number in zip(widths, numbers, strict=True):
        part = np.frombuffer(plain, np.uint8, width * number, offset).reshape(width, number)
        columns.append(np.ascontiguousarray(part.T).view(f"<u{width}").astype(np.int64))
        offset += width * number
    rows, together, segments = columns
    return Distributions(
        np.frombuffer(plain, "<u2", size).astype(np.uint32),
        rows.reshape(size, ROW_LENGTH),
        together.reshape(size, size),
        segments.reshape(-1),
    )


def _narrow(column: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
    most = int(column.max()) if column.size else 0
    if column.size and int(column.min()) < 0:
        raise ValueError("a sum below 0 is no sum over labels")
    width = next(width for width in _WIDTHS if most < 256**width)
    return column.astype(f"<u{width}")
