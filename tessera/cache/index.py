"""Where each blob of the cache lies: a table that can be made anew from the files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from tessera.errors import ObjectCorrupt, TesseraError

# SQLite takes 32,766 parameters since 3.32; older ones 999.
_AT_ONCE = 900
_ROWS_AT_ONCE = _AT_ONCE // 7
_FORM = 1
_LARGEST = 2**62

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
_PLACES = (
    "SELECT digest, name, start, length, size, codec, stored_digest"
    " FROM blobs JOIN files ON files.id = blobs.file"
)
# What may pass, or somebody else has to mend; anything else that SQLite says is damage.
_TROUBLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
    }
)


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
    """The table in its file. Not for several threads at once; several processes may share it.

    Every method raises `ObjectCorrupt`, which names the file, where the file is damaged.
    `is_new` until `mark_complete`: what lies in the folder may not be in it. With `read_only`
    nothing is written, neither there nor beside it.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        # Looked at before it is opened: what is written in between is seen as a change.
        self._state = _state_of(path) if read_only else None
        if read_only and self._state is None:
            raise TesseraError(
                f"{path} is not there, and the cache is read-only: `tessera cache` makes it"
                " where the cache may be written",
                code="cache_unusable",
            )
        with _said_as_damage(path):
            # The lock of the cache serialises threads.
            self._sql = sqlite3.connect(
                _address(path, self._state),
                timeout=60,
                isolation_level=None,
                check_same_thread=False,
                uri=True,
            )
            try:
                if not read_only:
                    self._prepare()
                form = self._form()
            except BaseException:
                self._sql.close()
                raise
        self.is_new = form == 0

    @property
    def is_stale(self) -> bool:
        """Whether it was opened to be read alone, and somebody else changed it since."""
        return self._state is not None and self._state != _state_of(self.path)

    def _prepare(self) -> None:
        # NORMAL: what a power cut takes away is found again in the files.
        self._sql.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
        self._sql.execute("PRAGMA cell_size_check=ON")
        self._sql.executescript(_SCHEMA)

    def _form(self) -> Any:
        [form] = self._sql.execute("PRAGMA user_version").fetchone()
        if form not in (0, _FORM):
            raise sqlite3.DatabaseError(f"it has form {form}, this client reads {_FORM}")
        return form

    def mark_complete(self) -> None:
        """Note that all files of the folder were looked at."""
        with _said_as_damage(self.path):
            self._sql.execute(f"PRAGMA user_version={_FORM}")
        self.is_new = False

    def close(self) -> None:
        """Let go of the file."""
        self._sql.close()

    def find(self, digests: Iterable[bytes]) -> dict[bytes, Place]:
        """Return the places of those blobs that are there."""
        found: dict[bytes, Place] = {}
        remaining = iter(digests)
        with _said_as_damage(self.path):
            while some := list(islice(remaining, _AT_ONCE)):
                marks = ",".join("?" * len(some))
                rows = self._sql.execute(f"{_PLACES} WHERE digest IN ({marks})", some)
                found.update((place.digest, place) for place in map(_place, rows))
        return found

    def find_files(self, digests: Iterable[bytes]) -> dict[bytes, str]:
        """Return in which files those blobs lie that are there; a fifth of the time of `find`."""
        found: dict[bytes, Any] = {}
        remaining = iter(digests)
        with _said_as_damage(self.path):
            names = dict(self._sql.execute("SELECT id, name FROM files"))
            while some := list(islice(remaining, _AT_ONCE)):
                marks = ",".join("?" * len(some))
                sql = f"SELECT digest, file FROM blobs WHERE digest IN ({marks})"
                found.update(self._sql.execute(sql, some))
            texts = {file: _text(names.get(file)) for file in set(found.values())}
        return {digest: texts[file] for digest, file in found.items()}

    def add(self, places: Sequence[Place]) -> None:
        """Add places of blobs; blobs that are there keep the place that they have."""
        with self._changing():
            names = dict.fromkeys(place.file for place in places)
            self._sql.executemany(
                "INSERT OR IGNORE INTO files (name) VALUES (?)", [(name,) for name in names]
            )
            ids = {
                name: self._sql.execute("SELECT id FROM files WHERE name = ?", [name]).fetchone()[0]
                for name in names
            }
            # In the order of the table, where neighbours share a page; many rows by a statement,
            # as each one lets go of Python's lock and has to wait for it.
            rows = sorted((place.digest, ids[place.file], *place[2:]) for place in places)
            for begin in range(0, len(rows), _ROWS_AT_ONCE):
                some = rows[begin : begin + _ROWS_AT_ONCE]
                marks = ",".join(["(?,?,?,?,?,?,?)"] * len(some))
                self._sql.execute(
                    f"INSERT OR IGNORE INTO blobs VALUES {marks}", list(chain.from_iterable(some))
                )

    def drop_file(self, name: str) -> None:
        """Forget a file and what lies in it."""
        with self._changing():
            self._sql.execute(
                "DELETE FROM blobs WHERE file = (SELECT id FROM files WHERE name = ?)", [name]
            )
            self._sql.execute("DELETE FROM files WHERE name = ?", [name])

    def clear(self) -> None:
        """Forget everything."""
        with self._changing():
            self._sql.execute("DELETE FROM blobs")
            self._sql.execute("DELETE FROM files")

    def files(self) -> list[str]:
        """Return the names of all files."""
        with _said_as_damage(self.path):
            rows = self._sql.execute("SELECT name FROM files ORDER BY name").fetchall()
            return [_text(name) for (name,) in rows]

    def places_in(self, name: str) -> list[Place]:
        """Return the blobs of a file in their order."""
        with _said_as_damage(self.path):
            rows = self._sql.execute(f"{_PLACES} WHERE name = ? ORDER BY start", [name])
            return [_place(row) for row in rows]

    def totals(self) -> tuple[int, int]:
        """Return how many blobs there are, and their stored bytes."""
        with _said_as_damage(self.path):
            count, length = self._sql.execute("SELECT count(*), sum(length) FROM blobs").fetchone()
            return int(count), int(length or 0)

    def check(self) -> None:
        """Read all of it; `ObjectCorrupt` where a row or a page is not in order."""
        with _said_as_damage(self.path):
            [said] = self._sql.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise sqlite3.DatabaseError(said)
            orphans = "SELECT count(*) FROM blobs WHERE file NOT IN (SELECT id FROM files)"
            if self._sql.execute(orphans).fetchone()[0]:
                raise sqlite3.DatabaseError("blobs of a file that it does not know")

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Do all of a block, or nothing."""
        with _said_as_damage(self.path):
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise


class _State(NamedTuple):
    """What tells that a file was changed; `is_logged`: part of it stands in a log beside it."""

    inode: int
    size: int
    changed_ns: int
    is_logged: bool


def _state_of(path: Path) -> _State | None:
    log = path.with_name(f"{path.name}-wal")
    try:
        found = path.stat()
        is_logged = log.exists() and log.stat().st_size > 0
    except FileNotFoundError:
        return None
    return _State(found.st_ino, found.st_size, found.st_mtime_ns, is_logged)


def _address(path: Path, read_only: _State | None) -> str:
    """Return what SQLite opens.

    Where no file can be made beside it, SQLite opens a file with a log only if it is told that
    nobody changes it. That holds while the log is empty; `is_stale` tells when it is so no more.
    """
    plain = path.absolute().as_uri()
    if read_only is None:
        return plain
    return f"{plain}?mode=ro" if read_only.is_logged else f"{plain}?mode=ro&immutable=1"


def _place(row: Any) -> Place:
    """Return a row as a place, if it is one: a flipped bit may make a number a text."""
    digest, file, start, length, size, codec, stored = row
    numbers = (start, length, size, codec)
    if not (
        all(isinstance(number, int) and 0 <= number < _LARGEST for number in numbers)
        and isinstance(digest, bytes)
        and isinstance(stored, bytes)
    ):
        raise sqlite3.DatabaseError("a row is no place of a blob")
    return Place(digest, _text(file), start, length, size, codec, stored)


def _text(name: Any) -> str:
    # A name that leads out of the folder was none that we wrote.
    if not isinstance(name, str) or not name.startswith(("packs/", "objects/")) or ".." in name:
        raise sqlite3.DatabaseError("a file has no name of a pack or an object")
    return name


@contextmanager
def _said_as_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.DatabaseError, OverflowError, MemoryError) as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in _TROUBLE:
            raise TesseraError(f"{path}: {error}", code="cache_unusable") from error
        raise ObjectCorrupt(
            f"the index of the cache is damaged: {error} ({path.name}, offset 0);"
            " `tessera verify --repair` makes it anew",
            facts={"digest": "", "file": path.name, "offset": 0},
        ) from error
