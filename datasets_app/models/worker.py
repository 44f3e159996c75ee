"""The processes that run jobs."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils import timezone

from datasets_app.models.job import Job


class WorkerQuerySet(models.QuerySet["Worker"]):
    def alive(self, since: datetime) -> WorkerQuerySet:
        """Keep the workers that were heard of since then."""
        return self.filter(heartbeat_at__gte=since)


class Worker(models.Model):
    """A process that runs jobs, from its start to its end; one that died is forgotten later.

    `name` is `host:pid:chance`: a machine gives its process numbers again. `heartbeat_at` is
    written while it works and while it waits; `job` is null while it waits.
    """

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=64)
    pid = models.PositiveBigIntegerField()
    version = models.CharField(max_length=40, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now, db_index=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ("started_at", "id")

    def __str__(self) -> str:
        return self.name
