"""Publishing a draft, alone and with the branches that move to it."""

import pytest

from datasets_app.models import Branch, Version
from labels_app.models import TaxonomyVersion
from people_app.models import AuditEvent
from people_app.roles import Role
from tests.api.builders import API, CAR, ROAD, member
from tests.api.builders import STREETS as DATASET
from tests.api.taxonomy_builders import (
    DRAFT,
    STREETS,
    by_name,
    edit,
    member_of_taxonomy,
    publish,
)

RENAME = {"op": "rename", "class": "car", "name": "automobile"}
MAIN = {"dataset": "streets", "branch": "main"}
NIGHT = {"dataset": "streets", "branch": "feature/night"}


def test_a_publication_is_the_next_version(admin, reader):
    response = publish(admin, RENAME)
    body = response.json()
    assert response.status_code == 201
    assert (body["taxonomy"], body["number"], body["author"]) == ("streets-classes", 2, "ada")
    assert (body["message"], body["migrated"]) == ("Better", [])
    assert "automobile" in by_name(reader.get(f"{STREETS}/versions/2/").json())
    assert "car" in by_name(reader.get(f"{STREETS}/versions/1/").json())


@pytest.mark.parametrize("message", ["", "  \n"])
def test_a_publication_needs_a_message(admin, message):
    edit(admin, RENAME)
    response = publish(admin, message=message)
    assert (response.status_code, response.json()["code"]) == (422, "message_needed")
    assert TaxonomyVersion.objects.count() == 1


def test_what_changes_nothing_is_no_version(admin):
    response = publish(admin, RENAME, {**RENAME, "class": "automobile", "name": "car"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_taxonomy")
    assert response.json()["problems"] == ["nothing differs from version 1"]


def test_rules_alone_are_a_version(admin, reader):
    publish(admin, {"op": "rules", "rules": [{"rule": "no_unlabelled_pixels", "value": 10}]})
    [rule] = reader.get(f"{STREETS}/versions/2/").json()["rules"]
    assert (rule["rule"], rule["value"]) == ("no_unlabelled_pixels", 10)


def test_examples_need_their_pictures(admin):
    edit(admin, {"op": "edit", "class": "car", "examples": [{"picture": "0" * 64}]})
    response = publish(admin)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_taxonomy")
    assert "has no picture 000" in response.json()["detail"]


def test_branches_move_in_the_same_moment(admin, world):
    response = publish(admin, RENAME, migrate=[MAIN, NIGHT])
    assert response.status_code == 201
    moved = response.json()["migrated"]
    assert [(row["dataset"], row["branch"]) for row in moved] == [
        ("streets", "main"),
        ("streets", "feature/night"),
    ]
    assert [row["version"]["parents"] for row in moved] == [[world.ids[2]], [world.ids[1]]]
    for row in moved:
        assert row["version"]["taxonomy"] == {"slug": "streets-classes", "number": 2}
        assert row["version"]["message"] == "Move to streets-classes@2: Better"
        head = admin.get(f"{DATASET}/branches/{row['branch']}/").json()["head"]
        assert head == row["version"]["id"]


def test_labels_are_not_touched_and_read_differently(admin, world):
    publish(admin, {"op": "merge", "classes": ["road", "car"], "into": "ground", "kind": "stuff"})
    url = f"{DATASET}/versions/main/images/1/"
    before = admin.get(url).json()
    admin.post(
        f"{DATASET}/branches/main/migrations/",
        {"taxonomy": {"slug": "streets-classes", "number": 2}, "expected_head": world.ids[2]},
    )
    after = admin.get(url).json()
    assert after["label_digest"] == before["label_digest"]
    assert {row["class_name"] for row in before["segments"]} == {"road", "car", "sky"}
    assert {row["class_name"] for row in after["segments"]} == {"ground", "sky"}


def test_a_branch_that_moved_leaves_everything_undone(admin, world):
    stale = {**MAIN, "expected_head": world.ids[0]}
    response = publish(admin, RENAME, migrate=[NIGHT, stale])
    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "branch_moved")
    assert (problem["dataset"], problem["branch"]) == ("streets", "main")
    assert (problem["expected"], problem["actual"]) == (world.ids[0], world.ids[2])
    assert "streets, branch main" in problem["detail"]
    assert TaxonomyVersion.objects.count() == 1
    assert Version.objects.count() == 3
    assert Branch.objects.get(name="feature/night").head == world.versions[1]
    assert admin.get(DRAFT).json()["revision"] == 1


def test_a_branch_of_a_dataset_that_one_may_only_read_leaves_everything_undone(world):
    member(world, Role.READER)
    curator = member_of_taxonomy(world, "a-reader", Role.CURATOR)
    response = publish(curator, RENAME, migrate=[MAIN])
    problem = response.json()
    assert (response.status_code, problem["code"]) == (403, "permission_denied")
    assert (problem["dataset"], problem["branch"]) == ("streets", "main")
    assert TaxonomyVersion.objects.count() == 1


def test_a_dataset_that_one_may_not_see_is_not_there(world):
    curator = member_of_taxonomy(world, "bob", Role.CURATOR)
    response = publish(curator, RENAME, migrate=[MAIN])
    assert (response.status_code, response.json()["name"]) == (404, "streets")


def test_a_branch_that_is_not_there_leaves_everything_undone(admin):
    response = publish(admin, RENAME, migrate=[{**MAIN, "branch": "nothing"}])
    problem = response.json()
    assert (response.status_code, problem["code"], problem["branch"]) == (
        404,
        "not_found",
        "nothing",
    )
    assert TaxonomyVersion.objects.count() == 1


def test_a_branch_is_named_once(admin):
    response = publish(admin, RENAME, migrate=[MAIN, MAIN])
    assert (response.status_code, response.json()["code"]) == (400, "invalid")


def test_a_dataset_of_another_taxonomy_cannot_follow(admin, world):
    other = {"slug": "other", "classes": [{"name": "car", "kind": "thing"}]}
    admin.post(f"{API}/taxonomies/", other)
    draft = f"{API}/taxonomies/other/draft/"
    response = publish(admin, RENAME, draft=draft, migrate=[MAIN])
    assert (response.status_code, response.json()["code"]) == (409, "taxonomies_differ")


# Migrations of one branch ---------------------------------------------------------------


def migrate(client, number, head, branch="main", **fields):
    body = {"taxonomy": {"slug": "streets-classes", "number": number}, "expected_head": head}
    return client.post(f"{DATASET}/branches/{branch}/migrations/", {**body, **fields})


def test_a_migration_is_a_version(admin, annotator, world):
    publish(admin, RENAME)
    response = migrate(annotator, 2, world.ids[2])
    body = response.json()
    assert (response.status_code, body["number"], body["author"]) == (201, 4, "a-annotator")
    assert (body["parents"], body["taxonomy"]["number"]) == ([world.ids[2]], 2)
    assert body["image_count"] == world.versions[2].image_count
    event = AuditEvent.objects.filter(verb="version.committed").latest("pk")
    assert (event.facts["changed"], event.facts["added"]) == (0, 0)


def test_a_branch_goes_back_to_classes_that_know_its_labels(admin, world):
    publish(admin, RENAME, migrate=[MAIN])
    head = admin.get(f"{DATASET}/branches/main/").json()["head"]
    assert migrate(admin, 1, head, message="Back").json()["message"] == "Back"
    names = {
        row["class_name"]
        for row in admin.get(f"{DATASET}/versions/main/images/1/").json()["segments"]
    }
    assert names == {"road", "car", "sky"}


def test_a_migration_to_where_the_branch_is_changes_nothing(admin, world):
    response = migrate(admin, 1, world.ids[2])
    assert (response.status_code, response.json()["code"]) == (409, "nothing_changed")


def test_a_stale_head_is_told(admin, world):
    publish(admin, RENAME)
    response = migrate(admin, 2, world.ids[1])
    assert (response.status_code, response.json()["actual"]) == (409, world.ids[2])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"taxonomy": "streets-classes@1"}, 400),
        ({"taxonomy": {"slug": "streets-classes", "number": 9}, "expected_head": "0" * 64}, 400),
        ({"taxonomy": {"slug": "streets-classes", "number": 1}, "expected_head": None}, 400),
    ],
)
def test_a_wrong_migration_is_refused(admin, world, body, status):
    assert admin.post(f"{DATASET}/branches/main/migrations/", body).status_code == status


def test_the_same_key_answers_the_same_version(admin, world):
    publish(admin, RENAME)
    body = {
        "taxonomy": {"slug": "streets-classes", "number": 2},
        "expected_head": world.ids[2],
    }
    url = f"{DATASET}/branches/main/migrations/"
    first, again = (
        admin.post(url, body, headers={"Idempotency-Key": "once"}).json() for _ in range(2)
    )
    assert first == again
    assert Version.objects.count() == 4


def test_statistics_follow_the_classes(admin, world):
    publish(admin, {"op": "retire", "class": "car", "into": None}, migrate=[MAIN])
    stats = admin.get(f"{DATASET}/versions/main/stats/").json()
    ids = {row["class_id"] for row in stats["totals_by_class"]}
    assert CAR not in ids
    assert ROAD in ids
