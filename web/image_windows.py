"""Images by their place in a version, for a list that one scrolls through."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datasets_app.image_rows import ImageRow, read_rows
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.tree import get_entries, iter_raw_changes
from labels_app.reading import Reading

# The numbers of so many images are kept in memory, 4 bytes each; a version that has more, is
# read page after page.
MOST_PLACES = 400_000
_VERSIONS_KEPT = 16


def has_places(version: Version) -> bool:
    """Say whether images of a version can be had by their place."""
    return version.image_count <= MOST_PLACES


def images_at(version: Version, place: int, count: int, reading: Reading) -> list[ImageRow]:
    """Return up to `count` images of a version from a place on, 0 the first; by number.

    Who asks first after a version waits while its tree is walked: about a second for 400,000.
    """
    if version.root is None:
        return []
    numbers = _numbers(bytes(version.root))[place : place + count].tolist()
    return read_rows(version, reading, get_entries(SqlNodes(), version.root, numbers), None)


@lru_cache(_VERSIONS_KEPT)
def _numbers(root: bytes) -> NDArray[np.int32]:
    """Return the numbers of the images of a tree: a root never stands for others."""
    walked = iter_raw_changes(SqlNodes(), None, root)
    return np.fromiter((change.image_no for change in walked), np.int32)
