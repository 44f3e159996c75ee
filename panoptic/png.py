"""PNG files straight from runs: class maps, id maps and RGBA words, without a pixel in between.

Every file is the same on every machine, with numba or without: the deflate stream is our own
(docs/formats/png.md), so no release of zlib and no processor can change it, and a view's
digest can be promised. Reading is the work of `panoptic.png_read` and `panoptic.images`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import TooLarge
from panoptic.kernels import load_kernels, numba_is_used
from panoptic.runs import Runs

# Part of every cache key of a view: another number says that the same runs give other bytes.
WRITER_VERSION = 1

MAX_PANOPTIC_ID = 2**24 - 1

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _INDEXED, _RGBA = 0, 2, 3, 6
# A chunk may hold 2^31 - 1 bytes.
_CHUNK_BYTES = 1 << 30

kernels = load_kernels("png")

Palette = Sequence[tuple[int, int, int]]


def encode_panoptic_png(runs: Runs) -> bytes:
    """An 8-bit RGB file with id = R + 256 G + 65536 B, as COCO panoptic has it.

    Raises TooLarge if an id needs more than 24 bits.
    """
    _check_values(runs, MAX_PANOPTIC_ID)
    return _encode_file(runs, runs.values.astype(np.int64), 3, _RGB, 8, b"")


def encode_rgba_png(runs: Runs) -> bytes:
    """An 8-bit RGBA file with value = R + 256 G + 65536 B + 2^24 A; alpha is data like the rest."""
    return _encode_file(runs, runs.values.astype(np.int64), 4, _RGBA, 8, b"")


def encode_class_png(runs: Runs, bit_depth: int = 8, palette: Palette | None = None) -> bytes:
    """A grey file of 8 or 16 bits per pixel whose value is the class, or one of 8 bits with a
    palette: entry k is the colour of class k.

    Raises TooLarge if a class does not fit the depth or the palette: values are never wrapped.
    """
    if bit_depth not in (8, 16) or (palette is not None and bit_depth != 8):
        raise ValueError("a class map has 8 or 16 bits, with a palette 8")
    values = runs.values.astype(np.int64)
    if palette is not None:
        _check_values(runs, min(len(palette), 256) - 1)
        colors = np.asarray(palette[:256], np.uint8).tobytes()
        return _encode_file(runs, values, 1, _INDEXED, 8, colors)
    _check_values(runs, 2**bit_depth - 1)
    if bit_depth == 8:
        return _encode_file(runs, values, 1, _GREY, 8, b"")
    # The high byte comes first in the file.
    return _encode_file(runs, values >> 8 | (values & 255) << 8, 2, _GREY, 16, b"")


def _encode_file(
    runs: Runs,
    samples: NDArray[np.int64],
    bytes_per_pixel: int,
    color_type: int,
    bit_depth: int,
    palette: bytes,
) -> bytes:
    header = struct.pack(">IIBBBBB", runs.width, runs.height, bit_depth, color_type, 0, 0, 0)
    content = _deflate(runs, samples, bytes_per_pixel)
    chunks = [_SIGNATURE, *_chunk(b"IHDR", header)]
    if palette:
        chunks += _chunk(b"PLTE", palette)
    for start in range(0, len(content), _CHUNK_BYTES):
        chunks += _chunk(b"IDAT", content[start : start + _CHUNK_BYTES])
    chunks += _chunk(b"IEND", b"")
    return b"".join(chunks)


def _deflate(runs: Runs, samples: NDArray[np.int64], bytes_per_pixel: int) -> memoryview:
    # The plain bodies walk lists three times faster than arrays.
    columns: tuple[Any, Any] = (samples, runs.ends)
    if not numba_is_used():
        columns = samples.tolist(), runs.ends.tolist()
    deltas, offsets, pieces, adler = kernels.collect_pieces(
        *columns, runs.height, runs.width, bytes_per_pixel
    )
    tokens, count = kernels.collect_tokens(deltas, offsets, pieces, runs.width, bytes_per_pixel)
    words, size = kernels.write_block(tokens, count, adler)
    return memoryview(words.astype("<u4", copy=False)).cast("B")[:size]


def _chunk(kind: bytes, content: bytes | memoryview) -> list[bytes | memoryview]:
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return [struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)]


def _check_values(runs: Runs, limit: int) -> None:
    highest = int(runs.values.max())
    if highest > limit:
        raise TooLarge("values in a PNG of this kind", actual=highest, limit=limit)
