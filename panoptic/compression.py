"""zstd for small buffers, where it helps; both sizes are known to the caller."""

from __future__ import annotations

import threading

import zstandard

from panoptic.errors import MalformedLabel

_MAX_WINDOW_BYTES = 2**22
# Bits of a frame's first byte after its magic number that announce a content size.
_CONTENT_SIZE_BITS = 0b1110_0000

# A compressor that two threads share corrupts its output.
_own = threading.local()


def compress(data: bytes) -> bytes:
    """zstd level 1 if that is shorter, else the bytes themselves.

    Short matches cost more than the Huffman code of the bytes they replace: at least 7 bytes
    make tokens of labels 3 to 4 % smaller than zstd's own choice.
    """
    if len(data) < 32:
        return data
    compressed = _compressor(max(len(data).bit_length(), 12)).compress(data)
    return compressed if len(compressed) < len(data) else data


def decompress(stored: bytes, size: int, where: str) -> bytes:
    """The `size` bytes that `compress` was given; MalformedLabel, naming `where`, if not."""
    if len(stored) == size:
        return stored
    # A frame that announces its size would be allocated by its own word.
    if len(stored) < 5 or stored[4] & _CONTENT_SIZE_BITS:
        raise MalformedLabel("not a frame of ours", where=where)
    try:
        data = _decompressor().decompress(stored, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise MalformedLabel(f"not to be decompressed: {error}", where=where) from error
    if len(data) != size:
        raise MalformedLabel(f"{len(data)} bytes, its header says {size}", where=where)
    return data


def _compressor(bits: int) -> zstandard.ZstdCompressor:
    by_bits: dict[int, zstandard.ZstdCompressor] | None = getattr(_own, "compressors", None)
    if by_bits is None:
        by_bits = _own.compressors = {}
    if bits not in by_bits:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            1, source_size=2**bits, min_match=7, write_content_size=False
        )
        by_bits[bits] = zstandard.ZstdCompressor(compression_params=parameters)
    return by_bits[bits]


def _decompressor() -> zstandard.ZstdDecompressor:
    found: zstandard.ZstdDecompressor | None = getattr(_own, "decompressor", None)
    if found is None:
        found = _own.decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    return found
