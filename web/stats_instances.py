"""How many segments images have: of all classes together, or of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.distributions import COUNT_BINS, Distributions, edge_of_count
from web.classes import Chip
from web.stats_place import StatsPlace, class_word, find_sums_beside
from web.stats_plots import Bin, Histogram, plot_histogram, spark_path
from web.stats_table import Table

MOST_CLASSES = 24
# More bars than these are joined by doubling.
_MOST_BARS = 24
_EDGES = [edge_of_count(place) for place in range(COUNT_BINS + 1)]


class CountRow(NamedTuple):
    """Images with so many segments; `images_at` is the address of them, "" where none says it."""

    name: str
    images: int
    share: float
    beside: int | None
    images_at: str


class ClassCounts(NamedTuple):
    """One class: in how many images it is, how many times in each of them."""

    chip: Chip
    images: int
    segments: int
    mean: float
    most: str
    spark: str
    images_at: str
    most_at: str
    address: str


@dataclass(frozen=True)
class Instances:
    """What the page shows: of one class, or of all segments."""

    labelled: int
    mean: float
    plot: Histogram
    rows: list[CountRow]
    classes: list[ClassCounts]
    bins: int
    left_out: int


def read_instances(place: StatsPlace, sums: Distributions) -> Instances:
    """Return the page: images by how many segments they have, none included."""
    row = _of_class(sums, place.chip)
    others = find_sums_beside(place)
    beside = None if others is None else _of_class(others, place.chip)
    spans = _spans(row if beside is None else row + beside)
    table = [_count_row(place, row, beside, *span, sums.labels) for span in spans]
    listed = sorted(
        (place_of for place_of in range(sums.class_ids.size) if sums.counts[place_of].any()),
        key=lambda place_of: (-_segments(sums, place_of), -int(sums.images[place_of])),
    )
    every = "all" in place.request.GET
    shown = listed if every else listed[:MOST_CLASSES]
    held = _spans(sums.counts.sum(axis=0), least=1) if listed else []
    total = _total(sums, place.chip)
    return Instances(
        sums.labels,
        total / sums.labels if sums.labels else 0.0,
        plot_histogram(
            [Bin(_short(one.name), one.images, one.beside, _title(one, place)) for one in table]
        ),
        table,
        [_class_row(place, sums, place_of, held) for place_of in shown],
        len(held),
        len(listed) - len(shown),
    )


def instances_table(place: StatsPlace, sums: Distributions) -> Table:
    """Return every class and number of segments: of the version, and of the one beside."""
    sides = [sums]
    if (others := find_sums_beside(place)) is not None:
        sides.append(others)
    names = [place.side.name, *([place.beside.name] if place.beside else [])][: len(sides)]
    rows: list[tuple[object, ...]] = []
    ids = sorted({int(class_id) for side in sides for class_id in side.class_ids if class_id})
    for class_id in (None, *ids):
        chip = None if class_id is None else place.chip_of(class_id)
        columns = [_of_class(side, chip) for side in sides]
        for bin_number in range(COUNT_BINS):
            numbers = [int(column[bin_number]) for column in columns]
            if any(numbers):
                rows.append(
                    (
                        class_id or "",
                        "all segments" if chip is None else chip.name,
                        _EDGES[bin_number],
                        _EDGES[bin_number + 1] - 1,
                        *numbers,
                    )
                )
    return Table(("class_id", "class", "from", "to", *(f"images {name}" for name in names)), rows)


def _of_class(sums: Distributions, chip: Chip | None) -> NDArray[np.int64]:
    """Return images by their number of segments, those without any in the first bin."""
    if chip is None:
        return sums.segments
    row: NDArray[np.int64] = sums.counts[sums.class_ids == chip.class_id].sum(axis=0)
    row[0] = sums.labels - row.sum()
    return row


def _spans(row: NDArray[np.int64], least: int = 0) -> list[tuple[int, int]]:
    """Return the bars as bins from and up to: one each, joined where there are too many."""
    held = np.flatnonzero(row)
    if not held.size:
        return []
    first, last = int(held[0]), int(held[-1])
    first = least if first <= 2 else first
    step = -(-(last + 1 - first) // _MOST_BARS)
    return [(start, min(start + step, last + 1)) for start in range(first, last + 1, step)]


def _count_row(
    place: StatsPlace,
    row: NDArray[np.int64],
    beside: NDArray[np.int64] | None,
    start: int,
    stop: int,
    labelled: int,
) -> CountRow:
    least, most = _EDGES[start], _EDGES[stop] - 1
    images = int(row[start:stop].sum())
    return CountRow(
        _name(least, most),
        images,
        images / labelled if labelled else 0.0,
        None if beside is None else int(beside[start:stop].sum()),
        _images_at(place, place.chip, least, most),
    )


def _images_at(place: StatsPlace, chip: Chip | None, least: int, most: int) -> str:
    # An image without a label matches `count=0`, too: it has none of the class.
    if least == 0:
        return ""
    counts = f"count={least}" if least == most else f"count>={least} count<={most}"
    return place.images(counts if chip is None else class_word(chip, counts))


def _name(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,}–{most:,}"


def _short(name: str) -> str:
    return name if len(name) <= 5 else name.split("–")[0] + "+"


def _title(row: CountRow, place: StatsPlace) -> str:
    told = f"{row.name} segments: {row.images:,} images"
    if row.beside is not None and place.beside is not None:
        told += f" in {place.side.name}, {row.beside:,} in {place.beside.name}"
    return told


def _segments(sums: Distributions, place_of: int) -> int:
    return int(sums.sizes[place_of].sum())


def _total(sums: Distributions, chip: Chip | None) -> int:
    rows = sums.sizes if chip is None else sums.sizes[sums.class_ids == chip.class_id]
    return int(rows.sum())


def _class_row(
    place: StatsPlace, sums: Distributions, place_of: int, held: list[tuple[int, int]]
) -> ClassCounts:
    chip = place.chip_of(int(sums.class_ids[place_of]))
    row = sums.counts[place_of]
    images, segments = int(sums.images[place_of]), _segments(sums, place_of)
    highest = int(np.flatnonzero(row)[-1])
    least, most = _EDGES[highest], _EDGES[highest + 1] - 1
    query = place.request.GET.copy()
    query["class"] = str(chip.class_id)
    return ClassCounts(
        chip,
        images,
        segments,
        segments / images if images else 0.0,
        _name(least, most),
        spark_path([int(row[start:stop].sum()) for start, stop in held]),
        place.images(class_word(chip)),
        _images_at(place, chip, least, most),
        f"?{query.urlencode()}",
    )
