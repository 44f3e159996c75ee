from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from web.small_pictures import small_png

RED = (220, 47, 75)


def noise() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 200, (300, 500, 3), np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Picture.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Picture.open(io.BytesIO(data)).convert("RGB"))


def test_a_picture_is_a_third_as_large_and_looks_the_same() -> None:
    picture = noise()
    small = small_png(png(picture))
    assert len(small) < len(png(picture)) / 2
    assert np.abs(pixels_of(small).astype(int) - picture).mean() < 20


def test_an_even_colour_that_is_small_stays_what_it_is_beside_a_photograph() -> None:
    picture = noise()
    picture[100:108, 200:208] = RED
    assert (pixels_of(small_png(png(picture)))[100:108, 200:208] == RED).all()


def test_a_picture_of_few_colours_loses_nothing() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[10:] = RED
    picture[20:, 30:] = (255, 255, 255)
    assert (pixels_of(small_png(png(picture))) == picture).all()
