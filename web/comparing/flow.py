"""Which class became which, as a matrix: classes before in rows, classes after in columns."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any, NamedTuple

from datasets_app.changed_lists import ChangedFilter, Unit
from labels_app.reading import Reading
from web.classes import VOID, VOID_COLOR, Chip, chip_of, sorted_chips
from web.comparing.listing import query_of

# More rows make a page that nobody reads and few browsers like; `?classes=all` shows them.
MOST_CLASSES = 20
_HEAT_LEVELS = 8
NO_PARTNER = Chip(0, "no partner", "", VOID_COLOR)


class FlowCell(NamedTuple):
    """What went from one class to another. `heat` is 0 to 8; on the diagonal it is 0.

    query : the images in which it did, None where no list is of them
    """

    old: Chip
    new: Chip
    amount: int
    heat: int
    is_same: bool
    query: str | None
    is_on: bool


class FlowRow(NamedTuple):
    """What became of one class; `total` is what the old side has of it."""

    old: Chip
    cells: list[FlowCell]
    total: int


class UnitLink(NamedTuple):
    """The matrix in one unit; `moved` is what changed its class, in it."""

    unit: str
    moved: int
    query: str
    is_on: bool


class FlowMatrix(NamedTuple):
    """The flow in one unit, of the classes that something left or joined.

    totals : what the new side has of each column
    hidden : classes that are one row and one column, "others"
    everything : the query of the matrix with every class, None where nothing is hidden
    """

    unit: str
    units: list[UnitLink]
    columns: list[Chip]
    rows: list[FlowRow]
    totals: list[int]
    hidden: int
    everything: str | None


def read_flow(
    cells: list[dict[str, Any]], wanted: ChangedFilter, reading: Reading, *, all_classes: bool
) -> FlowMatrix:
    """Return the matrix of a comparison's class flow (`totals["class_flow"]`)."""
    flows = {unit: _flow(cells, unit.value, reading) for unit in Unit}
    flow = flows[wanted.unit]
    moved = _moves(flow)
    ranked = sorted(moved, key=lambda chip: (-moved[chip], chip.name))
    shown = ranked if all_classes else ranked[:MOST_CLASSES]
    hidden = len(ranked) - len(shown)
    if hidden == 1:  # a row of its own takes no more room
        shown, hidden = ranked, 0
    columns = sorted_chips(shown)
    if hidden:
        others = Chip(-1, f"{hidden} others", "", VOID_COLOR)
        flow = _merged(flow, set(shown), others)
        columns.append(others)
    peak = max((amount for (old, new), amount in flow.items() if old != new), default=0)
    rows = [
        FlowRow(
            old,
            [_cell(flow, old, new, peak, wanted) for new in columns],
            sum(amount for (before, _), amount in flow.items() if before == old),
        )
        for old in columns
    ]
    return FlowMatrix(
        unit=wanted.unit.value,
        units=[_unit_link(unit, flows[unit], wanted) for unit in Unit],
        columns=columns,
        rows=rows,
        totals=[
            sum(amount for (_, after), amount in flow.items() if after == new) for new in columns
        ],
        hidden=hidden,
        everything=query_of(wanted, classes="all") if hidden else None,
    )


Flow = dict[tuple[Chip, Chip], int]


def _flow(cells: list[dict[str, Any]], unit: str, reading: Reading) -> Flow:
    none = NO_PARTNER if unit == Unit.SEGMENTS else VOID
    flow: Flow = defaultdict(int)
    for cell in cells:
        old, new = (
            none if cell[side] is None else chip_of(reading, cell[side])
            for side in ("old_class", "new_class")
        )
        if cell[unit]:
            flow[old, new] += cell[unit]
    return flow


def _moves(flow: Flow) -> dict[Chip, int]:
    """Return how much left or joined each class."""
    moved: dict[Chip, int] = defaultdict(int)
    for (old, new), amount in flow.items():
        if old != new:
            moved[old] += amount
            moved[new] += amount
    return moved


def _merged(flow: Flow, shown: set[Chip], others: Chip) -> Flow:
    merged: Flow = defaultdict(int)
    for (old, new), amount in flow.items():
        merged[old if old in shown else others, new if new in shown else others] += amount
    return merged


def _cell(flow: Flow, old: Chip, new: Chip, peak: int, wanted: ChangedFilter) -> FlowCell:
    amount = flow.get((old, new), 0)
    is_same = old == new
    value = f"{old.class_id}-{new.class_id}"
    query = None
    if amount and not is_same and old.class_id >= 0 and new.class_id >= 0:
        query = query_of(ChangedFilter({"flow": (value,)}, wanted.unit, wanted.order))
    heat = 0 if is_same else _heat(amount, peak)
    return FlowCell(old, new, amount, heat, is_same, query, wanted.has("flow", value))


def _heat(amount: int, peak: int) -> int:
    """Return a level from 1 to 8 on a scale of logarithms, 0 for nothing: flows differ by
    factors of thousands, and the small ones are mistakes too."""
    if not amount:
        return 0
    return max(1, math.ceil(_HEAT_LEVELS * math.log1p(amount) / math.log1p(peak)))


def _unit_link(unit: Unit, flow: Flow, wanted: ChangedFilter) -> UnitLink:
    # A cell of one unit may be none of the other.
    values = {**wanted.values, "flow": ()}
    query = query_of(ChangedFilter(values, unit, wanted.order)) or "?"
    return UnitLink(unit.value, sum(_moves(flow).values()) // 2, query, unit == wanted.unit)
