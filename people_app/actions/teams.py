"""Make teams, say who is in them, delete them.

Whether the actor may do so is asked before, where requests come in: anybody makes a team and
is its maintainer; maintainers change it; who is in it may leave.
"""

from __future__ import annotations

from unicodedata import category

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.db.models import Q

from people_app.audit import ObjectName, record
from people_app.errors import InvalidTeam, LastMaintainer, TeamExists, TeamIsGone
from people_app.models import Membership, Team, TeamMember, User
from people_app.roles import TeamRole

MAX_SLUG, MAX_NAME, MAX_DESCRIPTION = 100, 200, 10_000  # characters
# Categories of Unicode that no database takes, or that would break a list of names.
_HALF_A_CHARACTER = "Cs"  # of a surrogate pair
_NOT_IN_A_LINE = ("Cc", _HALF_A_CHARACTER, "Zl", "Zp")


@transaction.atomic
def create_team(*, slug: str, actor: User, name: str = "", description: str = "") -> Team:
    """Make a team; its maker becomes its maintainer.

    Raises
    ------
    InvalidTeam
        The slug, the name or the description is refused.
    TeamExists
        There is a team of this slug, whether or not the actor may see it.
    """
    _check_slug(slug)
    values = {"name": _clean_name(name), "description": _clean_description(description)}
    try:
        with transaction.atomic():  # PostgreSQL refuses everything after a failed insert
            team = Team.objects.create(slug=slug, **values)
    except IntegrityError as error:
        raise TeamExists(slug) from error
    TeamMember.objects.create(team=team, user=actor, role=TeamRole.MAINTAINER)
    record(actor, "team.created", team, slug=slug, maintainer=actor.get_username(), **values)
    return team


@transaction.atomic
def update_team(
    *, team: Team, actor: User | None, name: str | None = None, description: str | None = None
) -> Team:
    """Change what is said about a team; None keeps. The slug never changes.

    Raises
    ------
    InvalidTeam, TeamIsGone
    """
    wanted = {
        "name": None if name is None else _clean_name(name),
        "description": None if description is None else _clean_description(description),
    }
    team = _locked(team)
    changed = {
        field: value
        for field, value in wanted.items()
        if value is not None and value != getattr(team, field)
    }
    if changed:
        for field, value in changed.items():
            setattr(team, field, value)
        team.save(update_fields=list(changed))
        record(actor, "team.updated", team, **changed)
    return team


@transaction.atomic
def set_team_member(*, team: Team, user: User, role: TeamRole, actor: User | None) -> TeamMember:
    """Take `user` into a team, or change what they are in it.

    They have all roles of the team from now on. What they are already is no event.

    Raises
    ------
    LastMaintainer
        They would be the last active maintainer who becomes a member.
    TeamIsGone
    """
    role = TeamRole(role)
    team = _locked(team)
    before, maintainers = _places(team, user)
    if before is None:
        place = TeamMember.objects.create(team=team, user=user, role=role)
        record(actor, "team.member_added", team, user=user.get_username(), role=role)
        return place
    if before.role == role:
        return before
    _refuse_losing_last_maintainer(before, maintainers)
    record(
        actor,
        "team.member_changed",
        team,
        user=user.get_username(),
        role=role,
        before=before.role,
    )
    before.role = role
    before.save(update_fields=["role"])
    return before


@transaction.atomic
def remove_team_member(*, team: Team, user: User, actor: User | None) -> bool:
    """Take `user` out of a team; False if they were not in it. What it gave ends at once.

    Raises
    ------
    LastMaintainer
        They are the last active maintainer; a team that nobody needs is deleted.
    TeamIsGone
    """
    team = _locked(team)
    before, maintainers = _places(team, user)
    if before is None:
        return False
    _refuse_losing_last_maintainer(before, maintainers)
    before.delete()
    record(actor, "team.member_removed", team, user=user.get_username(), before=before.role)
    return True


@transaction.atomic
def delete_team(*, team: Team, actor: User | None) -> None:
    """Delete a team and the roles that it has; each resource's line of the log tells of it.

    Raises
    ------
    TeamIsGone
    """
    team = _locked(team)
    # In the order in which `actions.roles` locks them, so that nobody waits in a circle.
    roles = Membership.objects.select_for_update().filter(team=team).order_by("pk")
    for membership in roles:
        record(
            actor,
            "role.revoked",
            ObjectName(membership.resource_kind, str(membership.resource_id)),
            team=team.slug,
            before=membership.role,
            because="team.deleted",
        )
    names = team.members.order_by("user__username").values_list("user__username", flat=True)
    record(actor, "team.deleted", team, slug=team.slug, name=team.name, members=list(names))
    team.delete()


def _locked(team: Team) -> Team:
    # Two maintainers who step down at the same time must not both see the other one.
    found = Team.objects.select_for_update().filter(pk=team.pk).first()
    if found is None:
        raise TeamIsGone(team.slug)
    return found


def _places(team: Team, user: User) -> tuple[TeamMember | None, list[TeamMember]]:
    """Return the place that `user` has in a team, and the active maintainers; one query."""
    governing = Q(role=TeamRole.MAINTAINER, user__is_active=True)
    places = list(team.members.select_related("user").filter(governing | Q(user=user)))
    own = next((place for place in places if place.user_id == user.pk), None)
    return own, [
        place for place in places if place.role == TeamRole.MAINTAINER and place.user.is_active
    ]


def _refuse_losing_last_maintainer(before: TeamMember, maintainers: list[TeamMember]) -> None:
    others = [place for place in maintainers if place.pk != before.pk]
    if before.role == TeamRole.MAINTAINER and not others:
        raise LastMaintainer(before.user.get_username(), before.team.slug)


def _check_slug(slug: str) -> None:
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise InvalidTeam("slug", "it has letters, digits, - and _") from error
    if len(slug) > MAX_SLUG:
        raise InvalidTeam("slug", f"it has at most {MAX_SLUG} characters")


def _clean_name(name: str) -> str:
    name = name.strip()
    if len(name) > MAX_NAME:
        raise InvalidTeam("name", f"it has at most {MAX_NAME} characters")
    if any(category(character) in _NOT_IN_A_LINE for character in name):
        raise InvalidTeam("name", "it is one line of text")
    return name


def _clean_description(description: str) -> str:
    description = description.strip()
    if len(description) > MAX_DESCRIPTION:
        raise InvalidTeam("description", f"it has at most {MAX_DESCRIPTION} characters")
    if any(one == "\x00" or category(one) == _HALF_A_CHARACTER for one in description):
        raise InvalidTeam("description", "it holds what is no text")
    return description
