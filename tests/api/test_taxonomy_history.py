"""What changed between versions of a taxonomy, and who did it."""

import pytest

from people_app.roles import Role
from tests.api.builders import CAR, ROAD, SKY, person, walk
from tests.api.taxonomy_builders import STREETS, edit, member_of_taxonomy, publish

COMPARE = f"{STREETS}/compare/"


@pytest.fixture
def second(admin):
    """Version 2: car is automobile, sky reads as road; with a rule."""
    publish(
        admin,
        {"op": "rename", "class": "car", "name": "automobile"},
        {"op": "retire", "class": "sky", "into": "road"},
        {"op": "rules", "rules": [{"rule": "stuff_not_crowd", "severity": "warning"}]},
    )


def test_two_versions_differ_in_what_was_done(reader, second):
    body = reader.get(f"{COMPARE}1..2/").json()
    assert body["old"] == {"number": 1, "draft_revision": None}
    assert body["new"] == {"number": 2, "draft_revision": None}
    assert [(row["kind"], row["class"], row["sources"]) for row in body["changes"]] == [
        ("merged", ROAD, [ROAD, SKY]),
        ("renamed", CAR, [CAR]),
    ]
    assert (body["rules"]["old"], body["rules"]["same"]) == ([], False)
    assert [rule["rule"] for rule in body["rules"]["new"]] == ["stuff_not_crowd"]


def test_the_draft_is_a_side(admin, second):
    edit(admin, {"op": "add", "name": "bus", "kind": "thing"})
    body = admin.get(f"{COMPARE}2..draft/").json()
    assert body["new"] == {"number": None, "draft_revision": 3}
    assert [row["kind"] for row in body["changes"]] == ["added"]
    assert body["rules"]["same"]
    assert len(admin.get(f"{COMPARE}1..draft/").json()["changes"]) == 3


def test_a_version_does_not_differ_from_itself(admin, second):
    for spec in ("1..1", "2..2", "draft..draft", "2..draft"):
        assert admin.get(f"{COMPARE}{spec}/").json()["changes"] == []


def test_a_comparison_of_versions_is_kept_for_ever_and_one_of_the_draft_is_not(admin, second):
    assert "immutable" in admin.get(f"{COMPARE}1..2/")["Cache-Control"]
    response = admin.get(f"{COMPARE}2..draft/")
    assert "immutable" not in response["Cache-Control"]
    edit(admin, {"op": "add", "name": "bus", "kind": "thing"})
    again = admin.get(f"{COMPARE}2..draft/", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ("2..1", 400),
        ("draft..1", 400),
        ("1", 400),
        ("1...2", 400),
        ("a..b", 400),
        ("..", 400),
        ("1..٢", 400),
        ("1..9", 404),
        ("0..1", 404),
    ],
)
def test_sides_that_are_none_are_refused(admin, second, spec, status):
    assert admin.get(f"{COMPARE}{spec}/").status_code == status


def test_history_says_who_did_what_and_when(admin, second, world):
    bob = member_of_taxonomy(world, "bob", Role.CURATOR)
    edit(bob, {"op": "add", "name": "bus", "kind": "thing"}, {"op": "flip", "class": "bus"})
    rows = admin.get(f"{STREETS}/history/").json()["results"]
    told = [(row["by"], row["verb"]) for row in rows]
    assert told == [
        ("bob", "taxonomy.draft_edited"),
        (None, "role.granted"),
        ("ada", "taxonomy.published"),
        ("ada", "taxonomy.draft_edited"),
        ("ada", "taxonomy.published"),
        ("ada", "role.granted"),
        ("ada", "taxonomy.created"),
    ]
    assert rows[0]["facts"] == {"revision": 3, "operations": ["add", "flip"]}
    assert rows[0]["at"] > rows[-1]["at"]


def test_roles_are_told_to_those_who_work_on_the_taxonomy(admin, reader, second):
    verbs = {row["verb"] for row in reader.get(f"{STREETS}/history/").json()["results"]}
    assert verbs == {"taxonomy.created", "taxonomy.published", "taxonomy.draft_edited"}


def test_history_comes_in_pages(admin, second):
    assert len(walk(admin, f"{STREETS}/history/?limit=2")) == 5


def test_the_history_of_another_taxonomy_is_not_in_it(admin, second):
    person("bob")
    admin.post("/api/v1/taxonomies/", {"slug": "other", "preset": "voc"})
    assert len(admin.get(f"{STREETS}/history/").json()["results"]) == 5
