"""Settings of a dataset: what it is called, who may read it, its branches."""

from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.actions.branches import delete_branch
from datasets_app.models import Branch, Dataset
from people_app.actions.roles import grant_role
from people_app.models import AuditEvent, User
from people_app.roles import Role
from tests.datasets_app.builders import author
from tests.web.builders import Page, branch, history, member, shared_dataset

pytestmark = pytest.mark.django_db
SETTINGS = "/datasets/town/settings/"


@pytest.fixture
def town() -> Dataset:
    dataset = shared_dataset("town")
    _, second = history(dataset)
    branch(dataset, "feature/night", second)
    return dataset


@pytest.fixture
def admin(town: Dataset, client: Client) -> Client:
    client.force_login(person_with(town, Role.ADMIN))
    return client


def person_with(dataset: Dataset, role: Role, name: str = "alma") -> User:
    user = User.objects.create_user(name, password="correct horse")
    grant_role(user=user, resource=dataset, role=role, actor=author())
    return user


def post(client: Client, **fields: str) -> Page:
    response = client.post(SETTINGS, fields, follow=True)
    return Page(response.content.decode())


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


def test_what_is_said_about_a_dataset_is_changed_as_one_event(admin: Client, town: Dataset) -> None:
    before = len(verbs())
    page = post(
        admin, act="describe", title="Town", description="By day", default_branch="feature/night"
    )
    town.refresh_from_db()
    assert (town.title, town.description, town.default_branch) == (
        "Town",
        "By day",
        "feature/night",
    )
    assert verbs()[before:] == ["dataset.updated"]
    assert "Saved." in page.text


def test_saving_what_was_there_is_no_event(admin: Client, town: Dataset) -> None:
    Dataset.objects.filter(pk=town.pk).update(description="two\nlines")
    before = len(verbs())
    page = post(
        admin, act="describe", title=town.title, description="two\r\nlines", default_branch="main"
    )
    assert "Nothing was different." in page.text
    assert verbs()[before:] == []


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("default_branch", "nowhere", "There is no branch “nowhere”."),
        ("default_branch", "", "This field is required."),
        ("title", "x" * 201, "at most 200 characters"),
        ("description", "x" * 10_001, "at most 10000 characters"),
        ("title", "a\x00b", "Null characters are not allowed."),
    ],
)
def test_what_is_refused_is_told_beside_its_field(
    admin: Client, field: str, value: str, problem: str
) -> None:
    fields = {"title": "Town", "description": "", "default_branch": "main", field: value}
    response = admin.post(SETTINGS, {"act": "describe", **fields})
    html = response.content.decode()
    assert response.status_code == 422
    assert problem in Page(html).text
    assert f'id="id_{field}_error"' in html
    assert f'aria-describedby="id_{field}' in html


def test_nothing_becomes_public_without_the_tick(admin: Client, town: Dataset) -> None:
    response = admin.post(SETTINGS, {"act": "publish"})
    assert response.status_code == 422
    assert "Tick this first" in response.content.decode()
    town.refresh_from_db()
    assert town.visibility == "private"


def test_the_warning_says_how_much_becomes_public(admin: Client) -> None:
    text = Page(admin.get(SETTINGS).content.decode()).text
    assert "also without an account" in text
    assert "all 2 versions" in text


def test_a_dataset_becomes_public_and_private_again(
    admin: Client, town: Dataset, client: Client
) -> None:
    page = post(admin, act="publish", understood="on")
    assert "town is public" in page.text
    assert Client().get("/datasets/town/").status_code == 200
    post(admin, act="hide")
    assert Client().get("/datasets/town/").status_code == 404


def test_a_branch_is_protected_and_no_longer(admin: Client, town: Dataset) -> None:
    row = Branch.objects.get(dataset=town, name="feature/night")
    page = post(admin, act="protect", branch="feature/night", protected="yes")
    row.refresh_from_db()
    assert row.protected
    assert "feature/night is protected" in page.text
    post(admin, act="protect", branch="feature/night", protected="no")
    row.refresh_from_db()
    assert not row.protected


def test_protecting_what_is_protected_is_no_event(admin: Client) -> None:
    post(admin, act="protect", branch="main", protected="yes")
    before = len(verbs())
    post(admin, act="protect", branch="main", protected="yes")
    assert verbs()[before:] == []


def test_a_branch_that_is_gone_is_no_error(admin: Client, town: Dataset) -> None:
    delete_branch(branch=Branch.objects.get(dataset=town, name="feature/night"), actor=author())
    page = post(admin, act="protect", branch="feature/night", protected="yes")
    assert "There is no branch “feature/night” any more." in page.text


def test_the_branches_go_on_after_a_page(admin: Client, town: Dataset) -> None:
    Branch.objects.bulk_create(Branch(dataset=town, name=f"b/{no:03}") for no in range(60))
    first = Page(admin.get(SETTINGS).content.decode())
    assert "b/049" in first.text
    following = next(link for link in first.links if link.startswith("?after="))
    second = Page(admin.get(SETTINGS + following.partition("#")[0]).content.decode())
    assert "feature/night" in second.text


def test_more_branches_than_a_menu_holds_are_written(admin: Client, town: Dataset) -> None:
    Branch.objects.bulk_create(Branch(dataset=town, name=f"b/{no:03}") for no in range(200))
    assert '<input type="text" name="default_branch"' in admin.get(SETTINGS).content.decode()
    post(admin, act="describe", title="Town", description="", default_branch="b/199")
    town.refresh_from_db()
    assert town.default_branch == "b/199"


def test_settings_and_members_are_tabs_of_those_who_may_open_them(
    town: Dataset, client: Client
) -> None:
    tabs = {}
    for role in (Role.READER, Role.REVIEWER, Role.ADMIN):
        client.force_login(person_with(town, role, role))
        links = Page(client.get("/datasets/town/").content.decode()).links
        tabs[role] = (SETTINGS in links, "/datasets/town/members/" in links)
    assert tabs == {
        Role.READER: (False, False),
        Role.REVIEWER: (False, True),
        Role.ADMIN: (True, True),
    }


def test_a_reader_changes_nothing(town: Dataset, client: Client) -> None:
    client.force_login(member(town))
    assert client.post(SETTINGS, {"act": "hide"}).status_code == 403
    assert client.post(SETTINGS, {"act": "publish", "understood": "on"}).status_code == 403


def test_forms_need_their_token(town: Dataset) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(person_with(town, Role.ADMIN))
    assert client.post(SETTINGS, {"act": "hide"}).status_code == 403
