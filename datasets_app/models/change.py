"""The change log: what each version changed against its first parent."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from datasets_app.models.dataset import Dataset
from store_app.fields import DigestField


class ChangeSet(models.Model):
    """The changes of one version, named by it.

    A large commit writes its changes in many transactions before the version exists, and renews
    `written_at` with each: a set that no version names and nobody has written to for a day is
    what an interrupted commit left behind. `unfinished_root` is the tree as far as it is
    written, which nothing else may name yet; null where there is a version.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+")
    added = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    warning_count = models.PositiveBigIntegerField(default=0)
    written_at = models.DateTimeField(default=timezone.now, editable=False)
    unfinished_root = DigestField(null=True)

    def __str__(self) -> str:
        return f"+{self.added} -{self.removed} ~{self.changed}"

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """The first of the label rules that the new labels break; one query if there are any."""
        return self.commit_warnings.listed if self.warning_count else []


class CommitWarnings(models.Model):
    """What the labels of a commit break of the label rules, though they refused nothing.

    A table of its own: every page about versions reads change sets, and these may be long.
    `listed` are the first, as `datasets_app.label_checks` writes them.
    """

    change_set = models.OneToOneField(
        ChangeSet, models.CASCADE, primary_key=True, related_name="commit_warnings"
    )
    listed = models.JSONField()

    def __str__(self) -> str:
        return f"warnings of change set {self.change_set_id}"


class Change(models.Model):
    """One image's entry before and after, as leaf bytes; null where there is none."""

    pk = models.CompositePrimaryKey("change_set_id", "image_no")
    change_set = models.ForeignKey(
        ChangeSet, models.CASCADE, related_name="changes", db_index=False
    )
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_index=False)
    image_no = models.PositiveIntegerField()
    old_entry = models.BinaryField(null=True)
    new_entry = models.BinaryField(null=True)

    class Meta:
        indexes = [
            # An image's history: its changes, newest first.
            models.Index(fields=["dataset", "image_no", "-change_set"], name="change_by_image"),
        ]

    def __str__(self) -> str:
        return f"image {self.image_no} in change set {self.change_set_id}"
