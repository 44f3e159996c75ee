"""What an import did, or would do, and what was wrong with its files: for the page of its job."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from datasets_app.actions.transfers import IMPORT_KIND
from datasets_app.models import Job, JobState
from panoptic.formats.registry import FORMATS

# What a page shows of a list; the whole of it is in the API.
PROBLEMS_SHOWN = 200
_CLASSES_SHOWN = 50
# Where a worker unpacked the files is nobody's business, and says nothing.
_WORK_FOLDER = re.compile(r"(?:/[^\s:]*)?/tessera-job-[^/\s]+/(?:(?:unpacked|files)/?)?")


class ToldProblem(NamedTuple):
    """One thing wrong; `file`, `image` and `segment` are "" where it concerns none."""

    message: str
    file: str
    image: str
    segment: str
    is_error: bool


class ImportTold(NamedTuple):
    """The report of an import.

    `images` are names of counts and counts, () where it failed. `problem_count` counts also the
    problems that are not listed. `read_as` is a sentence about the format, "" where it was named.
    """

    is_trial: bool
    images: tuple[tuple[str, int], ...]
    segments: int
    hidden_pixels: int
    lost_pixels: int
    unknown_classes: list[str]
    unlisted_classes: int
    problems: list[ToldProblem]
    problem_count: int
    has_errors: bool
    conflicting: int
    read_as: str

    @property
    def changes_nothing(self) -> bool:
        """Say whether no image would be another after it."""
        return not any(count for name, count in self.images if name != "unchanged")


def report_of(job: Job) -> ImportTold | None:
    """Return the report of an import that is done, or what was wrong where it failed."""
    if job.kind != IMPORT_KIND or not job.is_settled:
        return None
    if job.state == JobState.FAILED:
        errors = (job.problem or {}).get("errors") or []
        return _told({"problems": errors, "problem_count": len(errors)}) if errors else None
    return _told(job.result) if job.result else None


def without_folders(text: str) -> str:
    """Return a text without the folder of the worker in front of the names of files."""
    return _WORK_FOLDER.sub("", text)


def _told(result: dict[str, Any]) -> ImportTold:
    problems = [_problem(one) for one in result.get("problems") or ()]
    images, pixels = result.get("images") or {}, result.get("pixels") or {}
    classes = result.get("unknown_classes") or []
    return ImportTold(
        is_trial=bool(result.get("dry_run")),
        images=tuple(
            (name, images[name])
            for name in ("added", "changed", "removed", "unchanged")
            if name in images
        ),
        segments=result.get("segments") or 0,
        hidden_pixels=pixels.get("hidden") or 0,
        lost_pixels=pixels.get("lost") or 0,
        unknown_classes=classes[:_CLASSES_SHOWN],
        unlisted_classes=max(0, len(classes) - _CLASSES_SHOWN),
        # Errors first: they are what stops it.
        problems=sorted(problems, key=lambda one: not one.is_error)[:PROBLEMS_SHOWN],
        problem_count=result.get("problem_count") or len(problems),
        has_errors=any(one.is_error for one in problems),
        conflicting=images.get("conflicting") or 0,
        read_as=_read_as(result),
    )


def _read_as(result: dict[str, Any]) -> str:
    """Say which format was recognised, and why; "" where somebody named it."""
    name, place, reason = (result.get(key) or "" for key in ("format", "path", "reason"))
    if not reason:
        return ""
    title = FORMATS[name].title if name in FORMATS else name
    what = "The files were" if place in ("", ".") else f"{place} was"
    return f"{what} read as {title}: {reason}."


def _problem(told: dict[str, Any]) -> ToldProblem:
    segment = told.get("segment")
    file, image = (without_folders(str(told.get(name) or "")) for name in ("file", "image"))
    return ToldProblem(
        message=without_folders(str(told.get("message") or told.get("code") or "")),
        file="" if file == image else file,
        image=image,
        segment="" if segment is None else str(segment),
        is_error=told.get("severity", "error") == "error",
    )
