"""Sign-in of programs by token."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from people_app.client_address import client_network
from people_app.models import Token, User
from people_app.request_context import note_token
from people_app.wrong_tokens import Try, is_known_good, note_good, note_wrong

# A pull makes hundreds of requests a minute: writing the time of each would make every
# read a write.
LAST_USE_PRECISION = timedelta(minutes=1)


class TokenAuthentication(KnoxTokenAuthentication):
    """`Authorization: Token <secret>`; expiry, scopes and last use are looked after here.

    A request that the token's scopes do not allow is answered 403 before any view runs.
    A view whose POST only reads (it is a POST because its question is long) names the
    action in `reading_actions`; a read-only token may then ask it.
    """

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        """Return user and token, or None where the header belongs to another scheme.

        Raises
        ------
        AuthenticationFailed, PermissionDenied
            The token is wrong; it may not do this.
        Throttled
            Too many wrong ones came from this address.
        """
        self._network = client_network(request.META)
        found: tuple[User, Token] | None = super().authenticate(request)
        if found is not None:
            _, token = found
            if not token.allows(_effective_method(request)):
                raise PermissionDenied("this token may only read", code="read_only_token")
            note_token(token.public_id, token.name)
        return found

    def authenticate_credentials(self, token: bytes) -> tuple[User, Token]:
        """Return user and token of a secret, in one query.

        One that is known to be wrong costs none. Unlike knox's own method this leaves
        expired tokens in place, so that their owner sees why a program stopped working.
        """
        # The same answer for every reason: a stranger learns nothing about the secret.
        refused = AuthenticationFailed("Invalid token.")
        try:
            secret = token.decode("ascii")
        except UnicodeDecodeError:
            raise refused from None
        attempt = Try(self._network, hash_token(secret))
        known = is_known_good(attempt)
        # The hash is the primary key; token_key alone would find others' tokens as well.
        found = (
            Token.objects.select_related("user")
            .filter(digest=attempt.digest, token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH])
            .first()
        )
        if found is None:
            note_wrong(attempt)
            raise refused
        if found.is_expired() or not found.user.is_active:
            raise refused
        if not known:
            note_good(attempt)
        _note_use(found)
        return found.user, found


def _effective_method(request: Request) -> str:
    view = (getattr(request, "parser_context", None) or {}).get("view")
    reads = getattr(view, "action", None) in getattr(view, "reading_actions", ())
    return "GET" if view is not None and reads else str(request.method)


def _note_use(token: Token) -> None:
    now = timezone.now()
    before = now - LAST_USE_PRECISION
    if token.last_used_at is None or token.last_used_at <= before:
        # Filtered again, for many requests may see the same old time at once.
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=before)
        Token.objects.filter(stale, pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
