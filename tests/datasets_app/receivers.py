"""A real receiver of webhooks on this machine."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
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

    def __init__(
        self,
        codes: tuple[int, ...],
        headers: dict[str, str],
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.host = host
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

        address = self.host.strip("[]")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server_class = type("Server", (ThreadingHTTPServer,), {"address_family": family})
        self.server = server_class((address, 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def port(self) -> int:
        return self.server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hook"


@contextmanager
def receiver(
    *codes: int, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, **headers: str
) -> Iterator[Receiver]:
    """Answer at a port of this machine: `receiver(500, 200)`."""
    fields = {name.replace("_", "-"): headers[name] for name in headers}
    one = Receiver(codes or (200,), fields, host, tls)
    thread = threading.Thread(target=one.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.server.shutdown()
        one.server.server_close()
        thread.join()
