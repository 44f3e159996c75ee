from __future__ import annotations

import io

import numpy as np
from PIL import Image as Picture

from web.management.commands.take_pictures import _small


def test_a_picture_that_is_too_large_loses_levels_and_no_colour() -> None:
    noise = np.random.default_rng(1).integers(0, 24, (500, 900, 3), np.uint8) + 200
    noise[:40] = (220, 47, 75)
    buffer = io.BytesIO()
    Picture.fromarray(noise).save(buffer, "PNG")
    small = _small(buffer.getvalue())
    assert len(small) < len(buffer.getvalue())
    red, green, blue = Picture.open(io.BytesIO(small)).getpixel((0, 0))
    assert abs(red - 220) < 6
    assert abs(green - 47) < 6
    assert abs(blue - 75) < 6
