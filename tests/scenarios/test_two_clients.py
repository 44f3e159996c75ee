"""Two clients write to one place at once, over HTTP: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import http.client
import json
import random
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection
from rest_framework.test import APIClient

from datasets_app.actions.datasets import create_dataset
from datasets_app.models import Branch, Dataset, IdempotencyKey, Tag, Version
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.classes import ClassSpec
from people_app.actions.roles import grant_role
from people_app.actions.tokens import create_token
from people_app.models import User
from people_app.roles import Role

NAMES = ("ada", "bob")
LOST = 0.15  # how many answers never arrive
STREETS = "/api/v1/datasets/streets/"
BRANCH = f"{STREETS}branches/main/"
DRAFT = "/api/v1/taxonomies/streets-classes/draft/"
ROUNDS = 12


class Client(NamedTuple):
    """Somebody's program."""

    name: str
    url: str
    token: str
    http: httpx.Client
    chance: random.Random

    def get(self, path: str) -> Any:
        return answered(self.http.get(path)).json()

    def post(self, path: str, body: Any, key: str = "") -> httpx.Response:
        return answered(self.http.post(path, json=body, headers={"Idempotency-Key": key or "-"}))

    def post_unheard(self, path: str, body: Any, key: str) -> None:
        """Send a request, and hang up before it is answered."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        connection.request("POST", path, json.dumps(body), headers_of(self.token, key))
        connection.close()


def headers_of(token: str, key: str) -> dict[str, str]:
    return {
        "Authorization": f"Token {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
    }


def answered(response: httpx.Response) -> httpx.Response:
    assert response.status_code < 500, response.text
    return response


@pytest.fixture
def clients(transactional_db, live_server) -> Iterator[list[Client]]:
    """Two people who may write to the dataset "streets", which has no version yet."""
    ada, bob = (User.objects.create_user(name) for name in NAMES)
    taxonomy = create_taxonomy(
        slug="streets-classes", classes=[ClassSpec("car", "thing", 1, "#00008e")], actor=ada
    ).taxonomy
    dataset = create_dataset(slug="streets", taxonomy=taxonomy, actor=ada)
    grant_role(user=bob, resource=dataset, role=Role.ANNOTATOR, actor=ada)
    grant_role(user=bob, resource=taxonomy, role=Role.CURATOR, actor=ada)
    tokens = [create_token(user=user).secret for user in (ada, bob)]
    https = [
        httpx.Client(
            base_url=live_server.url, headers={"Authorization": f"Token {token}"}, timeout=60
        )
        for token in tokens
    ]
    yield [
        Client(name, live_server.url, token, http, random.Random(name))
        for name, token, http in zip(NAMES, tokens, https, strict=True)
    ]
    for http_client in https:
        http_client.close()


def at_once(clients: list[Client], act: Callable[[Client], Any]) -> list[Any]:
    """Let both act at the same time, and return what came of it."""
    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(act, clients))


@pytest.mark.parametrize("edits", [10, pytest.param(200, marks=pytest.mark.long)])
def test_no_commit_is_lost_and_none_is_made_twice(clients, edits):
    def act(client: Client) -> list[str]:
        return [commit(client, number) for number in range(edits)]

    made = at_once(clients, act)
    history = list(Version.objects.order_by("number"))
    assert [version.number for version in history] == list(range(1, 2 * edits + 1))
    assert sorted(version.id_hex for version in history) == sorted(made[0] + made[1])
    for parent, version in pairwise(history):
        assert list(version.parents.all()) == [parent]
    assert Branch.objects.get().head == history[-1]
    assert names_at(clients[0], "main") == {
        f"{name}/{number:03}.png" for name in NAMES for number in range(edits)
    }


def commit(client: Client, number: int) -> str:
    """Add an image to whatever is there, and return the id of the version that did."""
    change = {"name": f"{client.name}/{number:03}.png", "split": "train"}
    while True:
        body = {
            "expected_head": head_of(client),
            "message": f"{client.name} {number}",
            "changes": [change],
        }
        key = uuid.UUID(int=client.chance.getrandbits(128)).hex
        if client.chance.random() < LOST:
            client.post_unheard(f"{BRANCH}commits/", body, key)
        response = client.post(f"{BRANCH}commits/", body, key)
        if response.status_code == 201:
            return response.json()["id"]
        assert (response.status_code, response.json()["code"]) == (409, "branch_moved")


def head_of(client: Client) -> str | None:
    response = answered(client.http.get(BRANCH))
    return response.json()["head"] if response.status_code == 200 else None


def names_at(client: Client, rev: str) -> set[str]:
    page = client.get(f"{STREETS}versions/{rev}/images/?limit=500")
    assert page["next"] is None
    return {row["name"] for row in page["results"]}


@pytest.mark.parametrize(("path", "model"), [("branches/", Branch), ("tags/", Tag)])
def test_a_name_is_given_once(clients, path, model):
    head = commit(clients[0], 0)
    together = Barrier(len(clients))

    def act(client: Client) -> list[int]:
        statuses = []
        for number in range(ROUNDS):
            together.wait(timeout=60)
            body = {"name": f"n-{number}", "head": head, "version": head}
            body.pop("version" if model is Branch else "head")
            statuses.append(client.post(f"{STREETS}{path}", body).status_code)
        return statuses

    both = at_once(clients, act)
    assert {tuple(sorted(pair)) for pair in zip(*both, strict=True)} == {(201, 409)}
    assert model.objects.filter(name__startswith="n-").count() == ROUNDS


def test_both_sides_edits_of_a_draft_are_kept(clients):
    def act(client: Client) -> None:
        for number in range(ROUNDS):
            add = {"op": "add", "name": f"{client.name} {number}", "kind": "thing"}
            while True:
                revision = client.get(DRAFT)["revision"]
                body = {"expected_revision": revision, "operations": [add]}
                response = client.post(f"{DRAFT}operations/", body)
                if response.status_code == 200:
                    break
                assert (response.status_code, response.json()["code"]) == (409, "draft_moved")

    at_once(clients, act)
    draft = clients[0].get(DRAFT)
    assert draft["revision"] == 2 * ROUNDS
    assert sorted(row["name"] for row in draft["classes"]) == sorted(
        ["car", *(f"{name} {number}" for name in NAMES for number in range(ROUNDS))]
    )


def test_a_dataset_is_made_once(clients):
    together = Barrier(len(clients))

    def act(client: Client) -> list[int]:
        statuses = []
        for number in range(5):
            together.wait(timeout=60)
            body = {"slug": f"d-{number}", "taxonomy": "streets-classes"}
            statuses.append(client.post("/api/v1/datasets/", body).status_code)
        return statuses

    both = at_once(clients, act)
    assert {tuple(sorted(pair)) for pair in zip(*both, strict=True)} == {(201, 409)}
    assert Dataset.objects.filter(slug__startswith="d-").count() == 5


def test_a_request_that_is_sent_again_while_it_is_at_work_is_one_commit(transactional_db):
    ada = User.objects.create_user("ada")
    taxonomy = create_taxonomy(
        slug="streets-classes", classes=[ClassSpec("car", "thing", 1, "#00008e")], actor=ada
    ).taxonomy
    create_dataset(slug="streets", taxonomy=taxonomy, actor=ada)
    headers = {
        "Authorization": f"Token {create_token(user=ada).secret}",
        "Idempotency-Key": "once",
    }
    change = {"name": "a.png", "split": "train"}
    body = {"expected_head": None, "message": "First", "changes": [change]}

    def send() -> Any:
        return APIClient().post(f"{BRANCH}commits/", body, format="json", headers=headers)

    meanwhile: list[Any] = []

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if IdempotencyKey._meta.db_table in sql and not meanwhile:
            meanwhile.append(None)  # the one that comes through looks, too
            meanwhile[0] = send()
        return found

    with connection.execute_wrapper(look):
        response = send()
    assert (response.status_code, meanwhile[0].status_code) == (201, 201)
    assert response.json()["id"] == meanwhile[0].json()["id"]
    assert Version.objects.count() == 1
