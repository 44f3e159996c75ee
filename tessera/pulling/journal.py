"""What a pull has done so far, so that a pull that was killed goes on where it was.

One line a page, written when all bytes of the page are in the cache: 16 digits of a sha256 and the
JSON that they are of. What a crash cut off or a disk altered is no line; nor is one that does not
follow from the line before it, as where two processes pulled the same at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple

from tessera.entries import EntryTable
from tessera.pulling.plan import PlanPage, entries_json, parse_entries


class Done(NamedTuple):
    """A page whose bytes are there, as the journal keeps it."""

    have: str | None
    lease: str
    cursor: str | None
    next: str | None
    entries: EntryTable
    removed: list[str]
    erased: list[bytes]


class Journal:
    """The journal of one pull in its file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.done = list(_read(path))
        self._file: IO[str] | None = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, page: PlanPage) -> None:
        """Note that a page is done; durable when this returns."""
        done = Done(
            page.have, page.lease, page.cursor, page.next, page.entries, page.removed, page.erased
        )
        if self._file is None:
            # What a crash cut off would spoil the line that follows it.
            _rewrite(self._path, self.done)
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(_line(done))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done.append(done)

    def forget(self) -> None:
        """Begin anew."""
        self.close()
        self.done = []
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _read(path: Path) -> Iterator[Done]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    last: Done | None = None
    for line in lines[:-1]:
        try:
            done = _parse(line)
        except (ValueError, KeyError, TypeError):
            return
        follows = done.cursor is None if last is None else _follows(last, done)
        if not follows:
            return
        yield done
        last = done


def _follows(last: Done, done: Done) -> bool:
    return last.next is not None and (last.next, last.have) == (done.cursor, done.have)


def _line(done: Done) -> str:
    text = json.dumps(_plain(done))
    return f"{_sum(text.encode())} {text}\n"


def _sum(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


def _parse(line: bytes) -> Done:
    found, _, text = line.partition(b" ")
    if found != _sum(text).encode():
        raise ValueError("another line was written")
    plain: dict[str, Any] = json.loads(text)
    return Done(
        plain["have"],
        plain["lease"],
        plain["cursor"],
        plain["next"],
        parse_entries(plain["entries"]),
        plain["removed"],
        [bytes.fromhex(text) for text in plain["erased"]],
    )


def _rewrite(path: Path, done: list[Done]) -> None:
    # Another process may be at the same.
    new = path.with_suffix(f".{uuid.uuid4().hex}.new")
    new.write_text("".join(map(_line, done)), encoding="utf-8")
    new.replace(path)


def _plain(done: Done) -> dict[str, Any]:
    return {
        "have": done.have,
        "lease": done.lease,
        "cursor": done.cursor,
        "next": done.next,
        "entries": entries_json(done.entries),
        "removed": done.removed,
        "erased": [digest.hex() for digest in done.erased],
    }
