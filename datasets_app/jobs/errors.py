"""Why a job ends without a result, or is not tried again.

JobError
├── JobCancelled        somebody asked for it
├── LeaseLost           another worker holds a newer lease
├── NotRetriable   409  only what failed or was cancelled is tried again
└── UploadExpired  410  what the job was to read is gone
"""

from store_app.errors import TesseraError


class JobError(TesseraError):
    """Anything that ends the work of a job."""

    code = "job_error"
    status = 409


class JobCancelled(JobError):
    """Somebody asked the job to stop."""

    code = "job_cancelled"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} was cancelled", job=job_id)


class LeaseLost(JobError):
    """Another worker took the job over: what this one did must not be published."""

    code = "lease_lost"

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} is held by another worker", job=job_id)


class NotRetriable(JobError):
    """Only a job that failed or was cancelled can be tried again."""

    code = "not_retriable"

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(
            f"this job is {state}: only what failed or was cancelled is tried again",
            job=job_id,
            state=state,
        )


class UploadExpired(JobError):
    """The file that the job was to read is not kept any more: it must be sent again."""

    code = "upload_expired"
    status = 410

    def __init__(self, job_id: str) -> None:
        super().__init__(
            "the file that this job was to read is not kept any more; send it again",
            job=job_id,
        )
