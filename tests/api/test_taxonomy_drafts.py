"""The draft of a taxonomy through the API: each operation, and edits that meet."""

import pytest

from labels_app.actions.taxonomies import extend_taxonomy
from labels_app.models import TaxonomyDraft
from people_app.roles import Role
from tests.api.builders import CAR, ROAD, SKY
from tests.api.taxonomy_builders import (
    DRAFT,
    STREETS,
    by_id,
    by_name,
    edit,
    member_of_taxonomy,
    publish,
    try_edit,
)
from tests.labels_app.builders import classes


def test_a_draft_that_nobody_edited_says_what_the_newest_version_says(reader):
    draft = reader.get(DRAFT).json()
    assert (draft["revision"], draft["base"], draft["is_edited"]) == (0, 1, False)
    assert draft["classes"] == reader.get(f"{STREETS}/versions/1/").json()["classes"]
    assert (draft["changes"], draft["updated_by"], draft["updated_at"]) == ([], None, None)


def test_an_edit_is_answered_with_the_draft(admin, reader):
    draft = edit(admin, {"op": "rename", "class": "car", "name": "automobile"})
    assert (draft["revision"], draft["is_edited"], draft["updated_by"]) == (1, True, "ada")
    assert by_id(draft)[CAR]["name"] == "automobile"
    assert draft == reader.get(DRAFT).json()


def test_the_etag_of_a_draft_goes_by_its_revision(admin):
    first = admin.get(DRAFT)
    assert first["Cache-Control"] == "private, no-cache"
    assert admin.get(DRAFT, headers={"If-None-Match": first["ETag"]}).status_code == 304
    edit(admin, {"op": "recolor", "class": CAR, "color": "#010203"})
    assert admin.get(DRAFT, headers={"If-None-Match": first["ETag"]}).status_code == 200


# Operations -----------------------------------------------------------------------------


def test_add(admin):
    draft = edit(
        admin,
        {"op": "add", "name": "bus", "kind": "thing", "parent": "car", "synonyms": ["coach"]},
    )
    bus = by_name(draft)["bus"]
    assert (bus["id"], bus["parent"], bus["synonyms"]) == (4, CAR, ["coach"])
    assert bus["color"] not in {row["color"] for row in draft["classes"] if row["id"] != 4}
    assert [change["kind"] for change in draft["changes"]] == ["added"]


def test_rename(admin):
    draft = edit(admin, {"op": "rename", "class": CAR, "name": "automobile"})
    [change] = draft["changes"]
    assert (change["kind"], change["class"]) == ("renamed", CAR)
    assert change["fields"] == {"name": {"old": "car", "new": "automobile"}}


def test_recolor(admin):
    draft = edit(admin, {"op": "recolor", "class": "car", "color": "#ABCDEF"})
    assert by_id(draft)[CAR]["color"] == "#abcdef"
    again = edit(admin, {"op": "recolor", "class": "car"})
    assert by_id(again)[CAR]["color"] not in ("#abcdef", "#804080", "#4682b4")


def test_reparent(admin):
    draft = edit(admin, {"op": "reparent", "class": "car", "parent": "road"})
    assert by_id(draft)[CAR]["parent"] == ROAD
    draft = edit(admin, {"op": "reparent", "class": "car", "parent": None, "heading": "vehicle"})
    assert (by_id(draft)[CAR]["parent"], by_id(draft)[CAR]["heading"]) == (None, "vehicle")


def test_a_class_is_never_above_itself(admin):
    edit(admin, {"op": "reparent", "class": "car", "parent": "road"})
    response = try_edit(admin, {"op": "reparent", "class": "road", "parent": "car"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_operation")
    assert "is its own parent" in response.json()["reason"]


def test_edit(admin):
    attributes = [{"name": "parked", "type": "boolean", "required": True}]
    draft = edit(
        admin,
        {
            "op": "edit",
            "class": "car",
            "description": "On four wheels",
            "synonyms": ["automobile"],
            "guideline": "Mirrors too",
            "external": {"coco": 3},
            "attributes": attributes,
        },
    )
    car = by_id(draft)[CAR]
    assert (car["description"], car["external"]) == ("On four wheels", {"coco": 3})
    assert (car["attributes"][0]["name"], car["attributes"][0]["required"]) == ("parked", True)
    assert set(draft["changes"][0]["fields"]) == {
        "attributes",
        "description",
        "external",
        "guideline",
        "synonyms",
    }


def test_merge_into_a_new_class(admin):
    draft = edit(admin, {"op": "merge", "classes": ["road", "sky"], "into": "background"})
    background = by_name(draft)["background"]
    assert (background["id"], background["kind"]) == (4, "stuff")
    assert [by_id(draft)[one]["forwards_to"] for one in (ROAD, SKY)] == [4, 4]
    [change] = draft["changes"]
    assert (change["kind"], change["sources"], change["into"]) == ("merged", [ROAD, SKY], [4])


def test_merge_into_one_of_them(admin):
    draft = edit(admin, {"op": "merge", "classes": ["road", "sky"], "into": "road"})
    assert by_id(draft)[SKY]["forwards_to"] == ROAD
    assert set(by_name(draft)) == {"road", "car"}


def test_a_merge_of_stuff_and_things_says_which_kind_it_gives(admin):
    merge = {"op": "merge", "classes": ["road", "car"], "into": "ground"}
    response = try_edit(admin, merge)
    assert "say of which kind" in response.json()["detail"]
    draft = edit(admin, {**merge, "kind": "stuff"})
    assert by_name(draft)["ground"]["kind"] == "stuff"


def test_split(admin):
    parts = [{"name": "van"}, {"name": "limousine"}]
    draft = edit(admin, {"op": "split", "class": "car", "into": parts})
    car = by_id(draft)[CAR]
    assert (car["deprecated"], car["retired"], car["split_into"]) == (True, False, [4, 5])
    [change] = draft["changes"]
    assert (change["kind"], change["into"]) == ("split", [4, 5])


def test_retire_to_void_and_into_another(admin):
    draft = edit(
        admin, {"op": "retire", "class": "car"}, {"op": "retire", "class": "sky", "into": "road"}
    )
    assert [by_id(draft)[one]["forwards_to"] for one in (CAR, SKY)] == [None, ROAD]
    # Told by what became of the labels: a class that goes into another is merged into it.
    assert {change["kind"] for change in draft["changes"]} == {"merged", "retired"}


def test_flip_gives_a_new_id_and_back_again_the_old_one(admin):
    draft = edit(admin, {"op": "flip", "class": "car"})
    assert (by_id(draft)[CAR]["forwards_to"], by_name(draft)["car"]["kind"]) == (4, "stuff")
    assert by_name(draft)["car"]["external"] == {"coco": 3, "city": 26}
    assert publish(admin).status_code == 201
    again = edit(admin, {"op": "flip", "class": "car"})
    assert by_name(again)["car"]["id"] == CAR
    assert by_id(again)[4]["forwards_to"] == CAR


def test_revive(admin):
    publish(admin, {"op": "retire", "class": "car"})
    draft = edit(admin, {"op": "revive", "class": "car"})
    assert by_name(draft)["car"]["id"] == CAR
    assert [change["kind"] for change in draft["changes"]] == ["revived"]


def test_import_adds_what_is_not_there(admin):
    draft = edit(admin, {"op": "import", "preset": "voc"})
    assert len(by_name(draft)) == 3 + 20 - 1  # VOC has a car, too
    assert by_name(draft)["car"]["id"] == CAR
    assert {"coco", "city", "voc"} <= set(by_name(draft)["car"]["external"])


def test_import_of_an_unknown_preset_is_no_operation(admin):
    response = try_edit(admin, {"op": "import", "preset": "nothing"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_operation")


def test_remove_takes_back_what_was_never_published_and_burns_its_id(admin):
    edit(admin, {"op": "add", "name": "bus", "kind": "thing"}, {"op": "remove", "class": "bus"})
    draft = edit(admin, {"op": "add", "name": "bus", "kind": "thing"})
    assert by_name(draft)["bus"]["id"] == 5
    response = try_edit(admin, {"op": "remove", "class": "car"})
    assert "retire it instead" in response.json()["detail"]


def test_undo_takes_back_what_a_version_changed(admin):
    before = admin.get(DRAFT).json()["classes"]
    publish(admin, {"op": "merge", "classes": ["road", "sky"], "into": "road"})
    draft = edit(admin, {"op": "undo", "number": 2})
    assert draft["classes"] == before


def test_rules_name_classes_and_follow_them(admin):
    rule = {"rule": "most_instances", "classes": ["car"], "value": 9, "severity": "warning"}
    draft = edit(admin, {"op": "rules", "rules": [rule]})
    assert draft["rules"] == [{**rule, "classes": [CAR]}]
    draft = edit(admin, {"op": "flip", "class": "car"})
    assert draft["rules"][0]["classes"] == [4]


def test_a_deprecated_class_is_opened_again(admin):
    edit(admin, {"op": "split", "class": "car", "into": ["van", "limousine"]})
    draft = edit(admin, {"op": "revive", "class": "car"})
    assert not by_id(draft)[CAR]["deprecated"]


# All or nothing ---------------------------------------------------------------------------


def test_operations_are_done_in_order_and_see_those_before(admin):
    draft = edit(
        admin,
        {"op": "add", "name": "bus", "kind": "thing"},
        {"op": "merge", "classes": ["bus", "car"], "into": "vehicle"},
        {"op": "rename", "class": "vehicle", "name": "motor vehicle"},
    )
    assert set(by_name(draft)) == {"motor vehicle", "road", "sky"}


def test_one_operation_that_cannot_be_done_leaves_all_undone(admin):
    response = try_edit(
        admin,
        {"op": "rename", "class": "car", "name": "automobile"},
        {"op": "rename", "class": "nothing", "name": "x"},
    )
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "invalid_operation")
    assert (problem["position"], problem["reason"]) == (1, "nothing is no live class")
    assert not admin.get(DRAFT).json()["is_edited"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "rename", "class": "car"},
        {"op": "rename", "class": "car", "name": "road"},
        {"op": "rename", "class": "car", "name": ""},
        {"op": "rename", "class": "car", "name": "x", "kind": "stuff"},
        {"op": "recolor", "class": "car", "color": "red"},
        {"op": "add", "name": "bus", "kind": "vehicle"},
        {"op": "add", "name": "bus", "kind": "thing", "id": 9},
        {"op": "merge", "classes": ["car"], "into": "vehicle"},
        {"op": "merge", "classes": ["car", "car"], "into": "vehicle"},
        {"op": "merge", "classes": ["car", "road"], "into": "vehicle", "kind": {}},
        {"op": "merge", "classes": ["car", "road"], "into": {"id": 9}},
        {"op": "split", "class": "car", "into": ["van"]},
        {"op": "split", "class": "car", "into": [{"id": 99, "name": "van"}, "bus"]},
        {"op": "retire", "class": "car", "into": "car"},
        {"op": "retire", "class": "car", "into": "road"},
        {"op": "revive", "class": "car"},
        {"op": "undo", "number": 1},
        {"op": "undo", "number": True},
        {"op": "paint"},
        {},
        7,
    ],
)
def test_what_cannot_be_done_is_told(admin, operation):
    response = try_edit(admin, operation)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_operation")
    assert response.json()["reason"]


# Replacing and discarding ---------------------------------------------------------------


def test_a_draft_can_be_replaced(admin):
    rows = admin.get(DRAFT).json()["classes"]
    rows[1]["name"] = "automobile"
    bus = {"name": "bus", "kind": "thing"}
    response = admin.put(DRAFT, {"expected_revision": 0, "classes": [*rows, bus]})
    assert response.status_code == 200
    assert {row["kind"] for row in response.json()["changes"]} == {"renamed", "added"}


def test_a_replacement_keeps_rules_unless_it_brings_some(admin):
    edit(admin, {"op": "rules", "rules": [{"rule": "stuff_not_crowd"}]})
    rows = admin.get(DRAFT).json()["classes"]
    kept = admin.put(DRAFT, {"expected_revision": 1, "classes": rows}).json()
    assert len(kept["rules"]) == 1
    gone = admin.put(DRAFT, {"expected_revision": 2, "classes": rows, "rules": []}).json()
    assert gone["rules"] == []


def test_a_replacement_never_loses_a_class(admin):
    rows = admin.get(DRAFT).json()["classes"][1:]
    response = admin.put(DRAFT, {"expected_revision": 0, "classes": rows})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_taxonomy")
    assert response.json()["problems"] == ["class 1 is missing; retire it instead"]


def test_a_discarded_draft_is_what_was_published(admin):
    edit(admin, {"op": "add", "name": "bus", "kind": "thing"})
    assert admin.delete(f"{DRAFT}?expected_revision=1").status_code == 204
    draft = admin.get(DRAFT).json()
    assert (draft["is_edited"], draft["revision"]) == (False, 2)
    assert len(draft["classes"]) == 3
    assert by_name(edit(admin, {"op": "add", "name": "bus", "kind": "thing"}))["bus"]["id"] == 5


@pytest.mark.parametrize("query", ["", "?expected_revision=", "?expected_revision=x"])
def test_discarding_says_what_was_seen(admin, query):
    edit(admin, {"op": "rename", "class": "car", "name": "automobile"})
    assert admin.delete(f"{DRAFT}{query}").status_code == 400
    assert TaxonomyDraft.objects.exists()


# Edits that meet -------------------------------------------------------------------------


def test_of_two_curators_who_edit_one_revision_the_second_is_told_both_sides(admin, world):
    bob = member_of_taxonomy(world, "bob", Role.CURATOR)
    mine = {"op": "rename", "class": "car", "name": "automobile"}
    other = {"op": "recolor", "class": CAR, "color": "#010203"}
    assert try_edit(bob, mine, seen=0).status_code == 200
    response = try_edit(admin, other, seen=0)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "draft_moved")
    assert (problem["expected"], problem["actual"]) == (0, 1)
    [theirs] = problem["theirs"]
    assert (theirs["by"], theirs["revision"], theirs["operations"]) == ("bob", 1, [mine])
    assert problem["yours"] == [other]
    # Told, the second one looks and goes on.
    assert try_edit(admin, other, seen=1).status_code == 200


def test_replacing_discarding_and_publishing_are_told_too(admin):
    rows = admin.get(DRAFT).json()["classes"]
    edit(admin, {"op": "rename", "class": "car", "name": "automobile"})
    late = [
        admin.put(DRAFT, {"expected_revision": 0, "classes": rows}),
        admin.delete(f"{DRAFT}?expected_revision=0"),
        admin.post(f"{DRAFT}publish/", {"expected_revision": 0, "message": "Late"}),
    ]
    assert [(one.status_code, one.json()["code"]) for one in late] == [(409, "draft_moved")] * 3
    assert [one.json()["yours"][0]["op"] for one in late] == ["replace", "discard", "publish"]


def test_an_edit_of_what_was_published_meanwhile_is_told(admin):
    edit(admin, {"op": "rename", "class": "car", "name": "automobile"})
    assert publish(admin).status_code == 201
    response = try_edit(admin, {"op": "rename", "class": "car", "name": "auto"}, seen=1)
    assert (response.status_code, response.json()["code"]) == (409, "draft_moved")
    assert [edit["operations"][0]["op"] for edit in response.json()["theirs"]] == ["publish"]


def test_classes_that_an_import_published_meanwhile_are_in_the_draft(admin, world):
    edit(admin, {"op": "rename", "class": "car", "name": "automobile"})
    extend_taxonomy(
        taxonomy=world.dataset.taxonomy, classes=classes("bus"), actor=None, message="Import"
    )
    draft = edit(admin, {"op": "recolor", "class": "sky", "color": "#010203"})
    assert draft["base"] == 2
    assert {"automobile", "bus"} <= set(by_name(draft))


# Who may ---------------------------------------------------------------------------------


def test_readers_read_the_draft_and_change_nothing(admin, reader, stranger, anonymous):
    assert reader.get(DRAFT).status_code == 200
    for client, status in ((reader, 403), (stranger, 404), (anonymous, 401)):
        expected = 404 if client is anonymous and client.get(DRAFT).status_code == 404 else status
        answers = [
            try_edit(client, {"op": "retire", "class": "car"}, seen=0),
            client.put(DRAFT, {"expected_revision": 0, "classes": []}),
            client.delete(f"{DRAFT}?expected_revision=0"),
            client.post(f"{DRAFT}publish/", {"expected_revision": 0, "message": "x"}),
        ]
        assert {answer.status_code for answer in answers} <= {status, expected}


def test_curators_edit_and_publish(world):
    bob = member_of_taxonomy(world, "bob", Role.CURATOR)
    assert publish(bob, {"op": "rename", "class": "car", "name": "automobile"}).status_code == 201
