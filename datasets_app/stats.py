"""What a version contains, in numbers: two queries, whatever the number of images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from datasets_app.models import Version, VersionClassStats, VersionSplitStats
from datasets_app.models.statistics import VOID_CLASS
from labels_app.reading import Reading


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
    """One live class in one split, as a taxonomy reads it.

    `images`, and `segments` of stuff, are unions and do not add: they are None where the
    class has several stored sources in the split (RULES 5.5).
    """

    split: str
    class_id: int
    images: int | None
    segments: int | None
    crowds: int | None
    pixels: int


@dataclass(frozen=True, slots=True)
class VersionStats:
    """The statistics of a version, sorted by split and class."""

    classes: tuple[ClassCount, ...]
    splits: tuple[SplitCount, ...]

    @property
    def totals(self) -> SplitCount:
        """All splits together; the name of the split is "*"."""
        sums = [sum(column) for column in zip(*(row[1:] for row in self.splits), strict=True)]
        return SplitCount("*", *(sums or [0] * 5))

    def over_splits(self) -> tuple[ClassCount, ...]:
        """Return the classes with all splits together, each image being in one split."""
        sums: dict[int, list[int]] = defaultdict(lambda: [0] * 4)
        for row in self.classes:
            sums[row.class_id] = [a + b for a, b in zip(sums[row.class_id], row[2:], strict=True)]
        return tuple(ClassCount("*", class_id, *sums[class_id]) for class_id in sorted(sums))


def get_stats(version: Version) -> VersionStats:
    """Read the statistics of a version; two queries."""
    classes = VersionClassStats.objects.filter(version=version).order_by("split", "class_id")
    splits = VersionSplitStats.objects.filter(version=version).order_by("split")
    return VersionStats(
        tuple(ClassCount(*row) for row in classes.values_list(*ClassCount._fields)),
        tuple(SplitCount(*row) for row in splits.values_list(*SplitCount._fields)),
    )


def read_under(rows: Iterable[ClassCount], reading: Reading) -> tuple[LiveClassCount, ...]:
    """Return class counts as a taxonomy reads them; void and what reads as void is class 0."""
    sources: dict[tuple[str, int], list[ClassCount]] = defaultdict(list)
    for row in rows:
        live = reading.find(row.class_id) if row.class_id != VOID_CLASS else None
        live_id = VOID_CLASS if live is None or live.class_id is None else live.class_id
        sources[row.split, live_id].append(row)
    return tuple(
        _joined(split, class_id, of_class, reading)
        for (split, class_id), of_class in sorted(sources.items())
    )


def _joined(split: str, class_id: int, rows: list[ClassCount], reading: Reading) -> LiveClassCount:
    pixels = sum(row.pixels for row in rows)
    images = rows[0].images if len(rows) == 1 else None
    if class_id == VOID_CLASS:
        return LiveClassCount(split, class_id, images, 0, 0, pixels)
    if class_id in reading.thing_ids:
        segments = sum(row.segments for row in rows)
        crowds = sum(row.crowds for row in rows)
        return LiveClassCount(split, class_id, images, segments, crowds, pixels)
    # An image has one segment of a stuff class, whatever was stored: as many segments as
    # images with the class.
    return LiveClassCount(split, class_id, images, images, 0, pixels)
