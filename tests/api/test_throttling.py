"""How many requests a caller may make."""

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from tests.api.builders import API, client_of, person

DATASETS = f"{API}/datasets/"


@pytest.fixture(autouse=True)
def _two_a_minute(db, settings):
    settings.TESSERA_RATE_LIMITS = dict.fromkeys(("token", "user", "anonymous"), "2/min")
    cache.clear()
    yield
    cache.clear()


def statuses(client, times, path=DATASETS, **meta):
    return [client.get(path, **meta).status_code for _ in range(times)]


def test_one_request_too_many_is_refused_with_the_time_to_wait():
    client = client_of("ada")
    assert statuses(client, 2) == [200, 200]
    refused = client.get(DATASETS)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) <= 121


def test_each_token_has_a_limit_of_its_own():
    assert statuses(client_of("ada"), 3) == [200, 200, 429]
    assert statuses(client_of("ada"), 1) == [200]


def test_a_session_is_limited_by_its_account():
    for expected in ([200, 200], [429]):
        client = APIClient()
        client.force_login(person("ada"))
        assert statuses(client, len(expected)) == expected


def test_who_is_not_signed_in_is_limited_by_address():
    client = APIClient()
    assert statuses(client, 3, REMOTE_ADDR="192.0.2.1") == [200, 200, 429]
    assert statuses(client, 1, REMOTE_ADDR="192.0.2.2") == [200]


def test_a_header_that_anybody_can_write_gives_no_new_limit():
    client = APIClient()
    assert statuses(client, 2, REMOTE_ADDR="192.0.2.1") == [200, 200]
    assert statuses(client, 1, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="8.8.8.8") == [429]


def test_health_has_no_limit():
    assert statuses(APIClient(), 4, "/healthz") == [200] * 4


def test_an_empty_limit_is_none(settings):
    settings.TESSERA_RATE_LIMITS = {"anonymous": ""}
    assert statuses(APIClient(), 4) == [200] * 4
