"""Destroy the bytes of blobs for good: what a law may ask for (RULES 7.3).

The digest stays, so that histories stay whole: reading answers `ObjectErased`, and the bytes
cannot be put again. Packs that hold erased bytes are rewritten at once, and their old files
deleted without a grace period and whatever lease there is.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from panoptic.errors import MalformedPack
from panoptic.packs import read_table
from store_app import index
from store_app.crash import crash_point
from store_app.durable import Files, blob_files
from store_app.errors import StorageFailed
from store_app.models import Blob, ErasedBlob, Pack
from store_app.rewriting import read_objects, rewrite

_PACKS_AT_ONCE = 500


class ErasureReport(NamedTuple):
    """What erasing did: digests that are erased now, files deleted, their bytes."""

    erased: tuple[bytes, ...]
    files: tuple[str, ...]
    bytes: int


def mark_erased(digests: Collection[bytes], *, reason: str, now: datetime | None = None) -> None:
    """Say in the caller's transaction that these bytes are to go; then call `destroy_erased`.

    From the end of the transaction on nobody can put them. Digests erased before keep their
    first reason.
    """
    rows = [
        ErasedBlob(digest=digest, reason=reason, erased_at=now or timezone.now())
        for digest in sorted(set(digests))
    ]
    ErasedBlob.objects.bulk_create(rows, ignore_conflicts=True)


def destroy_erased(digests: Collection[bytes]) -> ErasureReport:
    """Delete the bytes of blobs that are marked as erased, from every file that holds them.

    It may be repeated after a crash, and with digests whose bytes are gone. Reads the
    table of every pack: somebody else's pack may hold a second copy without a row.

    Raises
    ------
    ObjectCorrupt, ObjectMissing
        Another blob of such a pack is damaged, and would be lost with it: mend or erase that
        one first. What came before is done.
    """
    erased = tuple(sorted(index.erased_among(digests)))
    files = blob_files()
    deleted: list[Pack] = []
    for pack in _holding(files, frozenset(erased)):
        _rewrite_without(pack, erased)
        if _delete(files, pack):
            deleted.append(pack)
        crash_point("erasure_after_file")
    Blob.objects.filter(digest__in=erased).delete()
    marks = ErasedBlob.objects.filter(digest__in=erased, destroyed_at=None)
    marks.update(destroyed_at=timezone.now())
    names = tuple(pack.name for pack in deleted)
    return ErasureReport(erased, names, sum(pack.size for pack in deleted))


def forget_erased_blobs() -> None:
    """Finish what a crash cut off, and what a writer brought back in the moment of erasing."""
    unfinished = ErasedBlob.objects.filter(
        Q(destroyed_at=None) | Q(digest__in=Blob.objects.values("digest"))
    )
    while some := list(unfinished.values_list("digest", flat=True)[:1_000]):
        destroy_erased(some)


def _holding(files: Files, erased: frozenset[bytes]) -> Iterable[Pack]:
    """Yield the files with bytes of these blobs, also those that are about to be deleted."""
    if not erased:
        return
    own = set(index.packs_of(erased).values())
    last = 0
    present = Pack.objects.exclude(state=Pack.State.DELETED)
    while some := list(present.filter(pk__gt=last).order_by("pk")[:_PACKS_AT_ONCE]):
        for pack in some:
            if pack.pk in own or _has_any(files, pack, erased):
                yield pack
        last = some[-1].pk


def _has_any(files: Files, pack: Pack, erased: frozenset[bytes]) -> bool:
    if pack.kind == Pack.Kind.SINGLE:
        return pack.digest in erased
    try:
        table = read_table(partial(files.read_range, pack.name), pack.size)
    except (MalformedPack, FileNotFoundError, StorageFailed):
        return False  # nothing can be read from it; `verify` tells of it
    return any(entry.digest in erased for entry in table)


def _rewrite_without(pack: Pack, erased: Sequence[bytes]) -> None:
    gone = set(erased)
    kept = [location for location in index.locations_in(pack) if location.digest not in gone]
    now = timezone.now()
    if pack.kind == Pack.Kind.PACK and kept:
        rewrite([pack.pk], read_objects(kept), condemn=now, before=now)


@transaction.atomic
def _delete(files: Files, pack: Pack) -> bool:
    """Delete a file at once. A writer may have put a blob of it meanwhile: then not yet."""
    locked = Pack.objects.select_for_update().get(pk=pack.pk)
    blobs = Blob.objects.select_for_update().filter(pack=locked).order_by("digest")
    erased = index.erased_among(blobs.values_list("digest", flat=True))
    blobs.filter(digest__in=erased).delete()
    if Blob.objects.filter(pack=locked).exists():
        return False
    files.delete(locked.name)
    locked.state = Pack.State.DELETED
    locked.condemned_at = None
    locked.save(update_fields=["state", "condemned_at"])
    return True
