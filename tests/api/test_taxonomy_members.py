"""Who works on a taxonomy: owners, curators, readers."""

import pytest

from people_app.roles import Role
from tests.api.builders import client_of, person
from tests.api.taxonomy_builders import STREETS, member_of_taxonomy, publish

MEMBERS = f"{STREETS}/members/"


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
