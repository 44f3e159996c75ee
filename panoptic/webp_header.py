"""The size that the first bytes of a WebP file tell.

Pillow's decoder takes memory for all pixels when it opens a file, so they are counted before.
"""

from __future__ import annotations

HEAD_BYTES = 30

_LOW_14_BITS = 0x3FFF


def webp_size(head: bytes) -> tuple[int, int] | None:
    """(height, width) by the first 30 bytes of a WebP; None for a form that nobody decodes."""
    kind, body = head[12:16], head[20:HEAD_BYTES]
    if kind == b"VP8X" and len(body) == 10:
        return _number(body[7:10]) + 1, _number(body[4:7]) + 1
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = _number(body[1:5])
        return (bits >> 14 & _LOW_14_BITS) + 1, (bits & _LOW_14_BITS) + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) == 10:
        return _number(body[8:10]) & _LOW_14_BITS, _number(body[6:8]) & _LOW_14_BITS
    return None


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
