"""How many images of a version hold any of several stored classes: a cache, made when asked."""

from __future__ import annotations

from django.db import models

from datasets_app.models.version import Version
from store_app.fields import DigestField


class UnionCount(models.Model):
    """The images of one version that hold any class of one set of stored classes.

    `sources` is the digest of the set (`datasets_app.unions.sources.digest_of`), so that every
    reading that joins the same classes shares the row. `images` maps a split to its number;
    splits without such images are left out. All of it can be deleted and is counted again.
    """

    pk = models.CompositePrimaryKey("version_id", "sources")
    version = models.ForeignKey(
        Version, models.CASCADE, related_name="union_counts", db_index=False
    )
    sources = DigestField()
    images = models.JSONField()

    def __str__(self) -> str:
        return f"{sum(self.images.values())} images of version {self.version_id}"
