"""Make one blob of an upload whose bytes have all arrived."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from panoptic.blob_codecs import CodecNumber
from panoptic.packs import PackEntry
from store_app import index
from store_app.crash import crash_point
from store_app.durable import Files, blob_files, measure
from store_app.errors import DigestMismatch, ObjectCorrupt, ObjectErased, ObjectMissing, StoreError
from store_app.models import Pack, Upload, UploadPart
from store_app.storing import NewFile, store_files
from store_app.upload_errors import UploadMissing
from store_app.uploads import UPLOADS_KEPT, check_open, delete_files, forget_parts, lock_upload

_PARTS_AT_ONCE = 500


def assemble(upload: Upload, tell: Callable[[bytes], None] = lambda digest: None) -> bytes:
    """Make a blob of all pieces, if that was not done before; return its digest.

    `tell(digest)` is called once for each upload, in the transaction that completes it.

    The pieces are read twice, once to know the digest and once to write the blob, one at a time.
    Two may do it at once, and it may be repeated after a crash. The upload lives on, without its
    pieces, until it expires.

    Raises
    ------
    UploadEnded, UploadMissing
        It expired, failed before, or was deleted meanwhile.
    DigestMismatch, ObjectErased, ObjectCorrupt, ObjectMissing
        It is not the file that was announced, or one that must not come back, or the storage has
        lost part of it. The upload has failed for good.
    StorageFailed
        The storage did not keep it; try again.
    """
    check_open(upload)
    if upload.digest is not None:
        return upload.digest
    if not upload.has_arrived:
        raise ValueError(f"{upload} has {upload.received} of {upload.size} bytes")
    try:
        digest = _store_blob(upload)
    except (DigestMismatch, ObjectErased, ObjectCorrupt, ObjectMissing) as error:
        # Somebody may have finished meanwhile, or deleted it, and taken the pieces away.
        present = Upload.objects.filter(pk=upload.pk).first()
        if present is None:
            raise UploadMissing(upload.pk) from None
        if present.digest is not None:
            return present.digest
        _fail(upload.pk, error)
        raise
    crash_point("upload_before_digest")
    with transaction.atomic():
        row = lock_upload(upload.pk)
        if row.digest is None:
            row.digest = digest
            row.expires_at = timezone.now() + UPLOADS_KEPT
            row.save(update_fields=["digest", "expires_at"])
            tell(digest)
        names = forget_parts(row)
    delete_files(upload.pk, names)
    upload.digest, upload.expires_at = row.digest, row.expires_at
    return digest


def _store_blob(upload: Upload) -> bytes:
    chunks = partial(_iter_content, upload.pk, upload.size)
    digest, size = measure(chunks())
    if upload.expected_digest is not None and digest != upload.expected_digest:
        raise DigestMismatch(expected=upload.expected_digest, actual=digest)
    if not index.touch([digest]):
        entry = PackEntry(digest, digest, 0, size, size, CodecNumber.RAW)
        store_files([NewFile(Pack.Kind.SINGLE, digest, size, chunks, (entry,))])
    return digest


def _iter_content(upload_id: UUID, size: int) -> Iterator[bytes]:
    """Yield the pieces in their order, each checked, none missing."""
    files, offset = blob_files(), 0
    pieces = UploadPart.objects.filter(upload=upload_id).order_by("start")
    while some := list(pieces.filter(start__gte=offset)[:_PARTS_AT_ONCE]):
        for part in some:
            if part.start == offset:
                yield _read_part(files, part)
                offset += part.length
        if offset <= some[-1].start:
            break
    if offset != size:
        raise ObjectMissing([], pack=f"upload {upload_id}", offset=offset)


def _read_part(files: Files, part: UploadPart) -> bytes:
    try:
        piece = files.read_range(part.name, 0, part.length)
    except FileNotFoundError:
        raise ObjectMissing([part.digest], pack=part.name, offset=0) from None
    if hashlib.sha256(piece).digest() != part.digest:
        raise ObjectCorrupt(part.digest, pack=part.name, offset=0, reason="its sha256 is another")
    return piece


def _fail(upload_id: UUID, error: StoreError) -> None:
    """Remember why an upload can never be completed, and give its bytes back."""
    with transaction.atomic():
        row = lock_upload(upload_id)
        row.failed = error.code
        row.save(update_fields=["failed"])
        names = forget_parts(row)
    delete_files(upload_id, names)
