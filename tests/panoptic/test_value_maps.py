"""Maps of numbers and colours: what a file holds is what is read, at every depth."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from panoptic import png_read
from panoptic.errors import MalformedFile
from panoptic.images import read_id_map
from panoptic.png_read import read_index_runs, read_value_runs
from panoptic.runs import decode_runs
from panoptic.value_maps import read_number_runs
from tests.builders import id_map
from tests.panoptic.twins import law, twin  # noqa: F401
from tests.real_data import real_data

SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 9))
DRAWING = id_map("1122 1132 ..32")


def png(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def saved(path: Path, pixels: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(pixels, mode).save(path) if mode else Image.fromarray(pixels).save(path)
    return path


@law
@given(pixels=arrays.arrays(np.uint8, SHAPES))
def test_numbers_of_eight_bits_come_as_they_are(pixels: np.ndarray) -> None:
    assert (decode_runs(read_index_runs(png(Image.fromarray(pixels)))) == pixels).all()


@law
@given(pixels=arrays.arrays(np.uint16, SHAPES))
def test_numbers_of_sixteen_bits_keep_both_bytes(pixels: np.ndarray) -> None:
    read = read_index_runs(png(Image.fromarray(pixels)), bits=(16,))
    assert (decode_runs(read) == pixels).all()


@law
@given(pixels=arrays.arrays(np.uint8, SHAPES, elements=st.integers(0, 3)))
def test_a_palette_is_read_by_its_indices(pixels: np.ndarray) -> None:
    image = Image.fromarray(pixels, "P")
    image.putpalette([9, 9, 9, 200, 0, 0, 9, 9, 9, 0, 0, 200])
    assert (decode_runs(read_index_runs(png(image))) == pixels).all()


def test_a_palette_with_transparency_is_read_by_its_indices_too() -> None:
    image = Image.fromarray(DRAWING.astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    assert (decode_runs(read_index_runs(png(image, transparency=0))) == DRAWING).all()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_fewer_than_eight_bits_are_numbers_as_well(depth: int) -> None:
    pixels = id_map("1.1 .11").astype(np.uint8)
    image = Image.fromarray(pixels, "P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    assert (decode_runs(read_index_runs(png(image, bits=depth))) == pixels).all()


def test_sixteen_bits_are_refused_where_eight_are_expected_and_the_reverse() -> None:
    narrow, wide = (png(Image.fromarray(DRAWING.astype(kind))) for kind in (np.uint8, np.uint16))
    with pytest.raises(MalformedFile, match="a file of 8 bits is needed, this one has 16"):
        read_index_runs(wide)
    with pytest.raises(MalformedFile, match="a file of 16 bits is needed, this one has 8"):
        read_index_runs(narrow, bits=(16,))


def test_colours_are_no_numbers() -> None:
    with pytest.raises(MalformedFile, match="one channel"):
        read_index_runs(png(Image.new("RGB", (2, 2))))


def test_a_palette_shows_its_colours() -> None:
    image = Image.fromarray(id_map("1.").astype(np.uint8), "P")
    image.putpalette([1, 2, 3, 255, 128, 0])
    colors = decode_runs(read_value_runs(png(image), "color"))
    assert colors.tolist() == [[255 + 256 * 128, 1 + 256 * 2 + 65536 * 3]]


def test_colours_that_can_be_seen_through_are_refused() -> None:
    with pytest.raises(MalformedFile, match="not opaque"):
        read_value_runs(png(Image.new("RGBA", (2, 1), (1, 2, 3, 128))), "color")


@law
@given(pixels=arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(4))))
def test_alpha_is_the_highest_byte_of_a_word(pixels, twin) -> None:  # noqa: F811
    words = decode_runs(read_value_runs(png(Image.fromarray(pixels)), "word"))
    assert (words == np.ascontiguousarray(pixels).view("<u4")[:, :, 0]).all()


@law
@given(
    pixels=arrays.arrays(np.uint8, SHAPES, elements=st.integers(0, 3)),
    colors=st.lists(st.integers(0, 255), min_size=12, max_size=12),
)
def test_a_palette_shows_what_pillow_shows(pixels, colors, twin) -> None:  # noqa: F811
    image = Image.fromarray(pixels, "P")
    image.putpalette(colors)
    data = png(image)
    assert (decode_runs(read_value_runs(data, "color")) == read_id_map(data, "color")).all()


def test_a_palette_that_can_be_seen_through_is_refused() -> None:
    image = Image.fromarray(DRAWING.astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    with pytest.raises(MalformedFile, match="not opaque"):
        read_value_runs(png(image, transparency=1), "color")


@pytest.mark.parametrize("mode", ["P", "RGBA"])
def test_no_pixel_of_a_usual_file_is_decoded(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba", reason="numba is not installed: all files are decoded")
    image = Image.new(mode, (5, 4), 1 if mode == "P" else (1, 2, 3, 4))
    if mode == "P":
        image.putpalette([0, 0, 0, 200, 100, 50] + [9, 9, 9] * 254)
    data = png(image)
    monkeypatch.delattr(png_read, "decode_label_file")
    assert read_value_runs(data, "color" if mode == "P" else "word").values.size == 1


def test_words_need_an_alpha_channel() -> None:
    with pytest.raises(MalformedFile, match="an RGBA file is needed"):
        read_value_runs(png(Image.new("RGB", (2, 2))), "word")


@pytest.mark.parametrize(
    ("kind", "bits"), [(np.uint8, 8), (np.uint16, 16), (np.int32, 32)], ids=["8", "16", "32"]
)
def test_tiff_numbers_keep_their_depth(tmp_path: Path, kind: type, bits: int) -> None:
    pixels = DRAWING.astype(kind)
    pixels[0, 0] = np.iinfo(kind).max
    path = saved(tmp_path / "a.tif", pixels)
    assert (decode_runs(read_number_runs(path, bits=(bits,))) == pixels).all()
    others = {8, 16, 32} - {bits}
    with pytest.raises(MalformedFile, match=f"this one has {bits}"):
        read_number_runs(path, bits=others)


def test_tiff_of_real_numbers_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", np.ones((2, 2), np.float32))
    with pytest.raises(MalformedFile, match="whole numbers"):
        read_number_runs(path, bits=(8, 16, 32))


def test_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    page = Image.fromarray(DRAWING.astype(np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(MalformedFile, match="2 pages"):
        read_number_runs(tmp_path / "a.tif", bits=(8,))


def test_tiff_that_asks_to_be_turned_is_refused(tmp_path: Path) -> None:
    page = Image.fromarray(DRAWING.astype(np.uint8))
    page.save(tmp_path / "a.tif", tiffinfo={0x0112: 6})
    with pytest.raises(MalformedFile, match="never turned"):
        read_number_runs(tmp_path / "a.tif", bits=(8,))


def test_a_number_map_of_another_size_is_refused(tmp_path: Path) -> None:
    for name in ("a.tif", "a.png"):
        path = saved(tmp_path / name, DRAWING.astype(np.uint8))
        with pytest.raises(MalformedFile, match="3 × 4 pixels"):
            read_number_runs(path, bits=(8,), expected_size=(4, 3))


def test_sixteen_bits_of_a_real_tiff_are_whole() -> None:
    path = real_data("stardist16") / "mask2d_256.tif"
    with Image.open(path) as image:
        expected = np.asarray(image)
    assert (decode_runs(read_number_runs(path, bits=(16,))) == expected).all()
    assert expected.max() > 0
