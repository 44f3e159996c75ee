"""Where each blob of the cache lies: a table that can be made anew from the files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

# SQLite takes 32,766 parameters since 3.32; older ones 999.
_AT_ONCE = 900
_FORM = 1

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS blobs (
    digest BLOB PRIMARY KEY,
    file INTEGER NOT NULL REFERENCES files,
    start INTEGER NOT NULL,
    length INTEGER NOT NULL,
    size INTEGER NOT NULL,
    codec INTEGER NOT NULL,
    stored_digest BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS blobs_of_file ON blobs (file);
"""


class Place(NamedTuple):
    """Where the stored bytes of a blob lie; `size` is that of its content, in bytes."""

    digest: bytes
    file: str
    start: int
    length: int
    size: int
    codec: int
    stored_digest: bytes


class Index:
    """The table in its file. Not for several threads at once; several processes may share it."""

    def __init__(self, path: Path) -> None:
        # The lock of the cache serialises threads.
        self._sql = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        # NORMAL: what a power cut takes away is found again in the files.
        self._sql.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        self._sql.executescript(_SCHEMA)
        self._sql.execute(f"PRAGMA user_version={_FORM}")

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    def find(self, digests: Iterable[bytes]) -> dict[bytes, Place]:
        """Return the places of those blobs that are there."""
        found: dict[bytes, Place] = {}
        remaining = iter(digests)
        while some := list(islice(remaining, _AT_ONCE)):
            marks = ",".join("?" * len(some))
            rows = self._sql.execute(
                "SELECT digest, name, start, length, size, codec, stored_digest"
                f" FROM blobs JOIN files ON files.id = blobs.file WHERE digest IN ({marks})",
                some,
            )
            found.update((row[0], Place(*row)) for row in rows)
        return found

    def add(self, places: Sequence[Place]) -> None:
        """Add places of blobs; blobs that are there keep the place that they have."""
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            names = dict.fromkeys(place.file for place in places)
            self._sql.executemany(
                "INSERT OR IGNORE INTO files (name) VALUES (?)", [(name,) for name in names]
            )
            ids = {
                name: self._sql.execute("SELECT id FROM files WHERE name = ?", [name]).fetchone()[0]
                for name in names
            }
            self._sql.executemany(
                "INSERT OR IGNORE INTO blobs VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(place.digest, ids[place.file], *place[2:]) for place in places],
            )
        except BaseException:
            self._sql.execute("ROLLBACK")
            raise
        self._sql.execute("COMMIT")

    def drop_file(self, name: str) -> None:
        """Forget a file and what lies in it."""
        self._sql.execute("BEGIN IMMEDIATE")
        self._sql.execute(
            "DELETE FROM blobs WHERE file = (SELECT id FROM files WHERE name = ?)", [name]
        )
        self._sql.execute("DELETE FROM files WHERE name = ?", [name])
        self._sql.execute("COMMIT")

    def files(self) -> list[str]:
        """Return the names of all files."""
        return [name for (name,) in self._sql.execute("SELECT name FROM files ORDER BY name")]

    def places_in(self, name: str) -> Iterator[Place]:
        """Yield the blobs of a file in their order."""
        rows = self._sql.execute(
            "SELECT digest, name, start, length, size, codec, stored_digest FROM blobs"
            " JOIN files ON files.id = blobs.file WHERE name = ? ORDER BY start",
            [name],
        ).fetchall()
        yield from (Place(*row) for row in rows)

    def totals(self) -> tuple[int, int]:
        """Return how many blobs there are, and their stored bytes."""
        count, length = self._sql.execute("SELECT count(*), sum(length) FROM blobs").fetchone()
        return count, length or 0
