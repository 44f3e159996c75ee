"""Maps of 32-bit numbers as TIFF files: one strip, uncompressed, the same on every machine."""

from __future__ import annotations

import struct

from panoptic.errors import TooLarge
from panoptic.runs import Runs, decode_runs

_SHORT, _LONG = 3, 4
_HEADER_BYTES = 8
_MOST_BYTES = 2**32 - 1


def encode_tiff(runs: Runs) -> bytes:
    """A grey TIFF of 32 bits without a sign; raises TooLarge where a file would pass 4 GB."""
    size = 4 * runs.size
    entries = (
        (256, _LONG, runs.width),
        (257, _LONG, runs.height),
        (258, _SHORT, 32),  # bits per sample
        (259, _SHORT, 1),  # no compression
        (262, _SHORT, 1),  # black is 0
        (273, _LONG, _HEADER_BYTES),  # where the strip begins
        (277, _SHORT, 1),  # samples per pixel
        (278, _LONG, runs.height),  # rows of the strip
        (279, _LONG, size),
        (339, _SHORT, 1),  # numbers without a sign
    )
    total = _HEADER_BYTES + size + 2 + 12 * len(entries) + 4
    if total > _MOST_BYTES:
        raise TooLarge("bytes of a TIFF", actual=total, limit=_MOST_BYTES)
    directory = struct.pack("<H", len(entries))
    for tag, kind, value in entries:
        # A short stands in the lower half of its four bytes.
        directory += struct.pack("<HHII", tag, kind, 1, value)
    header = b"II*\0" + struct.pack("<I", _HEADER_BYTES + size)
    pixels: bytes = decode_runs(runs).astype("<u4", copy=False).tobytes()
    return header + pixels + directory + bytes(4)
