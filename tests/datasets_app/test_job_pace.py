"""How fast a job is: from its row alone, by a clock that the test sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from datasets_app.jobs.pace import WINDOW_SECONDS, add_mark, rate_of, seconds_left
from datasets_app.models import Job, JobState

START = datetime(2026, 5, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def running(*progress: tuple[float, int], total: int | None = None, **fields) -> Job:
    """A job that runs, and has said at some seconds how much is done."""
    marks: list = []
    for seconds, done in progress:
        marks = add_mark(marks, at(seconds), done)
    seconds, done = progress[-1] if progress else (0, 0)
    values = {
        "state": JobState.RUNNING,
        "done": done,
        "total": total,
        "marks": marks,
        "progressed_at": at(seconds) if progress else None,
        "lease_expires_at": at(seconds + 1_000),
        **fields,
    }
    return Job(**values)


def test_the_rate_is_what_was_done_in_the_time_that_was_watched():
    job = running((0, 0), (10, 200), total=1_000)

    assert rate_of(job, at(10)) == 20
    assert seconds_left(job, at(10)) == 40


def test_what_began_before_the_window_is_forgotten():
    slow_then_fast = [(second, 0) for second in range(0, 60, 2)]
    slow_then_fast += [(60 + second, 10 * second) for second in range(0, 60, 2)]

    assert rate_of(running(*slow_then_fast), at(118)) == 10


def test_time_left_goes_down_while_nothing_new_is_heard():
    job = running((0, 0), (10, 100), total=300)

    assert [seconds_left(job, at(now)) for now in (10, 15, 25, 40)] == [20, 15, 5, 0]


def test_nothing_is_known_after_the_first_progress():
    job = running((0, 500), total=1_000)

    assert (rate_of(job, at(0)), seconds_left(job, at(0))) == (None, None)


def test_nothing_is_known_of_the_first_moment_of_a_phase():
    assert rate_of(running((0, 0), (0.5, 500)), at(0.5)) is None


def test_nothing_is_known_once_it_is_silent_for_longer_than_it_was_watched():
    job = running((0, 0), (10, 100), total=1_000)

    assert rate_of(job, at(40)) == 10
    assert rate_of(job, at(41)) is None


def test_what_is_slow_by_nature_may_be_silent_for_as_long_as_it_was_watched():
    assert rate_of(running((0, 0), (90, 1)), at(170)) == 1 / 90


def test_without_a_total_only_the_rate_is_known():
    job = running((0, 0), (10, 100))

    assert (rate_of(job, at(10)), seconds_left(job, at(10))) == (10, None)


def test_what_stands_still_has_a_rate_of_nothing_and_no_end():
    job = running((0, 5), (10, 5), total=10)

    assert (rate_of(job, at(10)), seconds_left(job, at(10))) == (0, None)


def test_nothing_is_known_of_a_job_whose_worker_is_silent():
    job = running((0, 0), (10, 100), total=1_000, lease_expires_at=at(12))

    assert rate_of(job, at(11)) == 10
    assert rate_of(job, at(12)) is None


def test_nothing_is_known_of_a_job_that_does_not_run():
    for state in (JobState.QUEUED, JobState.DONE, JobState.FAILED, JobState.CANCELLED):
        assert rate_of(running((0, 0), (10, 100), state=state), at(10)) is None


def test_what_is_asked_to_stop_has_no_time_left():
    assert seconds_left(running((0, 0), (9, 9), total=99, cancel_requested=True), at(9)) is None


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 10**6)), min_size=1, max_size=60))
def test_few_marks_are_kept_and_they_reach_back_over_the_window(steps):
    marks: list = []
    seconds, done = 0.0, 0
    for pause, units in steps:
        seconds, done = seconds + pause, done + units
        marks = add_mark(marks, at(seconds), done)

    now = at(seconds).timestamp()
    assert len(marks) <= WINDOW_SECONDS / 2 + 2
    assert [mark[0] for mark in marks] == sorted(mark[0] for mark in marks)
    assert len(marks) == 1 or all(mark[0] > now - WINDOW_SECONDS - 2 for mark in marks[1:])
