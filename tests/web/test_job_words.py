from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from datasets_app.models import Job
from web.job_words import duration_in_words, kind_in_words, rate_in_words, time_left_in_words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(12_345.6, "12,346 a second"), (9.87, "9.9 a second"), (1, "1.0 a second"),
     (0.5, "30 a minute"), (0.05, "3.0 a minute"), (0.005, "18 an hour"),
     (1e-9, "less than one an hour"), (0, "less than one an hour")],
)  # fmt: skip
def test_a_rate_is_told_per_time_that_has_some(rate: float, words: str) -> None:
    assert rate_in_words(rate) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "a moment left"), (42, "42 seconds left"), (80, "1 minute left"),
     (600, "10 minutes left"), (5_399, "90 minutes left"), (7_300, "2 hours left"),
     (10**6, "12 days left")],
)  # fmt: skip
def test_time_left_is_no_finer_than_it_can_be_known(seconds: int, words: str) -> None:
    assert time_left_in_words(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.5, "9.5 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"),
     (7_260, "2 h 1 min")],
)  # fmt: skip
def test_how_long_it_took(seconds: float, words: str) -> None:
    began = datetime(2026, 5, 1, tzinfo=UTC)
    job = Job(started_at=began, finished_at=began + timedelta(seconds=seconds))
    assert duration_in_words(job) == words


def test_what_never_began_took_no_time() -> None:
    ended = datetime(2026, 5, 1, tzinfo=UTC)
    assert duration_in_words(Job(finished_at=ended)) == ""
    assert duration_in_words(Job(finished_at=ended, started_at=ended + timedelta(1))) == ""


def test_a_kind_that_nobody_named_is_told_as_it_is() -> None:
    assert [kind_in_words(Job(kind=kind)) for kind in ("unions", "make_coffee")] == [
        "Count of images by class",
        "Make coffee",
    ]
