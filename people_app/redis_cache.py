"""Django's cache in Redis, which is empty while Redis is away. Needs the extra `redis`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

_log = logging.getLogger(__name__)
_SAID_EVERY_SECONDS = 60
# After a failure nobody waits for Redis for a while: each try may take a second.
_LEFT_ALONE_SECONDS = 5


class JsonSerializer:
    """Values as JSON. Django's own takes pickles, and who writes to Redis could run code here."""

    def dumps(self, value: Any) -> bytes | int:
        """Return what Redis keeps; a number stays one, so that it can be counted up."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """Return the value."""
        return json.loads(data)


class ForgivingRedisCache(RedisCache):
    """Without Redis nothing is counted and everything is answered.

    What is counted there are limits of requests; that a service goes on is worth more than
    that it counts. Signing in is counted in the database.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = {
            "serializer": JsonSerializer(),
            # The client's own would wait for seconds, and requests with it.
            "retry": Retry(NoBackoff(), 0),
            **params.get("OPTIONS", {}),
        }
        super().__init__(server, {**params, "OPTIONS": options})
        self._away_until = self._said_at = 0.0

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """Return what is there of `keys`."""
        ask, kept = super().get_many, list(keys)
        return dict(self._try(lambda: ask(kept, version), {}))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value of `key`."""
        ask = super().get
        return self._try(lambda: ask(key, default, version), default)

    def add(self, key: Any, value: Any, timeout: Any = 300, version: int | None = None) -> bool:
        """Set what has no value yet; say whether it had none."""
        ask = super().add
        return bool(self._try(lambda: ask(key, value, timeout, version), True))

    def set(self, key: Any, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        """Set a value."""
        ask = super().set
        self._try(lambda: ask(key, value, timeout, version), None)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Count up; ValueError where there is nothing to count."""
        ask = super().incr
        return int(self._try(lambda: ask(key, delta, version), delta))

    def _try(self, ask: Callable[[], Any], otherwise: Any) -> Any:
        if time.monotonic() < self._away_until:
            return otherwise
        try:
            return ask()
        except RedisError as error:
            self._away_until = time.monotonic() + _LEFT_ALONE_SECONDS
            self._say(error)
            return otherwise

    def _say(self, error: RedisError) -> None:
        now = time.monotonic()
        if now - self._said_at > _SAID_EVERY_SECONDS:
            self._said_at = now
            _log.error("requests are not counted: the cache does not answer: %s", error)
