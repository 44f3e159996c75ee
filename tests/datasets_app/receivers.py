"""A real receiver of webhooks on this machine."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Received(NamedTuple):
    """A message that arrived, whatever was answered."""

    path: str
    headers: dict[str, str]
    body: bytes

    def is_signed_with(self, secret: str) -> bool:
        """Check the signature as the guide tells receivers to."""
        fields = dict(part.split("=", 1) for part in self.headers["Tessera-Signature"].split(","))
        signed = f"{fields['t']}.".encode() + self.body
        right = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(right, fields["v1"])


class Receiver:
    """What arrived, and what is answered: the codes in turn, the last one for ever."""

    def __init__(self, codes: tuple[int, ...], headers: dict[str, str]) -> None:
        self.received: list[Received] = []
        self._codes, self._headers = list(codes), headers
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(Received(self.path, dict(self.headers), body))
                codes = receiver._codes
                self.send_response(codes.pop(0) if len(codes) > 1 else codes[0])
                for name, value in receiver._headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def receiver(*codes: int, **headers: str) -> Iterator[Receiver]:
    """Answer at a port of this machine: `receiver(500, 200)`."""
    one = Receiver(codes or (200,), {name.replace("_", "-"): headers[name] for name in headers})
    thread = threading.Thread(target=one.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.server.shutdown()
        one.server.server_close()
        thread.join()
