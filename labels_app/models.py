"""What labels mean (taxonomies) and what they are (label revisions)."""

from __future__ import annotations

from typing import Any, Never

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from labels_app.errors import TaxonomyIsFrozen
from panoptic.label import ClassCounts, unpack_counts
from people_app.models import User
from store_app.fields import DigestField


class Kind(models.TextChoices):
    """Whether the segments of a class can be counted."""

    STUFF = "stuff"
    THING = "thing"


class Taxonomy(models.Model):
    """A curated list of classes; its versions are a line.

    `next_class_id` only grows, so that the id of a class that is gone is never given again.
    """

    slug = models.SlugField(max_length=100, unique=True)
    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    next_class_id = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "taxonomies"
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class FrozenQuerySet(models.QuerySet[Any]):
    """Rows that are inserted once and then only read."""

    def update(self, **kwargs: Any) -> Never:
        """Refuse: what is published stays as it is."""
        raise TaxonomyIsFrozen(str(self.model._meta.verbose_name))

    def delete(self) -> Never:
        """Refuse: what is published stays as it is."""
        raise TaxonomyIsFrozen(str(self.model._meta.verbose_name))


class FrozenModel(models.Model):
    """A row that is inserted once and then only read."""

    objects = FrozenQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the row; a row that was saved before is refused."""
        if not self._state.adding:
            raise TaxonomyIsFrozen(str(self))
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        """Refuse: versions of datasets point here for ever."""
        raise TaxonomyIsFrozen(str(self))


class TaxonomyVersion(FrozenModel):
    """The classes of a taxonomy at one time. Equal classes have equal digests."""

    taxonomy = models.ForeignKey(Taxonomy, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    digest = DigestField(db_index=True)
    message = models.TextField(blank=True)
    author = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["taxonomy", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["taxonomy", "number"], name="one_taxonomy_version_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number} of taxonomy {self.taxonomy_id}"


class LabelClass(FrozenModel):
    """One class as a taxonomy version says it. `labels_app.classes.ClassSpec` is its value.

    `parent_id` and `forwards_to` are class ids of the same version. A live class is not
    retired; a retired one forwards in one step to a live class, or, when `forwards_to`
    is null, to void.
    """

    version = models.ForeignKey(TaxonomyVersion, models.PROTECT, related_name="classes")
    class_id = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    color = models.CharField(
        max_length=7, validators=[RegexValidator(r"^#[0-9a-f]{6}\Z", "expected #rrggbb")]
    )
    parent_id = models.PositiveIntegerField(null=True, blank=True)
    # A name above the class that is no class itself, such as COCO's supercategory.
    heading = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    external = models.JSONField(default=dict, blank=True)
    retired = models.BooleanField(default=False)
    forwards_to = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "class"
        verbose_name_plural = "classes"
        ordering = ["version", "class_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "class_id"], name="one_class_per_id_and_version"
            ),
            models.UniqueConstraint(
                fields=["version", "name"],
                condition=models.Q(retired=False),
                name="one_live_class_per_name_and_version",
            ),
            models.CheckConstraint(
                condition=models.Q(class_id__gte=1, class_id__lte=65535),
                name="class_id_from_1_to_65535",
            ),
            models.CheckConstraint(
                condition=models.Q(retired=True) | models.Q(forwards_to__isnull=True),
                name="only_retired_classes_forward",
            ),
        ]

    def __str__(self) -> str:
        return f"class {self.class_id} ({self.name})"


class LabelRevision(models.Model):
    """What is known about a label without opening it; its bytes are a blob of this digest.

    `counts` holds the segments and visible pixels of every stored class, packed by
    `panoptic.label.pack_counts`; they are computed once, where the label was encoded.
    """

    digest = DigestField(primary_key=True)
    shape_digest = DigestField()
    height = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    segment_count = models.PositiveIntegerField()
    layer_count = models.PositiveIntegerField()
    counts = models.BinaryField()

    def __str__(self) -> str:
        return bytes(self.digest).hex()[:12]

    @property
    def class_counts(self) -> ClassCounts:
        """The statistics of the label by stored class."""
        return unpack_counts(bytes(self.counts))
