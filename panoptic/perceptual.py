"""Perceptual hashes: photographs that look alike have hashes that differ in few bits.

A hash has two parts, both made of a grey picture of 32 × 32 cells, and both untouched by
brightness and contrast:

* 64 bits of waves: the signs of the lowest frequencies of a cosine transform. They are nearly
  independent of each other, so that they can be searched by parts.
* 128 bits of slopes: whether it gets brighter from one cell of a 9 × 8 grid to the next, to the
  right and (of 8 × 9) downwards. They confirm what the waves found.

The mirror image needs no second look at the picture: mirroring a wave turns the sign of those
that are odd across, and mirroring a slope turns it round. So the hash of the mirror image is
`mirrored(hash)`, and searching for mirrored pairs is searching with some bits flipped.

The discrete cosine transform as a hash of pictures: C. Zauner, "Implementation and benchmarking
of perceptual image hash functions", 2010.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, JpegImagePlugin

from panoptic.errors import MalformedFile
from panoptic.images import MAX_PIXELS, read_header, read_photo

# Raise it when the same photograph gets other bits: hashes of two kinds must not be compared.
ALGORITHM: Final = 1
WAVE_BITS: Final = 64
SLOPE_BITS: Final = 128
HASH_BITS: Final = WAVE_BITS + SLOPE_BITS
HASH_BYTES: Final = HASH_BITS // 8

_CELLS = 32
# JPEGs are decoded at an eighth, quarter or half of their size where that leaves so much.
_DRAFT_SIDE = 4 * _CELLS
# Below this spread of grey (0-255) a picture shows nothing: its bits would be those of noise.
_FLAT = 2.0


class PictureHash(NamedTuple):
    """The hash of one picture.

    waves : 64 bits, as a number; bit n is the n-th frequency
    slopes : 128 bits, as two numbers: to the right, and downwards
    """

    waves: int
    slopes: tuple[int, int]

    def to_bytes(self) -> bytes:
        """Return 24 bytes: waves, slopes to the right, slopes downwards, little-endian."""
        return struct.pack("<3Q", self.waves, *self.slopes)

    @classmethod
    def from_bytes(cls, data: bytes) -> PictureHash:
        """Return the hash of these bytes; `struct.error` unless they are 24."""
        waves, right, down = struct.unpack("<3Q", data)
        return cls(waves, (right, down))


def hash_photo(data: bytes, *, max_pixels: int = MAX_PIXELS, file: str = "") -> PictureHash | None:
    """Return the hash of a photograph as people see it, upright; None if it is of one colour.

    A JPEG is decoded no larger than needed: at an eighth of its size, most often.

    Raises
    ------
    MalformedFile, TooLarge
        As `panoptic.images.read_photo` says.
    """
    header = read_header(data, max_pixels=max_pixels, file=file)
    if header.format == "JPEG":
        return hash_grey(_draft(data, file))
    rgb = read_photo(data, max_pixels=max_pixels, file=file)
    return hash_grey(Image.fromarray(rgb).convert("L"))


def hash_grey(picture: Image.Image) -> PictureHash | None:
    """Return the hash of a grey picture (mode L) of any size; None if it is of one grey."""
    size = (_CELLS, _CELLS)
    small = picture.resize(size, Image.Resampling.BILINEAR)
    cells = np.asarray(small, dtype=np.float64)
    if float(cells.std()) < _FLAT:
        return None
    waves = (_COSINES @ cells @ _COSINES.T)[_WAVE_ROWS, _WAVE_COLUMNS] > 0
    right = np.diff(_RIGHT_ROWS @ cells @ _RIGHT_COLUMNS.T, axis=1) > 0
    down = np.diff(_RIGHT_COLUMNS @ cells @ _RIGHT_ROWS.T, axis=0) > 0
    return PictureHash(_number_of(waves), (_number_of(right), _number_of(down)))


def mirrored(hash_: PictureHash) -> PictureHash:
    """Return the hash of the picture with left and right exchanged; its own inverse."""
    right, down = hash_.slopes
    return PictureHash(
        hash_.waves ^ MIRROR_WAVES,
        (_number_of(~_bits_of(right)[:, ::-1]), _number_of(_bits_of(down)[:, ::-1])),
    )


def distance(a: PictureHash, b: PictureHash) -> int:
    """Return how many of the 192 bits differ."""
    pairs = ((a.waves, b.waves), *zip(a.slopes, b.slopes, strict=True))
    return sum((left ^ right).bit_count() for left, right in pairs)


def mirrored_slopes(slopes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the slopes of the mirror images: uint64 (n, 2) as in `PictureHash.slopes`."""
    bits = np.unpackbits(
        np.ascontiguousarray(slopes, "<u8").view(np.uint8).reshape(-1, 2, 8, 1),
        axis=3,
        bitorder="little",
    )
    bits = bits[..., ::-1]
    bits[:, 0] ^= 1
    packed = np.packbits(np.ascontiguousarray(bits), axis=3, bitorder="little")
    return packed.reshape(-1, 2, 8).view("<u8").reshape(-1, 2).astype(np.uint64)


def _draft(data: bytes, file: str) -> Image.Image:
    """Decode a JPEG, grey and small."""
    try:
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        image.draft("L", (_DRAFT_SIDE, _DRAFT_SIDE))
        return ImageOps.exif_transpose(image).convert("L")
    except (OSError, SyntaxError, ValueError, UserWarning, LookupError, TypeError) as error:
        reason = str(error) or type(error).__name__
        raise MalformedFile(f"the image cannot be decoded: {reason}", file=file) from error
    except (ArithmeticError, struct.error, zlib.error) as error:  # of a broken EXIF block
        raise MalformedFile(f"the image cannot be decoded: {error}", file=file) from error


def _number_of(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits.reshape(-1), bitorder="little").tobytes(), "little")


def _bits_of(number: int) -> NDArray[np.bool_]:
    data = np.frombuffer(number.to_bytes(8, "little"), np.uint8)
    return np.unpackbits(data, bitorder="little").reshape(8, 8).astype(bool)


def _cosine_rows(count: int) -> NDArray[np.float64]:
    """The first waves over the cells, one per row: the DCT-II without its scale."""
    middles = np.arange(_CELLS) + 0.5
    waves: NDArray[np.float64] = np.cos(np.pi / _CELLS * np.outer(np.arange(count), middles))
    return waves


def _mean_rows(count: int) -> NDArray[np.float64]:
    """A matrix that averages the cells into `count` cells; they may share one by parts."""
    edges = np.linspace(0, _CELLS, count + 1)
    starts, ends = edges[:-1, None], edges[1:, None]
    left = np.arange(_CELLS)[None, :]
    shares = np.clip(np.minimum(ends, left + 1) - np.maximum(starts, left), 0, None)
    means: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return means


def _lowest_waves() -> list[tuple[int, int]]:
    """The 64 lowest frequencies (down, across) but for the mean, the lowest sum first."""
    waves = [(down, across) for down in range(12) for across in range(12) if down or across]
    return sorted(waves, key=lambda wave: (sum(wave), max(wave), wave))[:WAVE_BITS]


_WAVES = _lowest_waves()
_WAVE_ROWS = np.array([down for down, _ in _WAVES])
_WAVE_COLUMNS = np.array([across for _, across in _WAVES])
_COSINES = _cosine_rows(12)
_RIGHT_ROWS, _RIGHT_COLUMNS = _mean_rows(8), _mean_rows(9)

# The waves whose sign turns in a mirror: those that are odd across.
MIRROR_WAVES: Final = sum(1 << place for place, (_, across) in enumerate(_WAVES) if across % 2)
