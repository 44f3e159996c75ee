"""Background work: what was asked, how far it is, what came of it."""

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from datasets_app.models.dataset import Dataset


class JobState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


SETTLED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: Any) -> "JobQuerySet":
        """Keep the jobs that this user asked for, and those on datasets they may read."""
        if not user.is_authenticated:
            return self.filter(dataset__in=Dataset.objects.visible_to(user), requested_by=None)
        return self.filter(Q(requested_by=user) | Q(dataset__in=Dataset.objects.visible_to(user)))

    def abandoned(self, now: datetime) -> "JobQuerySet":
        """Keep the jobs whose worker has not renewed its lease: it died."""
        return self.filter(state=JobState.RUNNING, lease_expires_at__lt=now)

    def waiting(self, since: datetime) -> "JobQuerySet":
        """Keep the jobs that nobody has taken up since then."""
        return self.filter(state=JobState.QUEUED, queued_at__lt=since)

    def stranded(self, sent_before: datetime) -> "JobQuerySet":
        """Keep the jobs that wait, and that the task queue was last told of before then."""
        return self.filter(state=JobState.QUEUED, sent_at__lt=sent_before)


class Job(models.Model):
    """One piece of work of the machine.

    A job runs at least once, under a lease. `lease` counts the workers that took it
    up; only the holder of the newest one may publish a result (RULES 6.9).

    `forgiven_leases` of them do not count against the job: a worker that was told to stop
    handed them back, or somebody asked for another try since. `marks` are a few moments of
    the present attempt with what was done by then, from which its rate is computed
    (`datasets_app.jobs.pace`); `progressed_at` is when `done` was last written. It waits since
    `queued_at`, and was last given to the task queue at `sent_at`.

    `token_id` to `request_id` are of the request that asked, for the audit events of the work.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=50)
    dataset = models.ForeignKey(Dataset, models.CASCADE, null=True, related_name="jobs")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    arguments = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=200, unique=True, null=True)  # noqa: DJ001
    created_at = models.DateTimeField(auto_now_add=True)

    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    message = models.CharField(max_length=500, default="", blank=True)
    result = models.JSONField(null=True)
    problem = models.JSONField(null=True)
    cancel_requested = models.BooleanField(default=False)

    lease = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True)
    forgiven_leases = models.PositiveIntegerField(default=0)
    retries = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=100, default="", blank=True)
    progressed_at = models.DateTimeField(null=True)
    marks = models.JSONField(default=list)
    queued_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    token_id = models.CharField(max_length=16, default="", blank=True)
    token_name = models.CharField(max_length=200, default="", blank=True)
    address = models.CharField(max_length=45, default="", blank=True)
    request_id = models.CharField(max_length=64, default="", blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["state", "lease_expires_at"], name="job_by_state"),
            models.Index(fields=["dataset", "-created_at"], name="job_by_dataset"),
            models.Index(fields=["-created_at", "-id"], name="job_by_time"),
            models.Index(fields=["finished_at"], name="job_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def is_settled(self) -> bool:
        return self.state in SETTLED

    @property
    def can_be_retried(self) -> bool:
        return self.state in (JobState.FAILED, JobState.CANCELLED)
