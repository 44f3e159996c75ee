"""What uploads keep alive, and what becomes of those that nobody finished."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from uuid import UUID

from django.db import transaction

from store_app.durable import Files, StoredFile, blob_files
from store_app.models import UPLOADS, Upload
from store_app.roots import Reference, Sweep, SweepReport
from store_app.upload_errors import UploadMissing
from store_app.uploads import delete_files, forget_parts, lock_upload

_FILES_AT_ONCE = 1_000


def iter_references() -> Iterator[Reference]:
    """Yield the blobs of uploads that are complete, until their rows are swept."""
    complete = Upload.objects.filter(digest__isnull=False).order_by("pk")
    for upload in complete.iterator():
        yield Reference(upload.digest, f"upload {upload.pk}", "file")


def sweep_uploads(sweep: Sweep) -> Iterator[SweepReport]:
    """Delete the uploads that have expired, and old files of pieces that no upload has."""
    yield SweepReport("upload", 0, 0, _sweep_expired(sweep))
    yield SweepReport("upload piece", 0, 0, _sweep_files(sweep, blob_files()))


def _sweep_expired(sweep: Sweep) -> int:
    expired = list(Upload.objects.filter(expires_at__lte=sweep.now).values_list("pk", flat=True))
    if sweep.dry_run:
        return len(expired)
    deleted = 0
    for key in expired:
        # Somebody may have deleted it, or renewed it by one more piece.
        with suppress(UploadMissing):
            deleted += _delete_expired(key, sweep)
        sweep.progress("uploads", deleted, len(expired))
    return deleted


def _delete_expired(key: UUID, sweep: Sweep) -> bool:
    with transaction.atomic():
        upload = lock_upload(key)
        if upload.expires_at > sweep.now:
            return False
        names = forget_parts(upload)
        upload.delete()
    delete_files(key, names)
    return True


def _sweep_files(sweep: Sweep, files: Files) -> int:
    """Delete files that a crash left behind.

    Those of an upload that is there stay until it ends: a piece with a checksum is stored long
    before its row.
    """
    deleted, found = 0, files.iter_files(UPLOADS)
    while some := list(islice(found, _FILES_AT_ONCE)):
        old = {file.name: key for file in some if (key := _owner_of(file, sweep)) is not None}
        living = set(Upload.objects.filter(pk__in=set(old.values())).values_list("pk", flat=True))
        for name, key in old.items():
            if key not in living:
                deleted += 1
                if not sweep.dry_run:
                    delete_files(key, [name])
    return deleted


def _owner_of(file: StoredFile, sweep: Sweep) -> UUID | None:
    """Return whose upload an old file belongs to; None for a young one, or one that is not ours."""
    if file.modified > sweep.before:
        return None
    try:
        return UUID(hex=file.name.split("/")[1])
    except (IndexError, ValueError):
        return None
