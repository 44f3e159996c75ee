"""Write files, then make their blobs reachable: the order that no crash can spoil."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db import transaction

from store_app import index
from store_app.crash import crash_point
from store_app.durable import Chunks, Files, blob_files
from store_app.models import file_name
from store_app.packs import PackEntry


class NewFile(NamedTuple):
    """A file to write, and the blobs in it. `kind` is one of `Pack.Kind`."""

    kind: int
    digest: bytes
    size: int
    chunks: Chunks
    entries: Sequence[PackEntry]


def store_files(new_files: Sequence[NewFile]) -> None:
    """Make files durable one by one, then all of their blobs reachable in one transaction."""
    if not new_files:
        return
    files = blob_files()
    for file in new_files:
        files.save(file_name(file.kind, file.digest), file.chunks, file.digest)
    crash_point("after_pack_before_sql")
    with transaction.atomic():
        # Sorted: two writers lock the same rows in the same order.
        for file in sorted(new_files, key=lambda file: file.digest):
            _make_reachable(file, files)
    crash_point("after_sql")


def _make_reachable(file: NewFile, files: Files) -> None:
    pack_id, is_tombstone = index.put_pack(file.kind, file.digest, file.size)
    if is_tombstone:
        # Garbage collection took this very file away, perhaps just after we wrote it.
        # The row is locked now, and a file is deleted only under that lock.
        files.save(file_name(file.kind, file.digest), file.chunks, file.digest)
        index.revive(pack_id)
    index.put_entries(pack_id, file.entries)
