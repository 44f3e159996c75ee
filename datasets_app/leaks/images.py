"""The images of a version as columns: photograph, label, group and split of each."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_app.jobs.kinds import Progress
from datasets_app.models import Version
from datasets_app.named_images import iter_named_images
from datasets_app.splitting import GroupKey, point_of

NO_SPLIT = 0
NONE = -1  # no photograph, label or group


class ImageColumns(NamedTuple):
    """One row per image, by number; 28 bytes each, and some 120 per photograph and label.

    split : a place in `splits`, whose first is "": no split
    photo : a place in `photos`, -1 without a photograph
    label, group : a number that equal ones share, -1 for none
    """

    image_no: NDArray[np.int64]
    split: NDArray[np.int64]
    photo: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    splits: list[str]
    photos: list[bytes]


class Owner(NamedTuple):
    """A photograph, label or group, and the rows of the images that have it and a split."""

    number: int
    rows: NDArray[np.int64]


def read_columns(version: Version, key: GroupKey | None, progress: Progress) -> ImageColumns:
    """Read all images of a version; `key` is what groups them, None: nothing does."""
    numbers, columns = array("q"), [array("q") for _ in range(4)]
    splits: dict[str, int] = {"": NO_SPLIT}
    photos: dict[bytes, int] = {}
    labels: dict[bytes, int] = {}
    groups: dict[int, int] = {}
    for image in iter_named_images(version, key or GroupKey(), progress):
        entry = image.entry
        text = None if key is None else key.find(image.name, image.attributes)
        numbers.append(image.image_no)
        for column, value in zip(
            columns,
            (
                splits.setdefault(entry.split, len(splits)),
                NONE if entry.image is None else photos.setdefault(entry.image, len(photos)),
                NONE if entry.label is None else labels.setdefault(entry.label, len(labels)),
                NONE if text is None else groups.setdefault(point_of(text), len(groups)),
            ),
            strict=True,
        ):
            column.append(value)
    split, photo, label, group = (np.array(column, np.int64) for column in columns)
    image_no = np.array(numbers, np.int64)
    return ImageColumns(image_no, split, photo, label, group, list(splits), list(photos))


def iter_spread(columns: ImageColumns, owners: NDArray[np.int64]) -> Iterator[Owner]:
    """Yield the owners that have images in two splits or more, with all that have a split."""
    rows = np.flatnonzero((owners != NONE) & (columns.split != NO_SPLIT))
    rows = rows[np.argsort(owners[rows], kind="stable")]
    if not len(rows):
        return
    held = owners[rows]
    starts = np.flatnonzero(np.concatenate([[True], held[1:] != held[:-1]]))
    low = np.minimum.reduceat(columns.split[rows], starts)
    high = np.maximum.reduceat(columns.split[rows], starts)
    ends = np.append(starts[1:], len(rows))
    for place in np.flatnonzero(low != high):
        yield Owner(int(held[starts[place]]), rows[starts[place] : ends[place]])


def pair_up(columns: ImageColumns, rows: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield pairs of rows in different splits so that each row is in one: as many as rows, not
    their square. The rows are in two splits at least."""
    first = int(rows[0])
    others = rows[columns.split[rows] != columns.split[first]]
    yield from ((first, int(row)) for row in others)
    alike = rows[columns.split[rows] == columns.split[first]]
    yield from ((int(row), int(others[0])) for row in alike[1:])
