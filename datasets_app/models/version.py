"""Immutable snapshots of a dataset."""

from __future__ import annotations

from django.db import models
from django.db.models import Prefetch

from datasets_app.models.change import ChangeSet
from datasets_app.models.dataset import Dataset
from labels_app.models import TaxonomyVersion
from people_app.models import User
from store_app.fields import DigestField


class VersionQuerySet(models.QuerySet["Version"]):
    """Which versions, and what to bring with them."""

    def with_parents(self) -> VersionQuerySet:
        """Bring parents, taxonomy and author, for lists: one query more, whatever the length."""
        parents = VersionParent.objects.select_related("parent__taxonomy_version")
        return self.select_related("taxonomy_version__taxonomy", "author").prefetch_related(
            Prefetch("parent_links", queryset=parents.order_by("position"))
        )

    def with_first_parent(self) -> VersionQuerySet:
        """Bring `first_parent_id`, the id of the first parent or None: no query more."""
        first = VersionParent.objects.filter(version=models.OuterRef("pk"), position=0)
        found = models.Subquery(first.values("parent__version_id")[:1])
        return self.annotate(first_parent_id=found)


class Version(models.Model):
    """One snapshot: a tree of images read by a taxonomy version.

    `version_id` covers root, taxonomy, parents, author, time and message;
    `content_digest` only root and taxonomy (docs/formats/version-id.md). `root` is null
    where the version has no image. `author_name` is the name at that time: a user who is
    renamed later changes no id.
    """

    version_id = DigestField(db_index=True)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    root = DigestField(null=True)
    content_digest = DigestField()
    taxonomy_version = models.ForeignKey(TaxonomyVersion, models.PROTECT, related_name="+")
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    author_name = models.CharField(max_length=150)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField()
    image_count = models.PositiveIntegerField()
    segment_count = models.BigIntegerField()
    change_set = models.OneToOneField(ChangeSet, models.RESTRICT, related_name="version")
    parents = models.ManyToManyField(
        "self", through="VersionParent", symmetrical=False, related_name="children"
    )

    objects = VersionQuerySet.as_manager()

    class Meta:
        ordering = ["dataset_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="one_version_per_number"),
            models.UniqueConstraint(fields=["dataset", "version_id"], name="one_version_per_id"),
        ]

    def __str__(self) -> str:
        return f"v{self.number} {self.id_hex[:12]}"

    @property
    def id_hex(self) -> str:
        """The full id as URLs and JSON write it."""
        return bytes(self.version_id).hex()


class VersionParent(models.Model):
    """A parent of a version; position 0 is the first parent."""

    pk = models.CompositePrimaryKey("version_id", "position")
    version = models.ForeignKey(
        Version, models.CASCADE, related_name="parent_links", db_index=False
    )
    parent = models.ForeignKey(Version, models.CASCADE, related_name="child_links")
    position = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"parent {self.position} of {self.version_id}"
