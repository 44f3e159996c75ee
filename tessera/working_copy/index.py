"""What the files of a working copy were when they were written, so that edits are found fast.

As in git: a file of the same time and size is the same; else its sha256 tells.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_FORM = 1
_CHUNK_BYTES = 2**20
_SCHEMA = """
CREATE TABLE IF NOT EXISTS images (
    name TEXT PRIMARY KEY,
    png TEXT,
    png_stamp TEXT,
    png_sha256 BLOB,
    photo_stamp TEXT,
    photo_sha256 BLOB,
    row_sha256 BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class IndexRow(NamedTuple):
    """The files of one image as they were written.

    png : path of the PNG in the working copy, None for an unlabelled image
    png_stamp, photo_stamp : time and size, as `stamp_of` gives them; None: no such file
    row_sha256 : of what the JSON says of the image, as `row_digest` gives it
    """

    name: str
    png: str | None
    png_stamp: str | None
    png_sha256: bytes | None
    photo_stamp: str | None
    photo_sha256: bytes | None
    row_sha256: bytes


class CopyIndex:
    """The table in its file; a context manager that is one transaction."""

    def __init__(self, path: Path) -> None:
        self._sql = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._sql.executescript(_SCHEMA)
        self._sql.execute(f"PRAGMA user_version={_FORM}")

    def __enter__(self) -> CopyIndex:
        self._sql.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind: object, error: object, at: object) -> None:
        self._sql.execute("COMMIT" if kind is None else "ROLLBACK")

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    def rows(self) -> Iterator[IndexRow]:
        """Yield all rows by name."""
        for row in self._sql.execute("SELECT * FROM images ORDER BY name"):
            yield IndexRow(*row)

    def stamps(self) -> Iterator[tuple[str, str | None, str | None, str | None]]:
        """Yield name, path of the PNG, and stamps of PNG and photograph, of all images."""
        yield from self._sql.execute("SELECT name, png, png_stamp, photo_stamp FROM images")

    def names(self) -> set[str]:
        """Return the names of all images."""
        return {name for (name,) in self._sql.execute("SELECT name FROM images")}

    def count(self) -> int:
        """Return of how many images it knows."""
        [count] = self._sql.execute("SELECT count(*) FROM images").fetchone()
        return int(count)

    def has_files(self) -> tuple[bool, bool]:
        """Say whether any PNG was written, and whether any photograph was."""
        pngs, photos = self._sql.execute(
            "SELECT EXISTS (SELECT 1 FROM images WHERE png IS NOT NULL),"
            " EXISTS (SELECT 1 FROM images WHERE photo_stamp IS NOT NULL)"
        ).fetchone()
        return bool(pngs), bool(photos)

    def get(self, name: str) -> IndexRow | None:
        """Return the row of an image, None where it was not written."""
        found = self._sql.execute("SELECT * FROM images WHERE name = ?", [name]).fetchone()
        return None if found is None else IndexRow(*found)

    def put(self, rows: Iterable[IndexRow]) -> None:
        """Add rows, or replace those of the same names."""
        self._sql.executemany("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def remove(self, names: Iterable[str]) -> None:
        """Forget images."""
        self._sql.executemany("DELETE FROM images WHERE name = ?", [(name,) for name in names])

    def fact(self, key: str) -> str:
        """Return a text kept under a key, "" where there is none."""
        found = self._sql.execute("SELECT value FROM facts WHERE key = ?", [key]).fetchone()
        return "" if found is None else str(found[0])

    def keep_fact(self, key: str, value: str) -> None:
        """Keep a text under a key."""
        self._sql.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, value))


def stamp_of(path: Path | str) -> str | None:
    """Return time and size of a file as a text, None where there is none."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return f"{status.st_mtime_ns}:{status.st_size}"


def file_digest(path: Path) -> bytes:
    """Return the sha256 of a file."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
    return sha256.digest()
