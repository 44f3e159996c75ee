"""Histograms, maps and curves as the SVG of templates draws them: no script, no style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from web.class_plots import WIDTH, round_up, short

HEIGHT = 350
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 16, 22, 52
_STEPS = 4
_MOST_LABELS = 16
_WIDEST = 64
_CURVES_WIDTH = 930
LEVELS = 8
_SMALL = 16
# Lines are told by dashes and by their names at the end, not by colour alone.
DASHES = ("", "9 4", "2 4", "12 4 2 4", "6 3 2 3 2 3")


class Bin(NamedTuple):
    """A bin of a histogram: a short name below it, and what it says when it is pointed at."""

    name: str
    value: int
    beside: int | None
    title: str


class Bar(NamedTuple):
    """A bar in units of the view box; `number` stands above it where there is room."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    number: str
    title: str


class Tick(NamedTuple):
    """A place on an axis, with its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Histogram:
    """Bars of the version, and of the one beside it."""

    bars: tuple[Bar, ...]
    beside: tuple[Bar, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM
    middle: float = (_LEFT + WIDTH - _RIGHT) / 2
    center: float = (_TOP + HEIGHT - _BOTTOM) / 2


def plot_histogram(bins: Sequence[Bin]) -> Histogram:
    """Return the plot of bins from 0 up; with two versions, two bars for each."""
    has_two = any(one.beside is not None for one in bins)
    numbers = [one.value for one in bins] + [one.beside or 0 for one in bins]
    top = round_up(max(numbers, default=0))
    step = (WIDTH - _LEFT - _RIGHT) / max(1, len(bins))
    base, field = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    # Few bins make no walls.
    width = min(step * (0.4 if has_two else 0.8), _WIDEST)
    start = _LEFT + step / 2 - width * (1 if has_two else 0.5)
    every = ceil(len(bins) / _MOST_LABELS)

    def bar(place: int, value: int, shift: float, title: str) -> Bar:
        height = field * value / top
        # What is there is seen, however little it is.
        height = max(height, 1.5) if value else 0
        x = start + step * place + shift * width
        number = brief(value)
        is_wide = width >= 6.5 * len(number)
        return Bar(
            round(x, 1), round(base - height, 1), round(width, 1), round(height, 1),
            round(x + width / 2, 1), number if value and is_wide else "", title,
        )  # fmt: skip

    return Histogram(
        bars=tuple(
            bar(place, one.value, 1 if has_two else 0, one.title) for place, one in enumerate(bins)
        ),
        beside=tuple(
            bar(place, one.beside or 0, 0, one.title) for place, one in enumerate(bins) if has_two
        ),
        across=tuple(
            Tick(round(_LEFT + step * (place + 0.5), 1), one.name)
            for place, one in enumerate(bins)
            if place % every == 0
        ),
        up=tuple(
            Tick(round(base - field * step_up / _STEPS, 1), short(top * step_up // _STEPS))
            for step_up in range(_STEPS + 1)
        ),
    )


def brief(value: int) -> str:
    """Write 12,345 as "12k", for places where the exact number stands nearby."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return (
                f"{value / size:.1f}{letter}" if value < 10 * size else f"{value // size}{letter}"
            )
    return str(value)


def spark_path(values: Sequence[int]) -> str:
    """Return the path of small bars, one unit wide, in a box 20 high."""
    top = max(values, default=0)
    return "".join(
        f"M{place} 20V{20 - max(0.8, 20 * value / top):.1f}h.8V20z"
        for place, value in enumerate(values)
        if value
    )


class Level(NamedTuple):
    """The cells of a map that are about as full: `number` 1 to `LEVELS`.

    `path` are lines along their upper edges, to be drawn half a cell lower and a cell wide.
    """

    number: int
    path: str


def map_levels(shares: NDArray[np.float64], most: float) -> list[Level]:
    """Return the cells of a map in as many shades; `most` is what the darkest stands for.

    Cells with nothing have no shade, and those with little the lightest.
    """
    if most <= 0:
        return []
    shades = np.ceil(np.clip(shares / most, 0, 1) * LEVELS - 1e-9).astype(int)
    levels = []
    for number in range(1, LEVELS + 1):
        path = "".join(
            f"M{start} {row}h{stop - start}"
            for row, line in enumerate(shades == number)
            for start, stop in _stretches(line)
        )
        if path:
            levels.append(Level(number, path))
    return levels


def smaller(shares: NDArray[np.float64], size: int = _SMALL) -> NDArray[np.float64]:
    """Return a square map of fewer cells, each the mean of those it stands for."""
    step = shares.shape[0] // size
    mean: NDArray[np.float64] = shares.reshape(size, step, size, step).mean(axis=(1, 3))
    return mean


def _stretches(line: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


# ---- curves -----------------------------------------------------------------


class Curve(NamedTuple):
    """A line: stretches of points without a gap, its marks, and its name at its end."""

    name: str
    color: str
    dash: str
    lines: tuple[str, ...]
    points: tuple[tuple[float, float, str], ...]
    end: Tick


@dataclass(frozen=True)
class Curves:
    """Lines in units of the view box; names of lines stand right of the field."""

    curves: tuple[Curve, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: int = _CURVES_WIDTH + 170
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _CURVES_WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM
    middle: float = (_LEFT + _CURVES_WIDTH - _RIGHT) / 2
    center: float = (_TOP + HEIGHT - _BOTTOM) / 2


def plot_curves(
    names: Sequence[str], lines: Sequence[tuple[str, str, Sequence[int | None]]]
) -> Curves:
    """Return curves from 0 up over places with names; each line is (name, colour, values).

    None where nobody knows a value: the line has a gap.
    """
    top = round_up(max((v for _, _, values in lines for v in values if v is not None), default=0))
    base = Curves.bottom
    field, gap = base - _TOP, (_CURVES_WIDTH - _LEFT - _RIGHT) / max(1, len(names) - 1)
    start = _LEFT if len(names) > 1 else _LEFT + (_CURVES_WIDTH - _LEFT - _RIGHT) / 2

    def point(place: int, value: int) -> tuple[float, float]:
        return round(start + place * gap, 1), round(base - field * value / top, 1)

    ends = _apart([_last(values, lambda v: base - field * v / top) for _, _, values in lines])
    every = ceil(len(names) / _MOST_LABELS)
    return Curves(
        curves=tuple(
            Curve(
                name,
                color,
                DASHES[number % len(DASHES)],
                tuple(_points(values, point)),
                tuple(
                    (*point(place, value), f"{name}, {names[place]}: {value:,}")
                    for place, value in enumerate(values)
                    if value is not None and len(names) <= 60
                ),
                Tick(round(end, 1), name),
            )
            for number, ((name, color, values), end) in enumerate(zip(lines, ends, strict=True))
        ),
        across=tuple(
            Tick(point(place, 0)[0], name)
            for place, name in enumerate(names)
            # Counted from the end: the newest always has its name.
            if (len(names) - 1 - place) % every == 0
        ),
        up=tuple(
            Tick(round(base - field * step / _STEPS, 1), short(top * step // _STEPS))
            for step in range(_STEPS + 1)
        ),
    )


def _points(
    values: Sequence[int | None], point: Callable[[int, int], tuple[float, float]]
) -> list[str]:
    stretches: list[list[str]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            stretches.append([])
        else:
            x, y = point(place, value)
            stretches[-1].append(f"{x},{y}")
    return [" ".join(one) for one in stretches if one]


def _last(values: Sequence[int | None], place_of: Callable[[int], float]) -> float:
    known = [value for value in values if value is not None]
    return place_of(known[-1] if known else 0)


def _apart(heights: list[float], least: float = 15) -> list[float]:
    """Move names that stand at about the same height apart, keeping their order."""
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    moved = list(heights)
    for upper, lower in pairwise(order):
        moved[lower] = max(moved[lower], moved[upper] + least)
    # What that pushed below the field goes up again.
    limit = float(Curves.bottom)
    for place in reversed(order):
        moved[place] = min(moved[place], limit)
        limit = moved[place] - least
    return moved
