"""The sums of a comparison as a page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from datasets_app.changed_lists import KindFlip
from datasets_app.models.pixel_comparison import PixelComparison
from labels_app.reading import Reading
from web.bars import percent
from web.classes import Chip, chip_of
from web.comparing.kinds import CHANGE_KINDS, KIND_FLIPS, KindWords

QUALITY_WORDS = (
    ("pq", "PQ", "panoptic quality: SQ × RQ"),
    ("sq", "SQ", "segmentation quality: mean IoU of the segments found"),
    ("rq", "RQ", "recognition quality: F1 of finding segments"),
    ("miou", "mIoU", "mean IoU of the classes in the semantic view"),
    ("boundary_iou", "boundary IoU", "mean IoU of the boundaries of the segments found"),
)


class ChangeCount(NamedTuple):
    """How many changes of one kind; `width` is their share of the most frequent kind."""

    words: KindWords
    count: int
    width: str


class QualityRow(NamedTuple):
    """One measure over all images on both sides, and over those alone that changed."""

    word: str
    meaning: str
    everywhere: float | None
    changed: float | None


class ClassQuality(NamedTuple):
    """Agreement of the two versions in one class, the old one being the truth."""

    chip: Chip
    pq: float | None
    sq: float | None
    rq: float | None
    iou: float | None
    boundary_iou: float | None
    tp: int
    fp: int
    fn: int
    width: str


@dataclass(frozen=True)
class Summary:
    """All sums of a comparison."""

    changes: list[ChangeCount]
    flips: list[ChangeCount]
    changed_segments: int
    changed_pixels: int
    hidden_pixels: int
    total_pixels: int
    quality: list[QualityRow]
    per_class: list[ClassQuality]

    @property
    def changed_share(self) -> float:
        """Changed pixels of all there are."""
        return self.changed_pixels / self.total_pixels if self.total_pixels else 0.0


def read_summary(comparison: PixelComparison, reading: Reading) -> Summary:
    """Return the sums of a comparison that is ready."""
    totals = comparison.totals
    flips = _count_flips(totals["class_flow"], reading)
    return Summary(
        changes=_counts(CHANGE_KINDS, totals["segments"]),
        flips=_counts(KIND_FLIPS, flips),
        changed_segments=sum(totals["segments"].values()),
        changed_pixels=totals["pixels"]["changed"],
        hidden_pixels=totals["pixels"]["hidden"],
        total_pixels=totals["pixels"]["total"],
        quality=[
            QualityRow(word, meaning, totals["quality"][name], totals["quality_changed"][name])
            for name, word, meaning in QUALITY_WORDS
        ],
        per_class=_per_class(totals["quality"]["per_class"], reading),
    )


def _counts(words: dict[str, KindWords], numbers: dict[str, int]) -> list[ChangeCount]:
    most = max(numbers.values(), default=0)
    return [
        ChangeCount(one, numbers[value], percent(numbers[value], most))
        for value, one in words.items()
        if numbers.get(value)
    ]


def _count_flips(cells: list[dict[str, Any]], reading: Reading) -> dict[str, int]:
    """Count the segments whose class was of the other kind."""
    flips: dict[str, int] = {}
    for cell in cells:
        old, new = chip_of(reading, cell["old_class"]), chip_of(reading, cell["new_class"])
        if cell["segments"] and {old.kind, new.kind} == {"stuff", "thing"}:
            flip = KindFlip.TO_THING if new.kind == "thing" else KindFlip.TO_STUFF
            flips[flip.value] = flips.get(flip.value, 0) + cell["segments"]
    return flips


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
        row["iou"],
        row["boundary_iou"],
        row["tp"],
        row["fp"],
        row["fn"],
        percent(row["pq"] or 0, 1),
    )
