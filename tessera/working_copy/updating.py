"""Bring a working copy to another version, without losing what was edited."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tessera.entries import Entry
from tessera.errors import UsageError, WorkingCopyChanged
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.working_copy.copy import Origin, WorkingCopy
from tessera.working_copy.index import CopyIndex
from tessera.working_copy.naming import check_names
from tessera.working_copy.pending import Pending, decide, find_pending, locked
from tessera.working_copy.scanning import LocalChange, Scan
from tessera.working_copy.writing import update_files


class Update(NamedTuple):
    """What an update did: names of images, sorted; `kept` are local edits that stay."""

    changed: list[str]
    removed: list[str]
    kept: list[str]


def update(
    copy: WorkingCopy,
    base: Snapshot,
    target: Snapshot,
    local: Scan,
    origin: Origin,
    *,
    pushed: Mapping[str, Entry | None] = MappingProxyType({}),
    progress: Progress = silent,
) -> Update:
    """Write what differs between two versions; images that were edited alone stay as they are.

    `pushed` are the edits that the target was made of. Where an image was edited again while
    they travelled, that edit stays as one of the target.

    Raises
    ------
    WorkingCopyChanged
        Images were edited here and are other in the target, too: `errors` lists them, and no
        file is touched.
    UsageError
        Files cannot be read, so that nobody can say what was edited; or the disk cannot hold
        files of the names in the target.
    """
    if local.problems:
        raise unreadable(local)
    edited = {change.name: change for change in local.changes}
    again = {name for name in pushed if name in edited and edited[name].new != pushed[name]}
    at_risk = edited.keys() - pushed.keys()
    moved = {name: entry for name, entry in differences(base, target) if name not in again}
    clashing = sorted(
        name
        for name, entry in moved.items()
        if name in at_risk and not _agrees(edited[name], entry)
    )
    if clashing:
        raise WorkingCopyChanged(
            f"{_count(len(clashing), 'image')} edited here changed in the other version, too: "
            + _some(clashing),
            errors=clashing,
        )
    changed = sorted(name for name, entry in moved.items() if entry is not None)
    removed = sorted(name for name, entry in moved.items() if entry is None)
    if changed:
        # Before anything is written down, or no command could do it to its end.
        labels_only = copy.origin.labels_only
        check_names(target.table, copy.photo_folder, labels_only=labels_only)
    _forget(copy, again)
    decision = decide(copy, origin, changed, removed, edited=edited, pushed=pushed)
    _apply(copy, target, decision, progress)
    return Update(changed, removed, sorted(edited.keys() - moved.keys()))


def finish_update(copy: WorkingCopy) -> None:
    """Do the rest of an update that was broken off; `copy.finished` says what it was.

    Raises
    ------
    ConflictError
        It was not broken off: another process is about it.
    """
    if not copy.pending_path.exists():
        return
    with locked(copy):
        pending = find_pending(copy)
        if pending is not None:
            _apply(copy, copy.at(pending.origin.version), pending, silent)
            copy.finished = pending


def restore(copy: WorkingCopy, base: Snapshot, local: Scan, names: Collection[str]) -> list[str]:
    """Write images as the version has them, and delete those that are new; return their names."""
    new = {change.name for change in local.changes if change.old is None}
    removed = sorted(name for name in names if name in new)
    changed = sorted(name for name in names if name not in new)
    _apply(copy, base, decide(copy, copy.origin, changed, removed, edited=set(names)), silent)
    return sorted([*changed, *removed])


def _forget(copy: WorkingCopy, names: Collection[str]) -> None:
    """Let the next scan read images whatever the time and size of their files."""
    index = CopyIndex(copy.index_path)
    index.remove(names)
    index.close()


def _apply(copy: WorkingCopy, target: Snapshot, pending: Pending, progress: Progress) -> None:
    update_files(copy, target, pending, progress=progress)
    copy.keep_origin(pending.origin)
    copy.pending_path.unlink()


def unreadable(local: Scan) -> UsageError:
    """Return the error of a working copy whose files cannot be read."""
    first = local.problems[0]
    where = first.image or first.file
    return UsageError(
        f"{where}: {first.message}" + (" …" if len(local.problems) > 1 else ""),
        code=first.code,
        errors=[problem._asdict() for problem in local.problems],
    )


def differences(base: Snapshot, target: Snapshot) -> Iterator[tuple[str, Entry | None]]:
    """Yield the images that are other in the target; None: not there. Walks both once."""
    old, new = iter(base.table), iter(target.table)
    a, b = next(old, None), next(new, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a.name.encode() < b.name.encode()):
            assert a is not None
            yield a.name, None
            a = next(old, None)
        elif a is None or b.name.encode() < a.name.encode():
            yield b.name, b
            b = next(new, None)
        else:
            if a != b:
                yield b.name, b
            a, b = next(old, None), next(new, None)


def _agrees(change: LocalChange, entry: Entry | None) -> bool:
    """Say whether an edit made here is what the other version says, too."""
    if change.new is None or entry is None:
        return change.new is None and entry is None
    return change.new._replace(number=entry.number, height=entry.height, width=entry.width) == entry


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _some(names: list[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
