"""One page of what a client has to fetch to have a version."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from datasets_app.candidates import find_candidates
from datasets_app.entries import EntryChange
from datasets_app.image_query import ImageQuery
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.pulling.columns import PlanEntries, columns_of, read_entries
from datasets_app.pulling.ranges import BlobRange, find_ranges
from datasets_app.tree import diff_roots, get_entries, iter_entries
from labels_app.reading import Reading

# Where few images match, a page looks at this many times what it may show.
_LOOK_AT = 10
# Labels that are read for one page, where the filter asks for more than their counts.
_MOST_LABELS = 500


class PlanPage(NamedTuple):
    """Images, names to forget, bytes to fetch, digests of which there are none any more.

    `after` is the last image number looked at, None after the last page.
    """

    entries: PlanEntries
    removed: list[str]
    ranges: list[BlobRange]
    erased: list[bytes]
    after: int | None


def plan_page(
    version: Version,
    have: Version | None,
    wanted: ImageQuery,
    reading: Reading,
    *,
    labels_only: bool,
    after: int,
    limit: int,
) -> PlanPage:
    """Return what to fetch of the images above number `after`, up to `limit` of them.

    Parameters
    ----------
    have
        A version that the client has under the same query and taxonomy version: what is equal
        there is left out. None: it has nothing.

    Raises
    ------
    ObjectMissing
        The store lacks something that the version names.
    """
    if have is None and wanted.is_empty:
        return _page_of_all(version, labels_only=labels_only, after=after, limit=limit)
    if wanted.reads_labels:
        limit = min(limit, _MOST_LABELS)
    look = limit if wanted.is_empty or wanted.reads_labels else limit * _LOOK_AT
    changes, last = _look(version, have, wanted, after, look, limit)
    names = names_of(version.dataset_id, [change.image_no for change in changes])
    kept = _matching(changes, names, wanted, reading)
    if len(kept) > limit:
        last = kept[limit - 1].image_no
        kept = kept[:limit]
        changes = [change for change in changes if change.image_no <= last]
    chosen = {change.image_no for change in kept}
    found = find_ranges(list(dict.fromkeys(_new_digests(kept, labels_only))))
    numbers = [change.image_no for change in kept]
    entries = [change.new for change in kept if change.new is not None]
    return PlanPage(
        entries=columns_of(version.dataset_id, numbers, entries, names),
        removed=[
            names[change.image_no]
            for change in changes
            if change.old is not None and change.image_no not in chosen
        ],
        ranges=found.ranges,
        erased=found.erased,
        after=last,
    )


def _page_of_all(version: Version, *, labels_only: bool, after: int, limit: int) -> PlanPage:
    """Return a page for somebody who has nothing and wants everything: most images go here."""
    numbers, entries = read_entries(
        version.root, after=after, limit=limit + 1, window=_window_of(limit)
    )
    more = len(numbers) > limit
    columns = columns_of(version.dataset_id, numbers[:limit], entries[:limit])
    photos = [] if labels_only else columns.images
    wanted = dict.fromkeys(itertools.chain(photos, columns.labels, columns.attributes))
    found = find_ranges([digest for digest in wanted if digest is not None])
    return PlanPage(
        entries=columns,
        removed=[],
        ranges=found.ranges,
        erased=found.erased,
        after=columns.numbers[-1] if more else None,
    )


def _window_of(look: int) -> int:
    """Return how many nodes of a level to read at once for so many images."""
    return min(1_024, look // 64 + 1)


def _look(
    version: Version, have: Version | None, wanted: ImageQuery, after: int, look: int, limit: int
) -> tuple[list[EntryChange], int | None]:
    """Return images that may be wanted, and after which number to go on."""
    nodes = SqlNodes()
    groups = wanted.groups() if have is None else []
    if groups:
        found = find_candidates(version.dataset_id, groups, after=after, limit=limit)
        entries = get_entries(nodes, version.root, found.numbers)
        changes = [EntryChange(image_no, None, entry) for image_no, entry in entries.items()]
        return changes, found.go_on
    window = _window_of(look)
    if have is None:
        stream: Iterator[EntryChange] = (
            EntryChange(image_no, None, entry)
            for image_no, entry in iter_entries(nodes, version.root, after=after, window=window)
        )
    else:
        stream = diff_roots(nodes, have.root, version.root, after=after, window=window)
    changes = list(itertools.islice(stream, look + 1))
    if len(changes) <= look:
        return changes, None
    return changes[:look], changes[look - 1].image_no


def _matching(
    changes: Sequence[EntryChange],
    names: dict[int, str],
    wanted: ImageQuery,
    reading: Reading,
) -> list[EntryChange]:
    kept = [
        change
        for change in changes
        if change.new is not None and wanted.matches(names[change.image_no], change.new)
    ]
    if not wanted.classes:
        return kept
    labels = [change.new.label for change in kept if change.new and change.new.label]
    holding = wanted.holding(labels, reading)
    return [change for change in kept if change.new and wanted.takes(change.new, holding)]


def _new_digests(changes: Sequence[EntryChange], labels_only: bool) -> Iterator[bytes]:
    for _, old, new in changes:
        assert new is not None
        had = () if old is None else (old.image, old.label, old.attributes)
        photo = None if labels_only else new.image
        for digest in (photo, new.label, new.attributes):
            if digest is not None and digest not in had:
                yield digest
