"""How long work says how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]  # stage, done, total if known


def silent(stage: str, done: int, total: int | None) -> None:
    """Say nothing."""
