"""Record who did what, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, router, transaction

from people_app.audit_form import event_digest, plain_date, plain_number, plain_text
from people_app.errors import AuditOutsideTransaction
from people_app.models import AuditEvent, AuditProof
from people_app.request_context import current_request

# What has members of its own: what belongs to one is told in its line.
_LINES = ("dataset", "taxonomy", "team")

Listener = Callable[[AuditEvent], None]
_listeners: list[Listener] = []


class ObjectName(NamedTuple):
    """How the log names an object: `("dataset", "7")`; digests are written in hex."""

    kind: str
    id: str


SERVICE_LINE = ObjectName("service", "")


def record(
    actor: AbstractBaseUser | AnonymousUser | None,
    verb: str,
    target: models.Model | ObjectName,
    **facts: Any,
) -> AuditEvent:
    """Append an event to the log: `record(user, "branch.advanced", branch, new=version)`.

    Parameters
    ----------
    actor
        None, or somebody not signed in: the system itself.
    target
        The object that changed, or its name where it is gone. The event belongs to the line
        of the dataset, taxonomy or team that the target is, or has as `dataset`, `taxonomy`
        or `team`.
    facts
        What a reader of the log wants to know: plain values, digests (written in hex),
        dates, model objects (written as their name), and collections of them.

    Raises
    ------
    AuditOutsideTransaction
        There is no transaction: the event could stay although its change is undone.
    """
    if not transaction.get_connection(router.db_for_write(AuditEvent)).in_atomic_block:
        raise AuditOutsideTransaction(verb)
    name = target if isinstance(target, ObjectName) else object_name(target)
    line = line_of(target)
    request = current_request()
    event = AuditEvent.objects.create(
        actor_id=None if actor is None else actor.pk,
        token_id=request.token_id,
        token_name=request.token_name,
        address=request.address,
        verb=verb,
        object_kind=name.kind,
        object_id=name.id,
        line_kind=line.kind,
        line_id=line.id,
        facts={key: _plain(value) for key, value in facts.items()},
        request_id=request.request_id,
    )
    AuditProof.objects.create(event=event, digest=event_digest(event))
    for listener in _listeners:
        listener(event)
    return event


def listen(listener: Listener) -> None:
    """Have `listener(event)` called in the transaction of every event, as its last part.

    It may write rows that appear with the event or not at all, and must be quick: locks are
    held. The same function is called once, however often it is given.
    """
    if listener not in _listeners:
        _listeners.append(listener)


def object_name(target: models.Model) -> ObjectName:
    """Return how the log names a model object."""
    # A token's key is the hash of its secret: the log keeps the public part only.
    key = getattr(target, "public_id", None) or target.pk
    return ObjectName(str(target._meta.model_name), str(_plain(key)))


def line_of(target: models.Model | ObjectName) -> ObjectName:
    """Return the dataset, taxonomy or team whose story tells of this object."""
    name = target if isinstance(target, ObjectName) else object_name(target)
    if name.kind in _LINES:
        return name
    for kind in _LINES:
        key = getattr(target, f"{kind}_id", None)
        if key is not None:
            return ObjectName(kind, str(key))
    return SERVICE_LINE


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, models.Model):
        return object_name(value).id
    if isinstance(value, date):
        return plain_date(value)
    if isinstance(value, Mapping):
        return {plain_text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return plain_number(value)
    return plain_text(str(value))
