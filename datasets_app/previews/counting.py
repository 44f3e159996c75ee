"""Count stored classes of a version as a reading has them, over all splits.

The formulas are those of `datasets_app.unions`. They are written once and run twice: first to
find out which unions they need, so that all of them are asked for together, and then to count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from datasets_app.models.statistics import VOID_CLASS
from datasets_app.stats import ClassCount
from datasets_app.tallies import ClassKey
from datasets_app.unions import HeldImages, SourceSet
from labels_app.reading import Reading


class Totals(NamedTuple):
    """What a version holds of a class: None where it is not counted yet; pixels are visible."""

    images: int | None
    segments: int | None
    pixels: int


class SegmentCounter:
    """Answers for any set of stored classes how much of it a version holds.

    `any_of` returns how many images hold any class of a set, None while that is not known.
    """

    def __init__(
        self, stored: Mapping[int, ClassCount], any_of: Callable[[SourceSet], int | None]
    ) -> None:
        self._stored, self._any_of = stored, any_of

    def images(self, stored_ids: Collection[int]) -> int | None:
        """Return how many images hold any of these classes; with class 0 among them: void."""
        return self._any_of(frozenset(stored_ids)) if stored_ids else 0

    def pixels(self, stored_ids: Iterable[int]) -> int:
        """Return the visible pixels of these classes."""
        return sum(self._stored[one].pixels for one in stored_ids if one in self._stored)

    def segments(self, stored_ids: Iterable[int], reading: Reading) -> int | None:
        """Return how many segments hold any of these classes as a reading has them.

        Stuff of one class, and the crowd that it becomes when it is a thing, is one segment of
        an image, however many were stored. What reads as void is none.
        """
        by_live: dict[int, list[int]] = defaultdict(list)
        for stored in stored_ids:
            live = reading.live_of.get(stored)
            if live is not None:
                by_live[live].append(stored)
        total: int | None = 0
        for live, ids in by_live.items():
            is_stuff = reading.classes[live].kind == "stuff"
            joined = [one for one in ids if is_stuff or one in reading.crowd_ids]
            total = add_known(total, self.images(joined))
            total = add_known(total, self.stored_segments(set(ids).difference(joined)))
        return total

    def totals(self, live: int, reading: Reading) -> Totals:
        """Return what the version holds of a live class, or of void (class 0)."""
        if live == VOID_CLASS:
            ids: Sequence[int] = (VOID_CLASS, *reading.sources_of.get(None, ()))
            return Totals(self.images(ids), 0, self.pixels(ids))
        ids = reading.sources_of[live]
        return Totals(self.images(ids), self.segments(ids, reading), self.pixels(ids))

    def stored_segments(self, stored_ids: Iterable[int]) -> int:
        """Return the segments that were stored with these classes, whatever they read as."""
        return sum(self._stored[one].segments for one in stored_ids if one in self._stored)


class AskedSets:
    """Notes which unions somebody needs; as an `any_of` it knows none of them."""

    def __init__(self) -> None:
        self.sets: set[SourceSet] = set()

    def __call__(self, sources: SourceSet) -> int | None:
        """Note the set."""
        self.sets.add(sources)
        return None


def add_known(first: int | None, second: int | None) -> int | None:
    """Add two numbers; None where one of them is not known."""
    return None if first is None or second is None else first + second


def subtract_known(first: int | None, second: int | None) -> int | None:
    """Subtract; None where one of the numbers is not known."""
    return None if first is None or second is None else first - second


def held_by(rows: Iterable[ClassCount], labelled: Mapping[str, int]) -> HeldImages:
    """Return what unions need to know of a version, from the statistics of its classes.

    `labelled` are the images with a label of every split. Rows of the classes that are asked
    about are enough.
    """
    kept = list(rows)
    return HeldImages(
        images={ClassKey(row.split, row.class_id): row.images for row in kept},
        visible={ClassKey(row.split, row.class_id): row.pixels for row in kept},
        labelled=labelled,
    )
