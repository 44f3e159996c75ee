"""Bars of shares, as the SVG of templates draws them: places and widths in percent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from web.classes import Chip

# Narrower parts than this are not seen, and a bar of hundreds of classes need not hold them.
_NARROWEST = 0.05


class BarPart(NamedTuple):
    """One part of a stacked bar; `start` and `width` are percent of the whole bar."""

    chip: Chip
    start: float
    width: float

    @property
    def x(self) -> str:
        """The place as SVG writes it."""
        return f"{self.start:.2f}%"

    @property
    def wide(self) -> str:
        """The width as SVG writes it."""
        return f"{self.width:.2f}%"


def stacked_bar(amounts: Iterable[tuple[Chip, int]]) -> list[BarPart]:
    """Return the parts of a bar in the order given; an empty list where all is nothing."""
    rows = [(chip, amount) for chip, amount in amounts if amount > 0]
    total = sum(amount for _, amount in rows)
    parts, start = [], 0.0
    for chip, amount in rows:
        width = 100 * amount / total
        if width >= _NARROWEST:
            parts.append(BarPart(chip, start, width))
        start += width
    return parts


def percent(amount: int | float, whole: int | float) -> str:
    """Return a share of the whole as SVG writes a width; nothing of nothing is 0 %."""
    return f"{100 * amount / whole:.2f}%" if whole else "0%"
