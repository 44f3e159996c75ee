"""Label revisions: the rows beside the blobs, written and read in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection, transaction

from labels_app.models import LabelRevision
from panoptic.codec import EncodedLabel, decode_label
from panoptic.label import Label
from store_app.blobs import NewBlob, get_blobs, put_blobs

# About what one pack of the store holds: a smaller batch would seal packs half empty.
BATCH_LABELS = 8192
BATCH_BYTES = 60 * 2**20

_COLUMNS = "digest, shape_digest, height, width, segment_count, layer_count, counts"
_PLACES = "(%s, %s, %s, %s, %s, %s, %s)"


class RegisterReport(NamedTuple):
    """How many labels were new and how many known, and the bytes that the store took.

    A label that comes twice counts once per batch.
    """

    new: int = 0
    known: int = 0
    stored_bytes: int = 0


def register_labels(encoded: Iterable[EncodedLabel]) -> RegisterReport:
    """Store labels and what is known about them; those that are known already cost a look.

    The labels stream through: memory holds the bytes of one pack. The bytes of a batch are
    durable before its rows exist, so a crash leaves unused bytes, never a row without
    bytes. Nothing is reachable until a version names it.
    """
    stream = iter(encoded)
    report = RegisterReport()
    while True:
        batch: dict[bytes, EncodedLabel] = {}
        stored = put_blobs(_blobs_of_batch(stream, batch))
        if not batch:
            return report
        new = _insert_missing(batch)
        report = RegisterReport(
            report.new + new,
            report.known + len(batch) - new,
            report.stored_bytes + stored.stored_bytes,
        )


def revisions(digests: Iterable[bytes]) -> dict[bytes, LabelRevision]:
    """Return what is known about labels, in one query; digests of no label are left out."""
    return {row.digest: row for row in LabelRevision.objects.filter(pk__in=set(digests))}


def get_labels(digests: Iterable[bytes]) -> dict[bytes, Label]:
    """Read labels from the store, all at once: one query.

    Raises
    ------
    ObjectMissing, ObjectCorrupt
        The store does not hold a label, or not as it was stored.
    MalformedLabel
        Bytes that were stored are not those of a label.
    """
    return {digest: decode_label(data) for digest, data in get_blobs(digests).items()}


def _blobs_of_batch(
    stream: Iterator[EncodedLabel], batch: dict[bytes, EncodedLabel]
) -> Iterator[NewBlob]:
    """Yield one batch of the stream as blobs; note in `batch` all but their bytes."""
    size = 0
    # The limits are looked at first: what is drawn from the stream must be yielded.
    while len(batch) < BATCH_LABELS and size < BATCH_BYTES:
        label = next(stream, None)
        if label is None:
            return
        if label.digest not in batch:
            batch[label.digest] = label._replace(stored=b"")
            size += len(label.stored)
            yield NewBlob(label.digest, "label", label.stored, label.canonical_size)


def _insert_missing(batch: dict[bytes, EncodedLabel]) -> int:
    """Insert the rows that are missing, with one statement; return their number."""
    known = set(LabelRevision.objects.filter(pk__in=list(batch)).values_list("digest", flat=True))
    # Sorted, so that two imports of the same labels wait for each other and do not deadlock.
    rows = [_row_of(batch[digest]) for digest in sorted(batch.keys() - known)]
    if rows:
        _insert(rows)
    return len(rows)


def _insert(rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows; those that somebody else inserted meanwhile stay as they are.

    Plain SQL, since the ORM splits the rows by SQLite's old limit of 999 parameters.
    """
    sql = f"INSERT INTO {LabelRevision._meta.db_table} ({_COLUMNS}) VALUES "
    # Outside of a transaction SQLite would sync after every row.
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(f"{sql}{_PLACES} ON CONFLICT DO NOTHING", rows)
        else:
            # psycopg2 would send executemany row by row.
            places = ", ".join([_PLACES] * len(rows))
            values = [value for row in rows for value in row]
            cursor.execute(f"{sql}{places} ON CONFLICT DO NOTHING", values)


def _row_of(label: EncodedLabel) -> tuple[Any, ...]:
    binary = connection.Database.Binary
    return (
        binary(label.digest),
        binary(label.shape_digest),
        label.height,
        label.width,
        label.segment_count,
        label.layer_count,
        binary(label.counts),
    )
