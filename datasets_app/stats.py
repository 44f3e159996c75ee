"""What a version contains, in numbers: as stored, and as a taxonomy reads it.

The stored numbers take two queries, whatever the number of images. Under a taxonomy, pixels and
instances add and unions are counted (`datasets_app.unions` has the rules): as cheap, unless
several stored classes of one image read as one class.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from datasets_app.models import Job, Version, VersionClassStats, VersionSplitStats
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.tallies import ClassKey
from datasets_app.unions import HeldImages, SourceSet, UnionCounts, get_union_counts
from labels_app.reading import Reading

ALL_SPLITS = "*"


class ClassCount(NamedTuple):
    """One stored class in one split: `pixels` are visible ones; class 0 is void."""

    split: str
    class_id: int
    images: int
    segments: int
    crowds: int
    pixels: int


class SplitCount(NamedTuple):
    """One split; "" are the images in none. `pixels` are those of all labels."""

    split: str
    images: int
    labelled: int
    unlabelled: int
    segments: int
    pixels: int


class LiveClassCount(NamedTuple):
    """One live class in one split, as a taxonomy reads it; class 0 is void.

    `images`, the `segments` of stuff, and the crowds that stuff became are unions and do not
    add: they are None while they are not counted (RULES 5.5).
    """

    split: str
    class_id: int
    images: int | None
    segments: int | None
    crowds: int | None
    pixels: int


class LiveSplitCount(NamedTuple):
    """One split. `segments` are those a reader sees: of live classes, None while pending."""

    split: str
    images: int
    labelled: int
    unlabelled: int
    segments: int | None
    pixels: int


@dataclass(frozen=True, slots=True)
class LiveStats:
    """The statistics of a version as a taxonomy reads it, sorted by split and class.

    `classes` have one row per class and split that holds any of it, `over_splits` one per
    class. While `pending`, some numbers are None, and `job` counts them.
    """

    classes: tuple[LiveClassCount, ...]
    over_splits: tuple[LiveClassCount, ...]
    splits: tuple[LiveSplitCount, ...]
    totals: LiveSplitCount
    pending: bool
    job: Job | None


@dataclass(frozen=True, slots=True)
class VersionStats:
    """The statistics of a version, sorted by split and class."""

    classes: tuple[ClassCount, ...]
    splits: tuple[SplitCount, ...]

    @property
    def totals(self) -> SplitCount:
        """All splits together; the name of the split is "*"."""
        sums = [sum(column) for column in zip(*(row[1:] for row in self.splits), strict=True)]
        return SplitCount(ALL_SPLITS, *(sums or [0] * 5))

    def over_splits(self) -> tuple[ClassCount, ...]:
        """Return the classes with all splits together, each image being in one split."""
        sums: dict[int, list[int]] = defaultdict(lambda: [0] * 4)
        for row in self.classes:
            sums[row.class_id] = [a + b for a, b in zip(sums[row.class_id], row[2:], strict=True)]
        return tuple(ClassCount(ALL_SPLITS, class_id, *sums[class_id]) for class_id in sorted(sums))


def get_stats(version: Version) -> VersionStats:
    """Read the statistics of a version; two queries."""
    classes = VersionClassStats.objects.filter(version=version).order_by("split", "class_id")
    splits = VersionSplitStats.objects.filter(version=version).order_by("split")
    return VersionStats(
        tuple(ClassCount(*row) for row in classes.values_list(*ClassCount._fields)),
        tuple(SplitCount(*row) for row in splits.values_list(*SplitCount._fields)),
    )


def get_live_stats(
    version: Version, reading: Reading, *, actor: Any = None, known_only: bool = False
) -> LiveStats:
    """Read the statistics of a version as a taxonomy reads them.

    Two queries where no class has several sources in one split; else a constant number more,
    and a job for what a request cannot wait for (`datasets_app.unions`).

    Parameters
    ----------
    actor
        Who asks, if there is a job to ask for; None for nobody.
    known_only
        Leave out stored classes that the reading never had: those of a parent, say, that is
        compared under the older taxonomy of its child.

    Raises
    ------
    UnknownClass
        The version holds a class that the reading never had.
    """
    stored = get_stats(version)
    rows = [
        row
        for row in stored.classes
        if row.class_id == VOID_CLASS or not known_only or row.class_id in reading.live_of
    ]
    unions = get_union_counts(
        version, _source_sets(rows, reading), actor=actor, held=_held_images(stored)
    )
    classes = _read(rows, reading, unions)
    splits = tuple(_live_split(row, classes) for row in stored.splits)
    return LiveStats(
        classes=classes,
        over_splits=_over_splits(classes),
        splits=splits,
        totals=LiveSplitCount(*stored.totals)._replace(
            segments=_sum_known(row.segments for row in splits)
        ),
        pending=unions.pending,
        job=unions.job,
    )


def read_under(rows: Iterable[ClassCount], reading: Reading) -> tuple[LiveClassCount, ...]:
    """Return class counts as a taxonomy reads them, with None for every union of several sources.

    For rows of no version; those of a version have exact numbers in `get_live_stats`.
    """
    return _read(rows, reading, None)


# ---- classes ----------------------------------------------------------------


class _Sources(NamedTuple):
    """The stored ids that read as one live class, and those of them that read as crowds."""

    all: SourceSet
    crowds: SourceSet


def _live_id(class_id: int, reading: Reading) -> int:
    if class_id == VOID_CLASS:
        return VOID_CLASS
    live = reading.find(class_id)
    return VOID_CLASS if live is None or live.class_id is None else live.class_id


def _sources(live_id: int, reading: Reading) -> _Sources:
    if live_id == VOID_CLASS:
        return _Sources(frozenset((VOID_CLASS, *reading.sources_of.get(None, ()))), frozenset())
    sources = frozenset(reading.sources_of[live_id])
    return _Sources(sources, sources & reading.crowd_ids)


def _source_sets(rows: Iterable[ClassCount], reading: Reading) -> set[SourceSet]:
    """Return the sets of which the live classes of these rows need the unions."""
    sets: set[SourceSet] = set()
    for live_id in {_live_id(row.class_id, reading) for row in rows}:
        sets.update(filter(None, _sources(live_id, reading)))
    return sets


def _held_images(stored: VersionStats) -> HeldImages:
    return HeldImages(
        images={ClassKey(row.split, row.class_id): row.images for row in stored.classes},
        visible={ClassKey(row.split, row.class_id): row.pixels for row in stored.classes},
        labelled={row.split: row.labelled for row in stored.splits},
    )


def _read(
    rows: Iterable[ClassCount], reading: Reading, unions: UnionCounts | None
) -> tuple[LiveClassCount, ...]:
    of_class: dict[tuple[str, int], list[ClassCount]] = defaultdict(list)
    for row in rows:
        of_class[row.split, _live_id(row.class_id, reading)].append(row)
    return tuple(
        _live_class(split, live_id, of_class[split, live_id], reading, unions)
        for split, live_id in sorted(of_class)
        # Void that nothing is seen of is none; a class has its segments all the same.
        if live_id != VOID_CLASS or any(row.pixels for row in of_class[split, live_id])
    )


def _live_class(
    split: str, live_id: int, rows: list[ClassCount], reading: Reading, unions: UnionCounts | None
) -> LiveClassCount:
    sources = _sources(live_id, reading)
    pixels = sum(row.pixels for row in rows)
    images = _union(split, sources.all, rows, unions)
    if live_id == VOID_CLASS:
        return LiveClassCount(split, live_id, images, 0, 0, pixels)
    if reading.classes[live_id].kind == "stuff":
        return LiveClassCount(split, live_id, images, images, 0, pixels)
    joined = [row for row in rows if row.class_id in sources.crowds]
    single = [row for row in rows if row.class_id not in sources.crowds]
    crowds = _union(split, sources.crowds, joined, unions) if joined else 0
    return LiveClassCount(
        split,
        live_id,
        images,
        _sum_known((crowds, *(row.segments for row in single))),
        _sum_known((crowds, *(row.crowds for row in single))),
        pixels,
    )


def _union(
    split: str, sources: SourceSet, rows: list[ClassCount], unions: UnionCounts | None
) -> int | None:
    """Return how many images hold any of the sources, of which `rows` are those in the split."""
    if unions is not None:
        return unions.find(split, sources)
    if len(rows) != 1 or (VOID_CLASS in sources and rows[0].class_id != VOID_CLASS):
        return None
    return rows[0].images


# ---- sums -------------------------------------------------------------------


def _over_splits(classes: Iterable[LiveClassCount]) -> tuple[LiveClassCount, ...]:
    """Add the splits of each class, an image being in one split; None where one is unknown."""
    of_class: dict[int, list[LiveClassCount]] = defaultdict(list)
    for row in classes:
        of_class[row.class_id].append(row)
    return tuple(
        LiveClassCount(
            ALL_SPLITS,
            class_id,
            _sum_known(row.images for row in rows),
            _sum_known(row.segments for row in rows),
            _sum_known(row.crowds for row in rows),
            sum(row.pixels for row in rows),
        )
        for class_id, rows in sorted(of_class.items())
    )


def _live_split(stored: SplitCount, classes: Iterable[LiveClassCount]) -> LiveSplitCount:
    segments = _sum_known(row.segments for row in classes if row.split == stored.split)
    return LiveSplitCount(*stored)._replace(segments=segments)


def _sum_known(numbers: Iterable[int | None]) -> int | None:
    """Add numbers; None if any of them is not known."""
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total
