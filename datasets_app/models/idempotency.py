"""Commits that were asked for with a key."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from datasets_app.models.dataset import Dataset
from datasets_app.models.version import Version
from people_app.models import User
from store_app.fields import DigestField


class IdempotencyKey(models.Model):
    """The version that a commit with this key made; the same request gets it again."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+")
    branch = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    body_sha256 = DigestField()
    version = models.ForeignKey(Version, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "dataset", "branch", "key"], name="one_commit_per_key"
            )
        ]

    def __str__(self) -> str:
        return self.key
