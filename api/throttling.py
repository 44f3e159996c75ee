"""How many requests a caller may make: programs by token, people by account, others by address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from people_app.client_address import client_address
from people_app.models import Token

if TYPE_CHECKING:  # it reads the settings that name this module
    from rest_framework.views import APIView


class CallerThrottle(SimpleRateThrottle):
    """Limits by `settings.TESSERA_RATE_LIMITS`: `{"token": "600/min"}`; "" is no limit.

    What is refused is answered 429 `rate_limited` with `Retry-After`. Paths beside the API,
    such as those of health, have no limit.
    """

    def get_rate(self) -> str | None:
        """Return none yet: which limit holds is said by the caller."""
        return None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Say whether the caller may make one more request now."""
        if not request.path_info.startswith("/api/v1/"):
            return True
        self.scope, self._name = _caller(request)
        self.rate = settings.TESSERA_RATE_LIMITS.get(self.scope) or None
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return bool(super().allow_request(request, view))

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Return the caller's key."""
        return self.cache_format % {"scope": self.scope, "ident": self._name}


def _caller(request: Request) -> tuple[str, Any]:
    if isinstance(request.auth, Token):
        return "token", request.auth.public_id
    if request.user.is_authenticated:
        return "user", request.user.pk
    return "anonymous", client_address(request.META) or "unknown"
