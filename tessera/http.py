"""Requests to a service: repeated where that is safe, errors by their names."""

from __future__ import annotations

import random
import ssl
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx

from tessera.errors import AccessError, NetworkError, TesseraError, UsageError, of_problem

API = "/api/v1"
ATTEMPTS = 6
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 30.0
_LONGEST_RETRY_AFTER_SECONDS = 600.0
# A proxy in trouble, or a service that starts anew; 500 is a bug and stays one.
# 0: no answer, or one that broke off.
_PASSING = frozenset({0, 429, 502, 503, 504})
_REFUSED = frozenset({429})
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)

Content = bytes | Callable[[], Iterable[bytes]]


class Connection:
    """A service, and who one is there. Threads may share it.

    Requests that change nothing, or the same however often they come, are repeated with growing
    pauses when the service cannot be reached or says that it is busy; `Retry-After` is respected.
    """

    def __init__(self, url: str, token: str = "", *, connections: int = 4) -> None:
        self.url = url.rstrip("/")
        self.connections = connections
        headers = {"User-Agent": f"tessera/{_version()}", "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Token {token}"
        self._client = httpx.Client(
            headers=headers,
            timeout=_TIMEOUT,
            verify=_trusted(),
            limits=httpx.Limits(max_connections=connections + 2),
        )
        # Signed addresses are elsewhere: the token is none of their business.
        self._others = httpx.Client(
            headers={"User-Agent": headers["User-Agent"], "Accept-Encoding": "identity"},
            timeout=_TIMEOUT,
            verify=_trusted(),
            limits=httpx.Limits(max_connections=connections + 2),
        )
        # Who forgets to close it, such as a notebook, leaves no open sockets all the same.
        weakref.finalize(self, _close, self._client, self._others)

    def close(self) -> None:
        """End the connections."""
        self._client.close()
        self._others.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def get(self, path: str, **params: Any) -> Any:
        """Return the JSON at a path below `/api/v1`; parameters that are None are left out."""
        return self._json("GET", path, params=params, repeat=True)

    def post(
        self, path: str, body: Any = None, *, repeat: bool = False, key: str | None = None
    ) -> Any:
        """Post JSON; `repeat` where a second time does no harm, or `key` makes it so."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._json("POST", path, json=body, headers=headers, repeat=repeat or bool(key))

    def put(self, path: str, body: Any = None) -> Any:
        """Put JSON."""
        return self._json("PUT", path, json=body, repeat=True)

    def delete(self, path: str) -> None:
        """Delete; what is gone already is no error of a repetition."""
        self._json("DELETE", path, repeat=True)

    def send(
        self,
        method: str,
        path: str,
        content: Content,
        *,
        content_type: str = "application/octet-stream",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send bytes, or what a function yields anew at each attempt; return the JSON answer."""
        headers = {"Content-Type": content_type, **(headers or {})}
        return self._json(method, path, content=content, headers=headers, repeat=True)

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list, page after page."""
        following: str | None = path
        while following is not None:
            page = self.get(following, **params)
            yield from page["results"]
            # Behind a proxy the service may believe that it has another name: the path counts.
            following, params = page["next"] and _path_of(page["next"]), {}

    @contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """Open an answer of bytes; an address outside of the service gets no token.

        One attempt: who reads the bytes knows how to go on where they break off. Answers
        other than 2xx are raised as errors.
        """
        url = path if path.startswith(("http://", "https://")) else self._path(path)
        client = self._client if self._is_own(url) else self._others
        try:
            with client.stream(method, url, json=json, headers=dict(headers or {})) as answer:
                if not answer.is_success:
                    answer.read()
                    raise _error_of(answer)
                yield answer
        except httpx.RequestError as error:
            raise _unreachable(url, error) from error

    def repeat(
        self,
        act: Callable[[], Any],
        *,
        progress: Callable[[], int] = lambda: 0,
        passing: frozenset[int] = _PASSING,
    ) -> Any:
        """Call `act` again, with growing pauses, while it raises what may pass.

        What has got further since the last time, as `progress` tells, is not given up: the
        attempts are counted anew. `passing` are the statuses that may pass; 0: no answer.
        """
        attempt, reached = 0, progress()
        while True:
            try:
                return act()
            except NetworkError as error:
                if progress() > reached:
                    attempt, reached = 0, progress()
                attempt += 1
                if (error.status or 0) not in passing or attempt == ATTEMPTS:
                    raise
                time.sleep(_wait(attempt - 1, error))

    def _json(self, method: str, path: str, *, repeat: bool, **options: Any) -> Any:
        def ask() -> Any:
            return self._ask_json(method, path, **options)

        # What was refused because too much was asked was not done: it may always come again.
        return self.repeat(ask, passing=_PASSING if repeat else _REFUSED)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make one request, once, at a path; answers other than 2xx are raised as errors."""
        params = options.pop("params", None)
        if params:
            options["params"] = {key: item for key, item in params.items() if item is not None}
        content = options.get("content")
        if callable(content):
            options["content"] = content()
        try:
            answer = self._client.request(method, self._path(path), **options)
        except httpx.RequestError as error:
            raise _unreachable(self.url, error) from error
        if not answer.is_success:
            raise _error_of(answer)
        return answer

    def _ask_json(self, method: str, path: str, **options: Any) -> Any:
        answer = self.ask(method, path, **options)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise NetworkError(
                f"{self.url} answers no JSON: is it a Tessera service?", status=answer.status_code
            ) from error

    def _path(self, path: str) -> str:
        return self.url + (path if path.startswith(API) else API + path)

    def _is_own(self, url: str) -> bool:
        return url.startswith(self.url + "/")


def _close(*clients: httpx.Client) -> None:
    for client in clients:
        client.close()


def _error_of(answer: httpx.Response) -> TesseraError:
    if answer.is_redirect:
        # Followed blindly, a POST would become a GET and a token go elsewhere.
        return UsageError(
            f"{answer.request.url.host} sends us to {answer.headers.get('Location')}: use that",
            code="redirected",
            status=answer.status_code,
        )
    try:
        problem = answer.json()
    except ValueError:
        problem = {"detail": f"{answer.request.url.host} answered {answer.status_code}"}
    error = of_problem(answer.status_code, problem if isinstance(problem, dict) else {})
    if isinstance(error, NetworkError):
        error.retry_after = _retry_after(answer.headers.get("Retry-After"))
    if answer.status_code == 401 and isinstance(error, AccessError):
        error.message = f"{error.message.rstrip('.')}: `tessera login` signs in"
        error.args = (error.message,)
    return error


def _unreachable(url: str, error: httpx.RequestError) -> NetworkError:
    # Without the query, which for a signed address is a secret.
    named = url.partition("?")[0]
    # Reached it was, where an answer has begun.
    is_begun = isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError)
    told = "sent no whole answer" if is_begun else "cannot be reached"
    return NetworkError(f"{named} {told}: {str(error) or type(error).__name__}")


def _path_of(url: str) -> str:
    """Return path and query of an address of the service, from `/api/v1` on."""
    return API + url.partition(API)[2]


def _wait(attempt: int, error: NetworkError) -> float:
    """Return how many seconds to wait; some chance keeps many clients from coming at once."""
    if error.retry_after is not None:
        return min(error.retry_after, _LONGEST_RETRY_AFTER_SECONDS)
    longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2**attempt)
    return random.uniform(longest / 2, longest)


def _retry_after(text: str | None) -> float | None:
    """Read `Retry-After`: seconds, or a date (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


@cache
def _trusted() -> ssl.SSLContext:
    """Return whose certificates are believed; reading the list takes 50 ms."""
    return httpx.create_ssl_context()


def _version() -> str:
    from tessera import __version__

    return __version__
