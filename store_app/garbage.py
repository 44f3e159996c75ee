"""Delete what nobody needs: mark, condemn, wait, mark again, delete.

A pack goes when none of its blobs is alive. Why no writer can be hurt, whatever the
interleaving: docs/decisions/store.md.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from store_app import index
from store_app.durable import INCOMING, Files, blob_files
from store_app.errors import NoRoots
from store_app.listing import Shelf, iter_shelves
from store_app.models import Blob, Pack
from store_app.roots import has_roots, iter_roots

GRACE = timedelta(hours=24)

_REFERENCES_AT_ONCE = 5_000


class GarbageReport(NamedTuple):
    """What was done, or in a dry run what would be; names of files, bytes.

    `orphans` are files that no row knows: leftovers of crashes.
    """

    dry_run: bool
    live_packs: int
    condemned: tuple[str, ...]
    reprieved: tuple[str, ...]
    deleted: tuple[str, ...]
    deleted_bytes: int
    orphans: tuple[str, ...]
    orphan_bytes: int


def collect_garbage(
    *, dry_run: bool = True, grace: timedelta = GRACE, now: datetime | None = None
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
    if grace < index.FRESH:
        # A blob put within that time is not touched again: a shorter grace could take it.
        raise ValueError(f"grace is at least {index.FRESH}")
    before = (now or timezone.now()) - grace
    files = blob_files()
    live = _mark()
    reprieved, condemned, doomed = _sentence(live, before)
    if not dry_run:
        _pardon(reprieved)
        doomed = [pack for pack in doomed if _execute(pack, before)]
        Pack.objects.filter(pk__in=[pack.pk for pack in condemned]).update(
            condemned_at=now or timezone.now()
        )
        for pack in Pack.objects.filter(state=Pack.State.DELETING):
            _delete_file(files, pack.pk)
    orphans = list(_sweep(files, before, dry_run=dry_run))
    return GarbageReport(
        dry_run,
        len(live),
        tuple(pack.name for pack in condemned),
        tuple(pack.name for pack in reprieved),
        tuple(pack.name for pack in doomed),
        sum(pack.size for pack in doomed),
        tuple(name for name, _ in orphans),
        sum(size for _, size in orphans),
    )


def _mark() -> set[int]:
    """Return the ids of the packs that hold something alive: bounded by packs, not by blobs."""
    live: set[int] = set()
    references = iter_roots()
    while some := list(islice(references, _REFERENCES_AT_ONCE)):
        live.update(index.packs_of(reference.digest for reference in some).values())
    return live


def _sentence(live: set[int], before: datetime) -> tuple[list[Pack], list[Pack], list[Pack]]:
    """Return the packs to reprieve, to condemn, and to delete."""
    reprieved, condemned, doomed = [], [], []
    packs = Pack.objects.filter(state=Pack.State.ACTIVE).annotate(
        touched_at=Max("blobs__touched_at")
    )
    for pack in packs.order_by("pk").iterator(chunk_size=1000):
        if pack.condemned_at is not None and (
            pack.pk in live or (pack.touched_at and pack.touched_at > pack.condemned_at)
        ):
            reprieved.append(pack)
        elif pack.pk in live:
            continue
        elif pack.condemned_at is None:
            if (pack.touched_at or pack.created_at) <= before:
                condemned.append(pack)
        elif pack.condemned_at <= before:
            doomed.append(pack)
    return reprieved, condemned, doomed


def _pardon(packs: list[Pack]) -> None:
    Pack.objects.filter(pk__in=[pack.pk for pack in packs]).update(condemned_at=None)


@transaction.atomic
def _execute(pack: Pack, before: datetime) -> bool:
    """Take a pack out of the index, unless someone has re-used it since it was marked."""
    pack = Pack.objects.select_for_update().get(pk=pack.pk)
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


@transaction.atomic
def _delete_file(files: Files, pack_id: int) -> None:
    """Delete a file under the lock of its row, so that nobody writes it meanwhile.

    A crash in between leaves the row DELETING, and the next run comes here again.
    """
    pack = Pack.objects.select_for_update().get(pk=pack_id)
    if pack.state != Pack.State.DELETING:
        return  # a writer has brought it back
    files.delete(pack.name)
    pack.state = Pack.State.DELETED
    pack.condemned_at = None
    pack.save(update_fields=["state", "condemned_at"])


def _sweep(files: Files, before: datetime, *, dry_run: bool) -> Iterator[tuple[str, int]]:
    """Delete old files that no row knows; yield their names and sizes."""
    for file in files.iter_files(INCOMING):
        if file.modified <= before:
            if not dry_run:
                files.delete(file.name)
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
    _delete_file(files, pack.pk)
    return True


def _digest_in(name: str) -> bytes | None:
    """Return the digest that a file is named by; None for a file that is not ours."""
    try:
        digest = bytes.fromhex(name.rpartition("/")[2].removesuffix(".pack"))
    except ValueError:
        return None
    return digest if len(digest) == 32 else None
