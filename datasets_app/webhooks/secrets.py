"""The secrets that messages are signed with.

A secret must be there to sign, so a hash cannot be kept; kept in clear text, it would be read
by whoever reads a backup. It is therefore computed: HMAC-SHA256 of a random salt, which the
database keeps, under the service's key (TESSERA_SECRET_KEY), which it does not. A hash of the
secret tells when the key has become another one: nothing is signed wrongly then.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

from django.conf import settings
from django.utils.crypto import salted_hmac

from datasets_app.models.webhook import Webhook
from datasets_app.webhooks.errors import SecretLost

_PURPOSE = "datasets_app.webhooks"


class NewSecret(NamedTuple):
    """What the database keeps of a secret, and the secret, which is shown once."""

    salt: bytes
    check: bytes
    secret: str


def new_secret() -> NewSecret:
    """Make a secret."""
    salt = secrets.token_bytes(32)
    secret = _derive(salt, settings.SECRET_KEY)
    return NewSecret(salt, _check(secret), secret)


def secret_of(webhook: Webhook) -> str:
    """Return the secret of a webhook, also by a key that was replaced (SECRET_KEY_FALLBACKS).

    Raises
    ------
    SecretLost
        None of the service's keys gives the secret that was shown.
    """
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        secret = _derive(bytes(webhook.salt), key)
        if hmac.compare_digest(_check(secret), bytes(webhook.secret_check)):
            return secret
    raise SecretLost("the service's key was changed: make a new secret")


def sign(secret: str, body: bytes, at: int) -> str:
    """Return the header `Tessera-Signature` of a body sent at a time (Unix seconds).

    The time is signed, too, so that a receiver can refuse what somebody recorded and repeats.
    """
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={signed.hexdigest()}"


def _derive(salt: bytes, key: str) -> str:
    derived = salted_hmac(_PURPOSE, salt.hex(), secret=key, algorithm="sha256")
    return f"whsec_{derived.hexdigest()}"


def _check(secret: str) -> bytes:
    # Of 256 random bits, so that a fast hash gives nothing away.
    return hashlib.sha256(secret.encode()).digest()
