"""Moments that somebody writes."""

from datetime import UTC, datetime

import pytest

from people_app.moments import parse_moment

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-11-22T12:00:00Z", "2026-11-22 14:00:00+02:00", "2026-11-22T12:00:00"]
)
def test_a_moment_is_told_in_utc(text: str) -> None:
    assert parse_moment(text) == NOON
    assert parse_moment(text).tzinfo is UTC


def test_a_day_begins_at_midnight() -> None:
    assert parse_moment("2026-11-22") == NOON.replace(hour=0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2026-13-01T00:00:00Z", "2026-11-22T25:00:00Z", "2026-02-30", "\0"),
        # UTC has no year 0 and no year 10,000.
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert parse_moment(text) is None
