"""Folders of instance masks, drawn in the test that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from panoptic.formats.base import Binding, BoundClass, LabelledImage, ReadOptions
from panoptic.formats.instance_masks.format import INSTANCE_MASKS
from panoptic.formats.problems import Problem
from tests.builders import id_map
from tests.panoptic.formats.files import read_all

MASK_BINDING: Binding = {"object": BoundClass(7, "thing"), "nucleus": BoundClass(4, "thing")}


def read_masks(folder: Path, **options: Any) -> tuple[list[LabelledImage], tuple[Problem, ...]]:
    return read_all(INSTANCE_MASKS, folder, ReadOptions(**options), MASK_BINDING)


def save_masks(folder: Path, mode: str = "L", **drawings: str) -> None:
    """Masks `<name>.png` of an image."""
    (folder / "masks").mkdir(parents=True)
    for name, drawing in drawings.items():
        plane: NDArray[np.uint8] = np.where(id_map(drawing) > 0, 255, 0).astype(np.uint8)
        Image.fromarray(plane).convert(mode).save(folder / "masks" / f"{name}.png")


def save_photo(path: Path, height: int, width: int, orientation: int = 1) -> None:
    """A photograph of so many stored pixels, which may ask to be turned when it is shown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (width, height)).save(path, exif=exif)
