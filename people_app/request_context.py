"""Which request is being answered, for those far below who write it into the audit log.

The middleware opens a context for each request and closes it; the authentication class
puts the token into it. Outside of a request (commands, jobs) there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class RequestContext:
    """What an audit event and a line of the log tell about their request.

    `job_id` is that of the job which does what the request asked for, "" in the request itself.
    """

    request_id: str = ""
    address: str = ""
    token_id: str = ""
    token_name: str = ""
    job_id: str = ""


_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def current_request() -> RequestContext:
    """Return the context of the request being answered; an empty one outside of requests."""
    return _current.get() or RequestContext()


@contextmanager
def request_context(request_id: str, address: str = "") -> Iterator[None]:
    """Say that the code within answers this request; `address` is where it comes from."""
    reset = _current.set(RequestContext(request_id=request_id, address=address))
    try:
        yield
    finally:
        _current.reset(reset)


@contextmanager
def resumed(context: RequestContext) -> Iterator[None]:
    """Say that the code within goes on with what this request asked for, in another process."""
    reset = _current.set(context)
    try:
        yield
    finally:
        _current.reset(reset)


def note_token(token_id: str, token_name: str) -> None:
    """Say that the present request came with this token."""
    context = _current.get()
    # Without an open context nobody would take the token away again, and the next
    # request of this thread would be told of as if it had used the token.
    if context is not None:
        _current.set(replace(context, token_id=token_id, token_name=token_name))
