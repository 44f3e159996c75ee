"""Find what leaks between the splits of a version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_app.attributes import get_attributes
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.leaks.certainty import certainty_of
from datasets_app.leaks.images import (
    NO_SPLIT,
    NONE,
    ImageColumns,
    iter_spread,
    pair_up,
    read_columns,
)
from datasets_app.leaks.kept import KeptHashes, get_hashes
from datasets_app.leaks.neighbours import Hashes, find_pairs
from datasets_app.leaks.request import LeakRequest
from datasets_app.models import Version
from datasets_app.models.leak_report import LeakKind
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.splitting import KEY_SEPARATOR, GroupKey
from datasets_app.tree import get_entries

# The kinds that are leaks. Two scenes may have equal labels and be two scenes.
LEAKS = (LeakKind.EXACT, LeakKind.NEAR, LeakKind.MIRRORED, LeakKind.GROUP)


class FoundLeak(NamedTuple):
    """A row of a report, as `models.Leak`."""

    kind: LeakKind
    group: int
    first_no: int
    second_no: int
    distance: int | None = None
    certainty: float | None = None
    detail: Mapping[str, Any] = {}


class FoundLeaks(NamedTuple):
    """A report: sums, and the leaks, the surest first."""

    totals: dict[str, Any]
    leaks: list[FoundLeak]


def find_leaks(version: Version, request: LeakRequest, progress: Progress = silent) -> FoundLeaks:
    """Find images of different splits that are the same, look the same, or belong together.

    Images without a split leak nowhere and are left out. Photographs are hashed once; after
    that it takes seconds for 100,000 of them. Of photographs that are like many others the
    nearest pairs are listed, and all are counted.
    """
    columns = read_columns(version, request.group, progress)
    photos = _spans(columns)
    hashed = get_hashes([columns.photos[place] for place in photos.used], progress)
    looks = _find_looks(columns, photos, hashed, request.distance, progress)
    exact = [
        _Look(LeakKind.EXACT, columns.photo[first], columns.photo[second], first, second, 0, 1.0)
        for owner in iter_spread(columns, columns.photo)
        for first, second in pair_up(columns, owner.rows)
    ]
    looks_alike = [*exact, *looks.found]
    numbers = _number_groups(looks_alike)
    leaks = [look.as_leak(columns, numbers) for look in looks_alike]
    leaks += _divided_groups(version, columns, request.group)
    leaks += _same_labels(columns)
    counts = Counter(leak.kind for leak in leaks) | looks.counts
    totals = {
        **request.to_plain(),
        "leaks": sum(counts[kind] for kind in LEAKS),
        "counts": {kind.value: counts[kind] for kind in LeakKind},
        "listed": len(leaks),
        "groups": len(set(numbers.values())),
        "between": _between(columns, leaks),
        "images": len(columns.image_no),
        "without_split": int(np.count_nonzero(columns.split == NO_SPLIT)),
        "photographs": len(photos.used),
        "not_compared": {
            state: hashed.states.get(state, 0) for state in ("flat", "unreadable", "lost")
        },
    }
    return FoundLeaks(totals, leaks)


class _Spans(NamedTuple):
    """Photographs of images with a split: the lowest and the highest number of their splits."""

    used: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


class _Look(NamedTuple):
    """Two photographs that look alike, and the rows of an image of each."""

    kind: LeakKind
    photo: int
    other: int
    first: int
    second: int
    distance: int
    certainty: float

    def as_leak(self, columns: ImageColumns, numbers: Mapping[int, int]) -> FoundLeak:
        return FoundLeak(
            self.kind,
            numbers[int(self.photo)],
            int(columns.image_no[self.first]),
            int(columns.image_no[self.second]),
            self.distance,
            self.certainty,
        )


class _Looks(NamedTuple):
    found: list[_Look]
    counts: Counter[LeakKind]


def _spans(columns: ImageColumns) -> _Spans:
    rows = np.flatnonzero((columns.photo != NONE) & (columns.split != NO_SPLIT))
    low = np.full(len(columns.photos), len(columns.splits), np.int64)
    high = np.zeros(len(columns.photos), np.int64)
    np.minimum.at(low, columns.photo[rows], columns.split[rows])
    np.maximum.at(high, columns.photo[rows], columns.split[rows])
    used = np.flatnonzero(high != NO_SPLIT)
    return _Spans(used, low[used], high[used])


def _find_looks(
    columns: ImageColumns, photos: _Spans, hashed: KeptHashes, most: int, progress: Progress
) -> _Looks:
    """Find near and mirrored pairs, the nearest first."""
    rows = hashed.rows
    hashes = Hashes(hashed.waves, hashed.slopes, photos.low[rows], photos.high[rows])
    places = photos.used[rows]
    images = _images_of(columns)
    found: list[_Look] = []
    counts: Counter[LeakKind] = Counter()
    for kind, mirrored in ((LeakKind.NEAR, False), (LeakKind.MIRRORED, True)):
        pairs, counts[kind] = find_pairs(hashes, most, mirrored=mirrored, progress=progress)
        for a, b, bits in zip(*(column.tolist() for column in pairs), strict=True):
            photo, other = int(places[a]), int(places[b])
            first, second = images.apart(photo, other)
            certainty = certainty_of(bits, len(rows))
            found.append(_Look(kind, photo, other, first, second, bits, certainty))
    found.sort(key=lambda look: (look.distance, look.first, look.second))
    return _Looks(found, counts)


class _ImagesOfPhotos:
    """The rows of each photograph's images that have a split."""

    def __init__(self, columns: ImageColumns) -> None:
        self._split = columns.split
        rows = np.flatnonzero((columns.photo != NONE) & (columns.split != NO_SPLIT))
        self._rows = rows[np.argsort(columns.photo[rows], kind="stable")]
        self._photos = columns.photo[self._rows]

    def apart(self, photo: int, other: int) -> tuple[int, int]:
        """Return the first images of two photographs that are in different splits."""
        firsts, seconds = self._of(photo), self._of(other)
        lead, follower = int(firsts[0]), int(seconds[0])
        for row in seconds:
            if self._split[row] != self._split[lead]:
                return lead, int(row)
        for row in firsts:
            if self._split[row] != self._split[follower]:
                return int(row), follower
        raise AssertionError("the pair is in one split")

    def _of(self, photo: int) -> NDArray[np.int64]:
        begin, end = np.searchsorted(self._photos, [photo, photo + 1])
        return self._rows[begin:end]


def _images_of(columns: ImageColumns) -> _ImagesOfPhotos:
    return _ImagesOfPhotos(columns)


def _number_groups(looks: Sequence[_Look]) -> dict[int, int]:
    """Return by photograph the number of its group, from 1: what looks alike by steps."""
    parents: dict[int, int] = {}

    def root_of(photo: int) -> int:
        parents.setdefault(photo, photo)
        while parents[photo] != photo:
            parents[photo] = photo = parents[parents[photo]]
        return photo

    for look in looks:
        parents[root_of(int(look.photo))] = root_of(int(look.other))
    numbers: dict[int, int] = {}
    return {
        int(look.photo): numbers.setdefault(root_of(int(look.photo)), len(numbers) + 1)
        for look in looks
    }


def _divided_groups(
    version: Version, columns: ImageColumns, key: GroupKey | None
) -> Iterator[FoundLeak]:
    if key is None:
        return
    owners = list(iter_spread(columns, columns.group))
    leads = [int(columns.image_no[owner.rows[0]]) for owner in owners]
    keys = _keys_of(version, key, leads)
    for owner, lead in zip(owners, leads, strict=True):
        _, second = next(pair_up(columns, owner.rows))
        held = Counter(columns.split[owner.rows].tolist())
        detail = {
            "key": keys[lead],
            "splits": {columns.splits[split]: images for split, images in sorted(held.items())},
        }
        yield FoundLeak(LeakKind.GROUP, 0, lead, int(columns.image_no[second]), None, 1.0, detail)


def _keys_of(version: Version, key: GroupKey, numbers: list[int]) -> dict[int, str]:
    """Return the keys of some images, as people read them."""
    names = names_of(version.dataset_id, numbers)
    entries = get_entries(SqlNodes(), version.root, numbers) if key.needs_attributes else {}
    found = (
        get_attributes(e.attributes for e in entries.values() if e.attributes) if entries else {}
    )
    keys = {}
    for number in numbers:
        entry = entries.get(number)
        attributes = found.get(entry.attributes) if entry and entry.attributes else None
        keys[number] = (key.find(names[number], attributes) or "").replace(KEY_SEPARATOR, " ")
    return keys


def _same_labels(columns: ImageColumns) -> Iterator[FoundLeak]:
    for owner in iter_spread(columns, columns.label):
        for first, second in pair_up(columns, owner.rows):
            photo = columns.photo[first]
            if photo == NONE or photo != columns.photo[second]:
                numbers = int(columns.image_no[first]), int(columns.image_no[second])
                yield FoundLeak(LeakKind.SAME_LABEL, 0, *numbers)


def _between(columns: ImageColumns, leaks: Iterable[FoundLeak]) -> list[dict[str, Any]]:
    """Count the listed leaks by the splits that they are between."""
    counts: Counter[tuple[str, str, LeakKind]] = Counter()
    for leak in leaks:
        rows = np.searchsorted(columns.image_no, [leak.first_no, leak.second_no])
        one, other = sorted(columns.splits[split] for split in columns.split[rows])
        counts[one, other, leak.kind] += 1
    return [
        {"splits": [one, other], "kind": kind.value, "listed": number}
        for (one, other, kind), number in sorted(counts.items())
    ]
