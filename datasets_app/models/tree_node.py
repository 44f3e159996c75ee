"""The nodes of all trees."""

from __future__ import annotations

from django.db import models

from store_app.fields import DigestField


class TreeNode(models.Model):
    """One immutable node; `digest` is the sha256 of `data` (docs/formats/tree.md).

    Nodes are shared by every version and dataset, and unreachable until a version names a
    root above them.
    """

    digest = DigestField(primary_key=True)
    level = models.PositiveSmallIntegerField()
    data = models.BinaryField()

    def __str__(self) -> str:
        return f"level {self.level} {bytes(self.digest).hex()[:12]}"
