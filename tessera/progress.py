"""How far long work is: told to whoever draws it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called from time to time, from any thread.

    done, total : images, or what the work counts; total None: not known yet
    transferred : bytes sent or received so far
    """

    def __call__(self, done: int, total: int | None = None, transferred: int = 0) -> None: ...


def silent(done: int, total: int | None = None, transferred: int = 0) -> None:
    """Progress that nobody watches."""
