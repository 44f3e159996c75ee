"""Who may stop a job or have it done again: who asked for it, and admins of its dataset."""

from __future__ import annotations

from typing import Any, NamedTuple

import datasets_app.jobs.handlers  # noqa: F401  (registers what every kind needs)
from datasets_app.jobs.kinds import needed_role
from datasets_app.models import Job
from people_app.roles import Role


class JobRights(NamedTuple):
    """What somebody may do with a job that they see; `as_admin` is said of both."""

    cancel: bool
    retry: bool
    as_admin: bool


def rights_on(job: Job, user: Any) -> JobRights:
    """Return what this user may do with a job, whatever its state is.

    Who asked for it may stop it in any case, and have it done again as long as they still have
    the role that the work needs.
    """
    if not user.is_authenticated:
        return JobRights(cancel=False, retry=False, as_admin=False)
    asked = job.requested_by_id == user.pk
    role = job.dataset.role_of(user) if job.dataset is not None else None
    if role is not None and role.covers(Role.ADMIN):
        return JobRights(cancel=True, retry=True, as_admin=not asked)
    works = role is not None and role.covers(needed_role(job.kind))
    # What belongs to no dataset belongs to who asked for it.
    return JobRights(asked, asked and (works or job.dataset is None), as_admin=False)
