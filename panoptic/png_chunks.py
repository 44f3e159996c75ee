"""Whether a PNG file is whole: its header, its chunks and their checksums, its rows.

Every fault is a MalformedFile with the file's `name`.
"""

from __future__ import annotations

import struct
import zlib

from panoptic.errors import MalformedFile

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_INFLATED_BYTES = 2**20
_MOST_INFLATED = 1_032  # what deflate makes of a byte at most
# First row and column of every pass of an interlaced PNG, and its steps.
_INTERLACED = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)


def png_size(head: bytes, name: str) -> tuple[int, int]:
    """(height, width) that the first 33 bytes of a PNG tell."""
    if head[:8] != PNG_SIGNATURE:
        raise MalformedFile("the file is not a PNG", file=name)
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise MalformedFile("the file is truncated in its header", file=name)
    width, height = struct.unpack(">II", head[16:24])
    if width == 0 or height == 0:
        raise MalformedFile("the file has no pixel", file=name)
    return height, width


def check_chunks(data: bytes, name: str) -> list[memoryview]:
    """Every chunk whole, its checksum right, the last one IEND; returns the compressed pixels.

    Pillow would decode an image whose last rows or whose end are missing or altered, as long
    as enough pixels come out.
    """
    view, at = memoryview(data), 8
    content: list[memoryview] = []
    while True:
        if at + 12 > len(data):
            raise MalformedFile(f"the file is truncated at byte {len(data)}", file=name)
        length = int.from_bytes(view[at : at + 4], "big")
        kind, end = bytes(view[at + 4 : at + 8]), at + 8 + length
        if end + 4 > len(data):
            raise MalformedFile(
                f"the file is truncated at byte {len(data)}, within {_shown(kind)}", file=name
            )
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(view[end : end + 4], "big"):
            raise MalformedFile(f"the checksum of {_shown(kind)} is wrong", file=name)
        if kind == b"IEND":
            return content
        if kind == b"IDAT":
            content.append(view[at + 8 : end])
        at = end + 4


def find_chunk(data: bytes, kind: bytes) -> memoryview | None:
    """The content of the first chunk of a kind in a file whose chunks were checked."""
    view, at = memoryview(data), 8
    while at < len(data):
        length = int.from_bytes(view[at : at + 4], "big")
        if view[at + 4 : at + 8] == kind:
            return view[at + 8 : at + 8 + length]
        at += length + 12
    return None


def check_plausible(content: list[memoryview], head: bytes, name: str) -> None:
    """As many bytes as all rows need at least: a decoder takes memory for the rows first."""
    expected, found = _rows_bytes(head), sum(map(len, content))
    if expected > found * _MOST_INFLATED:
        raise MalformedFile(
            f"the file holds {found} bytes, too few for {expected} of its pixels", file=name
        )


def check_rows(content: list[memoryview], head: bytes, name: str) -> None:
    """All rows are there: Pillow takes those that are missing for black."""
    expected = _rows_bytes(head)
    inflate, found = zlib.decompressobj(), 0
    for part in content:
        rest: bytes | memoryview = part
        while rest and found <= expected:
            found += len(inflate.decompress(rest, _INFLATED_BYTES))
            rest = inflate.unconsumed_tail
    if found != expected or not inflate.eof:
        raise MalformedFile(f"the file holds {found} bytes of {expected} of its pixels", file=name)


def _rows_bytes(head: bytes) -> int:
    """The bytes of all rows before they are compressed."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[head[25]]
    width, height = struct.unpack(">II", head[16:24])
    passes = _INTERLACED if head[28] else ((0, 0, 1, 1),)
    expected = 0
    for top, left, down, right in passes:
        rows, columns = -(-(height - top) // down), -(-(width - left) // right)
        if rows > 0 and columns > 0:
            expected += rows * (1 + (columns * channels * head[24] + 7) // 8)
    return expected


def _shown(kind: bytes) -> str:
    return f"chunk {kind.decode('ascii', 'replace')} of a PNG"
