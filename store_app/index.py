"""Every SQL statement that meets many blobs at once.

Plain SQL: the ORM takes ten times as long for 100,000 rows, and has no word for
`ON CONFLICT … RETURNING` or for arrays.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.utils import timezone

from panoptic.packs import PackEntry
from store_app.models import Blob, Pack, file_name

# A blob touched within this time is not touched again: a repeated import would else
# rewrite every row of the index. Garbage collection waits far longer than this.
FRESH = timedelta(hours=1)

# SQLite's own limit on parameters is 32,766 in every release since 2020.
_SQLITE_PARAMETERS = 30_000


class Location(NamedTuple):
    """Where the stored bytes of a blob lie. `pack` is a file's name in the storage."""

    digest: bytes
    stored_digest: bytes
    codec: int
    size: int
    pack: str
    start: int
    length: int


def locate(digests: Iterable[bytes]) -> dict[bytes, Location]:
    """Return the locations of those blobs that the index knows, in one query."""
    found = {}
    for among, parameters in _among(digests):
        rows = _rows(
            'SELECT b.digest, b.stored_digest, b.codec, b.size, p.kind, p.digest, b."start",'
            " b.length FROM store_app_blob b JOIN store_app_pack p ON p.id = b.pack_id"
            f" WHERE b.digest {among}",
            parameters,
        )
        for digest, stored_digest, codec, size, kind, pack, start, length in rows:
            found[bytes(digest)] = Location(
                bytes(digest),
                bytes(stored_digest),
                codec,
                size,
                _name(kind, bytes(pack)),
                start,
                length,
            )
    return found


def touch(digests: Iterable[bytes]) -> set[bytes]:
    """Return those blobs that the index knows, and keep them from garbage collection."""
    now = timezone.now()
    known = set()
    for among, parameters in _among(digests):
        rows = _rows(
            f"SELECT digest, touched_at < %s FROM store_app_blob WHERE digest {among}",
            [_moment(now - FRESH), *parameters],
        )
        stale = [bytes(digest) for digest, is_stale in rows if is_stale]
        known.update(bytes(digest) for digest, is_stale in rows if not is_stale)
        # Between the two statements a stale row may be collected: only what the
        # second one still found is known.
        known.update(_touch_stale(stale, now))
    return known


def _touch_stale(digests: Sequence[bytes], now: datetime) -> Iterator[bytes]:
    for among, parameters in _among(digests):
        if connection.vendor == "postgresql":
            # Two writers lock the same rows in the same order, else they could deadlock.
            among = (
                f"IN (SELECT digest FROM store_app_blob WHERE digest {among}"
                " ORDER BY digest FOR UPDATE)"
            )
        rows = _rows(
            f"UPDATE store_app_blob SET touched_at = %s WHERE digest {among} RETURNING digest",
            [_moment(now), *parameters],
        )
        yield from (bytes(digest) for (digest,) in rows)


def put_pack(kind: int, digest: bytes, size: int) -> tuple[int, bool]:
    """Insert the row of a file, or reprieve the one that is there.

    Returns
    -------
    The row's id, and whether it is the tombstone of a file that garbage collection
    took away: then the file must be written again, and `revive` called, before the
    transaction ends. The row stays locked until then.
    """
    [(pack_id, state)] = _rows(
        "INSERT INTO store_app_pack (digest, kind, size, state, created_at, condemned_at)"
        " VALUES (%s, %s, %s, %s, %s, NULL)"
        " ON CONFLICT (kind, digest) DO UPDATE SET condemned_at = NULL RETURNING id, state",
        [digest, kind, size, Pack.State.ACTIVE.value, _moment(timezone.now())],
    )
    return pack_id, state != Pack.State.ACTIVE


def revive(pack_id: int) -> None:
    """Take a tombstone away, after its file was written again."""
    Pack.objects.filter(pk=pack_id).update(state=Pack.State.ACTIVE, created_at=timezone.now())


def put_entries(pack_id: int, entries: Sequence[PackEntry]) -> None:
    """Insert the blobs of a pack; those that another writer stored meanwhile keep their place."""
    now = _moment(timezone.now())
    # Sorted, so that two writers of the same blobs wait for each other instead of deadlocking.
    ordered = sorted(entries)
    columns = 'digest, stored_digest, "start", length, size, codec, pack_id, touched_at'
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One statement: psycopg2 sends executemany row by row.
            digests, stored_digests, *numbers = map(list, zip(*ordered, strict=True))
            cursor.execute(
                f"INSERT INTO store_app_blob ({columns})"
                " SELECT new.*, %s, %s FROM unnest(%s::bytea[], %s::bytea[], %s::bigint[],"
                " %s::bigint[], %s::bigint[], %s::smallint[]) AS new ON CONFLICT DO NOTHING",
                [
                    pack_id,
                    now,
                    digests,
                    stored_digests,
                    *numbers,
                ],
            )
        else:
            cursor.executemany(
                f"INSERT INTO store_app_blob ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                [(*entry, pack_id, now) for entry in ordered],
            )


def move_entries(pack_id: int, entries: Sequence[PackEntry]) -> None:
    """Let rows that are there point into another pack; when they were touched stays."""
    ordered = sorted(entries)
    if not ordered:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                'UPDATE store_app_blob b SET pack_id = %s, "start" = new.begin'
                " FROM unnest(%s::bytea[], %s::bigint[]) AS new (digest, begin)"
                " WHERE b.digest = new.digest",
                [
                    pack_id,
                    [entry.digest for entry in ordered],
                    [entry.start for entry in ordered],
                ],
            )
        else:
            cursor.executemany(
                'UPDATE store_app_blob SET pack_id = %s, "start" = %s WHERE digest = %s',
                [(pack_id, entry.start, entry.digest) for entry in ordered],
            )


def among_set(pack_id: int, table: str) -> set[bytes]:
    """Return the digests in a pack that are also in a scratch set."""
    rows = _rows(
        f"SELECT b.digest FROM store_app_blob b JOIN {table} l ON l.digest = b.digest"
        " WHERE b.pack_id = %s",
        [pack_id],
    )
    return {bytes(digest) for (digest,) in rows}


def erased_among(digests: Iterable[bytes]) -> set[bytes]:
    """Return those digests whose bytes were erased."""
    erased = set()
    for among, parameters in _among(digests):
        rows = _rows(f"SELECT digest FROM store_app_erasedblob WHERE digest {among}", parameters)
        erased.update(bytes(digest) for (digest,) in rows)
    return erased


def packs_of(digests: Iterable[bytes]) -> dict[bytes, int]:
    """Return the id of the pack that holds each blob, for those that the index knows."""
    packs = {}
    for among, parameters in _among(digests):
        rows = _rows(f"SELECT digest, pack_id FROM store_app_blob WHERE digest {among}", parameters)
        packs.update((bytes(digest), pack_id) for digest, pack_id in rows)
    return packs


def locations_in(pack: Pack) -> list[Location]:
    """Return the locations of all blobs of a pack, in their order there."""
    rows = pack.blobs.order_by("start").values_list(
        "digest", "stored_digest", "codec", "size", "start", "length"
    )
    return [Location(*row[:4], pack.name, *row[4:]) for row in rows]


def locations_of(packs: Sequence[Pack]) -> dict[int, list[Location]]:
    """Return the locations of all blobs of some packs, by the pack's id: few blobs, one query."""
    names = {pack.pk: pack.name for pack in packs}
    found: dict[int, list[Location]] = {}
    rows = Blob.objects.filter(pack__in=list(names)).values_list(
        "pack_id", "digest", "stored_digest", "codec", "size", "start", "length"
    )
    for pack_id, *row in rows:
        location = Location(*row[:4], names[pack_id], *row[4:])
        found.setdefault(pack_id, []).append(location)
    return found


def _among(digests: Iterable[bytes]) -> Iterator[tuple[str, list[Any]]]:
    """Yield (condition, parameters) that hold for these digests: one on PostgreSQL, else chunks."""
    wanted = list(dict.fromkeys(digests))
    if connection.vendor == "postgresql":
        if wanted:
            yield "= ANY(%s::bytea[])", [wanted]
        return
    for first in range(0, len(wanted), _SQLITE_PARAMETERS):
        chunk = wanted[first : first + _SQLITE_PARAMETERS]
        yield f"IN ({', '.join(['%s'] * len(chunk))})", chunk


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def _moment(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


@lru_cache(maxsize=4096)
def _name(kind: int, digest: bytes) -> str:
    return file_name(kind, digest)
