"""How the segments of a version are distributed: a cache, made when asked for."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from datasets_app.models.version import Version
from store_app.fields import DigestField


class VersionDistributions(models.Model):
    """The sums over all labels of one version, as one way of reading its classes joins them.

    `plan` is the digest of that way (`datasets_app.distribution_plans`), so that readings that
    join the same stored classes share the row. `sums` are the sums of each split, as
    `datasets_app.distributions_kept` packs them. All of it can be deleted and is counted again.
    """

    pk = models.CompositePrimaryKey("version_id", "plan")
    version = models.ForeignKey(
        Version, models.CASCADE, related_name="distributions", db_index=False
    )
    plan = DigestField()
    sums = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"distributions of version {self.version_id}"
