"""How often signing in may fail, counted in the database so that all processes share it.

An attempt is charged to its keys *before* the password is looked at, and given back when the
password is right: many attempts at once cannot all slip in before the first has failed. A key
that has failed too often is locked for a time that doubles from failure to failure, and an
attempt while it is locked is refused without being counted, so that no lock grows by itself.

What an attacker tries from elsewhere locks nobody out of a browser in which they signed in
before (`people_app.known_browsers`): such a browser counts for itself alone.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from people_app.audit_form import plain_text
from people_app.errors import SignInLocked
from people_app.models import SignInCount

Kind = SignInCount.Kind
FIRST_LOCK = timedelta(minutes=1)
LONGEST_LOCK = timedelta(minutes=15)


class Limit(NamedTuple):
    """After `free` failures a key is locked; one failure is forgotten per `drain`."""

    free: int
    drain: timedelta


# A person mistypes a password a few times; an office behind one address has many people; a
# name is tried from many addresses at once by attackers only.
LIMITS = {
    Kind.PAIR: Limit(5, timedelta(hours=1)),
    Kind.BROWSER: Limit(10, timedelta(hours=1)),
    Kind.ADDRESS: Limit(30, timedelta(minutes=2)),
    Kind.NAME: Limit(50, timedelta(minutes=15)),
}
# Beyond it a count grows no more: the longest lock is reached long before.
_MOST_ABOVE = 8
# By then every count has drained.
_MEMORY = timedelta(days=1)
_FORGOTTEN_AT_ONCE = 100
_LABEL_LENGTH = 120


class Key(NamedTuple):
    """What failures are counted for."""

    kind: Kind
    label: str
    digest: str


class Charge(NamedTuple):
    """What one attempt was charged to; `locked` are the rows that it locked."""

    at: datetime
    keys: Sequence[Key]
    locked: Sequence[SignInCount]


def keys_of(name: str, network: str, browser: str = "") -> list[Key]:
    """Return what an attempt counts for.

    Parameters
    ----------
    name
        As typed; whether there is such an account plays no part.
    network
        Where it comes from (`client_address.client_network`).
    browser
        The id of a browser that is known to this account, "" for any other.
    """
    same_name = normal_name(name)
    if browser:
        return [_key(Kind.BROWSER, name, browser, same_name)]
    return [
        _key(Kind.PAIR, f"{network} {name}", network, same_name),
        *keys_of_address(network),
        _key(Kind.NAME, name, same_name),
    ]


def keys_of_address(network: str) -> list[Key]:
    """Return what an attempt without a name counts for."""
    return [_key(Kind.ADDRESS, network, network)]


def normal_name(name: str) -> str:
    """Return what is the same for all ways of typing one name."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def charge(keys: Sequence[Key]) -> Charge:
    """Count one failure for each key, for the time being.

    Raises
    ------
    SignInLocked
        A key is locked; nothing was counted.
    """
    digests = [key.digest for key in keys]
    # Asked without a lock first: what an attacker sees mostly must cost least.
    _refuse_locked(SignInCount.objects.filter(key__in=digests))
    with transaction.atomic():
        rows = _locked_rows(keys, timezone.now())
        now = _refuse_locked(rows)
        for row in rows:
            _add_failure(row, now)
        SignInCount.objects.bulk_update(rows, ["failures", "last_at", "locked_until"])
    return Charge(now, keys, [row for row in rows if row.locked_until is not None])


@transaction.atomic
def give_back(charged: Charge) -> None:
    """Undo a charge: the password was right, and what this client got wrong before is forgiven.

    Failures for the name and the address by others stay counted: an attacker who has an
    account of their own gains nothing by signing in with it now and then.
    """
    digests = [key.digest for key in charged.keys]
    rows = SignInCount.objects.select_for_update().filter(key__in=digests).order_by("key")
    kept, forgiven = [], []
    for row in rows:
        if row.kind in (Kind.PAIR, Kind.BROWSER):
            forgiven.append(row.key)
            continue
        row.failures = max(0.0, row.failures - 1)
        if row.last_at == charged.at:  # nobody failed meanwhile: the lock is of this charge
            row.locked_until = None
        kept.append(row)
    SignInCount.objects.filter(key__in=forgiven).delete()
    SignInCount.objects.bulk_update(kept, ["failures", "locked_until"])


@transaction.atomic
def forget_old_counts() -> None:
    """Delete some counts that have drained long ago."""
    old = SignInCount.objects.filter(last_at__lt=timezone.now() - _MEMORY)
    # Those that somebody counts with just now are left alone, or two would wait in a circle.
    keys = old.select_for_update(skip_locked=True).values_list("key", flat=True)
    found = list(keys[:_FORGOTTEN_AT_ONCE])
    if found:
        SignInCount.objects.filter(key__in=found).delete()


def drained(row: SignInCount, limit: Limit, now: datetime) -> float:
    """Return the failures of a row that are not forgotten yet."""
    return max(0.0, row.failures - max(now - row.last_at, timedelta(0)) / limit.drain)


def log_key() -> Key:
    """Return the key of the budget that failures have in the audit log."""
    return _key(Kind.LOG, "audit log", "failures")


def lock_row(key: Key, now: datetime) -> SignInCount:
    """Return the row of one key, made where there is none, locked until the transaction ends."""
    return _locked_rows([key], now)[0]


def _locked_rows(keys: Sequence[Key], now: datetime) -> list[SignInCount]:
    # In one order everywhere, so that two attempts never wait for each other in a circle.
    ordered = sorted(keys, key=lambda key: key.digest)
    SignInCount.objects.bulk_create(
        [
            SignInCount(
                key=key.digest,
                kind=key.kind,
                label=plain_text(key.label)[:_LABEL_LENGTH],
                last_at=now,
            )
            for key in ordered
        ],
        ignore_conflicts=True,
    )
    digests = [key.digest for key in ordered]
    return list(SignInCount.objects.select_for_update().filter(key__in=digests).order_by("key"))


def _add_failure(row: SignInCount, now: datetime) -> None:
    limit = LIMITS[Kind(row.kind)]
    row.failures = min(drained(row, limit, now) + 1, float(limit.free + _MOST_ABOVE))
    row.last_at = now
    above = round(row.failures) - limit.free
    row.locked_until = now + min(FIRST_LOCK * 2**above, LONGEST_LOCK) if above >= 0 else None


def _refuse_locked(rows: Iterable[SignInCount]) -> datetime:
    """Raise if a row is locked; return the time at which none of them was."""
    ends = [row.locked_until for row in rows if row.locked_until is not None]
    now = timezone.now()  # after reading: rows may have been waited for
    if any(end > now for end in ends):
        raise SignInLocked(until=max(ends), now=now)
    return now


def _key(kind: Kind, label: str, *parts: str) -> Key:
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in (kind.value, *parts))
    return Key(kind, label, hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())
