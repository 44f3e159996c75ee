"""A named collection of images and its history."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.utils import timezone

from labels_app.models import Taxonomy
from people_app.membership_models import sees_all
from people_app.models import Membership
from people_app.roles import Role

DATASET_KIND = "dataset"  # what memberships and audit events call this resource


class Visibility(models.TextChoices):
    """Who may read a dataset without being its member."""

    PRIVATE = "private"
    PUBLIC = "public"


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Which datasets, as sentences."""

    def visible_to(
        self, user: AbstractBaseUser | AnonymousUser, at_least: Role = Role.READER
    ) -> DatasetQuerySet:
        """Keep the datasets where `user` has a role; reading a public one needs none."""
        if sees_all(user):
            return self
        mine = models.Q(pk__in=Membership.objects.resources_of(user, DATASET_KIND, at_least))
        if at_least == Role.READER:
            mine |= models.Q(visibility=Visibility.PUBLIC)
        return self.filter(mine)


class Dataset(models.Model):
    """A named collection of images. What it contains is said by its versions.

    `next_image_no` and `next_version_number` only grow and are read under a lock of this
    row; numbers start at 1 and are never given twice.
    """

    slug = models.SlugField(max_length=100, unique=True)
    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    default_branch = models.CharField(max_length=200, default="main")
    taxonomy = models.ForeignKey(Taxonomy, models.PROTECT, related_name="datasets")
    visibility = models.CharField(
        max_length=10, choices=Visibility.choices, default=Visibility.PRIVATE
    )
    next_image_no = models.BigIntegerField(default=1, editable=False)
    next_version_number = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    def role_of(self, user: AbstractBaseUser | AnonymousUser) -> Role | None:
        """Return what `user` may do here, None for nothing; one query for members."""
        role = Membership.objects.role_of(user, DATASET_KIND, self.pk)
        if role is None and self.visibility == Visibility.PUBLIC:
            return Role.READER
        return role
