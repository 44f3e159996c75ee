"""Jobs that were asked for with a key."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from datasets_app.models.dataset import Dataset
from datasets_app.models.job import Job
from people_app.models import User
from store_app.fields import DigestField


class JobKey(models.Model):
    """The job that a request with this key asked for; the same request finds it again.

    `kind` is what was asked for, such as `import` or `splits:main`, so that a client may number
    its imports and its exports apart.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=260)
    key = models.CharField(max_length=200)
    body_sha256 = DigestField()
    job = models.ForeignKey(Job, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "dataset", "kind", "key"], name="one_job_per_key"
            )
        ]

    def __str__(self) -> str:
        return self.key
