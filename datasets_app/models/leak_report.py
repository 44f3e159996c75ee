"""Reports of leaks between splits: caches, which can be deleted and are made again."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from datasets_app.models.job import Job
from datasets_app.models.version import Version
from store_app.fields import DigestField


class LeakKind(models.TextChoices):
    """How two images of different splits are too much alike."""

    EXACT = "exact"  # the same bytes
    NEAR = "near"  # photographs that look alike
    MIRRORED = "mirrored"  # one looks like the mirror image of the other
    GROUP = "group"  # images of one group
    SAME_LABEL = "same_label"  # the same label on different photographs


class LeakReport(models.Model):
    """What leaks between the splits of a version. `totals` is null until it is ready.

    `key` is the digest of what was asked for (`datasets_app.leaks.request`).
    """

    version = models.ForeignKey(Version, models.CASCADE, related_name="leak_reports")
    key = DigestField()
    totals = models.JSONField(null=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="one_leak_report_per_request")
        ]

    def __str__(self) -> str:
        return f"leaks of version {self.version_id}"

    @property
    def is_ready(self) -> bool:
        return self.totals is not None


class Leak(models.Model):
    """Two images in different splits, the surest first; `position` is the order of the report.

    `group` joins leaks that have an image in common; 0 where that is not asked (`group` and
    `same_label`). `distance` counts the bits of hashes that differ, and is null where no hash
    was compared, as `certainty` is where nothing was measured. `detail` has what else is to
    be said of a group.
    """

    pk = models.CompositePrimaryKey("report_id", "position")
    report = models.ForeignKey(LeakReport, models.CASCADE, related_name="leaks", db_index=False)
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=LeakKind)
    group = models.PositiveIntegerField()
    first_no = models.PositiveIntegerField()
    second_no = models.PositiveIntegerField()
    distance = models.PositiveSmallIntegerField(null=True)
    certainty = models.FloatField(null=True)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["report", "kind", "position"], name="leaks_by_kind")]

    def __str__(self) -> str:
        return f"{self.kind}: images {self.first_no} and {self.second_no}"
