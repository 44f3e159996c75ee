"""Rows kept on disk while a file is scanned or written, so that memory stays constant.

A spool is an SQLite database without a name: SQLite makes it in the temporary folder, spills to
it when its cache is full, and it is gone when the connection closes, also after a crash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

# Rows may be long, so few of them wait in memory.
_BATCH = 200
_BATCH_BYTES = 2**20


class Spool:
    """Tables of one scan. Rows are inserted in batches; reading sees all of them."""

    def __init__(self, schema: str) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._pending: dict[str, list[Sequence[Any]]] = {}
        self._pending_bytes = 0
        # Nothing here outlives the connection, so nothing needs a journal.
        self._database.executescript(
            f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=FILE; {schema}"
        )
        self._database.execute("BEGIN")

    def insert(self, table: str, row: Sequence[Any]) -> None:
        """Append a row; its columns in the order of the schema."""
        rows = self._pending.setdefault(table, [])
        rows.append(row)
        self._pending_bytes += sum(len(value) for value in row if isinstance(value, (bytes, str)))
        if self._pending_bytes >= _BATCH_BYTES:
            self._write_all()
        elif len(rows) >= _BATCH:
            self._write(table, rows)

    def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        """Run a statement that changes rows or makes an index."""
        self._write_all()
        self._database.execute(sql, tuple(parameters))

    def iter_rows(self, sql: str, parameters: Iterable[Any] = ()) -> Iterator[Any]:
        """Yield the rows of a query; none of them is kept in memory."""
        self._write_all()
        # No `yield from`: it would close the cursor of a spool that may be closed already.
        for row in self._database.execute(sql, tuple(parameters)):  # noqa: UP028
            yield row

    def value(self, sql: str, parameters: Iterable[Any] = ()) -> Any:
        """Return the first column of the first row, None if there is no row."""
        row = next(self.iter_rows(sql, parameters), None)
        return None if row is None else row[0]

    def close(self) -> None:
        self._database.close()

    def _write_all(self) -> None:
        for table, rows in self._pending.items():
            self._write(table, rows)
        self._pending_bytes = 0

    def _write(self, table: str, rows: list[Sequence[Any]]) -> None:
        if rows:
            places = ",".join("?" * len(rows[0]))
            self._database.executemany(f"INSERT INTO {table} VALUES ({places})", rows)
            rows.clear()
