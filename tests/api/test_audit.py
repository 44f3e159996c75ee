"""The log of what people did, as they may read it."""

import json

import pytest
from rest_framework.test import APIClient

from people_app.actions.roles import grant_role
from people_app.actions.tokens import create_token
from people_app.models import AuditEvent
from people_app.roles import Role
from people_app.sealing import seal_events
from tests.api.builders import API, STREETS, body_of, build_world, client_of, person, walk

AUDIT = f"{API}/audit/"


def verbs(client, query=""):
    """The verbs of a list, the oldest first."""
    return [event["verb"] for event in walk(client, f"{AUDIT}{query}")][::-1]


def client_with_token(username, name, address):
    """A client that signs in with a named token from some address; its token's public id."""
    token, secret = create_token(user=person(username), name=name)
    client = APIClient(HTTP_AUTHORIZATION=f"Token {secret}", REMOTE_ADDR=address)
    return client, token.public_id


def test_the_log_of_an_afternoon_tells_who_did_what_from_where_with_which_token(world):
    grant_role(user=person("bob"), resource=world.dataset, role=Role.ANNOTATOR, actor=person("ada"))
    laptop, laptop_id = client_with_token("ada", "laptop", "192.0.2.1")
    cluster, cluster_id = client_with_token("bob", "cluster", "2001:db8::2")
    before = AuditEvent.objects.latest("pk").pk
    body = {"name": "dusk", "head": "v2"}
    assert cluster.post(f"{STREETS}/branches/", body).status_code == 201
    head = laptop.get(f"{STREETS}/branches/dusk/").json()["head"]
    change = {"name": "a.png", "split": "test"}
    commit = {"expected_head": head, "message": "To test", "changes": [change]}
    made = cluster.post(f"{STREETS}/branches/dusk/commits/", commit)
    assert made.status_code == 201, made.content
    assert laptop.post(f"{STREETS}/branches/", {"name": "dusk"}).status_code == 409
    assert cluster.delete(f"{STREETS}/branches/dusk/").status_code == 403
    tag = laptop.post(f"{STREETS}/tags/", {"name": "paper", "version": "dusk"})
    assert tag.status_code == 201, tag.content
    assert laptop.patch(f"{STREETS}/", {"title": "Roads"}).status_code == 200
    assert laptop.delete(f"{STREETS}/branches/dusk/").status_code == 204

    told = [
        (event["actor"], event["token"], event["address"], event["verb"], event["facts"])
        for event in walk(client_of(person("root", is_superuser=True)), AUDIT)[::-1]
        if event["id"] > before and event["verb"] != "token.created"
    ]
    ada = ("ada", {"id": laptop_id, "name": "laptop"}, "192.0.2.1")
    bob = ("bob", {"id": cluster_id, "name": "cluster"}, "2001:db8::2")
    assert [row[:4] for row in told] == [
        (*bob, "branch.created"),
        (*bob, "version.committed"),
        (*ada, "tag.created"),
        (*ada, "dataset.updated"),
        (*ada, "branch.deleted"),
    ]
    assert told[1][4]["version"] == made.json()["id"]
    assert told[2][4]["tag"] == "paper"


def test_an_event_names_the_request_that_made_it(admin):
    response = admin.post(f"{STREETS}/branches/", {"name": "dusk", "head": "v2"})
    [event] = admin.get(f"{AUDIT}?verb=branch.created&limit=1").json()["results"]
    assert event["request"] == response["X-Request-ID"]


def test_a_sealed_event_says_so(admin):
    [event] = admin.get(f"{AUDIT}?verb=tag.created").json()["results"]
    assert (event["seal"], len(event["digest"])) == (None, 64)
    seal_events()
    [event] = admin.get(f"{AUDIT}?verb=tag.created").json()["results"]
    assert event["seal"] == 1


def test_admins_see_their_dataset_and_others_what_they_did(world, admin, annotator, stranger):
    assert "tag.created" in verbs(admin, "?dataset=streets")
    assert verbs(annotator, "?dataset=streets") == []
    assert set(verbs(annotator)) == {"token.created"}
    assert verbs(stranger, "?dataset=streets") == []
    assert verbs(stranger, "?actor=ada") == []


def test_the_admin_of_one_dataset_sees_nothing_of_another(world):
    build_world("fields")
    bob = client_of("bob")
    grant_role(user=person("bob"), resource=world.dataset, role=Role.ADMIN, actor=None)
    assert "tag.created" in verbs(bob, "?dataset=streets")
    assert verbs(bob, "?dataset=fields") == []
    lines = {event["line"]["id"] for event in walk(bob, f"{AUDIT}?object=dataset")}
    assert lines == {str(world.dataset.pk)}


def test_owners_see_their_taxonomy(world, stranger):
    taxonomy = world.dataset.taxonomy
    grant_role(user=person("bob"), resource=taxonomy, role=Role.OWNER, actor=None)
    assert "taxonomy.created" in verbs(client_of("bob"), "?taxonomy=streets-classes")
    assert verbs(stranger, "?taxonomy=streets-classes") == []


def test_jobs_are_told_in_the_line_of_their_dataset(world, admin):
    asked = admin.post(f"{STREETS}/exports/", {"version": "v1", "format": "coco_panoptic"})
    assert asked.status_code == 202, asked.content
    job = asked.json()["id"]
    assert "job.enqueued" in verbs(admin, f"?dataset=streets&object=job:{job}")


def test_a_narrow_token_sees_what_its_user_did(world):
    grant_role(user=person("bob"), resource=world.dataset, role=Role.ADMIN, actor=person("ada"))
    narrow = client_of("bob", scopes=["read"])
    assert {event["actor"] for event in walk(narrow, AUDIT)} == {"bob"}
    assert "ada" in {event["actor"] for event in walk(client_of("bob"), AUDIT)}


def test_nobody_reads_the_log_without_signing_in(world, anonymous):
    assert anonymous.get(AUDIT).status_code == 401
    assert anonymous.get(f"{AUDIT}export").status_code == 401


def test_filters_are_joined_by_and(world, admin):
    assert verbs(admin, "?verb=branch.*") == ["branch.created"]
    assert verbs(admin, "?verb=branch.created&actor=ada") == ["branch.created"]
    assert verbs(admin, "?verb=branch.created&actor=bob") == []
    assert verbs(admin, "?dataset=streets&taxonomy=streets-classes") == []


def test_times_are_from_and_until(world, admin):
    [tag] = admin.get(f"{AUDIT}?verb=tag.created").json()["results"]
    at = tag["at"].replace("+", "%2B")
    assert verbs(admin, f"?verb=tag.*&since={at}") == ["tag.created"]
    assert verbs(admin, f"?verb=tag.*&until={at}") == []


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "since=2026-99-99T00:00", "until=0001-01-01T00:00:00%2B23:00",
     "actor=%00", "cursor=x", "limit=0"],
)  # fmt: skip
def test_a_filter_that_cannot_be_read_is_refused(world, admin, query):
    assert admin.get(f"{AUDIT}?{query}").status_code == 400


def test_pages_follow_each_other_without_gaps(world, admin):
    paged = walk(admin, f"{AUDIT}?limit=2")
    assert [event["id"] for event in paged] == [
        event["id"] for event in admin.get(f"{AUDIT}?limit=500").json()["results"]
    ]


def test_a_page_costs_the_same_queries_however_long_it_is(world, django_assert_num_queries):
    client = APIClient()
    client.force_authenticate(person("ada"))
    for limit in (1, 100):
        with django_assert_num_queries(2):
            client.get(f"{AUDIT}?limit={limit}")


def test_the_export_holds_the_same_events_the_oldest_first(world, admin):
    response = admin.get(f"{AUDIT}export?dataset=streets")
    assert response["Content-Type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in body_of(response).splitlines()]
    assert rows == walk(admin, f"{AUDIT}?dataset=streets")[::-1]
