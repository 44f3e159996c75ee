"""A version in the cache, as a snapshot that needs no service any more.

    snapshots/<line>/<version id>/      entries as columns, classes, what the version is

A line is one service, dataset, filter and choice of photographs: what is on it already is the
`have` of the next pull, so that only the difference travels.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tessera.cache import Cache
from tessera.entries import EntryTable, changed_table, load_entries, table_of
from tessera.errors import DamagedError, NotFound, TesseraError
from tessera.http import Connection
from tessera.progress import Progress, silent
from tessera.pulling.fetch import fetch_portion, portions_of
from tessera.pulling.journal import Journal
from tessera.pulling.plan import PlanPage, parse_page

_PAGES_AHEAD = 3


class PullRequest(NamedTuple):
    """What to pull: a revision, and which of its images (`class:car count>3 split:val`)."""

    slug: str
    rev: str
    filter: str = ""
    labels_only: bool = False


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
        self.images = self.objects = self.bytes = 0

    def add(self, *, images: int = 0, objects: int = 0, received: int = 0) -> None:
        with self._lock:
            self.images += images
            self.objects += objects
            self.bytes += received
            self._progress(self.images, self._total, self.bytes)


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
    version = connection.get(f"/datasets/{request.slug}/versions/{request.rev}/")
    line = line_of(cache, connection.url, request)
    folder = line / version["id"]
    total = None if request.filter else version["image_count"]
    tally = _Tally(progress, total)
    if (folder / "entries.json").exists():
        table, facts = load_entries(folder)
        _mend(connection, cache, request, table, facts, tally)
        erased = tuple(bytes.fromhex(text) for text in facts["erased"])
        return Pulled(folder, facts["version"], tally.objects, tally.bytes, erased)
    with Journal(line / f"{version['id']}.journal") as journal:
        old = _have(line, version)
        _fetch_all(connection, cache, request, version, journal, old, tally)
        erased = tuple(digest for done in journal.done for digest in done.erased)
        _save(connection, cache, request, version, journal, line, folder, erased)
        _release(connection, request.slug, journal)
        journal.forget()
    return Pulled(folder, version, tally.objects, tally.bytes, erased)


def line_of(cache: Cache, url: str, request: PullRequest) -> Path:
    """Return the folder of all snapshots of one dataset under one filter."""
    identity = json.dumps([url, request.slug, request.filter, request.labels_only])
    return cache.folder / "snapshots" / hashlib.sha256(identity.encode()).hexdigest()[:32]


def columns_of(labels_only: bool) -> tuple[str, ...]:
    """Return which columns of a table name blobs that a snapshot holds."""
    return ("labels", "attributes") if labels_only else ("labels", "attributes", "images")


def _have(line: Path, version: Mapping[str, Any]) -> str | None:
    """Return the snapshot that this version is compared with: the last one before it, else any."""
    candidates = []
    for path in line.glob("*/entries.json"):
        number = json.loads(path.read_text(encoding="utf-8"))["facts"]["version"]["number"]
        candidates.append((number <= version["number"], number, path.parent.name))
    return max(candidates)[2] if candidates else None


def _fetch_all(
    connection: Connection,
    cache: Cache,
    request: PullRequest,
    version: Mapping[str, Any],
    journal: Journal,
    have: str | None,
    tally: _Tally,
) -> None:
    """Fetch page after page, several requests at once, and note each page that is complete."""
    pages = _pages(connection, request, version["id"], have=have)
    if journal.done:
        last = journal.done[-1]
        tally.add(images=sum(len(done.entries) for done in journal.done))
        if last.next is None:
            return
        pages = _pages(
            connection, request, version["id"],
            have=last.have, cursor=last.next, lease=last.lease,
        )  # fmt: skip
    workers = connection.connections
    with ThreadPoolExecutor(workers, thread_name_prefix="tessera-fetch") as executor:
        waiting: deque[tuple[PlanPage, list[Future[None]]]] = deque()
        try:
            for page in pages:
                waiting.append((page, _start(executor, connection, cache, request, page, tally)))
                if len(waiting) > _PAGES_AHEAD:
                    _finish(waiting.popleft(), journal, tally)
            while waiting:
                _finish(waiting.popleft(), journal, tally)
        finally:
            for _, futures in waiting:
                for future in futures:
                    future.cancel()


def _start(
    executor: ThreadPoolExecutor,
    connection: Connection,
    cache: Cache,
    request: PullRequest,
    page: PlanPage,
    tally: _Tally,
) -> list[Future[None]]:
    wanted = [item.digest for one in page.ranges for item in one.objects]
    missing = set(cache.missing(wanted))

    def fetch(portion: Any) -> None:
        fetch_portion(
            connection, request.slug, cache, portion, lambda size: tally.add(received=size)
        )
        tally.add(objects=len(portion.objects))

    return [executor.submit(fetch, portion) for portion in portions_of(page.ranges, missing)]


def _finish(waiting: tuple[PlanPage, list[Future[None]]], journal: Journal, tally: _Tally) -> None:
    page, futures = waiting
    for future in futures:
        future.result()
    journal.add(page)
    tally.add(images=len(page.entries))


def _pages(
    connection: Connection,
    request: PullRequest,
    version_id: str,
    *,
    have: str | None = None,
    cursor: str | None = None,
    lease: str | None = None,
) -> Iterator[PlanPage]:
    """Yield the pages of a plan from a cursor on."""
    while True:
        body = {
            "version": version_id,
            "have": have,
            "filter": request.filter,
            "labels_only": request.labels_only,
            "cursor": cursor,
            "lease": lease,
        }
        try:
            plain = connection.post(f"/datasets/{request.slug}/pull/", body, repeat=True)
        except DamagedError as error:
            if error.code != "lease_ended":
                raise
            lease = None
            continue
        except NotFound:
            if have is None or cursor is not None:
                raise
            have = None  # that version was deleted meanwhile
            continue
        page = parse_page(plain)
        yield page
        cursor, lease = page.next, page.lease
        if cursor is None:
            return


def _save(
    connection: Connection,
    cache: Cache,
    request: PullRequest,
    version: Mapping[str, Any],
    journal: Journal,
    line: Path,
    folder: Path,
    erased: Iterable[bytes],
) -> None:
    have = journal.done[0].have
    changed = {entry.name: entry for done in journal.done for entry in done.entries}
    gone = set(erased)
    if have is None:
        table = table_of(changed.values())
    else:
        old, facts = load_entries(line / have)
        removed = [name for done in journal.done for name in done.removed]
        table = changed_table(old, changed, removed)
        gone.update(bytes.fromhex(text) for text in facts["erased"])
    taxonomy = version["taxonomy"]
    classes = connection.get(f"/taxonomies/{taxonomy['slug']}/versions/{taxonomy['number']}/")
    # The cache may have lost something of the version before.
    facts = {
        "url": connection.url,
        "dataset": request.slug,
        "filter": request.filter,
        "labels_only": request.labels_only,
        "version": dict(version),
        "taxonomy": classes,
        "erased": sorted(digest.hex() for digest in gone),
    }
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    table.save(new, facts)
    if folder.exists():  # another process was quicker
        shutil.rmtree(new)
    else:
        new.rename(folder)
    if have is not None:
        _mend(connection, cache, request, table, facts, _Tally(silent, None))


def _mend(
    connection: Connection,
    cache: Cache,
    request: PullRequest,
    table: EntryTable,
    facts: Mapping[str, Any],
    tally: _Tally,
) -> None:
    """Fetch what a cache has lost of a snapshot."""
    wanted = table.digests(columns_of(request.labels_only))
    erased = {bytes.fromhex(text) for text in facts["erased"]}
    missing = [digest for digest in cache.missing(wanted) if digest not in erased]
    tally.add(images=len(table))
    if not missing:
        return
    lost = set(missing)
    for page in _pages(connection, request, facts["version"]["id"]):
        for portion in portions_of(page.ranges, lost):
            fetch_portion(
                connection, request.slug, cache, portion, lambda size: tally.add(received=size)
            )
            tally.add(objects=len(portion.objects))


def _release(connection: Connection, slug: str, journal: Journal) -> None:
    lease = journal.done[-1].lease
    try:
        connection.delete(f"/datasets/{slug}/pull/leases/{lease}/")
    except TesseraError:
        return  # it ends by itself
