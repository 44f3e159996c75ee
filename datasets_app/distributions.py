"""How the segments of a version are distributed, as a taxonomy reads them.

Sizes, numbers per image, places and company of the segments of each class: what the sums of
`datasets_app.stats` do not tell. Labels must be opened for it, so it is counted when somebody
asks: by what differs from a version that was counted before, at once where that is little, else
by a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datasets_app.distributions_counting import count_small, count_version
from datasets_app.distributions_kept import find_base, find_kept, keep_sums
from datasets_app.distributions_plan import DistributionPlan, held_classes
from datasets_app.jobs.kinds import Progress, job_kind
from datasets_app.jobs.queue import enqueue
from datasets_app.models import Job, JobState, Version
from labels_app.reading import Reading
from panoptic.distributions import Distributions, no_distributions

JOB_KIND = "distributions"


@dataclass(frozen=True)
class LiveDistributions:
    """The distributions of a version in live classes, by split.

    While they are `pending`, `splits` is empty and `job` says how far they are; it may have
    ended without a result.
    """

    splits: Mapping[str, Distributions]
    job: Job | None = None

    @property
    def pending(self) -> bool:
        """Whether nobody counted them yet."""
        return self.job is not None

    @cached_property
    def over_splits(self) -> Distributions:
        """All splits together."""
        return sum(self.splits.values(), no_distributions())

    def of(self, split: str | None) -> Distributions:
        """Return the sums of a split; None is all of them."""
        if split is None:
            return self.over_splits
        return self.splits.get(split, no_distributions())


def get_distributions(
    version: Version, reading: Reading, *, actor: Any = None
) -> LiveDistributions:
    """Return the distributions of a version; two queries where they are kept.

    Stored classes that the reading never had are left out.

    Parameters
    ----------
    actor
        Who asks for the job, where one has to count; None and anonymous users for nobody.
    """
    plan = DistributionPlan.of(held_classes(version), reading)
    sums = find_kept(version, plan)
    job = None
    if sums is None:
        base = find_base(version, plan)
        sums = count_small(version, plan, base)
        if sums is not None:
            keep_sums(version, plan, sums)
    if sums is None:
        job = _ask(version, plan, actor)
        if job.state == JobState.DONE:  # where the queue works at once, as in tests
            sums = find_kept(version, plan)
    if sums is None:
        return LiveDistributions({}, job)
    return LiveDistributions({split: one.rename(reading.live_of) for split, one in sums.items()})


@job_kind(JOB_KIND)
def run_distributions_job(job: Job, progress: Progress) -> dict[str, Any]:
    """Count the distributions of a version, unless somebody did meanwhile, and keep them."""
    version = Version.objects.select_related("change_set").get(pk=job.arguments["version"])
    plan = DistributionPlan.from_plain(job.arguments["plan"])
    if find_kept(version, plan) is None:
        base = find_base(version, plan)
        keep_sums(version, plan, count_version(version, plan, base, progress))
    return {"version": version.id_hex}


def _ask(version: Version, plan: DistributionPlan, actor: Any) -> Job:
    """Ask for a job, or find it. One that failed is found as it is: it can be tried again."""
    key = f"{JOB_KIND}:{version.pk}:{plan.digest.hex()}"
    asked = list(Job.objects.filter(idempotency_key__startswith=f"{key}:"))
    left = [job for job in asked if job.state != JobState.DONE]
    if left:
        return left[0]
    # What a job kept may have been deleted since: then the next one has a key of its own.
    job = enqueue(
        JOB_KIND,
        {"version": version.pk, "plan": plan.to_plain()},
        actor=actor if actor is not None and actor.is_authenticated else None,
        dataset=version.dataset,
        idempotency_key=f"{key}:{len(asked)}",
    )
    job.refresh_from_db()
    return job
