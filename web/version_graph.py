"""The history of a dataset as lanes: which lines lead into a version and which out of it.

The children of a version have higher numbers, so a list by descending number has each version
before all that it came from. A lane waits for a version, known by its number; what waits when a
page ends is all that the next one needs to go on. The lane of a branch is drawn from its head on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from datasets_app.models import Dataset, VersionParent

# Links between versions are read a stretch of numbers at a time, this often for one page.
_STRETCH, _STRETCHES = 300, 4
_MOST_LANES = 40
_STEP = 16  # pixels from lane to lane
_COLORS = 6
_LANE = re.compile(r"(h?[0-9]{1,9})?\Z")


class Lane(NamedTuple):
    """The number of the version that a lane waits for; `is_drawn` once a line leads to it."""

    number: int
    is_drawn: bool = True


Lanes = list[Lane | None]  # None: it is free


class Line(NamedTuple):
    """A line in the upper half of a row (to its middle) or in the lower (from there)."""

    x1: int
    y1: str
    x2: int
    y2: str
    color: int


class GraphRow(NamedTuple):
    """What is drawn beside one version: `width` is that of the whole page."""

    number: int
    x: int
    color: int
    lines: list[Line]
    is_merge: bool


class Graph(NamedTuple):
    """Rows by descending number, and the lanes that go on after them."""

    rows: list[GraphRow]
    lanes: Lanes
    width: int

    @property
    def following(self) -> str | None:
        """What to ask for the next page by; None where everything ends."""
        return format_lanes(self.lanes)


def draw_graph(dataset: Dataset, lanes: Lanes, limit: int) -> Graph:
    """Return up to `limit` versions that the lanes wait for, and those before them.

    One query per 300 numbers, four at most: where numbers are far from each other, a page is
    shorter.
    """
    lanes, rows = list(lanes), []
    parents: dict[int, list[int]] = {}
    least, stretches = None, 0
    while len(rows) < limit:
        number = max((one.number for one in lanes if one is not None), default=None)
        if number is None:
            break
        if least is None or number <= least:
            if stretches == _STRETCHES:
                break
            parents, least = _read_parents(dataset, number), number - _STRETCH
            stretches += 1
        rows.append(_draw_row(number, lanes, parents.get(number, [])))
    widest = max((line.x1 for row in rows for line in row.lines), default=0)
    widest = max(widest, max((line.x2 for row in rows for line in row.lines), default=0))
    return Graph(rows, lanes, widest + _STEP)


def lanes_of(heads: Sequence[int]) -> Lanes:
    """Return the lanes that begin at versions of these numbers."""
    return [Lane(number, is_drawn=False) for number in dict.fromkeys(heads)]


def parse_lanes(text: str) -> Lanes | None:
    """Read what `following` said; None for anything else."""
    parts = text.split(".")
    if len(parts) > _MOST_LANES or not all(_LANE.match(part) for part in parts):
        return None
    lanes = [
        Lane(int(part.removeprefix("h")), is_drawn=not part.startswith("h")) if part else None
        for part in parts
    ]
    return lanes if any(lanes) else None


def format_lanes(lanes: Lanes) -> str | None:
    """Write lanes for an address: numbers, of heads with an h; None where all are free."""
    if not any(lanes):
        return None
    return ".".join(
        "" if lane is None else f"{'' if lane.is_drawn else 'h'}{lane.number}" for lane in lanes
    )


def _read_parents(dataset: Dataset, number: int) -> dict[int, list[int]]:
    links = VersionParent.objects.filter(
        version__dataset=dataset,
        version__number__lte=number,
        version__number__gt=number - _STRETCH,
    ).order_by("version__number", "position")
    found = defaultdict(list)
    for child, parent in links.values_list("version__number", "parent__number"):
        found[child].append(parent)
    return found


def _draw_row(number: int, lanes: Lanes, parents: Sequence[int]) -> GraphRow:
    """Draw a version that at least one lane waits for, and let its lanes wait for its parents."""
    own = next(place for place, lane in enumerate(lanes) if lane and lane.number == number)
    lines = []
    for place, lane in enumerate(lanes):
        if lane is None or not lane.is_drawn:
            continue
        if lane.number == number:
            lines.append(_line(place, "0", own, "50%", place))
        else:
            lines.append(_line(place, "0", place, "100%", place))
    lanes[:] = [None if lane and lane.number == number else lane for lane in lanes]
    for position, parent in enumerate(parents):
        # The head of a branch that a line leads to now needs no lane of its own.
        lanes[:] = [None if lane == Lane(parent, is_drawn=False) else lane for lane in lanes]
        place = _place_for(parent, own if position == 0 else None, lanes)
        lanes[place] = Lane(parent)
        lines.append(_line(own, "50%", place, "100%", max(own, place)))
    while lanes and lanes[-1] is None:
        lanes.pop()
    return GraphRow(number, _x(own), own % _COLORS, lines, len(parents) > 1)


def _place_for(parent: int, own: int | None, lanes: Lanes) -> int:
    """Return the lane of a parent: the first one's is the version's own, so that lines are long."""
    if own is not None:
        return own
    for place, lane in enumerate(lanes):
        if lane and lane.number == parent:
            return place
    if None not in lanes:
        lanes.append(None)
    return lanes.index(None)


def _line(start: int, y1: str, end: int, y2: str, lane: int) -> Line:
    return Line(_x(start), y1, _x(end), y2, lane % _COLORS)


def _x(lane: int) -> int:
    return _STEP // 2 + _STEP * lane
