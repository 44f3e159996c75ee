"""Workers that are told to stop, and two of which one is killed: every job is done once."""

from __future__ import annotations

import io
import os
import signal
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.db import OperationalError, connection, transaction
from PIL import Image

from datasets_app.actions.commits import ImageChange
from datasets_app.actions.exports import ExportRequest
from datasets_app.actions.splits import ByGroup, request_splits
from datasets_app.actions.transfers import request_export, request_import
from datasets_app.jobs.queue import cancel, enqueue
from datasets_app.leaks.asking import request_report
from datasets_app.leaks.request import LeakRequest
from datasets_app.models import (
    Branch,
    Dataset,
    Job,
    JobLine,
    JobState,
    LeakReport,
    PixelComparison,
    UnionCount,
    Version,
    Worker,
)
from datasets_app.splitting import SplitRule
from datasets_app.taxonomy_access import get_read_by
from panoptic.diff import ALGORITHM_VERSION
from people_app.models import AuditEvent
from store_app.blobs import get_content
from tests.datasets_app.builders import author, commit_to, dataset, put_label
from tests.scenarios.worker_processes import WorkerProcesses, wait_until
from tests.store_app.builders import use_storage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

LEASE_SECONDS = 2.0
# Beyond any hiccup of a machine that does other things, too.
LONG = 60.0


@pytest.fixture(scope="module")
def forked(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None
) -> Iterator[WorkerProcesses]:
    """Where real workers come from."""
    folder = tmp_path_factory.mktemp("workers")
    found = WorkerProcesses(folder, lease_seconds=LEASE_SECONDS)
    yield found
    found.close()


@pytest.fixture
def processes(settings, forked: WorkerProcesses) -> Iterator[WorkerProcesses]:
    """Where real workers come from; jobs of the test wait for them in the database."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    settings.TESSERA_JOB_LEASE_SECONDS = LEASE_SECONDS
    use_storage(
        settings,
        "django.core.files.storage.FileSystemStorage",
        location=str(forked.storage),
    )
    yield forked
    forked.kill_all()


# ---- told to stop ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("test-loud", {"steps": 100_000}), ("test-silent", {"seconds": LONG})],
)
def test_a_worker_that_is_told_to_stop_hands_its_job_back(
    processes: WorkerProcesses, kind: str, arguments: dict[str, Any]
) -> None:
    job = enqueue(kind, arguments, actor=author(), dataset=dataset())
    worker = processes.start()
    wait_until(lambda: Job.objects.filter(pk=job.pk, progressed_at__isnull=False).exists())
    assert Worker.objects.get().job_id == job.pk

    os.kill(worker, signal.SIGTERM)

    assert processes.wait(worker) == 0
    job.refresh_from_db()
    assert (job.state, job.lease, job.forgiven_leases) == (JobState.QUEUED, 1, 1)
    assert not Worker.objects.exists()
    assert "which was told to stop" in JobLine.objects.filter(job=job).first().message


def test_what_was_handed_back_is_done_by_another_at_once(processes: WorkerProcesses) -> None:
    job = enqueue("test-loud", {"steps": 300}, actor=author(), dataset=dataset())
    first = processes.start()
    wait_until(lambda: Job.objects.filter(pk=job.pk, progressed_at__isnull=False).exists())
    os.kill(first, signal.SIGTERM)
    second = processes.start()

    wait_until(lambda: Job.objects.get(pk=job.pk).is_settled)

    job.refresh_from_db()
    assert (job.state, job.lease, job.result) == (JobState.DONE, 2, {"worker": second})


def test_a_worker_that_waits_stops_at_once_and_is_forgotten(processes: WorkerProcesses) -> None:
    worker = processes.start()
    wait_until(lambda: Worker.objects.filter(pid=worker).exists())
    began = Worker.objects.get().heartbeat_at
    wait_until(lambda: Worker.objects.get().heartbeat_at > began)

    os.kill(worker, signal.SIGTERM)

    assert processes.wait(worker) == 0
    assert not Worker.objects.exists()


def test_a_job_is_cancelled_while_another_process_runs_it(processes: WorkerProcesses) -> None:
    job = enqueue("test-loud", {"steps": 100_000}, actor=author(), dataset=dataset())
    processes.start()
    wait_until(lambda: Job.objects.filter(pk=job.pk, progressed_at__isnull=False).exists())

    cancel(job, actor=author())

    wait_until(lambda: Job.objects.get(pk=job.pk).state == JobState.CANCELLED)


# ---- killed ----------------------------------------------------------------------


def test_of_two_workers_one_is_killed_in_each_of_ten_jobs(processes: WorkerProcesses) -> None:
    cells = _cells()
    survivor = processes.start()
    wait_until(lambda: Worker.objects.filter(pid=survivor).exists())
    jobs = []
    for crash_at, ask in _TEN:
        # The one that is to die must be the one that takes the job.
        _pause(survivor)
        job = ask(cells)
        victim = processes.start(crash_at)
        assert processes.wait(victim) == -signal.SIGKILL, crash_at
        os.kill(survivor, signal.SIGCONT)
        wait_until(lambda job=job: Job.objects.get(pk=job.pk).is_settled)
        jobs.append(job)

    for job, (crash_at, _) in zip(jobs, _TEN, strict=True):
        job.refresh_from_db()
        assert (job.state, job.problem) == (JobState.DONE, None), crash_at
        assert job.lease >= (1 if crash_at == "job_after_result" else 2), crash_at
    finished = AuditEvent.objects.filter(verb="job.finished").values_list("object_id", flat=True)
    assert Counter(finished) == Counter({str(job.pk): 1 for job in jobs})
    _check_what_they_made(cells, jobs)


def _pause(worker: int) -> None:
    """Stop a process where it holds no lock of the database, as SQLite has but one."""
    while True:
        os.kill(worker, signal.SIGSTOP)
        if connection.vendor != "sqlite":
            return
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 50")
        try:
            with transaction.atomic():
                return
        except OperationalError:
            os.kill(worker, signal.SIGCONT)
            time.sleep(0.01)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA busy_timeout = 30000")


def _cells() -> Dataset:
    """Two versions of six images, which differ in two labels."""
    cells = dataset()
    commit_to(cells, [ImageChange(f"{n}.png", label=_label(n)) for n in range(6)], message="one")
    commit_to(
        cells, [ImageChange(f"{n}.png", label=_label(n + 7)) for n in range(2)], message="two"
    )
    return cells


def _label(number: int) -> bytes:
    return put_label(f"{'1' * (number + 1)}{'2' * (20 - number)}", {1: 1, 2: 2})


def _import(message: str) -> Callable[[Dataset], Job]:
    def ask(cells: Dataset) -> Job:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            for number in range(3):
                # Labels that no import had before: else no bytes would be written.
                mask = np.zeros((8 + len(message), 8), np.uint8)
                mask[: number + 2, : len(message)] = 255
                picture = io.BytesIO()
                Image.fromarray(mask).save(picture, "PNG")
                file.writestr(f"{message}-{number}/masks/0.png", picture.getvalue())
        archive.seek(0)
        fields = {"format": "instance_masks", "class_name": "car", "message": message}
        return request_import(cells, archive, fields, actor=author())

    return ask


def _export(form: str) -> Callable[[Dataset], Job]:
    def ask(cells: Dataset) -> Job:
        version = cells.versions.get(number=2)
        return request_export(version, ExportRequest(form), actor=author())

    return ask


def _compare(cells: Dataset) -> Job:
    old, new = cells.versions.get(number=1), cells.versions.get(number=2)
    read_by = get_read_by([old, new], user=None)
    job = enqueue(
        "compare",
        {"old": old.pk, "new": new.pk, "taxonomy": read_by.name},
        actor=author(),
        dataset=cells,
    )
    PixelComparison.objects.create(
        old=old,
        new=new,
        algorithm=ALGORITHM_VERSION,
        reading=read_by.reading.label_reading.digest,
        job=job,
    )
    return job


def _unions(cells: Dataset) -> Job:
    version = cells.versions.get(number=2)
    arguments = {"version": version.pk, "sources": [[1, 2]]}
    return enqueue("unions", arguments, actor=author(), dataset=cells)


def _leaks(cells: Dataset) -> Job:
    return request_report(cells.versions.get(number=2), LeakRequest(), actor=author()).job


def _splits(seed: str) -> Callable[[Dataset], Job]:
    def ask(cells: Dataset) -> Job:
        return request_splits(
            dataset=cells,
            branch="main",
            expected_head=Branch.objects.get(dataset=cells, name="main").head.version_id,
            splitting=ByGroup(SplitRule({"train": 0.5, "val": 0.5}, seed), alone=True),
            author=author(),
            message=f"splits {seed}",
        )

    return ask


_TEN: list[tuple[str, Callable[[Dataset], Job]]] = [
    ("job_progress", _import("first")),
    ("after_pack_before_sql", _import("second")),
    ("before_commit_sql", _import("third")),
    ("after_commit_sql", _import("fourth")),
    ("job_progress", _export("coco_panoptic")),
    ("job_before_result", _export("coco_instances")),
    ("job_progress", _compare),
    ("job_before_result", _unions),
    ("job_after_result", _leaks),
    ("after_commit_sql", _splits("a")),
]


def _check_what_they_made(cells: Dataset, jobs: list[Job]) -> None:
    made = ("one", "two", "first", "second", "third", "fourth", "splits a")
    assert Counter(cells.versions.values_list("message", flat=True)) == Counter(made)
    assert cells.versions.count() == Branch.objects.get(dataset=cells, name="main").head.number
    for job in jobs:
        if job.kind == "export":
            archive = get_content(bytes.fromhex(job.result["digest"]))
            assert zipfile.ZipFile(io.BytesIO(archive)).testzip() is None
    assert PixelComparison.objects.get().totals is not None
    assert UnionCount.objects.filter(version__number=2).count() >= 1
    assert LeakReport.objects.get().totals is not None
    assert Version.objects.get(message="splits a").change_set.changed > 0
    connection.close()
