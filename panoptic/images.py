"""Reading image files: what a header says, id maps and masks of label PNGs, photographs.

Whatever is wrong with a file is a MalformedFile that names the file and the reason, or
TooLarge where the header promises more pixels than allowed, which is found before anything
is allocated. Label files are read strictly: every chunk must be whole and match its checksum.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from panoptic.errors import MalformedFile, TooLarge
from panoptic.png_chunks import (
    PNG_SIGNATURE,
    check_chunks,
    check_plausible,
    check_rows,
    png_size,
)
from panoptic.webp_header import HEAD_BYTES, webp_size

Source = Path | str | bytes | IO[bytes]
Mode = Literal["rgb", "index", "mask", "color", "word"]

# 134 million pixels: 400 MB as RGB. Callers with larger images say so.
MAX_PIXELS = 2**27

_READ_BYTES = 2**20

_ORIENTATION_TAG = 0x0112
_TIFF_WIDTH_TAG, _TIFF_HEIGHT_TAG = 0x0100, 0x0101
_LOW_24_BITS = np.uint32(0xFFFFFF)

# Opened by class and not by Image.open, which would try other formats, and whose own limit
# on pixels is a warning that depends on how Python was started.
_OPENERS: tuple[tuple[bytes, bytes, type[ImageFile.ImageFile]], ...] = (
    (PNG_SIGNATURE, b"", PngImagePlugin.PngImageFile),
    (b"\xff\xd8\xff", b"", JpegImagePlugin.JpegImageFile),
    (b"RIFF", b"WEBP", WebPImagePlugin.WebPImageFile),
    (b"II*\0", b"", TiffImagePlugin.TiffImageFile),
    (b"MM\0*", b"", TiffImagePlugin.TiffImageFile),
    (b"BM", b"", BmpImagePlugin.BmpImageFile),
)

# How to turn stored pixels so that they stand upright, by EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNS_BACK = {**_TURNS, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


class LabelFile(NamedTuple):
    """A PNG whose chunks are all whole, and which is as large as it should be."""

    name: str
    data: bytes
    height: int
    width: int
    content: list[memoryview]  # of its IDAT chunks: the compressed rows


class ImageHeader(NamedTuple):
    """What an image file says about itself; `height` and `width` are those of its stored pixels."""

    format: str  # PNG, JPEG, WEBP, TIFF or BMP
    mode: str  # as Pillow names it: RGB, L, P, I;16, …
    height: int
    width: int
    orientation: int = 1  # EXIF, 1 to 8; 1 is upright

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the stored pixels."""
        return self.height, self.width

    @property
    def oriented_size(self) -> tuple[int, int]:
        """(height, width) as people see it."""
        return (self.width, self.height) if self.orientation >= 5 else self.size


def read_header(source: Source, *, max_pixels: int = MAX_PIXELS, file: str = "") -> ImageHeader:
    """Read what a photograph's header says, without decoding a pixel.

    source : a path, the bytes of a file, or a file that can seek
    file : the name that errors show; by default the last part of the path
    """
    name = file or _name_of(source)
    with malformed_files(name), _opened(source) as stream:
        return _header_of(_open_image(stream, name, max_pixels), max_pixels)


def read_photo(
    source: Source,
    *,
    size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> NDArray[np.uint8]:
    """Decode a photograph: uint8 (height, width, 3).

    It stands upright, or as it is stored where only that has the (height, width) of `size`.
    Raises MalformedFile if neither has.
    """
    name = file or _name_of(source)
    with malformed_files(name), _opened(source) as stream:
        image = _open_image(stream, name, max_pixels)
        header = _header_of(image, max_pixels)
        if size is not None and size not in (header.oriented_size, header.size):
            raise MalformedFile(_wrong_size(header.size, size), file=name)
        upright = size is None or size == header.oriented_size
        # Pillow itself turns TIFF files when it decodes them, and no others.
        turns = _TURNS if upright else _TURNS_BACK
        turn = turns.get(header.orientation)
        image.load()
        plain = _to_rgb(image)
        if turn is not None and upright == (header.format != "TIFF"):
            plain = plain.transpose(turn)
        return np.asarray(plain)


def read_id_map(
    source: Source,
    mode: Mode = "rgb",
    *,
    expected_size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> NDArray[Any]:
    """Decode a label PNG.

    mode "rgb" : uint32 ids, R + 256 G + 65536 B; RGBA only where alpha is 255 everywhere
    mode "index" : uint32 values of a grey file (up to 16 bits) or indices of one with a palette
    mode "mask" : bool, of any file that shows pure black and white; 16 bits are refused
    mode "color" : uint32, R + 256 G + 65536 B of what any file of 8 bits shows, opaque everywhere
    mode "word" : uint32, R + 256 G + 65536 B + 2^24 A of an RGBA file, whose alpha is data

    expected_size : (height, width) that the file must have
    """
    label = read_label_file(source, expected_size=expected_size, max_pixels=max_pixels, file=file)
    return decode_label_file(label, mode)


def read_mask(
    source: Source,
    *,
    expected_size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> NDArray[np.bool_]:
    """Decode a mask PNG; by content, whatever its mode: white is True, black is False.

    Raises MalformedFile, with a count, if any pixel is neither.
    """
    mask: NDArray[np.bool_] = read_id_map(
        source, "mask", expected_size=expected_size, max_pixels=max_pixels, file=file
    )
    return mask


def read_label_file(
    source: Source,
    *,
    expected_size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> LabelFile:
    """Read a label PNG and check it from its first byte to its last; no pixel is decoded."""
    name = file or _name_of(source)
    with malformed_files(name):
        with _opened(source) as stream:
            head = stream.read(33)
            height, width = png_size(head, name)
            _check_pixels(height, width, max_pixels)
            if expected_size is not None and (height, width) != tuple(expected_size):
                raise MalformedFile(_wrong_size((height, width), expected_size), file=name)
            # Eight bytes a pixel is the most that an uncompressed file takes.
            most = 9 * height * (width + 1) + 2**20
            data = head + _read_up_to(stream, most)
        if len(data) >= most:
            reason = f"the file has more bytes than {height} × {width} pixels"
            raise MalformedFile(reason, file=name)
        content = check_chunks(data, name)
        check_plausible(content, head, name)
        return LabelFile(name, data, height, width, content)


def decode_label_file(label: LabelFile, mode: Mode) -> NDArray[Any]:
    """The pixels of a file that was read: see `read_id_map`."""
    head, name = label.data[:33], label.name
    readers = {
        "rgb": _rgb_ids,
        "index": _indices,
        "mask": _mask,
        "color": _colors,
        "word": _words,
    }
    with malformed_files(name):
        image = PngImagePlugin.PngImageFile(io.BytesIO(label.data))
        image.load()
        if image.mode not in ("RGB", "RGBA"):
            # Those two show by their fourth byte what was never decoded; see `_opaque_words`.
            check_rows(label.content, head, name)
        # Pillow would read RGB of 16 bits as its high bytes, without a word.
        if head[24] == 16 and mode != "index":
            raise MalformedFile(
                "a file of 8 bits per channel is needed, this one has 16", file=name
            )
        ids: NDArray[Any] = readers[mode](image, name)
        return ids


def _rgb_ids(image: ImageFile.ImageFile, name: str) -> NDArray[np.uint32]:
    if image.mode not in ("RGB", "RGBA"):
        raise MalformedFile(f"an RGB file is needed, this one is of mode {image.mode}", file=name)
    return _opaque_words(image, name) & _LOW_24_BITS


def _indices(image: ImageFile.ImageFile, name: str) -> NDArray[np.uint32]:
    if image.mode not in ("1", "L", "P", "I;16", "I;16B", "I"):
        raise MalformedFile(
            f"a file of one channel is needed, this one is of mode {image.mode}", file=name
        )
    # A 1-bit file holds 0 and 1; Pillow would show them as 0 and 255 elsewhere.
    return np.asarray(image).astype(np.uint32)


def _colors(image: ImageFile.ImageFile, name: str) -> NDArray[np.uint32]:
    colors = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA")
    return _opaque_words(colors, name) & _LOW_24_BITS


def _words(image: ImageFile.ImageFile, name: str) -> NDArray[np.uint32]:
    if image.mode != "RGBA":
        raise MalformedFile(f"an RGBA file is needed, this one is of mode {image.mode}", file=name)
    words = np.frombuffer(image.tobytes(), "<u4")
    return words.reshape(image.height, image.width)


def _mask(image: ImageFile.ImageFile, name: str) -> NDArray[np.bool_]:
    if image.mode == "1":
        return np.asarray(image, dtype=bool)
    if image.mode == "L":
        pixels = np.asarray(image)
        wrong = (pixels != 0) & (pixels != 255)
        _refuse_grey(int(np.count_nonzero(wrong)), name)
        white: NDArray[np.bool_] = pixels == 255
        return white
    colors = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA")
    words = _opaque_words(colors, name) & _LOW_24_BITS
    wrong = (words != 0) & (words != _LOW_24_BITS)
    _refuse_grey(int(np.count_nonzero(wrong)), name)
    shown: NDArray[np.bool_] = words != 0
    return shown


def _opaque_words(image: Image.Image, name: str) -> NDArray[np.uint32]:
    """The pixels as little-endian words R, G, B, A; refused unless opaque everywhere."""
    raw = image.tobytes("raw", "RGBX" if image.mode == "RGB" else "RGBA")
    words = np.frombuffer(raw, "<u4").reshape(image.height, image.width)
    if int(words.min()) < 0xFF000000:
        wrong = int(np.count_nonzero(words < 0xFF000000))
        if image.mode == "RGB":
            # Pillow fills the fourth byte of what it decodes.
            raise MalformedFile(f"the file ends {wrong} pixels too early", file=name)
        # Alpha may be data (BDD100K keeps ids there): never drop it unread.
        raise MalformedFile(f"{wrong} pixels are not opaque; alpha cannot be read here", file=name)
    return words


def _refuse_grey(count: int, name: str) -> None:
    if count:
        raise MalformedFile(f"{count} pixels of a mask are neither black nor white", file=name)


def _open_image(stream: IO[bytes], name: str, max_pixels: int) -> ImageFile.ImageFile:
    head = stream.read(HEAD_BYTES)
    stream.seek(-len(head), io.SEEK_CUR)
    for start, later, opener in _OPENERS:
        if head.startswith(start) and head[8:12].startswith(later):
            if opener is WebPImagePlugin.WebPImageFile and (size := webp_size(head)):
                _check_pixels(*size, max_pixels)
            return opener(stream)
    raise MalformedFile("the file is no PNG, JPEG, WebP, TIFF or BMP image", file=name)


def _header_of(image: ImageFile.ImageFile, max_pixels: int) -> ImageHeader:
    height, width = image.height, image.width
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # Pillow tells the size that a TIFF has after turning.
        height, width = int(image.tag_v2[_TIFF_HEIGHT_TAG]), int(image.tag_v2[_TIFF_WIDTH_TAG])
    _check_pixels(height, width, max_pixels)
    return ImageHeader(image.format or "", image.mode, height, width, _orientation_of(image))


def _check_pixels(height: int, width: int, most: int) -> None:
    if height * width > most:
        raise TooLarge("pixels", actual=height * width, limit=most)


def _orientation_of(image: ImageFile.ImageFile) -> int:
    if isinstance(image, PngImagePlugin.PngImageFile) and "exif" not in image.info:
        return 1  # asking on would decode the pixels, to look behind them
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except (OSError, SyntaxError, ValueError, KeyError, UserWarning, struct.error):
        return 1  # a broken EXIF block does not make a photograph unreadable
    return orientation if orientation in _TURNS else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow would clip 16 bits; the high byte is what a screen can show.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def _wrong_size(actual: tuple[int, int], expected: tuple[int, int]) -> str:
    return (
        f"the file has {actual[0]} × {actual[1]} pixels (height × width),"
        f" {expected[0]} × {expected[1]} are expected"
    )


def _name_of(source: Source) -> str:
    if isinstance(source, (str, Path)):
        return Path(source).name
    return "" if isinstance(source, bytes) else Path(str(getattr(source, "name", ""))).name


def _read_up_to(stream: IO[bytes], most: int) -> bytes:
    """Read to the end, at most so many bytes: one read would take memory for all of them."""
    data = bytearray()
    while piece := stream.read(min(most - len(data), _READ_BYTES)):
        data += piece
    return bytes(data)


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    if isinstance(source, (str, Path)):
        with open(source, "rb") as stream:
            yield stream
    elif isinstance(source, bytes):
        yield io.BytesIO(source)
    else:
        yield source


@contextmanager
def malformed_files(name: str) -> Iterator[None]:
    """Turn whatever Pillow raises on bad bytes into MalformedFile; our own errors pass."""
    try:
        yield
    except (MalformedFile, TooLarge):
        raise
    except FileNotFoundError:
        raise MalformedFile("there is no such file", file=name) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MalformedFile(f"the image is too large: {error}", file=name) from error
    except (
        OSError,
        SyntaxError,  # what Pillow raises on a broken header
        ValueError,
        UserWarning,  # the same, where Python makes errors of warnings
        ArithmeticError,
        LookupError,
        TypeError,
        EOFError,
        struct.error,
        zlib.error,
    ) as error:
        reason = str(error) or type(error).__name__
        raise MalformedFile(f"the image cannot be decoded: {reason}", file=name) from error
