"""A scripted afternoon: people work over HTTP, and the log tells who did what from where."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any, NamedTuple

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from datasets_app.jobs.running import run_job
from people_app.actions.tokens import create_token
from people_app.audit_verification import verify_audit
from people_app.models import AuditEvent, User
from people_app.sealing import seal_events
from tests.api.builders import build_world, person

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "a long and quiet afternoon"
STREETS = "/api/v1/datasets/streets/"
TAXONOMY = "/api/v1/taxonomies/streets-classes/"


class Told(NamedTuple):
    """What the log says of an act: its token by name, "" for none."""

    who: str
    verb: str
    what: str
    token: str
    address: str


class Desk:
    """Somebody's place: an address, and a token or a session."""

    def __init__(self, url: str, address: str, who: str = "", token: str = "") -> None:
        self.who, self.token, self.address = who, token, address
        headers = {"X-Forwarded-For": address}
        if token:
            user = User.objects.get(username=who)
            secret = create_token(user=user, name=token).secret
            headers["Authorization"] = f"Token {secret}"
        self.http = httpx.Client(base_url=url, headers=headers, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, *, status: int) -> Any:
        """Send a request, which must be answered so; return the JSON of the answer."""
        answer = self.http.request(method, path, json=body)
        assert answer.status_code == status, (method, path, answer.text)
        return answer.json() if answer.content and "json" in answer.headers["Content-Type"] else {}

    def submit(self, path: str, shown_at: str = "", **fields: str) -> httpx.Response:
        """Fill in the form of a page, as a browser does."""
        page = self.http.get(shown_at or path, follow_redirects=True)
        form_token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert form_token, page.text
        fields["csrfmiddlewaretoken"] = form_token[1]
        return self.http.post(path, data=fields, headers={"Referer": str(page.url)})

    def told(self, verb: str, what: str) -> Told:
        """What the log should say of an act of theirs."""
        return Told(self.who, verb, what, self.token, self.address)


class Afternoon(NamedTuple):
    """What was done, in order, as the log should tell it, and the events that do."""

    expected: list[Told]
    events: list[AuditEvent]


@pytest.fixture
def afternoon(live_server, settings, monkeypatch) -> Afternoon:
    """Live through it once."""
    settings.TESSERA_TRUSTED_PROXIES = ["127.0.0.1"]
    settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.0/8"]
    monkeypatch.setattr("datasets_app.jobs.queue._start", lambda job: None)
    world = build_world()
    person("bob")
    User.objects.create_user("eve", password=PASSWORD)
    desks = {
        "ada": Desk(live_server.url, "203.0.113.7", "ada", "laptop"),
        "cluster": Desk(live_server.url, "203.0.113.99", "ada", "cluster"),
        "bob": Desk(live_server.url, "198.51.100.4", "bob", "studio"),
        "eve": Desk(live_server.url, "192.0.2.55", "eve"),
        "nobody": Desk(live_server.url, "192.0.2.66"),
    }
    before = AuditEvent.objects.latest("pk").pk
    expected = [told for act in ACTS for told in act(desks, world.dataset.pk)]
    for desk in desks.values():
        desk.http.close()
    return Afternoon(expected, list(AuditEvent.objects.filter(pk__gt=before).order_by("pk")))


Desks = dict[str, Desk]


def somebody_tries_passwords(desks: Desks, streets: int) -> Iterator[Told]:
    eve, nobody = desks["eve"], desks["nobody"]
    nobody.submit("/sign-in/", username="eve", password="hunter2")
    yield Told("", "sign_in.failed", "sign_in ", "", nobody.address)
    nobody.ask("POST", f"{STREETS}tags/", {"name": "x", "version": "main"}, status=401)
    assert eve.submit("/sign-in/", username="eve", password=PASSWORD).status_code == 302
    yield eve.told("session.started", f"user {User.objects.get(username='eve').pk}")
    eve.ask("GET", STREETS, status=404)


def roles_are_given(desks: Desks, streets: int) -> Iterator[Told]:
    ada, bob = desks["ada"], desks["bob"]
    bob.ask("PATCH", STREETS, {"title": "Mine"}, status=404)
    for name, role in [("bob", "annotator"), ("eve", "reader"), ("bob", "reviewer")]:
        ada.ask("PUT", f"{STREETS}members/{name}/", {"role": role}, status=200)
        yield ada.told("role.granted", f"dataset {streets}")
    bob.ask("PATCH", STREETS, {"title": "Mine"}, status=403)
    bob.ask("PUT", f"{STREETS}members/bob/", {"role": "admin"}, status=403)
    desks["eve"].ask("GET", STREETS, status=200)
    ada.ask("PATCH", STREETS, {"title": "Streets in autumn"}, status=200)
    yield ada.told("dataset.updated", f"dataset {streets}")


def a_team_is_made(desks: Desks, streets: int) -> Iterator[Told]:
    ada = desks["ada"]
    ada.ask("POST", "/api/v1/teams/", {"slug": "crew", "name": "Night crew"}, status=201)
    team = f"team {connection_value('SELECT id FROM people_app_team')}"
    yield ada.told("team.created", team)
    ada.ask("PUT", "/api/v1/teams/crew/members/eve/", {"role": "member"}, status=200)
    yield ada.told("team.member_added", team)
    ada.ask("PUT", f"{STREETS}teams/crew/", {"role": "reader"}, status=200)
    yield ada.told("role.granted", f"dataset {streets}")
    desks["bob"].ask("DELETE", "/api/v1/teams/crew/", status=404)
    ada.ask("DELETE", "/api/v1/teams/crew/members/eve/", status=204)
    yield ada.told("team.member_removed", team)


def labels_are_worked_on(desks: Desks, streets: int) -> Iterator[Told]:
    bob, ada = desks["bob"], desks["ada"]

    def commit(desk: Desk, branch: str, name: str) -> Told:
        head = desk.ask("GET", f"{STREETS}branches/{branch}/", status=200)["head"]
        changes = [{"name": name, "split": "test"}]
        body = {"expected_head": head, "message": f"{name}", "changes": changes}
        desk.ask("POST", f"{STREETS}branches/{branch}/commits/", body, status=201)
        return desk.told("version.committed", f"dataset {streets}")

    bob.ask("POST", f"{STREETS}branches/", {"name": "dusk", "head": "main"}, status=201)
    yield bob.told("branch.created", f"dataset {streets}")
    for number in range(3):
        yield commit(bob, "dusk", f"dusk/{number}.png")
    yield commit(ada, "main", "noon.png")
    late = {"expected_head": "0" * 64, "message": "Late", "changes": [{"name": "late.png"}]}
    bob.ask("POST", f"{STREETS}branches/main/commits/", late, status=409)
    head = ada.ask("GET", f"{STREETS}branches/main/", status=200)["head"]
    merge = {"from": "dusk", "expected_head": head, "message": "Dusk"}
    ada.ask("POST", f"{STREETS}branches/main/merges/", merge, status=201)
    yield ada.told("version.committed", f"dataset {streets}")
    ada.ask("POST", f"{STREETS}tags/", {"name": "autumn", "version": "main"}, status=201)
    yield ada.told("tag.created", f"dataset {streets}")
    bob.ask("POST", f"{STREETS}tags/", {"name": "autumn", "version": "v1"}, status=409)
    ada.ask("DELETE", f"{STREETS}branches/dusk/", status=204)
    yield ada.told("branch.deleted", f"dataset {streets}")


def a_taxonomy_is_published(desks: Desks, streets: int) -> Iterator[Told]:
    ada = desks["ada"]
    taxonomy = f"taxonomy {connection_value('SELECT id FROM labels_app_taxonomy')}"
    for revision, name in enumerate(["automobile", "vehicle"]):
        edit = {
            "expected_revision": revision,
            "operations": [{"op": "rename", "class": 2, "name": name}],
        }
        ada.ask("POST", f"{TAXONOMY}draft/operations/", edit, status=200)
        yield ada.told("taxonomy.draft_edited", taxonomy)
    stale = {"expected_revision": 0, "message": "Too late"}
    ada.ask("POST", f"{TAXONOMY}draft/publish/", stale, status=409)
    publish = {"expected_revision": 2, "message": "Vehicles"}
    ada.ask("POST", f"{TAXONOMY}draft/publish/", publish, status=201)
    yield ada.told("taxonomy.published", taxonomy)


def the_house_is_told(desks: Desks, streets: int) -> Iterator[Told]:
    ada, bob = desks["ada"], desks["bob"]
    hook = {"url": "http://127.0.0.1:9/", "events": ["tag.created"]}
    bob.ask("POST", f"{STREETS}webhooks/", hook, status=403)
    made = ada.ask("POST", f"{STREETS}webhooks/", hook, status=201)["id"]
    yield ada.told("webhook.created", f"webhook {made}")
    ada.ask("POST", f"{STREETS}webhooks/{made}/test/", status=202)
    yield ada.told("webhook.tested", f"webhook {made}")
    ada.ask("PATCH", f"{STREETS}webhooks/{made}/", {"active": False}, status=200)
    yield ada.told("webhook.updated", f"webhook {made}")


def a_cluster_exports(desks: Desks, streets: int) -> Iterator[Told]:
    cluster = desks["cluster"]
    wanted = {"version": "autumn", "format": "coco_panoptic"}
    job = cluster.ask("POST", f"{STREETS}exports/", wanted, status=202)["id"]
    yield cluster.told("job.enqueued", f"job {job}")
    run_job(job)
    # A worker did it, which tells for whom, and by which request.
    yield cluster.told("job.finished", f"job {job}")


def tokens_come_and_go(desks: Desks, streets: int) -> Iterator[Told]:
    bob, eve = desks["bob"], desks["eve"]
    made = bob.ask("POST", "/api/v1/tokens/", {"name": "spare"}, status=201)["id"]
    yield bob.told("token.created", f"token {made}")
    bob.ask("DELETE", f"/api/v1/tokens/{made}/", status=204)
    yield bob.told("token.revoked", f"token {made}")
    ada = desks["ada"]
    for name in ("bob", "eve"):
        ada.ask("DELETE", f"{STREETS}members/{name}/", status=204)
        yield ada.told("role.revoked", f"dataset {streets}")
    bob.ask("GET", STREETS, status=404)
    assert eve.submit("/sign-out/", shown_at="/").status_code == 302
    yield eve.told("session.ended", f"user {User.objects.get(username='eve').pk}")


Act = Callable[[Desks, int], Iterator[Told]]
ACTS: list[Act] = [
    somebody_tries_passwords,
    roles_are_given,
    a_team_is_made,
    labels_are_worked_on,
    a_taxonomy_is_published,
    the_house_is_told,
    a_cluster_exports,
    tokens_come_and_go,
]


def connection_value(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def as_told(event: AuditEvent) -> Told:
    return Told(
        event.actor.username if event.actor else "",
        event.verb,
        f"{event.object_kind} {event.object_id}",
        event.token_name,
        event.address,
    )


# ---- somebody with the database's password -----------------------------------


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block does to the database."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def alter(one: int, other: int) -> set[tuple[str, int | None]]:
    sql("UPDATE people_app_auditevent SET address = '203.0.113.8' WHERE id = %s", one)
    return {("altered", one)}


def remove(one: int, other: int) -> set[tuple[str, int | None]]:
    sql("DELETE FROM people_app_auditevent WHERE id = %s", one)
    return {("removed", one)}


def change_places(one: int, other: int) -> set[tuple[str, int | None]]:
    for old, new in [(one, -1), (other, one), (-1, other)]:
        sql("UPDATE people_app_auditevent SET id = %s WHERE id = %s", new, old)
    return {("reordered", one), ("reordered", other)}


def insert(one: int, other: int) -> set[tuple[str, int | None]]:
    columns = ", ".join(
        field.column for field in AuditEvent._meta.local_fields if field.column != "id"
    )
    sql(
        f"INSERT INTO people_app_auditevent (id, {columns})"
        f" SELECT %s, {columns} FROM people_app_auditevent WHERE id = %s",
        other + 1_000,
        one,
    )
    return {("inserted", other + 1_000)}


def alter_with_the_proof_removed(one: int, other: int) -> set[tuple[str, int | None]]:
    sql("UPDATE people_app_auditevent SET verb = 'nothing' WHERE id = %s", one)
    sql("DELETE FROM people_app_auditproof WHERE event_id = %s", one)
    return {("inserted", one), ("seal_broken", None)}


def test_the_log_tells_who_did_what_from_where_and_whoever_changes_it_is_found(
    afternoon: Afternoon,
) -> None:
    assert len(afternoon.expected) >= 30
    assert [as_told(event) for event in afternoon.events] == afternoon.expected
    assert len({event.request_id for event in afternoon.events}) >= len(afternoon.expected) - 1
    seal_events()
    assert verify_audit().findings == []
    # Two events of one line, as those that bob committed.
    one, other = [event.pk for event in afternoon.events if event.actor_id and event.facts][9:11]
    for tamper in (alter, remove, change_places, insert, alter_with_the_proof_removed):
        with undone():
            expected = tamper(one, other)
            found = {(finding.kind, finding.event) for finding in verify_audit().findings}
            assert found == expected, tamper.__name__
            with pytest.raises(CommandError):
                call_command("verify_audit", stdout=StringIO())
    assert verify_audit().findings == []
