"""Who works on a dataset: admins give roles, reviewers see them."""

import pytest

from people_app.actions.teams import create_team, set_team_member
from people_app.models import AuditEvent
from people_app.roles import Role, TeamRole
from tests.api.builders import STREETS, client_of, member, person, walk

MEMBERS = f"{STREETS}/members/"
TEAMS = f"{STREETS}/teams/"


def roles(client):
    return {row["username"]: row["role"] for row in client.get(MEMBERS).json()["results"]}


def test_who_makes_a_dataset_is_its_first_member(admin):
    assert roles(admin) == {"ada": "admin"}


def test_an_admin_gives_a_role_and_takes_it(admin):
    bob = client_of("bob")
    assert bob.get(f"{STREETS}/").status_code == 404
    assert admin.put(f"{MEMBERS}bob/", {"role": "annotator"}).json()["role"] == "annotator"
    assert bob.get(f"{STREETS}/").json()["role"] == "annotator"
    assert admin.delete(f"{MEMBERS}bob/").status_code == 204
    assert bob.get(f"{STREETS}/").status_code == 404


def test_giving_and_taking_are_recorded(admin):
    person("bob")
    admin.put(f"{MEMBERS}bob/", {"role": "reader"})
    admin.delete(f"{MEMBERS}bob/")
    last = AuditEvent.objects.order_by("-pk")[:2]
    assert [event.verb for event in last] == ["role.revoked", "role.granted"]
    assert {event.actor.username for event in last} == {"ada"}


def test_the_last_admin_stays(admin):
    for response in (
        admin.put(f"{MEMBERS}ada/", {"role": "reviewer"}),
        admin.delete(f"{MEMBERS}ada/"),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "last_admin")


def test_reviewers_see_members_and_annotators_do_not(world):
    assert member(world, Role.REVIEWER).get(MEMBERS).status_code == 200
    assert member(world, Role.ANNOTATOR).get(MEMBERS).status_code == 403


def test_reviewers_give_no_roles(world):
    reviewer = member(world, Role.REVIEWER)
    assert reviewer.put(f"{MEMBERS}a-reviewer/", {"role": "admin"}).status_code == 403


def test_members_take_a_token_that_may_administer(world):
    narrow = client_of("ada", scopes=["write"])
    assert narrow.put(f"{MEMBERS}ada/", {"role": "admin"}).status_code == 403


@pytest.mark.parametrize("role", ["owner", "curator", "", None, 7, ["admin"]])
def test_datasets_have_roles_of_their_own(admin, role):
    assert admin.put(f"{MEMBERS}ada/", {"role": role}).status_code == 400


def test_who_is_not_there_is_not_found(admin):
    assert admin.put(f"{MEMBERS}nobody/", {"role": "reader"}).status_code == 404
    person("bob")
    assert admin.delete(f"{MEMBERS}bob/").status_code == 404


def test_somebody_who_left_can_lose_the_role_and_gets_none(admin, world):
    member(world, Role.READER)
    gone = person("a-reader")
    gone.is_active = False
    gone.save()
    assert admin.put(f"{MEMBERS}a-reader/", {"role": "reviewer"}).status_code == 404
    assert admin.delete(f"{MEMBERS}a-reader/").status_code == 204


def crew(*members):
    """A team of ada, who maintains it, and members."""
    team = create_team(slug="crew", actor=person("ada"), name="Night crew")
    for name in members:
        set_team_member(team=team, user=person(name), role=TeamRole.MEMBER, actor=person("ada"))


def ways(client):
    rows = walk(client, f"{MEMBERS}?limit=2")
    return [(row["username"], row["role"], row["team"]) for row in rows]


def test_an_admin_gives_a_team_a_role_and_takes_it(admin, world):
    crew("bob")
    bob = client_of("bob")
    assert bob.get(f"{STREETS}/").status_code == 404
    given = admin.put(f"{TEAMS}crew/", {"role": "annotator"}).json()
    assert (given["team"], given["name"], given["role"]) == ("crew", "Night crew", "annotator")
    assert bob.get(f"{STREETS}/").json()["role"] == "annotator"
    assert [row["team"] for row in walk(admin, TEAMS)] == ["crew"]
    assert admin.delete(f"{TEAMS}crew/").status_code == 204
    assert bob.get(f"{STREETS}/").status_code == 404
    assert admin.delete(f"{TEAMS}crew/").status_code == 404


def test_members_say_through_which_team_they_have_a_role(admin, world):
    crew("bob", "eve")
    admin.put(f"{TEAMS}crew/", {"role": "reader"})
    admin.put(f"{MEMBERS}bob/", {"role": "annotator"})
    assert ways(admin) == [
        ("ada", "admin", None),
        ("ada", "reader", "crew"),
        ("bob", "reader", "crew"),
        ("eve", "reader", "crew"),
        ("bob", "annotator", None),
    ]


def test_taking_a_role_by_name_leaves_what_a_team_gives(admin, world):
    crew("bob")
    admin.put(f"{TEAMS}crew/", {"role": "reader"})
    admin.put(f"{MEMBERS}bob/", {"role": "annotator"})
    assert admin.delete(f"{MEMBERS}bob/").status_code == 204
    assert client_of("bob").get(f"{STREETS}/").json()["role"] == "reader"
    # By a team alone, there is nothing to be taken by name.
    assert admin.delete(f"{MEMBERS}bob/").status_code == 404


def test_a_team_never_lets_the_last_admin_go(admin, world):
    crew("bob")
    admin.put(f"{TEAMS}crew/", {"role": "admin"})
    bob = client_of("bob")
    response = bob.delete(f"{MEMBERS}ada/")
    assert (response.status_code, response.json()["code"]) == (409, "last_admin")
    assert bob.put(f"{MEMBERS}bob/", {"role": "admin"}).status_code == 200
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
    assert member(world, Role.REVIEWER).get(TEAMS).status_code == 200
    lower = member(world, Role.ANNOTATOR)
    assert lower.get(TEAMS).status_code == 403
    assert lower.put(f"{TEAMS}crew/", {"role": "reader"}).status_code == 403
    assert lower.delete(f"{TEAMS}crew/").status_code == 403
    narrow = client_of("ada", scopes=["write"])
    assert narrow.put(f"{TEAMS}crew/", {"role": "reader"}).status_code == 403
