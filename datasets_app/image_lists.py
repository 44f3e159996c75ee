"""The images of a version, a page at a time.

A page costs a constant number of queries and rows in proportion to what it shows. Without a
prefix, images come in the order of their numbers; with one, in that of their names. A page may
be short, even empty, before the last one: filters look at a bounded number of candidates and
tell where to go on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from datasets_app.candidates import find_candidates
from datasets_app.entries import Entry
from datasets_app.errors import NotFound
from datasets_app.image_query import EVERY_IMAGE, ImageQuery
from datasets_app.image_rows import ImageRow, read_rows
from datasets_app.image_sources import (
    Source,
    cursor_at,
    named_after,
    named_before,
    number_of,
    source_of,
)
from datasets_app.models import Version
from datasets_app.names import is_storable
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import find_numbers, names_of
from datasets_app.tree import NodeStore, get_entries, iter_entries
from labels_app.reading import Reading, reading_of

# A page looks at up to so many candidates per image that it may show, in so many steps; the
# first step is the page itself, the later ones are as large as the first one tells.
_LOOK_AT = 20
_STEPS = 3
# So many where each is a label that is read from the store: a millisecond and more.
_LOOK_AT_LABELS = 4
# Before an image: candidates that are looked at, in pieces.
_LOOK_BACK, _FAR_PIECE, _PIECE = 1_024, 256, 64


class ImagePage(NamedTuple):
    """Some images, and the cursor of the next page; None after the last.

    `looked_at` images were looked at for it.
    """

    rows: list[ImageRow]
    cursor: str | None
    looked_at: int = 0


def list_images(
    version: Version,
    wanted: ImageQuery = EVERY_IMAGE,
    *,
    limit: int,
    cursor: str | None = None,
    reading: Reading | None = None,
    nodes: NodeStore | None = None,
) -> ImagePage:
    """Return up to `limit` images of a version that match, and how to go on.

    `reading` counts their segments as a taxonomy reads them; None: as they are stored. A filter
    by segments was parsed with it; None: with the version's own taxonomy.

    Raises
    ------
    InvalidCursor
        The cursor is not from a list of this kind.
    """
    if not is_storable(wanted.prefix):
        return ImagePage([], None)
    if wanted.is_empty:
        return _plain_page(version, reading, number_of(cursor), limit, nodes or SqlNodes())
    # Each step walks down from the root.
    nodes = nodes or SqlNodes(keep=True)
    most = limit * (_LOOK_AT_LABELS if wanted.reads_labels else _LOOK_AT)
    source = source_of(version, wanted, cursor, limit=limit, most=most, nodes=nodes)
    found: dict[int, Entry] = {}
    looked_at, asked, step = 0, 0, limit
    for _ in range(_STEPS):
        numbers = source.take(step)
        looked_at += len(numbers)
        asked += step  # of names, more than the candidates among them
        for image_no, entry in _confirm(
            version, wanted, numbers, nodes, source.names, reading
        ).items():
            if len(found) == limit:
                cursor = source.cursor_after([*found][-1])
                return _page(version, reading, found, source, cursor, looked_at)
            found[image_no] = entry
        if source.exhausted:
            return _page(version, reading, found, source, None, looked_at)
        step = _next_step(limit, len(found), asked, most)
        if step <= 0:
            break
    return _page(version, reading, found, source, source.cursor(), looked_at)


class Around(NamedTuple):
    """The matching images next to one; where one is None, `is_cut_…` says whether to look on."""

    before: int | None
    after: int | None
    is_cut_before: bool
    is_cut_after: bool


def find_around(
    version: Version, wanted: ImageQuery, image: ImageRow, reading: Reading, nodes: NodeStore
) -> Around:
    """Look at the candidates nearest to an image, before and after it, all at once."""
    near = _PIECE // 4 if wanted.reads_labels else _PIECE
    number, dataset_id = image.image_no, version.dataset_id
    names: dict[int, str] = {}
    if wanted.prefix:
        sides = (
            named_before(dataset_id, wanted.prefix, image.name, near),
            named_after(dataset_id, wanted.prefix, image.name, near),
        )
        names = {other: name for side in sides for name, other in side}
        before, after = ([other for _, other in side] for side in sides)
        is_whole_before = is_whole_after = False
    else:
        first = max(number - _LOOK_BACK, 0)
        if groups := wanted.groups():
            found = find_candidates(
                dataset_id, groups, after=first - 1, limit=2 * _LOOK_BACK, chunks=2
            )
            numbers, is_whole_after = found.numbers, found.go_on is None
        else:
            first = max(number - near, 0)
            numbers = list(get_entries(nodes, version.root, range(first, number + near + 1)))
            is_whole_after = number + near >= version.dataset.next_image_no
        before = [other for other in numbers if other < number][: -near - 1 : -1]
        after = [other for other in numbers if other > number]
        is_whole_before = first == 0
        is_whole_after = is_whole_after and len(after) <= near
        after = after[:near]
    confirmed = _confirm(version, wanted, [*before, *after], nodes, names, reading)
    return Around(
        next((other for other in before if other in confirmed), None),
        next((other for other in after if other in confirmed), None),
        len(before) == near or not (is_whole_before or wanted.prefix),
        len(after) == near or not (is_whole_after or wanted.prefix),
    )


def find_image_before(
    version: Version,
    wanted: ImageQuery,
    image: ImageRow,
    reading: Reading,
    nodes: NodeStore | None = None,
) -> int | None:
    """Return the number of the last image that matches before one, in the order of the list.

    Looks at up to 1,024 candidates and 16,384 numbers, of 64 labels at most where the filter
    reads them; None where there is none among these.
    """
    nodes = nodes or SqlNodes(keep=True)
    names: dict[int, str] = {}
    if wanted.prefix:
        before = named_before(version.dataset_id, wanted.prefix, image.name, _LOOK_BACK)
        names = {image_no: name for name, image_no in before}
        numbers = [image_no for _, image_no in before]
    else:
        numbers = _numbers_before(version, wanted, image.image_no, nodes)
    if wanted.reads_labels:
        numbers = numbers[:_PIECE]
    for start in range(0, len(numbers), _FAR_PIECE):
        piece = numbers[start : start + _FAR_PIECE]
        for image_no in _confirm(version, wanted, piece, nodes, names, reading):
            return image_no
    return None


def get_image(
    version: Version,
    image_no: int,
    nodes: NodeStore | None = None,
    *,
    reading: Reading | None = None,
) -> ImageRow:
    """Return one image of a version; `reading` as in `list_images`.

    Raises
    ------
    NotFound
        The version has no image of this number.
    """
    entries = get_entries(nodes or SqlNodes(), version.root, [image_no])
    if image_no not in entries:
        raise NotFound("image", str(image_no))
    return read_rows(version, reading, {image_no: entries[image_no]}, None)[0]


def find_image_no(version: Version, name: str, nodes: NodeStore | None = None) -> int | None:
    """Return the number of the image of this name, None where the version has none."""
    if not is_storable(name):
        return None
    image_no = find_numbers(version.dataset_id, [name]).get(name)
    if image_no is None or not get_entries(nodes or SqlNodes(), version.root, [image_no]):
        return None
    return image_no


def _numbers_before(
    version: Version, wanted: ImageQuery, image_no: int, nodes: NodeStore
) -> list[int]:
    """Return candidates before a number, the nearest first."""
    groups = wanted.groups()
    for span in (1_024, 16_384):
        first = max(image_no - span, 0)
        if groups:
            # All of them: those nearest to the image are the last.
            found = find_candidates(
                version.dataset_id, groups, after=first - 1, limit=span, chunks=6
            ).numbers
        else:
            near = range(max(image_no - _LOOK_BACK, 0), image_no)
            found = list(get_entries(nodes, version.root, near))
        before = [number for number in found if number < image_no]
        if before or not first or not groups:
            return before[: -_LOOK_BACK - 1 : -1]
    return []


def _next_step(limit: int, found: int, looked_at: int, most: int) -> int:
    """Return how many candidates should fill the page, at the rate of those looked at."""
    left = most - looked_at
    if found == limit or not looked_at:
        return 0 if found == limit else left
    return left if not found else min(left, (limit - found) * looked_at * 5 // (found * 4) + 1)


def _plain_page(
    version: Version, reading: Reading | None, after: int, limit: int, nodes: NodeStore
) -> ImagePage:
    # A leaf holds up to 64 images; reading few leaves ahead keeps a page cheap.
    window = limit // 64 + 2
    found = list(
        itertools.islice(iter_entries(nodes, version.root, after=after, window=window), limit + 1)
    )
    cursor = cursor_at(found[limit - 1][0]) if len(found) > limit else None
    rows = read_rows(version, reading, dict(found[:limit]), None)
    return ImagePage(rows, cursor, len(rows))


def _confirm(
    version: Version,
    wanted: ImageQuery,
    numbers: Sequence[int],
    nodes: NodeStore,
    names: dict[int, str],
    reading: Reading | None,
) -> dict[int, Entry]:
    """Return those candidates that match in this version, in the order given."""
    entries = get_entries(nodes, version.root, numbers)
    kept = {
        image_no: entries[image_no]
        for image_no in numbers
        if image_no in entries and wanted.matches_entry(entries[image_no])
    }
    if wanted.not_prefixes:
        known = names or names_of(version.dataset_id, list(kept))
        kept = {
            image_no: entry
            for image_no, entry in kept.items()
            if not known[image_no].startswith(wanted.not_prefixes)
        }
    if not wanted.classes:
        return kept
    labels = [entry.label for entry in kept.values() if entry.label is not None]
    own = reading or reading_of(version.taxonomy_version)
    holding = wanted.holding(labels, own) if labels else set()
    return {no: entry for no, entry in kept.items() if wanted.takes(entry, holding)}


def _page(
    version: Version,
    reading: Reading | None,
    found: dict[int, Entry],
    source: Source,
    cursor: str | None,
    looked_at: int,
) -> ImagePage:
    rows = read_rows(version, reading, found, source.names)
    return ImagePage(rows, cursor, looked_at)
