"""What people may do: roles on resources, given to a person or to a team of people."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from people_app.roles import Role, TeamRole

Somebody = AbstractBaseUser | AnonymousUser


class TeamQuerySet(models.QuerySet["Team"]):
    """Which teams, as sentences."""

    def visible_to(self, user: Somebody) -> TeamQuerySet:
        """Keep the teams that `user` is in, and those with a role where `user` has the highest.

        Who answers for a resource must see who else was given a role on it.
        """
        if sees_all(user):
            return self
        governed = Membership.objects.of(user).filter(
            role__in=[role for role in Role if role.is_highest]
        )
        here = governed.filter(
            resource_kind=models.OuterRef("resource_kind"),
            resource_id=models.OuterRef("resource_id"),
        )
        # `here` alone says it; without the ids it would be asked for each role of each team.
        met = Membership.objects.of_teams().filter(
            models.Exists(here), resource_id__in=governed.values("resource_id")
        )
        return self.filter(
            Q(pk__in=TeamMember.objects.teams_of(user)) | Q(pk__in=met.values("team"))
        )


class Team(models.Model):
    """People who are given roles together. The slug stays; it is what URLs and the log say."""

    slug = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    def role_of(self, user: Somebody) -> TeamRole | None:
        """Return what `user` is in this team: maintainer for operators, None for outsiders."""
        return TeamMember.objects.roles_in(user, [self.pk]).get(self.pk)


class TeamMemberQuerySet(models.QuerySet["TeamMember"]):
    """Who is in which team, as sentences."""

    def of(self, user: Somebody) -> TeamMemberQuerySet:
        """Keep the places that `user` has in teams; who is not active has none."""
        return self.filter(user_id=user.pk) if user.is_active and user.pk else self.none()

    def teams_of(self, user: Somebody) -> models.QuerySet[TeamMember, int]:
        """Return the ids of the teams of `user`, lazily: good as a subquery."""
        return self.of(user).values_list("team_id", flat=True)

    def roles_in(self, user: Somebody, teams: Collection[int]) -> dict[int, TeamRole]:
        """Return what `user` is in teams, by id; one query, none for superusers."""
        if sees_all(user):
            return dict.fromkeys(teams, TeamRole.MAINTAINER)
        own = self.of(user).filter(team_id__in=teams)
        return {key: TeamRole(role) for key, role in own.values_list("team_id", "role")}


class TeamMember(models.Model):
    """One person's place in one team."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="team_places")
    role = models.CharField(max_length=20, choices=TeamRole.choices, default=TeamRole.MEMBER)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TeamMemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_place_per_team"),
            models.CheckConstraint(
                condition=Q(role__in=TeamRole.values), name="team_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of team {self.team}"


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Which memberships, as sentences."""

    def of(self, user: Somebody) -> MembershipQuerySet:
        """Keep the memberships of `user` and of the teams that `user` is in now.

        Who is not signed in, or not active, has none.
        """
        if not (user.is_active and user.pk):
            return self.none()
        own = Membership.objects.filter(user_id=user.pk).values("pk")
        through = Membership.objects.filter(team__members__user_id=user.pk).values("pk")
        # One condition with OR makes PostgreSQL read the whole table (57 ms of 100,000 rows);
        # each half by itself is found by its index (6 ms).
        return self.filter(pk__in=own.union(through, all=True))

    def on(self, resource_kind: str, resource_id: int) -> MembershipQuerySet:
        """Keep the memberships of one resource: those of people and those of teams."""
        return self.filter(resource_kind=resource_kind, resource_id=resource_id)

    def of_people(self) -> MembershipQuerySet:
        """Keep the roles that were given to a person by name."""
        return self.filter(user__isnull=False)

    def of_teams(self) -> MembershipQuerySet:
        """Keep the roles that were given to a team."""
        return self.filter(team__isnull=False)

    def people_on(self, resource_kind: str, resource_id: int) -> MembershipQuerySet:
        """Return a row for each person and each way in which they have a role on a resource.

        Each row has `username`, `team_slug` (None: by name) and `joined_at`, when they came
        into the team. Who is not active has nothing by teams; a role by name is listed, since
        it can be taken. (pk, username) is unique.
        """
        rows = self.on(resource_kind, resource_id).annotate(
            username=Coalesce("user__username", "team__members__user__username"),
            team_slug=F("team__slug"),
            joined_at=F("team__members__created_at"),
            is_active_in_team=F("team__members__user__is_active"),
        )
        return rows.filter(Q(user__isnull=False) | Q(is_active_in_team=True))

    def resources_of(
        self, user: Somebody, kind: str, at_least: Role = Role.READER
    ) -> models.QuerySet[Membership, int]:
        """Return the ids of the resources of `kind` where `user` has `at_least` this role.

        The answer is lazy: `filter(pk__in=...)` makes it a subquery. An id can come twice.
        """
        return (
            self.of(user)
            .filter(resource_kind=kind, role__in=Role.at_least(at_least))
            .values_list("resource_id", flat=True)
        )

    def roles_on(self, user: Somebody, kind: str, resource_ids: Collection[int]) -> dict[int, Role]:
        """Return the roles of `user` on resources of one kind, by id; one query.

        It is the highest of their own and their teams' roles. Superusers have the highest
        one everywhere, without a query.
        """
        if sees_all(user):
            return dict.fromkeys(resource_ids, Role.of_kind(kind)[-1])
        rows = self.of(user).filter(resource_kind=kind, resource_id__in=resource_ids)
        found: dict[int, list[str]] = {}
        for key, role in rows.values_list("resource_id", "role"):
            found.setdefault(key, []).append(role)
        return {key: _highest(roles) for key, roles in found.items()}

    def role_of(self, user: Somebody, kind: str, resource_id: int) -> Role | None:
        """Return the role of `user` on one resource, None where there is none."""
        return self.roles_on(user, kind, [resource_id]).get(resource_id)


class Membership(models.Model):
    """The role of a person, or of all people in a team, on one resource.

    The resource is named by kind and number (`"dataset"`, 7), so that this app knows
    nothing of the apps above it. Exactly one of `user` and `team` is set.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", null=True, blank=True
    )
    team = models.ForeignKey(
        Team, models.CASCADE, related_name="memberships", null=True, blank=True
    )
    resource_kind = models.CharField(max_length=40)
    resource_id = models.BigIntegerField()
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "resource_kind", "resource_id"], name="one_role_per_resource"
            ),
            models.UniqueConstraint(
                fields=["team", "resource_kind", "resource_id"], name="one_team_role_per_resource"
            ),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="membership_role_is_known"
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=False, team__isnull=True)
                | Q(user__isnull=True, team__isnull=False),
                name="membership_of_a_person_or_a_team",
            ),
        ]
        indexes = [
            models.Index(fields=["resource_kind", "resource_id"], name="members_of_resource")
        ]

    def __str__(self) -> str:
        return f"{self.holder} is {self.role} of {self.resource_kind} {self.resource_id}"

    @property
    def holder(self) -> str:
        """Who has the role: the name of an account, or `team SLUG`."""
        return self.user.get_username() if self.user is not None else f"team {self.team}"


def sees_all(user: Somebody) -> bool:
    """Say whether `user` is an operator, who has the highest role everywhere."""
    return user.is_active and getattr(user, "is_superuser", False)


def _highest(roles: Iterable[str]) -> Role:
    return max((Role(role) for role in roles), key=lambda role: role.rank)
