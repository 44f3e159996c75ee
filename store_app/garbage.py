"""Delete what nobody needs: mark, condemn, wait, mark again, delete.

A pack goes when none of its blobs is alive; what is dead in a pack that stays is the business of
`store_app.compaction`. Why no writer can be hurt, whatever the interleaving:
docs/decisions/store.md. A run that was cut off is run again: what it condemned and deleted
stays so, and marks are only good at their time.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from store_app import index
from store_app.crash import crash_point
from store_app.durable import Files, blob_files
from store_app.erasure import forget_erased_blobs
from store_app.errors import NoRoots
from store_app.leases import drop_ended_leases, oldest_lease
from store_app.listing import Shelf, iter_shelves
from store_app.marking import PackShare, iter_shares, marked
from store_app.models import Blob, Pack
from store_app.progress import Progress, silent
from store_app.roots import Sweep, SweepReport, has_roots, sweep_apps
from store_app.upkeep import announce

GRACE = timedelta(hours=24)

_NAMES_LISTED = 1_000
_PACKS_AT_ONCE = 500


class Names(NamedTuple):
    """Some files: how many, their bytes, and the names of the first 1,000."""

    files: int = 0
    bytes: int = 0
    first: tuple[str, ...] = ()

    def add(self, name: str, size: int) -> "Names":
        """Return these and one more."""
        first = (*self.first, name) if self.files < _NAMES_LISTED else self.first
        return Names(self.files + 1, self.bytes + size, first)


class GarbageReport(NamedTuple):
    """What was done, or in a dry run what would be.

    `leased` would be deleted but for a lease. `orphans` are files that no row knows: leftovers of
    crashes. `dead_bytes` lie in packs that stay, for something else in them is alive.
    """

    dry_run: bool
    live: Names = Names()
    condemned: Names = Names()
    reprieved: Names = Names()
    deleted: Names = Names()
    leased: Names = Names()
    orphans: Names = Names()
    dead_bytes: int = 0
    rows: tuple[SweepReport, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON; live files are counted and not named."""
        body: dict[str, Any] = self._asdict()
        for field, value in body.items():
            if isinstance(value, Names):
                body[field] = value._asdict()
        body["live"] = {"files": self.live.files, "bytes": self.live.bytes}
        body["rows"] = [report._asdict() for report in self.rows]
        return body


def collect_garbage(
    *,
    dry_run: bool = True,
    grace: timedelta = GRACE,
    now: datetime | None = None,
    progress: Progress = silent,
) -> GarbageReport:
    """Delete packs that were condemned a grace period ago and are still dead; condemn others.

    Deleting takes two runs, at least `grace` apart. `grace` must be longer than any import
    takes from storing a blob to committing the version that holds it.

    Raises
    ------
    NoRoots
        Nobody has registered what is alive.
    """
    if not has_roots():
        raise NoRoots
    check_grace(grace)
    moment = now or timezone.now()
    before = moment - grace
    rows = tuple(sweep_apps(Sweep(dry_run, moment, before, progress)))
    with marked(progress) as live:
        report = GarbageReport(dry_run, rows=rows)
        total, done = Pack.objects.filter(state=Pack.State.ACTIVE).count(), 0
        lease = oldest_lease(moment)
        for some in _batches(iter_shares(live, before)):
            report = _judge(report, some, before, moment, lease)
            done += len(some)
            progress("judge", done, total)
    files = blob_files()
    if not dry_run:
        forget_erased_blobs()
        drop_ended_leases(moment)
        _finish_deleting(files, progress)
    for name, size in _sweep(files, before, dry_run=dry_run):
        report = report._replace(orphans=report.orphans.add(name, size))
    if not dry_run:
        _announce(report)
    return report


def check_grace(grace: timedelta) -> None:
    """Refuse a grace period within which blobs that are put again are not touched again."""
    if grace < index.FRESH:
        raise ValueError(f"grace is at least {index.FRESH}")


def delete_file(files: Files, pack_id: int) -> None:
    """Delete a file under the lock of its row, so that nobody writes it meanwhile.

    A crash in between leaves the row DELETING, and the next run comes here again.
    """
    with transaction.atomic():
        pack = Pack.objects.select_for_update().get(pk=pack_id)
        if pack.state != Pack.State.DELETING:
            return  # a writer has brought it back
        files.delete(pack.name)
        pack.state = Pack.State.DELETED
        pack.condemned_at = None
        pack.save(update_fields=["state", "condemned_at"])


def _announce(report: GarbageReport) -> None:
    waiting = Pack.objects.filter(state=Pack.State.ACTIVE, condemned_at__isnull=False)
    found = waiting.aggregate(files=Count("pk"), bytes=Sum("size", default=0))
    announce(
        "collected",
        "garbage",
        live_files=report.live.files,
        live_bytes=report.live.bytes,
        dead_bytes=report.dead_bytes,
        condemned_files=found["files"],
        condemned_bytes=found["bytes"],
        deleted_files=report.deleted.files,
        deleted_bytes=report.deleted.bytes,
        orphans=report.orphans.files,
    )


def _batches(shares: Iterator[PackShare]) -> Iterator[list[PackShare]]:
    batch: list[PackShare] = []
    for share in shares:
        batch.append(share)
        if len(batch) == _PACKS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _judge(
    report: GarbageReport,
    shares: list[PackShare],
    before: datetime,
    now: datetime,
    lease: datetime | None,
) -> GarbageReport:
    """Reprieve, condemn and delete among some packs; in a dry run only say so."""
    reprieved, condemned = [], []
    for share in shares:
        if share.is_alive:
            report = report._replace(
                live=report.live.add(share.name, share.size),
                dead_bytes=report.dead_bytes + share.dead_bytes,
            )
        if share.is_condemned and (share.is_alive or share.is_touched):
            reprieved.append(share.pack_id)
            report = report._replace(reprieved=report.reprieved.add(share.name, share.size))
        elif share.is_alive:
            continue
        elif not share.is_condemned:
            if not (share.young_blobs or (share.is_new and not share.blobs)):
                condemned.append(share.pack_id)
                report = report._replace(condemned=report.condemned.add(share.name, share.size))
        elif share.is_due:
            report = _end(report, share, before, lease)
    if not report.dry_run:
        Pack.objects.filter(pk__in=reprieved).update(condemned_at=None)
        active = Pack.objects.filter(state=Pack.State.ACTIVE, condemned_at=None)
        active.filter(pk__in=condemned).update(condemned_at=now)
    return report


def _end(
    report: GarbageReport, share: PackShare, before: datetime, lease: datetime | None
) -> GarbageReport:
    if _is_leased(share, lease):
        return report._replace(leased=report.leased.add(share.name, share.size))
    if not report.dry_run and not _execute(share, before):
        return report
    return report._replace(deleted=report.deleted.add(share.name, share.size))


def _is_leased(share: PackShare, lease: datetime | None) -> bool:
    """Say whether somebody may still read a file: their lease is older than its sentence."""
    if lease is None:
        return False
    return Pack.objects.filter(pk=share.pack_id, condemned_at__gte=lease).exists()


@transaction.atomic
def _execute(share: PackShare, before: datetime) -> bool:
    """Take a pack out of the index, unless someone has re-used it since it was marked."""
    pack = Pack.objects.select_for_update().get(pk=share.pack_id)
    if pack.state != Pack.State.ACTIVE or not pack.condemned_at or pack.condemned_at > before:
        return False
    # The locks make us wait for those who touch these rows just now, and see that they did.
    blobs = Blob.objects.filter(pack=pack).order_by("digest")
    touched = blobs.select_for_update().values_list("touched_at", flat=True)
    if any(moment > pack.condemned_at for moment in touched):
        return False
    Blob.objects.filter(pack=pack).delete()
    pack.state = Pack.State.DELETING
    pack.save(update_fields=["state"])
    return True


def _finish_deleting(files: Files, progress: Progress) -> None:
    """Delete the files of all packs that are out of the index, also those of a run cut off."""
    crash_point("garbage_before_files")
    waiting = Pack.objects.filter(state=Pack.State.DELETING)
    total, done, last = waiting.count(), 0, 0
    while some := list(waiting.filter(pk__gt=last).order_by("pk")[:_PACKS_AT_ONCE]):
        for pack in some:
            delete_file(files, pack.pk)
            crash_point("garbage_after_file")
        last = some[-1].pk
        done += len(some)
        progress("delete", done, total)


def _sweep(files: Files, before: datetime, *, dry_run: bool) -> Iterator[tuple[str, int]]:
    """Delete old files that no row knows; yield their names and sizes."""
    for file in files.iter_unfinished():
        if file.modified <= before:
            if not dry_run:
                files.drop_unfinished(file)
            yield file.name, file.size
    for shelf in iter_shelves(files):
        for name, size in _orphans(shelf, before):
            if dry_run or _delete_orphan(files, shelf.kind, name, size):
                yield name, size


def _orphans(shelf: Shelf, before: datetime) -> Iterator[tuple[str, int]]:
    for file in shelf.files.values():
        pack = shelf.packs.get(file.name)
        has_row = pack is not None and pack.state != Pack.State.DELETED
        if file.modified <= before and not has_row and _digest_in(file.name) is not None:
            yield file.name, file.size


def _delete_orphan(files: Files, kind: int, name: str, size: int) -> bool:
    """Leave a tombstone, then delete: a writer about to insert this row will see it."""
    digest = _digest_in(name)
    with transaction.atomic():
        Pack.objects.bulk_create(
            [
                Pack(
                    kind=kind,
                    digest=digest,
                    size=size,
                    state=Pack.State.DELETING,
                    created_at=timezone.now(),
                )
            ],
            ignore_conflicts=True,
        )
        pack = Pack.objects.select_for_update().get(kind=kind, digest=digest)
        if pack.state == Pack.State.ACTIVE:
            return False
        pack.state = Pack.State.DELETING
        pack.save(update_fields=["state"])
    delete_file(files, pack.pk)
    return True


def _digest_in(name: str) -> bytes | None:
    """Return the digest that a file is named by; None for a file that is not ours."""
    try:
        digest = bytes.fromhex(name.rpartition("/")[2].removesuffix(".pack"))
    except ValueError:
        return None
    return digest if len(digest) == 32 else None
