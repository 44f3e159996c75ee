"""What everybody else does: arrays to PNG and back, in memory, by Pillow."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def pillow_png(pixels: NDArray[np.uint8]) -> bytes:
    """Save an array of (height, width[, 3]) as Pillow does by default."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pillow_pixels(png: bytes) -> NDArray[np.uint8]:
    """Decode a PNG to its array."""
    return np.asarray(Image.open(io.BytesIO(png)))
