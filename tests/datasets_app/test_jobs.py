"""The jobs of this file run through the real queue code; only the worker is called by hand."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from datasets_app.jobs import kinds
from datasets_app.jobs.errors import LeaseLost
from datasets_app.jobs.queue import MAX_ATTEMPTS, cancel, enqueue, reap
from datasets_app.jobs.running import JobProgress, run_job
from datasets_app.models import Job, JobState
from datasets_app.names import clean_image_name
from people_app.models import AuditEvent, User
from tests.datasets_app.builders import author, dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[kinds.Handler], None]:
    """Say what jobs of the kind `test` do."""

    def register(handler: kinds.Handler) -> None:
        monkeypatch.setitem(kinds._HANDLERS, "test", handler)

    register(lambda job, progress: {"answer": 42})
    return register


def ask(**fields: Any) -> Job:
    """Ask for a job whose worker is called by the test: on_commit never comes here."""
    return enqueue("test", {}, actor=author(), **fields)


def test_a_job_is_done_with_its_result(work) -> None:
    job = ask()
    assert job.state == JobState.QUEUED

    run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.result, job.problem) == (JobState.DONE, {"answer": 42}, None)
    assert job.finished_at is not None


@pytest.mark.django_db(transaction=True)
def test_asking_starts_the_worker_once_the_row_is_there(work) -> None:
    with transaction.atomic():
        job = ask()
        assert Job.objects.get(pk=job.pk).state == JobState.QUEUED

    assert Job.objects.get(pk=job.pk).state == JobState.DONE


def test_the_same_key_finds_the_same_job(work) -> None:
    first = ask(idempotency_key="k")

    assert ask(idempotency_key="k") == first
    assert ask(idempotency_key="other") != first


def test_an_error_of_the_domain_becomes_the_problem(work) -> None:
    work(lambda job, progress: {"name": clean_image_name("../x")})
    job = ask()

    run_job(str(job.pk))

    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert job.problem["code"] == "invalid_name"


def test_any_other_error_is_kept_from_the_public(work, caplog: pytest.LogCaptureFixture) -> None:
    def fail(job: Job, progress: kinds.Progress) -> kinds.Result:
        raise RuntimeError("the password is hunter2")

    work(fail)
    job = ask()

    run_job(str(job.pk))

    job.refresh_from_db()
    assert job.problem["code"] == "internal_error"
    assert "hunter2" not in str(job.problem)
    assert "hunter2" in caplog.text


def test_a_job_that_is_done_is_not_run_again(work) -> None:
    runs: list[Job] = []
    work(lambda job, progress: {"runs": runs.append(job)})
    job = ask()

    run_job(str(job.pk))
    run_job(str(job.pk))

    assert len(runs) == 1


def test_a_job_under_a_lease_is_left_to_its_worker(work) -> None:
    job = ask()
    Job.objects.update(
        state=JobState.RUNNING, lease=1, lease_expires_at=timezone.now() + timedelta(seconds=9)
    )

    run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.lease) == (JobState.RUNNING, 1)


def test_only_the_newest_lease_may_publish(work) -> None:
    def lose_the_lease(job: Job, progress: kinds.Progress) -> kinds.Result:
        Job.objects.filter(pk=job.pk).update(lease=job.lease + 1)
        return {"answer": "stale"}

    work(lose_the_lease)
    job = ask()

    run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.result) == (JobState.RUNNING, None)


def test_progress_without_the_lease_ends_the_work(work) -> None:
    job = ask()

    with pytest.raises(LeaseLost):
        JobProgress(job)(1, 1)


def test_progress_is_seen_from_outside(work) -> None:
    seen = []

    def count(job: Job, progress: kinds.Progress) -> kinds.Result:
        progress(3, 8, "three of eight")
        seen.append(Job.objects.values_list("done", "total", "message").get(pk=job.pk))
        return {}

    work(count)
    run_job(str(ask().pk))

    assert seen == [(3, 8, "three of eight")]


def test_a_waiting_job_is_cancelled_at_once(work) -> None:
    job = cancel(ask(), actor=author())

    run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.result) == (JobState.CANCELLED, None)


def test_a_running_job_is_cancelled_at_its_next_step(work) -> None:
    def be_cancelled(job: Job, progress: kinds.Progress) -> kinds.Result:
        cancel(job, actor=author())
        progress(1, 1)
        raise AssertionError("the work went on")

    work(be_cancelled)
    job = ask()

    run_job(str(job.pk))

    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_a_job_whose_worker_died_is_queued_again(work) -> None:
    job = ask()
    _die(job, lease=1)

    assert reap() == [job]

    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.lease) == (JobState.DONE, 2)


def test_a_job_that_kills_its_workers_is_given_up(work) -> None:
    job = ask()
    _die(job, lease=MAX_ATTEMPTS)

    reap()

    job.refresh_from_db()
    assert (job.state, job.problem["code"]) == (JobState.FAILED, "worker_lost")


def test_a_job_with_a_living_worker_is_not_reaped(work) -> None:
    ask()
    Job.objects.update(
        state=JobState.RUNNING, lease=1, lease_expires_at=timezone.now() + timedelta(seconds=9)
    )

    assert reap() == []


def test_jobs_are_seen_by_who_asked_and_by_who_may_read_the_dataset(work) -> None:
    own, other = ask(), ask(dataset=dataset())
    stranger = User.objects.create(username="stranger")

    assert set(Job.objects.visible_to(author())) == {own, other}
    assert not Job.objects.visible_to(stranger).exists()


def test_asking_and_cancelling_are_in_the_audit_log(work) -> None:
    cancel(ask(), actor=author())

    verbs = AuditEvent.objects.filter(object_kind="job").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["job.enqueued", "job.cancelled"]


def _die(job: Job, *, lease: int) -> None:
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, lease=lease, lease_expires_at=timezone.now() - timedelta(seconds=1)
    )
