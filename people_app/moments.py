"""Moments that somebody writes: in an address, a query or on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

from django.utils.dateparse import parse_date, parse_datetime


def parse_moment(text: str) -> datetime | None:
    """Return a moment in UTC, None for text that is none: `2026-11-22T14:00:00Z`, or a day.

    Without a time zone it is UTC. What lies outside of the years that UTC can tell is none.
    """
    try:
        moment = parse_datetime(text)
        if moment is None and (day := parse_date(text)) is not None:
            moment = datetime(day.year, day.month, day.day)
        if moment is None:
            return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
