"""What a job says of itself while it runs."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from datasets_app.models.job import Job


class Level(models.TextChoices):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class JobLine(models.Model):
    """One line of a job's log; old lines go when there are many (`datasets_app.jobs.log`)."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="lines", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=7, choices=Level, default=Level.INFO)
    message = models.CharField(max_length=500)

    class Meta:
        ordering = ("-id",)
        indexes = [models.Index(fields=["job", "-id"], name="lines_of_job")]

    def __str__(self) -> str:
        return f"{self.level}: {self.message}"
