"""Answers in chunks, without a length, that end before their end: never taken for whole ones."""

from __future__ import annotations

import socket
import threading
from collections import deque
from contextlib import contextmanager

import pytest

from tessera import http
from tessera.errors import NetworkError
from tessera.http import ATTEMPTS, Connection
from tests.tessera.answering import Answer, Clock, answering

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(http, "time", found)
    return found


def chunk(data: bytes) -> bytes:
    """One chunk as it travels; that of no bytes is the last one."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@contextmanager
def sending(*answers: bytes):
    """A server that sends these bytes, one answer a connection, the last one again and again."""
    waiting = deque(answers)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    asked = b""
                    while b"\r\n\r\n" not in asked:
                        piece = connection.recv(65_536)
                        if not piece:
                            break
                        asked += piece
                    if asked:
                        connection.sendall(waiting.popleft() if len(waiting) > 1 else waiting[0])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


WHOLE = _HEAD + chunk(b'{"a": ') + chunk(b"1}") + chunk(b"")
CUT = {
    "before the first chunk": _HEAD,
    "within the length of a chunk": _HEAD + chunk(b'{"a": ') + b"2",
    "within a chunk": _HEAD + chunk(b'{"a": ')[:-4],
    # What has arrived is JSON, and yet there is more to come.
    "between two chunks": _HEAD + chunk(b'{"a": 2}'),
    "within the last chunk": _HEAD + chunk(b'{"a": 2}') + b"0\r\n",
}


def test_an_answer_in_chunks_is_read():
    with sending(WHOLE) as url, Connection(url) as service:
        assert service.get("/x") == {"a": 1}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT.keys())
def test_an_answer_that_is_cut_off_is_asked_for_again(cut, clock):
    with sending(cut, WHOLE) as url, Connection(url) as service:
        assert service.get("/x") == {"a": 1}
    assert len(clock.slept) == 1


def test_an_answer_that_is_cut_off_each_time_is_an_error(clock):
    with (
        sending(CUT["between two chunks"]) as url,
        Connection(url) as service,
        pytest.raises(NetworkError, match="sent no whole answer: peer closed connection"),
    ):
        service.get("/x")
    assert len(clock.slept) == ATTEMPTS - 1


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT.keys())
def test_a_stream_of_chunks_that_is_cut_off_is_an_error(cut):
    with (
        sending(cut) as url,
        Connection(url) as service,
        pytest.raises(NetworkError),
        service.stream("GET", "/x") as answer,
    ):
        list(answer.iter_bytes())


def test_an_answer_that_cannot_be_unpacked_is_an_error_of_the_line():
    packed = Answer(body=b"no gzip at all", headers={"Content-Encoding": "gzip"})
    with (
        answering(packed) as server,
        Connection(server.url) as service,
        pytest.raises(NetworkError, match="sent no whole answer: Error -3"),
    ):
        service.get("/x")
