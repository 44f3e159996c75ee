"""See in which browsers somebody is signed in, and sign them out there."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth import HASH_SESSION_KEY
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.dateparse import parse_datetime

from people_app.actions.signing_in import SESSION_FACTS
from people_app.audit import record
from people_app.models import BrowserSession, User
from people_app.sessions import SessionStore

MOST_SHOWN = 50


class OwnSession(NamedTuple):
    """A session as its owner sees it. `id` names it in forms; the key itself would let in."""

    id: str
    is_this: bool
    browser: str
    address: str
    how: str
    signed_in_at: datetime | None
    ends_at: datetime


def list_sessions(user: User, this_key: str | None) -> list[OwnSession]:
    """Return the sessions in which `user` is signed in, this one first; one query."""
    rows = _sessions_of(user).filter(expire_date__gt=timezone.now()).order_by("-expire_date")
    store, proof = SessionStore(), user.get_session_auth_hash()
    found = []
    for row in rows[:MOST_SHOWN]:
        data = store.decode(row.session_data)
        # Signed in with a password that was changed since: nobody is, any more.
        if not constant_time_compare(data.get(HASH_SESSION_KEY, ""), proof):
            continue
        facts = data.get(SESSION_FACTS, {})
        found.append(
            OwnSession(
                id=_public_id(row),
                is_this=row.session_key == this_key,
                browser=facts.get("browser", ""),
                address=facts.get("address", ""),
                how=facts.get("how", ""),
                signed_in_at=parse_datetime(facts.get("at", "")),
                ends_at=row.expire_date,
            )
        )
    return sorted(found, key=lambda one: not one.is_this)


@transaction.atomic
def end_one_session(*, user: User, public_id: str, actor: User) -> bool:
    """Sign `user` out of one browser; False where there is no such session of theirs."""
    row = next((row for row in _sessions_of(user) if _public_id(row) == public_id), None)
    if row is None:
        return False
    row.delete()
    record(actor, "session.revoked", user, name=user.get_username(), sessions_ended=1)
    return True


@transaction.atomic
def end_other_sessions(*, user: User, keep: str | None, actor: User) -> int:
    """Sign `user` out everywhere but in the session `keep`; return how many sessions ended."""
    ended = delete_sessions(user, keep)
    if ended:
        record(actor, "session.revoked", user, name=user.get_username(), sessions_ended=ended)
    return ended


def delete_sessions(user: User, keep: str | None = None) -> int:
    """Delete the sessions of `user` except `keep`, as a part of what ends them."""
    return _sessions_of(user).exclude(session_key=keep or "").delete()[0]


def _sessions_of(user: User) -> models.QuerySet[BrowserSession]:
    return BrowserSession.objects.filter(account_id=user.pk)


def _public_id(row: BrowserSession) -> str:
    return hashlib.sha256(row.session_key.encode()).hexdigest()[:16]
