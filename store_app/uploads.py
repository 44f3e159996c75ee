"""Files that arrive piece by piece, over connections that break.

A piece becomes durable as a file of its own; then one transaction writes its row and moves the
offset, by compare-and-swap, so that of two senders at one offset one wins. No process remembers
anything: the next piece may come to another machine. What came last is made one blob by
`store_app.assembling`; what never comes is swept by `store_app.upload_garbage`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import BinaryIO, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from store_app.crash import crash_point
from store_app.durable import blob_files
from store_app.errors import StoreError
from store_app.models import Upload, UploadPart, upload_folder
from store_app.upload_errors import (
    BodyBrokeOff,
    ChecksumMismatch,
    OffsetMoved,
    TooManyPieces,
    UploadEnded,
    UploadMissing,
    UploadTooLarge,
)

UPLOADS_KEPT = timedelta(hours=48)  # after the last piece, or after the last byte
PART_BYTES = 8 * 2**20  # what a broken connection may lose, and what a sender costs in memory
CHECKSUMS = ("sha256", "sha1")

_READ_BYTES = 256 * 2**10
# Beside two for every full part: somebody who sends byte by byte would fill the index.
_SMALL_PARTS = 50_000


class Checksum(NamedTuple):
    """What a sender says of a piece; `algorithm` is one of `CHECKSUMS`."""

    algorithm: str
    digest: bytes


def begin_upload(
    *,
    space: str,
    owner: str,
    size: int,
    metadata: str = "",
    expected_digest: bytes | None = None,
) -> Upload:
    """Announce a file of `size` bytes.

    `space` and `owner` are up to the app above. `expected_digest` is the sha256 that the whole
    file must have; None: whatever it has.
    """
    now = timezone.now()
    return Upload.objects.create(
        space=space,
        owner=owner,
        size=size,
        metadata=metadata,
        expected_digest=expected_digest,
        created_at=now,
        expires_at=now + UPLOADS_KEPT,
    )


def receive(
    upload: Upload, body: BinaryIO, *, offset: int, length: int, checksum: Checksum | None = None
) -> int:
    """Add the `length` bytes of a body at `offset`; return the offset behind them.

    Without a checksum they are kept part by part, so that a connection that breaks loses
    nothing that was read from it. With one, all of them are kept or none.

    Raises
    ------
    UploadEnded, OffsetMoved, UploadTooLarge, TooManyPieces
        Before the body is read; `OffsetMoved` also later, where another sender was quicker.
    BodyBrokeOff, ChecksumMismatch
    StorageFailed
        What came before is kept.
    """
    check_open(upload)
    if offset != upload.received:
        raise OffsetMoved(expected=offset, actual=upload.received)
    if length > upload.size - offset:
        raise UploadTooLarge(actual=offset + length, limit=upload.size)
    most = _SMALL_PARTS + 2 * upload.size // PART_BYTES
    if upload.parts.count() >= most:
        raise TooManyPieces(most)
    pieces = _pieces(body, length)
    if checksum is not None:
        return _receive_whole(upload, pieces, offset, checksum)
    for piece in pieces:
        _publish(upload, [_store(upload, offset, piece)])
        offset += len(piece)
    return offset


def check_open(upload: Upload, now: datetime | None = None) -> None:
    """Raise `UploadEnded` if an upload has expired or failed."""
    if upload.failed:
        raise UploadEnded(upload.pk, upload.failed)
    if upload.expires_at <= (now or timezone.now()):
        raise UploadEnded(upload.pk, "expired")


def delete_upload(upload_id: UUID) -> None:
    """Forget an upload and its pieces; `UploadMissing` if it is not there.

    A blob that was made of it stays as long as somebody else needs it.
    """
    with transaction.atomic():
        upload = lock_upload(upload_id)
        names = forget_parts(upload)
        upload.delete()
        # The caller's transaction may still be undone.
        transaction.on_commit(lambda: delete_files(upload_id, names))


def lock_upload(upload_id: UUID) -> Upload:
    """Return an upload whose row nobody else changes until the transaction ends."""
    upload = Upload.objects.select_for_update().filter(pk=upload_id).first()
    if upload is None:
        raise UploadMissing(upload_id)
    return upload


def forget_parts(upload: Upload) -> list[str]:
    """Delete the rows of all pieces; return the names of their files, to be deleted afterwards."""
    names = [part.name for part in upload.parts.all()]
    upload.parts.all().delete()
    return names


def delete_files(upload_id: UUID, names: Iterable[str]) -> None:
    """Delete the files of pieces that no row names any more."""
    files = blob_files()
    for name in names:
        # Two may be at it: who forgot the rows, and a sweep.
        with suppress(FileNotFoundError):
            files.delete(name)
    # The folder of a local storage: gone if nothing is in it.
    with suppress(OSError):
        files.delete(upload_folder(upload_id))


def _pieces(body: BinaryIO, length: int) -> Iterator[bytes]:
    """Yield a body in parts, the last one as far as it came; then raise if it broke off."""
    received = 0
    while received < length:
        wanted = min(PART_BYTES, length - received)
        piece = _read(body, wanted)
        received += len(piece)
        if piece:
            yield piece
        if len(piece) < wanted:
            raise BodyBrokeOff(received=received, announced=length)


def _read(body: BinaryIO, wanted: int) -> bytes:
    """Read so many bytes, or as many as there are before the connection ends."""
    piece = bytearray()
    while len(piece) < wanted:
        try:
            chunk = body.read(min(_READ_BYTES, wanted - len(piece)))
        except OSError:
            break  # it was reset: what arrived before is good
        if not chunk:
            break
        piece += chunk
    return bytes(piece)


def _receive_whole(upload: Upload, pieces: Iterable[bytes], offset: int, checksum: Checksum) -> int:
    """Keep a piece if it is what its sender hashed, else nothing of it."""
    hashed = hashlib.new(checksum.algorithm)
    parts: list[UploadPart] = []
    try:
        for piece in pieces:
            hashed.update(piece)
            parts.append(_store(upload, offset, piece))
            offset += len(piece)
        if hashed.digest() != checksum.digest:
            raise ChecksumMismatch(checksum.algorithm)
    except StoreError:
        delete_files(upload.pk, [part.name for part in parts])
        raise
    _publish(upload, parts)
    return offset


def _store(upload: Upload, start: int, piece: bytes) -> UploadPart:
    """Make a piece durable under a name of its own; its row comes later.

    Two senders of the same bytes write two files: who loses deletes theirs and no other's.
    """
    digest = hashlib.sha256(piece).digest()
    part = UploadPart(upload=upload, start=start, length=len(piece), digest=digest)
    blob_files().save(part.name, lambda: (piece,), digest)
    crash_point("upload_part_before_sql")
    return part


def _publish(upload: Upload, parts: Sequence[UploadPart]) -> None:
    """Move the offset over pieces that are durable, unless somebody else has moved it."""
    if not parts:
        return
    start, end = parts[0].start, parts[-1].start + parts[-1].length
    still = Upload.objects.filter(pk=upload.pk, received=start, digest=None, failed="")
    with transaction.atomic():
        moved = still.update(received=end, expires_at=timezone.now() + UPLOADS_KEPT)
        if moved:
            UploadPart.objects.bulk_create(parts)
    if not moved:
        delete_files(upload.pk, [part.name for part in parts])
        now = Upload.objects.filter(pk=upload.pk).first()
        if now is None:
            raise UploadMissing(upload.pk)
        raise OffsetMoved(expected=start, actual=now.received)
    upload.received = end
