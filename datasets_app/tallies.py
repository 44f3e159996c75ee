"""The statistics of a version: its first parent's plus those of the changes (RULES 5.5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from datasets_app.bulk import insert_rows
from datasets_app.entries import Entry, EntryChange
from datasets_app.label_facts import LabelFacts
from datasets_app.models import Version, VersionClassStats, VersionSplitStats
from datasets_app.models.statistics import VOID_CLASS

_CLASS_COLUMNS = ("images", "segments", "crowds", "pixels")
_SPLIT_COLUMNS = ("images", "labelled", "unlabelled", "segments", "pixels")


class ClassKey(NamedTuple):
    """A stored class in a split; class 0 is void."""

    split: str
    class_id: int


class Tally:
    """A running sum over images, by class and by split.

    `classes` maps a `ClassKey` to [images, segments, crowds, pixels], `splits` a split to
    [images, labelled, unlabelled, segments, pixels]; rows of zeros may be among them.
    """

    def __init__(self) -> None:
        self.classes: dict[ClassKey, np.ndarray] = defaultdict(
            lambda: np.zeros(len(_CLASS_COLUMNS), np.int64)
        )
        self.splits: dict[str, np.ndarray] = defaultdict(
            lambda: np.zeros(len(_SPLIT_COLUMNS), np.int64)
        )

    def add(self, changes: Iterable[EntryChange], facts: Mapping[bytes, LabelFacts]) -> None:
        """Add changes: new entries count, old ones are taken away.

        `facts` must have every label of both sides, unless an image keeps it in its split.
        """
        weights: Counter[tuple[str, bytes | None]] = Counter()
        for _, old, new in changes:
            _weigh(weights, old, -1)
            _weigh(weights, new, +1)
        for (split, label), weight in weights.items():
            if weight:
                self._add_images(split, None if label is None else facts[label], weight)

    def _add_images(self, split: str, facts: LabelFacts | None, weight: int) -> None:
        if facts is None:
            self.splits[split] += weight * np.array((1, 0, 1, 0, 0))
            return
        self.splits[split] += weight * np.array((1, 1, 0, facts.segments, facts.pixels))
        counts = facts.counts
        if counts.void_pixels:
            self.classes[ClassKey(split, VOID_CLASS)] += weight * np.array(
                (1, 0, 0, counts.void_pixels)
            )
        rows = np.stack(
            (np.ones_like(counts.segments), counts.segments, counts.crowds, counts.pixels), axis=1
        )
        for class_id, row in zip(counts.class_ids.tolist(), weight * rows, strict=True):
            self.classes[ClassKey(split, class_id)] += row

    @property
    def image_count(self) -> int:
        """The images of all splits."""
        return int(sum(row[0] for row in self.splits.values()))

    @property
    def segment_count(self) -> int:
        """The segments of all splits."""
        return int(sum(row[3] for row in self.splits.values()))

    def segments_by_class(self) -> dict[int, int]:
        """Return how many segments each stored class has, in all splits; only where any."""
        segments: Counter[int] = Counter()
        for key, row in self.classes.items():
            segments[key.class_id] += int(row[1])
        return {class_id: count for class_id, count in sorted(segments.items()) if count}


def tally_of(version: Version | None) -> Tally:
    """Read the statistics of a version, empty for None; two queries."""
    tally = Tally()
    if version is None:
        return tally
    for split, class_id, *numbers in VersionClassStats.objects.filter(version=version).values_list(
        "split", "class_id", *_CLASS_COLUMNS
    ):
        tally.classes[ClassKey(split, class_id)] += np.array(numbers)
    for split, *numbers in VersionSplitStats.objects.filter(version=version).values_list(
        "split", *_SPLIT_COLUMNS
    ):
        tally.splits[split] += np.array(numbers)
    return tally


def store_tally(tally: Tally, version: Version) -> None:
    """Insert the statistics of a new version; rows of zeros are left out."""
    insert_rows(
        VersionClassStats,
        ("version_id", "split", "class_id", *_CLASS_COLUMNS),
        [
            (version.pk, key.split, key.class_id, *row.tolist())
            for key, row in tally.classes.items()
            if row.any()
        ],
    )
    insert_rows(
        VersionSplitStats,
        ("version_id", "split", *_SPLIT_COLUMNS),
        [(version.pk, split, *row.tolist()) for split, row in tally.splits.items() if row.any()],
    )


def _weigh(weights: Counter[tuple[str, bytes | None]], entry: Entry | None, weight: int) -> None:
    if entry is not None:
        weights[entry.split, entry.label] += weight
