"""Rows as a table for people; `--json` is for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row


def print_facts(facts: Mapping[str, str]) -> None:
    """Print the machine and its versions on one paragraph."""
    Console().print(" · ".join(f"{name} {value}" for name, value in facts.items()), style="dim")


def print_table(rows: Iterable[Row]) -> None:
    """Print all rows; what was left out says why in the last column."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    for column in ("ours", "peer", "ratio", "goal", "reached", "CPU ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("what", overflow="fold", ratio=1)
    for row in rows:
        table.add_row(*_cells(row))
    # A pipe has no width: rows must not be folded to 80 columns there.
    console = Console()
    Console(width=console.width if console.is_terminal else 190).print(table)


def _cells(row: Row) -> tuple[str, ...]:
    if row.ratio is None:
        return (row.name, "", "", "", str(row.goal or ""), "", "", row.note)
    reached = {True: "yes", False: "NO", None: "–"}[row.is_reached]
    cpu = "" if row.cpu_ratio is None else _number(row.cpu_ratio)
    return (
        row.name,
        f"{_number(row.ours)} {row.unit}",
        f"{_number(row.peer)} {row.unit}",
        _number(row.ratio),
        str(row.goal or ""),
        reached,
        cpu,
        row.note,
    )


def _number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
