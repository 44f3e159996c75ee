"""What the processes of the web server count of themselves: requests, their time, their errors.

Several processes answer behind one port, and a scrape reaches any of them; their counts lie in
files that each can read (`api.metrics_folder`), so whichever is asked answers for the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from api.errors import MEDIA_TYPE
from api.metrics_folder import files_of_counts, shared_folder
from people_app.middleware import Outcome, request_began, request_ended

# From a view of a small label to the download of an archive.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")

_registry = CollectorRegistry()
_requests = Counter(
    "tessera_requests",
    "Requests that were answered, by the pattern of their URL.",
    ["route", "method", "status"],
    registry=_registry,
)
_seconds = Histogram(
    "tessera_request_duration_seconds",
    "From the request to the last byte of its answer.",
    ["route", "method"],
    buckets=_SECONDS,
    registry=_registry,
)
_in_flight = Gauge(
    "tessera_requests_in_flight",
    "Requests that are being answered now, downloads included; this one, too.",
    registry=_registry,
    multiprocess_mode="livesum",
)
_problems = Counter(
    "tessera_problems",
    "Answers with a problem document, by its code.",
    ["code", "status"],
    registry=_registry,
)
_processes = Gauge(
    "tessera_web_processes",
    "Processes of the web server that are alive on this machine.",
    registry=_registry,
    multiprocess_mode="livesum",
)


def register() -> None:
    """Count from now on."""
    request_began.connect(_begin, dispatch_uid="metrics")
    request_ended.connect(_end, dispatch_uid="metrics")
    _processes.set(1)


def collect_requests() -> Iterable[Metric]:
    """Return the counts of all processes of the web server on this machine."""
    folder = shared_folder()
    if folder is None:
        return _registry.collect()
    return MultiProcessCollector.merge([str(file) for file in files_of_counts(folder)])


def _begin(sender: Any, request: HttpRequest, **others: Any) -> None:
    _in_flight.inc()


def _end(
    sender: Any, request: HttpRequest, response: HttpResponseBase, outcome: Outcome, **others: Any
) -> None:
    _in_flight.dec()
    _requests.labels(outcome.route, outcome.method, outcome.status).inc()
    _seconds.labels(outcome.route, outcome.method).observe(outcome.seconds)
    if response.status_code >= 400 and response.get("Content-Type", "") == MEDIA_TYPE:
        _problems.labels(_code_of(response), outcome.status).inc()


def _code_of(response: HttpResponseBase) -> str:
    body = getattr(response, "data", None)
    if body is None:  # made by the handlers for what reached no view
        body = orjson.loads(response.content)
    code = str(body.get("code", ""))
    return code if _CODE.fullmatch(code) else "other"
