"""Reading image files: headers, id maps and masks by content, and every kind of bad file."""

import contextlib
import io
import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from panoptic.errors import MalformedFile, PanopticError, TooLarge
from panoptic.images import read_header, read_id_map, read_mask, read_photo
from panoptic.png import encode_class_png, encode_panoptic_png
from panoptic.runs import encode_runs
from tests.builders import id_map
from tests.real_data import real_data

MOSAIC = id_map("1122 1132 ..32")


def saved(array, mode=None, format="PNG", **options):
    image = Image.fromarray(np.asarray(array))
    if mode:
        image = image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(width, height, bit_depth, color_type, rows):
    """A PNG by hand, with any content between its header and its end."""
    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def checkers(height=6, width=8):
    return (np.indices((height, width)).sum(0) % 2).astype(bool)


def bytes_of(mask):
    return mask.astype(np.uint8) * 255


# Headers


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_a_header_tells_format_and_size(format):
    header = read_header(saved(np.zeros((5, 9, 3), np.uint8), format=format))
    assert (header.format, header.height, header.width, header.mode) == (format, 5, 9, "RGB")
    assert header.size == header.oriented_size == (5, 9)


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF", "PNG"])
@pytest.mark.parametrize(("orientation", "oriented"), [(1, (5, 9)), (3, (5, 9)), (6, (9, 5))])
def test_a_header_tells_the_stored_and_the_oriented_size(format, orientation, oriented):
    exif = Image.Exif()
    exif[0x0112] = orientation
    header = read_header(saved(np.zeros((5, 9, 3), np.uint8), format=format, exif=exif))
    assert (header.size, header.oriented_size) == ((5, 9), oriented)


def test_a_real_photograph_on_its_side():
    header = read_header(real_data("exif") / "left.jpg")
    assert header.orientation != 1


def test_a_header_is_read_without_decoding():
    data = saved(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    assert read_header(data[:200]).size == (64, 64)


def test_too_many_pixels_are_refused_from_the_header():
    data = saved(np.zeros((50, 60), np.uint8))
    with pytest.raises(TooLarge, match="3000"):
        read_header(data, max_pixels=2999)


@pytest.mark.parametrize("mode", ["rgb", "index", "mask"])
def test_a_decompression_bomb_is_refused_before_it_is_opened(mode):
    with pytest.raises(TooLarge, match="pixels"):
        read_id_map(png(100_000, 100_000, 8, 2, b""), mode)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"BM",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(40),
        b"\xff\xd8\xff" + bytes(9),
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"II*\0\xff\xff\xff\xff",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
    ],
)
def test_what_is_no_photograph_is_malformed(data):
    with pytest.raises(MalformedFile) as caught:
        read_header(data, file="x.jpg")
    assert caught.value.file == "x.jpg"


def test_a_missing_file_is_malformed_and_named(tmp_path):
    with pytest.raises(MalformedFile, match=r"^a\.png: there is no such file$"):
        read_id_map(tmp_path / "a.png")


# Photographs


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_shown_upright_or_as_stored_by_the_size_asked_for(format, orientation):
    stored = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(stored, format=format, exif=exif)
    turns = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.swapaxes(0, 1),
        6: stored.swapaxes(0, 1)[:, ::-1],
        7: stored.swapaxes(0, 1)[::-1, ::-1],
        8: stored.swapaxes(0, 1)[::-1],
    }
    assert (read_photo(data) == turns[orientation]).all()
    if orientation >= 5:
        assert (read_photo(data, size=(4, 6)) == stored).all()
        assert (read_photo(data, size=(6, 4)) == turns[orientation]).all()


def test_a_photograph_of_another_size_is_refused():
    with pytest.raises(MalformedFile, match=r"4 × 6 pixels .* 4 × 7 are expected"):
        read_photo(saved(np.zeros((4, 6, 3), np.uint8)), size=(4, 7))


def test_a_photograph_of_16_bits_is_shown_by_its_high_byte():
    deep = np.array([[0, 0x1234, 0xFFFF]], np.uint16)
    assert read_photo(saved(deep))[..., 0].tolist() == [[0, 0x12, 0xFF]]


# Id maps


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_ids_are_read_from_rgb_and_from_opaque_rgba(mode):
    data = encode_panoptic_png(encode_runs(MOSAIC * 70_000))
    again = saved(np.asarray(Image.open(io.BytesIO(data))), mode)
    ids = read_id_map(again)
    assert ids.dtype == np.uint32
    assert (ids == MOSAIC * 70_000).all()


def test_alpha_that_says_something_is_never_dropped():
    pixels = np.full((4, 5, 4), 255, np.uint8)
    pixels[0, :3, 3] = 7
    with pytest.raises(MalformedFile, match="3 pixels are not opaque"):
        read_id_map(saved(pixels))


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA"])
def test_ids_are_not_read_from_grey_or_palettes(mode):
    with pytest.raises(MalformedFile, match=f"this one is of mode {mode}"):
        read_id_map(saved(bytes_of(checkers()), mode))


def test_rgb_of_16_bits_is_refused_not_cut():
    rows = (b"\0" + bytes(range(12))) * 2
    with pytest.raises(MalformedFile, match="8 bits per channel"):
        read_id_map(png(2, 2, 16, 2, rows))


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_indices_are_read_from_grey(bit_depth):
    classes = MOSAIC * (60 if bit_depth == 8 else 20_000)
    data = encode_class_png(encode_runs(classes), bit_depth)
    assert (read_id_map(data, "index") == classes).all()


def test_indices_are_read_from_a_palette_as_they_stand():
    data = encode_class_png(
        encode_runs(MOSAIC), palette=[(0, 0, 0), (9, 9, 9), (9, 9, 9), (1, 2, 3)]
    )
    assert (read_id_map(data, "index") == MOSAIC).all()


def test_indices_are_not_read_from_rgb():
    with pytest.raises(MalformedFile, match="one channel"):
        read_id_map(encode_panoptic_png(encode_runs(MOSAIC)), "index")


def test_a_file_of_another_size_is_refused():
    with pytest.raises(MalformedFile, match=r"3 × 4 pixels \(height × width\), 4 × 3 are expected"):
        read_id_map(encode_panoptic_png(encode_runs(MOSAIC)), expected_size=(4, 3))


# Masks


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_mask_is_read_by_content_whatever_its_mode(mode):
    assert (read_mask(saved(bytes_of(checkers()), mode)) == checkers()).all()


def test_a_mask_with_a_palette_is_read_by_its_colours():
    data = encode_class_png(encode_runs(checkers()), palette=[(255, 255, 255), (0, 0, 0)])
    assert (read_mask(data) == ~checkers()).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_grey_pixels_of_a_mask_are_counted_and_refused(mode):
    grey = bytes_of(checkers())
    grey[2, :3] = 128
    with pytest.raises(MalformedFile, match="3 pixels of a mask are neither black nor white"):
        read_mask(saved(grey, mode))


def test_a_mask_of_16_bits_is_refused():
    with pytest.raises(MalformedFile, match="this one has 16"):
        read_mask(saved(checkers().astype(np.uint16) * 65535))


def test_a_transparent_mask_is_refused():
    pixels = np.full((2, 2, 4), 255, np.uint8)
    pixels[0, 0, 3] = 0
    with pytest.raises(MalformedFile, match="1 pixels are not opaque"):
        read_mask(saved(pixels))


# Broken files


def test_a_label_file_cut_anywhere_is_malformed():
    data = encode_panoptic_png(encode_runs(MOSAIC))
    for length in range(len(data)):
        with pytest.raises(MalformedFile):
            read_id_map(data[:length], file="cut.png")


def test_a_label_file_with_any_byte_altered_is_malformed():
    data = encode_panoptic_png(encode_runs(MOSAIC))
    for at in range(8, len(data)):
        altered = bytearray(data)
        altered[at] ^= 0x10
        with pytest.raises((MalformedFile, TooLarge)):
            read_id_map(bytes(altered), file="altered.png")


@pytest.mark.parametrize(
    ("mode", "color_type", "bit_depth", "row_bytes"),
    [
        ("rgb", 2, 8, 25),
        ("rgb", 6, 8, 33),
        ("index", 0, 8, 9),
        ("index", 0, 16, 17),
        ("mask", 0, 1, 2),
    ],
)
def test_rows_that_are_missing_are_noticed_though_every_checksum_is_right(
    mode, color_type, bit_depth, row_bytes
):
    with pytest.raises(MalformedFile):
        read_id_map(png(8, 8, bit_depth, color_type, bytes(7 * row_bytes)), mode)


def test_an_interlaced_mask_is_read():
    rows = bytes(
        sum(n * (1 + w) for n, w in [(1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8)])
    )
    data = png(8, 8, 8, 0, rows)
    header = bytearray(data[12:29])
    header[-1] = 1
    interlaced = data[:8] + chunk(b"IHDR", bytes(header[4:])) + data[33:]
    assert not read_mask(interlaced).any()


def test_rubbish_behind_a_header_of_right_size_is_malformed():
    data = bytearray(png(2, 2, 8, 2, bytes(14)))
    start = data.index(b"IDAT")
    broken = bytes(data[: start - 4]) + chunk(b"IDAT", b"rubbish") + chunk(b"IEND", b"")
    with pytest.raises(MalformedFile):
        read_id_map(broken)


def test_a_file_that_hides_bytes_behind_its_pixels_is_refused():
    data = png(1, 1, 8, 2, bytes(4))[:-12]
    with pytest.raises(MalformedFile, match="more bytes"):
        read_id_map(data + chunk(b"teXt", bytes(2**20)) + chunk(b"IEND", b""))


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["rgb", "index", "mask"]))
def test_no_bytes_raise_anything_but_our_own_errors(junk, mode):
    for head in (b"", b"\x89PNG\r\n\x1a\n", png(2, 2, 8, 2, bytes(14))[:33]):
        with pytest.raises(PanopticError):
            read_id_map(head + junk, mode)
    for head in (b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"RIFF\0\0\0\0WEBP"):
        with contextlib.suppress(PanopticError):
            read_photo(head + junk)


def test_the_error_crosses_a_process_pool():
    with pytest.raises(MalformedFile) as caught:
        read_mask(b"nothing", file="a.png")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.file, again.reason) == (caught.value.file, caught.value.reason)


def test_real_masks_are_the_same_in_every_mode():
    path = next(iter(sorted((real_data("dsbowl") / "v0").glob("*/masks/*.png"))))
    grey = Image.open(path)
    expected = np.asarray(grey) > 0
    for mode in ("1", "L", "RGB", "RGBA", "P"):
        buffer = io.BytesIO()
        grey.convert(mode).save(buffer, "PNG")
        assert (read_mask(buffer.getvalue()) == expected).all()
