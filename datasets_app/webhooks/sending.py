"""Send one message, to a checked address, within limits."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from django.conf import settings

from datasets_app.webhooks.errors import Unreachable
from datasets_app.webhooks.targets import DEFAULT_PORTS, Target, resolve_target

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0  # from the connection to the end of the answer
# Read so that the receiver is not cut off in the middle of a short answer; not kept: what a
# receiver says could be what somebody wants to see of an allowed network.
MAX_ANSWER_BYTES = 64 * 1024
_MAX_RETRY_AFTER_DIGITS = 9


class Answer(NamedTuple):
    """What came back; `retry_after` in seconds where the receiver asks for a pause."""

    code: int
    retry_after: float | None


def send(target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
    """Post a body and return the answer. Redirects are answers like others: not followed.

    Raises
    ------
    ForbiddenTarget
        Nothing was sent: the name has an address where nothing may be sent.
    Unreachable
        No address, no connection, no valid certificate, no HTTP, or not in time.
    """
    connection = _connect(target, resolve_target(target))
    try:
        with _ended_after(connection.sock, TOTAL_SECONDS):
            connection.request("POST", target.path, body, dict(headers))
            response = connection.getresponse()
            response.read(MAX_ANSWER_BYTES)
    except TimeoutError as error:
        raise Unreachable("no answer in time") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"no answer: {type(error).__name__}") from error
    finally:
        connection.close()
    return Answer(response.status, _retry_after(response.headers.get("Retry-After")))


def _connect(target: Target, addresses: list[str]) -> http.client.HTTPConnection:
    """Return a connection to the first address that answers, for the name of the target."""
    refusal: OSError | None = None
    deadline = time.monotonic() + CONNECT_SECONDS
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            sock = socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            refusal = error
            continue
        sock.settimeout(TOTAL_SECONDS)
        connection = http.client.HTTPConnection(target.host, target.port)
        # Lost, it must not be opened again: that would be by name.
        connection.auto_open = 0
        connection.default_port = DEFAULT_PORTS[target.scheme]
        connection.sock = _encrypted(sock, target) if target.scheme == "https" else sock
        return connection
    reason = type(refusal).__name__ if refusal else "TimeoutError"
    raise Unreachable(f"no connection: {reason}") from refusal


def _encrypted(sock: socket.socket, target: Target) -> ssl.SSLSocket:
    """Speak TLS with who can prove to be the name, though it was reached by an address."""
    try:
        with _ended_after(sock, CONNECT_SECONDS):
            # Without the dot that may end a name: no certificate has one.
            name = target.host.rstrip(".")
            return _tls_context().wrap_socket(sock, server_hostname=name)
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise Unreachable("the certificate is not valid for the host") from error
    except (OSError, ValueError) as error:
        sock.close()
        raise Unreachable(f"no TLS: {type(error).__name__}") from error


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if settings.TESSERA_WEBHOOK_CA_FILE:
        context.load_verify_locations(settings.TESSERA_WEBHOOK_CA_FILE)
    return context


@contextmanager
def _ended_after(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Cut the connection after so many seconds.

    A timeout of the socket counts anew with every byte: who sends one a second would hold
    the worker for ever.
    """
    late = threading.Event()
    handle = socket.socket(fileno=socket.dup(sock.fileno()))

    def end() -> None:
        late.set()
        try:
            handle.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it ended by itself

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
        if late.is_set():
            raise TimeoutError  # what was read may end where the connection was cut
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def _retry_after(text: str | None) -> float | None:
    """Return the seconds of `Retry-After: 120` or of a date; None where it cannot be read."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= _MAX_RETRY_AFTER_DIGITS:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
