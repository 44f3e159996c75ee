"""A working copy and its service: pull, checkout, push, compare, restore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from panoptic.formats.problems import Problem
from tessera.entries import Entry
from tessera.errors import BranchMoved, ConflictError, NotFound, UsageError
from tessera.progress import Progress, silent
from tessera.snapshot import Snapshot
from tessera.working_copy.copy import Origin, WorkingCopy
from tessera.working_copy.erased import ErasedPart, erased_parts
from tessera.working_copy.pending import locked
from tessera.working_copy.scanning import LocalChange, scan
from tessera.working_copy.updating import differences, restore, unreadable, update
from tessera.working_copy.writing import write_document_anew, write_snapshot


class Synced(NamedTuple):
    """Where a working copy is now; names of images that were written, deleted, and left edited.

    erased : what the version has lost at the service
    """

    version: Mapping[str, Any]
    changed: list[str]
    removed: list[str]
    kept: list[str]
    erased: list[ErasedPart]

    @property
    def is_same(self) -> bool:
        """Whether nothing had to be written."""
        return not self.changed and not self.removed


class PushedCopy(NamedTuple):
    """What a push did; `version` is None where it was only tried."""

    version: Mapping[str, Any] | None
    images: list[str]
    objects: int
    sent_bytes: int


class Sides(NamedTuple):
    """What to compare: `changes` lead from `base` to `target`, or to the files."""

    base: Snapshot
    target: Snapshot
    changes: list[LocalChange]
    problems: list[Problem]


def pull_copy(copy: WorkingCopy, *, progress: Progress = silent) -> Synced:
    """Bring a working copy to the head of its branch; local edits stay.

    Raises
    ------
    WorkingCopyChanged
        Images were edited here and changed there.
    UsageError
        It is on no branch, or its files cannot be read.
    """
    with locked(copy):
        return _pull(copy, progress)


def checkout(copy: WorkingCopy, rev: str, *, progress: Progress = silent) -> Synced:
    """Bring a working copy to a branch, tag or version; local edits stay where they fit."""
    version = copy.service.dataset(copy.origin.dataset).version(rev)
    try:
        branch = _branch(copy, rev)["name"]
    except NotFound:
        branch = ""
    with locked(copy):
        origin = replace(copy.origin, version=version["id"], branch=branch)
        return _go_to(copy, origin, progress)


def push_copy(
    copy: WorkingCopy,
    message: str,
    *,
    rebase: bool = False,
    dry_run: bool = False,
    progress: Progress = silent,
) -> PushedCopy:
    """Make a version of what was edited.

    With `rebase` a branch that moved is pulled first, where nobody else changed the same images.
    The same push again, after it broke off anywhere, makes no second version.

    Raises
    ------
    BranchMoved
        Somebody pushed meanwhile.
    WorkingCopyChanged
        They changed the same images; `errors` lists them.
    UsageError
        Nothing was edited, files cannot be read, or the service refuses them.
    """
    if not copy.origin.branch:
        raise UsageError("on no branch: `tessera checkout BRANCH` goes to one")
    with locked(copy):
        try:
            return _push(copy, message, dry_run, progress)
        except BranchMoved as error:
            if not rebase:
                raise _told_moved(copy, error) from error
            _pull(copy, progress)
            return _push(copy, message, dry_run, progress)


def compare(
    copy: WorkingCopy, old: str | None, new: str | None, *, progress: Progress = silent
) -> Sides:
    """Return what differs: the files against their version, or two versions."""
    base = copy.base(progress=progress)
    if old is None:
        found = scan(copy, base, progress=progress)
        return Sides(base, base, found.changes, found.problems)
    before = _snapshot(copy, old, progress)
    after = base if new is None else _snapshot(copy, new, progress)
    changes = [
        LocalChange(name, _entry(before, name), entry) for name, entry in differences(before, after)
    ]
    return Sides(before, after, changes, [])


def restore_copy(copy: WorkingCopy, names: Sequence[str] | None) -> list[str]:
    """Undo the edits of some images, of all for None; return their names.

    Among the names `panoptic.json` is the file itself, as the version has it; edits of PNGs stay.

    Raises
    ------
    NotFound
        A name was not edited.
    """
    with locked(copy):
        return _restore(copy, names)


def _restore(copy: WorkingCopy, names: Sequence[str] | None) -> list[str]:
    base = copy.base()
    if names is not None and copy.document_path.name in names:
        write_document_anew(copy, base)
        rest = [name for name in names if name != copy.document_path.name]
        return [copy.document_path.name, *(_restore(copy, rest) if rest else [])]
    found = scan(copy, base)
    if any(not problem.image for problem in found.problems):
        # Nothing can be told of single images: the JSON or a folder of files is gone or broken.
        if names is not None:
            raise unreadable(found)
        write_snapshot(copy, base)
        return [entry.name for entry in base.table]
    broken = {problem.image for problem in found.problems if problem.image}
    edited = {change.name for change in found.changes} | {
        name for name in broken if base.table.find(name) is not None
    }
    unknown = sorted(set(names or ()) - edited)
    if unknown:
        raise NotFound(f"{unknown[0]} was not edited")
    return restore(copy, base, found, edited if names is None else set(names))


def _pull(copy: WorkingCopy, progress: Progress) -> Synced:
    if not copy.origin.branch:
        raise UsageError("on no branch: `tessera checkout BRANCH` goes to one")
    head = _branch(copy, copy.origin.branch)["head"]
    if head is None:
        raise UsageError(f"the branch {copy.origin.branch} has no version")
    return _go_to(copy, replace(copy.origin, version=head), progress)


def _go_to(copy: WorkingCopy, origin: Origin, progress: Progress) -> Synced:
    base = copy.base(progress=progress)
    request = copy.request._replace(rev=origin.version)
    target = copy.pull(request, progress=progress)
    local = scan(copy, base)
    if origin.version == copy.origin.version:
        copy.keep_origin(origin)
        kept = [change.name for change in local.changes]
        return Synced(target.version, [], [], kept, erased_parts(target))
    done = update(copy, base, target, local, origin)
    return Synced(target.version, done.changed, done.removed, done.kept, erased_parts(target))


def _push(copy: WorkingCopy, message: str, dry_run: bool, progress: Progress) -> PushedCopy:
    from tessera.pushing import push

    base = copy.base()
    found = scan(copy, base)
    if found.problems:
        raise unreadable(found)
    finished = copy.finished
    if not found.changes and finished is not None and finished.pushed:
        # It was this push that was broken off, after the version was made.
        return PushedCopy(base.version, finished.pushed, 0, 0)
    if not found.changes:
        raise UsageError("nothing was edited", code="nothing_changed")
    names = [change.name for change in found.changes]
    if dry_run:
        return PushedCopy(None, names, 0, 0)
    origin = copy.origin
    _check_left_out(copy, found.changes)
    pushed = push(
        copy.service.connection,
        origin.dataset,
        origin.branch,
        origin.version,
        found.changes,
        message,
        progress=progress,
    )
    _settle(copy, base, found.changes, pushed.version["id"])
    return PushedCopy(pushed.version, names, pushed.objects, pushed.sent_bytes)


def _check_left_out(copy: WorkingCopy, changes: Sequence[LocalChange]) -> None:
    """Refuse new images of names that the version has, but the filter of the clone left out."""
    if not copy.origin.filter:
        return
    path = f"/datasets/{copy.origin.dataset}/versions/{copy.origin.version}/images/"
    added = [change.name for change in changes if change.old is None]
    clashing = [name for name in added if copy.service.connection.get(path, name=name)["results"]]
    if clashing:
        raise ConflictError(
            f"{clashing[0]} is in the version, and was left out by {copy.origin.filter!r}:"
            " a push would overwrite it",
            code="left_out",
            errors=clashing,
        )


def _settle(
    copy: WorkingCopy, base: Snapshot, changes: Sequence[LocalChange], version_id: str
) -> None:
    """Let the files be those of the version that was made of them."""
    target = copy.pull(copy.request._replace(rev=version_id))
    local = scan(copy, base)
    origin = replace(copy.origin, version=version_id)
    pushed = {change.name: change.new for change in changes}
    update(copy, base, target, local, origin, pushed=pushed)


def _told_moved(copy: WorkingCopy, error: BranchMoved) -> BranchMoved:
    branch = copy.origin.branch
    head = copy.service.dataset(copy.origin.dataset).version(branch)
    return BranchMoved(
        f"{branch} moved: {head['author']} pushed v{head['number']} ({head['message']!r});"
        " `tessera pull` brings it in and keeps what was edited, `push --rebase` does both",
        status=error.status,
        facts=error.facts,
    )


def _branch(copy: WorkingCopy, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = copy.service.connection.get(
        f"/datasets/{copy.origin.dataset}/branches/{name}/"
    )
    return found


def _snapshot(copy: WorkingCopy, rev: str, progress: Progress) -> Snapshot:
    return copy.pull(copy.request._replace(rev=rev), progress=progress)


def _entry(snapshot: Snapshot, name: str) -> Entry | None:
    place = snapshot.table.find(name)
    return None if place is None else snapshot.table[place]
