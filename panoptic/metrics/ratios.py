"""Ratios that add up exactly, and means over classes."""

from __future__ import annotations

from collections.abc import Iterable

# IoUs are summed as whole ticks, since floats added in another order give another sum. An IoU of
# 1 is exact, any other is rounded by at most 1.2e-10; 2^31 of them fit 64 bits.
TICKS = 2**32


def to_ticks(ratio: float) -> int:
    """A ratio of 0 to 1 as the nearest whole number of ticks."""
    return round(ratio * TICKS)


def divide(part: float, whole: float) -> float | None:
    """None where there is nothing to divide by."""
    return part / whole if whole else None


def mean(ratios: Iterable[float | None]) -> float | None:
    """Mean of what is defined; None if nothing is."""
    defined = [ratio for ratio in ratios if ratio is not None]
    return sum(defined) / len(defined) if defined else None
