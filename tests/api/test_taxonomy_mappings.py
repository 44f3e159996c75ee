"""Mappings between taxonomies through the API."""

import pytest

from labels_app.actions.taxonomies import create_taxonomy
from labels_app.models import TaxonomyMapping
from labels_app.presets import preset_classes
from labels_app.presets.mappings import COCO_TO_CITYSCAPES19
from people_app.actions.roles import grant_role
from people_app.roles import Role
from tests.api.builders import API, CAR, ROAD, SKY, client_of, person
from tests.api.taxonomy_builders import STREETS, TAXONOMIES, member_of_taxonomy
from tests.labels_app.builders import classes

MAPPINGS = f"{STREETS}/mappings/"
ENTRIES = {"road": "ground", "car": "vehicle", "sky": None}


@pytest.fixture
def target(world):
    """The taxonomy "small" of ada: ground/stuff 1, vehicle 2."""
    return create_taxonomy(
        slug="small", classes=classes("ground/stuff vehicle"), actor=person("ada")
    )


def test_a_mapping_says_what_each_class_reads_as(admin, reader, target):
    body = {"target": "small@1", "entries": ENTRIES, "message": "For the paper"}
    response = admin.post(MAPPINGS, body)
    assert response.status_code == 201
    made = response.json()
    assert (made["number"], made["message"], made["author"]) == (1, "For the paper", "ada")
    assert made["source"] == {"slug": "streets-classes", "number": 1}
    assert made["target"] == {"slug": "small", "number": 1}
    assert made["entries"] == [
        {"class": ROAD, "name": "road", "into": 1, "into_name": "ground"},
        {"class": CAR, "name": "car", "into": 2, "into_name": "vehicle"},
        {"class": SKY, "name": "sky", "into": None, "into_name": None},
    ]
    assert admin.get(f"{MAPPINGS}small/1/").json() == made


def test_the_newest_mapping_comes_first(admin, target):
    for entries in (ENTRIES, {**ENTRIES, "sky": "ground"}):
        admin.post(MAPPINGS, {"target": "small", "entries": entries})
    rows = admin.get(MAPPINGS).json()["results"]
    assert [row["number"] for row in rows] == [2, 1]
    assert admin.get(f"{MAPPINGS}?target=small").json()["results"] == rows
    assert admin.get(f"{MAPPINGS}?target=streets-classes").json()["results"] == []


def test_what_is_proposed_can_be_posted(admin, target):
    body = admin.get(f"{MAPPINGS}proposal/?target=small@1").json()
    assert [row["name"] for row in body["entries"]] == ["road", "car", "sky"]
    response = admin.post(MAPPINGS, {"target": "small@1", "entries": body["entries"]})
    assert response.status_code == 201


def test_a_proposal_goes_by_external_ids_names_and_synonyms(admin, world):
    given = [
        {"name": "street", "kind": "stuff", "external": {"coco": 149}},
        {"name": "Car", "kind": "thing"},
        {"name": "heaven", "kind": "stuff", "synonyms": ["Sky"]},
    ]
    admin.post(TAXONOMIES, {"slug": "other", "classes": given})
    body = admin.get(f"{MAPPINGS}proposal/?target=other").json()
    assert [row["into_name"] for row in body["entries"]] == ["street", "Car", "heaven"]


def test_coco_reads_in_cityscapes_as_it_is_built_in(admin):
    for slug, preset in (("coco", "coco"), ("cityscapes", "cityscapes19")):
        admin.post(TAXONOMIES, {"slug": slug, "preset": preset})
    body = admin.get(f"{TAXONOMIES}coco/mappings/proposal/?target=cityscapes@1").json()
    proposed = {row["name"]: row["into_name"] for row in body["entries"]}
    assert proposed == COCO_TO_CITYSCAPES19.targets
    reasons = {row["name"]: row["reason"] for row in body["entries"]}
    assert reasons["roof"] == COCO_TO_CITYSCAPES19.reasons["roof"]
    assert reasons["car"] == ""


def test_all_labels_of_cityscapes_are_proposed_where_they_have_a_name(admin):
    for slug in ("coco", "cityscapes"):
        admin.post(TAXONOMIES, {"slug": slug, "preset": slug})
    body = admin.get(f"{TAXONOMIES}coco/mappings/proposal/?target=cityscapes").json()
    proposed = {row["name"]: row["into_name"] for row in body["entries"]}
    # Cityscapes does not evaluate bridges, and does name them.
    assert (proposed["bridge"], proposed["house"]) == ("bridge", "building")


def test_a_version_of_the_source_can_be_named(admin, target):
    grown = [{"op": "add", "name": "bus", "kind": "thing"}]
    admin.post(f"{STREETS}/draft/operations/", {"expected_revision": 0, "operations": grown})
    admin.post(f"{STREETS}/draft/publish/", {"expected_revision": 1, "message": "Bus"})
    old = {"target": "small", "entries": ENTRIES, "source_version": 1}
    assert admin.post(MAPPINGS, old).json()["source"]["number"] == 1
    new = {"target": "small", "entries": ENTRIES}
    response = admin.post(MAPPINGS, new)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_mapping")
    assert response.json()["problems"] == ["bus is mapped to nothing; say null for void"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"target": "small@1"}, 400),
        ({"target": "small@1", "entries": "all"}, 400),
        ({"target": "small@1", "entries": [7]}, 400),
        ({"target": "small@1", "entries": [{"class": ["car"], "into": 1}]}, 400),
        ({"target": "small@1", "entries": [{"class": 1, "into": 1}] * 2}, 400),
        ({"target": "small@1", "entries": {"car": {}}}, 422),
        ({"target": "small@1", "entries": {**ENTRIES, "bus": 1}}, 422),
        ({"target": "small@1", "entries": {**ENTRIES, "2": 1}}, 422),
        ({"target": "small@1", "entries": {**ENTRIES, "car": 9}}, 422),
        ({"target": "small@2", "entries": ENTRIES}, 400),
        ({"target": "nothing", "entries": ENTRIES}, 400),
        ({"target": "small@draft", "entries": ENTRIES}, 400),
        ({"target": "streets-classes", "entries": ENTRIES}, 422),
        ({"target": "small@1", "entries": ENTRIES, "source_version": 9}, 404),
    ],
)
def test_a_mapping_that_says_too_little_or_too_much_is_refused(admin, target, body, status):
    assert admin.post(MAPPINGS, body).status_code == status
    assert not TaxonomyMapping.objects.exists()


def test_curators_of_either_side_make_a_mapping(world, target, reader):
    body = {"target": "small", "entries": ENTRIES}
    assert reader.post(MAPPINGS, body).status_code == 403
    of_source = member_of_taxonomy(world, "bob", Role.CURATOR)
    assert of_source.post(MAPPINGS, body).status_code == 201
    grant_role(user=person("a-reader"), resource=target.taxonomy, role=Role.CURATOR, actor=None)
    assert reader.post(MAPPINGS, body).status_code == 201


def test_a_mapping_to_what_one_may_not_see_is_not_there(admin, target, world):
    hidden = {"slug": "hidden", "taxonomy": "small"}
    assert client_of("ada").post(f"{API}/datasets/", hidden).status_code == 201
    admin.post(MAPPINGS, {"target": "small", "entries": ENTRIES})
    bob = member_of_taxonomy(world, "bob", Role.CURATOR)
    assert bob.get(MAPPINGS).json()["results"] == []
    assert bob.get(f"{MAPPINGS}small/1/").status_code == 404
    assert bob.get(f"{MAPPINGS}proposal/?target=small").status_code == 400
    assert bob.post(MAPPINGS, {"target": "small", "entries": ENTRIES}).status_code == 400


def test_presets_can_be_read_by_everybody(anonymous, db):
    rows = anonymous.get(f"{API}/taxonomy-presets/").json()["results"]
    assert {"coco", "cityscapes", "ade20k", "mapillary", "voc"} <= {row["key"] for row in rows}
    coco = anonymous.get(f"{API}/taxonomy-presets/coco/").json()
    assert (coco["things"], coco["stuff"], coco["scheme"]) == (80, 53, "coco")
    assert [row["name"] for row in coco["classes"]] == [
        spec.name for spec in preset_classes("coco")
    ]
    assert {row["id"] for row in coco["classes"]} == {None}


def test_a_preset_that_is_not_there_is_not_found(anonymous, db):
    response = anonymous.get(f"{API}/taxonomy-presets/nothing/")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_the_classes_of_a_preset_can_be_posted(stranger):
    coco = stranger.get(f"{API}/taxonomy-presets/coco/").json()
    assert (
        stranger.post(TAXONOMIES, {"slug": "coco", "classes": coco["classes"]}).status_code == 201
    )
