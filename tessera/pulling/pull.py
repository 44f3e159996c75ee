"""A version in the cache, as a snapshot that needs no service any more.

    snapshots/<line>/<version id>/      entries as columns, classes, what the version is

A line is one service, dataset, filter and choice of photographs: what is on it already is the
`have` of the next pull, so that only the difference travels.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tessera.cache import Cache
from tessera.entries import (
    DamagedTable,
    EntryTable,
    change_facts,
    find_damage,
    joined_table,
    load_entries,
    load_facts,
    overlaid_table,
)
from tessera.errors import NotFound, UsageError
from tessera.http import Connection
from tessera.progress import Progress, silent
from tessera.pulling.asking import Plan, PullRequest
from tessera.pulling.fetch import Portion, fetch_portion, portions_of
from tessera.pulling.journal import Journal
from tessera.pulling.plan import PlanPage

_PAGES_AHEAD = 3


class Pulled(NamedTuple):
    """A pulled version: where it lies, and what travelled to get it."""

    folder: Path
    version: Mapping[str, Any]
    objects: int
    received_bytes: int
    erased: tuple[bytes, ...]


class _Tally:
    """What arrived so far, counted by several threads."""

    def __init__(self, progress: Progress, total: int | None) -> None:
        self._lock = threading.Lock()
        self._progress, self._total = progress, total
        self._images = self.objects = self.bytes = 0

    def add(self, *, images: int = 0, objects: int = 0, received: int = 0) -> None:
        with self._lock:
            self._images += images
            self.objects += objects
            self.bytes += received
            self._progress(self._images, self._total, self.bytes)

    def finish(self, images: int) -> None:
        """Tell that a version of so many images is there."""
        with self._lock:
            self._progress(images, images, self.bytes)


class _Pull(NamedTuple):
    """One pull under way: who asks whom for what."""

    connection: Connection
    cache: Cache
    request: PullRequest
    version: Mapping[str, Any]
    line: Path
    tally: _Tally

    @property
    def version_id(self) -> str:
        return str(self.version["id"])

    @property
    def folder(self) -> Path:
        return self.line / self.version_id

    def plan(self, **begin: str | None) -> Plan:
        return Plan(self.connection, self.request, self.version_id, **begin)


def pull(
    connection: Connection, cache: Cache, request: PullRequest, *, progress: Progress = silent
) -> Pulled:
    """Have a version in the cache; what is there already does not travel again.

    It may be killed at any moment: the next call goes on, and asks for nothing that arrived whole.

    Raises
    ------
    NotFound
        No such dataset or revision that the caller may see.
    UsageError
        The filter is wrong.
    ObjectCorrupt
        Bytes arrived with another digest.
    NetworkError
    """
    version = connection.get(request.version_path)
    line = line_of(cache, connection.url, request)
    tally = _Tally(progress, None if request.filter else version["image_count"])
    one = _Pull(connection, cache, request, version, line, tally)
    found = _open_snapshot(one)
    is_checked = found is None and _pull_anew(one)
    table, facts = found or load_entries(one.folder)
    erased = {bytes.fromhex(text) for text in facts["erased"]}
    if not is_checked:
        erased = _mend(one, table, facts, erased)
    tally.finish(len(table))
    return Pulled(one.folder, facts["version"], tally.objects, tally.bytes, tuple(sorted(erased)))


def line_of(cache: Cache, url: str, request: PullRequest) -> Path:
    """Return the folder of all snapshots of one dataset under one filter."""
    identity = json.dumps([url, request.slug, request.filter, request.labels_only])
    return cache.folder / "snapshots" / hashlib.sha256(identity.encode()).hexdigest()[:32]


def columns_of(labels_only: bool) -> tuple[str, ...]:
    """Return which columns of a table name blobs that a snapshot holds."""
    return ("labels", "attributes") if labels_only else ("labels", "attributes", "images")


def _open_snapshot(one: _Pull) -> tuple[EntryTable, dict[str, Any]] | None:
    """Return the snapshot that is there; a damaged one is deleted, so that it is pulled anew."""
    if not one.folder.exists():
        return None
    try:
        return load_entries(one.folder)
    except (FileNotFoundError, DamagedTable):
        gone = one.cache.new_file()
        one.folder.rename(gone)
        shutil.rmtree(gone)
        return None


def _pull_anew(one: _Pull) -> bool:
    """Fetch a version page by page and save its table; say whether the cache was asked for all
    that it names, and not only for what a pull before this one had not seen to."""
    one.cache.check_writable()
    with Journal(one.line / f"{one.version_id}.journal") as journal:
        plan = _resumed(one, journal)
        is_resumed = plan is not None
        if plan is None:
            plan = one.plan(have=_have(one.line, one.version))
            _fetch(one, plan, journal.add)
        _save(one, journal)
        plan.release()
        have = journal.done[0].have
        journal.forget()
    return have is None and not is_resumed


def _resumed(one: _Pull, journal: Journal) -> Plan | None:
    """Go on where a pull was broken off, to its end; None where it has to begin anew."""
    if not journal.done:
        return None
    last = journal.done[-1]
    plan = one.plan(have=last.have, cursor=last.next, lease=last.lease)
    if last.have is not None and not _is_whole(one.line / last.have):
        journal.forget()
        return None
    one.tally.add(images=sum(len(done.entries) for done in journal.done))
    if last.next is None:
        return plan
    try:
        _fetch(one, plan, journal.add)
    except (NotFound, UsageError) as error:
        # The version that we have was deleted there, or the service has another secret key now.
        if error.code not in ("not_found", "invalid_cursor"):
            raise
        journal.forget()
        return None
    return plan


def _have(line: Path, version: Mapping[str, Any]) -> str | None:
    """Return the snapshot that this version is compared with: the last one before it, else any."""
    candidates = [
        (number <= version["number"], number, path.name)
        for path in line.iterdir()
        if (number := _number_of(path)) is not None
    ]
    # What is wrong in a snapshot must not get into another one.
    whole = (name for *_, name in sorted(candidates, reverse=True) if _is_whole(line / name))
    return next(whole, None)


def _is_whole(folder: Path) -> bool:
    return not any(find_damage(folder))


def _number_of(folder: Path) -> int | None:
    """Return the number of the version of a snapshot; None where there is none to be read."""
    try:
        return int(load_facts(folder)["version"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fetch(
    one: _Pull,
    pages: Iterable[PlanPage],
    finished: Callable[[PlanPage], None],
    *,
    only: frozenset[bytes] | None = None,
) -> None:
    """Fetch page after page, several requests at once; `finished` is told of complete ones.

    only : the blobs to fetch; None: all that the cache lacks
    """
    executor = ThreadPoolExecutor(one.connection.connections, thread_name_prefix="tessera-fetch")
    try:
        waiting: deque[tuple[PlanPage, list[Future[None]]]] = deque()
        for page in pages:
            waiting.append((page, _start(executor, one, page, only)))
            while len(waiting) > _PAGES_AHEAD or (waiting and _is_done(waiting[0][1])):
                _finish(one, *waiting.popleft(), finished)
        while waiting:
            _finish(one, *waiting.popleft(), finished)
    finally:
        # Whoever interrupts us should not wait for what has not begun.
        executor.shutdown(cancel_futures=True)


def _start(
    executor: ThreadPoolExecutor, one: _Pull, page: PlanPage, only: frozenset[bytes] | None
) -> list[Future[None]]:
    named = [item.digest for part in page.ranges for item in part.objects]
    missing = set(one.cache.missing(named))
    if only is not None:
        missing &= only

    def fetch(portion: Portion) -> None:
        fetch_portion(
            one.connection,
            one.request.slug,
            one.cache,
            portion,
            lambda size: one.tally.add(received=size),
        )
        one.tally.add(objects=len(portion.objects))

    return [executor.submit(fetch, portion) for portion in portions_of(page.ranges, missing)]


def _is_done(futures: Iterable[Future[None]]) -> bool:
    return all(future.done() for future in futures)


def _finish(
    one: _Pull,
    page: PlanPage,
    futures: list[Future[None]],
    finished: Callable[[PlanPage], None],
) -> None:
    for future in futures:
        future.result()
    finished(page)
    one.tally.add(images=len(page.entries))


def _save(one: _Pull, journal: Journal) -> None:
    """Make the snapshot of what the journal tells, all at once."""
    have = journal.done[0].have
    new = joined_table([done.entries for done in journal.done])
    erased = {digest.hex() for done in journal.done for digest in done.erased}
    if have is None:
        table = new
    else:
        old, facts = load_entries(one.line / have)
        removed = [name for done in journal.done for name in done.removed]
        table = overlaid_table(old, new, removed)
        erased.update(facts["erased"])
    taxonomy = one.version["taxonomy"]
    classes = f"/taxonomies/{taxonomy['slug']}/versions/{taxonomy['number']}/"
    facts = {
        "url": one.connection.url,
        "dataset": one.request.slug,
        "filter": one.request.filter,
        "labels_only": one.request.labels_only,
        "version": dict(one.version),
        "taxonomy": one.connection.get(classes),
        "erased": sorted(erased),
    }
    folder = one.cache.new_file()
    table.save(folder, facts)
    try:
        folder.rename(one.folder)
    except OSError:
        shutil.rmtree(folder)
        if not one.folder.exists():
            raise
        return  # another process was quicker
    handle = os.open(one.line, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _mend(
    one: _Pull, table: EntryTable, facts: Mapping[str, Any], erased: set[bytes]
) -> set[bytes]:
    """Fetch what the cache has lost of a snapshot; return what cannot be had: it was erased."""
    wanted = table.digests(columns_of(one.request.labels_only))
    missing = frozenset(one.cache.missing(wanted)) - erased
    if not missing:
        return erased
    gone: set[bytes] = set()
    plan = one.plan()
    _fetch(one, _until_found(plan, missing), lambda page: gone.update(page.erased), only=missing)
    plan.release()
    if gone - erased:
        erased |= gone
        change_facts(one.folder, {**facts, "erased": sorted(digest.hex() for digest in erased)})
    return erased


def _until_found(plan: Plan, digests: frozenset[bytes]) -> Iterator[PlanPage]:
    """Yield pages up to the one after which nothing is missing any more."""
    missing = set(digests)
    for page in plan:
        missing.difference_update(item.digest for one in page.ranges for item in one.objects)
        missing.difference_update(page.erased)
        yield page
        if not missing:
            return
