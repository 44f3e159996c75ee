"""Caches of pixel comparisons: all of it can be deleted and is made again when asked for."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from datasets_app.models.job import Job
from datasets_app.models.version import Version
from store_app.fields import DigestField


class PairDiff(models.Model):
    """What differs between two label revisions, as counts.

    `key` is the digest of both label digests, of how their classes read, and the version of
    the algorithm (RULES 3.9). So every version that holds the pair shares it, and renaming a
    class loses nothing.
    """

    key = DigestField(primary_key=True)
    counts = models.JSONField()

    def __str__(self) -> str:
        return bytes(self.key).hex()[:12]


class PixelComparison(models.Model):
    """The sums over the changed images of two versions. `totals` is null until it is ready.

    reading : the digest of the `LabelReading` by which both were read
    image_counts : how many changed images are listed under each key (`ComparedImage`)
    """

    old = models.ForeignKey(Version, models.CASCADE, related_name="+")
    new = models.ForeignKey(Version, models.CASCADE, related_name="+")
    algorithm = models.PositiveIntegerField()
    reading = DigestField()
    totals = models.JSONField(null=True)
    image_counts = models.JSONField(default=dict)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["old", "new", "algorithm", "reading"],
                name="one_pixel_comparison_per_pair",
            )
        ]

    def __str__(self) -> str:
        return f"{self.old_id}..{self.new_id}"

    @property
    def is_ready(self) -> bool:
        return self.totals is not None


class ComparedImage(models.Model):
    """One changed image of a comparison under one of its keys, for lists sorted by change.

    Keys: "" (every changed image), "kind:added", "facet:split", "change:reshaped",
    "change:stuff_to_thing", "severity:minor", "class:12" (a live class that a changed pixel or
    segment had or has).
    """

    pk = models.CompositePrimaryKey("comparison_id", "key", "image_no")
    comparison = models.ForeignKey(
        PixelComparison, models.CASCADE, related_name="images", db_index=False
    )
    key = models.CharField(max_length=100)
    image_no = models.PositiveIntegerField()
    changed_pixels = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(
                fields=["comparison", "key", "-changed_pixels", "image_no"],
                name="compared_by_change",
            )
        ]

    def __str__(self) -> str:
        return f"image {self.image_no} under {self.key!r}"


class RankedImage(models.Model):
    """One changed image of a comparison with all that lists of them can be sorted by.

    changed_share : changed pixels of all its pixels, 0 to 1
    quality_loss : 1 - PQ of the new label against the old one; 0 where no label differs
    segments : how many segments were touched, one for each change
    boundary_loss : 1 - mean boundary IoU of the segments found on both sides; 0 as above

    A loss of -1 is undefined, as where the old side has no label: databases do not agree on
    where null comes.
    """

    pk = models.CompositePrimaryKey("comparison_id", "image_no")
    comparison = models.ForeignKey(
        PixelComparison, models.CASCADE, related_name="ranked", db_index=False
    )
    image_no = models.PositiveIntegerField()
    changed_pixels = models.BigIntegerField()
    changed_share = models.FloatField()
    quality_loss = models.FloatField()
    segments = models.PositiveIntegerField()
    boundary_loss = models.FloatField()

    class Meta:
        indexes = [
            models.Index(fields=["comparison", f"-{field}", "image_no"], name=f"ranked_by_{name}")
            for field, name in (
                ("changed_share", "share"),
                ("quality_loss", "quality"),
                ("segments", "segments"),
                ("boundary_loss", "boundary"),
            )
        ]

    def __str__(self) -> str:
        return f"image {self.image_no}"


class ComparedFlow(models.Model):
    """That, in one changed image, something of one live class became one of another.

    Class 0 is void (pixels) or no partner (segments). Numbers instead of a key: an image has
    some dozens of these.
    """

    pk = models.CompositePrimaryKey("comparison_id", "old_class", "new_class", "image_no")
    comparison = models.ForeignKey(
        PixelComparison, models.CASCADE, related_name="flows", db_index=False
    )
    old_class = models.PositiveIntegerField()
    new_class = models.PositiveIntegerField()
    image_no = models.PositiveIntegerField()
    pixels = models.BigIntegerField()
    segments = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"image {self.image_no}: {self.old_class} to {self.new_class}"
