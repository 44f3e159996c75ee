"""Wrong API tokens are counted by address, so that guessing costs no queries.

A token is 256 bits long: nobody guesses one, but who tries could keep the database busy. The
counts are in the cache (`TESSERA_CACHE_URL`; by default each process counts for itself). After
the limit an address gets 429 for every token that is not known to be good, without a query.

Good tokens of that address go on working: a service that forgot to change its token must not
shut out its neighbours behind the same address. So a token that was accepted lately is
remembered, by its hash, and only means that it may be looked up: whether it is still good is
asked of the database every time. And the same wrong token again is counted once.
"""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache
from rest_framework.exceptions import AuthenticationFailed, Throttled

from people_app.counting import Rate, count_one, is_full, parse_rate

_REMEMBERED_SECONDS = 3_600


class Try(NamedTuple):
    """A token that somebody sent from a network; `digest` is the hash of its secret."""

    network: str
    digest: str


def is_known_good(one: Try) -> bool:
    """Say whether a token was accepted lately; raise where the database need not be asked.

    Raises
    ------
    AuthenticationFailed
        It was wrong a moment ago.
    Throttled
        Too many wrong ones came from there, and this one is not known to be good.
    """
    rate = _rate()
    if rate is None:
        return True
    known = cache.get_many([_bad(one), _good(one)])
    if _bad(one) in known:
        raise AuthenticationFailed("Invalid token.")
    if _good(one) in known:
        return True
    wait = is_full(_count(one), rate)
    if wait:
        raise Throttled(wait)
    return False


def note_wrong(one: Try) -> None:
    """Count a token that nobody has."""
    rate = _rate()
    if rate is not None:
        cache.set(_bad(one), 1, rate.seconds)
        count_one(_count(one), rate)


def note_good(one: Try) -> None:
    """Remember a token that was accepted."""
    if _rate() is not None:
        cache.set(_good(one), 1, _REMEMBERED_SECONDS)


def _rate() -> Rate | None:
    return parse_rate(settings.TESSERA_RATE_LIMITS.get("wrong_token", ""))


def _count(one: Try) -> str:
    return f"wrong-tokens:{one.network}"


def _bad(one: Try) -> str:
    return f"wrong-token:{one.digest}"


def _good(one: Try) -> str:
    return f"good-token:{one.digest}"
