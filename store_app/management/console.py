"""What the commands of the store share: progress bars for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from store_app.progress import Progress


@contextmanager
def progress_bars(*, hidden: bool) -> Iterator[Progress]:
    """Show one bar for each stage, on the error stream so that the output can be piped."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Bars(
        *columns,
        TimeElapsedColumn(),
        console=console,
        disable=hidden or not console.is_terminal,
    ) as bars:
        stages: dict[str, Any] = {}

        def progress(stage: str, done: int, total: int | None) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage, total=total)
            bars.update(stages[stage], completed=done, total=total)

        yield progress


def megabytes(size: int) -> str:
    """Write a size for people."""
    return f"{size / 1e6:,.1f} MB"
