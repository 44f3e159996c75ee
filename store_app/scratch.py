"""Sets of digests that may be larger than the memory, for the length of one run."""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection

_AT_ONCE = 5_000

_numbers = itertools.count(1)


class ScratchSet:
    """Digests in a temporary table of this connection, so that SQL can join it as `table`.

    Nobody else sees it, nothing of it is synced to disk, and it locks no other table.
    """

    def __init__(self, table: str) -> None:
        self.table = table

    def add(self, digests: Iterable[bytes]) -> list[bytes]:
        """Add digests; return those that are new to the set."""
        new: list[bytes] = []
        stream = iter(dict.fromkeys(digests))
        while some := list(itertools.islice(stream, _AT_ONCE)):
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    values, parameters = "SELECT unnest(%s::bytea[])", [some]
                else:
                    values, parameters = f"VALUES {', '.join(['(%s)'] * len(some))}", some
                cursor.execute(
                    f"INSERT INTO {self.table} (digest) {values}"
                    " ON CONFLICT DO NOTHING RETURNING digest",
                    parameters,
                )
                new.extend(bytes(digest) for (digest,) in cursor.fetchall())
        return new

    def lacking(self, digests: Iterable[bytes]) -> list[bytes]:
        """Return those digests that are not in the set."""
        lacking: list[bytes] = []
        stream = iter(digests)
        while some := list(itertools.islice(stream, _AT_ONCE)):
            with connection.cursor() as cursor:
                places = ", ".join(["%s"] * len(some))
                cursor.execute(f"SELECT digest FROM {self.table} WHERE digest IN ({places})", some)
                present = {bytes(digest) for (digest,) in cursor.fetchall()}
            lacking += [digest for digest in some if digest not in present]
        return lacking


@contextmanager
def scratch_set() -> Iterator[ScratchSet]:
    """Make an empty set that is gone after the block."""
    table = f"scratch_{next(_numbers)}"
    kind = "bytea" if connection.vendor == "postgresql" else "blob"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} (digest {kind} PRIMARY KEY)")
    try:
        yield ScratchSet(table)
    finally:
        # After an error PostgreSQL refuses this too; the table then ends with the transaction.
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {table}")
