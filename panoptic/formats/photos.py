"""The photograph that belongs to a label, and whether it can be of the same size (RULES 1.7)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from panoptic.errors import PanopticError
from panoptic.formats.paths import find_photo
from panoptic.formats.problems import Problem, problem_of, warn
from panoptic.images import read_header


class Photo(NamedTuple):
    """Where a photograph lies, and the sizes (height, width) it may be seen in: the oriented
    one first, then the raw one. No sizes where there is no photograph or it cannot be read."""

    path: Path | None = None
    sizes: tuple[tuple[int, int], ...] = ()
    problems: tuple[Problem, ...] = ()


def locate_photo(folder: Path | None, name: str) -> Photo:
    """Find and measure the photograph of an image; its pixels are not decoded.

    A folder that does not hold it is worth a warning, a file that is no photograph an error.
    """
    if folder is None:
        return Photo()
    path = find_photo(folder, name)
    if path is None:
        message = f"there is no photograph {name} in {folder.name}"
        return Photo(problems=(warn("missing_photo", message, file=name, image=name),))
    return open_photo(path, name)


def open_photo(path: Path, name: str) -> Photo:
    """Measure a photograph."""
    try:
        header = read_header(path)
    except PanopticError as error:
        return Photo(problems=(problem_of(error, file=path.name, image=name),))
    sizes = dict.fromkeys([header.oriented_size, header.size])
    return Photo(path, tuple(sizes))


def check_size(photo: Photo, size: tuple[int, int], name: str) -> tuple[Problem, ...]:
    """An error unless a label of this (height, width) fits the photograph as it is or oriented."""
    if photo.path is None or size in photo.sizes:
        return ()
    shown = " or, unrotated, ".join(f"{height} × {width}" for height, width in photo.sizes)
    message = f"the label has {size[0]} × {size[1]} pixels (height × width), its photograph {shown}"
    return (Problem("photo_size_mismatch", message, photo.path.name, name),)
