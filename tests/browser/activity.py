"""Jobs to look at, what a page sends, and what it weighs."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, Request

from datasets_app.models import Dataset, Job, JobLine, JobState
from people_app.models import User

# What a trial of an import tells that found errors.
TRIAL = {
    "dry_run": True,
    "images": {"added": 1_204, "changed": 31, "removed": 0, "unchanged": 7, "conflicting": 0},
    "segments": 14_882,
    "pixels": {"hidden": 1_200, "lost": 3},
    "unknown_classes": ["zebra crossing"],
    "problem_count": 2,
    "problems": [
        {
            "code": "x",
            "message": "the label PNG has ids that the JSON does not list: 17",
            "file": "panoptic_val/0017.png",
            "image": "night/0017.jpg",
            "segment": 17,
            "severity": "error",
        },
        {"code": "y", "message": "there is no photograph", "image": "b.jpg", "severity": "warning"},
    ],
}


def running_job(dataset: Dataset) -> Job:
    """An import of Alma's that has done 300 of 900 images."""
    now = timezone.now()
    job = Job.objects.create(
        dataset=dataset,
        kind="import",
        state=JobState.RUNNING,
        requested_by=User.objects.get(username="alma"),
        arguments={"format": "coco_panoptic", "branch": "main", "message": "Spring"},
        lease=1,
        done=300,
        total=900,
        message="images read",
        marks=[[now.timestamp() - 20, 100]],
        progressed_at=now,
        lease_expires_at=now + timedelta(seconds=30),
    )
    JobLine.objects.create(job=job, message="taken by worker 1a2b")
    return job


def offsets_of(page: Page) -> list[int]:
    """The offsets of the pieces that a page sends, as they come."""
    found: list[int] = []
    page.on(
        "request",
        lambda request: (
            found.append(int(request.headers["upload-offset"])) if is_piece(request) else None
        ),
    )
    return found


def is_piece(request: Request) -> bool:
    return request.method == "PATCH"


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return buffer.getvalue()


def weight(page: Page) -> int:
    """The bytes of a page and of all that it loads, without pictures."""
    return page.evaluate(
        """["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
            .filter((one) => one.initiatorType !== "img")
            .reduce((sum, one) => sum + one.decodedBodySize, 0)"""
    )
