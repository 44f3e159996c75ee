"""Bring a working copy to another version, without losing what was edited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from tessera.entries import Entry
from tessera.errors import UsageError, WorkingCopyChanged
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.working_copy.copy import Origin, WorkingCopy
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
    pushed: Collection[str] = (),
    progress: Progress = silent,
) -> Update:
    """Write what differs between two versions; images that were edited alone stay as they are.

    `pushed` are edits that the target was made of.

    Raises
    ------
    WorkingCopyChanged
        Images were edited here and are other in the target, too: `errors` lists them, and no
        file is touched.
    UsageError
        Files cannot be read, so that nobody can say what was edited.
    """
    if local.problems:
        raise unreadable(local)
    edited = {change.name: change for change in local.changes}
    at_risk = edited.keys() - set(pushed)
    moved = dict(differences(base, target))
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
    update_files(copy, target, changed, removed, progress=progress)
    copy.keep_origin(origin)
    return Update(changed, removed, sorted(edited.keys() - moved.keys()))


def restore(copy: WorkingCopy, base: Snapshot, local: Scan, names: Collection[str]) -> list[str]:
    """Write images as the version has them, and delete those that are new; return their names."""
    new = {change.name for change in local.changes if change.old is None}
    removed = sorted(name for name in names if name in new)
    changed = sorted(name for name in names if name not in new)
    update_files(copy, base, changed, removed)
    return sorted([*changed, *removed])


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
