"""How often signing in may fail: by name, by address, by browser; and what the log tells of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from people_app import sign_in_limits
from people_app.actions.signing_in import find_by_password
from people_app.errors import SignInLocked
from people_app.models import AuditEvent, SignInCount, User
from people_app.sign_in_limits import charge, forget_old_counts, give_back, keys_of, log_key

SECRET = "correct horse"
HERE, THERE = "192.0.2.1", "198.51.100.7"


class Clock:
    """The time, which passes when a test says so."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=timezone.get_default_timezone())

    def __call__(self) -> datetime:
        return self.now

    def wait(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    return clock


@pytest.fixture
def mia(db) -> User:
    return User.objects.create_user("mia", password=SECRET)


def request_from(address: str, **meta: str) -> HttpRequest:
    return RequestFactory().post("/sign-in/", REMOTE_ADDR=address, **meta)


def try_once(secret: str = "wrong", name: str = "mia", address: str = HERE, browser: str = ""):
    """ "in", "out" or the seconds to wait."""
    try:
        found = find_by_password(request_from(address), name, secret, browser)
    except SignInLocked as error:
        return error.wait_seconds
    return "in" if found is not None else "out"


def many(number: int) -> list[str]:
    """Addresses that have nothing in common."""
    return [f"203.0.{number // 250}.{number % 250}" for number in range(number)]


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


def test_the_sixth_try_from_one_address_waits_whatever_the_password(mia, clock):
    assert [try_once() for _ in range(5)] == ["out"] * 5
    assert try_once(SECRET) == 60
    clock.wait(seconds=59)
    assert try_once(SECRET) == 1
    clock.wait(seconds=1)
    assert try_once(SECRET) == "in"


def test_the_wait_doubles_up_to_a_quarter_of_an_hour_and_does_not_grow_while_it_lasts(mia, clock):
    for _ in range(5):
        try_once()
    waits = []
    for _ in range(6):
        waits.append(try_once())
        assert [try_once() for _ in range(20)] == [waits[-1]] * 20
        clock.wait(seconds=waits[-1])
        assert try_once() == "out"
    assert waits == [60, 120, 240, 480, 900, 900]


def test_failures_are_forgotten_with_time(mia, clock):
    for _ in range(4):
        try_once()
    clock.wait(hours=4)
    assert [try_once() for _ in range(4)] == ["out"] * 4
    assert try_once(SECRET) == "in"


def test_the_right_password_forgives_what_the_same_client_got_wrong(mia, clock):
    for _ in range(3):
        for _ in range(4):
            try_once()
        assert try_once(SECRET) == "in"


def test_who_tries_a_name_locks_nobody_out_elsewhere(mia, clock):
    for _ in range(5):
        try_once(address=THERE)
    assert try_once(address=THERE) == 60
    assert try_once(SECRET, address=HERE) == "in"


def test_a_name_tried_from_everywhere_waits_too(mia, clock):
    answers = [try_once(address=address) for address in many(51)]
    assert answers == ["out"] * 50 + [60]


def test_a_browser_that_is_known_goes_on_while_its_name_is_tried_from_everywhere(mia, clock):
    for address in many(60):
        try_once(address=address)
    assert try_once(SECRET, address=HERE) == 60
    assert try_once(SECRET, address=HERE, browser="b-1") == "in"


def test_a_known_browser_has_a_limit_of_its_own(mia, clock):
    assert [try_once(browser="b-1") for _ in range(11)] == ["out"] * 10 + [60]


def test_an_address_that_tries_many_names_waits_for_all(mia, clock):
    answers = [try_once(name=f"person-{number}") for number in range(31)]
    assert answers == ["out"] * 30 + [60]
    assert try_once(SECRET) == 60


def test_an_account_of_ones_own_buys_no_more_tries(mia, clock):
    User.objects.create_user("own", password=SECRET)
    for number in range(29):
        try_once(name=f"person-{number}")
        assert try_once(SECRET, name="own") == "in"
    assert [try_once(name="last"), try_once(name="one more")] == ["out", 60]


def test_an_office_behind_one_address_may_mistype_all_day(mia, clock):
    for number in range(60):
        assert try_once(name=f"colleague-{number}") == "out"
        clock.wait(minutes=2)


def test_all_addresses_of_an_ipv6_network_are_one(mia, clock):
    answers = [try_once(address=f"2001:db8::{number:x}") for number in range(1, 7)]
    assert answers == ["out"] * 5 + [60]
    assert try_once(address="2001:db8:0:1::1") == "out"


def test_a_header_that_anybody_can_write_makes_no_new_address(mia, clock, settings):
    def go(forwarded: str):
        request = request_from(HERE, HTTP_X_FORWARDED_FOR=forwarded)
        try:
            return find_by_password(request, "mia", "wrong")
        except SignInLocked:
            return "locked"

    assert [go(address) for address in many(6)] == [None] * 5 + ["locked"]
    settings.TESSERA_TRUSTED_PROXIES = [HERE]
    assert [go(address) for address in many(6)] == [None] * 6


@pytest.mark.parametrize("name", ["mia", "nobody", "closed", "elsewhere"])
def test_names_that_exist_and_names_that_do_not_are_answered_alike(mia, clock, name):
    User.objects.create_user("closed", password=SECRET, is_active=False)
    User.objects.create_user("elsewhere")  # no password here
    assert [try_once(name=name) for _ in range(6)] == ["out"] * 5 + [60]
    rows = SignInCount.objects.exclude(kind="log")
    assert sorted(rows.values_list("kind", "failures")) == [
        ("address", 5), ("name", 5), ("pair", 5),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["mia", "nobody", "closed", "elsewhere"])
def test_a_password_is_hashed_once_whether_or_not_there_is_such_a_name(
    mia, monkeypatch: pytest.MonkeyPatch, name
):
    from django.contrib.auth.hashers import MD5PasswordHasher

    User.objects.create_user("closed", password=SECRET, is_active=False)
    User.objects.create_user("elsewhere")
    hashed = []
    real = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda *given: hashed.append(1) or real(*given)
    )
    try_once(name=name)
    assert len(hashed) == 1


def test_ways_of_typing_one_name_are_one_name(mia, clock):
    answers = [try_once(name=name) for name in ("mia", "MIA", " mia ", "ｍｉａ", "Mia", "mia")]
    assert answers == ["out"] * 5 + [60]


def test_a_try_costs_a_known_number_of_queries_and_a_refused_one_a_single_one(
    mia, clock, django_assert_max_num_queries
):
    try_once()
    with django_assert_max_num_queries(24):
        try_once()
    with django_assert_max_num_queries(14):
        try_once(SECRET)
    for _ in range(5):
        try_once()
    with django_assert_max_num_queries(1):
        try_once(SECRET)


def test_counts_that_have_drained_are_forgotten(mia, clock):
    try_once(name="somebody")
    clock.wait(hours=23)
    forget_old_counts()
    assert SignInCount.objects.filter(label="somebody").exists()
    clock.wait(hours=2)
    try_once()
    assert not SignInCount.objects.filter(label="somebody").exists()


@pytest.mark.django_db(transaction=True)
def test_many_tries_at_once_look_at_no_more_passwords_than_one_after_the_other():
    if connection.vendor == "sqlite":
        connection.close()
    User.objects.create_user("mia", password=SECRET)

    def go(_: int):
        try:
            return try_once()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(go, range(24)))
    assert answers.count("out") == 5
    assert all(answer == "out" or 55 <= answer <= 60 for answer in answers)
    assert SignInCount.objects.get(kind="pair").failures == pytest.approx(5, abs=0.01)


def test_what_is_given_back_is_as_if_it_had_not_been_tried(db, clock):
    keys = keys_of("mia", HERE)
    for _ in range(4):
        charge(keys_of("mia", THERE))
    before = list(SignInCount.objects.filter(kind="name").values("failures", "locked_until"))
    give_back(charge(keys))
    after = list(SignInCount.objects.filter(kind="name").values("failures", "locked_until"))
    assert after == before
    assert SignInCount.objects.get(kind="address", label=HERE).failures == 0


def test_the_right_password_does_not_leave_its_own_lock_behind(mia, clock, monkeypatch):
    limits = {**sign_in_limits.LIMITS}
    limits[sign_in_limits.Kind.ADDRESS] = sign_in_limits.Limit(1, timedelta(hours=1))
    monkeypatch.setattr(sign_in_limits, "LIMITS", limits)
    assert [try_once(SECRET) for _ in range(3)] == ["in"] * 3


def test_the_log_tells_of_failures_and_of_the_lock_they_led_to(mia, clock):
    for _ in range(7):
        try_once(name="x" * 300)
    assert verbs() == ["sign_in.failed"] * 5 + ["sign_in.locked"]
    failed, locked = AuditEvent.objects.order_by("pk")[0], AuditEvent.objects.latest("pk")
    assert (failed.actor, failed.facts) == (None, {"name": "x" * 40, "how": "password"})
    assert (locked.facts["of"], locked.facts["until"]) == (["pair"], "2026-11-22T12:01:00+00:00")


def test_the_log_cannot_be_filled_from_outside_and_counts_what_it_was_spared(mia, clock):
    SignInCount.objects.create(
        key=log_key().digest, kind="log", label="", failures=95, last_at=clock.now
    )
    for number, address in enumerate(many(35)):
        try_once(name=f"person-{number}", address=address)
    assert len(verbs()) == 5
    clock.wait(seconds=10)
    try_once(name="last", address=THERE)
    assert AuditEvent.objects.latest("pk").facts == {
        "name": "last", "how": "password", "unlogged_before": 30,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["\x00", "\ud800", "x" * 100_000, "'; --", "%s"])
def test_odd_names_are_only_names(db, name):
    assert try_once(name=name) == "out"
