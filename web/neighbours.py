"""The images before and after one, by number."""

from __future__ import annotations

from typing import NamedTuple

from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.tree import CAPACITY, get_entries

# Numbers around the image that are looked at: three leaves, which cost no query more than
# the image's own. Deleted images leave gaps; across one that is wider, look farther.
_NEAR, _FAR = 64, 4_096


class Neighbours(NamedTuple):
    """Numbers of images of the same version; None where there is none."""

    before: int | None
    after: int | None


def find_neighbours(version: Version, number: int, nodes: SqlNodes) -> Neighbours:
    """Return the images next to one; `nodes` should keep what it reads, for the image itself."""
    found = _around(version, number, _NEAR, nodes)
    last = version.dataset.next_image_no - 1
    is_cut_before = found.before is None and number > _NEAR
    is_cut_after = found.after is None and number + _NEAR < last
    return _around(version, number, _FAR, nodes) if is_cut_before or is_cut_after else found


def _around(version: Version, number: int, span: int, nodes: SqlNodes) -> Neighbours:
    first, end = max(number - span, 0), min(number + span + 1, CAPACITY)
    numbers = get_entries(nodes, version.root, range(first, end)).keys()
    return Neighbours(
        max((other for other in numbers if other < number), default=None),
        min((other for other in numbers if other > number), default=None),
    )
