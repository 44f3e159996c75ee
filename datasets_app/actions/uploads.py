"""Files for a dataset that arrive piece by piece: begun, completed, deleted."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from datasets_app.errors import HistoryError
from datasets_app.jobs.kinds import Progress, job_kind
from datasets_app.jobs.queue import enqueue
from datasets_app.models import Dataset, Job
from people_app.audit import record
from people_app.models import User
from people_app.roles import Role
from store_app.assembling import assemble
from store_app.models import Upload
from store_app.upload_errors import UploadMissing, UploadTooLarge
from store_app.uploads import begin_upload, check_open, delete_upload

UPLOAD_KIND = "upload"
# Made one blob while the sender waits, which takes a second at most; larger ones by a job.
AT_ONCE_BYTES = 64 * 2**20


class TooManyUploads(HistoryError):
    """Somebody has begun as many uploads as they may leave open."""

    code = "too_many_uploads"
    status = 409

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} uploads of yours are open: complete or delete one first", limit=limit
        )


class UploadIncomplete(HistoryError):
    """Not all bytes are there, or they are not one file yet."""

    code = "upload_incomplete"
    status = 409

    def __init__(self, upload: Upload) -> None:
        reason = "it is being put together" if upload.has_arrived else "bytes are missing"
        super().__init__(
            f"upload {upload.pk} is not complete: {reason}",
            upload=str(upload.pk),
            received_bytes=upload.received,
            size_bytes=upload.size,
        )


def uploads_to(dataset: Dataset, *, sender: User | None = None) -> QuerySet[Upload]:
    """Return the uploads to a dataset, by default everybody's."""
    uploads = Upload.objects.filter(space=_space_of(dataset))
    return uploads if sender is None else uploads.filter(owner=_owner_of(sender))


def get_upload(dataset: Dataset, upload_id: UUID, *, sender: User | None = None) -> Upload:
    """Return one of `uploads_to`; `UploadMissing` if it is none of them."""
    upload = uploads_to(dataset, sender=sender).filter(pk=upload_id).first()
    if upload is None:
        raise UploadMissing(upload_id)
    return upload


def begin_dataset_upload(
    dataset: Dataset,
    *,
    size: int,
    actor: User,
    metadata: str = "",
    expected_digest: bytes | None = None,
) -> Upload:
    """Announce a file for a dataset; one without bytes is complete at once.

    Raises
    ------
    UploadTooLarge, TooManyUploads
        By `TESSERA_UPLOAD_LIMIT_BYTES` and `TESSERA_OPEN_UPLOADS`.
    """
    largest = settings.TESSERA_UPLOAD_LIMIT_BYTES
    if size > largest:
        raise UploadTooLarge(actual=size, limit=largest)
    with transaction.atomic():
        # Two that begin at once must not both take the last place.
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        _check_open_uploads(actor)
        upload = begin_upload(
            space=_space_of(dataset),
            owner=_owner_of(actor),
            size=size,
            metadata=metadata,
            expected_digest=expected_digest,
        )
        record(actor, "upload.begun", dataset, upload=str(upload.pk), size_bytes=size)
    if upload.has_arrived:
        complete_upload(upload, dataset, actor=actor)
    return upload


def complete_upload(upload: Upload, dataset: Dataset, *, actor: User) -> None:
    """Make one blob of what has arrived: at once, or by a job if it is large.

    It may be asked for again, after a crash for example.

    Raises
    ------
    UploadEnded, DigestMismatch, ObjectErased
        As `assemble` says.
    """
    if upload.size > AT_ONCE_BYTES:
        arguments = {"upload_id": str(upload.pk)}
        key = f"upload:{upload.pk}"
        enqueue(
            UPLOAD_KIND, arguments, actor=actor, dataset=dataset, idempotency_key=key, again=True
        )
    else:
        _assemble(upload, dataset, actor)


@job_kind(UPLOAD_KIND, needs=Role.ANNOTATOR)
def run_upload_job(job: Job, progress: Progress) -> dict[str, Any]:
    """Make one blob of a large upload."""
    upload = get_upload(job.dataset, UUID(job.arguments["upload_id"]))
    digest = _assemble(upload, job.dataset, job.requested_by)
    # Not as `digest`: that is what an export leaves to be downloaded.
    return {"upload": str(upload.pk), "sha256": digest.hex(), "size_bytes": upload.size}


def completed_digest(upload: Upload, dataset: Dataset, *, actor: User) -> bytes:
    """Return the digest of an upload that is complete, or can be completed at once.

    Raises
    ------
    UploadIncomplete
        Bytes are missing, or a job puts them together just now.
    UploadEnded
    """
    check_open(upload)
    if upload.digest is None and upload.has_arrived:
        complete_upload(upload, dataset, actor=actor)
        upload.refresh_from_db()
    if upload.digest is None:
        raise UploadIncomplete(upload)
    return upload.digest


def delete_dataset_upload(upload: Upload, dataset: Dataset, *, actor: User) -> None:
    """Forget an upload; imports that were asked for keep what they need of it."""
    with transaction.atomic():
        record(actor, "upload.deleted", dataset, upload=str(upload.pk))
        delete_upload(upload.pk)


def _assemble(upload: Upload, dataset: Dataset, actor: User | None) -> bytes:
    return assemble(upload, partial(_tell, upload, dataset, actor))


def _tell(upload: Upload, dataset: Dataset, actor: User | None, digest: bytes) -> None:
    facts = {"upload": str(upload.pk), "sha256": digest, "size_bytes": upload.size}
    record(actor, "upload.completed", dataset, **facts)


def _check_open_uploads(actor: User) -> None:
    limit = settings.TESSERA_OPEN_UPLOADS
    still_open = Upload.objects.filter(
        owner=_owner_of(actor), digest=None, failed="", expires_at__gt=timezone.now()
    )
    if still_open.filter(received__lt=F("size")).count() >= limit:
        raise TooManyUploads(limit)


def _space_of(dataset: Dataset) -> str:
    return f"dataset:{dataset.pk}"


def _owner_of(user: User) -> str:
    return f"user:{user.pk}"
