import io

import numpy as np
from PIL import Image

from datasets_app.sample.scene import build_scene, scene_size
from datasets_app.sample.story import photo_at


def photo(index):
    return Image.open(io.BytesIO(photo_at(0, index)))


def test_a_photograph_is_a_jpeg_of_the_size_of_its_scene():
    for index in (0, 3, 5):
        image = photo(index)
        assert image.format == "JPEG"
        assert (image.height, image.width) == scene_size(index)


def test_a_photograph_is_the_same_every_time():
    assert photo_at(0, 2) == photo_at(0, 2)


def test_twelve_images_have_a_portrait_and_a_wide_one():
    sizes = [scene_size(index) for index in range(12)]

    assert any(height > width for height, width in sizes)
    assert (512, 1024) in sizes
    assert sizes.count((480, 640)) >= 6


def test_the_sky_is_brighter_at_noon_than_at_dusk():
    moods = {build_scene(0, i).mood.name: i for i in range(12)}
    noon, dusk = (np.asarray(photo(moods[m]))[:20].mean() for m in ("noon", "dusk"))

    assert noon > dusk + 20


def test_a_photograph_is_neither_burnt_out_nor_black():
    for index in range(4):
        pixels = np.asarray(photo(index))
        assert 40 < pixels.mean() < 215
        assert pixels.std() > 25
