"""Write files, then make their blobs reachable: the order that no crash can spoil."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import transaction

from panoptic.packs import PackEntry
from store_app import index
from store_app.crash import crash_point
from store_app.durable import Chunks, Files, blob_files
from store_app.errors import ObjectErased
from store_app.models import Pack, file_name


class NewFile(NamedTuple):
    """A file to write, and the blobs in it. `kind` is one of `Pack.Kind`."""

    kind: int
    digest: bytes
    size: int
    chunks: Chunks
    entries: Sequence[PackEntry]


def store_files(new_files: Sequence[NewFile]) -> None:
    """Make files durable one by one, then all of their blobs reachable in one transaction.

    Raises
    ------
    ObjectErased
        Some of the blobs were erased and must not come back. Nothing is stored.
    """
    if not new_files:
        return
    files = blob_files()
    for file in new_files:
        files.save(file_name(file.kind, file.digest), file.chunks, file.digest)
    crash_point("after_pack_before_sql")
    try:
        with transaction.atomic():
            # Sorted: two writers lock the same rows in the same order.
            for file in sorted(new_files, key=lambda file: file.digest):
                _make_reachable(file, files)
            refuse_erased(entry for file in new_files for entry in file.entries)
    except ObjectErased as error:
        for file in new_files:
            if any(entry.digest in error.digests for entry in file.entries):
                delete_unindexed(files, file.kind, file.digest)
        raise
    crash_point("after_sql")


def refuse_erased(entries: Iterable[PackEntry]) -> None:
    """Raise `ObjectErased` if the bytes of any of these blobs must not be stored.

    Called after their rows are written, in the same transaction: an erasure that commits later
    finds the rows.
    """
    erased = index.erased_among(entry.digest for entry in entries)
    if erased:
        raise ObjectErased(sorted(erased))


def delete_unindexed(files: Files, kind: int, digest: bytes) -> None:
    """Delete a file that holds erased bytes, unless a row says that it is in use."""
    if not Pack.objects.filter(kind=kind, digest=digest, state=Pack.State.ACTIVE).exists():
        files.delete(file_name(kind, digest))


def _make_reachable(file: NewFile, files: Files) -> None:
    pack_id, is_tombstone = index.put_pack(file.kind, file.digest, file.size)
    if is_tombstone:
        # Garbage collection took this very file away, perhaps just after we wrote it.
        # The row is locked now, and a file is deleted only under that lock.
        files.save(file_name(file.kind, file.digest), file.chunks, file.digest)
        index.revive(pack_id)
    index.put_entries(pack_id, file.entries)
