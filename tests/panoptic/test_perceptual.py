import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from panoptic.errors import MalformedFile, TooLarge
from panoptic.perceptual import (
    HASH_BYTES,
    PictureHash,
    distance,
    hash_grey,
    hash_photo,
    mirrored,
    mirrored_slopes,
)

words = st.integers(0, 2**64 - 1)
hashes = st.builds(PictureHash, words, st.tuples(words, words))


def picture(seed: int = 1, height: int = 240, width: int = 320) -> Image.Image:
    """A photograph of nothing: soft shapes, other ones for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90, **fields) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, **fields)
    return buffer.getvalue()


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def cropped(image: Image.Image, share: float) -> Image.Image:
    dx, dy = int(image.width * share / 2), int(image.height * share / 2)
    return image.crop((dx, dy, image.width - dx, image.height - dy))


@pytest.mark.parametrize(
    ("change", "most"),
    [
        (lambda image: jpeg(image.resize((160, 120))), 6),
        (lambda image: jpeg(image.resize((640, 480))), 6),
        (lambda image: jpeg(image, 50), 6),
        (lambda image: jpeg(image, 10), 12),
        (png, 6),
        (lambda image: jpeg(image.convert("L")), 6),
        (lambda image: jpeg(ImageEnhance.Brightness(image).enhance(0.7)), 6),
        (lambda image: jpeg(ImageEnhance.Contrast(image).enhance(0.8)), 6),
        (lambda image: jpeg(cropped(image, 0.03)), 24),
    ],
    ids=["half", "double", "q50", "q10", "png", "grey", "darker", "paler", "cropped"],
)
def test_a_photograph_that_was_changed_a_little_keeps_its_hash(change, most):
    original = picture()
    assert distance(hash_photo(jpeg(original)), hash_photo(change(original))) <= most


def test_other_photographs_have_other_hashes():
    found = [hash_photo(jpeg(picture(seed))) for seed in range(30)]
    pairs = [(a, b) for place, a in enumerate(found) for b in found[place + 1 :]]
    assert min(distance(a, b) for a, b in pairs) > 50


def test_the_hash_of_the_mirror_image_is_the_mirrored_hash():
    original = picture()
    turned = original.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert distance(mirrored(hash_photo(png(original))), hash_photo(png(turned))) <= 2
    assert distance(hash_photo(png(original)), hash_photo(png(turned))) > 50


@given(hashes)
def test_a_mirror_in_a_mirror_shows_the_picture(hash_):
    assert mirrored(mirrored(hash_)) == hash_


@given(hashes, hashes)
def test_two_pictures_are_as_near_as_their_mirror_images(a, b):
    assert distance(a, b) == distance(mirrored(a), mirrored(b))
    assert distance(a, mirrored(b)) == distance(mirrored(a), b)


@given(st.lists(hashes, min_size=1, max_size=4))
def test_many_slopes_are_mirrored_as_one_hash_is(some):
    slopes = np.array([hash_.slopes for hash_ in some], np.uint64)
    expected = [mirrored(hash_).slopes for hash_ in some]
    assert mirrored_slopes(slopes).tolist() == [list(pair) for pair in expected]


@given(hashes)
def test_bytes_of_a_hash_are_read_again(hash_):
    assert len(hash_.to_bytes()) == HASH_BYTES
    assert PictureHash.from_bytes(hash_.to_bytes()) == hash_


def test_a_photograph_is_hashed_as_people_see_it():
    upright = picture()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees when it is shown
    lying = jpeg(upright.transpose(Image.Transpose.ROTATE_90), exif=exif)
    assert distance(hash_photo(jpeg(upright)), hash_photo(lying)) <= 6


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_picture_of_one_colour_has_no_hash(grey):
    assert hash_grey(Image.new("L", (64, 48), grey)) is None


def test_a_tiny_picture_has_a_hash():
    assert hash_photo(png(picture(height=3, width=2))) is not None


@pytest.mark.parametrize("data", [b"", b"no photograph", jpeg(picture())[:700]])
def test_what_cannot_be_decoded_is_refused(data):
    with pytest.raises(MalformedFile):
        hash_photo(data)


def test_a_photograph_that_is_too_large_is_refused_by_its_header():
    with pytest.raises(TooLarge):
        hash_photo(jpeg(picture()), max_pixels=1_000)
