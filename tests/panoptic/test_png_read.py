"""Label PNGs as runs: the same as Pillow's pixels, for good files and for bad ones."""

import io
import itertools
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from panoptic import png_read
from panoptic.errors import MalformedFile, PanopticError, TooLarge
from panoptic.images import read_id_map, read_mask
from panoptic.png import encode_panoptic_png
from panoptic.png_read import read_id_runs, read_mask_runs
from panoptic.runs import decode_runs, encode_runs
from tests.builders import id_map
from tests.panoptic.twins import law, twin  # noqa: F401
from tests.real_data import real_data

NONE, SUB, UP, AVERAGE, PAETH = FILTERS = range(5)
GREY, RGB, RGBA = 0, 2, 6
MOSAIC = id_map("1122 1132 ..32")


def chunk(kind, content):
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def file_of(width, height, color_type, *contents, before=b""):
    """A PNG of 8 bits with these IDAT chunks."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0))
    idats = b"".join(chunk(b"IDAT", content) for content in contents)
    return b"\x89PNG\r\n\x1a\n" + header + before + idats + chunk(b"IEND", b"")


def rows_of(samples, filters):
    """Filtered rows of uint8 samples (height, width, channels); filters go round."""
    height, width, channels = samples.shape
    padded = np.zeros((height + 1, width + 1, channels), np.int64)
    padded[1:, 1:] = samples
    rows = b""
    for y, kind in zip(range(1, height + 1), itertools.cycle(filters), strict=False):
        a, b, c = padded[y, :-1], padded[y - 1, 1:], padded[y - 1, :-1]
        far = np.stack([abs(b - c), abs(a - c), abs(a + b - 2 * c)])
        nearest = np.choose(far.argmin(0), [a, b, c])
        predicted = [np.zeros_like(a), a, b, (a + b) // 2, nearest][kind]
        rows += bytes([kind]) + (padded[y, 1:] - predicted).astype(np.uint8).tobytes()
    return rows


def samples_of(ids, channels=3):
    samples = np.ascontiguousarray(ids, "<u4").view(np.uint8).reshape(*ids.shape, 4).copy()
    samples[:, :, 3] = 255
    return samples[:, :, :channels]


def drawn(ids, filters=FILTERS, channels=3):
    """The file of an id map, written with these filters row by row."""
    rows = rows_of(samples_of(ids, channels), filters)
    color_type = {1: GREY, 3: RGB, 4: RGBA}[channels]
    return file_of(ids.shape[1], ids.shape[0], color_type, zlib.compress(rows))


def saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def outcome(read, *arguments, **options):
    try:
        return read(*arguments, **options)
    except PanopticError as error:
        return type(error), str(error)


def ids_by_pixels(data):
    return encode_runs(read_id_map(data))


def mask_by_pixels(data):
    return encode_runs(read_mask(data))


@pytest.fixture
def without_pillow(monkeypatch):
    """Fails a test whose file is decoded to pixels."""
    pytest.importorskip("numba", reason="numba is not installed: all files are decoded")
    monkeypatch.delattr(png_read, "decode_label_file")


id_maps = arrays.arrays(
    np.uint32,
    st.tuples(st.integers(1, 12), st.integers(1, 40)),
    elements=st.sampled_from([0, 1, 2, 255, 256, 0x0100FF, 2**24 - 1]),
)
any_map = st.one_of(id_maps, id_maps.map(lambda ids: np.repeat(ids, 9, axis=1)))
any_filters = st.lists(st.sampled_from(FILTERS), min_size=1, max_size=12)


# Files of the usual kind


@law
@given(ids=any_map, filters=any_filters, channels=st.sampled_from([3, 4]))
def test_ids_are_those_of_the_pixels_whatever_filters_a_writer_chose(ids, filters, channels, twin):  # noqa: F811
    data = drawn(ids, filters, channels)
    assert (read_id_map(data) == ids).all()
    assert read_id_runs(data) == encode_runs(ids)


@law
@given(
    samples=arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 20), st.just(3))),
    filters=any_filters,
)
def test_noise_is_read_as_well(samples, filters, twin):  # noqa: F811
    data = file_of(
        samples.shape[1], samples.shape[0], RGB, zlib.compress(rows_of(samples, filters))
    )
    assert read_id_runs(data) == ids_by_pixels(data)


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("channels", [3, 4])
def test_every_filter_is_undone_without_decoding_pixels(kind, channels, without_pillow, twin):  # noqa: F811
    ids = np.kron(MOSAIC, np.ones((3, 11), np.uint32)) * 70001
    assert read_id_runs(drawn(ids, [kind], channels)) == encode_runs(ids)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 30_000), (3000, 2)])
@pytest.mark.parametrize("kind", FILTERS)
def test_the_smallest_and_the_widest_images(shape, kind, without_pillow):
    ids = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape) // 3 * 99_991 % 2**24
    assert read_id_runs(drawn(ids, [kind])) == encode_runs(ids)


@pytest.mark.parametrize("kind", FILTERS)
def test_a_checkerboard_has_as_many_runs_as_pixels(kind, without_pillow):
    ids = (np.indices((61, 67)).sum(0) % 2 * (2**24 - 1)).astype(np.uint32)
    runs = read_id_runs(drawn(ids, [kind]))
    assert runs.count == 61 * 67
    assert runs == encode_runs(ids)


@pytest.mark.parametrize("kind", FILTERS)
@pytest.mark.parametrize("value", [0, 5])
def test_rows_of_one_value_join_to_one_run(kind, value, without_pillow):
    ids = np.full((30, 50), value, np.uint32)
    assert read_id_runs(drawn(ids, [kind])).lengths.tolist() == [1500]


@pytest.mark.parametrize("cuts", [[0], [1, 2, 3], [7, 7, 20]])
def test_several_chunks_of_pixels_are_one_stream(cuts, without_pillow):
    stream = zlib.compress(rows_of(samples_of(MOSAIC), FILTERS))
    edges = [0, *cuts, len(stream)]
    parts = [stream[begin:end] for begin, end in itertools.pairwise(edges)]
    assert read_id_runs(file_of(4, 3, RGB, *parts)) == encode_runs(MOSAIC)


def test_what_we_and_pillow_write_is_read_without_decoding_pixels(without_pillow):
    ids = np.kron(MOSAIC, np.ones((40, 50), np.uint32))
    assert read_id_runs(encode_panoptic_png(encode_runs(ids))) == encode_runs(ids)
    assert read_id_runs(saved(Image.fromarray(samples_of(ids)))) == encode_runs(ids)


def test_real_files(without_pillow):
    folder = real_data("coco_panoptic_sample") / "panoptic_examples"
    for path in sorted(folder.glob("*.png")):
        assert (decode_runs(read_id_runs(path)) == read_id_map(path)).all()


def test_zlib_serves_where_zlib_ng_is_missing(monkeypatch, without_pillow):
    monkeypatch.setattr(png_read, "_inflater", zlib)
    assert read_id_runs(drawn(MOSAIC)) == encode_runs(MOSAIC)


def test_pillow_serves_where_an_image_is_too_wide_for_the_kernel(monkeypatch):
    monkeypatch.setattr(png_read, "_WIDEST", 3)
    monkeypatch.setattr(png_read.kernels, "collect_runs", None)
    assert read_id_runs(drawn(MOSAIC)) == encode_runs(MOSAIC)


def test_pillow_serves_where_numba_is_missing(monkeypatch):
    monkeypatch.setattr(png_read, "numba_is_used", lambda: False)
    assert read_id_runs(drawn(MOSAIC)) == encode_runs(MOSAIC)
    assert read_mask_runs(drawn(MOSAIC * 0, channels=1)) == encode_runs(MOSAIC != MOSAIC)


# All other files are Pillow's


def interlaced():
    """One pixel, which is all of the first of seven passes."""
    data = bytearray(drawn(id_map("7")))
    data[28] = 1
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def transparent(alpha, filters):
    samples = samples_of(MOSAIC, 4)
    samples[alpha] = 0
    return file_of(4, 3, RGBA, zlib.compress(rows_of(samples, filters)))


STREAM = zlib.compress(rows_of(samples_of(MOSAIC), FILTERS))
SHORT = zlib.compress(rows_of(samples_of(MOSAIC), FILTERS)[:-1])
LONG = zlib.compress(rows_of(samples_of(MOSAIC), FILTERS) + b"!")
BAD_FILTER = zlib.compress(rows_of(samples_of(MOSAIC), FILTERS).replace(b"\2", b"\5"))
BLANK = zlib.compress(bytes([UP, 0, 0, 0, 0]))

OTHERS = {
    "interlaced": interlaced(),
    "grey": saved(Image.new("L", (5, 3))),
    "palette": saved(Image.new("P", (5, 3))),
    "1 bit": saved(Image.new("1", (5, 3))),
    "16 bits": saved(Image.new("I;16", (5, 3))),
    "no PNG": b"GIF89a",
    "empty": b"",
    "a comment": file_of(4, 3, RGB, STREAM, before=chunk(b"tEXt", b"a\0b")),
    "a broken comment": file_of(4, 3, RGB, STREAM, before=chunk(b"gAMA", b"1")),
    "bytes after its end": drawn(MOSAIC) + b"more",
    "no pixels": file_of(4, 3, RGB),
    "a row too few": file_of(4, 4, RGB, STREAM),
    "a row too many": file_of(4, 2, RGB, STREAM),
    "a byte too few": file_of(4, 3, RGB, SHORT),
    "a byte too many": file_of(4, 3, RGB, LONG),
    "a cut stream": file_of(4, 3, RGB, STREAM[:-6]),
    "no checksum of the stream": file_of(4, 3, RGB, STREAM[:-4]),
    "a wrong checksum of the stream": file_of(4, 3, RGB, STREAM[:-1] + b"!"),
    "bytes after the stream": file_of(4, 3, RGB, STREAM, b"more"),
    "no zlib stream": file_of(4, 3, RGB, b"not a stream"),
    "an unknown filter": file_of(4, 3, RGB, BAD_FILTER),
    "transparent at first": transparent((0, 0), [NONE]),
    "transparent at last": transparent((-1, -1), [PAETH]),
    "transparent everywhere": file_of(1, 1, RGBA, BLANK),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_any_other_file_is_read_or_refused_as_pixels_are(kind, twin):  # noqa: F811
    data = OTHERS[kind]
    assert outcome(read_id_runs, data) == outcome(ids_by_pixels, data)
    assert outcome(read_mask_runs, data) == outcome(mask_by_pixels, data)


@law
@given(alpha=st.lists(st.integers(0, 11)), filters=any_filters)
def test_no_transparent_pixel_is_overlooked(alpha, filters, twin):  # noqa: F811
    data = transparent(np.unravel_index(np.array(alpha, int), (3, 4)), filters)
    assert isinstance(outcome(read_id_runs, data), tuple) == bool(alpha)
    assert outcome(read_id_runs, data) == outcome(ids_by_pixels, data)


def test_every_cut_file_is_refused():
    data = drawn(MOSAIC)
    for length in range(len(data)):
        with pytest.raises(MalformedFile) as caught:
            read_id_runs(data[:length], file="a.png")
        assert caught.value.file == "a.png"
        assert outcome(read_id_runs, data[:length]) == outcome(ids_by_pixels, data[:length])


def test_every_altered_byte_is_found():
    data = drawn(MOSAIC)
    for at, change in itertools.product(range(len(data)), (1, 16, 128, 255)):
        altered = bytearray(data)
        altered[at] ^= change
        with pytest.raises((MalformedFile, TooLarge)):
            read_id_runs(bytes(altered))


@law
@given(at=st.integers(0, len(STREAM) - 1), byte=st.integers(0, 255))
def test_a_forged_stream_is_read_or_refused_as_pixels_are(at, byte):
    forged = file_of(4, 3, RGB, STREAM[:at] + bytes([byte]) + STREAM[at + 1 :])
    assert outcome(read_id_runs, forged) == outcome(ids_by_pixels, forged)


def test_what_does_not_belong_to_an_image_is_not_inflated():
    bomb = file_of(4, 3, RGB, zlib.compress(rows_of(samples_of(MOSAIC), FILTERS) + bytes(2**26)))
    outcome(read_id_runs, bomb)
    tracemalloc.start()
    outcome(read_id_runs, bomb)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2**22


def test_size_and_limit_are_checked_by_the_header():
    data = drawn(MOSAIC)
    assert read_id_runs(data, expected_size=(3, 4), max_pixels=12).shape == (3, 4)
    with pytest.raises(TooLarge, match="12"):
        read_id_runs(data, max_pixels=11)
    with pytest.raises(MalformedFile, match=r"3 × 4 pixels .* 4 × 3 are expected"):
        read_id_runs(data, expected_size=(4, 3))


def test_a_missing_file_is_malformed_and_named(tmp_path):
    with pytest.raises(MalformedFile, match=r"^a\.png: there is no such file$"):
        read_id_runs(tmp_path / "a.png")


# Masks


@law
@given(
    mask=arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 40))),
    filters=any_filters,
    channels=st.sampled_from([1, 3, 4]),
)
def test_a_mask_is_that_of_the_pixels(mask, filters, channels, twin):  # noqa: F811
    data = drawn(mask * np.uint32(0xFFFFFF), filters, channels)
    assert read_mask_runs(data) == encode_runs(mask)


def test_real_masks_are_read_without_decoding_pixels(without_pillow):
    paths = sorted(real_data("dsbowl").rglob("masks/*.png"))[:40]
    assert paths
    for path in paths:
        assert (decode_runs(read_mask_runs(path)) == read_mask(path)).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("wrong", [1, 0xFE, 0xFFFFFE, 0x0000FF])
def test_what_is_neither_black_nor_white_is_refused(channels, wrong):
    data = drawn(id_map(".1.") * np.uint32(wrong) + id_map("1..") * 0xFFFFFF, [SUB], channels)
    assert outcome(read_mask_runs, data) == outcome(mask_by_pixels, data)
