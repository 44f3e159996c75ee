"""Who works on a taxonomy: owners, curators, readers."""

import pytest

from people_app.actions.teams import create_team, set_team_member
from people_app.roles import Role, TeamRole
from tests.api.builders import client_of, person, walk
from tests.api.taxonomy_builders import STREETS, member_of_taxonomy, publish

MEMBERS = f"{STREETS}/members/"
TEAMS = f"{STREETS}/teams/"


def roles(client):
    return {row["username"]: row["role"] for row in client.get(MEMBERS).json()["results"]}


def test_who_makes_a_taxonomy_is_its_first_member(admin):
    assert roles(admin) == {"ada": "owner"}


def test_an_owner_gives_a_role_and_takes_it(admin, world):
    person("bob")
    response = admin.put(f"{MEMBERS}bob/", {"role": "curator"})
    assert (response.status_code, response.json()["role"]) == (200, "curator")
    assert roles(admin) == {"ada": "owner", "bob": "curator"}
    rename = {"op": "rename", "class": "car", "name": "automobile"}
    assert publish(client_of("bob"), rename).status_code == 201
    assert admin.delete(f"{MEMBERS}bob/").status_code == 204
    assert roles(admin) == {"ada": "owner"}


def test_a_second_role_takes_the_place_of_the_first(admin, world):
    member_of_taxonomy(world, "bob", Role.READER)
    assert admin.put(f"{MEMBERS}bob/", {"role": "owner"}).json()["role"] == "owner"
    assert roles(admin)["bob"] == "owner"


def test_a_member_sees_a_taxonomy_of_datasets_that_they_may_not_read(admin, stranger):
    assert stranger.get(f"{STREETS}/").status_code == 404
    admin.put(f"{MEMBERS}stranger/", {"role": "reader"})
    assert stranger.get(f"{STREETS}/").json()["role"] == "reader"


def test_the_last_owner_stays(admin, world):
    for response in (
        admin.put(f"{MEMBERS}ada/", {"role": "curator"}),
        admin.delete(f"{MEMBERS}ada/"),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "last_admin")
    member_of_taxonomy(world, "bob", Role.OWNER)
    assert admin.delete(f"{MEMBERS}ada/").status_code == 204


def test_members_are_for_owners_to_change_and_for_curators_to_see(world, reader):
    curator = member_of_taxonomy(world, "bob", Role.CURATOR)
    assert curator.get(MEMBERS).status_code == 200
    assert reader.get(MEMBERS).status_code == 403
    for client in (curator, reader):
        response = client.put(f"{MEMBERS}bob/", {"role": "owner"})
        assert (response.status_code, response.json()["code"]) == (403, "permission_denied")
        assert client.delete(f"{MEMBERS}bob/").status_code == 403


def test_members_take_a_token_that_may_administer(world):
    narrow = client_of("ada", scopes=["write"])
    assert narrow.put(f"{MEMBERS}ada/", {"role": "owner"}).status_code == 403


@pytest.mark.parametrize("role", ["admin", "annotator", "", None, 7, ["owner"]])
def test_taxonomies_have_roles_of_their_own(admin, role):
    assert admin.put(f"{MEMBERS}ada/", {"role": role}).status_code == 400


def test_who_is_not_there_is_not_found(admin, world):
    assert admin.put(f"{MEMBERS}nobody/", {"role": "reader"}).status_code == 404
    person("bob")
    assert admin.delete(f"{MEMBERS}bob/").status_code == 404


def crew(*members):
    """A team of ada, who maintains it, and members."""
    team = create_team(slug="crew", actor=person("ada"), name="Night crew")
    for name in members:
        set_team_member(team=team, user=person(name), role=TeamRole.MEMBER, actor=person("ada"))


def ways(client):
    rows = walk(client, f"{MEMBERS}?limit=2")
    return [(row["username"], row["role"], row["team"]) for row in rows]


def test_an_owner_gives_a_team_a_role_and_takes_it(admin, world):
    crew("bob")
    bob = client_of("bob")
    assert bob.get(f"{STREETS}/").status_code == 404
    given = admin.put(f"{TEAMS}crew/", {"role": "curator"}).json()
    assert (given["team"], given["name"], given["role"]) == ("crew", "Night crew", "curator")
    assert bob.get(f"{STREETS}/").json()["role"] == "curator"
    assert [row["team"] for row in walk(admin, TEAMS)] == ["crew"]
    assert admin.delete(f"{TEAMS}crew/").status_code == 204
    assert bob.get(f"{STREETS}/").status_code == 404
    assert admin.delete(f"{TEAMS}crew/").status_code == 404


def test_members_say_through_which_team_they_have_a_role(admin, world):
    crew("bob", "eve")
    admin.put(f"{TEAMS}crew/", {"role": "reader"})
    admin.put(f"{MEMBERS}bob/", {"role": "curator"})
    assert ways(admin) == [
        ("ada", "owner", None),
        ("ada", "reader", "crew"),
        ("bob", "reader", "crew"),
        ("eve", "reader", "crew"),
        ("bob", "curator", None),
    ]


def test_taking_a_role_by_name_leaves_what_a_team_gives(admin, world):
    crew("bob")
    admin.put(f"{TEAMS}crew/", {"role": "reader"})
    admin.put(f"{MEMBERS}bob/", {"role": "curator"})
    assert admin.delete(f"{MEMBERS}bob/").status_code == 204
    assert client_of("bob").get(f"{STREETS}/").json()["role"] == "reader"
    # By a team alone, there is nothing to be taken by name.
    assert admin.delete(f"{MEMBERS}bob/").status_code == 404


def test_a_team_never_lets_the_last_owner_go(admin, world):
    crew("bob")
    admin.put(f"{TEAMS}crew/", {"role": "owner"})
    bob = client_of("bob")
    response = bob.delete(f"{MEMBERS}ada/")
    assert (response.status_code, response.json()["code"]) == (409, "last_admin")
    assert bob.put(f"{MEMBERS}bob/", {"role": "owner"}).status_code == 200
    assert bob.delete(f"{MEMBERS}ada/").status_code == 204


def test_a_team_that_one_does_not_see_is_given_nothing(admin):
    create_team(slug="theirs", actor=person("bob"))
    hidden, missing = (
        admin.put(f"{TEAMS}{slug}/", {"role": "reader"}) for slug in ("theirs", "nothing")
    )
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["code"] == missing.json()["code"] == "not_found"


def test_teams_are_seen_and_changed_by_whom_members_are(world):
    crew()
    assert member_of_taxonomy(world, "cy", Role.CURATOR).get(TEAMS).status_code == 200
    lower = member_of_taxonomy(world, "di", Role.READER)
    assert lower.get(TEAMS).status_code == 403
    assert lower.put(f"{TEAMS}crew/", {"role": "reader"}).status_code == 403
    assert lower.delete(f"{TEAMS}crew/").status_code == 403
    narrow = client_of("ada", scopes=["write"])
    assert narrow.put(f"{TEAMS}crew/", {"role": "reader"}).status_code == 403
