"""Turn TESSERA_CACHE_URL into Django's CACHES: where requests are counted."""

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

DATABASE_CACHE_TABLE = "tessera_cache"
# Each caller has a few entries; Django's default of 300 would forget most of them.
_ENTRIES = 100_000
_DAY_SECONDS = 86_400


def cache_settings(url: str) -> dict[str, dict[str, Any]]:
    """Return CACHES for "" (each process for itself), `db`, or `redis://…`, `rediss://…`, `unix://…`.

    Raises
    ------
    ImproperlyConfigured
        It is none of these, or the extra `redis` is not installed.
    """
    if not url:
        found: dict[str, Any] = {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": _ENTRIES},
        }
    elif url == "db":
        found = {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": DATABASE_CACHE_TABLE,
            # What is counted up is kept for so long from then on.
            "TIMEOUT": _DAY_SECONDS,
            "OPTIONS": {"MAX_ENTRIES": _ENTRIES},
        }
    elif urlsplit(url).scheme in ("redis", "rediss", "unix"):
        if find_spec("redis") is None:
            raise ImproperlyConfigured("TESSERA_CACHE_URL needs the extra: pip install '.[redis]'")
        found = {
            "BACKEND": "people_app.redis_cache.ForgivingRedisCache",
            "LOCATION": url,
            "KEY_PREFIX": "tessera",
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        }
    else:
        scheme = urlsplit(url).scheme or url
        raise ImproperlyConfigured(f"TESSERA_CACHE_URL: expected redis://… or db, got {scheme!r}")
    return {"default": found}
