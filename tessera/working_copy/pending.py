"""An update that is under way, written down before the first file is touched.

A process that is killed in the middle leaves files of two versions. What it was about to do stands
in `.tessera/update.json`; the next command does the rest before anything else.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import NamedTuple

from panoptic.formats.paths import member_path
from tessera.errors import ConflictError
from tessera.working_copy.copy import Origin, WorkingCopy, write_json
from tessera.working_copy.index import CopyIndex, IndexRow, stamp_of
from tessera.working_copy.naming import stem_png


class Seen(NamedTuple):
    """The files of an image when the update was decided, as `stamp_of` gives them."""

    png: str | None
    photo: str | None


class Pending(NamedTuple):
    """An update: where it leads, and the images to write and to delete.

    seen, document_stamp : the files as they were. What is other by the time it would be
        overwritten was edited meanwhile, and stays.
    pushed : the images that a push made a version of; empty for all else
    """

    origin: Origin
    changed: list[str]
    removed: list[str]
    seen: Mapping[str, Seen]
    document_stamp: str | None
    pushed: list[str]


def decide(
    copy: WorkingCopy,
    origin: Origin,
    changed: list[str],
    removed: list[str],
    *,
    edited: Container[str] = (),
    pushed: Iterable[str] = (),
) -> Pending:
    """Return an update of some images, and write it down.

    edited : images whose files may be overwritten though nobody but their editor wrote them
    """
    index = CopyIndex(copy.index_path)
    seen = {
        name: _seen(copy, index.get(name), name, name in edited) for name in (*changed, *removed)
    }
    index.close()
    pending = Pending(origin, changed, removed, seen, stamp_of(copy.document_path), sorted(pushed))
    write_json(copy.pending_path, {**pending._asdict(), "origin": asdict(origin)})
    return pending


def find_pending(copy: WorkingCopy) -> Pending | None:
    """Return the update that was broken off, None where none was."""
    try:
        plain = json.loads(copy.pending_path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    origin = Origin(**plain.pop("origin"))
    seen = {name: Seen(*stamps) for name, stamps in plain.pop("seen").items()}
    return Pending(origin, seen=seen, **plain)


@contextmanager
def locked(copy: WorkingCopy) -> Iterator[None]:
    """Keep other commands from writing the files; `ConflictError` where one is about it.

    The lock ends with the process, however that ends.
    """
    with (copy.state_folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another tessera command is at work in {copy.folder}"
            raise ConflictError(message, code="working_copy_busy") from None
        yield


def _seen(copy: WorkingCopy, row: IndexRow | None, name: str, is_edited: bool) -> Seen:
    png = row.png if row else None
    if png is None and is_edited:
        png = stem_png(name)
    has_photo = is_edited or (row is not None and row.photo_stamp is not None)
    return Seen(
        stamp_of(member_path(copy.png_folder, png)) if png else None,
        stamp_of(member_path(copy.photo_folder, name)) if has_photo else None,
    )
