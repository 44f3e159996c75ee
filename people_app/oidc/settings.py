"""How the operator set up signing in with a provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from people_app.oidc.provider import Provider


@dataclass(frozen=True)
class OidcSettings:
    """What `config.settings.oidc` reads.

    `client_secret` is "" for a public client. `match_email`: an e-mail address that the
    provider has verified names an account. `teams` says by group of `groups_claim` who is in
    which team.
    """

    issuer: str
    client_id: str
    client_secret: str
    name: str
    scope: str
    create_accounts: bool
    match_email: bool
    groups_claim: str
    teams: Mapping[str, str]


def oidc_settings() -> OidcSettings | None:
    """Return the settings, None where nobody signs in with a provider."""
    found = settings.TESSERA_OIDC
    return OidcSettings(**found) if found else None


def provider_name() -> str:
    """Return what people call the provider, "" where there is none."""
    found = oidc_settings()
    return found.name if found else ""


def get_provider_of(found: OidcSettings) -> Provider:
    """Return the provider of these settings."""
    # Here, for the libraries that it needs are installed only where it is used.
    from people_app.oidc.provider import get_provider

    return get_provider(found.issuer, found.client_id, found.client_secret, found.scope)
