"""Members of a dataset: people by name, and teams."""

from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.models import Dataset
from datasets_app.models.dataset import DATASET_KIND
from people_app.actions.roles import grant_role, grant_team_role, revoke_role
from people_app.actions.teams import create_team, set_team_member
from people_app.models import Membership, Team, User
from people_app.roles import Role, TeamRole
from tests.datasets_app.builders import author
from tests.web.builders import Page, shared_dataset
from web.dataset_people import read_people

pytestmark = pytest.mark.django_db
MEMBERS = "/datasets/town/members/"


@pytest.fixture
def town() -> Dataset:
    """A dataset whose only admin is alma."""
    dataset = shared_dataset("town")
    grant_role(user=person("alma"), resource=dataset, role=Role.ADMIN, actor=author())
    revoke_role(user=author(), resource=dataset, actor=author())
    return dataset


@pytest.fixture
def admin(town: Dataset, client: Client) -> Client:
    client.force_login(User.objects.get(username="alma"))
    return client


def person(name: str) -> User:
    return User.objects.create_user(name, password="correct horse")


def crew(*names: str) -> Team:
    """A team that alma maintains."""
    team = create_team(slug="crew", actor=User.objects.get(username="alma"))
    for name in names:
        set_team_member(team=team, user=person(name), role=TeamRole.MEMBER, actor=None)
    return team


def post(client: Client, **fields: str) -> Page:
    return Page(client.post(MEMBERS, fields, follow=True).content.decode())


def roles(dataset: Dataset) -> dict[str, str]:
    rows = Membership.objects.on(DATASET_KIND, dataset.pk).select_related("user", "team")
    return {row.holder: row.role for row in rows}


def test_somebody_is_given_a_role_by_name(admin: Client, town: Dataset) -> None:
    person("bob")
    page = post(admin, act="add", username=" bob ", role="annotator")
    assert roles(town) == {"alma": "admin", "bob": "annotator"}
    assert "bob is annotator now." in page.text


def test_a_role_is_changed_and_taken(admin: Client, town: Dataset) -> None:
    grant_role(user=person("bob"), resource=town, role=Role.READER, actor=author())
    post(admin, act="change", holder="bob", role="reviewer")
    assert roles(town)["bob"] == "reviewer"
    page = post(admin, act="remove", holder="bob")
    assert "bob" not in roles(town)
    assert "bob has no role by name here any more." in page.text


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"username": "nobody", "role": "reader"}, "Nobody here is called “nobody”."),
        ({"username": "", "role": "reader"}, "This field is required."),
        ({"username": "alma", "role": "owner"}, "owner is not one of the available choices"),
        ({"username": "alma"}, "Choose a role."),
        ({"username": "gone", "role": "reader"}, "Nobody here is called “gone”."),
        ({"username": "a\x00b", "role": "reader"}, "Null characters are not allowed."),
        ({"username": "alma", "role": "reader"}, "You are the only admin by name"),
    ],
)
def test_a_refusal_stands_beside_what_was_written(
    admin: Client, fields: dict[str, str], problem: str
) -> None:
    gone = person("gone")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    response = admin.post(MEMBERS, {"act": "add", **fields})
    assert response.status_code == 422
    assert problem in Page(response.content.decode()).text


@pytest.mark.parametrize("act", ["remove", "change"])
def test_the_last_admin_is_told_kindly_what_to_do_first(
    admin: Client, town: Dataset, act: str
) -> None:
    response = admin.post(MEMBERS, {"act": act, "holder": "alma", "role": "reader"})
    assert response.status_code == 422
    text = Page(response.content.decode()).text
    assert "You are the only admin by name" in text
    assert "Make somebody else admin first." in text
    assert roles(town) == {"alma": "admin"}


def test_an_admin_through_a_team_does_not_free_the_last_one_by_name(
    admin: Client, town: Dataset
) -> None:
    grant_team_role(team=crew("bob"), resource=town, role=Role.ADMIN, actor=None)
    page = post(admin, act="remove", holder="alma")
    assert "Admins through a team do not count" in page.text


def test_who_steps_down_is_led_to_where_they_may_still_be(admin: Client, town: Dataset) -> None:
    grant_role(user=person("bob"), resource=town, role=Role.ADMIN, actor=author())
    response = admin.post(MEMBERS, {"act": "remove", "holder": "alma"})
    assert response.url == "/"
    assert admin.get(MEMBERS).status_code == 404


def test_a_team_is_given_a_role_changed_and_removed(admin: Client, town: Dataset) -> None:
    crew("bob")
    post(admin, act="add-team", team="crew", role="annotator")
    assert roles(town)["team crew"] == "annotator"
    post(admin, act="change-team", holder="crew", role="reviewer")
    assert roles(town)["team crew"] == "reviewer"
    page = post(admin, act="remove-team", holder="crew")
    assert roles(town) == {"alma": "admin"}
    assert "The team crew has no role here any more." in page.text


def test_a_team_of_others_is_not_there(admin: Client, town: Dataset) -> None:
    create_team(slug="strangers", actor=person("eve"))
    crew()
    response = admin.post(MEMBERS, {"act": "add-team", "team": "strangers", "role": "reader"})
    assert "There is no such team that you can see." in response.content.decode()
    assert "strangers" not in admin.get(MEMBERS).content.decode()
    refused = admin.post(MEMBERS, {"act": "change-team", "holder": "strangers", "role": "admin"})
    assert refused.status_code == 422
    assert roles(town) == {"alma": "admin"}


def test_it_is_told_through_what_somebody_has_a_role(admin: Client, town: Dataset) -> None:
    team = crew("bob")
    grant_team_role(team=team, resource=town, role=Role.REVIEWER, actor=None)
    bob = User.objects.get(username="bob")
    grant_role(user=bob, resource=town, role=Role.READER, actor=author())
    people = {one.username: one for one in read_people(town, "").rows}
    assert (people["bob"].role, people["bob"].own) == (Role.REVIEWER, Role.READER)
    assert people["bob"].teams == [(Role.REVIEWER, "crew")]
    assert people["alma"].role == Role.ADMIN
    text = Page(admin.get(MEMBERS).content.decode()).text
    assert "by name (reader) , team crew (reviewer)" in text


def test_a_page_of_people_divides_nobody(town: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.dataset_people._ROWS_PER_PAGE", 4)
    team = crew("bob", "cleo")
    grant_team_role(team=team, resource=town, role=Role.REVIEWER, actor=None)
    for name in ("bob", "cleo"):
        user = User.objects.get(username=name)
        grant_role(user=user, resource=town, role=Role.READER, actor=author())
    first = read_people(town, "")
    assert [one.username for one in first.rows] == ["alma", "bob"]
    second = read_people(town, first.following or "")
    assert [(one.username, len(one.teams), one.own) for one in second.rows] == [
        ("cleo", 1, Role.READER)
    ]
    assert second.following is None


def test_reviewers_look_and_change_nothing(town: Dataset, client: Client) -> None:
    user = person("rita")
    grant_role(user=user, resource=town, role=Role.REVIEWER, actor=author())
    client.force_login(user)
    html = client.get(MEMBERS).content.decode()
    assert "alma" in html
    assert 'name="act"' not in html
    for act in ("add", "remove", "change", "add-team", "remove-team"):
        fields = {"act": act, "holder": "rita", "username": "rita", "role": "admin"}
        assert client.post(MEMBERS, fields).status_code == 403


@pytest.mark.parametrize("act", ["", "explode", "change", "remove", "remove-team"])
def test_an_odd_form_is_refused_and_no_error(admin: Client, town: Dataset, act: str) -> None:
    for holder in ("nobody", "a\x00b", ""):
        fields = {"act": act, "holder": holder, "role": "reader"}
        assert admin.post(MEMBERS, fields).status_code == 422
    assert roles(town) == {"alma": "admin"}


def test_who_was_deactivated_can_be_removed(admin: Client, town: Dataset) -> None:
    bob = person("bob")
    grant_role(user=bob, resource=town, role=Role.READER, actor=author())
    User.objects.filter(pk=bob.pk).update(is_active=False)
    post(admin, act="remove", holder="bob")
    assert roles(town) == {"alma": "admin"}
