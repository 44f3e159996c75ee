"""PNG files straight from runs: what they hold, and that they are the same everywhere."""

import hashlib
import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from panoptic import png
from panoptic.errors import TooLarge
from panoptic.kernels import deflate_numpy, png_numpy
from panoptic.runs import constant_runs, encode_runs
from tests.builders import id_map
from tests.laws import examples
from tests.real_data import real_data

# The first call compiles, which no deadline allows for.
unhurried = settings(deadline=None)

# R = 1 and 35, instances 1, 255, 256, 257 and 65,535 in A and B; and the ends of the range.
EDGE_WORDS = [0, 0x01000001, 0xFF000023, 0x00010023, 0x01010223, 0xFFFF0F23, 0x80808080, 2**32 - 1]
EDGE_IDS = [0, 1, 2, 255, 256, 257, 65535, 65536, 65537, 0x7F7F7F, 0x808080, 2**24 - 1]


def pixels(data: bytes) -> np.ndarray:
    """What Pillow reads: ids of an RGB file, words of an RGBA file, values of any other."""
    image = Image.open(io.BytesIO(data))
    image.load()
    array = np.asarray(image).astype(np.uint32)
    if array.ndim == 3:
        return sum(array[..., channel] << 8 * channel for channel in range(array.shape[2]))
    return array


@st.composite
def label_maps(draw, values=tuple(EDGE_IDS), side=24):
    """Blocky maps: rows repeat, shift by a pixel or change wholly, as labels do."""
    width = draw(st.integers(1, side))
    rows = [draw(st.lists(st.sampled_from(values), min_size=width, max_size=width))]
    for _ in range(draw(st.integers(0, side))):
        how = draw(st.sampled_from(["same", "same", "left", "right", "new"]))
        row = rows[-1]
        if how == "new":
            row = draw(st.lists(st.sampled_from(values), min_size=width, max_size=width))
        elif how != "same":
            row = row[1:] + row[-1:] if how == "left" else row[:1] + row[:-1]
        rows.append(row)
    return np.array(rows, np.uint32)


def noise(height, width, ids, seed=0):
    return np.random.default_rng(seed).choice(np.array(ids, np.uint32), (height, width))


def blobs(height, width, ids, seed=0):
    """Smooth regions with wobbly edges, some 10 runs a row."""
    coarse = noise(height // 16 + 2, width // 16 + 2, range(len(ids)), seed).astype(np.float32)
    fine = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    ranks = np.clip(np.rint(np.asarray(fine)), 0, len(ids) - 1).astype(int)
    return np.array(ids, np.uint32)[ranks]


@unhurried
@given(label_maps())
def test_pillow_reads_the_ids_that_went_in(ids):
    assert (pixels(png.encode_panoptic_png(encode_runs(ids))) == ids).all()


@unhurried
@given(label_maps(values=(0, 1, 7, 127, 128, 254, 255)))
def test_pillow_reads_8_bit_classes(classes):
    assert (pixels(png.encode_class_png(encode_runs(classes))) == classes).all()


@unhurried
@given(label_maps(values=(0, 1, 255, 256, 257, 32768, 65535)))
def test_pillow_reads_16_bit_classes(classes):
    assert (pixels(png.encode_class_png(encode_runs(classes), 16)) == classes).all()


@unhurried
@given(label_maps(values=(*EDGE_WORDS, *EDGE_IDS)))
def test_pillow_reads_words_of_32_bits(words):
    assert (pixels(png.encode_rgba_png(encode_runs(words))) == words).all()


@pytest.mark.parametrize("words", [EDGE_WORDS, [2**24, 2**25, 3 * 2**24, 0], range(40)])
@pytest.mark.parametrize("times", [1, 13, 65, 129, 1000])
def test_extreme_words_come_back(words, times):
    """Long runs: 258, the longest match, is no multiple of four bytes."""
    drawn = np.repeat(noise(9, 12, words), times, axis=1)
    assert (pixels(png.encode_rgba_png(encode_runs(drawn))) == drawn).all()
    tall = np.repeat(noise(60, 3, words), 5, axis=0)
    assert (pixels(png.encode_rgba_png(encode_runs(tall))) == tall).all()


def test_real_words_come_back_and_are_no_more_than_15_percent_larger_than_pillows():
    for path in sorted(real_data("bdd100k_bitmask").glob("*.png")):
        words = pixels(path.read_bytes())
        data = png.encode_rgba_png(encode_runs(words))
        assert (pixels(data) == words).all()
        by_pillow = io.BytesIO()
        rgba = words.astype("<u4").view(np.uint8).reshape(*words.shape, 4)
        Image.fromarray(rgba).save(by_pillow, "PNG")
        assert len(data) <= 1.15 * len(by_pillow.getvalue())


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param(np.array([[segment_id]], np.uint32), id=f"one pixel of {segment_id}")
        for segment_id in EDGE_IDS
    ]
    + [
        pytest.param(noise(1, 5000, EDGE_IDS), id="one row"),
        pytest.param(noise(5000, 1, EDGE_IDS), id="one column"),
        pytest.param(np.tile(noise(1, 1, EDGE_IDS), (3000, 1)), id="one column of one id"),
        pytest.param(
            np.repeat(noise(3, 7000, EDGE_IDS), 10, axis=1), id="rows longer than the window"
        ),
        pytest.param(np.repeat(noise(9, 70, EDGE_IDS), 1000, axis=1), id="long rows, long runs"),
        pytest.param(np.indices((97, 101)).sum(0) % 2 * 0xABCDEF, id="checkerboard"),
        pytest.param(np.indices((64, 64)).sum(0) % 7 * 0x10203, id="diagonals"),
        pytest.param(noise(60, 60, range(2**23, 2**23 + 400)), id="noise"),
        pytest.param(blobs(200, 300, [1, 2, 3, 4, 5]), id="blobs of small ids"),
        pytest.param(blobs(200, 300, [11197561, 7461223, 3000000, 0, 5999]), id="wide ids"),
    ],
)
def test_extreme_maps_come_back(ids):
    ids = ids.astype(np.uint32)
    assert (pixels(png.encode_panoptic_png(encode_runs(ids))) == ids).all()


def test_a_void_image_of_4096_by_4096_comes_back_and_is_small():
    data = png.encode_panoptic_png(constant_runs(4096, 4096))
    assert not pixels(data).any()
    assert len(data) < 60_000


def test_a_large_image_of_blobs_comes_back():
    ids = np.kron(blobs(256, 256, EDGE_IDS), np.ones((16, 16), np.uint32))
    assert (pixels(png.encode_panoptic_png(encode_runs(ids))) == ids).all()


def test_a_palette_colours_the_classes():
    data = png.encode_class_png(
        encode_runs(id_map("12 21")), palette=[(0, 0, 0), (9, 8, 7), (1, 2, 3)]
    )
    image = Image.open(io.BytesIO(data))
    assert image.mode == "P"
    assert image.convert("RGB").getpixel((0, 0)) == (9, 8, 7)
    assert (np.asarray(image) == [[1, 2], [2, 1]]).all()


@pytest.mark.parametrize(
    ("value", "encode"),
    [
        (2**24, png.encode_panoptic_png),
        (256, png.encode_class_png),
        (65536, lambda runs: png.encode_class_png(runs, 16)),
        (2, lambda runs: png.encode_class_png(runs, palette=[(0, 0, 0), (1, 1, 1)])),
    ],
)
def test_a_value_that_does_not_fit_is_refused_not_wrapped(value, encode):
    with pytest.raises(TooLarge, match=str(value)):
        encode(constant_runs(2, 2, value))


def test_a_palette_of_16_bits_is_refused():
    with pytest.raises(ValueError, match="with a palette 8"):
        png.encode_class_png(constant_runs(1, 1), 16, palette=[(0, 0, 0)])


@pytest.fixture
def plain(monkeypatch):
    """Encode with the plain bodies, whatever else is used."""

    def encode(function, *args):
        with monkeypatch.context() as patch:
            patch.setattr(png, "kernels", png_numpy)
            patch.setattr(png, "numba_is_used", lambda: False)
            return function(*args)

    return encode


@examples(60)
@given(ids=label_maps())
def test_both_twins_write_the_same_bytes(ids):
    runs = encode_runs(ids)
    with pytest.MonkeyPatch.context() as patch:
        compiled = png.encode_panoptic_png(runs)
        patch.setattr(png, "kernels", png_numpy)
        patch.setattr(png, "numba_is_used", lambda: False)
        assert png.encode_panoptic_png(runs) == compiled


@examples(60)
@given(words=label_maps(values=(*EDGE_WORDS, 2**24, 2**25)))
def test_both_twins_write_the_same_words(words):
    runs = encode_runs(words)
    with pytest.MonkeyPatch.context() as patch:
        compiled = png.encode_rgba_png(runs)
        patch.setattr(png, "kernels", png_numpy)
        patch.setattr(png, "numba_is_used", lambda: False)
        assert png.encode_rgba_png(runs) == compiled


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_both_twins_write_the_same_class_map(plain, bit_depth):
    runs = encode_runs(blobs(80, 120, [0, 1, 2, 200, 255]))
    compiled = png.encode_class_png(runs, bit_depth)
    assert plain(png.encode_class_png, runs, bit_depth) == compiled


# Frozen: a change of these bytes is a new WRITER_VERSION, since views promise their digest.
GOLDEN = {
    "mosaic": "80d0c85f7157fbd22e5f05e5fdd457317c3e20a30468908fa8682c77ee1ec576",
    "blobs": "93c3dc47ca83a00b770399dd67cd84b16d600326313233594c0589d31a8696bc",
    "wide": "88335ba17f34db72d3a0a31b398d1fe09fd389fb36bdcc4bd6e5841e56f7be47",
    "collision": "b9eed3404fb34179ea274dbd4ef66b6ed8c0bde9bcbebb60fa2dafa4d521ac1f",
    "narrow": "cb3e468462daf036f561fb9876f43e290170b01b71fee3551ce4ae8e879a6e53",
    "words": "91e155eb1599b3cea3c4f01c20119d88f3a676c99a9cdc23959eac5db3ab0035",
    "classes": "0bfa0771e3657bba56aa5e8af5747943e6c45a6136ff2ad05b5ec9cbfab353dc",
}

TINY = (
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b5500000014494441"
    "54780105c10109000000802008fa7f596d000b0008c50cf39d0000000049454e44ae426082"
)


def test_the_bytes_are_frozen():
    assert png.WRITER_VERSION == 1
    rows, columns = np.indices((120, 160))
    waves = (rows * 3 + columns * columns // 40) // 31 % 9
    stripes = (rows * (columns % 3 == 0) % 3)[:24, :10]
    files = {
        "mosaic": png.encode_panoptic_png(encode_runs(id_map("112 112 ..2"))),
        "blobs": png.encode_panoptic_png(encode_runs(waves)),
        "wide": png.encode_panoptic_png(encode_runs(waves * 0x1F3A57 % 2**24)),
        # The hash of a difference of 1103 is that of the byte that begins each row.
        "collision": png.encode_panoptic_png(encode_runs(stripes * 1103)),
        "narrow": png.encode_class_png(encode_runs(waves[:, :60])),
        "words": png.encode_rgba_png(encode_runs(waves * 0x1F3A57B1 % 2**32)),
        "classes": png.encode_class_png(encode_runs(waves * 7000), 16),
    }
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} == GOLDEN


def test_the_smallest_file_is_frozen_byte_by_byte():
    assert png.encode_class_png(constant_runs(1, 1, 5)).hex() == TINY


def test_real_maps_come_back_and_are_no_more_than_5_percent_larger_than_pillows():
    for path in sorted((real_data("coco_panoptic_sample") / "panoptic_examples").glob("*.png")):
        rgb = np.asarray(Image.open(path))
        ids = pixels(path.read_bytes())
        data = png.encode_panoptic_png(encode_runs(ids))
        assert (pixels(data) == ids).all()
        by_pillow = io.BytesIO()
        Image.fromarray(rgb).save(by_pillow, "PNG")
        assert len(data) <= 1.05 * len(by_pillow.getvalue())


@unhurried
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=286))
def test_code_lengths_form_a_full_prefix_code(counts):
    used = sum(count > 0 for count in counts)
    lengths = deflate_numpy.assign_code_lengths(np.array(counts), 15)
    assert [length > 0 for length in lengths] == [count > 0 for count in counts]
    if used > 1:
        assert sum(2.0 ** -int(length) for length in lengths if length) == 1
    assert lengths.max() <= 15


def test_code_lengths_are_cut_where_a_tree_would_be_too_deep():
    fibonacci = [1, 1]
    while len(fibonacci) < 30:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = deflate_numpy.assign_code_lengths(np.array(fibonacci), 15)
    assert lengths.max() == 15
    assert sum(2.0 ** -int(length) for length in lengths) == 1


@unhurried
@given(st.lists(st.integers(0, 255), min_size=1, max_size=600))
def test_a_block_of_literals_is_what_zlib_reads(content):
    tokens = np.array(content, np.int32) << 16
    words, size = deflate_numpy.write_block(tokens, len(content), zlib.adler32(bytes(content)))
    assert zlib.decompress(words.astype("<u4").tobytes()[:size]) == bytes(content)


def test_every_kind_of_length_and_distance_is_what_zlib_reads():
    expected = bytearray(noise(1, 32768, range(256)).astype(np.uint8).tobytes())
    tokens = [byte << 16 for byte in expected]
    for distance in [1, 2, 3, 4, 5, 256, 257, 1024, 24577, 32767, 32768]:
        for length in range(3, 259, 1 if distance == 257 else 51):
            tokens.append((256 + length) << 16 | distance)
            for _ in range(length):
                expected.append(expected[-distance])
    words, size = deflate_numpy.write_block(
        np.array(tokens, np.int32), len(tokens), zlib.adler32(expected)
    )
    assert zlib.decompress(words.astype("<u4").tobytes()[:size]) == expected
