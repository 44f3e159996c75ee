"""The statistics of a version as a page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datasets_app.models import Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.stats import LiveClassCount, LiveSplitCount, LiveStats, get_live_stats
from labels_app.reading import Reading, reading_of
from web.bars import BarPart, percent, stacked_bar
from web.classes import Chip, chip_of
from web.templatetags.tessera import compact

MEASURES = ("pixels", "segments", "images")
Counts = Mapping[int, LiveClassCount]


@dataclass(frozen=True)
class ClassRow:
    """One class, and what the version before or beside held of it.

    `before` and `change`, which is in segments, are None where they are not known. `share` is
    of all labelled pixels; `width` and `before_width` are those of bars, the largest class of
    both versions being the whole.
    """

    chip: Chip
    count: LiveClassCount
    before: LiveClassCount | None
    share: float
    width: str
    before_width: str

    @property
    def change(self) -> int | None:
        """The segments that came, less those that went."""
        return self._change("segments")

    @property
    def image_change(self) -> int | None:
        """The images that came, less those that went."""
        return self._change("images")

    @property
    def pixel_words(self) -> str:
        """The change of pixels with its sign, shortened."""
        change = self.pixel_change
        if change is None:
            return "–"
        sign = "+" if change > 0 else "\N{MINUS SIGN}" if change < 0 else "±"
        return f"{sign}{compact(abs(change))}"

    @property
    def pixel_change(self) -> int | None:
        """The pixels that came, less those that went."""
        return self._change("pixels")

    def _change(self, measure: str) -> int | None:
        if self.before is None:
            return None
        now, was = getattr(self.count, measure), getattr(self.before, measure)
        return None if now is None or was is None else now - was


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

    While `pending`, a job counts what is None. `before` are the totals of the version before
    or beside.
    """

    split: str | None
    measure: str
    totals: LiveSplitCount
    before: LiveSplitCount | None
    unlabelled_share: float
    void_share: float
    classes: list[ClassRow]
    bar: list[BarPart]
    splits: list[SplitRow]
    pending: bool = False


def read_statistics(
    version: Version,
    compared: Version | None,
    split: str | None,
    *,
    measure: str = MEASURES[0],
    actor: Any = None,
) -> Statistics:
    """Return the statistics of a version, of one split where `split` names one it has.

    Parameters
    ----------
    compared
        The version before, or the one that is shown beside.
    measure
        What the bars show and the classes are sorted by, one of `MEASURES`.
    actor
        Who asks for the job where one has to count.
    """
    reading = reading_of(version.taxonomy_version)
    stats = get_live_stats(version, reading, actor=actor)
    split = split if split in {row.split for row in stats.splits} else None
    # By this version's taxonomy on both sides: what a new taxonomy reads otherwise is no
    # change of segments. The other version may hold classes that came later.
    others = None
    if compared is not None:
        others = get_live_stats(compared, reading, actor=actor, known_only=True)
    counts = _counts(stats, split)
    before = None if others is None else _counts(others, split)
    rows = _class_rows(counts, before, reading, measure)
    totals = _totals(stats, split)
    pixels = sum(row.count.pixels for row in rows)
    void = counts[VOID_CLASS].pixels if VOID_CLASS in counts else 0
    return Statistics(
        split=split,
        measure=measure,
        totals=totals,
        before=None if others is None else _totals(others, split),
        unlabelled_share=totals.unlabelled / totals.images if totals.images else 0.0,
        void_share=void / pixels if pixels else 0.0,
        classes=rows,
        bar=stacked_bar((row.chip, _amount(row.count, measure)) for row in rows),
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


def _counts(stats: LiveStats, split: str | None) -> dict[int, LiveClassCount]:
    rows = stats.over_splits if split is None else stats.classes
    return {row.class_id: row for row in rows if split in (None, row.split)}


def _totals(stats: LiveStats, split: str | None) -> LiveSplitCount:
    if split is None:
        return stats.totals
    nothing = LiveSplitCount(split, 0, 0, 0, 0, 0)
    return next((row for row in stats.splits if row.split == split), nothing)


def _class_rows(
    counts: Counts, before: Counts | None, reading: Reading, measure: str
) -> list[ClassRow]:
    """Return the classes that either version holds, void last."""
    ids = sorted(counts.keys() | (before or {}).keys())
    both = [(_of(counts, one), None if before is None else _of(before, one)) for one in ids]
    pixels = sum(count.pixels for count, _ in both)
    amounts = [_amount(one, measure) for pair in both for one in pair if one is not None]
    largest = max(amounts, default=0)
    rows = [
        ClassRow(
            chip=chip_of(reading, count.class_id),
            count=count,
            before=was,
            share=count.pixels / pixels if pixels else 0.0,
            width=percent(_amount(count, measure), largest),
            before_width=percent(_amount(was, measure) if was else 0, largest),
        )
        for count, was in both
    ]
    return sorted(
        rows,
        key=lambda row: (row.count.class_id == VOID_CLASS, -_amount(row.count, measure)),
    )


def _of(counts: Counts, class_id: int) -> LiveClassCount:
    return counts.get(class_id) or LiveClassCount("", class_id, 0, 0, 0, 0)


def _amount(count: LiveClassCount, measure: str) -> int:
    """Return a number to draw; what is not counted yet is drawn as nothing."""
    amount: int | None = getattr(count, measure)
    return amount or 0
