"""How the service's log is written: lines for people, or one JSON object a line for machines.

A line is one event. What users can put into a message (names, hosts, headers) can neither end a
line and begin a forged one, nor steer a terminal; what looks like a secret is left out.
"""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from people_app.request_context import current_request

FORMATS = ("line", "json")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# What `extra` may add to a line: the fields of the access log.
_EXTRA = ("route", "method", "status", "duration_ms", "user", "token")
# Libraries whose INFO and DEBUG tell nothing about the service, and sometimes a credential.
_TALKATIVE = ("asyncio", "boto3", "botocore", "distributed", "numba", "s3transfer", "urllib3")

# Control characters, and what ends a line or turns its direction, for terminals and editors.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_CONTROL |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_CONTROL |= {code: f"\\u{code:04x}" for code in (*range(0x2028, 0x202F), *range(0x2066, 0x206A))}
_CONTROL_IN_TRACEBACKS = {code: text for code, text in _CONTROL.items() if code != ord("\n")}

_LEFT_OUT = r"\1[left out]"
# Each part is bounded: a message of a megabyte must not cost its square.
_SECRETS = (
    # Authorization: Token 0123…; also where the scheme stands alone.
    re.compile(r"(?i)(\b(?:Token|Bearer|Basic)\s{1,9})[\w.~+/=-]{8,}"),
    re.compile(r"(?i)(\b(?:set-)?cookie['\"]?\s{0,9}[:=]\s{0,9})[^\r\n]+"),
    # ?X-Amz-Signature=…&token=…, password='…', "secret": "…"
    re.compile(
        r"(?i)((?:password|passwd|secret|token|signature|credential|sessionid|api_?key)"
        r"[\w-]{0,40}['\"]?\s{0,9}[=:]\s{0,9}['\"]?)[^\s'\"&;,]+"
    ),
    # postgres://user:password@host
    re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,100}:)[^\s/@]{1,200}(?=@)"),
)


def log_settings(form: str, level: str) -> dict[str, Any]:
    """Return Django's LOGGING for TESSERA_LOG_FORMAT and TESSERA_LOG_LEVEL."""
    if form not in FORMATS:
        raise ImproperlyConfigured(f"TESSERA_LOG_FORMAT is line or json, not {form!r}")
    if level.upper() not in _LEVELS:
        expected = ", ".join(_LEVELS)
        raise ImproperlyConfigured(f"TESSERA_LOG_LEVEL is one of {expected}, not {level!r}")
    formatter = JsonFormatter if form == "json" else LineFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"chosen": {"()": formatter}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "chosen"}},
        "root": {"handlers": ["console"], "level": level.upper()},
        "loggers": {
            # The web server's own lines look like all others.
            "_granian": {"handlers": ["console"], "propagate": False},
            # A request that is refused is no fault of the service: `tessera.access` and
            # /metrics tell of it. Faults are at ERROR.
            "django.request": {"level": "ERROR"},
            **{name: {"level": _at_least_warning(level)} for name in _TALKATIVE},
        },
    }


class LineFormatter(logging.Formatter):
    """`2026-11-22T22:13:00.512Z WARNING datasets_app.jobs [request 7f3a… job 01c2…] message`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; those of a traceback follow, indented as no line's beginning is."""
        context = current_request()
        named = (("request", context.request_id), ("job", context.job_id))
        about = " ".join(f"{name} {value}" for name, value in named if value)
        line = f"{_time(record)} {record.levelname} {record.name} "
        line += f"[{about}] " if about else ""
        line += _without_secrets(record.getMessage()).translate(_CONTROL)
        for text in _tracebacks(self, record):
            safe = _without_secrets(text).translate(_CONTROL_IN_TRACEBACKS)
            line += "".join(f"\n    {part}" for part in safe.split("\n"))
        return line


class JsonFormatter(logging.Formatter):
    """One object a line, in ASCII, so that no reader splits it; what is not known is left out."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object, with the traceback in `exception`."""
        context = current_request()
        body: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _without_secrets(record.getMessage()),
            "request_id": context.request_id,
            "job_id": context.job_id,
            "address": context.address,
            **{name: getattr(record, name, None) for name in _EXTRA},
            "exception": _without_secrets("\n".join(_tracebacks(self, record))),
        }
        known = {name: value for name, value in body.items() if value not in (None, "")}
        return json.dumps(known, default=str)


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _tracebacks(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    texts = []
    if record.exc_info and record.exc_info[0] is not None:
        texts.append(formatter.formatException(record.exc_info))
    elif record.exc_text:
        texts.append(record.exc_text)
    if record.stack_info:
        texts.append(record.stack_info)
    return texts


def _without_secrets(text: str) -> str:
    for secret in _SECRETS:
        text = secret.sub(_LEFT_OUT, text)
    return text


def _at_least_warning(level: str) -> str:
    return level.upper() if level.upper() in ("ERROR", "CRITICAL") else "WARNING"
