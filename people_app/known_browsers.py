"""Browsers in which somebody signed in before, known again by a signed cookie.

The cookie lets nobody in. It only says that failures elsewhere do not count against this
browser, so that whoever tries passwords from outside cannot lock people out of their own.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac

from people_app.sign_in_limits import normal_name

COOKIE = "tessera_known_browser"
LIFETIME = timedelta(days=180)
_SALT = "people_app.known_browsers"
# Some computers are shared.
_MOST_NAMES = 4


class KnownBrowser(NamedTuple):
    """A browser's id, and digests of the names with which somebody signed in there."""

    id: str
    names: tuple[str, ...]


def browser_known_to(request: HttpRequest, name: str) -> str:
    """Return the id of the browser if this name signed in there before, else ""."""
    known = _read(request)
    return known.id if known is not None and _digest(name) in known.names else ""


def remember_browser(request: HttpRequest, response: HttpResponseBase, name: str) -> None:
    """Have the browser be known to `name` from now on."""
    known = _read(request) or KnownBrowser(secrets.token_hex(16), ())
    digest = _digest(name)
    names = (digest, *(other for other in known.names if other != digest))[:_MOST_NAMES]
    response.set_cookie(
        COOKIE,
        TimestampSigner(salt=_SALT).sign(".".join((known.id, *names))),
        max_age=LIFETIME,
        path=request.path,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _read(request: HttpRequest) -> KnownBrowser | None:
    sent = request.COOKIES.get(COOKIE, "")
    try:
        browser, *names = TimestampSigner(salt=_SALT).unsign(sent, max_age=LIFETIME).split(".")
    except BadSignature:
        return None
    return KnownBrowser(browser, tuple(names))


def _digest(name: str) -> str:
    # The names of those who use a computer are nothing for the next one who sits there.
    return salted_hmac(_SALT, normal_name(name)).hexdigest()[:32]
