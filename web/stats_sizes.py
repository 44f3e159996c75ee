"""How large segments are: a histogram over all classes or one, and a small one of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.distributions import Distributions
from web.classes import Chip
from web.stats_place import StatsPlace, class_word, find_sums_beside
from web.stats_plots import Bin, Histogram, plot_histogram, spark_path
from web.stats_table import Table

MEASURES = ("area", "share")
MOST_CLASSES = 24


class SizeRow(NamedTuple):
    """One bin of the table; `beside` is None without another version.

    `images_at` is the address of the images with such a segment, "" where no filter says it.
    """

    name: str
    segments: int
    share: float
    beside: int | None
    images_at: str


class ClassSizes(NamedTuple):
    """The sizes of one class: `spark` is the path of its small histogram."""

    chip: Chip
    segments: int
    median: str
    smallest: str
    largest: str
    spark: str
    images: str
    address: str


@dataclass(frozen=True)
class Sizes:
    """What the page shows: of one class, or of all."""

    measure: str
    total: int
    median: str
    plot: Histogram
    rows: list[SizeRow]
    classes: list[ClassSizes]
    bins: int
    left_out: int


def read_sizes(place: StatsPlace, sums: Distributions) -> Sizes:
    """Return the page; `?of=share` counts shares of the image instead of pixels."""
    measure = place.request.GET.get("of", "")
    measure = measure if measure in MEASURES else MEASURES[0]
    names = _names(measure)
    rows, by_class = _rows(sums, measure), _by_class(sums, measure)
    chosen = _of_class(rows, sums, place.chip)
    beside = None
    if (others := find_sums_beside(place)) is not None:
        beside = _of_class(_rows(others, measure), others, place.chip)
    used = _used(chosen if beside is None else chosen + beside)
    total = int(chosen.sum())
    table = [
        SizeRow(
            names[bin_number],
            int(chosen[bin_number]),
            float(chosen[bin_number] / total) if total else 0.0,
            None if beside is None else int(beside[bin_number]),
            _images_at(place, bin_number) if measure == "area" else "",
        )
        for bin_number in used
    ]
    held = _used(rows.sum(axis=0))
    listed = sorted(by_class.items(), key=lambda item: -int(item[1].sum()))
    every = "all" in place.request.GET
    shown = listed if every else listed[:MOST_CLASSES]
    return Sizes(
        measure,
        total,
        names[_median(chosen)] if total else "",
        plot_histogram(
            [Bin(_edge(row.name), row.segments, row.beside, _title(row, place)) for row in table]
        ),
        table,
        [_class_row(place, class_id, row, names, held) for class_id, row in shown],
        len(held),
        len(listed) - len(shown),
    )


def sizes_table(place: StatsPlace, sums: Distributions) -> Table:
    """Return every class and bin: of the version, and of the one beside."""
    others = find_sums_beside(place)
    rows = []
    for measure in MEASURES:
        names = _names(measure)
        now = _by_class(sums, measure)
        before = _by_class(others, measure) if others is not None else {}
        for class_id in sorted(now.keys() | before.keys()):
            chip = place.chip_of(class_id)
            for bin_number, name in enumerate(names):
                numbers = [
                    int(side[class_id][bin_number]) if class_id in side else 0
                    for side in ([now] if others is None else [now, before])
                ]
                if any(numbers):
                    rows.append((class_id, chip.name, measure, name, *numbers))
    sides = [place.side.name] if place.beside is None else [place.side.name, place.beside.name]
    columns = ("class_id", "class", "measure", "bin", *(f"segments {side}" for side in sides))
    return Table(columns[: 4 + (1 if others is None else 2)], rows)


def _rows(sums: Distributions, measure: str) -> NDArray[np.int64]:
    if measure == "area":
        return sums.sizes
    # The smallest first, as areas are.
    return sums.shares[:, ::-1]


def _by_class(sums: Distributions, measure: str) -> dict[int, NDArray[np.int64]]:
    found = zip(sums.class_ids.tolist(), _rows(sums, measure), strict=True)
    return {class_id: row for class_id, row in found if class_id and row.any()}


def _of_class(rows: NDArray[np.int64], sums: Distributions, chip: Chip | None) -> NDArray[np.int64]:
    if chip is not None:
        rows = rows[sums.class_ids == chip.class_id]
    total: NDArray[np.int64] = rows.sum(axis=0)
    return total


def _used(row: NDArray[np.int64]) -> Sequence[int]:
    """Return the bins from the first to the last that hold anything."""
    held = np.flatnonzero(row)
    return range(int(held[0]), int(held[-1]) + 1) if held.size else range(0)


def _names(measure: str) -> list[str]:
    if measure == "area":
        return ["1 px", *(f"{2**b:,}–{2 ** (b + 1) - 1:,} px" for b in range(1, 31))]
    return [f"{_percent(b + 1)}–{_percent(b)} %" for b in range(31)][::-1]


def _percent(halvings: int) -> str:
    return f"{100 / 2**halvings:.3g}"


def _edge(name: str) -> str:
    """Return the lower edge of a bin: what stands below its bar."""
    edge = name.split("–")[0].removesuffix(" px").replace(",", "")
    if not edge.isdigit():
        return edge
    for size, letter in ((2**20, "M"), (2**10, "k")):
        if int(edge) >= size:
            return f"{int(edge) // size}{letter}"
    return edge


def _images_at(place: StatsPlace, bin_number: int) -> str:
    areas = f"area>={2**bin_number} area<={2 ** (bin_number + 1) - 1}"
    return place.images(areas if place.chip is None else class_word(place.chip, areas))


def _median(row: NDArray[np.int64]) -> int:
    return int(np.searchsorted(np.cumsum(row), (int(row.sum()) + 1) // 2))


def _title(row: SizeRow, place: StatsPlace) -> str:
    if row.beside is None or place.beside is None:
        return f"{row.name}: {row.segments:,} segments"
    return (
        f"{row.name}: {row.segments:,} in {place.side.name}, {row.beside:,} in {place.beside.name}"
    )


def _class_row(
    place: StatsPlace,
    class_id: int,
    row: NDArray[np.int64],
    names: list[str],
    held: Sequence[int],
) -> ClassSizes:
    chip = place.chip_of(class_id)
    used = _used(row)
    query = place.request.GET.copy()
    query["class"] = str(class_id)
    return ClassSizes(
        chip,
        int(row.sum()),
        names[_median(row)],
        names[used[0]],
        names[used[-1]],
        spark_path([int(row[bin_number]) for bin_number in held]),
        place.images(class_word(chip)),
        f"?{query.urlencode()}",
    )
