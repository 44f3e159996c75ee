"""Give and take roles. Whether the actor may do so is asked before, where requests come in."""

from __future__ import annotations

from django.db import models, transaction

from people_app.audit import ObjectName, record
from people_app.errors import LastAdmin, TeamIsGone, UnknownRole
from people_app.models import Membership, Team, User
from people_app.roles import Role


@transaction.atomic
def grant_role(*, user: User, resource: models.Model, role: Role, actor: User | None) -> Membership:
    """Give `user` a role on a resource, in place of the one that they had by name.

    What their teams give them stays beside it; the highest role counts.

    Raises
    ------
    LastAdmin
        The resource would be left without an admin, or an owner.
    UnknownRole
        Resources of this kind have no such role.
    """
    return _grant(user, resource, role, actor)


@transaction.atomic
def revoke_role(*, user: User, resource: models.Model, actor: User | None) -> bool:
    """Take the role that `user` has by name on a resource; False if they had none.

    Raises
    ------
    LastAdmin
        The resource would be left without an admin.
    """
    return _revoke(user, resource, actor)


@transaction.atomic
def grant_team_role(
    *, team: Team, resource: models.Model, role: Role, actor: User | None
) -> Membership:
    """Give everybody in a team a role on a resource, in place of the one that the team had.

    Raises
    ------
    TeamIsGone
        The team was deleted meanwhile.
    UnknownRole
        Resources of this kind have no such role.
    """
    # Deleting a team locks it first, too: a role cannot be given to what is being deleted.
    if not Team.objects.select_for_update().filter(pk=team.pk).exists():
        raise TeamIsGone(team.slug)
    return _grant(team, resource, role, actor)


@transaction.atomic
def revoke_team_role(*, team: Team, resource: models.Model, actor: User | None) -> bool:
    """Take the role of a team on a resource; False if it had none.

    A resource keeps an admin all the same: teams are never its only one (`grant_role`).
    """
    return _revoke(team, resource, actor)


def _grant(
    holder: User | Team, resource: models.Model, role: Role, actor: User | None
) -> Membership:
    role = Role(role)
    kind = str(resource._meta.model_name)
    if role not in Role.of_kind(kind):
        raise UnknownRole(role, kind, Role.of_kind(kind))
    members = _locked_members(resource)
    before = _find(holder, members)
    if before is not None and before.role == role:
        return before
    if before is not None:
        _refuse_losing_last_admin(before, members)
    membership, _ = Membership.objects.update_or_create(
        **_named(holder), resource_kind=kind, resource_id=resource.pk, defaults={"role": role}
    )
    record(
        actor,
        "role.granted",
        ObjectName(kind, str(resource.pk)),
        **_facts(holder),
        role=role,
        before=before.role if before else None,
    )
    return membership


def _revoke(holder: User | Team, resource: models.Model, actor: User | None) -> bool:
    members = _locked_members(resource)
    before = _find(holder, members)
    if before is None:
        return False
    _refuse_losing_last_admin(before, members)
    before.delete()
    record(
        actor,
        "role.revoked",
        ObjectName(before.resource_kind, str(before.resource_id)),
        **_facts(holder),
        before=before.role,
    )
    return True


def _locked_members(resource: models.Model) -> list[Membership]:
    # Two admins who step down at the same time must not both see the other one.
    return list(
        Membership.objects.select_for_update(of=("self",))
        .select_related("user")
        .on(str(resource._meta.model_name), resource.pk)
        .order_by("pk")
    )


def _find(holder: User | Team, members: list[Membership]) -> Membership | None:
    wanted = (holder.pk, None) if isinstance(holder, User) else (None, holder.pk)
    return next((one for one in members if (one.user_id, one.team_id) == wanted), None)


def _named(holder: User | Team) -> dict[str, User | Team]:
    return {"user" if isinstance(holder, User) else "team": holder}


def _facts(holder: User | Team) -> dict[str, str]:
    if isinstance(holder, User):
        return {"user": holder.get_username()}
    return {"team": holder.slug}


def _refuse_losing_last_admin(before: Membership, members: list[Membership]) -> None:
    """Refuse unless an active person is left who has the highest role by name.

    Teams do not count, whoever is in them: people leave teams without asking the admins of
    what the teams work on, and would take the last admin with them.
    """
    if before.user is None or not Role(before.role).is_highest:
        return
    if not any(_governs(member) for member in members if member.pk != before.pk):
        raise LastAdmin(before.user.get_username(), before.resource_kind, before.resource_id)


def _governs(member: Membership) -> bool:
    return member.user is not None and member.user.is_active and Role(member.role).is_highest
