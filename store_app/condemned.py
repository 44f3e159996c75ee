"""Rows of the apps above that nothing needs: condemned first, deleted a grace period later.

Rows that a run finds dead may be about to become alive, just as blobs may. An app keeps here
when it saw a row dead for the first time, and never deletes it before a grace period is over.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from django.db import connection

from store_app.models import CondemnedRow

_AT_ONCE = 5_000


def condemn_rows(kind: str, keys: Iterable[bytes], now: datetime) -> int:
    """Condemn rows; those that are condemned keep their time. Return how many are new."""
    known = CondemnedRow.objects.filter(kind=kind)
    before = known.count()
    rows = (CondemnedRow(kind=kind, key=key, condemned_at=now) for key in keys)
    CondemnedRow.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_AT_ONCE)
    return known.count() - before


def find_condemned(kind: str, keys: Collection[bytes], until: datetime) -> set[bytes]:
    """Return those of the rows that were condemned at `until` or earlier."""
    found: set[bytes] = set()
    for some in _batches(keys):
        rows = CondemnedRow.objects.filter(kind=kind, key__in=some, condemned_at__lte=until)
        found.update(bytes(key) for key in rows.values_list("key", flat=True))
    return found


def pardon_rows(kind: str, keys: Collection[bytes]) -> int:
    """Forget that rows were condemned: they are alive, or gone. Return how many were."""
    return sum(
        CondemnedRow.objects.filter(kind=kind, key__in=some).delete()[0] for some in _batches(keys)
    )


def iter_condemned(kind: str) -> Iterator[bytes]:
    """Yield the keys of all condemned rows of a kind."""
    rows = CondemnedRow.objects.filter(kind=kind).values_list("key", flat=True)
    yield from map(bytes, rows.iterator(chunk_size=_AT_ONCE))


def pardon_living(kind: str, table: str) -> int:
    """Pardon the rows of this kind whose keys are the digests of a scratch set."""
    condemned = CondemnedRow._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {condemned} WHERE kind = %s AND key IN (SELECT digest FROM {table})",
            [kind],
        )
        return cursor.rowcount


def _batches(keys: Collection[bytes]) -> Iterator[list[bytes]]:
    listed = list(keys)
    for first in range(0, len(listed), _AT_ONCE):
        yield listed[first : first + _AT_ONCE]
