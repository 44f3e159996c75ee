"""Who may see which events, and the log as lines of JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet, Value

from people_app.audit_form import moment
from people_app.models import AuditEvent, Membership, TeamMember
from people_app.roles import Role, TeamRole

_ROWS_AT_ONCE = 1_000


def visible_events(
    user: AbstractBaseUser | AnonymousUser, *, own_only: bool = False
) -> QuerySet[AuditEvent]:
    """Return the events that `user` may see; one query for their lines.

    Superusers see all; admins of a dataset, owners of a taxonomy and maintainers of a team
    its line; everybody what they did themselves, which is all that is seen with `own_only`.
    """
    if not user.is_authenticated:
        return AuditEvent.objects.none()
    if own_only:
        return AuditEvent.objects.filter(actor_id=user.pk)
    if getattr(user, "is_superuser", False):
        return AuditEvent.objects.all()
    governed = Membership.objects.of(user).filter(role__in=(Role.ADMIN, Role.OWNER))
    maintained = TeamMember.objects.of(user).filter(role=TeamRole.MAINTAINER)
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for kind, resource_id in governed.values_list("resource_kind", "resource_id").union(
        maintained.values_list(Value("team"), "team_id")
    ):
        lines[kind].append(str(resource_id))
    wanted = Q(actor_id=user.pk)
    for kind, ids in lines.items():
        wanted |= Q(line_kind=kind, line_id__in=ids)
    return AuditEvent.objects.filter(wanted)


def select_events(
    events: QuerySet[AuditEvent],
    *,
    actor: str | None = None,
    verb: str | None = None,
    token: str | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    line: tuple[str, str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[AuditEvent]:
    """Keep the events that are like this; None asks nothing.

    A verb that ends in `*` means all that begin with what stands before it. `since` is
    inclusive, `until` is not.
    """
    if verb is not None and verb.endswith("*"):
        events = events.filter(verb__startswith=verb[:-1])
    elif verb is not None:
        events = events.filter(verb=verb)
    wanted: dict[str, Any] = {
        "actor__username": actor,
        "token_id": token,
        "object_kind": object_kind,
        "object_id": object_id,
        "line_kind": line and line[0],
        "line_id": line and line[1],
        "at__gte": since,
        "at__lt": until,
    }
    return events.filter(**{name: value for name, value in wanted.items() if value is not None})


def with_people_and_proofs(events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """Read, with the events, what `event_json` writes of their actors and seals."""
    return events.select_related("actor", "proof__seal")


def event_json(event: AuditEvent) -> dict[str, Any]:
    """Return an event as the API and the export write it.

    It holds every member of the sealed form (`audit_form`), so that digests can be computed
    again from it; beside them the name of the actor, as it is now, and the seal.
    """
    proof = getattr(event, "proof", None)
    seal = proof.seal if proof is not None else None
    return {
        "id": event.pk,
        "at": moment(event.at),
        "actor": event.actor.get_username() if event.actor is not None else None,
        "actor_id": event.actor_id,
        "token": {"id": event.token_id, "name": event.token_name} if event.token_id else None,
        "address": event.address,
        "request": event.request_id,
        "verb": event.verb,
        "object": {"kind": event.object_kind, "id": event.object_id},
        "line": {"kind": event.line_kind, "id": event.line_id},
        "facts": event.facts,
        "digest": bytes(proof.digest).hex() if proof is not None else None,
        "seal": seal.number if seal is not None else None,
    }


def iter_event_lines(events: QuerySet[AuditEvent]) -> Iterator[bytes]:
    """Yield events as lines of JSON, the oldest id first; constant memory.

    Read page by page: a cursor of the database would keep a snapshot, or the whole answer,
    open for as long as a slow reader takes.
    """
    events = with_people_and_proofs(events).order_by("pk")
    after = 0
    while page := list(events.filter(pk__gt=after)[:_ROWS_AT_ONCE]):
        yield b"".join(orjson.dumps(event_json(event)) + b"\n" for event in page)
        after = page[-1].pk
