"""Label files of one image, as people import them."""

from __future__ import annotations

from panoptic.png import encode_class_png
from panoptic.runs import encode_runs
from tests.builders import id_map


def masks(image: str = "cells") -> dict[str, bytes]:
    """A folder of instance masks with two instances, by path."""

    def mask(drawing: str) -> bytes:
        return encode_class_png(encode_runs(id_map(drawing) * 255))

    return {
        f"{image}/masks/one.png": mask("1... 1..."),
        f"{image}/masks/two.png": mask("..11 ...."),
    }
