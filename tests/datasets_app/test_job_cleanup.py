"""What is kept of jobs that ended: not for ever, but for as long as something needs them."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from datasets_app.actions.cleanup import KEYS_KEPT, drop_old_jobs, drop_old_keys, drop_old_tasks
from datasets_app.jobs.asking import AskedOnce
from datasets_app.jobs.queue import enqueue
from datasets_app.jobs.roots import EXPORTS_KEPT
from datasets_app.jobs.tasks import run_job_task
from datasets_app.leaks.asking import request_report
from datasets_app.leaks.request import LeakRequest
from datasets_app.models import Job, JobKey, JobLine, JobState, LeakReport
from datasets_app.staging import ImageChange
from store_app.blobs import put_file
from tests.datasets_app.builders import author, commit_to, dataset

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(days=100)


def ended(ago: timedelta, **fields) -> Job:
    """A job that ended some time ago."""
    job = enqueue("test", fields.pop("arguments", {}), actor=author())
    values = {"state": JobState.DONE, "finished_at": timezone.now() - ago, **fields}
    Job.objects.filter(pk=job.pk).update(**values)
    return job


def test_jobs_that_ended_long_ago_go_with_their_logs():
    recent = ended(timedelta(days=80))
    for state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED):
        ended(LONG_AGO, state=state)

    assert drop_old_jobs() == 3

    assert list(Job.objects.all()) == [recent]
    assert {line.job_id for line in JobLine.objects.all()} == {recent.pk}


def test_how_long_jobs_are_kept_is_a_setting(settings):
    settings.TESSERA_JOBS_KEPT_DAYS = 1000
    ended(LONG_AGO)

    assert drop_old_jobs() == 0


def test_what_is_not_over_is_never_old():
    waiting = ended(LONG_AGO, state=JobState.QUEUED)
    Job.objects.update(created_at=timezone.now() - LONG_AGO)

    assert drop_old_jobs() == 0
    assert Job.objects.get() == waiting


def test_an_export_that_can_be_downloaded_keeps_its_job(settings):
    settings.TESSERA_JOBS_KEPT_DAYS = 1
    result = {"digest": put_file(io.BytesIO(b"an archive")).hex()}
    kept = ended(EXPORTS_KEPT - timedelta(hours=1), result=result)
    ended(EXPORTS_KEPT + timedelta(hours=1), result=result)

    assert drop_old_jobs() == 1
    assert Job.objects.get() == kept


def test_an_upload_that_can_be_imported_in_another_try_keeps_its_job():
    kept = ended(timedelta(days=6), state=JobState.FAILED, arguments={"upload": "ab" * 32})
    ended(timedelta(days=8), state=JobState.FAILED, arguments={"upload": "ab" * 32})

    assert drop_old_jobs(timedelta(days=1)) == 1
    assert Job.objects.get() == kept


def test_what_a_job_made_outlives_it():
    version = commit_to(dataset(), [ImageChange("a.png", split="val")])
    request_report(version, LeakRequest(), actor=author())
    Job.objects.update(state=JobState.DONE, finished_at=timezone.now() - LONG_AGO)

    assert drop_old_jobs() == 1
    assert LeakReport.objects.get().job is None


def test_many_old_jobs_go_in_few_queries(django_assert_max_num_queries):
    for _ in range(30):
        ended(LONG_AGO)

    with django_assert_max_num_queries(20):
        assert drop_old_jobs() == 30


def test_keys_of_jobs_go_with_those_of_commits():
    once = AskedOnce(author(), dataset(), "import", "k", bytes(32))
    enqueue("test", {}, actor=author(), once=once)
    assert drop_old_keys() == 0

    JobKey.objects.update(created_at=timezone.now() - KEYS_KEPT)

    assert drop_old_keys() == 1


def test_tasks_that_nobody_will_run_are_forgotten(settings):
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    for _ in range(3):
        run_job_task.enqueue("00000000-0000-0000-0000-000000000000")
    done, died, waiting = DBTaskResult.objects.all()
    DBTaskResult.objects.filter(pk=done.pk).update(status=TaskResultStatus.SUCCESSFUL)
    DBTaskResult.objects.filter(pk=died.pk).update(status=TaskResultStatus.RUNNING)
    assert drop_old_tasks() == 0

    DBTaskResult.objects.update(enqueued_at=timezone.now() - LONG_AGO)

    assert drop_old_tasks() == 2
    assert DBTaskResult.objects.get() == waiting
