"""The statistics of a version as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datasets_app.models import Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.stats import LiveClassCount, LiveSplitCount, LiveStats, get_live_stats
from labels_app.reading import Reading, reading_of
from web.bars import BarPart, percent, stacked_bar
from web.classes import Chip, chip_of


@dataclass(frozen=True)
class ClassRow:
    """One class. `change` is in segments since the first parent, None where it is not known.

    `share` is of all labelled pixels; `width` is that of its bar, the largest class being
    the whole.
    """

    chip: Chip
    count: LiveClassCount
    share: float
    width: str
    change: int | None


@dataclass(frozen=True)
class SplitRow:
    """One split; `name` is "" for the images in none."""

    count: LiveSplitCount
    labelled_width: str
    share: float

    @property
    def name(self) -> str:
        """The name of the split."""
        return self.count.split


@dataclass(frozen=True)
class Statistics:
    """What a version contains: all of it, or one split of it.

    While `pending`, a job counts what is None.
    """

    split: str | None
    totals: LiveSplitCount
    unlabelled_share: float
    void_share: float
    classes: list[ClassRow]
    bar: list[BarPart]
    splits: list[SplitRow]
    pending: bool = False


def read_statistics(
    version: Version, parent: Version | None, split: str | None, *, actor: Any = None
) -> Statistics:
    """Return the statistics of a version, of one split where `split` names one it has.

    `actor` is who asks for the job where one has to count.
    """
    reading = reading_of(version.taxonomy_version)
    stats = get_live_stats(version, reading, actor=actor)
    split = split if split in {row.split for row in stats.splits} else None
    totals = next((row for row in stats.splits if row.split == split), stats.totals)
    # By this version's taxonomy on both sides: what a new taxonomy reads otherwise is no
    # change of segments. The parent may hold classes that came later.
    before = {}
    if parent is not None:
        of_parent = get_live_stats(parent, reading, actor=actor, known_only=True)
        before = {row.class_id: row.segments for row in _counts(of_parent, split)}
    counts = _counts(stats, split)
    pixels = sum(row.pixels for row in counts)
    void = next((row.pixels for row in counts if row.class_id == VOID_CLASS), 0)
    counts = sorted(counts, key=lambda row: (row.class_id == VOID_CLASS, -row.pixels))
    return Statistics(
        split=split,
        totals=totals,
        unlabelled_share=totals.unlabelled / totals.images if totals.images else 0.0,
        void_share=void / pixels if pixels else 0.0,
        classes=[
            _class_row(row, reading, pixels, counts, before, parent is not None) for row in counts
        ],
        bar=stacked_bar((chip_of(reading, row.class_id), row.pixels) for row in counts),
        splits=[
            SplitRow(
                row,
                percent(row.labelled, row.images),
                row.images / stats.totals.images if stats.totals.images else 0.0,
            )
            for row in sorted(stats.splits, key=lambda row: -row.images)
        ],
        pending=stats.pending,
    )


def _counts(stats: LiveStats, split: str | None) -> list[LiveClassCount]:
    if split is None:
        return list(stats.over_splits)
    return [row for row in stats.classes if row.split == split]


def _class_row(
    row: LiveClassCount,
    reading: Reading,
    pixels: int,
    counts: list[LiveClassCount],
    before: dict[int, int | None],
    has_parent: bool,
) -> ClassRow:
    largest = max((other.pixels for other in counts), default=0)
    was = before.get(row.class_id, 0)
    known = has_parent and row.segments is not None and was is not None
    return ClassRow(
        chip=chip_of(reading, row.class_id),
        count=row,
        share=row.pixels / pixels if pixels else 0.0,
        width=percent(row.pixels, largest),
        change=row.segments - was if known else None,  # type: ignore[operator]
    )
