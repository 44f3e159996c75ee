"""The roles a person can have on a resource or in a team, from the weakest to the strongest."""

from __future__ import annotations

from django.db import models


class Role(models.TextChoices):
    """What somebody may do with one resource; every role may do what those of a lower rank may.

    Datasets know reader, annotator, reviewer and admin; taxonomies reader, curator and owner.
    """

    READER = "reader"
    ANNOTATOR = "annotator"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    CURATOR = "curator"
    OWNER = "owner"

    @classmethod
    def of_kind(cls, kind: str) -> tuple[Role, ...]:
        """Return the roles that a resource of this kind knows, the weakest first."""
        return _OF_TAXONOMIES if kind == "taxonomy" else _OF_DATASETS

    @property
    def rank(self) -> int:
        """Position in the order, 0 for the weakest."""
        return next(ladder.index(self) for ladder in _LADDERS if self in ladder)

    @property
    def is_highest(self) -> bool:
        """Say whether who has this role may do everything."""
        return self in (Role.ADMIN, Role.OWNER)

    def covers(self, other: Role) -> bool:
        """Say whether who has this role may do what `other` may, on one resource."""
        return any(
            self in ladder and other in ladder and ladder.index(self) >= ladder.index(other)
            for ladder in _LADDERS
        )

    @classmethod
    def at_least(cls, role: Role) -> list[Role]:
        """Return the roles that cover `role`."""
        return [candidate for candidate in cls if candidate.covers(role)]


class TeamRole(models.TextChoices):
    """What somebody is in a team: a member has the team's roles, a maintainer says who is in."""

    MEMBER = "member"
    MAINTAINER = "maintainer"

    def covers(self, other: TeamRole) -> bool:
        """Say whether who has this role may do what `other` may."""
        return _IN_TEAMS.index(self) >= _IN_TEAMS.index(other)


_IN_TEAMS = (TeamRole.MEMBER, TeamRole.MAINTAINER)
_OF_DATASETS = (Role.READER, Role.ANNOTATOR, Role.REVIEWER, Role.ADMIN)
_OF_TAXONOMIES = (Role.READER, Role.CURATOR, Role.OWNER)
_LADDERS = (_OF_DATASETS, _OF_TAXONOMIES)
