"""Time two functions in turn: a busy machine slows both, so their ratio stays."""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """Seconds on the clock, and of all processors together."""

    wall: float
    cpu: float


class Duel(NamedTuple):
    """Medians of both sides; the ratios are medians, too, of peer over ours in each round."""

    ours: Cost
    peer: Cost
    ratio: float
    cpu_ratio: float | None


def duel(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> Duel:
    """Run both sides in turn, ours first; one round before the first counted one warms up."""
    costs = take_turns([ours, peer], rounds)
    pairs = list(zip(*costs, strict=True))
    # A clock tick is 10 ms for the processes of a pool: shorter work has no ratio of it.
    cpu_ratio = None
    if all(cost.cpu > 0.005 for pair in pairs for cost in pair):
        cpu_ratio = median(b.cpu / a.cpu for a, b in pairs)
    return Duel(
        _middle(costs[0]), _middle(costs[1]), median(b.wall / a.wall for a, b in pairs), cpu_ratio
    )


def take_turns(functions: Sequence[Callable[[], object]], rounds: int) -> list[list[Cost]]:
    """Return the costs of every function, by round, after one round that is not counted."""
    costs: list[list[Cost]] = [[] for _ in functions]
    for turn in range(rounds + 1):
        for function, own in zip(functions, costs, strict=True):
            cost = measure(function)
            if turn:
                own.append(cost)
    return costs


def measure(function: Callable[[], object]) -> Cost:
    """Run it once; processor time is that of this process and of those it started."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    function()
    return Cost(time.perf_counter() - wall, _cpu_seconds() - cpu)


def median_wall(costs: Iterable[Cost]) -> float:
    """Return the median of the seconds on the clock."""
    return median(cost.wall for cost in costs)


def _middle(costs: Sequence[Cost]) -> Cost:
    return Cost(median_wall(costs), median(cost.cpu for cost in costs))


def _cpu_seconds() -> float:
    own = time.process_time()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = sum(_cpu_of(child.pid) for child in multiprocessing.active_children())
    return own + ended.ru_utime + ended.ru_stime + running


def _cpu_of(pid: int | None) -> float:
    """Return the processor time of a running process; 0 where the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # User and system time; the name before them may hold spaces, but ends with ")".
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS_PER_SECOND
