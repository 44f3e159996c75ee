"""Let people in, and let them go. Every attempt is counted, and told in the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from people_app.audit import ObjectName, record
from people_app.audit_form import plain_text
from people_app.browsers import describe_browser
from people_app.client_address import client_address, client_network
from people_app.models import BrowserSession, SignInCount, User
from people_app.sign_in_limits import (
    Charge,
    Limit,
    charge,
    drained,
    forget_old_counts,
    give_back,
    keys_of,
    lock_row,
    log_key,
)

# What the pages of accounts show of a session; kept in its data.
SESSION_FACTS = "people_app.signed_in"
PASSWORD = "password"
_BACKEND = "django.contrib.auth.backends.ModelBackend"
# People mistype; the log need not keep more of it, and must not be filled by strangers:
# a hundred failures at once, then one in ten seconds; the next that is told counts the rest.
_NAME_LENGTH = 40
_LOGGED_FAILURES = Limit(100, timedelta(seconds=10))


def find_by_password(
    request: HttpRequest, name: str, password: str, browser: str = ""
) -> User | None:
    """Return the account of a name and its password, None where they are nobody's.

    `browser` is the id of a browser that is known to the account, "" for any other.

    Raises
    ------
    SignInLocked
        It failed too often; the password was not looked at.
    """
    charged = charge(keys_of(name, client_network(request.META), browser))
    # Django hashes the password also where there is no such name, so that time tells nothing.
    # What no database stores is nobody's name.
    is_name = plain_text(name) == name
    user: Any = authenticate(request, username=name, password=password) if is_name else None
    if user is None:
        tell_failure(name, charged)
        forget_old_counts()
        return None
    give_back(charged)
    found: User = user
    return found


@transaction.atomic
def start_session(request: HttpRequest, user: User, how: str = PASSWORD) -> None:
    """Sign `user` in with this browser; the session gets a new id. `how`: what proved it."""
    # Here, where it is one small query: sessions that expired are of use to nobody.
    old = BrowserSession.objects.filter(account_id=user.pk, expire_date__lt=timezone.now())
    old.delete()
    login(request, user, backend=_BACKEND)
    request.session[SESSION_FACTS] = {
        "at": timezone.now().isoformat(),
        "address": client_address(request.META),
        "browser": describe_browser(request.headers.get("User-Agent", "")),
        "how": how,
    }
    record(user, "session.started", user, name=user.get_username(), how=how)


@transaction.atomic
def end_session(request: HttpRequest) -> None:
    """Sign out with this browser; for who is not signed in there is nothing to tell."""
    user: Any = request.user
    if user.is_authenticated:
        record(user, "session.ended", user, name=user.get_username())
    logout(request)


@transaction.atomic
def tell_failure(name: str, charged: Charge, how: str = PASSWORD) -> None:
    """Tell the log that somebody did not get in, and of the locks that followed."""
    now = timezone.now()
    row = lock_row(log_key(), now)
    level = drained(row, _LOGGED_FAILURES, now)
    if level >= _LOGGED_FAILURES.free:
        row.unlogged += 1
        row.save(update_fields=["unlogged"])
        return
    target = ObjectName("sign_in", "")
    who = {"name": name[:_NAME_LENGTH], "how": how}
    spared = {"unlogged_before": row.unlogged} if row.unlogged else {}
    record(None, "sign_in.failed", target, **who, **spared)
    if charged.locked:
        record(None, "sign_in.locked", target, **who, **_locks(charged.locked))
    row.failures, row.last_at, row.unlogged = level + 1, now, 0
    row.save(update_fields=["failures", "last_at", "unlogged"])


def _locks(rows: Sequence[SignInCount]) -> dict[str, Any]:
    return {
        "of": sorted(row.kind for row in rows),
        "until": max(row.locked_until for row in rows if row.locked_until),
    }
