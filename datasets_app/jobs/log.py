"""The log of a job: short lines, the newest of which are kept."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from datasets_app.models.job import Job
from datasets_app.models.job_line import JobLine, Level

MOST_LINES = 1_000
MOST_CHARACTERS = 500
# So many too many may stand there until the next clearing.
_SLACK = 100
# What a program found wrong is in the result in full; the log shows the beginning.
_PROBLEMS_TOLD = 50


def write_line(job: Job, message: str, level: Level = Level.INFO) -> None:
    """Write one line at once."""
    line_of(job, message, level).save(force_insert=True)


def line_of(job: Job, message: str, level: Level = Level.INFO) -> JobLine:
    """Return a line to be written later, with the present time."""
    return JobLine(job=job, level=level, message=_short(message))


class LineWriter:
    """Collects the lines of a worker, and writes them when it writes its progress anyway."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._waiting: list[JobLine] = []
        self._written = 0

    def add(self, message: str, level: Level = Level.INFO) -> None:
        """Keep a line until the next `flush`."""
        self._waiting.append(line_of(self._job, message, level))

    def flush(self) -> None:
        """Write what waits, in one query; now and then another clears the oldest away."""
        if not self._waiting:
            return
        JobLine.objects.bulk_create(self._waiting)
        self._written += len(self._waiting)
        self._waiting = []
        if self._written >= _SLACK:
            drop_old_lines(self._job.pk)
            self._written = 0


def drop_old_lines(job_id: uuid.UUID) -> None:
    """Delete all but the newest lines of a job."""
    lines = JobLine.objects.filter(job=job_id)
    oldest_kept = lines.order_by("-id").values_list("id", flat=True)[MOST_LINES - 1 : MOST_LINES]
    for number in oldest_kept:
        lines.filter(id__lt=number).delete()


def problem_lines(problems: Iterable[Any]) -> Iterator[tuple[str, Level]]:
    """Yield what was wrong with files, images or names, as messages and levels."""
    found = list(problems)
    for problem in found[:_PROBLEMS_TOLD]:
        is_error = isinstance(problem, dict) and problem.get("severity", "error") == "error"
        yield _sentence(problem), Level.ERROR if is_error else Level.WARNING
    if len(found) > _PROBLEMS_TOLD:
        yield f"and {len(found) - _PROBLEMS_TOLD:,} more: see the result", Level.WARNING


def _sentence(problem: Any) -> str:
    """Write a problem of a report in words: where it is, and what."""
    if not isinstance(problem, dict):
        return str(problem)
    where = " ".join(str(problem[name]) for name in ("file", "image") if problem.get(name))
    what = problem.get("message") or problem.get("detail") or problem.get("code") or "a problem"
    return f"{where}: {what}" if where else str(what)


def _short(message: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in message)
    return plain if len(plain) <= MOST_CHARACTERS else f"{plain[: MOST_CHARACTERS - 1]}…"
