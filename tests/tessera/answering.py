"""A real HTTP server whose answers a test draws up, and that remembers what it was asked."""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpx


class Asked(NamedTuple):
    """A request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """An answer; `cut_after` bytes of the body the connection breaks, None: it does not."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}
    cut_after: int | None = None


def told(plain: Any, status: int = 200, **headers: str) -> Answer:
    """Return an answer of JSON; `Retry_After="3"` becomes a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(plain).encode(), {"Content-Type": "application/json", **named})


class AnsweringServer(ThreadingHTTPServer):
    """Gives the answers one after the other, the last one again and again.

    With `react` it answers whatever that returns for a request.
    """

    daemon_threads = True

    def __init__(self, *answers: Answer, react: Callable[[Asked], Answer] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._answers = deque(answers)
        self._react = react
        self._asking = threading.Lock()
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer_to(self, asked: Asked) -> Answer:
        """Remember a request and return what to answer."""
        with self._asking:
            self.asked.append(asked)
        if self._react is not None:
            return self._react(asked)
        with self._asking:
            return self._answers.popleft() if len(self._answers) > 1 else self._answers[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of those who go away before they are answered: tests kill them."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: AnsweringServer

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True  # who asked went away in the middle of asking
            return
        answer = self.server.answer_to(Asked(self.command, self.path, headers, body))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.cut_after is None:
            self.wfile.write(b"" if self.command == "HEAD" else answer.body)
            return
        self.wfile.write(answer.body[: answer.cut_after])
        self.wfile.flush()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _answer  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def answering(
    *answers: Answer, react: Callable[[Asked], Answer] | None = None
) -> Iterator[AnsweringServer]:
    """Run a server for a block."""
    server = AnsweringServer(*answers, react=react)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def forwarding(
    url: str, change: Callable[[Asked, Answer], Answer] = lambda asked, answer: answer
) -> Iterator[AnsweringServer]:
    """Stand before a service and `change` its answers."""
    with httpx.Client(timeout=60) as client:

        def forward(asked: Asked) -> Answer:
            kept = ("authorization", "content-type", "range", "accept")
            headers = {name: value for name, value in asked.headers.items() if name in kept}
            got = client.request(asked.method, url + asked.path, headers=headers,
                                 content=asked.body)  # fmt: skip
            shown = ("content-type", "content-range", "retry-after")
            named = {name: value for name, value in got.headers.items() if name in shown}
            return change(asked, Answer(got.status_code, got.content, named))

        with answering(react=forward) as server:
            yield server


def closed_port() -> str:
    """The address of a port at which nobody listens."""
    with socket.socket() as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        found.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{found.getsockname()[1]}"


class Clock:
    """A clock that stands still but for those who sleep; stands in for the module `time`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let so much time go by at once."""
        self.slept.append(seconds)
        self.now += seconds

    def time(self) -> float:
        """Return what it shows."""
        return self.now
