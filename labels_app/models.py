"""What labels mean (taxonomies) and what they are (label revisions)."""

from __future__ import annotations

from typing import Any, Never

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from labels_app.errors import TaxonomyIsFrozen
from panoptic.label import ClassCounts, unpack_counts
from people_app.models import Membership, User
from people_app.roles import Role
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

    def newest_version(self) -> TaxonomyVersion:
        """Return the version with the highest number, with its taxonomy; one query."""
        newest: TaxonomyVersion = self.versions.select_related("taxonomy").latest("number")
        return newest

    def role_of(self, user: AbstractBaseUser | AnonymousUser) -> Role | None:
        """Return what `user` may do here: their role, owner for operators, else None."""
        return Membership.objects.role_of(user, "taxonomy", self.pk)


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
    """The classes of a taxonomy at one time. Equal classes and rules have equal digests.

    `rules` are what the taxonomy asks of labels, as `labels_app.rules` writes them.
    """

    taxonomy = models.ForeignKey(Taxonomy, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    digest = DigestField(db_index=True)
    rules = models.JSONField(default=list, blank=True)
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
    synonyms = models.JSONField(default=list, blank=True)
    attributes = models.JSONField(default=list, blank=True)
    guideline = models.TextField(blank=True)
    examples = models.JSONField(default=list, blank=True)
    deprecated = models.BooleanField(default=False)
    split_into = models.JSONField(default=list, blank=True)

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


class TaxonomyDraft(models.Model):
    """The next version of a taxonomy while curators work on it.

    `classes` are settled and `rules` checked, as JSON; `revision` grows by one with each edit,
    so that nobody writes over what they have not seen. Classes that are new in the draft have
    their ids already.
    """

    taxonomy = models.OneToOneField(Taxonomy, models.CASCADE, related_name="draft")
    base = models.ForeignKey(TaxonomyVersion, models.PROTECT, related_name="+")
    revision = models.PositiveIntegerField(default=1)
    classes = models.JSONField()
    rules = models.JSONField(default=list, blank=True)
    updated_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    updated_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"draft of taxonomy {self.taxonomy_id}, revision {self.revision}"


class DraftEdit(models.Model):
    """Who did what to the draft that became, or was to become, version `number`."""

    taxonomy = models.ForeignKey(Taxonomy, models.CASCADE, related_name="draft_edits")
    number = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    operations = models.JSONField()
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["taxonomy", "number", "revision"], name="edits_of_draft")]

    def __str__(self) -> str:
        return f"edit {self.revision} of version {self.number} of taxonomy {self.taxonomy_id}"


class TaxonomyMapping(FrozenModel):
    """How the classes of one taxonomy read in another one.

    `entries` maps each class id that lives in `source` to a class id of `target`, or to null:
    void. Of two mappings between the same taxonomies the one with the higher number counts.
    """

    source = models.ForeignKey(TaxonomyVersion, models.PROTECT, related_name="mappings_from")
    target = models.ForeignKey(TaxonomyVersion, models.PROTECT, related_name="mappings_to")
    source_taxonomy = models.ForeignKey(Taxonomy, models.PROTECT, related_name="mappings_from")
    target_taxonomy = models.ForeignKey(Taxonomy, models.PROTECT, related_name="mappings_to")
    number = models.PositiveIntegerField()
    entries = models.JSONField()
    digest = DigestField()
    message = models.TextField(blank=True)
    author = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["source_taxonomy", "target_taxonomy", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["source_taxonomy", "target_taxonomy", "number"],
                name="one_mapping_per_number",
            )
        ]

    def __str__(self) -> str:
        return f"mapping {self.number} of {self.source_taxonomy_id} to {self.target_taxonomy_id}"


class TaxonomyPicture(models.Model):
    """An example picture of a guideline; its bytes are a blob of this digest."""

    taxonomy = models.ForeignKey(Taxonomy, models.CASCADE, related_name="pictures")
    digest = DigestField()
    media_type = models.CharField(max_length=50)
    height = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    uploaded_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["taxonomy", "digest"], name="one_picture_per_taxonomy_and_digest"
            )
        ]

    def __str__(self) -> str:
        return f"picture {bytes(self.digest).hex()[:12]}"


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
