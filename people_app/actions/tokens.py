"""Make and revoke tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from django.db import transaction

from people_app.audit import record
from people_app.models import Token, TokenScope, User


class NewToken(NamedTuple):
    """A token and its secret, which exists only here: the database keeps its hash."""

    token: Token
    secret: str


@transaction.atomic
def create_token(
    *,
    user: User,
    actor: User | None = None,
    name: str = "",
    scopes: Sequence[TokenScope] = (),
    read_only: bool = False,
    lifetime: timedelta | None = None,
) -> NewToken:
    """Make a token for `user`.

    Parameters
    ----------
    actor
        Who asks for it; by default the user.
    scopes
        What it may be used for; empty: all that the user may do.
    lifetime
        None: until it is revoked.
    """
    token, secret = Token.objects.create(
        user=user,
        expiry=lifetime,
        name=name,
        scopes=[TokenScope(scope).value for scope in scopes],
        read_only=read_only,
    )
    record(
        actor or user,
        "token.created",
        token,
        user=user.get_username(),
        name=name,
        scopes=token.scopes,
        read_only=read_only,
        expiry=token.expiry,
    )
    return NewToken(token, secret)


@transaction.atomic
def revoke_token(*, token: Token, actor: User | None) -> None:
    """Make a token useless, at once."""
    record(actor, "token.revoked", token, user=token.user.get_username(), name=token.name)
    token.delete()
