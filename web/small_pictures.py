"""Screenshots as small PNG files."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

_COLOURS = 256
# Of so many colours that cover most of a page nothing is lost: ground, letters, classes.
_KEPT = 64


def small_png(screenshot: bytes) -> bytes:
    """Return a picture as a PNG of 256 colours, a third as large as one of all colours.

    A median cut alone would drop the colours of what is small and even, as swatches of classes
    are, for shades of photographs; so it shares out only what the commonest colours leave.
    """
    pixels = np.asarray(Picture.open(io.BytesIO(screenshot)).convert("RGB"))
    colours, places, counts = np.unique(
        pixels.reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    order = np.argsort(counts)[::-1]
    palette = colours[order[:_KEPT]]
    rare = order[_KEPT:]
    if len(rare):
        rest = pixels.reshape(-1, 3)[np.isin(places.ravel(), rare)]
        palette = np.concatenate([palette, _median_cut(rest, _COLOURS - len(palette))])
    nearest = _nearest(colours, palette)[places].reshape(pixels.shape[:2])
    small = Picture.fromarray(nearest)
    small.putpalette(palette.tobytes())
    file = io.BytesIO()
    small.save(file, "PNG", optimize=True)
    return file.getvalue()


def _median_cut(pixels: NDArray[np.uint8], most: int) -> NDArray[np.uint8]:
    """At most `most` colours that stand for these pixels."""
    cut = Picture.fromarray(pixels[None]).quantize(most, Picture.Quantize.MEDIANCUT)
    return np.array(cut.getpalette(), np.uint8).reshape(-1, 3)[:most]


def _nearest(colours: NDArray[np.uint8], palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The place in the palette of what is closest to each colour."""
    ours, theirs = colours.astype(np.float32), palette.astype(np.float32)
    # |a - b|² without |a|², which is the same for every b.
    distances = (theirs**2).sum(axis=1) - 2 * ours @ theirs.T
    return distances.argmin(axis=1).astype(np.uint8)
