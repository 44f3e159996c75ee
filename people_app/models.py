"""Who somebody is; what they may do is in `membership_models`, what they did in `audit_models`."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken

from people_app.audit_models import AuditEvent, AuditProof, AuditSeal
from people_app.membership_models import Membership, Team, TeamMember
from people_app.sign_in_models import BrowserSession, ExternalIdentity, SignInCount

__all__ = [
    "AuditEvent",
    "AuditProof",
    "AuditSeal",
    "BrowserSession",
    "ExternalIdentity",
    "Membership",
    "SignInCount",
    "Team",
    "TeamMember",
    "Token",
    "TokenScope",
    "User",
]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class User(AbstractUser):
    """An account. Who has acted is deactivated, never deleted: the audit log names them."""


class TokenScope(models.TextChoices):
    """What a token may be used for, at most; its user's roles limit it further."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Token(AbstractAuthToken):
    """A secret that a program signs in with. Only its hash is kept (`digest`).

    `scopes` is a list of `TokenScope` values; an empty one means all of them.
    """

    name = models.CharField(max_length=200, blank=True)
    scopes = models.JSONField(default=list, blank=True)
    read_only = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name or 'token'} of {self.user}"

    @property
    def public_id(self) -> str:
        """The name of this token in logs and URLs; it does not help to guess the secret."""
        return self.digest[:16]

    def is_expired(self, now: datetime | None = None) -> bool:
        """Say whether the token's time is over."""
        return self.expiry is not None and self.expiry <= (now or timezone.now())

    def has_scope(self, scope: TokenScope) -> bool:
        """Say whether the token may be used for `scope`; a wider scope covers a narrower one."""
        if self.read_only and scope != TokenScope.READ:
            return False
        order = list(TokenScope)
        return not self.scopes or any(
            order.index(TokenScope(own)) >= order.index(scope) for own in self.scopes
        )

    def allows(self, method: str) -> bool:
        """Say whether a request by the HTTP method `method` may be made with this token."""
        return self.has_scope(TokenScope.READ if method in SAFE_METHODS else TokenScope.WRITE)
