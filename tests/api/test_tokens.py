from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from people_app.models import AuditEvent, Token, TokenScope
from tests.api.builders import API, STREETS, client_of, person

TOKENS = f"{API}/tokens/"


def signed_in(name: str) -> APIClient:
    client = APIClient()
    client.force_login(person(name))
    return client


def test_a_token_shows_its_secret_once(world):
    client = signed_in("ada")
    made = client.post(TOKENS, {"name": "training"}).json()
    listed = client.get(TOKENS).json()["results"]
    assert [row["id"] for row in listed] == [made["id"]]
    assert "secret" not in listed[0]
    program = APIClient(HTTP_AUTHORIZATION=f"Token {made['secret']}")
    assert program.get(f"{STREETS}/").status_code == 200


def test_a_list_holds_only_the_callers_tokens(world):
    client_of("rita")
    assert signed_in("ada").get(TOKENS).json()["results"] == []


def test_a_token_may_end(world):
    made = signed_in("ada").post(TOKENS, {"name": "week", "days": 7}).json()
    assert made["expires_at"] is not None
    Token.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    program = APIClient(HTTP_AUTHORIZATION=f"Token {made['secret']}")
    assert program.get(f"{API}/tokens/").status_code == 401


def test_a_deleted_token_is_useless(world):
    client = signed_in("ada")
    made = client.post(TOKENS, {"name": "x"}).json()
    assert client.delete(f"{TOKENS}{made['id']}/").status_code == 204
    program = APIClient(HTTP_AUTHORIZATION=f"Token {made['secret']}")
    assert program.get(f"{API}/tokens/").status_code == 401
    assert AuditEvent.objects.filter(verb="token.revoked").count() == 1


def test_nobody_deletes_the_token_of_another(world):
    made = signed_in("rita").post(TOKENS, {"name": "x"}).json()
    assert signed_in("ada").delete(f"{TOKENS}{made['id']}/").status_code == 404


def test_a_narrow_token_makes_no_wider_one(world):
    for narrow in (client_of("ada", scopes=[TokenScope.WRITE]), client_of("ada", read_only=True)):
        response = narrow.post(TOKENS, {"name": "wide"})
        assert response.status_code == 403


def test_a_read_only_token_reads_and_changes_nothing(world):
    client = client_of("ada", read_only=True)
    assert client.get(f"{STREETS}/").status_code == 200
    response = client.patch(f"{STREETS}/", {"title": "x"})
    assert (response.status_code, response.json()["code"]) == (403, "read_only_token")


def test_a_read_only_token_asks_for_an_export(world):
    body = {"version": "main", "format": "coco_instances"}
    assert client_of("ada", read_only=True).post(f"{STREETS}/exports/", body).status_code == 202


def test_what_admins_do_takes_a_token_of_that_scope(world):
    writing = client_of("ada", scopes=[TokenScope.WRITE])
    assert writing.post(f"{STREETS}/branches/", {"name": "x"}).status_code == 201
    assert writing.delete(f"{STREETS}/branches/x/").status_code == 403
    assert (
        client_of("ada", scopes=[TokenScope.ADMIN]).delete(f"{STREETS}/branches/x/").status_code
        == 204
    )


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "x", "days": 0}, {"name": "x", "days": 10**30},
     {"name": "x", "scopes": ["root"]}, {"name": "x", "scopes": "read"}],
)  # fmt: skip
def test_a_token_that_means_nothing_is_refused(world, body):
    assert signed_in("ada").post(TOKENS, body).status_code == 400
