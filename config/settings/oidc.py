"""Signing in with an organisation's OpenID Connect provider: TESSERA_OIDC_*."""

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def oidc_settings(env: environ.Env) -> dict[str, Any] | None:
    """Return how to sign in with the provider, None where TESSERA_OIDC_ISSUER is not set.

    Raises
    ------
    ImproperlyConfigured
        What is set makes no sense, or the extra `oidc` is not installed.
    """
    issuer = env.str("TESSERA_OIDC_ISSUER", default="")
    if not issuer:
        return None
    _check_issuer(issuer)
    if find_spec("authlib") is None:
        raise ImproperlyConfigured("TESSERA_OIDC_ISSUER needs the extra: pip install '.[oidc]'")
    client_id = env.str("TESSERA_OIDC_CLIENT_ID", default="")
    if not client_id:
        raise ImproperlyConfigured("TESSERA_OIDC_ISSUER needs TESSERA_OIDC_CLIENT_ID")
    groups_claim = env.str("TESSERA_OIDC_GROUPS_CLAIM", default="")
    teams = _pairs(env.list("TESSERA_OIDC_TEAMS", default=[]))
    if bool(groups_claim) != bool(teams):
        raise ImproperlyConfigured("TESSERA_OIDC_GROUPS_CLAIM and TESSERA_OIDC_TEAMS go together")
    return {
        "issuer": issuer,
        "client_id": client_id,
        "client_secret": env.str("TESSERA_OIDC_CLIENT_SECRET", default=""),
        "name": env.str("TESSERA_OIDC_NAME", default="your organisation"),
        "scope": env.str("TESSERA_OIDC_SCOPE", default="openid profile email"),
        "create_accounts": env.bool("TESSERA_OIDC_CREATE_ACCOUNTS", default=False),
        "match_email": env.bool("TESSERA_OIDC_MATCH_EMAIL", default=False),
        "groups_claim": groups_claim,
        "teams": teams,
    }


def _check_issuer(issuer: str) -> None:
    parts = urlsplit(issuer)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname or parts.query or parts.fragment:
        raise ImproperlyConfigured(f"TESSERA_OIDC_ISSUER: expected https://…, got {issuer!r}")


def _pairs(texts: list[str]) -> dict[str, str]:
    """Return `{group: team}` of `group=team`; the last = parts, for groups may hold one."""
    pairs = {}
    for text in texts:
        group, _, team = text.rpartition("=")
        if not group.strip() or not team.strip():
            raise ImproperlyConfigured(f"TESSERA_OIDC_TEAMS: expected group=team, got {text!r}")
        pairs[group.strip()] = team.strip()
    return pairs
