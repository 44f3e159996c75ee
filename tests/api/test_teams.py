"""Teams through the API: who sees them, who changes them, what is refused."""

import pytest
from rest_framework.test import APIClient

from people_app.actions.roles import grant_role, grant_team_role
from people_app.actions.teams import create_team, set_team_member
from people_app.models import AuditEvent, Team
from people_app.roles import Role, TeamRole
from tests.api.builders import API, STREETS, client_of, person, walk

pytestmark = pytest.mark.django_db

TEAMS = f"{API}/teams/"
CREW = f"{TEAMS}crew/"


def crew(*members: str, slug: str = "crew") -> Team:
    """A team of ada, who maintains it, and members."""
    team = create_team(slug=slug, actor=person("ada"), name="Night crew", description="at night")
    for name in members:
        set_team_member(team=team, user=person(name), role=TeamRole.MEMBER, actor=person("ada"))
    return team


def people(client: APIClient) -> dict[str, str]:
    return {row["username"]: row["role"] for row in client.get(f"{CREW}members/").json()["results"]}


def refusal(response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


# Making, describing, deleting


def test_anybody_makes_a_team_and_maintains_it():
    response = client_of("eve").post(TEAMS, {"slug": "crew", "name": "Night crew"})
    assert response.status_code == 201
    assert response.json() | {"created_at": ""} == {
        "slug": "crew",
        "name": "Night crew",
        "description": "",
        "role": "maintainer",
        "created_at": "",
    }


def test_a_slug_is_taken_also_by_a_team_that_one_does_not_see():
    crew()
    assert refusal(client_of("eve").post(TEAMS, {"slug": "crew"})) == (409, "name_taken")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"slug": "a b"},
        {"slug": "x" * 101},
        {"slug": "crew", "name": "x" * 201},
        {"slug": "crew", "name": "two\nlines"},
        {"slug": "crew", "name": None},
        {"slug": "crew", "description": "x" * 10_001},
        {"slug": ["crew"]},
    ],
)
def test_a_team_that_cannot_be_is_refused(body):
    response = client_of("eve").post(TEAMS, body, format="json")
    assert response.status_code == 400
    assert not Team.objects.exists()


def test_maintainers_describe_a_team_and_members_do_not():
    crew("bob")
    assert client_of("ada").patch(CREW, {"name": "Day crew"}).json()["name"] == "Day crew"
    assert refusal(client_of("bob").patch(CREW, {"name": "Mine"})) == (403, "permission_denied")


def test_the_slug_of_a_team_stays():
    crew()
    assert client_of("ada").patch(CREW, {"slug": "other"}).json()["slug"] == "crew"


def test_maintainers_delete_a_team_and_members_do_not():
    crew("bob")
    assert client_of("bob").delete(CREW).status_code == 403
    assert client_of("ada").delete(CREW).status_code == 204
    assert client_of("ada").get(CREW).status_code == 404


def test_a_token_needs_the_scope_admin_to_say_who_is_in():
    crew("bob")
    narrow = client_of("ada", scopes=["write"])
    for response in (
        narrow.patch(CREW, {"name": "x"}),
        narrow.delete(CREW),
        narrow.put(f"{CREW}members/bob/", {"role": "maintainer"}),
        narrow.delete(f"{CREW}members/bob/"),
        client_of("bob", scopes=["write"]).delete(f"{CREW}members/bob/"),
    ):
        assert refusal(response) == (403, "permission_denied")


# Who is in it


def test_maintainers_take_somebody_in_and_members_see_who_is():
    crew("bob")
    person("eve")
    response = client_of("ada").put(f"{CREW}members/eve/", {"role": "member"})
    assert (response.status_code, response.json()["username"]) == (200, "eve")
    assert people(client_of("bob")) == {"ada": "maintainer", "bob": "member", "eve": "member"}
    assert client_of("bob").put(f"{CREW}members/eve/", {"role": "member"}).status_code == 403


def test_a_member_leaves_and_sees_the_team_no_more():
    crew("bob", "eve")
    bob = client_of("bob")
    assert bob.delete(f"{CREW}members/eve/").status_code == 403
    assert bob.delete(f"{CREW}members/bob/").status_code == 204
    assert bob.get(CREW).status_code == 404


def test_the_last_maintainer_stays():
    crew("bob")
    ada = client_of("ada")
    assert refusal(ada.delete(f"{CREW}members/ada/")) == (409, "last_maintainer")
    lowered = ada.put(f"{CREW}members/ada/", {"role": "member"})
    assert refusal(lowered) == (409, "last_maintainer")


def test_who_is_not_there_or_not_in_it_is_not_found():
    crew()
    person("eve")
    ada = client_of("ada")
    assert ada.put(f"{CREW}members/nobody/", {"role": "member"}).status_code == 404
    assert ada.delete(f"{CREW}members/eve/").status_code == 404


def test_who_was_deactivated_can_be_taken_out_and_not_in():
    crew("gone")
    gone = person("gone")
    gone.is_active = False
    gone.save()
    ada = client_of("ada")
    assert ada.put(f"{CREW}members/gone/", {"role": "maintainer"}).status_code == 404
    assert ada.delete(f"{CREW}members/gone/").status_code == 204


@pytest.mark.parametrize("role", ["admin", "", None, 7, ["member"]])
def test_teams_have_roles_of_their_own(role):
    crew("bob")
    response = client_of("ada").put(f"{CREW}members/bob/", {"role": role}, format="json")
    assert refusal(response) == (400, "invalid")


# Who sees it


@pytest.mark.parametrize("path", ["", "members/", "members/ada/"])
def test_a_team_that_one_does_not_see_looks_like_one_that_is_not_there(path):
    crew()
    eve = client_of("eve")
    method = "delete" if path == "members/ada/" else "get"
    hidden, missing = (
        getattr(eve, method)(f"{TEAMS}{slug}/{path}") for slug in ("crew", "nothing")
    )
    assert refusal(hidden) == refusal(missing) == (404, "not_found")


def test_an_admin_of_what_a_team_works_on_sees_its_name_only(world):
    team = create_team(slug="crew", actor=person("bob"), name="Crew", description="secret plans")
    ada = client_of("ada")
    assert ada.get(CREW).status_code == 404
    grant_team_role(team=team, resource=world.dataset, role=Role.READER, actor=None)
    seen = ada.get(CREW).json()
    assert (seen["name"], seen["description"], seen["role"]) == ("Crew", None, None)
    assert refusal(ada.get(f"{CREW}members/")) == (403, "permission_denied")
    assert refusal(ada.patch(CREW, {"name": "Ours"})) == (403, "permission_denied")
    assert [row["slug"] for row in ada.get(TEAMS).json()["results"]] == ["crew"]


def test_an_operator_maintains_every_team():
    crew()
    person("root", is_superuser=True)
    root = client_of("root")
    assert root.get(CREW).json()["role"] == "maintainer"
    assert root.put(f"{CREW}members/root/", {"role": "member"}).status_code == 200


def test_teams_are_listed_by_slug_page_after_page():
    for slug in ("c", "a", "b"):
        crew("bob", slug=slug)
    create_team(slug="d", actor=person("eve"))
    rows = walk(client_of("bob"), f"{TEAMS}?limit=2")
    assert [(row["slug"], row["role"]) for row in rows] == [
        ("a", "member"),
        ("b", "member"),
        ("c", "member"),
    ]


@pytest.mark.parametrize(("path", "count"), [("", 2), ("crew/", 2), ("crew/members/", 3)])
def test_the_queries_do_not_grow_with_the_teams(django_assert_num_queries, path, count):
    crew("bob", "eve")
    for number in range(5):
        crew("bob", slug=f"crew-{number}")
    client = APIClient()
    client.force_authenticate(person("bob"))
    with django_assert_num_queries(count):
        assert client.get(f"{TEAMS}{path}").status_code == 200


# What it gives


def test_who_leaves_a_team_loses_the_dataset_with_the_next_request(world):
    team = crew("bob")
    grant_team_role(team=team, resource=world.dataset, role=Role.ANNOTATOR, actor=None)
    bob = client_of("bob")
    assert bob.get(f"{STREETS}/").json()["role"] == "annotator"
    assert [row["role"] for row in bob.get(f"{API}/datasets/").json()["results"]] == ["annotator"]
    assert client_of("ada").delete(f"{CREW}members/bob/").status_code == 204
    assert bob.get(f"{STREETS}/").status_code == 404
    assert bob.get(f"{API}/datasets/").json()["results"] == []


def test_who_is_in_a_team_works_on_what_it_works_on(world):
    grant_team_role(team=crew("bob"), resource=world.dataset, role=Role.ANNOTATOR, actor=None)
    bob = client_of("bob")
    body = {"name": "bobs", "from": "main"}
    assert bob.post(f"{STREETS}/branches/", body).status_code == 201
    assert bob.get(f"{STREETS}/members/").status_code == 403


def test_a_dataset_has_as_many_queries_for_members_of_teams(world, django_assert_num_queries):
    grant_team_role(team=crew("bob"), resource=world.dataset, role=Role.READER, actor=None)
    grant_role(user=person("bob"), resource=world.dataset, role=Role.REVIEWER, actor=None)
    client = APIClient()
    client.force_authenticate(person("bob"))
    with django_assert_num_queries(2):
        assert client.get(f"{STREETS}/").json()["role"] == "reviewer"
    with django_assert_num_queries(2):
        assert len(client.get(f"{API}/datasets/").json()["results"]) == 1


def test_maintainers_ask_the_log_for_their_team():
    crew("bob")
    events = client_of("ada").get(f"{API}/audit/?team=crew").json()["results"]
    assert [event["verb"] for event in events] == ["team.member_added", "team.created"]
    assert client_of("bob").get(f"{API}/audit/?team=crew").json()["results"] == []
    assert client_of("eve").get(f"{API}/audit/?team=crew").json()["results"] == []


def test_acts_on_teams_say_who_did_them():
    client_of("eve").post(TEAMS, {"slug": "crew"})
    client_of("eve").delete(CREW)
    made, deleted = AuditEvent.objects.filter(verb__startswith="team.").order_by("pk")
    assert (made.verb, deleted.verb) == ("team.created", "team.deleted")
    assert {made.actor.username, deleted.actor.username} == {"eve"}
