"""Record who did what, in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, router, transaction

from people_app.errors import AuditOutsideTransaction
from people_app.models import AuditEvent
from people_app.request_context import current_request


class ObjectName(NamedTuple):
    """How the log names an object: `("dataset", "7")`; digests are written in hex."""

    kind: str
    id: str


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
        The object that changed, or its name where it is gone.
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
    request = current_request()
    return AuditEvent.objects.create(
        actor_id=None if actor is None else actor.pk,
        token_id=request.token_id,
        token_name=request.token_name,
        verb=verb,
        object_kind=name.kind,
        object_id=name.id,
        facts={key: _plain(value) for key, value in facts.items()},
        request_id=request.request_id,
    )


def object_name(target: models.Model) -> ObjectName:
    """Return how the log names a model object."""
    # A token's key is the hash of its secret: the log keeps the public part only.
    key = getattr(target, "public_id", None) or target.pk
    return ObjectName(str(target._meta.model_name), str(_plain(key)))


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, models.Model):
        return object_name(value).id
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
