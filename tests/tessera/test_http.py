"""Requests: what is repeated, how long it waits, and who sees a token."""

import email.utils

import pytest

from tessera import http
from tessera.errors import (
    AccessError,
    BranchMoved,
    NetworkError,
    NotFound,
    ObjectMissing,
    RateLimited,
    UsageError,
)
from tessera.http import ATTEMPTS, Connection
from tests.tessera.answering import Answer, Clock, answering, closed_port, told


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(http, "time", found)
    return found


def test_json_comes_from_below_the_api():
    with answering(told({"slug": "streets"})) as server, Connection(server.url + "/") as service:
        assert service.get("/datasets/streets/", branch="main", split=None) == {"slug": "streets"}
    assert server.asked[0].path == "/api/v1/datasets/streets/?branch=main"
    assert server.asked[0].headers["user-agent"].startswith("tessera/")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_service_is_asked_again_with_growing_pauses(clock, status):
    busy = told({"detail": "busy"}, status)
    with answering(busy, busy, busy, told([])) as server, Connection(server.url) as service:
        assert service.get("/datasets/") == []
    assert len(server.asked) == 4
    assert 0.125 <= clock.slept[0] <= 0.25
    assert 0.25 <= clock.slept[1] <= 0.5 <= clock.slept[2] <= 1


def test_retry_after_in_seconds_is_respected(clock):
    busy = told({}, 429, Retry_After="17")
    with answering(busy, told([])) as server, Connection(server.url) as service:
        service.get("/datasets/")
    assert clock.slept == [17]


def test_retry_after_as_a_date_is_respected(clock):
    date = email.utils.formatdate(clock.now + 42, usegmt=True)
    with (
        answering(told({}, 503, Retry_After=date), told([])) as server,
        Connection(server.url) as service,
    ):
        service.get("/datasets/")
    assert clock.slept == [42]


@pytest.mark.parametrize("nonsense", ["soon", "-5", "1e9"])
def test_retry_after_that_says_nothing_is_passed_over(clock, nonsense):
    busy = told({}, 429, Retry_After=nonsense)
    with answering(busy, told([])) as server, Connection(server.url) as service:
        service.get("/datasets/")
    assert clock.slept[0] <= 0.25


def test_it_gives_up_in_the_end_and_says_how_long_to_wait(clock):
    with (
        answering(told({"code": "rate_limited"}, 429, Retry_After="3")) as server,
        Connection(server.url) as service,
        pytest.raises(RateLimited) as caught,
    ):
        service.get("/datasets/")
    assert len(server.asked) == ATTEMPTS
    assert caught.value.retry_after == 3


def test_a_connection_that_breaks_is_made_anew():
    cut = Answer(body=b"[1, 2, 3]", cut_after=4)
    with answering(cut, cut, told([])) as server, Connection(server.url) as service:
        assert service.get("/datasets/") == []
    assert len(server.asked) == 3


def test_a_service_that_is_not_there_is_named(clock):
    url = closed_port()
    with Connection(url) as service, pytest.raises(NetworkError, match=f"{url} cannot be reached"):
        service.get("/datasets/")
    assert len(clock.slept) == ATTEMPTS - 1


@pytest.mark.parametrize("status", [500, 501, 400, 404, 409])
def test_what_will_not_pass_is_asked_once(status):
    with (
        answering(told({}, status)) as server,
        Connection(server.url) as service,
        pytest.raises((NetworkError, UsageError, NotFound, http.TesseraError)),
    ):
        service.get("/datasets/")
    assert len(server.asked) == 1


def test_what_may_have_been_done_is_not_done_twice():
    with (
        answering(told({}, 503)) as server,
        Connection(server.url) as service,
        pytest.raises(NetworkError),
    ):
        service.post("/datasets/", {})
    assert len(server.asked) == 1


def test_what_was_refused_for_coming_too_often_is_sent_again():
    with answering(told({}, 429), told({"id": 1})) as server, Connection(server.url) as service:
        assert service.post("/datasets/", {"slug": "a"}) == {"id": 1}
    assert server.asked[0].body == server.asked[1].body


def test_a_key_makes_a_post_safe_to_repeat():
    with answering(told({}, 503), told({"id": 1})) as server, Connection(server.url) as service:
        service.post("/datasets/a/branches/main/commits/", {}, key="k")
    assert [asked.headers["idempotency-key"] for asked in server.asked] == ["k", "k"]


def test_bytes_are_made_anew_for_each_attempt():
    with answering(told({}, 503), told(None)) as server, Connection(server.url) as service:
        service.send("POST", "/datasets/a/blobs/", lambda: iter([b"one", b"two"]))
    # Sent in chunks, without a length: this server reads none of them.
    assert len(server.asked) == 2


def test_problems_are_raised_by_their_names():
    problem = told({"code": "branch_moved", "detail": "elsewhere", "actual": "ab"}, 409)
    with (
        answering(problem) as server,
        Connection(server.url) as service,
        pytest.raises(BranchMoved, match="elsewhere") as caught,
    ):
        service.post("/x", {})
    assert caught.value.facts["actual"] == "ab"


def test_who_is_not_signed_in_is_told_how():
    with (
        answering(told({"detail": "Invalid token."}, 401)) as server,
        Connection(server.url, "old") as service,
        pytest.raises(AccessError) as caught,
    ):
        service.get("/datasets/")
    assert str(caught.value) == "Invalid token: `tessera login` signs in"


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[1"])
def test_a_page_of_something_else_is_no_service_and_is_asked_once(body):
    with (
        answering(Answer(body=body)) as server,
        Connection(server.url) as service,
        pytest.raises(NetworkError, match="is it a Tessera service"),
    ):
        service.get("/datasets/")
    assert len(server.asked) == 1


def test_an_error_page_of_a_proxy_is_an_error_all_the_same():
    with (
        answering(Answer(413, b"<html>too large</html>")) as server,
        Connection(server.url) as service,
        pytest.raises(UsageError, match="answered 413"),
    ):
        service.post("/x", {})


# ---- who sees the token ------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("way", ["get", "post", "delete"])
def test_a_redirect_is_told_and_not_followed(status, way):
    with answering(told({"stolen": True})) as thief:
        moved = Answer(status, b"", {"Location": f"{thief.url}/api/v1/datasets/"})
        with (
            answering(moved) as server,
            Connection(server.url, "secret") as service,
            pytest.raises(UsageError, match=thief.url),
        ):
            getattr(service, way)("/datasets/")
        assert thief.asked == []
    assert len(server.asked) == 1


def test_a_redirect_of_a_stream_is_not_followed_either():
    with answering(told({"stolen": True})) as thief:
        moved = Answer(302, b"", {"Location": f"{thief.url}/api/v1/datasets/"})
        with (
            answering(moved) as server,
            Connection(server.url, "secret") as service,
            pytest.raises(UsageError, match=thief.url),
            service.stream("GET", "/x"),
        ):
            pass
        assert thief.asked == []


def test_a_signed_address_elsewhere_gets_no_token():
    with (
        answering(Answer(body=b"bytes")) as bucket,
        answering(told({})) as server,
        Connection(server.url, "secret") as service,
    ):
        address = f"{bucket.url}/pack?X-Amz-Signature=abc"
        with service.stream("GET", address, headers={"Range": "bytes=0-4"}) as answer:
            assert answer.read() == b"bytes"
    assert "authorization" not in bucket.asked[0].headers
    assert bucket.asked[0].headers["range"] == "bytes=0-4"


def test_a_host_that_only_begins_like_the_service_gets_no_token():
    with answering(Answer(body=b"bytes")) as other:
        near = Connection(other.url[:-1], "secret")  # one digit of the port less
        with near, near.stream("GET", f"{other.url}/pack") as answer:
            answer.read()
    assert "authorization" not in other.asked[0].headers


def test_the_next_page_is_asked_of_the_service_whatever_host_it_names():
    with answering(told({"results": [9], "next": None})) as thief:
        pages = [
            told({"results": [1], "next": f"{thief.url}/api/v1/datasets/?cursor=x%3D"}),
            told({"results": [2], "next": None}),
        ]
        with answering(*pages) as server, Connection(server.url, "secret") as service:
            assert list(service.pages("/datasets/", limit=1)) == [1, 2]
        assert thief.asked == []
    assert [asked.path for asked in server.asked] == [
        "/api/v1/datasets/?limit=1",
        "/api/v1/datasets/?cursor=x%3D",
    ]


def test_a_signature_is_not_repeated_in_errors():
    with (
        Connection("http://127.0.0.1:1") as service,
        pytest.raises(NetworkError) as caught,
        service.stream("GET", f"{closed_port()}/pack?X-Amz-Signature=abc"),
    ):
        pass
    assert "abc" not in str(caught.value)


# ---- streams -------------------------------------------------------------------------


def test_a_stream_that_breaks_off_is_a_network_error():
    cut = Answer(body=bytes(1_000), cut_after=10)
    with (
        answering(cut) as server,
        Connection(server.url) as service,
        pytest.raises(NetworkError),
        service.stream("GET", "/x") as answer,
    ):
        answer.read()


def test_a_stream_that_is_refused_raises_what_the_service_says():
    refused = told({"code": "object_missing", "errors": ["ab"]}, 404)
    with (
        answering(refused) as server,
        Connection(server.url) as service,
        pytest.raises(ObjectMissing) as caught,
        service.stream("POST", "/x", json={}),
    ):
        pass
    assert caught.value.errors == ["ab"]


def test_what_gets_further_each_time_is_not_given_up(clock):
    got = []

    def act():
        if len(got) < 20:
            got.append(1)
            raise NetworkError("cut")

    with Connection("http://127.0.0.1:1") as service:
        service.repeat(act, progress=lambda: len(got))
    assert len(clock.slept) == 20
    assert max(clock.slept) <= 0.25
