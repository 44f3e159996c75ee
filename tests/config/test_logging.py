"""The lines of the log, as the formatters write them."""

from __future__ import annotations

import json
import logging
import sys
import unicodedata
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from config.logging import JsonFormatter, LineFormatter, log_settings
from people_app.request_context import RequestContext, request_context, resumed

TOKEN = "3f9a7c1e5b2d4f6a8c0e1d3b5f7a9c2e4d6f8b0a1c3e5d7f9b2a4c6e8d0f1b3a"
SECRETS = [
    f"Authorization: Token {TOKEN}",
    f"{{'Authorization': 'Bearer {TOKEN}'}}",
    f"Cookie: csrftoken=x; sessionid={TOKEN}",
    f"GET /photo?X-Amz-Credential=me&X-Amz-Signature={TOKEN}",
    f"connect(dbname='tessera', password='{TOKEN}')",
    f'{{"client_secret": "{TOKEN}"}}',
    f"postgres://tessera:{TOKEN}@db/tessera",
]


def line(message: str, *arguments: Any, **fields: Any) -> str:
    return LineFormatter().format(record(message, *arguments, **fields))


def body(message: str, *arguments: Any, **fields: Any) -> dict[str, Any]:
    return json.loads(JsonFormatter().format(record(message, *arguments, **fields)))


def record(message: str, *arguments: Any, exc_info: Any = None, **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord(
        "datasets_app.jobs", logging.WARNING, __file__, 1, message, arguments, exc_info
    )
    made.created, made.msecs = 1795385580.512, 512.0
    vars(made).update(fields)
    return made


def test_a_line_tells_time_level_logger_and_message() -> None:
    assert line("job %s failed", 7) == (
        "2026-11-22T22:13:00.512Z WARNING datasets_app.jobs job 7 failed"
    )


def test_a_line_tells_the_request_and_the_job_it_belongs_to() -> None:
    with request_context("0123456789abcdef"):
        assert " [request 0123456789abcdef] " in line("moved")
    with resumed(RequestContext(request_id="asked-here", job_id="01c2")):
        assert " [request asked-here job 01c2] " in line("moved")


def test_json_tells_what_is_known_and_nothing_else() -> None:
    with resumed(RequestContext(request_id="asked-here", address="192.0.2.7", job_id="01c2")):
        found = body("answered", route="healthz", status=200, duration_ms=1.5, user=None)
    assert found == {
        "time": "2026-11-22T22:13:00.512Z",
        "level": "WARNING",
        "logger": "datasets_app.jobs",
        "message": "answered",
        "request_id": "asked-here",
        "job_id": "01c2",
        "address": "192.0.2.7",
        "route": "healthz",
        "status": 200,
        "duration_ms": 1.5,
    }


@given(st.text(alphabet=st.characters(codec=None), max_size=50))
def test_whatever_users_write_stays_in_its_line(text: str) -> None:
    told = line("no dataset %s", text)
    assert len(told.splitlines()) == 1
    assert "Cc" not in {unicodedata.category(sign) for sign in told}
    assert JsonFormatter().format(record("no dataset %s", text)).isascii()


@given(st.text(max_size=50))
def test_json_gives_back_what_was_said(text: str) -> None:
    # The one thing that may be missing is a secret, and those have words before them.
    assert body("%s", text)["message"] == text if text else "message" not in body("%s", text)


def test_letters_that_turn_the_direction_of_a_line_are_spelled_out() -> None:
    assert line("user %s", "\u202egnorw").endswith(r"user \u202egnorw")


def test_an_exception_is_one_json_object_and_indented_in_lines() -> None:
    try:
        raise ValueError("broken\n2026-11-22T22:13:00.512Z INFO tessera.access forged")
    except ValueError:
        told = line("failed", exc_info=sys.exc_info())
        found = body("failed", exc_info=sys.exc_info())
    first, *others = told.split("\n")
    assert first.endswith("failed")
    assert all(other.startswith("    ") for other in others)
    assert found["exception"].startswith("Traceback")
    assert "broken" in found["exception"]


@pytest.mark.parametrize("text", SECRETS)
def test_no_secret_is_written(text: str) -> None:
    assert TOKEN not in line("%s", text)
    assert TOKEN not in JsonFormatter().format(record("%s", text))
    assert "[left out]" in line("%s", text)


def test_a_secret_in_an_exception_is_not_written() -> None:
    try:
        raise ValueError(f"Authorization: Token {TOKEN}")
    except ValueError:
        assert TOKEN not in line("failed", exc_info=sys.exc_info())
        assert TOKEN not in str(body("failed", exc_info=sys.exc_info()))


def test_digests_are_no_secrets() -> None:
    assert TOKEN in line("object_missing: %s", TOKEN)


@pytest.mark.parametrize("long", ["a" * 200_000, "token" * 40_000, "a." * 100_000, "a://" * 50_000])
def test_a_long_message_is_written_at_once(long: str) -> None:
    # Twenty seconds and more where a pattern goes over it for each of its letters.
    assert len(line("%s", long)) > 1_000


@pytest.mark.parametrize(("form", "level"), [("xml", "INFO"), ("json", "LOUD")])
def test_a_slip_in_the_settings_is_told_at_the_start(form: str, level: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        log_settings(form, level)


@pytest.mark.parametrize(("form", "formatter"), [("line", LineFormatter), ("json", JsonFormatter)])
def test_the_setting_chooses_the_form(form: str, formatter: type) -> None:
    found = log_settings(form, "info")
    assert found["formatters"]["chosen"]["()"] is formatter
    assert found["root"]["level"] == "INFO"


def test_libraries_that_tell_credentials_at_info_are_kept_quiet() -> None:
    loggers = log_settings("line", "DEBUG")["loggers"]
    assert loggers["botocore"]["level"] == "WARNING"
    assert log_settings("line", "ERROR")["loggers"]["botocore"]["level"] == "ERROR"
