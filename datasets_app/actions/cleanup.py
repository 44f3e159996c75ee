"""Remove what interrupted commits left behind, and what was kept for a time that is over."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from datasets_app.bulk import batched
from datasets_app.jobs.roots import references_of
from datasets_app.models import Change, ChangeSet, IdempotencyKey, Job, JobKey
from datasets_app.models.job import SETTLED

UNFINISHED_AFTER = timedelta(days=1)
KEYS_KEPT = timedelta(days=7)  # RULES 6.7 asks for 24 hours at least
TASKS_KEPT = timedelta(days=7)  # longer than any job runs

_JOBS_AT_ONCE = 500


def drop_unfinished_change_sets(older_than: timedelta = UNFINISHED_AFTER) -> int:
    """Delete the change sets that no version names; return how many.

    `older_than` must be longer than a commit takes for one batch: a set that is being written is
    not named yet either, and says with each batch that it is.
    """
    left = ChangeSet.objects.filter(
        version__isnull=True, written_at__lt=timezone.now() - older_than
    )
    dropped = 0
    for key in list(left.values_list("pk", flat=True)):
        with transaction.atomic():
            Change.objects.filter(change_set=key).delete()
            dropped += ChangeSet.objects.filter(pk=key, version__isnull=True).delete()[0]
    return dropped


def drop_old_keys(older_than: timedelta = KEYS_KEPT) -> int:
    """Delete idempotency keys that no client can still be waiting on; return how many."""
    before = timezone.now() - older_than
    commits = IdempotencyKey.objects.filter(created_at__lt=before).delete()[0]
    return commits + JobKey.objects.filter(created_at__lt=before).delete()[0]


def drop_old_jobs(older_than: timedelta | None = None) -> int:
    """Delete jobs that ended long ago, with their logs; return how many.

    What a job keeps alive keeps the job: an export that can be downloaded, an upload that can
    be imported in another try. None: older than `TESSERA_JOBS_KEPT_DAYS`.
    """
    kept = timedelta(days=settings.TESSERA_JOBS_KEPT_DAYS) if older_than is None else older_than
    old = Job.objects.filter(state__in=SETTLED, finished_at__lt=timezone.now() - kept)
    dropped = 0
    for keys in batched(list(old.order_by().values_list("pk", flat=True)), _JOBS_AT_ONCE):
        with transaction.atomic():
            # Filtered again: somebody may have asked for another try meanwhile.
            jobs = old.filter(pk__in=keys).order_by().select_for_update()
            dead = [job.pk for job in jobs if not any(references_of(job))]
            Job.objects.filter(pk__in=dead).delete()
            dropped += len(dead)
    return dropped


def drop_old_tasks(older_than: timedelta = TASKS_KEPT) -> int:
    """Delete what the task queue keeps of tasks that nobody will run any more; return how many.

    A task whose worker died stays "running" for ever; its job was told to the queue anew.
    """
    settled = DBTaskResult.objects.exclude(status=TaskResultStatus.READY)
    return settled.filter(enqueued_at__lt=timezone.now() - older_than).delete()[0]
