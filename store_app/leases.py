"""Leases: files that readers were told of stay until they have read them (RULES 7.2).

A lease names no file. While it lives, no file is deleted that was condemned after the lease was
granted; what was condemned earlier was dead by then, and no plan of the reader names it.
So a lease costs one row, however much its holder reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Min, QuerySet
from django.utils import timezone

from store_app.errors import LeaseEnded
from store_app.models import Lease

PULL_LEASE = timedelta(hours=1)


def grant_lease(holder: str, duration: timedelta = PULL_LEASE) -> UUID:
    """Keep everything that is alive now readable for a while; return the lease's id.

    Grant it before looking up what to read, outside of a transaction, else nobody sees it yet.
    """
    now = timezone.now()
    lease = Lease.objects.create(holder=holder, granted_at=now, expires_at=now + duration)
    return lease.pk


def renew_lease(lease: UUID, duration: timedelta = PULL_LEASE, *, holder: str = "") -> None:
    """Let a lease end `duration` from now; with `holder` only if it was granted to them.

    Raises
    ------
    LeaseEnded
        It has ended, or was never granted: ask for a new one and look everything up again.
    """
    now = timezone.now()
    living = _held_by(holder).filter(pk=lease, expires_at__gt=now)
    if not living.update(expires_at=now + duration):
        raise LeaseEnded(lease)


def release_lease(lease: UUID, *, holder: str = "") -> None:
    """End a lease, with `holder` only theirs; one that has ended already is no error."""
    _held_by(holder).filter(pk=lease).delete()


def _held_by(holder: str) -> QuerySet[Lease]:
    return Lease.objects.filter(holder=holder) if holder else Lease.objects.all()


@contextmanager
def leased(holder: str, duration: timedelta = PULL_LEASE) -> Iterator[UUID]:
    """Hold a lease for a block of code, which renews it before `duration` is over."""
    lease = grant_lease(holder, duration)
    try:
        yield lease
    finally:
        release_lease(lease)


def oldest_lease(now: datetime) -> datetime | None:
    """Return when the oldest living lease was granted; None where there is none."""
    return Lease.objects.filter(expires_at__gt=now).aggregate(oldest=Min("granted_at"))["oldest"]


def drop_ended_leases(now: datetime) -> None:
    """Delete the rows of leases that have ended."""
    Lease.objects.filter(expires_at__lte=now).delete()
