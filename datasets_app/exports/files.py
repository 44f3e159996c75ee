"""The archives that exports leave: kept for a while, made anew when they are gone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from datasets_app.errors import HistoryError, NotFound
from datasets_app.jobs.roots import EXPORTS_KEPT
from datasets_app.models import DatasetBlob, Job, JobState
from store_app.blobs import find_content
from store_app.errors import ObjectErased, ObjectMissing
from store_app.models import ErasedBlob

EXPORT_KIND = "export"
# One that is about to go is no use to whoever asks for it now.
_STILL_USEFUL = timedelta(days=1)


# By what follows the last dot of their names.
_MEDIA_TYPES = {"zip": "application/zip", "tar": "application/x-tar"}
ARCHIVE_TYPES = tuple(_MEDIA_TYPES.values())


class ExportFile(NamedTuple):
    """The archive that an export left."""

    digest: bytes
    name: str
    size_bytes: int
    made_at: datetime

    @property
    def media_type(self) -> str:
        """What the archive is sent as."""
        return _MEDIA_TYPES[self.name.rpartition(".")[2]]


class ExportExpired(HistoryError):
    """The archive is not kept any more; whoever asks for the same export gets a new one."""

    code = "export_expired"
    status = 410

    def __init__(self, job_id: object) -> None:
        super().__init__(
            f"the archive of job {job_id} is not kept any more: ask for the export again",
            job=str(job_id),
        )


def get_export_file(job: Job) -> ExportFile:
    """Return the archive of a finished export.

    Raises
    ------
    NotFound
        The job is no export, or not done.
    ExportExpired
        It was made `EXPORTS_KEPT` ago, or its bytes are gone.
    """
    result = job.result
    if job.kind != EXPORT_KIND or job.state != JobState.DONE or not result:
        raise NotFound("file", f"of job {job.pk}")
    assert job.finished_at is not None  # as of every job that is done
    digest = bytes.fromhex(result["digest"])
    if job.finished_at <= timezone.now() - EXPORTS_KEPT or not _is_kept(digest):
        raise ExportExpired(job.pk)
    return ExportFile(digest, result["file_name"], result["size_bytes"], job.finished_at)


def forget_old(key: str) -> None:
    """Take the key from an export that nobody should be led to any more."""
    job = Job.objects.filter(idempotency_key=key, state=JobState.DONE).first()
    if job is None or job.finished_at is None:
        return
    is_old = (
        job.finished_at <= timezone.now() - EXPORTS_KEPT + _STILL_USEFUL
        or not _is_kept(bytes.fromhex(job.result["digest"]))
        or _was_erased_from(job)
    )
    if is_old:
        Job.objects.filter(pk=job.pk).update(idempotency_key=None)


def _is_kept(digest: bytes) -> bool:
    try:
        find_content(digest)
    except (ObjectMissing, ObjectErased):
        return False
    return True


def _was_erased_from(job: Job) -> bool:
    """Say whether bytes that the dataset held were erased since an export began."""
    held = DatasetBlob.objects.filter(dataset=job.dataset).values("digest")
    began = job.started_at or job.created_at
    return ErasedBlob.objects.filter(digest__in=held, erased_at__gte=began).exists()
