"""Names that move from version to version."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone

from datasets_app.models.dataset import Dataset
from datasets_app.models.version import Version
from people_app.models import User

KEPT_AFTER_DELETION = timedelta(days=30)


class BranchQuerySet(models.QuerySet["Branch"]):
    """Which branches, as sentences."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> BranchQuerySet:
        """Keep the branches of datasets that `user` may read."""
        return self.filter(dataset__in=Dataset.objects.visible_to(user))


class Branch(models.Model):
    """A name that moves. `head` is null until the first commit."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="branches")
    name = models.CharField(max_length=200)
    head = models.ForeignKey(Version, models.RESTRICT, null=True, related_name="branches")
    protected = models.BooleanField(default=False)

    objects = BranchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "branches"
        ordering = ["dataset_id", "name"]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "name"], name="one_branch_per_name")
        ]

    def __str__(self) -> str:
        return self.name


class DeletedBranchQuerySet(models.QuerySet["DeletedBranch"]):
    """Which deleted branches."""

    def still_kept(self) -> DeletedBranchQuerySet:
        """Keep those whose versions may not be collected yet (RULES 7.2)."""
        return self.filter(deleted_at__gt=timezone.now() - KEPT_AFTER_DELETION)


class DeletedBranch(models.Model):
    """Where a branch was when it was deleted; its versions are kept for 30 days."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="deleted_branches")
    name = models.CharField(max_length=200)
    head = models.ForeignKey(Version, models.CASCADE, related_name="+")
    deleted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    deleted_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = DeletedBranchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deleted branches"

    def __str__(self) -> str:
        return self.name
