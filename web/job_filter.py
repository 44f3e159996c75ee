"""Which jobs a list shows: what its form says, and its address with it."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict

from datasets_app.models import Dataset, Job, JobState
from datasets_app.names import is_storable
from web.job_words import KINDS

AT_WORK = "at-work"
_UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)
STATES = {
    AT_WORK: "under way",
    JobState.QUEUED.value: "queued",
    JobState.RUNNING.value: "running",
    JobState.DONE.value: "done",
    JobState.FAILED.value: "failed",
    JobState.CANCELLED.value: "cancelled",
}
_DATASETS_IN_MENU = 200


class JobFilter(NamedTuple):
    """What is wanted; "" and False do not filter."""

    mine: bool = False
    dataset: str = ""
    kind: str = ""
    state: str = ""

    @property
    def is_empty(self) -> bool:
        """Say whether every job is wanted."""
        return self == JobFilter()

    @property
    def query(self) -> str:
        """The filter as the address of the page has it, without what says nothing."""
        values = self._asdict() | {"mine": "1" if self.mine else ""}
        return urlencode({name: value for name, value in values.items() if value})

    def apply(self, jobs: QuerySet[Job], user: Any) -> QuerySet[Job]:
        """Keep the jobs that are wanted."""
        if self.mine:
            jobs = jobs.filter(requested_by=user) if user.is_authenticated else jobs.none()
        if self.dataset:
            jobs = jobs.filter(dataset__slug=self.dataset)
        if self.kind:
            jobs = jobs.filter(kind=self.kind)
        if self.state == AT_WORK:
            jobs = jobs.filter(state__in=_UNDER_WAY)
        elif self.state:
            jobs = jobs.filter(state=self.state)
        return jobs


def read_filter(query: QueryDict) -> JobFilter:
    """Read a filter from an address; what is no choice of the form does not filter."""
    dataset, kind, state = (query.get(name, "") for name in ("dataset", "kind", "state"))
    return JobFilter(
        mine=bool(query.get("mine")),
        dataset=dataset if is_storable(dataset) else "",
        kind=kind if kind in KINDS else "",
        state=state if state in STATES else "",
    )


def choices_of(wanted: JobFilter, user: Any) -> dict[str, Any]:
    """Return what the form of the list offers; one query."""
    visible = Dataset.objects.visible_to(user).order_by("slug").values_list("slug", flat=True)
    slugs = list(visible[:_DATASETS_IN_MENU])
    if wanted.dataset and wanted.dataset not in slugs:
        slugs.append(wanted.dataset)
    return {"datasets": slugs, "kinds": list(KINDS.items()), "states": list(STATES.items())}


def count_at_work(user: Any) -> int:
    """Return how many jobs of somebody wait or run; one query, none for who is not signed in."""
    if not user.is_authenticated:
        return 0
    return Job.objects.filter(requested_by=user, state__in=_UNDER_WAY).count()
