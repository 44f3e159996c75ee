"""Line plots as the SVG of templates draws them: places worked out here, no script, no style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, log10
from typing import NamedTuple

WIDTH, HEIGHT = 760, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 16, 14, 44
_MOST_LABELS = 12
_STEPS = 4


class Sample(NamedTuple):
    """One value of a line; None where nobody knows it, and the line has a gap.

    `name` stands below it, `title` is what it says when it is pointed at.
    """

    name: str
    value: int | None
    title: str


class Mark(NamedTuple):
    """A place of the plot with a text."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class LinePlot:
    """A plot in units of its view box; `lines` are the points of unbroken stretches."""

    lines: tuple[str, ...]
    points: tuple[Mark, ...]
    across: tuple[Mark, ...]
    up: tuple[Mark, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def left(self) -> int:
        """Where the field begins."""
        return _LEFT

    @property
    def right(self) -> int:
        """Where the field ends."""
        return self.width - _RIGHT

    @property
    def bottom(self) -> int:
        """The height of zero."""
        return self.height - _BOTTOM

    @property
    def middle(self) -> float:
        """Half of the way across the field."""
        return (self.left + self.right) / 2

    @property
    def center(self) -> float:
        """Half of the way up the field."""
        return (_TOP + self.bottom) / 2


def plot_line(samples: Sequence[Sample]) -> LinePlot:
    """Return the plot of values from 0 up, evenly spaced in their order."""
    top = round_up(max((one.value for one in samples if one.value is not None), default=0))
    field_width = WIDTH - _LEFT - _RIGHT
    field_height = HEIGHT - _TOP - _BOTTOM
    gap = field_width / max(1, len(samples) - 1)
    # One value alone stands in the middle.
    start = _LEFT if len(samples) > 1 else _LEFT + field_width / 2
    base = HEIGHT - _BOTTOM

    def mark(place: int, value: int, text: str) -> Mark:
        return Mark(
            round(start + place * gap, 1), round(base - field_height * value / top, 1), text
        )

    known = [
        (None if one.value is None else mark(place, one.value, one.title))
        for place, one in enumerate(samples)
    ]
    every = ceil(len(samples) / _MOST_LABELS)
    return LinePlot(
        lines=tuple(
            " ".join(f"{one.x},{one.y}" for one in stretch if one is not None)
            for is_known, stretch in groupby(known, key=lambda one: one is not None)
            if is_known
        ),
        points=tuple(one for one in known if one is not None),
        across=tuple(
            mark(place, 0, one.name)
            for place, one in enumerate(samples)
            # Counted from the end: the newest always has its name.
            if (len(samples) - 1 - place) % every == 0
        ),
        up=tuple(
            Mark(_LEFT, round(base - field_height * step / _STEPS, 1), short(top * step // _STEPS))
            for step in range(_STEPS + 1)
        ),
    )


def round_up(value: int) -> int:
    """Return the least round number that is no less than a value, and whose quarters are whole."""
    size = 10 ** max(0, int(log10(value)) - 1) if value > 0 else 1
    # A value is less than a hundred of its sizes.
    return next(size * one for one in (4, 8, 12, 20, 32, 40, 60, 80, 100) if size * one >= value)


def short(value: int) -> str:
    """Write 12,000 as "12 k"."""
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return str(value)
