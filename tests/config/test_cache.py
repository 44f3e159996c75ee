import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import cache
from config.settings.cache import cache_settings


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("", "django.core.cache.backends.locmem.LocMemCache"),
        ("db", "django.core.cache.backends.db.DatabaseCache"),
        ("redis://cache:6379/1", "people_app.redis_cache.ForgivingRedisCache"),
        ("rediss://user:secret@cache:6380/0", "people_app.redis_cache.ForgivingRedisCache"),
        ("unix:///run/redis.sock?db=2", "people_app.redis_cache.ForgivingRedisCache"),
    ],
)
def test_a_url_names_where_requests_are_counted(url: str, backend: str) -> None:
    assert cache_settings(url)["default"]["BACKEND"] == backend


@pytest.mark.parametrize("url", ["memcached://host", "file:///tmp", "database", "host:6379"])
def test_any_other_url_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="TESSERA_CACHE_URL") as refused:
        cache_settings(url)
    assert url == "database" or url not in str(refused.value)


def test_redis_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"\[redis\]"):
        cache_settings("redis://cache")
