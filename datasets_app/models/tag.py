"""Names that stay."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from datasets_app.errors import TagIsFixed
from datasets_app.models.dataset import Dataset
from datasets_app.models.version import Version
from people_app.models import User
from store_app.fields import DigestField


class Tag(models.Model):
    """A name that stays at its version.

    `manifest_sha256` is the digest of the portable manifest (docs/formats/manifest.md).
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=200)
    version = models.ForeignKey(Version, models.RESTRICT, related_name="tags")
    message = models.TextField(blank=True)
    manifest_sha256 = DigestField()
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["dataset_id", "-created_at"]
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="one_tag_per_name")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the tag; a tag that was saved before is refused."""
        if not self._state.adding:
            raise TagIsFixed(self.name)
        super().save(*args, **kwargs)
