"""Why a job ends without a result.

JobError
├── JobCancelled   somebody asked for it
└── LeaseLost      another worker holds a newer lease
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
