"""Where a list looks for images: in the index, among names or in the tree, a slice at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Protocol

from datasets_app.candidates import find_candidates, keep_candidates
from datasets_app.errors import InvalidCursor
from datasets_app.image_query import ImageQuery
from datasets_app.models import Image, Version
from datasets_app.names import is_storable
from datasets_app.numbering import names_of
from datasets_app.tree import NodeStore, iter_entries

# A filter with so few candidates per image of a page is "rare": then all of them are looked
# at, and not all names with a prefix.
_RARE = 8


class Source(Protocol):
    """Candidates, a slice at a time; knows names that it read anyway."""

    names: dict[int, str]
    exhausted: bool

    def take(self, count: int) -> list[int]: ...

    def cursor(self) -> str: ...

    def cursor_after(self, image_no: int) -> str: ...


def source_of(
    version: Version,
    wanted: ImageQuery,
    cursor: str | None,
    *,
    limit: int,
    most: int,
    nodes: NodeStore,
) -> Source:
    """Return where to look for `limit` images, by name where there is a prefix; else by number.

    Raises
    ------
    InvalidCursor
        The cursor is not from a list of this kind.
    """
    if wanted.prefix:
        return _ByName(version, wanted, name_of(cursor), limit)
    if wanted.groups():
        return _ByNumber(version, wanted, number_of(cursor), most)
    return _InTree(version, number_of(cursor), nodes)


class _ByNumber:
    """The candidates of the index, by number."""

    def __init__(self, version: Version, wanted: ImageQuery, after: int, most: int) -> None:
        self.names: dict[int, str] = {}
        found = find_candidates(version.dataset_id, wanted.groups(), after=after, limit=most)
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
        return cursor_at(self._last)

    def cursor_after(self, image_no: int) -> str:
        return cursor_at(image_no)


class _InTree:
    """All images by number, for filters that no index knows of."""

    def __init__(self, version: Version, after: int, nodes: NodeStore) -> None:
        self.names: dict[int, str] = {}
        self.exhausted = False
        # One leaf holds up to 64 images; little is read ahead.
        self._left = (no for no, _ in iter_entries(nodes, version.root, after=after, window=4))
        self._last = after

    def take(self, count: int) -> list[int]:
        numbers = list(itertools.islice(self._left, count + 1))
        self.exhausted = len(numbers) <= count
        if not self.exhausted:
            self._left = itertools.chain([numbers[-1]], self._left)  # type: ignore[assignment]
        numbers = numbers[:count]
        self._last = numbers[-1] if numbers else self._last
        return numbers

    def cursor(self) -> str:
        return cursor_at(self._last)

    def cursor_after(self, image_no: int) -> str:
        return cursor_at(image_no)


class _ByName:
    """Names with a prefix, in their order; where few images match the rest, only those."""

    def __init__(self, version: Version, wanted: ImageQuery, after: str, limit: int) -> None:
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
            slice_ = named_after(self._dataset_id, self._prefix, self._last, count + 1)
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


# ---- names ------------------------------------------------------------------


def named_after(dataset_id: int, prefix: str, last: str, count: int) -> list[tuple[str, int]]:
    """Return up to `count` names with a prefix after `last` ("": from the first), and numbers."""
    names = Image.objects.filter(dataset=dataset_id, name__gte=prefix)
    end = _end_of_prefix(prefix)
    if end is not None:
        names = names.filter(name__lt=end)
    if last:
        names = names.filter(name__gt=last)
    return list(names.order_by("name").values_list("name", "image_no")[:count])


def named_before(dataset_id: int, prefix: str, name: str, count: int) -> list[tuple[str, int]]:
    """Return up to `count` names with a prefix before `name`, the last one first."""
    names = Image.objects.filter(dataset=dataset_id, name__gte=prefix, name__lt=name)
    return list(names.order_by("-name").values_list("name", "image_no")[:count])


def _end_of_prefix(prefix: str) -> str | None:
    """Return the least text above all that start with `prefix`; None where there is none."""
    while prefix:
        following = ord(prefix[-1]) + 1
        if following <= 0x10FFFF:
            # Surrogates are no text: the next letter after U+D7FF is U+E000.
            return prefix[:-1] + chr(0xE000 if 0xD800 <= following <= 0xDFFF else following)
        prefix = prefix[:-1]
    return None


# ---- cursors ----------------------------------------------------------------


def cursor_at(image_no: int) -> str:
    """Return the cursor of what comes after an image."""
    return str(image_no)


def number_of(cursor: str | None) -> int:
    """Return the number that a cursor says; raise `InvalidCursor` where it says none."""
    if cursor is None:
        return -1
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 10:
        raise InvalidCursor(cursor)
    return int(cursor)


def name_of(cursor: str | None) -> str:
    """Return the name that a cursor says; raise `InvalidCursor` where no image has such a one."""
    if cursor is not None and not is_storable(cursor):
        raise InvalidCursor(ascii(cursor))
    return cursor or ""
