"""How many in the last minute: two counters in the cache instead of a list of times.

The window slides: what was counted in the window before counts by the part of it that is not
over yet. A count costs one reading and one writing of the cache, whatever the limit is, and
caches that several processes share add up without a lock.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import NamedTuple

from django.core.cache import cache

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Rate(NamedTuple):
    """At most `limit` in `seconds`."""

    limit: int
    seconds: int


@lru_cache(maxsize=64)
def parse_rate(text: str) -> Rate | None:
    """Return the rate of `600/min` (s, min, hour, day), None for "", which is no limit.

    Raises
    ------
    ValueError
        It is no rate.
    """
    if not text:
        return None
    limit, _, period = text.partition("/")
    if not limit.isascii() or not limit.isdecimal() or period[:1] not in _SECONDS:
        raise ValueError(f"not a rate such as 600/min: {text!r}")
    return Rate(int(limit), _SECONDS[period[:1]])


def is_full(key: str, rate: Rate) -> float:
    """Return the seconds until there is room for one more, 0 where there is room now."""
    return _look(key, rate, _now()).wait


def count_one(key: str, rate: Rate) -> None:
    """Count one, room or none."""
    _add(_look(key, rate, _now()), rate)


def take_one(key: str, rate: Rate) -> float:
    """Count one if there is room and return 0; else return the seconds until there is.

    What is refused is not counted: who asks too often is let in again as soon as they would
    be if they had not.
    """
    found = _look(key, rate, _now())
    if not found.wait:
        _add(found, rate)
    return found.wait


class _Window(NamedTuple):
    key: str
    is_new: bool
    wait: float


def _look(key: str, rate: Rate, now: float) -> _Window:
    number, passed = divmod(now, rate.seconds)
    before_key, this_key = (f"{key}:{rate.seconds}:{int(number) - back}" for back in (1, 0))
    found = cache.get_many([before_key, this_key])
    before, this = found.get(before_key, 0), found.get(this_key, 0)
    wait = _wait(before, this, passed, rate)
    return _Window(this_key, this_key not in found, wait)


def _wait(before: int, this: int, passed: float, rate: Rate) -> float:
    """Return the seconds until before·(1 - passed/seconds) + this has sunk below the limit."""
    left = rate.seconds - passed
    if before * left / rate.seconds + this <= rate.limit - 1:
        return 0.0
    if before and this <= rate.limit - 1:
        return max(left - (rate.limit - 1 - this) * rate.seconds / before, 0.001)
    # Only the next window has room: when this one's count has sunk far enough in it.
    sunk = (1 - max(rate.limit - 1, 0) / this) * rate.seconds if this else rate.seconds
    return float(left + sunk)


def _add(window: _Window, rate: Rate) -> None:
    # Twice the window: the next one looks back at it.
    if window.is_new and cache.add(window.key, 1, 2 * rate.seconds):
        return
    try:
        cache.incr(window.key)
    except ValueError:  # it ended, or was thrown out, a moment ago
        cache.add(window.key, 1, 2 * rate.seconds)


def _now() -> float:
    return time.time()
