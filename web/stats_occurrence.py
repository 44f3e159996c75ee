"""Where in the image a class occurs: maps, each cell the share that shows the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets_app.models.statistics import VOID_CLASS
from panoptic.distributions import FULL, GRID, Distributions
from web.classes import Chip
from web.stats_place import StatsPlace, class_word, find_sums_beside
from web.stats_plots import LEVELS, Level, map_levels, smaller
from web.stats_table import Table

MOST_CLASSES = 24
_COARSE = 8

Shares = NDArray[np.float64]


class ClassMap(NamedTuple):
    """One class: `share` is of all pixels, `words` say where most of it lies."""

    chip: Chip
    share: float
    words: str
    levels: list[Level]
    size: int
    images_at: str
    address: str


class BigMap(NamedTuple):
    """The map of one class in one version, with shares of coarse cells to read."""

    name: str
    levels: list[Level]
    words: str
    most: float
    coarse: list[list[float]]


class Shade(NamedTuple):
    """What a shade of the maps stands for: shares up to `most`."""

    number: int
    most: float


@dataclass(frozen=True)
class Occurrence:
    """What the page shows; `maps` are of the chosen class, that of the version beside first."""

    chip: Chip | None
    maps: list[BigMap]
    shades: list[Shade]
    classes: list[ClassMap]
    left_out: int
    size: int = GRID
    images_at: str = ""


def read_occurrence(place: StatsPlace, sums: Distributions) -> Occurrence:
    """Return the page; where no class is chosen, it is the one with most pixels."""
    shares = _shares(sums)
    listed = sorted(
        (class_id for class_id in shares if class_id != VOID_CLASS),
        key=lambda class_id: -float(shares[class_id].sum()),
    )
    if VOID_CLASS in shares:
        listed.append(VOID_CLASS)
    wanted = place.chip.class_id if place.chip else next(iter(listed), None)
    if place.request.GET.get("class") == "0" and VOID_CLASS in shares:
        wanted = VOID_CLASS
    every = "all" in place.request.GET
    shown = listed if every else listed[:MOST_CLASSES]
    maps, most = _maps(place, shares, wanted)
    chip = None if wanted is None else place.chip_of(wanted)
    return Occurrence(
        chip,
        maps,
        [Shade(number, most * number / LEVELS) for number in range(1, LEVELS + 1)],
        [_class_map(place, class_id, shares[class_id]) for class_id in shown],
        len(listed) - len(shown),
        images_at=place.images(class_word(chip)) if chip and chip.class_id else "",
    )


def occurrence_table(place: StatsPlace, sums: Distributions) -> Table:
    """Return every cell of the chosen class, or of every class, that shows any of it."""
    sides = {place.side.name: _shares(sums)}
    if place.beside is not None and (others := find_sums_beside(place)) is not None:
        sides[place.beside.name] = _shares(others)
    ids = sorted(set().union(*sides.values()))
    if place.chip is not None:
        ids = [place.chip.class_id]
    nothing = np.zeros((GRID, GRID))
    rows = [
        (class_id, place.chip_of(class_id).name, row, column, *numbers)
        for class_id in ids
        for row in range(GRID)
        for column in range(GRID)
        if any(numbers := [float(s.get(class_id, nothing)[row, column]) for s in sides.values()])
    ]
    columns = ("class_id", "class", "row", "column", *(f"share {name}" for name in sides))
    return Table(columns, rows)


def _shares(sums: Distributions) -> dict[int, Shares]:
    """Return how much of each cell shows each class, 0 to 1, over all labels."""
    if not sums.labels:
        return {}
    cells = sums.cells / (sums.labels * FULL)
    return {
        class_id: share
        for class_id, share in zip(sums.class_ids.tolist(), cells, strict=True)
        if share.any()
    }


def _maps(
    place: StatsPlace, shares: dict[int, Shares], class_id: int | None
) -> tuple[list[BigMap], float]:
    """Return the maps of a class by one scale, and what its darkest shade stands for."""
    if class_id is None:
        return [], 0.0
    nothing = np.zeros((GRID, GRID))
    found = [(place.side.name, shares.get(class_id, nothing))]
    others = find_sums_beside(place)
    if others is not None and place.beside is not None:
        found.insert(0, (place.beside.name, _shares(others).get(class_id, nothing)))
    most = max(float(share.max()) for _, share in found)
    maps = [
        BigMap(
            name,
            map_levels(share, most),
            _words(share),
            float(share.max()),
            smaller(share, _COARSE).tolist(),
        )
        for name, share in found
    ]
    return maps, most


def _class_map(place: StatsPlace, class_id: int, share: Shares) -> ClassMap:
    chip = place.chip_of(class_id)
    small = smaller(share)
    query = place.request.GET.copy()
    query["class"] = str(class_id)
    return ClassMap(
        chip,
        float(share.mean()),
        _words(share),
        map_levels(small, float(small.max())),
        small.shape[0],
        place.images(class_word(chip)) if class_id else "",
        f"?{query.urlencode()}",
    )


def _words(share: Shares) -> str:
    """Say where most of it lies: "in the upper left", "at the top", "everywhere"."""
    total = float(share.sum())
    if not total:
        return "nowhere"
    third = np.add.reduceat(share, [0, GRID // 3, GRID - GRID // 3], axis=0)
    parts = np.add.reduceat(third, [0, GRID // 3, GRID - GRID // 3], axis=1) / total
    rows, columns = parts.sum(axis=1), parts.sum(axis=0)
    down, across = int(rows.argmax()), int(columns.argmax())
    is_high, is_wide = rows.max() >= 0.5, columns.max() >= 0.5
    if is_high and is_wide:
        named = f"{('upper', 'middle', 'lower')[down]} {('left', 'middle', 'right')[across]}"
        return "in the middle" if down == across == 1 else f"in the {named}"
    if is_high:
        return ("at the top", "at middle height", "at the bottom")[down]
    return ("on the left", "in the middle", "on the right")[across] if is_wide else "everywhere"
