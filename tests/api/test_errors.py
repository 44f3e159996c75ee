import pytest
from django.test import Client
from rest_framework.exceptions import Throttled

from api import errors
from panoptic.errors import MalformedFile, ShapeMismatch, TooLarge, UnknownClass
from panoptic.formats.registry import UnknownFormat
from store_app.errors import ObjectCorrupt
from tests.api.builders import API, STREETS

MEMBERS = {"type", "title", "status", "detail", "code", "errors"}


def problem(response, status: int, code: str):
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body.keys() >= MEMBERS
    assert (body["status"], body["code"]) == (status, code)
    return body


@pytest.mark.parametrize("path", ["/api/", "/api/v2/", f"{API}/nothing/", f"{API}/jobs/7/"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_a_path_that_is_none(db, anonymous, method, path):
    problem(getattr(anonymous, method)(path), 404, "not_found")


def test_a_path_with_a_line_break(db, anonymous):
    problem(anonymous.get(f"{API}/x%0Ay"), 404, "not_found")


def test_a_path_without_its_last_slash_leads_to_it(db, anonymous):
    response = anonymous.get(f"{API}/datasets?limit=3")
    assert response.status_code == 301
    assert response["Location"].endswith(f"{API}/datasets/?limit=3")


def test_a_body_is_never_lost_in_a_redirect(db, anonymous):
    problem(anonymous.post(f"{API}/datasets", {}), 404, "not_found")


def test_a_method_that_is_none(reader):
    problem(reader.put(f"{STREETS}/", {}), 405, "method_not_allowed")


def test_a_media_type_that_is_none(admin):
    response = admin.patch(f"{STREETS}/", "title=x", content_type="text/plain")
    problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "text",
    ["{", '{"title": NaN}', '{"title": 1', "\x00", '{"a": 1, "a": 2}', "[" * 100_000,
     '{"title": "\\u0000"}', '{"title": "\\ud800"}', '{"x": ' + "9" * 5_000 + "}"],
)  # fmt: skip
def test_a_body_that_is_no_json(admin, text):
    response = admin.patch(f"{STREETS}/", text, content_type="application/json")
    problem(response, 400, "parse_error")


def test_a_body_that_is_no_unicode(admin):
    response = admin.patch(f"{STREETS}/", b'{"title": "\xff"}', content_type="application/json")
    problem(response, 400, "parse_error")


@pytest.mark.parametrize("charset", ["utf-16", "hex", "nonsense"])
def test_a_charset_changes_nothing(admin, charset):
    media_type = f"application/json; charset={charset}"
    assert admin.patch(f"{STREETS}/", b'{"title": "x"}', content_type=media_type).status_code == 200


def test_an_escaped_pair_of_surrogates_is_a_letter(admin):
    text = '{"title": "\\ud83d\\ude97"}'
    response = admin.patch(f"{STREETS}/", text, content_type="application/json")
    assert response.json()["title"] == "🚗"


def test_a_body_that_is_too_large(admin, monkeypatch):
    monkeypatch.setattr("api.parsers.MAX_BODY_BYTES", 10)
    problem(admin.patch(f"{STREETS}/", {"title": "x" * 20}), 413, "too_large")


@pytest.mark.parametrize("body", [[], "x", 7, None, [1]])
def test_a_body_that_is_no_object(admin, body):
    for path in ("branches/", "branches/main/commits/", "tags/", "exports/"):
        problem(admin.post(f"{STREETS}/{path}", body), 400, "invalid")


def test_a_field_that_is_wrong_is_named(admin):
    body = problem(admin.patch(f"{STREETS}/", {"visibility": "secret"}), 400, "invalid")
    assert body["errors"][0]["field"] == "visibility"
    assert body["errors"][0]["code"] == "invalid_choice"


def test_what_is_not_found_is_named(reader):
    body = problem(reader.get(f"{STREETS}/versions/nowhere/"), 404, "not_found")
    assert (body["kind"], body["name"]) == ("version", "nowhere")


def test_a_token_that_is_none(anonymous, db):
    for text in ("Token x", "Token", "Token \xe9", "Token a b"):
        response = anonymous.get(f"{API}/datasets/", headers={"Authorization": text})
        problem(response, 401, "authentication_failed")


def test_a_browser_may_accept_what_it_likes(reader):
    response = reader.get(f"{STREETS}/", headers={"Accept": "image/avif"})
    assert response["Content-Type"] == "application/json"


def test_a_host_that_is_not_ours(db):
    problem(Client().get(f"{API}/datasets/", headers={"Host": "evil.example"}), 400, "bad_request")


def test_a_bug_is_a_problem_too(reader, monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("api.datasets.get_dataset", fail)
    reader.raise_request_exception = False
    body = problem(reader.get(f"{STREETS}/"), 500, "internal_error")
    assert "ZeroDivisionError" not in str(body)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ShapeMismatch((1, 2), (2, 1)), 409),
        (UnknownClass(7), 409),
        (TooLarge("pixels", actual=2, limit=1), 413),
        (UnknownFormat("x"), 400),
        (MalformedFile("it is broken", file="a.png"), 422),
        (ObjectCorrupt(bytes(32), pack="p", offset=1, reason="x"), 500),
        (Throttled(3), 429),
    ],
)
def test_the_families_below_have_their_statuses(error, status):
    response = errors.problem_handler(error, {})
    assert response.status_code == response.data["status"] == status


def test_an_error_brings_its_facts():
    found = errors.problem_handler(MalformedFile("broken", file="a.png", segment=3), {}).data
    assert (found["file"], found["segment"], found["code"]) == ("a.png", 3, "malformed_file")


def test_who_asks_too_often_is_told_when_to_come_back():
    response = errors.problem_handler(Throttled(3), {})
    assert (response.data["code"], response["Retry-After"]) == ("rate_limited", "4")
