import json

import pytest

from datasets_app.holdings import hold_blobs
from datasets_app.models import Version
from labels_app.actions.taxonomies import publish_version
from labels_app.classes import ClassSpec
from tests.api.builders import CLASSES, ROAD, STREETS, build_world, person
from tests.datasets_app.builders import put_label

MAIN = f"{STREETS}/branches/main/commits/"


def body_on(world, *changes, **fields):
    return {
        "expected_head": world.ids[2],
        "message": "Mend",
        "changes": list(changes),
    } | fields


def images_of(client, rev="main"):
    rows = client.get(f"{STREETS}/versions/{rev}/images/").json()["results"]
    return {row["name"]: row for row in rows}


def test_a_commit_makes_the_next_version(annotator, world):
    before = images_of(annotator)
    response = annotator.post(MAIN, body_on(world, {"name": "a.png", "status": "reviewed"}))
    assert response.status_code == 201
    body = response.json()
    assert (body["number"], body["message"], body["parents"]) == (4, "Mend", [world.ids[2]])
    assert body["author"] == "a-annotator"
    after = images_of(annotator)["a.png"]
    assert after == before["a.png"] | {"status": "reviewed"}


def test_a_branch_with_a_slash_takes_commits(annotator, world):
    body = body_on(world, {"name": "x.png"}, expected_head=world.ids[1])
    assert annotator.post(f"{STREETS}/branches/feature/night/commits/", body).status_code == 201
    assert annotator.post(f"{STREETS}/branches/feature%2Fnight/commits/", body).status_code == 409


def test_an_absent_field_keeps_and_null_clears(annotator, world):
    annotator.post(MAIN, body_on(world, {"name": "a.png", "label": None, "split": None}))
    row = images_of(annotator)["a.png"]
    assert (row["label_digest"], row["split"]) == (None, None)
    assert row["image_digest"] is not None


def test_a_commit_deletes_an_image(annotator, world):
    annotator.post(MAIN, body_on(world, {"name": "b.png", "delete": True}))
    assert "b.png" not in images_of(annotator)


def test_a_commit_names_labels_that_the_dataset_holds(annotator, world):
    label = images_of(annotator)["a.png"]["label_digest"]
    response = annotator.post(MAIN, body_on(world, {"name": "copy.png", "label": label}))
    assert response.status_code == 201
    assert images_of(annotator)["copy.png"]["label_digest"] == label


def test_a_digest_is_no_download_token(annotator, world):
    foreign = put_label("1", {1: ROAD})
    response = annotator.post(MAIN, body_on(world, {"name": "x.png", "label": foreign.hex()}))
    assert (response.status_code, response.json()["code"]) == (409, "object_missing")
    assert response.json()["digests"] == [foreign.hex()]
    hold_blobs(world.dataset, [foreign])
    response = annotator.post(MAIN, body_on(world, {"name": "x.png", "label": foreign.hex()}))
    assert response.status_code == 201


def test_attributes_come_as_an_object(annotator, world):
    change = {"name": "a.png", "attributes": {"scene": "night", "lanes": 2}}
    assert annotator.post(MAIN, body_on(world, change)).status_code == 201
    found = annotator.get(f"{STREETS}/versions/main/images/1/").json()["attributes"]
    assert found == {"scene": "night", "lanes": 2}


def test_attributes_are_cleared_by_null(annotator, world):
    annotator.post(MAIN, body_on(world, {"name": "a.png", "attributes": None}))
    assert annotator.get(f"{STREETS}/versions/main/images/1/").json()["attributes"] == {}


def test_who_is_late_is_told_where_the_branch_is(annotator, world):
    response = annotator.post(MAIN, body_on(world, {"name": "x"}, expected_head=world.ids[0]))
    assert response.status_code == 409
    assert response.json()["code"] == "branch_moved"
    assert response.json()["actual"] == world.ids[2]
    assert response.json()["expected"] == world.ids[0]


def test_null_is_the_head_before_the_first_commit(annotator, world):
    body = body_on(world, {"name": "x.png"}, expected_head=None)
    assert annotator.post(f"{STREETS}/branches/fresh/commits/", body).status_code == 201
    assert annotator.post(MAIN, body).status_code == 409


def test_a_commit_that_changes_nothing_is_a_conflict(annotator, world):
    response = annotator.post(MAIN, body_on(world, {"name": "a.png", "split": "train"}))
    assert (response.status_code, response.json()["code"]) == (409, "nothing_changed")


def test_the_same_key_answers_the_same_version(annotator, world):
    body = body_on(world, {"name": "x.png"})
    first = annotator.post(MAIN, body, headers={"Idempotency-Key": "k1"})
    again = annotator.post(MAIN, body, headers={"Idempotency-Key": "k1"})
    assert first.json() == again.json()
    assert Version.objects.count() == 4


def test_a_key_with_another_body_is_refused(annotator, world):
    headers = {"Idempotency-Key": "k1"}
    annotator.post(MAIN, body_on(world, {"name": "x.png"}), headers=headers)
    response = annotator.post(MAIN, body_on(world, {"name": "y.png"}), headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")


def test_the_spacing_of_a_body_is_not_its_content(annotator, world):
    body = body_on(world, {"name": "x.png"})
    headers = {"Idempotency-Key": "k1"}
    for text in (json.dumps(body), json.dumps(body, indent=2)):
        response = annotator.post(MAIN, text, content_type="application/json", headers=headers)
        assert response.status_code == 201


def test_a_commit_carries_a_taxonomy_version(annotator, world):
    taxonomy = world.dataset.taxonomy
    more = (*CLASSES, ClassSpec("tree", "thing"))
    publish_version(taxonomy=taxonomy, classes=more, actor=person("ada"), message="Trees")
    chosen = {"slug": taxonomy.slug, "number": 2}
    response = annotator.post(MAIN, body_on(world, taxonomy=chosen))
    assert response.status_code == 201
    assert response.json()["taxonomy"] == chosen


def test_a_taxonomy_of_others_is_no_taxonomy(annotator, world):
    dataset = build_world("parks").dataset
    chosen = {"slug": dataset.taxonomy.slug, "number": 1}
    response = annotator.post(MAIN, body_on(world, {"name": "x"}, taxonomy=chosen))
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, "not_found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "changes.0.name"),
        ({"name": 7}, "changes.0.name"),
        ({"name": "x", "label": "abc"}, "changes.0.label"),
        ({"name": "x", "label": "g" * 64}, "changes.0.label"),
        ({"name": "x", "label": 5}, "changes.0.label"),
        ({"name": "x", "status": "done"}, "changes.0.status"),
        ({"name": "x", "status": ["labelled"]}, "changes.0.status"),
        ({"name": "x", "split": 1}, "changes.0.split"),
        ({"name": "x", "attributes": [1]}, "changes.0.attributes"),
        ({"name": "x", "delete": "yes"}, "changes.0.delete"),
        ({"name": "x", "lable": None}, "changes.0.lable"),
        ("x", "changes.0"),
    ],
)
def test_a_change_that_cannot_be_read_is_named(annotator, world, change, field):
    response = annotator.post(MAIN, body_on(world, change))
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a//b", "", "a\\b", "x" * 1025])
def test_a_name_that_leaves_its_folder_is_refused(annotator, world, name):
    response = annotator.post(MAIN, body_on(world, {"name": name}))
    assert (response.status_code, response.json()["code"]) == (400, "invalid_name")


def test_an_image_comes_once(annotator, world):
    response = annotator.post(MAIN, body_on(world, {"name": "x"}, {"name": "x", "split": "val"}))
    assert (response.status_code, response.json()["code"]) == (400, "invalid_change")


def test_a_refused_commit_makes_no_version(annotator, world):
    annotator.post(MAIN, body_on(world, {"name": "x.png"}, {"name": "../y.png"}))
    assert Version.objects.count() == 3
