"""How many requests a caller may make: programs by token, people by account, others by address.

Counted in the cache: by default each process for itself, with `TESSERA_CACHE_URL` all together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from people_app.client_address import client_network
from people_app.counting import parse_rate, take_one
from people_app.models import Token

if TYPE_CHECKING:  # it reads the settings that name this module
    from rest_framework.views import APIView


class CallerThrottle(BaseThrottle):
    """Limits by `settings.TESSERA_RATE_LIMITS`: `{"token": "600/min"}`; "" is no limit.

    What is refused is answered 429 `rate_limited` with `Retry-After`. Paths beside the API,
    such as those of health, have no limit.
    """

    _wait = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Say whether the caller may make one more request now."""
        if not request.path_info.startswith("/api/v1/"):
            return True
        scope, name = _caller(request)
        rate = parse_rate(settings.TESSERA_RATE_LIMITS.get(scope, ""))
        if rate is None:
            return True
        self._wait = take_one(f"requests:{scope}:{name}", rate)
        return not self._wait

    def wait(self) -> float:
        """Return the seconds after which the caller may ask again."""
        return self._wait


def _caller(request: Request) -> tuple[str, str]:
    if isinstance(request.auth, Token):
        return "token", request.auth.public_id
    if request.user.is_authenticated:
        return "user", str(request.user.pk)
    return "anonymous", client_network(request.META)
