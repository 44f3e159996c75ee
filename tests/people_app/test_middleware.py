"""What is told of a request when it has ended: one outcome, one line of the access log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path, re_path

from people_app.middleware import Outcome, request_began, request_ended
from people_app.request_context import current_request, note_token
from tests.people_app.builders import person

pytestmark = pytest.mark.urls(__name__)


def greet(request: HttpRequest, **parts: str) -> HttpResponse:
    note_token("0123abcd", "training")
    return HttpResponse("hello")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(current_request().request_id.encode() for _ in range(3))


def break_off(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b"one"
        raise OSError("the disk is gone")

    return StreamingHttpResponse(parts())


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


urlpatterns = [
    path("", greet),
    path("join/<str:secret>/", greet),
    path("stream/", stream),
    path("broken/", break_off),
    path("fail/", fail),
    path("healthz", greet),
    path("home/", login_required(greet)),
    re_path(r"^files/(?P<anything>.*)$", greet),
]


def refuse(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse(status=404 if isinstance(exception, Http404) else 400)


def apologise(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=500)


handler400 = handler404 = refuse
handler500 = apologise


@pytest.fixture
def outcomes() -> Iterator[list[Outcome]]:
    """The outcomes of the requests of this test."""
    told: list[Outcome] = []

    def note(outcome: Outcome, **others: Any) -> None:
        told.append(outcome)

    request_ended.connect(note)
    yield told
    request_ended.disconnect(note)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The lines of the access log, those of health included."""
    caplog.set_level(logging.DEBUG, "tessera.access")
    return caplog


def test_a_request_is_known_by_the_pattern_of_its_url(client: Client, outcomes) -> None:
    client.get("/join/a-secret/?token=another")
    (outcome,) = outcomes
    assert outcome[:3] == ("join/<str:secret>/", "GET", 200)
    assert 0 <= outcome.seconds < 5


@pytest.mark.parametrize(
    ("url", "route"),
    [
        ("/", "/"),
        ("/nothing/here/", "unmatched"),
        ("/files/whatever/somebody/guesses", "unmatched"),
        ("/static/no-such-file.css", "static/"),
    ],
)
def test_urls_that_anybody_can_think_of_share_one_route(client, outcomes, url, route) -> None:
    client.get(url)
    assert outcomes[0].route == route


def test_methods_that_nobody_knows_share_one_name(client: Client, outcomes) -> None:
    for method in ("GET", "BREW", "X" * 500):
        client.generic(method, "/")
    assert [outcome.method for outcome in outcomes] == ["GET", "other", "other"]


def test_a_bug_is_told_as_500(outcomes) -> None:
    Client(raise_request_exception=False).get("/fail/")
    assert outcomes[0][:3] == ("fail/", "GET", 500)


def test_who_asks_for_a_host_that_is_not_ours_is_told_as_unmatched(client, outcomes) -> None:
    client.get("/", HTTP_HOST="evil.example")
    assert outcomes[0][:3] == ("unmatched", "GET", 400)


def test_a_streamed_answer_ends_with_its_last_byte(client: Client, outcomes) -> None:
    answer = client.get("/stream/")
    assert outcomes == []
    assert b"".join(answer.streaming_content) == answer["X-Request-ID"].encode() * 3
    assert len(outcomes) == 1


@pytest.mark.django_db  # whose connections Django looks after when it ends
def test_a_streamed_answer_that_nobody_reads_ends_when_it_is_closed(client, outcomes) -> None:
    client.get("/stream/").close()
    assert len(outcomes) == 1


@pytest.mark.django_db  # whose connections Django looks after when it ends
def test_an_answer_that_breaks_off_is_logged_with_its_request(client, outcomes, caplog) -> None:
    answer = client.get("/broken/")
    with pytest.raises(OSError, match="disk"):
        b"".join(answer.streaming_content)
    answer.close()
    assert "an answer broke off" in caplog.text
    assert len(outcomes) == 1


def test_a_listener_that_fails_hurts_no_request(client: Client, caplog) -> None:
    def fail(**others: Any) -> None:
        raise RuntimeError("cannot count")

    request_began.connect(fail)
    try:
        assert client.get("/").status_code == 200
    finally:
        request_began.disconnect(fail)


def test_the_access_log_tells_what_became_of_a_request(client: Client, lines) -> None:
    client.get("/join/a-secret/?token=another", HTTP_AUTHORIZATION="Token abc")
    (line,) = lines.records
    assert (line.name, line.levelname) == ("tessera.access", "INFO")
    assert line.getMessage().startswith("GET join/<str:secret>/ 200 ")
    assert (line.route, line.method, line.status, line.token) == (
        "join/<str:secret>/",
        "GET",
        200,
        "0123abcd",
    )
    assert not {"a-secret", "another", "abc"} & set(map(str, vars(line).values()))


@pytest.mark.django_db
def test_the_access_log_names_the_user_by_number(client: Client, lines) -> None:
    ada = person("ada")
    client.force_login(ada)
    client.get("/home/")
    assert lines.records[-1].user == ada.pk


@pytest.mark.django_db
def test_the_access_log_asks_no_database(client, lines, django_assert_num_queries) -> None:
    client.force_login(person("ada"))
    with django_assert_num_queries(0):
        client.get("/")
    assert lines.records[-1].user is None


def test_what_machines_ask_all_day_is_not_worth_a_line(client: Client, lines) -> None:
    client.get("/healthz")
    assert [line.levelname for line in lines.records] == ["DEBUG"]
