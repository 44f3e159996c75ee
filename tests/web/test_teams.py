"""Teams: who is in them, what they may do, and who may change that."""

from __future__ import annotations

import pytest
from django.test import Client

from people_app.actions.roles import grant_role, grant_team_role
from people_app.actions.teams import create_team, set_team_member
from people_app.models import Team, TeamMember, User
from people_app.roles import Role, TeamRole
from tests.datasets_app.builders import author
from tests.web.builders import Page, shared_dataset

pytestmark = pytest.mark.django_db
CREW = "/teams/crew/"


@pytest.fixture
def team() -> Team:
    """A team that alma maintains, with bob in it."""
    made = create_team(slug="crew", name="Night crew", actor=person("alma"))
    set_team_member(team=made, user=person("bob"), role=TeamRole.MEMBER, actor=None)
    return made


@pytest.fixture
def alma(team: Team, client: Client) -> Client:
    client.force_login(User.objects.get(username="alma"))
    return client


@pytest.fixture
def bob(team: Team) -> Client:
    client = Client()
    client.force_login(User.objects.get(username="bob"))
    return client


def person(name: str) -> User:
    return User.objects.create_user(name, password="correct horse")


def post(client: Client, url: str = CREW, **fields: str) -> Page:
    return Page(client.post(url, fields, follow=True).content.decode())


def places() -> dict[str, str]:
    rows = TeamMember.objects.filter(team__slug="crew")
    return dict(rows.values_list("user__username", "role"))


def test_anybody_makes_a_team_and_maintains_it(client: Client) -> None:
    client.force_login(person("alma"))
    assert "No team yet" in client.get("/teams/").content.decode()
    page = post(client, "/teams/", slug="crew", name="Night crew", description="By night")
    assert "Night crew is made." in page.text
    assert places() == {"alma": "maintainer"}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"slug": "crew"}, "There is a team 'crew' already."),
        ({"slug": "two words"}, "Enter a valid “slug”"),
        ({"slug": ""}, "This field is required."),
        ({"slug": "x" * 101}, "at most 100 characters"),
        ({"slug": "new", "name": "x" * 201}, "at most 200 characters"),
        ({"slug": "new", "name": "two\u2028lines"}, "It is one line of text."),
    ],
)
def test_what_is_refused_of_a_new_team_is_told_beside_its_field(
    alma: Client, fields: dict[str, str], problem: str
) -> None:
    response = alma.post("/teams/", fields)
    html = response.content.decode()
    assert response.status_code == 422
    assert problem in Page(html).text
    assert "field-problem" in html


def test_the_list_has_the_teams_that_concern_somebody(alma: Client, team: Team) -> None:
    create_team(slug="strangers", actor=person("eve"))
    text = Page(alma.get("/teams/").content.decode()).text
    assert "Night crew crew 2 maintainer" in text
    assert "strangers" not in text


def test_the_list_goes_on_after_a_page(alma: Client) -> None:
    user = User.objects.get(username="alma")
    teams = Team.objects.bulk_create(Team(slug=f"t{no:02}") for no in range(52))
    TeamMember.objects.bulk_create(TeamMember(team=one, user=user) for one in teams)
    first = Page(alma.get("/teams/").content.decode())
    following = next(link for link in first.links if link.startswith("?after="))
    assert "t50" not in first.text
    assert "t50" in Page(alma.get(f"/teams/{following}").content.decode()).text


def test_somebody_is_taken_in_made_maintainer_and_taken_out(alma: Client) -> None:
    person("cleo")
    post(alma, act="add", username="cleo", role="member")
    assert places()["cleo"] == "member"
    post(alma, act="change", holder="cleo", role="maintainer")
    assert places()["cleo"] == "maintainer"
    page = post(alma, act="remove", holder="cleo")
    assert "cleo is not in the team any more." in page.text
    assert places() == {"alma": "maintainer", "bob": "member"}


@pytest.mark.parametrize(
    "fields",
    [
        {"act": "leave"},
        {"act": "remove", "holder": "alma"},
        {"act": "change", "holder": "alma", "role": "member"},
        {"act": "add", "username": "alma", "role": "member"},
    ],
)
def test_the_last_maintainer_is_told_kindly(alma: Client, fields: dict[str, str]) -> None:
    response = alma.post(CREW, fields)
    assert response.status_code == 422
    assert "You are the only maintainer" in response.content.decode()
    assert places()["alma"] == "maintainer"


def test_a_member_looks_and_leaves_and_changes_nothing(bob: Client) -> None:
    html = bob.get(CREW).content.decode()
    assert "Who is in it" in html
    assert "Take somebody in" not in html
    for act in ("describe", "add", "change", "remove", "delete", ""):
        assert bob.post(CREW, {"act": act, "holder": "alma"}).status_code == 403
    response = bob.post(CREW, {"act": "leave"})
    assert response.url == "/teams/"
    assert places() == {"alma": "maintainer"}
    assert bob.get(CREW).status_code == 404


def test_a_stranger_is_told_that_there_is_nothing(team: Team, client: Client) -> None:
    client.force_login(person("eve"))
    assert client.get(CREW).status_code == 404
    assert client.post(CREW, {"act": "leave"}).status_code == 404


def test_who_answers_for_a_dataset_sees_the_name_of_a_team_on_it_and_no_more(
    team: Team, client: Client
) -> None:
    eve = person("eve")
    town, other = shared_dataset("town"), shared_dataset("other")
    grant_role(user=eve, resource=town, role=Role.ADMIN, actor=author())
    grant_role(user=eve, resource=other, role=Role.READER, actor=author())
    for dataset in (town, other):
        grant_team_role(team=team, resource=dataset, role=Role.READER, actor=author())
    Team.objects.filter(pk=team.pk).update(description="Only for us")
    client.force_login(eve)
    text = Page(client.get(CREW).content.decode()).text
    assert "Night crew" in text
    assert "The town" in text
    for hidden in ("The other", "bob", "Only for us", "Who is in it"):
        assert hidden not in text
    assert client.post(CREW, {"act": "leave"}).status_code == 403


def test_it_is_told_what_the_team_may_do(bob: Client, team: Team) -> None:
    town = shared_dataset("town")
    grant_team_role(team=team, resource=town, role=Role.REVIEWER, actor=author())
    grant_team_role(team=team, resource=town.taxonomy, role=Role.CURATOR, actor=author())
    page = Page(bob.get(CREW).content.decode())
    assert "The town dataset reviewer" in page.text
    assert "taxonomy curator" in page.text
    assert "/datasets/town/" in page.links


def test_a_team_is_described_otherwise(alma: Client, team: Team) -> None:
    post(alma, act="describe", name="Day crew", description="By day")
    team.refresh_from_db()
    assert (team.name, team.description) == ("Day crew", "By day")
    response = alma.post(CREW, {"act": "describe", "name": "x" * 201, "description": ""})
    assert response.status_code == 422
    assert "Day crew" in Page(response.content.decode()).text


def test_a_deleted_team_takes_its_roles_with_it(alma: Client, bob: Client, team: Team) -> None:
    town = shared_dataset("town")
    grant_team_role(team=team, resource=town, role=Role.READER, actor=author())
    assert bob.get("/datasets/town/").status_code == 200
    assert "It loses 1 role at once" in alma.get(CREW).content.decode()
    page = post(alma, act="delete")
    assert "The team crew is deleted" in page.text
    assert bob.get("/datasets/town/").status_code == 404


@pytest.mark.parametrize("act", ["", "explode", "change", "remove"])
def test_an_odd_form_is_refused_and_no_error(alma: Client, act: str) -> None:
    for holder in ("nobody", "a\x00b", ""):
        fields = {"act": act, "holder": holder, "role": "king"}
        assert alma.post(CREW, fields).status_code == 422
    assert places() == {"alma": "maintainer", "bob": "member"}


def test_operators_maintain_every_team(team: Team, client: Client) -> None:
    client.force_login(User.objects.create_superuser("root"))
    assert "crew" in client.get("/teams/").content.decode()
    post(client, act="remove", holder="bob")
    assert places() == {"alma": "maintainer"}


def test_owners_of_a_taxonomy_give_a_team_a_role_and_take_it(alma: Client, team: Team) -> None:
    line = shared_dataset("town").taxonomy
    members = f"/taxonomies/{line.slug}/members/"
    grant_role(
        user=User.objects.get(username="alma"), resource=line, role=Role.OWNER, actor=author()
    )
    page = post(alma, members, act="grant", team="crew", role="curator")
    assert "Everybody in the team crew is curator now." in page.text
    assert "Role of the team crew" in alma.get(members).content.decode()
    page = post(alma, members, act="remove", team="crew")
    assert "The team crew has no role here any more." in page.text
    create_team(slug="strangers", actor=person("eve"))
    response = alma.post(members, {"act": "grant", "team": "strangers", "role": "reader"})
    assert response.status_code == 422
    assert "There is no team “strangers” that you can see." in response.content.decode()
