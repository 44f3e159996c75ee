"""Give every request an id that logs, audit events and the client can share, and say how it ended.

A line of `tessera.access` tells of each request; `request_began` and `request_ended` tell whoever
counts. What is known of a URL is its pattern: a path may hold an invitation, a query a signature.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, copy_context
from typing import NamedTuple

from django.conf import settings
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import empty

from people_app.client_address import client_address
from people_app.request_context import current_request, request_context

access_log = logging.getLogger("tessera.access")

# Sent with `request`; and with `request`, `response` and `outcome`, an `Outcome`. A receiver that
# fails is logged by Django, and the request goes on.
request_began = Signal()
request_ended = Signal()

UNMATCHED = "unmatched"
OTHER_METHOD = "other"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Patterns that take any path answer 404 to what is not there: a stranger's guess is no route.
_CATCH_ALL = (".*", r"[\s\S]*")
# Asked every few seconds by machines: lines that nobody wants to read.
_ASKED_BY_MACHINES = frozenset({"healthz", "readyz", "metrics"})


class Outcome(NamedTuple):
    """How a request ended. Every field but `seconds` has few values, so they can be labels.

    `route` is the pattern of the URL, "static/" for a file of the pages, and `UNMATCHED` for all
    that nothing answers. `seconds` reach to the last byte that the server took.
    """

    route: str
    method: str
    status: int
    seconds: float


class RequestContextMiddleware:
    """Open the request's context; answer with its id in `X-Request-ID`.

    An id that the client or a proxy sends is kept when it is 8 to 64 characters that are
    harmless in a log line.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        sent = request.headers.get("X-Request-ID", "")
        request_id = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
        with request_context(request_id, client_address(request.META)):
            request_began.send_robust(type(self), request=request)
            response = self.get_response(request)
            response["X-Request-ID"] = request_id
            context = copy_context()
        if response.streaming:
            # A download of an hour is a request of an hour: it holds a thread for so long.
            response.streaming_content = _Watched(
                response.streaming_content, context, lambda: _end(request, response, began)
            )
        else:
            context.run(_end, request, response, began)
        return response


class _Watched:
    """What is streamed, in the context of its request; calls `end()` once, when it is closed."""

    def __init__(self, content: Iterable[bytes], context: Context, end: Callable[[], None]) -> None:
        self._content = iter(content)
        self._context = context
        self._end: Callable[[], None] | None = end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return self._context.run(next, self._content)
        except StopIteration:
            raise
        except Exception:
            # The status was sent long ago: only the log can tell that the answer is cut off.
            self._context.run(access_log.exception, "an answer broke off")
            raise

    def close(self) -> None:
        """Tell that the request ended; the server calls it also when the client went away."""
        end, self._end = self._end, None
        if end is not None:
            self._context.run(end)


def _end(request: HttpRequest, response: HttpResponseBase, began: float) -> None:
    outcome = Outcome(
        route=_route(request),
        method=request.method if request.method in _METHODS else OTHER_METHOD,
        status=response.status_code,
        seconds=time.monotonic() - began,
    )
    request_ended.send_robust(
        RequestContextMiddleware, request=request, response=response, outcome=outcome
    )
    level = logging.DEBUG if outcome.route in _ASKED_BY_MACHINES else logging.INFO
    if access_log.isEnabledFor(level):
        _write(level, request, outcome)


def _write(level: int, request: HttpRequest, outcome: Outcome) -> None:
    duration_ms = round(outcome.seconds * 1000, 1)
    access_log.log(
        level,
        "%s %s %d %.1f ms",
        outcome.method,
        outcome.route,
        outcome.status,
        duration_ms,
        extra={
            "route": outcome.route,
            "method": outcome.method,
            "status": outcome.status,
            "duration_ms": duration_ms,
            "user": _user_id(request),
            "token": current_request().token_id,
        },
    )


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is None:
        # Answered before any URL was looked up: a file, or a refusal.
        is_file = request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/")
        return "static/" if is_file else UNMATCHED
    route = str(match.route)
    return UNMATCHED if any(every in route for every in _CATCH_ALL) else route or "/"


def _user_id(request: HttpRequest) -> int | None:
    """Return who asked, as far as somebody wanted to know: the log itself asks no database."""
    user = request.__dict__.get("user")
    if user is None or getattr(user, "_wrapped", user) is empty:
        return None
    return user.pk
