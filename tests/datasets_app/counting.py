"""How many rows the database answers: what a page costs beyond its queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper


@dataclass
class Cost:
    """Counted so far."""

    queries: int = 0
    rows: int = 0


@contextmanager
def count_rows() -> Iterator[Cost]:
    """Count the queries inside, and the rows that they answer."""
    cost = Cost()

    class Counting(CursorWrapper):
        def execute(self, sql: str, params: Any = None) -> Any:
            cost.queries += 1
            return super().execute(sql, params)

        def fetchall(self) -> list[Any]:
            return _counted(self.cursor.fetchall())

        def fetchmany(self, *args: Any) -> list[Any]:
            return _counted(self.cursor.fetchmany(*args))

        def fetchone(self) -> Any:
            row = self.cursor.fetchone()
            cost.rows += row is not None
            return row

    def _counted(rows: list[Any]) -> list[Any]:
        cost.rows += len(rows)
        return rows

    def make_cursor(cursor: Any) -> CursorWrapper:
        return Counting(cursor, connection)

    connection.make_cursor = make_cursor
    try:
        yield cost
    finally:
        del connection.make_cursor
