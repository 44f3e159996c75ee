"""What the commands of the audit log share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars


@contextmanager
def count_bar(title: str, total: int | None, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """Show on the error stream how many of `total` are done; nothing where nobody looks."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    disable = hidden or not console.is_terminal
    with Bars(*columns, console=console, disable=disable, transient=True) as bars:
        task = bars.add_task(title, total=total)
        yield lambda done: bars.update(task, completed=done)
