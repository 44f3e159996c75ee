"""One page of what a client has to fetch to have a version."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from datasets_app.bulk import select_in
from datasets_app.candidates import find_candidates
from datasets_app.entries import Entry, EntryChange
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.photos import get_photos
from datasets_app.pulling.query import ImageQuery
from datasets_app.pulling.ranges import BlobRange, find_ranges
from datasets_app.tree import diff_roots, get_entries, iter_entries
from labels_app.models import LabelRevision
from labels_app.reading import Reading

# Where few images match, a page looks at this many times what it may show.
_LOOK_AT = 10


class PlanEntry(NamedTuple):
    """One image to have. Height and width are the label's, else the photograph's; None: unknown."""

    image_no: int
    name: str
    entry: Entry
    height: int | None
    width: int | None


class PlanPage(NamedTuple):
    """Images, names to forget, bytes to fetch, digests of which there are none any more.

    `after` is the last image number looked at, None after the last page.
    """

    entries: list[PlanEntry]
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
    look = limit if wanted.is_empty else limit * _LOOK_AT
    changes, last = _look(version, have, wanted, after, look, limit)
    names = names_of(version.dataset_id, [change.image_no for change in changes])
    kept = _matching(changes, names, wanted, reading)
    if len(kept) > limit:
        last = kept[limit - 1].image_no
        kept = kept[:limit]
        changes = [change for change in changes if change.image_no <= last]
    chosen = {change.image_no for change in kept}
    found = find_ranges(list(dict.fromkeys(_new_digests(kept, labels_only))))
    return PlanPage(
        entries=_with_sizes(kept, names),
        removed=[
            names[change.image_no]
            for change in changes
            if change.old is not None and change.image_no not in chosen
        ],
        ranges=found.ranges,
        erased=found.erased,
        after=last,
    )


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
    window = min(1_024, look // 64 + 1)
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


def _with_sizes(changes: Sequence[EntryChange], names: dict[int, str]) -> list[PlanEntry]:
    entries = [(change.image_no, change.new) for change in changes if change.new is not None]
    labels = {entry.label for _, entry in entries if entry.label is not None}
    sizes = {
        bytes(digest): (height, width)
        for digest, height, width in select_in(
            LabelRevision, ("digest", "height", "width"), "digest", labels
        )
    }
    photos = get_photos(
        {entry.image for _, entry in entries if entry.label is None and entry.image is not None}
    )
    sizes.update((digest, (photo.height, photo.width)) for digest, photo in photos.items())
    nothing = (None, None)
    return [
        PlanEntry(
            image_no, names[image_no], entry, *sizes.get(entry.label or entry.image or b"", nothing)
        )
        for image_no, entry in entries
    ]
