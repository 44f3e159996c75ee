"""The sums of a comparison as a page shows them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from datasets_app.comparison import ImageCounts
from datasets_app.models.pixel_comparison import PixelComparison
from labels_app.reading import Reading
from web.bars import percent
from web.classes import VOID, Chip, chip_of, sorted_chips
from web.comparing.kinds import CHANGE_KINDS, IMAGE_KINDS, KindWords

# A matrix shows so many classes, those with the largest flows; a list tells all flows.
_MOST_CLASSES = 16
_HEAT_LEVELS = 8


class FilterChip(NamedTuple):
    """A filter of the list of changed images, with how much it stands for."""

    key: str
    words: KindWords | None
    chip: Chip | None
    text: str
    count: int


class ChangeCount(NamedTuple):
    """How many changes of one kind; `width` is their share of the most frequent kind."""

    words: KindWords
    count: int
    width: str


class FlowCell(NamedTuple):
    """What went from one class to another. `heat` is 0 to 8; on the diagonal it is 0."""

    old: Chip
    new: Chip
    amount: int
    heat: int
    is_same: bool

    @property
    def list_key(self) -> str:
        """The filter of the changed images that this cell leads to."""
        return f"class:{(self.new if self.new != VOID else self.old).class_id}"


class FlowMatrix(NamedTuple):
    """Flows in one unit: rows are classes before, columns classes after."""

    unit: str
    columns: list[Chip]
    rows: list[tuple[Chip, list[FlowCell]]]
    moved: int


class ClassQuality(NamedTuple):
    """Agreement of the two versions in one class, the old one being the truth."""

    chip: Chip
    pq: float | None
    sq: float | None
    rq: float | None
    tp: int
    fp: int
    fn: int
    width: str

    @property
    def list_key(self) -> str:
        """The filter of the changed images with this class."""
        return f"class:{self.chip.class_id}"


@dataclass(frozen=True)
class Summary:
    """All sums of a comparison."""

    changes: list[ChangeCount]
    changed_segments: int
    changed_pixels: int
    hidden_pixels: int
    total_pixels: int
    quality: dict[str, Any]
    per_class: list[ClassQuality]
    flows: list[FlowMatrix]
    filters: list[list[FilterChip]]

    @property
    def changed_share(self) -> float:
        """Changed pixels of all there are."""
        return self.changed_pixels / self.total_pixels if self.total_pixels else 0.0


def read_summary(comparison: PixelComparison, counts: ImageCounts, reading: Reading) -> Summary:
    """Return the sums of a comparison that is ready."""
    totals = comparison.totals
    flow = _live_flow(totals["class_flow"], reading)
    most = max(totals["segments"].values(), default=0)
    return Summary(
        changes=[
            ChangeCount(words, totals["segments"].get(value, 0), percent(number, most))
            for value, words in CHANGE_KINDS.items()
            if (number := totals["segments"].get(value, 0))
        ],
        changed_segments=sum(totals["segments"].values()),
        changed_pixels=totals["pixels"]["changed"],
        hidden_pixels=totals["pixels"]["hidden"],
        total_pixels=totals["pixels"]["total"],
        quality=totals["quality"],
        per_class=_per_class(totals["quality"]["per_class"], reading),
        flows=[_matrix(flow, unit) for unit in ("pixels", "segments")],
        filters=[
            _kind_filters(counts),
            _change_filters(totals["segments"]),
            _class_filters(flow),
        ],
    )


Flow = dict[tuple[Chip, Chip], dict[str, int]]


def _live_flow(cells: list[dict[str, Any]], reading: Reading) -> Flow:
    flow: Flow = {}
    for cell in cells:
        pair = (chip_of(reading, cell["old_class"]), chip_of(reading, cell["new_class"]))
        sums = flow.setdefault(pair, {"pixels": 0, "segments": 0})
        for unit in sums:
            sums[unit] += cell[unit]
    return flow


def _moves(flow: Flow, unit: str) -> dict[Chip, int]:
    """Return how much left or joined each class."""
    moved: dict[Chip, int] = {}
    for (old, new), sums in flow.items():
        if old != new and sums[unit]:
            for chip in (old, new):
                moved[chip] = moved.get(chip, 0) + sums[unit]
    return moved


def _matrix(flow: Flow, unit: str) -> FlowMatrix:
    moved = _moves(flow, unit)
    largest = sorted(moved, key=lambda chip: -moved[chip])[:_MOST_CLASSES]
    columns = sorted_chips(largest)
    peak = max(
        (sums[unit] for (old, new), sums in flow.items() if old != new),
        default=0,
    )

    def cell(old: Chip, new: Chip) -> FlowCell:
        amount = flow.get((old, new), {}).get(unit, 0)
        heat = 0 if old == new else _heat(amount, peak)
        return FlowCell(old, new, amount, heat, old == new)

    rows = [(old, [cell(old, new) for new in columns]) for old in columns]
    return FlowMatrix(unit, columns, rows, sum(moved.values()) // 2)


def _heat(amount: int, peak: int) -> int:
    """Return a level from 1 to 8 on a scale of logarithms, 0 for nothing: flows differ by
    factors of thousands, and the small ones are mistakes too."""
    if not amount:
        return 0
    return max(1, math.ceil(_HEAT_LEVELS * math.log1p(amount) / math.log1p(peak)))


def _per_class(rows: list[dict[str, Any]], reading: Reading) -> list[ClassQuality]:
    """Return the classes, the one with the least agreement first."""
    found = [_quality_row(row, reading) for row in rows]
    return sorted(found, key=lambda row: (row.pq is None, row.pq, row.chip.name))


def _quality_row(row: dict[str, Any], reading: Reading) -> ClassQuality:
    return ClassQuality(
        chip_of(reading, row["class_id"]),
        row["pq"],
        row["sq"],
        row["rq"],
        row["tp"],
        row["fp"],
        row["fn"],
        percent(row["pq"] or 0, 1),
    )


def _kind_filters(counts: ImageCounts) -> list[FilterChip]:
    amounts = {"added": counts.added, "removed": counts.removed, "changed": counts.changed}
    kinds = [
        FilterChip(f"kind:{kind}", IMAGE_KINDS[kind], None, f"{kind} images", amount)
        for kind, amount in amounts.items()
        if amount
    ]
    facets = [
        FilterChip(f"facet:{facet}", None, None, f"{facet} differs", amount)
        for facet, amount in sorted(counts.facets.items())
        if amount
    ]
    return kinds + facets


def _change_filters(segments: dict[str, int]) -> list[FilterChip]:
    return [
        FilterChip(f"change:{kind}", words, None, words.word, segments[kind])
        for kind, words in CHANGE_KINDS.items()
        if segments.get(kind)
    ]


def _class_filters(flow: Flow) -> list[FilterChip]:
    moved = _moves(flow, "pixels")
    return [
        FilterChip(f"class:{chip.class_id}", None, chip, chip.name, moved[chip])
        for chip in sorted(moved, key=lambda chip: -moved[chip])
        if chip != VOID
    ]
