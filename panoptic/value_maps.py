"""Label pictures whose pixels are numbers, PNG or TIFF, as runs of what they hold.

What a number means is the format's to say. No number is ever squeezed: a file of 16 or 32 bits
is read as such, whatever Pillow's conversions would make of it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from PIL import TiffImagePlugin

from panoptic.errors import MalformedFile
from panoptic.images import MAX_PIXELS, malformed_files, read_header
from panoptic.png_read import check_depth, read_index_runs
from panoptic.runs import Runs, encode_runs

TIFF_SUFFIXES = (".tif", ".tiff")

# Bits of a number by Pillow's name of what it decodes.
_TIFF_DEPTHS = {"1": 8, "L": 8, "P": 8, "I;16": 16, "I;16B": 16, "I": 32}


def read_number_runs(
    path: Path,
    *,
    bits: Collection[int],
    expected_size: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    file: str = "",
) -> Runs:
    """The number of every pixel of a one-channel PNG (8 or 16 bits) or TIFF (8, 16 or 32).

    Raises MalformedFile for another depth or size, for real numbers, several pages and a TIFF
    that says it must be turned.
    """
    name = file or path.name
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return read_index_runs(
            path, bits=bits, expected_size=expected_size, max_pixels=max_pixels, file=name
        )
    header = read_header(path, max_pixels=max_pixels, file=name)
    if header.mode not in _TIFF_DEPTHS or header.format != "TIFF":
        reason = f"a TIFF of one channel of whole numbers is needed, this is {header.mode}"
        raise MalformedFile(reason, file=name)
    check_depth(_TIFF_DEPTHS[header.mode], bits, name)
    if expected_size is not None and header.size != expected_size:
        reason = f"the file has {header.height} × {header.width} pixels (height × width), "
        reason += f"{expected_size[0]} × {expected_size[1]} are expected"
        raise MalformedFile(reason, file=name)
    if header.orientation != 1:
        raise MalformedFile("it says that it must be turned; labels are never turned", file=name)
    with malformed_files(name), path.open("rb") as stream:
        image = TiffImagePlugin.TiffImageFile(stream)
        if image.n_frames != 1:
            raise MalformedFile(f"it has {image.n_frames} pages, a label map has one", file=name)
        pixels = np.asarray(image)
    # Pillow reads 32 bits with a sign, which no label has.
    return encode_runs(pixels.astype(np.uint32))
