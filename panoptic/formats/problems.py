"""What is wrong with an input, or lost on the way out, told in sentences and counted.

An error stops an import; a warning says what is read or written otherwise than it stands there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from panoptic.errors import MalformedFile, PanopticError

ERROR: Literal["error"] = "error"
WARNING: Literal["warning"] = "warning"

# How many problems of one file are told one by one; a wrong option can make one per image.
MAX_PROBLEMS = 1000


class Problem(NamedTuple):
    """One thing wrong with an input, or lost on the way out: where, and why, in a sentence.

    An `error` stops the import; a `warning` says what was read differently from what is written.
    """

    code: str
    message: str
    file: str = ""
    image: str = ""
    segment: int | str | None = None
    severity: Literal["error", "warning"] = ERROR


class ProblemList:
    """Problems of one file, at most `MAX_PROBLEMS` of them told, the others counted."""

    def __init__(self) -> None:
        self._told: list[Problem] = []
        self._untold: Counter[Literal["error", "warning"]] = Counter()

    def add(self, problem: Problem) -> None:
        if len(self._told) < MAX_PROBLEMS:
            self._told.append(problem)
        else:
            self._untold[problem.severity] += 1

    def as_tuple(self) -> tuple[Problem, ...]:
        if not self._untold:
            return tuple(self._told)
        severity = ERROR if self._untold[ERROR] else WARNING
        message = f"{self._untold.total()} more problems are not listed"
        return (*self._told, Problem("more_problems", message, severity=severity))


def warn(
    code: str, message: str, *, file: str = "", image: str = "", segment: int | str | None = None
) -> Problem:
    """A warning: something is read or written otherwise than it stands there."""
    return Problem(code, message, file, image, segment, WARNING)


def problem_of(error: PanopticError, *, file: str = "", image: str = "") -> Problem:
    """The error that reading one image raised, as a problem of that image."""
    if isinstance(error, MalformedFile):
        return Problem(error.code, error.reason, error.file or file, image, error.segment)
    return Problem(error.code, str(error), file, image)


def has_errors(problems: tuple[Problem, ...] | list[Problem]) -> bool:
    """Whether any of them stops the import."""
    return any(problem.severity == ERROR for problem in problems)


def list_some(values: list[Any], most: int = 10) -> str:
    """`1, 2, 3 and 4 more`: enough to find a fault, never a page of ids."""
    shown = ", ".join(str(value) for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"


def describe_ids(ids: Sequence[int]) -> str:
    """`3 ids (1, 2, 3)`, never more than ten of them."""
    return f"{len(ids)} id{'s' * (len(ids) != 1)} ({list_some(list(ids))})"
