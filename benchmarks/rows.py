"""One line of the report."""

from __future__ import annotations

from typing import Any, NamedTuple


class Goal(NamedTuple):
    """The ratio to reach: at least `limit`, or at most."""

    limit: float
    at_most: bool = False

    def is_reached(self, ratio: float) -> bool:
        return ratio <= self.limit if self.at_most else ratio >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}"


class Row(NamedTuple):
    """What one comparison measured.

    ours, peer : in `unit`
    ratio : how many times the peer's time ours is quicker, or, where the goal is `at_most`, ours
        over the peer's; None where the row was left out
    cpu_ratio : the same of processor time, which a busy machine disturbs less
    note : what was compared with what, or why the row was left out
    """

    name: str
    ours: float = 0.0
    peer: float = 0.0
    unit: str = ""
    ratio: float | None = None
    goal: Goal | None = None
    cpu_ratio: float | None = None
    note: str = ""

    @property
    def is_reached(self) -> bool | None:
        """None where there is no goal or no ratio."""
        if self.goal is None or self.ratio is None:
            return None
        return self.goal.is_reached(self.ratio)

    def to_json(self) -> dict[str, Any]:
        goal = None if self.goal is None else str(self.goal)
        return {**self._asdict(), "goal": goal, "reached": self.is_reached}


def left_out(name: str, reason: str) -> Row:
    """Return the row of a comparison that cannot be made here."""
    return Row(name, note=f"left out: {reason}")
