"""Mark what is alive, and say of every pack how much of it is.

The marks lie in a temporary table and are joined with the index, so that memory holds neither
the blobs nor the packs of a large store.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from django.db import connection

from panoptic.packs import ENTRY_BYTES, FRAME_BYTES
from store_app.models import Pack, file_name
from store_app.progress import Progress
from store_app.roots import iter_roots
from store_app.scratch import ScratchSet, scratch_set

_REFERENCES_AT_ONCE = 5_000
_PACKS_AT_ONCE = 500


class PackShare(NamedTuple):
    """What is alive in one file of the store.

    `live` blobs are needed by somebody; `young` ones are not, but were touched so lately that
    somebody may be about to need them. `is_due`: condemned a grace period ago or earlier.
    `is_touched`: a blob was touched since it was condemned.
    """

    pack_id: int
    kind: int
    name: str
    size: int
    is_condemned: bool
    is_due: bool
    is_touched: bool
    is_new: bool
    blobs: int
    live_blobs: int
    live_bytes: int
    young_blobs: int
    young_bytes: int

    @property
    def is_alive(self) -> bool:
        return self.live_blobs > 0

    @property
    def dead_bytes(self) -> int:
        """The bytes of the file that no blob in it needs, 0 to `size`."""
        kept = self.live_blobs + self.young_blobs
        if not kept:
            return self.size
        if self.kind != Pack.Kind.PACK:
            return 0
        # Not from the rows of what is dead: of two writers of one blob, the second one
        # leaves bytes in its pack that have no row.
        frame = FRAME_BYTES + ENTRY_BYTES * kept
        return max(self.size - self.live_bytes - self.young_bytes - frame, 0)

    @property
    def dead_share(self) -> float:
        return self.dead_bytes / self.size if self.size else 0.0


@contextmanager
def marked(progress: Progress) -> Iterator[ScratchSet]:
    """Walk through all roots, and give the set of what is alive for the length of a block."""
    with scratch_set() as live:
        references, done = iter_roots(), 0
        while some := list(islice(references, _REFERENCES_AT_ONCE)):
            live.add(reference.digest for reference in some)
            done += len(some)
            progress("mark", done, None)
        yield live


def iter_shares(live: ScratchSet, before: datetime) -> Iterator[PackShare]:
    """Yield all files in the order of their ids; a blob touched after `before` is young."""
    last = 0
    while rows := _shares(live, before, last):
        yield from rows
        last = rows[-1].pack_id


def _shares(live: ScratchSet, before: datetime, after: int) -> list[PackShare]:
    moment = connection.ops.adapt_datetimefield_value(before)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id, p.kind, p.digest, p.size,"
            " CASE WHEN p.condemned_at IS NULL THEN 0 ELSE 1 END,"
            " CASE WHEN p.condemned_at <= %s THEN 1 ELSE 0 END,"
            " MAX(CASE WHEN b.touched_at > p.condemned_at THEN 1 ELSE 0 END),"
            " CASE WHEN p.created_at > %s THEN 1 ELSE 0 END,"
            " COUNT(b.digest),"
            " COUNT(l.digest),"
            " COALESCE(SUM(CASE WHEN l.digest IS NOT NULL THEN b.length ELSE 0 END), 0),"
            " SUM(CASE WHEN l.digest IS NULL AND b.touched_at > %s THEN 1 ELSE 0 END),"
            " SUM(CASE WHEN l.digest IS NULL AND b.touched_at > %s THEN b.length ELSE 0 END)"
            " FROM (SELECT * FROM store_app_pack WHERE state = %s AND id > %s"
            "       ORDER BY id LIMIT %s) p"
            " LEFT JOIN store_app_blob b ON b.pack_id = p.id"
            f" LEFT JOIN {live.table} l ON l.digest = b.digest"
            " GROUP BY p.id, p.kind, p.digest, p.size, p.condemned_at, p.created_at"
            " ORDER BY p.id",
            [moment] * 4 + [Pack.State.ACTIVE.value, after, _PACKS_AT_ONCE],
        )
        return [_share(row) for row in cursor.fetchall()]


def _share(row: tuple) -> PackShare:
    pack_id, kind, digest, size, condemned, due, touched, new, *counts = row
    return PackShare(
        pack_id,
        kind,
        file_name(kind, bytes(digest)),
        size,
        bool(condemned),
        bool(due),
        bool(touched),
        bool(new),
        *map(int, counts),
    )
