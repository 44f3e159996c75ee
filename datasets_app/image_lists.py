"""The images of a version, a page at a time.

A page costs a constant number of queries and rows in proportion to what it shows. Without a
prefix, images come in the order of their numbers; with one, in that of their names. A page may
be short, even empty, before the last one: filters look at a bounded number of candidates and
tell where to go on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from datasets_app.candidates import (
    class_key,
    find_candidates,
    keep_candidates,
    split_key,
    status_key,
)
from datasets_app.entries import Entry, Status
from datasets_app.errors import InvalidCursor, NotFound
from datasets_app.image_rows import ImageRow, read_rows
from datasets_app.models import Image, Version
from datasets_app.names import is_storable
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import find_numbers, names_of
from datasets_app.tree import NodeStore, get_entries, iter_entries
from labels_app.models import LabelRevision
from labels_app.reading import Reading
from labels_app.revisions import revisions
from panoptic.class_counts import unpack_counts

# A page looks at up to so many candidates per image that it may show, in so many steps; the
# first step is the page itself, the later ones are as large as the first one tells.
_LOOK_AT = 20
_STEPS = 3
# A filter with so few candidates per image of a page is "rare": then all of them are looked
# at, and not all names with a prefix.
_RARE = 8


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images to list; None and empty values do not filter.

    `class_ids` are stored class ids, of which an image has at least one: the sources of a
    class of the taxonomy one reads by. The split "" means: in no split.
    """

    class_ids: tuple[int, ...] = ()
    split: str | None = None
    status: Status | None = None
    prefix: str = ""

    def groups(self) -> list[list[str]]:
        """Return the keys of the index: one group per condition, any key of a group matches."""
        groups = []
        if self.class_ids:
            groups.append([class_key(class_id) for class_id in sorted(set(self.class_ids))])
        if self.split is not None:
            groups.append([split_key(self.split)])
        if self.status is not None:
            groups.append([status_key(self.status)])
        return groups

    def matches(self, entry: Entry, revision: LabelRevision | None) -> bool:
        """Say whether an entry matches in all but the name."""
        if self.split not in (None, entry.split) or self.status not in (None, entry.status):
            return False
        if not self.class_ids:
            return True
        if revision is None:
            return False
        held = unpack_counts(bytes(revision.counts)).class_ids.tolist()
        return not set(self.class_ids).isdisjoint(held)


class ImagePage(NamedTuple):
    """Some images, and the cursor of the next page; None after the last."""

    rows: list[ImageRow]
    cursor: str | None


def list_images(
    version: Version,
    wanted: ImageFilter = ImageFilter(),
    *,
    limit: int,
    cursor: str | None = None,
    reading: Reading | None = None,
    nodes: NodeStore | None = None,
) -> ImagePage:
    """Return up to `limit` images of a version that match, and how to go on.

    `reading` counts their segments as a taxonomy reads them; None: as they are stored.

    Raises
    ------
    InvalidCursor
        The cursor is not from a list of this kind.
    """
    nodes = nodes or SqlNodes()
    if not is_storable(wanted.prefix):
        return ImagePage([], None)
    if wanted.prefix:
        source: _Source = _ByName(version, wanted, _name_of(cursor), limit)
    elif wanted.groups():
        source = _ByNumber(version, wanted, _number_of(cursor), limit)
    else:
        return _plain_page(version, reading, _number_of(cursor), limit, nodes)
    found: dict[int, _Found] = {}
    looked_at, step = 0, limit
    for _ in range(_STEPS):
        looked_at += step
        numbers = source.take(step)
        for image_no, match in _confirm(version, wanted, numbers, nodes).items():
            if len(found) == limit:
                cursor = source.cursor_after([*found][-1])
                return _page(version, reading, found, source, cursor)
            found[image_no] = match
        if source.exhausted:
            return _page(version, reading, found, source, None)
        step = _next_step(limit, len(found), looked_at)
        if step <= 0:
            break
    return _page(version, reading, found, source, source.cursor())


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


# ---- pages ------------------------------------------------------------------


class _Found(NamedTuple):
    entry: Entry
    revision: LabelRevision | None


class _Source(Protocol):
    """Candidates, a slice at a time; knows names that it read anyway."""

    names: dict[int, str]
    exhausted: bool

    def take(self, count: int) -> list[int]: ...

    def cursor(self) -> str: ...

    def cursor_after(self, image_no: int) -> str: ...


class _ByNumber:
    """The candidates of the index, by number."""

    def __init__(self, version: Version, wanted: ImageFilter, after: int, limit: int) -> None:
        self.names: dict[int, str] = {}
        found = find_candidates(
            version.dataset_id, wanted.groups(), after=after, limit=_LOOK_AT * limit
        )
        self._left = iter(found.numbers)
        self._count = len(found.numbers)
        self._go_on = found.go_on
        self._last = after
        self.exhausted = False

    def take(self, count: int) -> list[int]:
        numbers = list(itertools.islice(self._left, count))
        self._count -= len(numbers)
        if self._count:
            self._last = numbers[-1]
        else:
            self.exhausted = self._go_on is None
            self._last = self._go_on if self._go_on is not None else self._last
        return numbers

    def cursor(self) -> str:
        return _cursor_at(self._last)

    def cursor_after(self, image_no: int) -> str:
        return _cursor_at(image_no)


class _ByName:
    """Names with a prefix, in their order; where few images match the rest, only those."""

    def __init__(self, version: Version, wanted: ImageFilter, after: str, limit: int) -> None:
        self.names: dict[int, str] = {}
        self.exhausted = False
        self._dataset_id, self._prefix, self._last = version.dataset_id, wanted.prefix, after
        self._rare: Iterator[tuple[str, int]] | None = None
        self._groups = wanted.groups()
        if self._groups:
            found = find_candidates(version.dataset_id, self._groups, after=-1, limit=_RARE * limit)
            if found.go_on is None:
                self._rare = iter(self._named(found.numbers))

    def take(self, count: int) -> list[int]:
        if self._rare is not None:
            slice_ = list(itertools.islice(self._rare, count + 1))
        else:
            slice_ = self._scan(count + 1)
        self.exhausted = len(slice_) <= count
        if not self.exhausted and self._rare is not None:
            self._rare = itertools.chain([slice_[-1]], self._rare)
        slice_ = slice_[:count]
        self.names.update((image_no, name) for name, image_no in slice_)
        if slice_:
            self._last = slice_[-1][0]
        numbers = [image_no for _, image_no in slice_]
        if self._rare is None and self._groups:
            return keep_candidates(self._dataset_id, self._groups, numbers)
        return numbers

    def cursor(self) -> str:
        return self._last

    def cursor_after(self, image_no: int) -> str:
        return self.names[image_no]

    def _named(self, numbers: Sequence[int]) -> list[tuple[str, int]]:
        names = names_of(self._dataset_id, numbers)
        return sorted(
            ((name, image_no) for image_no, name in names.items() if self._is_next(name)),
            key=lambda pair: pair[0].encode(),
        )

    def _is_next(self, name: str) -> bool:
        return name.startswith(self._prefix) and name.encode() > self._last.encode()

    def _scan(self, count: int) -> list[tuple[str, int]]:
        names = Image.objects.filter(dataset=self._dataset_id, name__gte=self._prefix)
        end = _end_of_prefix(self._prefix)
        if end is not None:
            names = names.filter(name__lt=end)
        if self._last:
            names = names.filter(name__gt=self._last)
        return list(names.order_by("name").values_list("name", "image_no")[:count])


def _next_step(limit: int, found: int, looked_at: int) -> int:
    """Return how many candidates should fill the page, at the rate of those looked at."""
    left = _LOOK_AT * limit - looked_at
    if found == limit:
        return 0
    return left if not found else min(left, (limit - found) * looked_at * 5 // (found * 4) + 1)


def _plain_page(
    version: Version, reading: Reading | None, after: int, limit: int, nodes: NodeStore
) -> ImagePage:
    # A leaf holds up to 64 images; reading few leaves ahead keeps a page cheap.
    window = limit // 64 + 2
    found = list(
        itertools.islice(iter_entries(nodes, version.root, after=after, window=window), limit + 1)
    )
    cursor = _cursor_at(found[limit - 1][0]) if len(found) > limit else None
    return ImagePage(read_rows(version, reading, dict(found[:limit]), None), cursor)


def _confirm(
    version: Version, wanted: ImageFilter, numbers: Sequence[int], nodes: NodeStore
) -> dict[int, _Found]:
    """Return those candidates that match in this version, in the order given."""
    entries = get_entries(nodes, version.root, numbers)
    labels = [entry.label for entry in entries.values() if entry.label is not None]
    known = revisions(labels) if wanted.class_ids else {}
    confirmed = {}
    for image_no in numbers:
        entry = entries.get(image_no)
        if entry is not None:
            revision = known.get(entry.label) if entry.label is not None else None
            if wanted.matches(entry, revision):
                confirmed[image_no] = _Found(entry, revision)
    return confirmed


def _page(
    version: Version,
    reading: Reading | None,
    found: dict[int, _Found],
    source: _Source,
    cursor: str | None,
) -> ImagePage:
    entries = {image_no: match.entry for image_no, match in found.items()}
    return ImagePage(read_rows(version, reading, entries, source.names), cursor)


# ---- cursors ----------------------------------------------------------------


def _cursor_at(image_no: int) -> str:
    return str(image_no)


def _number_of(cursor: str | None) -> int:
    if cursor is None:
        return -1
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 10:
        raise InvalidCursor(cursor)
    return int(cursor)


def _name_of(cursor: str | None) -> str:
    if cursor is not None and not is_storable(cursor):
        raise InvalidCursor(ascii(cursor))
    return cursor or ""


def _end_of_prefix(prefix: str) -> str | None:
    """Return the least text above all that start with `prefix`; None where there is none."""
    while prefix:
        following = ord(prefix[-1]) + 1
        if following <= 0x10FFFF:
            # Surrogates are no text: the next letter after U+D7FF is U+E000.
            return prefix[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)
        prefix = prefix[:-1]
    return None
