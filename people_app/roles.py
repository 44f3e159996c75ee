"""The roles a person can have on a resource, from the weakest to the strongest."""

from __future__ import annotations

from django.db import models


class Role(models.TextChoices):
    """What somebody may do with one resource; every role may do what the ones before it may."""

    READER = "reader"
    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Position in the order, 0 for the weakest."""
        return list(Role).index(self)

    def covers(self, other: Role) -> bool:
        """Say whether who has this role may do what `other` may."""
        return self.rank >= other.rank

    @classmethod
    def at_least(cls, role: Role) -> list[Role]:
        """Return the roles that cover `role`."""
        return [candidate for candidate in cls if candidate.covers(role)]
