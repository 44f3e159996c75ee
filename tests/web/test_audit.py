"""The audit log by pages: sentences, links, filters, seals."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from datasets_app.actions.branches import delete_branch
from datasets_app.actions.datasets import update_dataset
from datasets_app.models import Branch, Dataset, Visibility
from datasets_app.webhooks.managing import create_webhook, delete_webhook
from people_app.actions.roles import grant_role, revoke_role
from people_app.audit import record
from people_app.models import AuditEvent, User
from people_app.roles import Role
from people_app.sealing import seal_events
from tests.datasets_app.builders import author
from tests.web.builders import Page, branch, history, member, shared_dataset
from web.audit_names import tell_events
from web.audit_words import AREAS, AREAS_OF_DATASETS, has_words, words_of

pytestmark = pytest.mark.django_db
LOG = "/datasets/town/settings/audit/"
_UPKEEP = re.compile(r'\bannounce\(\s*"([a-z_]+)"')


@pytest.fixture
def town() -> Dataset:
    dataset = shared_dataset("town")
    history(dataset)
    return dataset


@pytest.fixture
def admin(town: Dataset, client: Client) -> Client:
    client.force_login(author())
    return client


def text_of(client: Client, url: str = LOG) -> str:
    return Page(client.get(url).content.decode()).text


def sentence(event: AuditEvent, user: User | None = None) -> str:
    """The last event as somebody reads it; links in brackets."""
    [told] = tell_events(SimpleNamespace(user=user or author()), [event])
    return "".join(f"[{one.text}]" if one.url else one.text for one in told.sentence)


def last() -> AuditEvent:
    return AuditEvent.objects.order_by("-pk")[0]


def test_every_verb_that_the_house_records_has_words() -> None:
    verbs = set()
    for app in ("people_app", "labels_app", "store_app", "datasets_app", "api", "web"):
        for path in (Path(settings.BASE_DIR) / app).rglob("*.py"):
            text = path.read_text()
            verbs |= set(_recorded(ast.parse(text))) if "record(" in text else set()
            verbs |= {f"store.{verb}" for verb in _UPKEEP.findall(text)}
    assert {"version.committed", "store.verified"} <= verbs
    assert {verb for verb in verbs if not has_words(verb)} == set()
    areas = {area.removesuffix("*") for area in AREAS}
    assert {verb for verb in verbs if not verb.startswith(tuple(areas))} == set()
    assert set(AREAS_OF_DATASETS) <= AREAS.keys()


def _recorded(tree: ast.AST) -> list[str]:
    """Return the verbs that calls of `record(actor, verb, …)` name."""
    return [
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "record"
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
    ]


def test_an_afternoon_is_told_in_sentences(admin: Client, town: Dataset) -> None:
    head = Branch.objects.get(dataset=town, name="main").head
    branch(town, "night", head)
    made = last()
    told = [sentence(made)]
    delete_branch(branch=Branch.objects.get(dataset=town, name="night"), actor=author())
    told += [sentence(last()), sentence(made)]
    mia = member(town)
    told.append(sentence(last()))
    grant_role(user=mia, resource=town, role=Role.ADMIN, actor=author())
    told.append(sentence(last()))
    revoke_role(user=mia, resource=town, actor=author())
    told.append(sentence(last()))
    update_dataset(dataset=town, actor=author(), visibility=Visibility.PUBLIC)
    told.append(sentence(last()))
    update_dataset(dataset=town, actor=author(), title="A", description="B")
    told.append(sentence(last()))
    assert told == [
        "made the branch [night] at [v2]",
        "deleted the branch night, which was at [v2]",
        "made the branch night at [v2]",
        "gave mia the role reader on [town]",
        "changed the role of mia on [town] from reader to admin",
        "took the role admin on [town] from mia",
        "made [town] public: everybody can read it",
        "changed the description and title of [town]",
    ]


def test_a_commit_counts_its_images(town: Dataset) -> None:
    commits = AuditEvent.objects.filter(verb="version.committed").order_by("pk")
    assert [sentence(event) for event in commits] == [
        "committed [v1] to [main]: 3 added",
        "committed [v2] to [main]: 1 added, 1 changed, 1 removed",
    ]


def test_what_is_gone_is_named_without_a_link(town: Dataset) -> None:
    url = "https://example.org/hook"
    made = create_webhook(dataset=town, url=url, events=["tag.created"], actor=author())
    event = last()
    assert sentence(event) == f"made [the webhook to {url}]"
    delete_webhook(webhook=made.webhook, actor=author())
    assert sentence(event) == f"made the webhook to {url}"
    assert sentence(last()) == f"deleted the webhook to {url}"


def test_what_the_reader_may_not_see_keeps_its_number(town: Dataset) -> None:
    event = AuditEvent.objects.filter(verb="role.granted", line_kind="dataset").first()
    stranger = User.objects.create_user("eve")
    assert sentence(event, stranger) == f"gave ada the role admin on dataset {town.pk}"
    commit = AuditEvent.objects.filter(verb="version.committed").first()
    assert "[v" not in sentence(commit, stranger)


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"version": 7},
        {"version": "zz"},
        {"added": "{x}", "branch": None},
        {"state": ["a"]},
        ["no", "object"],
    ],
)
def test_no_event_is_left_out_however_odd(town: Dataset, facts: dict[str, object]) -> None:
    verbs = ["version.committed", "job.finished", "role.granted", "{odd}.verb", "team.updated"]
    for verb in verbs:
        for kind, key in (("webhook", "x"), ("dataset", "9" * 60), ("job", ""), ("team", "²")):
            # As somebody with the database in hand would insert it.
            event = AuditEvent(verb=verb, object_kind=kind, object_id=key, facts=facts)
            event.line_kind, event.line_id = kind, key
            assert sentence(event)


def test_a_verb_without_words_is_told_by_itself() -> None:
    assert words_of("moon.landed", {}) == "did {verb} to {object}"


def test_the_log_of_a_dataset_holds_its_line_alone(admin: Client, town: Dataset) -> None:
    shared_dataset("other")
    text = text_of(admin)
    assert "ada committed v2 to main : 1 added, 1 changed, 1 removed" in text
    assert "made the dataset town" in text
    assert "other" not in text


def test_who_and_where_and_which_token_stand_beside_it(admin: Client, town: Dataset) -> None:
    admin.post("/datasets/town/settings/", {"act": "hide"})
    admin.post(
        "/datasets/town/settings/",
        {"act": "protect", "branch": "main", "protected": "yes"},
        headers={"x-request-id": "request-17"},
    )
    text = text_of(admin)
    assert "ada protected the branch main from deletion from 127.0.0.1" in text
    assert "request-17" in text


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("verb=version.*", "committed", "gave"),
        ("verb=role.granted", "gave", "committed"),
        ("actor=ada", "committed", "to mia"),
        ("actor=nobody", "No such event", "committed"),
        ("object=branch", "No such event", "committed"),
        ("object=dataset", "committed", "No such event"),
        ("since=2020-01-01&until=2020-12-31", "No such event", "committed"),
        ("since=2020-01-01", "committed", "No such event"),
        ("token=0123456789abcdef", "No such event", "committed"),
        ("after=1", "No such event", "committed"),
    ],
)
def test_the_log_is_narrowed(admin: Client, query: str, shown: str, hidden: str) -> None:
    text = text_of(admin, f"{LOG}?{query}")
    assert shown in text
    assert hidden not in text


def test_both_dates_are_inside(admin: Client) -> None:
    today = datetime.now(UTC).date().isoformat()
    assert "committed" in text_of(admin, f"{LOG}?since={today}&until={today}")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("since=yesterday", "Enter a valid date."),
        ("since=2026-02-01&until=2026-01-01", "It is before the day where it begins."),
        ("actor=" + "x" * 200, "at most 150 characters"),
        ("object=%00", "Null characters are not allowed."),
    ],
)
def test_a_filter_that_cannot_be_is_told_beside_its_field(
    admin: Client, query: str, problem: str
) -> None:
    response = admin.get(f"{LOG}?{query}")
    text = Page(response.content.decode()).text
    assert response.status_code == 200
    assert problem in text
    assert "committed" not in text


@pytest.mark.parametrize(
    "query",
    ["after=odd", "after=²", "after=" + "9" * 30, "verb=odd", "token=%3C", "until=9999-12-31"],
)
def test_odd_parameters_are_no_error(admin: Client, query: str) -> None:
    assert admin.get(f"{LOG}?{query}").status_code == 200
    assert admin.get(f"/audit/?{query}").status_code == 200


def test_the_log_goes_on_after_a_page_and_keeps_its_filter(admin: Client, town: Dataset) -> None:
    with transaction.atomic():
        for number in range(60):
            record(author(), "tag.created", town, tag=f"t{number:02}", version="")
    first = Page(admin.get(f"{LOG}?verb=tag.*").content.decode())
    following = next(link for link in first.links if "after=" in link)
    second = Page(admin.get(LOG + following).content.decode())
    tags = [f"tag t{number:02}" for number in range(60)]
    assert [tag for tag in tags if (tag in first.text) == (tag in second.text)] == []
    assert "committed" not in second.text


def test_the_export_asks_the_api_for_the_same_events(admin: Client) -> None:
    page = Page(admin.get(f"{LOG}?verb=version.*&until=2099-01-01").content.decode())
    url = next(link for link in page.links if "/api/" in link and "export" in link)
    assert parse_qs(urlsplit(url).query) == {
        "dataset": ["town"],
        "verb": ["version.*"],
        "until": ["2099-01-02T00:00:00.000000+00:00"],
    }
    lines = b"".join(admin.get(url).streaming_content).splitlines()
    assert [b"version.committed" in line for line in lines] == [True, True]


def test_it_is_told_how_far_the_log_is_sealed(admin: Client, town: Dataset) -> None:
    assert "Not sealed yet" in text_of(admin)
    seal_events()
    assert "seal 1 : all of it." in text_of(admin)
    member(town)
    assert "seal 1 ; 1 event since" in text_of(admin)
    assert "verify_audit" in text_of(admin)


def test_readers_and_reviewers_do_not_see_the_log_of_a_dataset(
    town: Dataset, client: Client
) -> None:
    client.force_login(member(town))
    assert client.get(LOG).status_code == 403


def test_everybody_sees_what_they_did_and_what_happened_to_theirs(
    town: Dataset, client: Client
) -> None:
    mia = member(town)
    other = shared_dataset("other")
    grant_role(user=mia, resource=other, role=Role.ADMIN, actor=author())
    client.force_login(mia)
    text = text_of(client, "/audit/")
    assert "made the dataset other" in text
    assert "committed" not in text
    assert "Sealed" not in text


def test_operators_see_all_and_narrow_it_to_a_dataset(town: Dataset, client: Client) -> None:
    shared_dataset("other")
    seal_events()
    client.force_login(User.objects.create_superuser("root"))
    text = text_of(client, "/audit/")
    assert "made the dataset other" in text
    assert "committed v2 to main : 1 added, 1 changed, 1 removed in town" in text
    assert "Sealed up to" in text
    narrowed = client.get("/audit/?dataset=town")
    assert "made the dataset other" not in Page(narrowed.content.decode()).text
    assert "dataset=town" in narrowed.content.decode()
    missing = text_of(client, "/audit/?dataset=nowhere")
    assert "There is no dataset “nowhere”" in missing
    assert "committed" not in missing
