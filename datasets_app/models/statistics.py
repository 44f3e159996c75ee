"""What every version contains, counted when it was made."""

from __future__ import annotations

from django.db import models

from datasets_app.models.version import Version

VOID_CLASS = 0


class VersionClassStats(models.Model):
    """One stored class in one split of a version.

    `images` have at least one segment of the class, `crowds` are among `segments`, `pixels`
    are visible ones. Class 0 is void: `images` have void pixels, there are no segments.
    """

    pk = models.CompositePrimaryKey("version_id", "split", "class_id")
    version = models.ForeignKey(Version, models.CASCADE, related_name="class_stats", db_index=False)
    split = models.CharField(max_length=64)
    class_id = models.PositiveIntegerField()
    images = models.BigIntegerField()
    segments = models.BigIntegerField()
    crowds = models.BigIntegerField()
    pixels = models.BigIntegerField()

    def __str__(self) -> str:
        return f"class {self.class_id}: {self.segments} segments in {self.images} images"


class VersionSplitStats(models.Model):
    """One split of a version; the split "" holds the images that are in none.

    `labelled` images have a label, whatever their status; `pixels` are height times width
    of the labels.
    """

    pk = models.CompositePrimaryKey("version_id", "split")
    version = models.ForeignKey(Version, models.CASCADE, related_name="split_stats", db_index=False)
    split = models.CharField(max_length=64)
    images = models.BigIntegerField()
    labelled = models.BigIntegerField()
    unlabelled = models.BigIntegerField()
    segments = models.BigIntegerField()
    pixels = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.images} images in {self.split!r}"
