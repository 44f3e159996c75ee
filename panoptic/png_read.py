"""Label PNGs read as runs, without a pixel in between.

The files that label tools write (8 bits per channel, not interlaced, nothing but header, pixels
and end) go from their filtered rows to runs; that costs a third of decoding them. Every other
file, and every file with a fault, is left to `panoptic.images`, so both read the same files the
same way and say the same of a bad one.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from typing import Any, Literal

import numpy as np

from panoptic.errors import MalformedFile
from panoptic.images import (
    MAX_PIXELS,
    LabelFile,
    Source,
    decode_label_file,
    read_label_file,
)
from panoptic.kernels import load_kernels, numba_is_used
from panoptic.png_chunks import find_chunk
from panoptic.runs import Runs, check_size, encode_runs, make_runs

# Five to ten times faster than zlib on label maps, which are long repetitions.
_inflater: Any
try:
    from zlib_ng import zlib_ng as _inflater
except ImportError:
    _inflater = zlib

kernels = load_kernels("png_rows")

# The kernel holds 50 bytes per column, mostly untouched; wider images would cost more than decoded.
_WIDEST = 2**20
# What every PNG has besides the content of its IDAT chunks: signature, IHDR and IEND.
_FRAME_BYTES = 8 + 25 + 12
_CHUNK_BYTES = 12
_HEADER_BYTES = 13
_GREY, _INDEXED = 0, 3
# By colour type: grey, RGB, RGBA.
_CHANNELS = {0: 1, 2: 3, 6: 4}
_WHITE = {1: 0xFF, 3: 0xFFFFFF, 4: 0xFFFFFF}


def read_id_runs(
    source: Source,
    *,
    expected_size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> Runs:
    """The ids R + 256 G + 65536 B of an RGB file, or of an RGBA file that is opaque everywhere.

    As `encode_runs(read_id_map(source, "rgb", …))`, with the same errors.
    """
    label = read_label_file(source, expected_size=expected_size, max_pixels=max_pixels, file=file)
    channels = _channels_of(label)
    runs = _find_runs(label, channels) if channels >= 3 else None
    return encode_runs(decode_label_file(label, "rgb")) if runs is None else runs


def read_mask_runs(
    source: Source,
    *,
    expected_size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> Runs:
    """1 where a mask is white, 0 where it is black.

    As `encode_runs(read_mask(source, …))`, with the same errors.
    """
    label = read_label_file(source, expected_size=expected_size, max_pixels=max_pixels, file=file)
    channels = _channels_of(label)
    runs = _find_runs(label, channels)
    if runs is not None:
        is_white = runs.values != 0
        if (runs.values[is_white] == _WHITE[channels]).all():
            return Runs(runs.height, runs.width, is_white.astype(np.uint32), runs.lengths)
    return encode_runs(decode_label_file(label, "mask"))


def read_index_runs(
    source: Source,
    *,
    bits: Collection[int] = (8,),
    expected_size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> Runs:
    """The numbers of a grey file, or the indices of one with a palette.

    bits : how deep the file may be, 8 or 16; fewer than 8 count as 8. MalformedFile for another
        depth: numbers of 16 bits are never cut to 8, and 8 are too few where 16 are expected

    As `encode_runs(read_id_map(source, "index", …))`, with the same errors.
    """
    label = read_label_file(source, expected_size=expected_size, max_pixels=max_pixels, file=file)
    depth, color_type, interlaced = label.data[24], label.data[25], label.data[28]
    check_depth(max(depth, 8), bits, label.name)
    is_plain = color_type in (_GREY, _INDEXED) and depth in (8, 16) and not interlaced
    runs = _find_runs(label, depth // 8) if is_plain else None
    if runs is None:
        return encode_runs(decode_label_file(label, "index"))
    if depth == 16:
        # The high byte comes first in the file, and the kernel reads it as the low one.
        swapped = (runs.values >> 8 | (runs.values & 255) << 8).astype(np.uint32)
        return Runs(runs.height, runs.width, swapped, runs.lengths)
    return runs


def read_value_runs(
    source: Source,
    mode: Literal["color", "word"],
    *,
    expected_size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> Runs:
    """As `encode_runs(read_id_map(source, mode, …))`: shown colours, or words of RGBA."""
    label = read_label_file(source, expected_size=expected_size, max_pixels=max_pixels, file=file)
    channels = _channels_of(label)
    runs = None
    if mode == "word" and channels == 4:
        runs = _find_runs(label, channels, keeps_alpha=True)
    elif mode == "color" and channels >= 3:
        runs = _find_runs(label, channels)
    elif mode == "color" and label.data[24:26] == bytes([8, _INDEXED]) and not label.data[28]:
        runs = _show_colors(_find_runs(label, 1), label)
    return encode_runs(decode_label_file(label, mode)) if runs is None else runs


def check_depth(depth: int, allowed: Collection[int], file: str) -> None:
    """MalformedFile unless a file has one of these numbers of bits per pixel."""
    if depth not in allowed:
        wanted = " or ".join(map(str, sorted(allowed)))
        raise MalformedFile(f"a file of {wanted} bits is needed, this one has {depth}", file=file)


def _show_colors(indices: Runs | None, label: LabelFile) -> Runs | None:
    """The colours that indices stand for; None where not all have one that hides what is below."""
    palette = find_chunk(label.data, b"PLTE")
    if indices is None or palette is None or find_chunk(label.data, b"tRNS") is not None:
        return None
    colors = np.zeros((len(palette) // 3, 4), np.uint8)
    colors[:, :3] = np.frombuffer(palette, np.uint8, 3 * len(colors)).reshape(-1, 3)
    if int(indices.values.max()) >= len(colors):
        return None
    shown = colors.view("<u4").reshape(-1)[indices.values]
    return make_runs(indices.height, indices.width, shown, indices.lengths)


def _find_runs(label: LabelFile, channels: int, *, keeps_alpha: bool = False) -> Runs | None:
    """The runs of a file of the usual kind; None for any other and for one with a fault.

    channels : bytes of a pixel; 0: the file is of no usual kind
    keeps_alpha : alpha is the highest byte of a value, and not to be 255
    """
    if not channels or label.width > _WIDEST or not numba_is_used():
        return None
    check_size(label.height, label.width)
    raw = _find_rows(label, label.height * (1 + label.width * channels))
    if raw is None:
        return None
    values, lengths = kernels.collect_runs(
        np.frombuffer(raw, np.uint8), label.height, label.width, channels, keeps_alpha
    )
    return Runs(label.height, label.width, values, lengths) if values.size else None


def _channels_of(label: LabelFile) -> int:
    """How many channels of 8 bits the pixels have; 0 unless the file is of the usual kind."""
    header = label.data[8:33]
    content_bytes = sum(len(part) + _CHUNK_BYTES for part in label.content)
    is_plain = len(label.data) == _FRAME_BYTES + content_bytes
    if not is_plain or int.from_bytes(header[:4], "big") != _HEADER_BYTES or header[16] != 8:
        return 0
    # Compression, filter method and interlacing: 0 is what every file has, or not interlaced.
    return _CHANNELS.get(header[17], 0) if header[18:21] == bytes(3) else 0


def _find_rows(label: LabelFile, size: int) -> bytes | None:
    """The inflated rows if they are `size` bytes and the stream ends well; never inflates more."""
    inflate = _inflater.decompressobj()
    content = label.content[0] if len(label.content) == 1 else b"".join(label.content)
    try:
        raw: bytes = inflate.decompress(content, size + 1)
    except (zlib.error, _inflater.error):
        return None
    return raw if len(raw) == size and inflate.eof and not inflate.unused_data else None
