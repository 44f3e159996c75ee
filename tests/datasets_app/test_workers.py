"""Workers as rows: who lives, who waits, who is at what; and who counts as nobody."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.utils import timezone

from datasets_app.jobs import code_version, kinds, workers
from datasets_app.jobs.queue import enqueue, reap
from datasets_app.jobs.running import run_job
from datasets_app.jobs.timing import BEHIND_AFTER, DEAD_WORKERS_KEPT, lease_time
from datasets_app.jobs.workers import (
    beat,
    beat_until,
    forget_dead_workers,
    leave,
    living_workers,
    register_worker,
    state_of_workers,
)
from datasets_app.models import Job, JobState, Worker
from tests.datasets_app.builders import author

pytestmark = pytest.mark.django_db


@pytest.fixture
def this() -> Iterator[Worker]:
    """This process as a worker."""
    yield register_worker()
    leave()


def other(
    name: str = "elsewhere:7:c0ffee", *, silent: timedelta = timedelta(0), **fields
) -> Worker:
    heard = timezone.now() - silent
    return Worker.objects.create(name=name, host="elsewhere", pid=7, heartbeat_at=heard, **fields)


def wait_for(job: Job, *, since: timedelta) -> Job:
    before = timezone.now() - since
    Job.objects.filter(pk=job.pk).update(queued_at=before, sent_at=before)
    return job


def test_a_worker_is_there_from_its_beginning_to_its_end(this):
    assert Worker.objects.get().name == this.name
    assert this.version == code_version.code_version()

    leave()

    assert not Worker.objects.exists()


def test_two_processes_of_one_number_have_two_names():
    first = register_worker()
    second = register_worker()

    assert first.pid == second.pid
    assert first.name != second.name
    leave()


def test_a_worker_shows_its_job_while_it_is_at_it(this, monkeypatch):
    seen = []
    monkeypatch.setitem(
        kinds._HANDLERS,
        "test",
        lambda job, progress: seen.append(Worker.objects.get().job) or {},
    )
    job = enqueue("test", {}, actor=author())

    run_job(str(job.pk))

    job.refresh_from_db()
    assert seen == [job]
    assert Worker.objects.get().job is None
    assert job.worker == this.name


def test_a_heartbeat_brings_back_a_row_that_others_gave_up(this):
    Worker.objects.all().delete()

    beat()

    assert list(living_workers()) == [this]


def test_the_heartbeat_outlives_a_database_that_does_not_answer(monkeypatch, settings):
    settings.TESSERA_JOB_LEASE_SECONDS = 0.06
    stop = threading.Event()
    beats = []

    def fail_twice() -> None:
        beats.append(1)
        if len(beats) == 3:
            stop.set()
        raise DatabaseError("it restarts")

    monkeypatch.setattr(workers, "beat", fail_twice)
    thread = threading.Thread(target=beat_until, args=(stop,))
    thread.start()
    thread.join(timeout=10)

    assert len(beats) == 3


def test_who_was_not_heard_of_for_the_time_of_a_lease_is_held_for_dead():
    alive = other("a:1:1", silent=lease_time() / 2)
    other("b:2:2", silent=lease_time() + timedelta(seconds=1))

    assert list(living_workers()) == [alive]


def test_dead_workers_are_forgotten_after_some_minutes():
    dying = other("a:1:1", silent=DEAD_WORKERS_KEPT - timedelta(minutes=1))
    other("b:2:2", silent=DEAD_WORKERS_KEPT + timedelta(minutes=1))

    assert forget_dead_workers() == 1
    assert list(Worker.objects.all()) == [dying]


def test_without_a_living_worker_there_is_none():
    other(silent=timedelta(hours=1))
    wait_for(enqueue("test", {}, actor=author()), since=timedelta(hours=1))

    assert state_of_workers() == "none"


def test_workers_are_behind_when_jobs_wait_for_long():
    other()
    job = enqueue("test", {}, actor=author())
    assert state_of_workers() == "ok"

    wait_for(job, since=BEHIND_AFTER + timedelta(seconds=1))

    assert state_of_workers() == "behind"


def test_a_look_for_lost_tasks_does_not_make_a_long_wait_short():
    other()
    job = wait_for(enqueue("test", {}, actor=author()), since=timedelta(hours=1))

    assert reap() == [job]

    assert state_of_workers() == "behind"


def test_a_task_that_was_lost_is_sent_anew_to_a_worker_that_has_nothing_to_do():
    other()
    job = wait_for(enqueue("test", {}, actor=author()), since=timedelta(hours=1))

    assert reap() == [job]
    assert reap() == []  # it was told a moment ago


def test_where_all_workers_are_busy_waiting_is_no_loss():
    busy_at = enqueue("test", {}, actor=author())
    Job.objects.update(
        state=JobState.RUNNING, lease=1, lease_expires_at=timezone.now() + timedelta(hours=1)
    )
    other(job=busy_at)
    wait_for(enqueue("test", {}, actor=author()), since=timedelta(hours=1))

    assert reap() == []


# ---- the version of the code ---------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", tmp_path], check=True)
    subprocess.run([*git, "-C", tmp_path, "commit", "-q", "--allow-empty", "-m", "One"], check=True)
    return tmp_path


def head_of(checkout: Path) -> str:
    asked = ["git", "-C", checkout, "rev-parse", "HEAD"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_of_a_checkout_is_found_on_a_branch_packed_or_not_and_beside_any(checkout):
    found = [code_version._find_commit(checkout / ".git")]
    for command in (["pack-refs", "--all"], ["checkout", "-q", "--detach"]):
        subprocess.run(["git", "-C", checkout, *command], check=True)
        found.append(code_version._find_commit(checkout / ".git"))

    assert found == [head_of(checkout)] * 3


def test_a_folder_of_code_without_history_has_no_commit(tmp_path):
    assert code_version._find_commit(tmp_path / ".git") is None
