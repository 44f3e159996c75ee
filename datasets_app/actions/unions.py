"""Count the images that hold any of several classes, where a request cannot wait for it."""

from __future__ import annotations

from typing import Any

from datasets_app.jobs.kinds import Progress, job_kind
from datasets_app.models import Job, Version
from datasets_app.unions.asking import JOB_KIND
from datasets_app.unions.counting import count_unions
from datasets_app.unions.kept import find_kept, keep_counts


@job_kind(JOB_KIND)
def run_unions_job(job: Job, progress: Progress) -> dict[str, Any]:
    """Count the sets of a job that nobody counted meanwhile, and keep them."""
    version = Version.objects.get(pk=job.arguments["version"])
    sets = {frozenset(sources) for sources in job.arguments["sources"]}
    left = sets - find_kept(version, sets).keys()
    if left:
        keep_counts(version, count_unions(version, left, progress))
    return {"version": version.id_hex, "sets": len(sets)}
