"""Move blobs out of packs into new ones: what compaction and erasure share.

The order that no crash can spoil: the new pack is durable before any row points into it, and all
rows move in one transaction. A crash before it leaves a file without a row, which garbage
collection sweeps up; a crash after it leaves an old pack that nothing needs.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from panoptic.packs import (
    ENTRY_BYTES,
    FRAME_BYTES,
    MAX_PACK_BYTES,
    MAX_PACK_OBJECTS,
    NewObject,
    SealedPack,
    seal_pack,
)
from store_app import index
from store_app.crash import crash_point
from store_app.durable import Files, blob_files
from store_app.errors import ObjectErased
from store_app.index import Location
from store_app.models import Blob, Pack, file_name
from store_app.reading import read_locations
from store_app.storing import delete_unindexed, refuse_erased


class Rewritten(NamedTuple):
    """A new pack, and how many rows point into it now."""

    name: str
    size: int
    moved: int


def fits(blobs: int, stored_bytes: int) -> bool:
    """Say whether so many blobs with so many stored bytes fill one pack at most."""
    size = FRAME_BYTES + stored_bytes + blobs * ENTRY_BYTES
    return blobs <= MAX_PACK_OBJECTS and size <= MAX_PACK_BYTES


def read_objects(locations: Sequence[Location]) -> list[NewObject]:
    """Read blobs as a pack takes them, each checked by the sha256 of its stored bytes.

    Raises
    ------
    ObjectMissing, ObjectCorrupt
        A blob cannot be read as it was stored.
    """
    stored = read_locations(locations)
    return [
        NewObject(
            location.digest,
            location.stored_digest,
            location.size,
            location.codec,
            stored[location.digest],
        )
        for location in locations
    ]


def rewrite(
    packs: Sequence[int], kept: Sequence[NewObject], *, condemn: datetime, before: datetime
) -> Rewritten | None:
    """Write `kept` into one new pack, and condemn the packs (by id) that it came from.

    A pack in which a blob that was not kept has been touched after `before` is not condemned:
    somebody has re-used it meanwhile. Nothing is written where nothing is kept.

    Raises
    ------
    StorageFailed
        The storage did not keep the new pack; nothing has changed.
    ObjectErased
        A blob was erased since it was read; nothing has changed.
    """
    files = blob_files()
    sealed = seal_pack(kept) if kept else None
    if sealed is not None:
        files.save(_name(sealed), lambda: sealed.chunks, sealed.digest)
    crash_point("compaction_before_sql")
    try:
        with transaction.atomic():
            moved = 0 if sealed is None else _replace(packs, sealed, files)
            _condemn(packs, sealed, condemn, before)
    except ObjectErased:
        delete_unindexed(files, Pack.Kind.PACK, sealed.digest)
        raise
    crash_point("compaction_after_sql")
    return None if sealed is None else Rewritten(_name(sealed), sealed.size, moved)


def _replace(packs: Sequence[int], sealed: SealedPack, files: Files) -> int:
    """Let the rows of old packs point into a new one; return how many did."""
    new, is_tombstone = index.put_pack(Pack.Kind.PACK, sealed.digest, sealed.size)
    if is_tombstone:
        # As in `storing`: the file may have been taken away after we wrote it.
        files.save(_name(sealed), lambda: sealed.chunks, sealed.digest)
        index.revive(new)
    moved = _move(packs, new, sealed)
    refuse_erased(sealed.entries)
    return moved


def _move(packs: Sequence[int], new: int, sealed: SealedPack) -> int:
    old = list(
        Pack.objects.select_for_update()
        .filter(pk__in=packs, state=Pack.State.ACTIVE)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    # Locked in the order in which everybody locks blobs.
    blobs = Blob.objects.select_for_update().filter(pack__in=old).order_by("digest")
    present = set(blobs.values_list("digest", flat=True))
    entries = [entry for entry in sealed.entries if entry.digest in present]
    index.move_entries(new, entries)
    return len(entries)


def _condemn(
    packs: Sequence[int], sealed: SealedPack | None, now: datetime, before: datetime
) -> None:
    wanted = Pack.objects.filter(pk__in=packs, state=Pack.State.ACTIVE, condemned_at=None)
    if sealed is not None:
        # Where nothing was dead the new pack is the old one.
        wanted = wanted.exclude(kind=Pack.Kind.PACK, digest=sealed.digest)
    used = Blob.objects.filter(pack__in=packs, touched_at__gt=before)
    wanted.exclude(pk__in=set(used.values_list("pack", flat=True))).update(condemned_at=now)


def _name(sealed: SealedPack) -> str:
    return file_name(Pack.Kind.PACK, sealed.digest)
