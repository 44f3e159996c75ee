"""Give and take roles. Whether the actor may do so is asked before, where requests come in."""

from __future__ import annotations

from django.db import models, transaction

from people_app.audit import ObjectName, record
from people_app.errors import LastAdmin, UnknownRole
from people_app.models import Membership, User
from people_app.roles import Role


@transaction.atomic
def grant_role(*, user: User, resource: models.Model, role: Role, actor: User | None) -> Membership:
    """Give `user` a role on a resource, in place of the one that they had.

    Raises
    ------
    LastAdmin
        The resource would be left without an admin, or an owner.
    UnknownRole
        Resources of this kind have no such role.
    """
    role = Role(role)
    kind = str(resource._meta.model_name)
    if role not in Role.of_kind(kind):
        raise UnknownRole(role, kind, Role.of_kind(kind))
    members = _locked_members(resource)
    before = next((member for member in members if member.user_id == user.pk), None)
    if before is not None and before.role == role:
        return before
    if before is not None:
        _refuse_losing_last_admin(before, members)
    membership, _ = Membership.objects.update_or_create(
        user=user, resource_kind=kind, resource_id=resource.pk, defaults={"role": role}
    )
    record(
        actor,
        "role.granted",
        ObjectName(kind, str(resource.pk)),
        user=user.get_username(),
        role=role,
        before=before.role if before else None,
    )
    return membership


@transaction.atomic
def revoke_role(*, user: User, resource: models.Model, actor: User | None) -> bool:
    """Take the role of `user` on a resource; False if they had none.

    Raises
    ------
    LastAdmin
        The resource would be left without an admin.
    """
    members = _locked_members(resource)
    before = next((member for member in members if member.user_id == user.pk), None)
    if before is None:
        return False
    _refuse_losing_last_admin(before, members)
    before.delete()
    record(
        actor,
        "role.revoked",
        ObjectName(before.resource_kind, str(before.resource_id)),
        user=user.get_username(),
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


def _refuse_losing_last_admin(before: Membership, members: list[Membership]) -> None:
    highest = [member for member in members if Role(member.role).is_highest]
    if highest == [before]:
        raise LastAdmin(before.user.get_username(), before.resource_kind, before.resource_id)
