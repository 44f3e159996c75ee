"""The storage beside the index, in bounded memory."""

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import QuerySet

from store_app.durable import Files, StoredFile
from store_app.models import Pack, file_name

# Up to so many rows of a kind are compared at once: one listing instead of 256, which
# matters where each listing is a request.
_ROWS_AT_ONCE = 20_000


class Shelf(NamedTuple):
    """Rows and files of one kind whose digests lie in the same range, by file name."""

    kind: int
    packs: dict[str, Pack]
    files: dict[str, StoredFile]


def iter_shelves(files: Files) -> Iterator[Shelf]:
    """Walk through all rows and all files of the store, side by side."""
    for kind in Pack.Kind.values:
        rows = Pack.objects.filter(kind=kind)
        if rows.count() <= _ROWS_AT_ONCE:
            yield _shelf(files, kind, rows, file_name(kind, bytes(32)).partition("/")[0])
            continue
        for byte in range(256):
            first, last = bytes([byte]) + bytes(31), bytes([byte]) + b"\xff" * 31
            some = rows.filter(digest__gte=first, digest__lte=last)
            yield _shelf(files, kind, some, file_name(kind, first).rpartition("/")[0])


def _shelf(files: Files, kind: int, rows: QuerySet[Pack], folder: str) -> Shelf:
    # Rows before files: a file is written before its row, so none seems to be missing.
    packs = {pack.name: pack for pack in rows}
    return Shelf(kind, packs, {file.name: file for file in files.iter_files(folder)})
