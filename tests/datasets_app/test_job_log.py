"""The lines that a job leaves: few, short, and written with its progress."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from datasets_app.errors import InvalidName
from datasets_app.jobs import kinds, log, running
from datasets_app.jobs.log import LineWriter, drop_old_lines, line_of, write_line
from datasets_app.jobs.queue import cancel, enqueue, reap
from datasets_app.jobs.running import JobProgress, run_job
from datasets_app.models import Job, JobLine, JobState
from tests.datasets_app.builders import author

pytestmark = pytest.mark.django_db


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[kinds.Handler], Job]:
    """Run a job of the kind `test` that does this."""

    def run(handler: kinds.Handler) -> Job:
        monkeypatch.setitem(kinds._HANDLERS, "test", handler)
        job = enqueue("test", {}, actor=author())
        run_job(str(job.pk))
        return job

    return run


def told(job: Job) -> list[tuple[str, str]]:
    return list(JobLine.objects.filter(job=job).order_by("id").values_list("level", "message"))


def test_a_log_tells_a_job_from_its_beginning_to_its_end(work):
    job = work(lambda job, progress: progress(3, 3, "images read") or {})

    assert told(job) == [
        ("info", "queued"),
        ("info", "taken by a worker"),
        ("info", "3 of 3 images read"),
        ("info", "done"),
    ]


def test_each_phase_is_told_once_and_its_steps_are_not(work):
    def read_then_compare(job, progress):
        for done in range(1, 50):
            progress(done, 49, "images read")
        for done in range(1, 50):
            progress(done, 70, "images compared")
        return {}

    phases = [message for _, message in told(work(read_then_compare))][2:-1]

    assert phases == ["1 of 49 images read", "1 of 70 images compared"]


def test_names_as_messages_make_no_line_each(work):
    def name_every_image(job, progress):
        for done in range(1, 50):
            progress(done, 49, f"{done}.png")
        return {}

    assert [message for _, message in told(work(name_every_image))][2:-1] == ["1 of 49 1.png"]


def test_what_takes_long_is_told_now_and_then(work, monkeypatch):
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr(running.time, "monotonic", lambda: float(next(clock)))

    def take_long(job, progress):
        for done in range(8):
            progress(done, 8, "images read")
        return {}

    phases = [message for _, message in told(work(take_long))][2:-1]

    assert phases == [f"{done} of 8 images read" for done in (0, 3, 6)]


def test_problems_of_a_report_are_lines(work):
    problems = [
        {"code": "empty_segment", "message": "no pixels", "image": "a.png", "severity": "warning"},
        {"code": "malformed_file", "message": "it ends", "file": "b.json", "severity": "error"},
    ]
    job = work(lambda job, progress: {"problems": problems})

    assert told(job)[2:] == [
        ("warning", "a.png: no pixels"),
        ("error", "b.json: it ends"),
        ("info", "done"),
    ]


def test_of_many_problems_the_first_are_told_and_the_others_counted(work):
    job = work(lambda job, progress: {"problems": [{"message": "bad"}] * 1_234})

    assert len(told(job)) < 60
    assert told(job)[-2] == ("warning", "and 1,184 more: see the result")


def test_why_a_job_failed_is_its_last_line(work):
    def fail(job, progress):
        raise InvalidName("../x", "it climbs")

    job = work(fail)

    assert told(job)[-1][0] == "error"
    assert told(job)[-1][1].startswith("failed: ")


def test_who_cancelled_a_job_is_told():
    job = enqueue("test", {}, actor=author())
    cancel(job, actor=author())

    assert told(job)[-1] == ("warning", f"cancelled by {author().username}")


def test_a_takeover_is_told():
    job = enqueue("test", {}, actor=author())
    Job.objects.update(
        state=JobState.RUNNING, lease=1, worker="host:7:c0ffee", lease_expires_at=job.created_at
    )
    reap()

    assert told(job)[-1] == ("warning", "worker c0ffee died; waiting for another")


def test_a_line_is_short_and_printable():
    job = enqueue("test", {}, actor=author())
    write_line(job, "a\x00b\nc" + "d" * 600)

    assert JobLine.objects.latest("id").message == "a b c" + "d" * 494 + "…"


def test_the_newest_thousand_lines_are_kept():
    job, other = (enqueue("test", {}, actor=author()) for _ in range(2))
    JobLine.objects.bulk_create(line_of(job, str(number)) for number in range(1_500))

    drop_old_lines(job.pk)

    assert [message for _, message in told(job)] == [str(number) for number in range(500, 1_500)]
    assert len(told(other)) == 1


def test_a_long_job_keeps_its_log_short_on_the_way(monkeypatch):
    monkeypatch.setattr(log, "MOST_LINES", 20)
    job = enqueue("test", {}, actor=author())
    lines = LineWriter(job)
    for number in range(300):
        lines.add(str(number))
        lines.flush()
        assert JobLine.objects.filter(job=job).count() <= 20 + 100

    assert told(job)[-1] == ("info", "299")


def test_progress_writes_its_row_and_its_lines_twice_a_second_at_most(
    monkeypatch, django_assert_num_queries
):
    job = enqueue("test", {}, actor=author())
    Job.objects.update(state=JobState.RUNNING, lease=1)
    job.refresh_from_db()
    now = [0.0]
    monkeypatch.setattr(running.time, "monotonic", lambda: now[0])
    progress = JobProgress(job)

    with django_assert_num_queries(3):  # the row, the line of the phase, was it cancelled
        progress(1, 10_000, "images read")
    with django_assert_num_queries(0):
        for done in range(2, 1_000):
            now[0] = 0.0004 * done
            progress(done, 10_000, "images read")
    with django_assert_num_queries(2):
        now[0] = 0.5
        progress(1_000, 10_000, "images read")
