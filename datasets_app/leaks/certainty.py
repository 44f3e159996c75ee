"""How sure it is that two photographs with near hashes are one: measured, not guessed.

What can be measured is how often photographs that have nothing to do with each other come as
near by accident. Here these are generated street scenes, each with each, plain and mirrored:
sky above, road below, and so more alike than what most datasets hold. Of a number of pairs that
was seen k times, the upper bound of a 95 % confidence interval is taken for its rate: where none
was seen, three in all pairs that were looked at, and not zero.

A photograph is compared with all others of its version, and with their mirror images. The
certainty of a pair is the probability that none of them comes as near by accident:
(1 - rate) ** (2 * (photographs - 1)). It falls as a version grows.
"""

from __future__ import annotations

import math
from functools import cache

# Of 6,000 generated photographs (`datasets_app.sample.story.photo_at`, seed 77) each with each
# and with each one's mirror image: how many pairs differ in at most so many of 192 bits (of the
# 64 bits of waves in at most 11, as is asked of every pair).
MEASURED_PAIRS = 35_994_000
MEASURED = {
    21: 0, 22: 1, 24: 1, 25: 3, 26: 4, 27: 10, 28: 17, 29: 28, 30: 37, 31: 44, 32: 59, 33: 77,
    34: 98, 35: 121, 36: 147, 37: 179, 38: 218, 39: 265, 40: 315,
}  # fmt: skip
# Beyond, so many unrelated photographs are as near that saying so is of no use.
MOST_DISTANCE = 40
DEFAULT_DISTANCE = 24

_TAIL = 0.05


def certainty_of(distance: int, photographs: int) -> float:
    """Return 0 to 1 for a near pair in a version with so many photographs.

    Raises
    ------
    ValueError
        A distance that was not measured, beyond 40.
    """
    if not 0 <= distance <= MOST_DISTANCE:
        raise ValueError(f"the rate of pairs at a distance of {distance} was not measured")
    others = 2 * max(photographs - 1, 1)
    return math.exp(others * math.log1p(-rate_at(distance)))


@cache
def rate_at(distance: int) -> float:
    """Return the upper bound of the rate at which unrelated photographs come so near."""
    reached = [count for limit, count in MEASURED.items() if limit <= distance]
    return _upper_bound(max(reached, default=0)) / MEASURED_PAIRS


def _upper_bound(seen: int) -> float:
    """Return the largest mean of a Poisson law that gives `seen` or fewer in 5 of 100 cases."""
    low, high = float(seen), seen + 10 * math.sqrt(seen + 1) + 10
    for _ in range(60):
        middle = (low + high) / 2
        terms = (
            math.exp(count * math.log(middle) - middle - math.lgamma(count + 1))
            for count in range(seen + 1)
        )
        low, high = (middle, high) if sum(terms) > _TAIL else (low, middle)
    return high
