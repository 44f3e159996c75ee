"""How pages speak of jobs: what they are, how fast they go, what came of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.urls import reverse
from django.utils import timezone

from datasets_app.exports.files import EXPORT_KIND
from datasets_app.jobs.pace import rate_of, seconds_left
from datasets_app.jobs.roots import EXPORTS_KEPT
from datasets_app.models import Job, JobState
from panoptic.formats.losses import tell_losses
from panoptic.formats.registry import FORMATS

# Also the choices of the list of jobs, in this order.
KINDS = {
    "import": "Import",
    "export": "Export",
    "compare": "Comparison",
    "unions": "Count of images by class",
    "distributions": "Count of sizes, places and company of segments",
    "leaks": "Report of leaks",
    "splits": "Assignment of splits",
    "upload": "Completion of an upload",
}
# What was asked, as far as it says something to people; the rest is digests and numbers of rows.
_ASKED = ("format", "version", "branch", "split", "mode", "filter", "taxonomy", "message")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


class Outcome(NamedTuple):
    """A sentence about what a job made, and where that is; `href` may be ""."""

    sentence: str
    href: str = ""
    label: str = ""
    downloads: bool = False


def kind_in_words(job: Job) -> str:
    """Return what a job is, as a heading."""
    return KINDS.get(job.kind, job.kind.replace("_", " ").capitalize())


def asked_in_words(job: Job) -> list[tuple[str, str]]:
    """Return what was asked, as names and values."""
    found = []
    for name in _ASKED:
        value = str(job.arguments.get(name) or "")
        if name == "version" and len(value) != 64:
            continue  # the number of a row says nothing to people
        if name == "format" and value in FORMATS:
            value = FORMATS[value].title
        if value:
            found.append((name, value[:10] if name == "version" else value))
    return [*found, *sorted((job.arguments.get("options") or {}).items())]


def pace_in_words(job: Job, now: datetime | None = None) -> str:
    """Return how fast a job is and how long it will take: "" where neither is known."""
    now = now or timezone.now()
    rate = rate_of(job, now)
    if rate is None:
        return ""
    left = seconds_left(job, now)
    words = rate_in_words(rate)
    return words if left is None else f"{words}, {time_left_in_words(left)}"


def rate_in_words(rate: float) -> str:
    """Write units a second so that the number is neither long nor zero."""
    for seconds, name in ((1, "a second"), (_MINUTE, "a minute"), (_HOUR, "an hour")):
        number = rate * seconds
        if number >= 1:
            return f"{number:,.0f} {name}" if number >= 10 else f"{number:.1f} {name}"
    return "less than one an hour"


def time_left_in_words(seconds: int) -> str:
    """Write how long something will take, no finer than it can be known."""
    if seconds < 5:
        return "a moment left"
    if seconds < _MINUTE:
        return f"{seconds} seconds left"
    if seconds < 1.5 * _HOUR:
        minutes = round(seconds / _MINUTE)
        return "1 minute left" if minutes == 1 else f"{minutes} minutes left"
    if seconds < 2 * _DAY:
        return f"{round(seconds / _HOUR)} hours left"
    return f"{round(seconds / _DAY)} days left"


def duration_in_words(job: Job) -> str:
    """Return how long the last attempt took; "" of a job that no worker took up."""
    if job.started_at is None or job.finished_at is None:
        return ""
    seconds = (job.finished_at - job.started_at).total_seconds()
    if seconds < 0:  # cancelled before it was taken up again
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    if hours:
        return f"{hours} h {minutes} min"
    if minutes and rest:
        return f"{minutes} min {rest} s"
    return f"{minutes} min" if minutes else f"{rest} s"


def outcome_of(job: Job) -> Outcome | None:
    """Return what came of a job that is done, None where there is nothing to say."""
    if job.state != JobState.DONE or not job.result or job.dataset is None:
        return None
    slug = job.dataset.slug
    if job.kind == EXPORT_KIND:
        return _archive(job)
    if job.kind == "compare":
        spec = f"{job.result['old']}..{job.result['new']}"
        return Outcome(
            "The comparison is ready.",
            reverse("web:compare", args=[slug, spec]),
            "Show the comparison",
        )
    version: Any = job.result.get("version")
    made = version.get("id") if isinstance(version, dict) else version
    if job.kind == "import":
        sentence = _imported(job.result)
    elif job.kind == "splits":
        sentence = "The splits are assigned." if made else "Nothing was changed: it was a trial."
    else:
        return None
    href = reverse("web:version", args=[slug, made]) if made else ""
    return Outcome(sentence, href, "Show the version")


def _archive(job: Job) -> Outcome:
    result: dict[str, Any] = job.result or {}
    name, images = result["file_name"], result["images"]
    sentence = f"{name}: {_counted(images, 'image')}, {size_in_words(result['size_bytes'])}."
    if losses := tell_losses(result.get("lost") or {}):
        sentence += f" The format does not carry {', '.join(losses)}."
    if job.finished_at is None or job.finished_at <= timezone.now() - EXPORTS_KEPT:
        return Outcome(f"{sentence} It is not kept any more; ask for the export again.")
    kept_until = f"{job.finished_at + EXPORTS_KEPT:%Y-%m-%d}"
    # The paths of the API are its contract.
    href = f"/api/v1/jobs/{job.pk}/download/"
    return Outcome(f"{sentence} Kept until {kept_until}.", href, "Download", downloads=True)


def _imported(result: dict[str, Any]) -> str:
    """Say how it ended; what it changed is told beside it (`web.import_report`)."""
    if result.get("dry_run"):
        if any(one.get("severity") == "error" for one in result.get("problems") or ()):
            return "The trial found errors. Nothing was changed, and nothing can be imported so."
        return "The trial is done. Nothing was changed by it."
    made = result.get("version")
    return "The import is done." if made else "The import is done. It changed nothing."


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size_in_words(size_bytes: int) -> str:
    """Write a number of bytes as people read it: 1.5 GB, 230.0 MB, 17 bytes."""
    for size, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes} bytes"
