"""What a provider says about somebody, once it is proved that the provider says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Claims(NamedTuple):
    """Who signed in at the provider: `subject` is theirs for ever within `issuer`.

    All others are what the provider calls them today: "" or nothing where it says none.
    """

    issuer: str
    subject: str
    username: str
    email: str
    email_verified: bool
    first_name: str
    last_name: str
    all: Mapping[str, Any]

    def groups(self, claim: str) -> frozenset[str]:
        """Return the groups that a claim lists; nothing where it lists none."""
        found = self.all.get(claim)
        if isinstance(found, str):
            return frozenset({found})
        texts = found if isinstance(found, list) else []
        return frozenset(text for text in texts if isinstance(text, str))


def read_claims(issuer: str, subject: str, found: Mapping[str, Any]) -> Claims:
    """Return the claims of a proved token; what has an odd type is as if it were not there."""
    return Claims(
        issuer=issuer,
        subject=subject,
        username=_text(found, "preferred_username"),
        email=_text(found, "email"),
        # Some providers write "true", and some let people write what they like there.
        email_verified=found.get("email_verified") is True,
        first_name=_text(found, "given_name"),
        last_name=_text(found, "family_name"),
        all=found,
    )


def is_text(value: Any) -> bool:
    """Say whether a value is text that every database stores."""
    if not isinstance(value, str) or "\x00" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value.strip() if is_text(value) else ""
