"""Images of a plan as columns: a page has thousands, and an object for each would be its cost."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from datasets_app.bulk import select_in
from datasets_app.entries import Entry, Status, decode_entry
from datasets_app.models import Image
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.photos import get_photos
from datasets_app.tree import iter_raw_changes
from labels_app.models import LabelRevision

# Numbers that lie so close are asked for as one stretch, which costs half of a list.
_DENSE = 2


class PlanEntries(NamedTuple):
    """Images to have; all columns are as long. Digests are 32 bytes or None, split "" means none.

    heights, widths : of the label, else of the photograph; None: unknown
    """

    numbers: list[int]
    names: list[str]
    images: list[bytes | None]
    labels: list[bytes | None]
    attributes: list[bytes | None]
    splits: list[str]
    statuses: list[Status]
    heights: list[int | None]
    widths: list[int | None]

    def __bool__(self) -> bool:
        return bool(self.numbers)


def read_entries(
    root: bytes | None, *, after: int, limit: int, window: int
) -> tuple[list[int], list[Entry]]:
    """Return numbers and entries of the first images above `after`, up to `limit` of them."""
    numbers: list[int] = []
    entries: list[Entry] = []
    # Without an object for each change: there are as many as images.
    stream = iter_raw_changes(SqlNodes(), None, root, after=after, window=window)
    for image_no, _, data in itertools.islice(stream, limit):
        assert data is not None
        numbers.append(image_no)
        entries.append(decode_entry(data))
    return numbers, entries


def columns_of(
    dataset_id: int,
    numbers: list[int],
    entries: Sequence[Entry],
    names: dict[int, str] | None = None,
) -> PlanEntries:
    """Return entries as columns, with their names and sizes; a query for each of the two."""
    if not numbers:
        return PlanEntries([], [], [], [], [], [], [], [], [])
    if names is None:
        names = find_names(dataset_id, numbers)
    _, images, labels, splits, statuses, attributes = map(list, zip(*entries, strict=True))
    sizes = _sizes_of(images, labels)
    nothing = (None, None)
    found = [
        sizes.get(label or image, nothing) for label, image in zip(labels, images, strict=True)
    ]
    heights, widths = map(list, zip(*found, strict=True))
    return PlanEntries(
        numbers,
        [names[image_no] for image_no in numbers],
        images,
        labels,
        attributes,
        splits,
        statuses,
        heights,
        widths,
    )


def find_names(dataset_id: int, numbers: Sequence[int]) -> dict[int, str]:
    """Return the names of ascending image numbers, and perhaps of others between them."""
    first, last = numbers[0], numbers[-1]
    if last - first >= len(numbers) * _DENSE:
        return names_of(dataset_id, numbers)
    return dict(
        select_in(
            Image,
            ("image_no", "name"),
            "dataset_id",
            [dataset_id],
            where="image_no BETWEEN %s AND %s",
            parameters=[first, last],
        )
    )


def _sizes_of(
    images: Iterable[bytes | None], labels: Iterable[bytes | None]
) -> dict[bytes | None, tuple[int, int]]:
    """Return height and width by the digest of the label, or of a photograph without one."""
    rows = select_in(LabelRevision, ("digest", "height", "width"), "digest", set(labels) - {None})
    sizes: dict[bytes | None, tuple[int, int]] = {
        bytes(digest): (height, width) for digest, height, width in rows
    }
    unlabelled = {image for image, label in zip(images, labels, strict=True) if label is None}
    photos = get_photos(unlabelled - {None}).values()
    sizes.update((photo.digest, (photo.height, photo.width)) for photo in photos)
    return sizes
