"""How people came in: sessions of browsers, accounts elsewhere, and attempts that are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from people_app.sessions import SessionStore


class BrowserSession(AbstractBaseSession):
    """A session of Django's that knows whose it is, so that people can see and end theirs.

    `account_id` is None before anybody signed in. No foreign key: the session's own data say
    who is signed in, and a session without its account is signed in as nobody.
    """

    account_id = models.BigIntegerField(null=True, db_index=True)

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        """Return the store that reads and writes these rows."""
        from people_app.sessions import SessionStore  # it names this model itself

        return SessionStore


class ExternalIdentity(models.Model):
    """Whom an OpenID Connect provider knows as `subject`: one account here.

    Subjects are unique and never given to another within an issuer; e-mail addresses and
    names are neither, and say nothing about who somebody is.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "external identities"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="one_account_per_identity")
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class SignInCount(models.Model):
    """How often signing in failed lately for one key: a name, an address, or both together.

    Rows appear for names that exist and for names that do not. `label` is what operators
    read; `key` is a digest, for names may be longer than an index likes. `failures` is what
    they were at `last_at`; they drain with time (`people_app.sign_in_limits`). `unlogged`
    are failures that the audit log was spared, of the kind LOG only.
    """

    class Kind(models.TextChoices):
        """What a count is about (`people_app.sign_in_limits`)."""

        NAME = "name", "a name, from anywhere"
        ADDRESS = "address", "an address, for any name"
        PAIR = "pair", "a name from an address"
        BROWSER = "browser", "a name from a known browser"
        LOG = "log", "failures in the audit log"

    key = models.CharField(max_length=64, primary_key=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    label = models.CharField(max_length=120)
    failures = models.FloatField(default=0)
    last_at = models.DateTimeField(db_index=True)
    locked_until = models.DateTimeField(null=True, blank=True)
    unlogged = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-last_at"]

    def __str__(self) -> str:
        return f"{self.failures:.0f} failures of {self.get_kind_display()}: {self.label}"
