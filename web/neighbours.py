"""The images before and after one: by number, or in the order of a filter."""

from __future__ import annotations

from typing import NamedTuple

from datasets_app.image_lists import find_around, find_image_before, list_images
from datasets_app.image_query import ImageQuery
from datasets_app.image_rows import ImageRow
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.tree import CAPACITY, get_entries
from labels_app.reading import Reading

# Numbers around the image that are looked at: three leaves, which cost no query more than
# the image's own. Deleted images leave gaps; across one that is wider, look farther.
_NEAR, _FAR = 64, 4_096
# A filter looks at a multiple of this for the next image; from there the list goes on.
_AHEAD = 8


class Neighbours(NamedTuple):
    """Numbers of images of the same version; None where there is none.

    `cursor` goes on in the list, where none was found among those that were looked at.
    """

    before: int | None
    after: int | None
    cursor: str | None = None


def find_neighbours(version: Version, number: int, nodes: SqlNodes) -> Neighbours:
    """Return the images next to one; `nodes` should keep what it reads, for the image itself."""
    found = _around(version, number, _NEAR, nodes)
    last = version.dataset.next_image_no - 1
    is_cut_before = found.before is None and number > _NEAR
    is_cut_after = found.after is None and number + _NEAR < last
    return _around(version, number, _FAR, nodes) if is_cut_before or is_cut_after else found


def find_matching(
    version: Version, image: ImageRow, wanted: ImageQuery, reading: Reading, nodes: SqlNodes
) -> Neighbours:
    """Return the images before and after one that match a filter, in its order."""
    near = find_around(version, wanted, image, reading, nodes)
    before, after, cursor = near.before, near.after, None
    if before is None and near.is_cut_before:
        before = find_image_before(version, wanted, image, reading, nodes)
    if after is None and near.is_cut_after:
        here = image.name if wanted.prefix else str(image.image_no)
        page = list_images(version, wanted, limit=_AHEAD, cursor=here, reading=reading, nodes=nodes)
        after, cursor = (page.rows[0].image_no, None) if page.rows else (None, page.cursor)
    return Neighbours(before, after, cursor)


def _around(version: Version, number: int, span: int, nodes: SqlNodes) -> Neighbours:
    first, end = max(number - span, 0), min(number + span + 1, CAPACITY)
    numbers = get_entries(nodes, version.root, range(first, end)).keys()
    return Neighbours(
        max((other for other in numbers if other < number), default=None),
        min((other for other in numbers if other > number), default=None),
    )
