"""Which classes come together: in how many images two of them both have a segment."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np

from panoptic.distributions import Distributions
from web.bars import percent
from web.classes import Chip
from web.stats_place import StatsPlace, class_word, find_sums_beside
from web.stats_plots import LEVELS
from web.stats_table import Table

MEASURES = ("images", "share")
MOST_CLASSES = 18
_MOST_COMPANIONS = 40


class Cell(NamedTuple):
    """Two classes: the images with both, as a share of those of the row; `shade` 0 is none."""

    images: int
    share: float
    shade: int
    title: str
    images_at: str
    is_own: bool


class MatrixRow(NamedTuple):
    """One class with its cells."""

    chip: Chip
    number: int
    cells: list[Cell]


class Companion(NamedTuple):
    """A class that comes with the chosen one.

    `lift` is how much more often than if both were independent; None: undefined.
    """

    chip: Chip
    images: int
    share: float
    width: str
    lift: float | None
    beside: int | None
    images_at: str


@dataclass(frozen=True)
class Together:
    """What the page shows: a matrix of the most frequent classes, and one class with all others."""

    measure: str
    labelled: int
    rows: list[MatrixRow]
    left_out: int
    chip: Chip | None
    images: int
    companions: list[Companion]
    companions_left_out: int


def read_together(place: StatsPlace, sums: Distributions) -> Together:
    """Return the page; where no class is chosen, the companions are of the most frequent one
    that is not in every image."""
    measure = place.request.GET.get("of", "")
    ids = [int(class_id) for class_id in sums.class_ids]
    places = [one for one in np.argsort(-sums.images, kind="stable").tolist() if sums.images[one]]
    shown = places[:MOST_CLASSES]
    chips = {one: place.chip_of(ids[one]) for one in places}
    own = next((one for one in places if place.chip and ids[one] == place.chip.class_id), None)
    if own is None and place.chip is None and places:
        # Of a class that is everywhere nothing is to be learned.
        own = next((one for one in places if sums.images[one] < sums.labels), places[0])
    companions = [] if own is None else _companions(place, sums, own, places, chips)
    every = "all" in place.request.GET
    kept = companions if every else companions[:_MOST_COMPANIONS]
    return Together(
        measure if measure in MEASURES else MEASURES[0],
        sums.labels,
        [
            MatrixRow(
                chips[row], number, [_cell(place, sums, chips, row, column) for column in shown]
            )
            for number, row in enumerate(shown, 1)
        ],
        len(places) - len(shown),
        place.chip if own is None else chips[own],
        0 if own is None else int(sums.images[own]),
        kept,
        len(companions) - len(kept),
    )


def together_table(place: StatsPlace, sums: Distributions) -> Table:
    """Return every pair of classes once, and each class with itself."""
    sides = {place.side.name: _pairs(sums)}
    if place.beside is not None and (others := find_sums_beside(place)) is not None:
        sides[place.beside.name] = _pairs(others)
    rows = [
        (
            first,
            place.chip_of(first).name,
            second,
            place.chip_of(second).name,
            *(pairs.get((first, second), 0) for pairs in sides.values()),
        )
        for first, second in sorted(set().union(*sides.values()))
    ]
    columns = ("class_id", "class", "other_id", "other", *(f"images {name}" for name in sides))
    return Table(columns, rows)


def _pairs(sums: Distributions) -> dict[tuple[int, int], int]:
    ids = sums.class_ids.tolist()
    firsts, seconds = np.nonzero(np.triu(sums.together))
    return {
        (ids[a], ids[b]): int(sums.together[a, b])
        for a, b in zip(firsts.tolist(), seconds.tolist(), strict=True)
    }


def _cell(
    place: StatsPlace, sums: Distributions, chips: dict[int, Chip], row: int, column: int
) -> Cell:
    images, of_row = int(sums.together[row, column]), int(sums.images[row])
    share = images / of_row if of_row else 0.0
    words = [class_word(chips[row])]
    told = f"{images:,} images with {chips[row].name}"
    if row != column:
        words.append(class_word(chips[column]))
        told += f" and {chips[column].name}: {100 * share:.0f} % of those with {chips[row].name}"
    return Cell(images, share, ceil(LEVELS * share), told, place.images(*words), row == column)


def _companions(
    place: StatsPlace,
    sums: Distributions,
    own: int,
    places: list[int],
    chips: dict[int, Chip],
) -> list[Companion]:
    others = find_sums_beside(place)
    before = None if others is None else _pairs(others)
    images = int(sums.images[own])
    found = []
    for one in places:
        both = int(sums.together[own, one])
        if one == own or not both:
            continue
        expected = images * int(sums.images[one]) / sums.labels
        key = tuple(sorted((chips[own].class_id, chips[one].class_id)))
        found.append(
            Companion(
                chips[one],
                both,
                both / images,
                percent(both, images),
                both / expected if expected else None,
                None if before is None else before.get((key[0], key[1]), 0),
                place.images(class_word(chips[own]), class_word(chips[one])),
            )
        )
    return sorted(found, key=lambda companion: -companion.images)
