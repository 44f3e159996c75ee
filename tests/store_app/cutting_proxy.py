"""A way to a server that breaks when a test wants it to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class CuttingProxy:
    """Passes bytes on, and cuts connections in the middle.

    `cut_answers(times, after)` cuts so many connections when that many bytes of answers have
    passed, `cut_requests` when that many bytes of requests have; `answer_all` answers by itself.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._cuts = {"answers": (0, 0), "requests": (0, 0)}
        self._canned = b""
        self.cut = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def cut_answers(self, times: int, after: int) -> None:
        """Cut so many connections after so many bytes of an answer that has a body beyond them."""
        self._cuts["answers"] = times, after

    def cut_requests(self, times: int, after: int) -> None:
        """Cut so many connections after so many bytes of their requests."""
        self._cuts["requests"] = times, after

    def answer_all(self, status: str, body: bytes = b"") -> None:
        """Answer every request with this; "" passes them on again."""
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self._canned = head.encode() + body if status else b""

    def heal(self) -> None:
        """Cut nothing any more, and pass everything on."""
        self.cut_answers(0, 0)
        self.cut_requests(0, 0)
        self.answer_all("")

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if self._canned:
                client.recv(65_536)
                client.sendall(self._canned)
                return
            with socket.create_connection(self._server) as server:
                ways = [
                    threading.Thread(target=self._pass_on, args=way, daemon=True)
                    for way in ((client, server, "requests"), (server, client, "answers"))
                ]
                for way in ways:
                    way.start()
                for way in ways:
                    way.join()

    def _pass_on(self, source: socket.socket, target: socket.socket, kind: str) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65_536):
                allowed = self._allowed(kind, passed, len(data))
                target.sendall(data[:allowed])
                passed += allowed
                if allowed < len(data):
                    break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _allowed(self, kind: str, passed: int, coming: int) -> int:
        """Return how many of the bytes that come may pass; fewer than all is a cut."""
        with self._lock:
            times, after = self._cuts[kind]
            if not times or passed + coming <= after:
                return coming
            self._cuts[kind] = times - 1, after
            self.cut += 1
            return max(after - passed, 0)


@contextmanager
def cutting_proxy(endpoint: str) -> Iterator[CuttingProxy]:
    """Stand before a server at `http://host:port`."""
    parts = urlsplit(endpoint)
    proxy = CuttingProxy((str(parts.hostname), int(parts.port or 80)))
    try:
        yield proxy
    finally:
        proxy.close()
