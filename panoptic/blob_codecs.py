"""How content becomes stored bytes. The digest of a blob never depends on its codec."""

import threading
from enum import IntEnum
from typing import Protocol

import zstandard

from panoptic.errors import UnknownCodec

ZSTD_LEVEL = 3  # labels have a codec of their own; this one is for JSON and the like


class CodecNumber(IntEnum):
    """The numbers in the index and in packs. They are never re-used."""

    RAW = 0
    ZSTD = 1
    LABEL = 2


class Codec(Protocol):
    """`decode(encode(content)) == content`; stored bytes of another form are a ValueError."""

    def encode(self, content: bytes) -> bytes: ...

    def decode(self, stored: bytes, size: int) -> bytes:
        """Return the content, which the index says has `size` bytes."""
        ...


class RawCodec:
    def encode(self, content: bytes) -> bytes:
        return content

    def decode(self, stored: bytes, size: int) -> bytes:
        return stored


class ZstdCodec:
    """One zstd frame that says the size of its content."""

    def encode(self, content: bytes) -> bytes:
        return _per_thread.compressor.compress(content)

    def decode(self, stored: bytes, size: int) -> bytes:
        try:
            # Before anything is allocated: a damaged frame may claim any size.
            claimed = zstandard.frame_content_size(stored)
            if claimed != size:
                raise ValueError(f"the frame claims {claimed} bytes, the index {size}")
            return _per_thread.decompressor.decompress(
                stored, max_output_size=size, allow_extra_data=False
            )
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error


class LabelCodec:
    """The stored form of a label revision; its content is the canonical form."""

    # The pixel core is loaded with its kernels, which a store of photographs does not need:
    # hence the imports below.

    def encode(self, content: bytes) -> bytes:
        from panoptic.codec import encode_label
        from panoptic.label_bytes import parse_canonical

        return encode_label(parse_canonical(content))

    def decode(self, stored: bytes, size: int) -> bytes:
        from panoptic.codec import decode_label
        from panoptic.label_bytes import canonical_bytes

        return canonical_bytes(decode_label(stored))


CODECS: dict[CodecNumber, Codec] = {
    CodecNumber.RAW: RawCodec(),
    CodecNumber.ZSTD: ZstdCodec(),
    CodecNumber.LABEL: LabelCodec(),
}


def codec_number(name: str) -> CodecNumber:
    """Return the number of "raw", "zstd" or "label"."""
    try:
        return CodecNumber[name.upper()]
    except KeyError:
        raise UnknownCodec(name) from None


def codec_of(number: int) -> Codec:
    try:
        return CODECS[CodecNumber(number)]
    except ValueError:
        raise UnknownCodec(number) from None


class _PerThread(threading.local):
    """zstd contexts crash when two threads share one."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_per_thread = _PerThread()
