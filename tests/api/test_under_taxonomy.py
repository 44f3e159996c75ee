"""`?taxonomy=`: any version read, listed, shown, exported and compared under another taxonomy."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from datasets_app.actions.datasets import create_dataset
from datasets_app.actions.transfers import run_export_job
from datasets_app.jobs.kinds import silent
from datasets_app.models import Job
from datasets_app.staging import ImageChange
from labels_app.actions.drafts import edit_draft, get_draft
from labels_app.actions.mappings import create_mapping
from labels_app.actions.taxonomies import create_taxonomy, publish_version
from labels_app.classes import ClassSpec
from people_app.actions.roles import grant_role
from people_app.roles import Role
from store_app.blobs import get_content
from tests.api.builders import CAR, CLASSES, ROAD, SKY, STREETS, person, pixels_of
from tests.datasets_app.builders import commit_to, put_label

SLUG = "streets-classes"
MAIN = f"{STREETS}/versions/main"
A = f"{MAIN}/images/1"  # "3333 1222 1111": road 1, car 2, sky 3
IMMUTABLE = "private, immutable, max-age=31536000"
OF_A_LABEL = [
    "panoptic.png",
    "panoptic.json",
    "semantic.png",
    "instances.json",
    "overlay.png",
    "thumbnail.webp",
]
READ = ["stats/", "images/", "images/1/", *(f"images/1/{view}" for view in OF_A_LABEL)]
COMPARED = ["", "images/", "images/1/", "images/1/change.png"]


@pytest.fixture
def second(world) -> Any:
    """Version 2 of the taxonomy, which no version uses: the car is road, the sky is void."""
    return publish(world, {CAR: ROAD, SKY: None})


def publish(world, successors, *more, number=1):
    classes = [
        replace(spec, retired=True, forwards_to=successors[spec.class_id])
        if spec.class_id in successors
        else spec
        for spec in (*CLASSES, *more)
    ]
    return publish_version(
        taxonomy=world.dataset.taxonomy, classes=classes, actor=person("ada"), message="Fewer"
    )


@pytest.fixture
def shapes(world) -> Any:
    """Another taxonomy, in which class 1 is what cars read as, with a mapping to it."""
    target = create_taxonomy(
        slug="shapes",
        classes=[
            ClassSpec("box", "thing", 1, "#ff0000"),
            ClassSpec("plane", "stuff", 2, "#00ff00", external={"shape": 9}),
        ],
        actor=person("ada"),
    )
    map_to(world, target, {"road": "plane", "car": "box", "sky": None})
    grant_role(user=person("a-reader"), resource=target.taxonomy, role=Role.READER, actor=None)
    return target


def map_to(world, target, entries):
    source = world.versions[0].taxonomy_version
    return create_mapping(source=source, target=target, entries=entries, actor=person("ada"))


# ---- reading ----------------------------------------------------------------


def test_views_are_read_under_the_taxonomy_that_is_named(reader, second):
    under = f"?taxonomy={SLUG}@2"
    assert pixels_of(reader.get(f"{A}/semantic.png{under}").content).tolist() == [
        [0] * 4, [ROAD] * 4, [ROAD] * 4,
    ]  # fmt: skip
    assert pixels_of(reader.get(f"{A}/panoptic.png{under}").content)[..., 0].tolist() == [
        [0] * 4, [1] * 4, [1] * 4,
    ]  # fmt: skip
    assert reader.get(f"{A}/instances.json{under}").json()["instances"] == []
    body = reader.get(f"{A}/panoptic.json{under}").json()
    assert [row["id"] for row in body["categories"]] == [ROAD]


def test_pictures_are_drawn_in_its_colours(reader, second):
    def picture(under):
        return pixels_of(reader.get(f"{A}/thumbnail.webp?layer=label&size=16{under}").content)

    assert (picture("") != picture(f"&taxonomy={SLUG}@2")).any()


def test_its_classes_are_listed_and_counted(reader, second):
    under = f"?taxonomy={SLUG}@2"
    rows = reader.get(f"{A}/{under}").json()["segments"]
    assert [(row["class_name"], row["area"]) for row in rows] == [("road", 8)]
    counted = reader.get(f"{MAIN}/stats/{under}").json()["totals_by_class"]
    assert [(row["class_name"], row["images"], row["pixels"]) for row in counted] == [
        ("void", 1, 4), ("road", 3, 20),
    ]  # fmt: skip


def test_a_filter_names_a_class_of_it(reader, shapes):
    listed = reader.get(f"{MAIN}/images/?taxonomy=shapes&class=box").json()["results"]
    assert [row["name"] for row in listed] == ["a.png", "b.png", "night/d.png"]
    assert reader.get(f"{MAIN}/images/?taxonomy=shapes&class=car").status_code == 400


def test_another_taxonomy_is_read_through_the_mapping(reader, shapes):
    rows = reader.get(f"{A}/?taxonomy=shapes@1").json()["segments"]
    assert [(row["id"], row["class_id"], row["class_name"]) for row in rows] == [
        (1, 2, "plane"), (2, 1, "box"),
    ]  # fmt: skip
    pixels = pixels_of(reader.get(f"{A}/semantic.png?taxonomy=shapes&ids=shape&void=7").content)
    assert pixels.tolist() == [[7] * 4, [9, 7, 7, 7], [9] * 4]


def test_a_draft_is_read_before_it_is_published(reader, world):
    taxonomy = world.dataset.taxonomy
    url = f"{A}/?taxonomy={SLUG}@draft"
    assert [row["class_name"] for row in reader.get(url).json()["segments"]] == [
        "road", "car", "sky",
    ]  # fmt: skip
    edit_draft(
        taxonomy=taxonomy,
        expected_revision=get_draft(taxonomy).revision,
        operations=[{"op": "retire", "class": "sky"}],
        actor=person("ada"),
    )
    assert [row["class_name"] for row in reader.get(url).json()["segments"]] == ["road", "car"]


@pytest.mark.parametrize("rest", READ)
def test_an_older_version_of_the_taxonomy_is_refused_with_counts(reader, world, rest):
    tree = publish(world, {}, ClassSpec("tree", "thing", color="#00aa00"))
    number = tree.classes.get(name="tree").class_id
    label = put_label("12", {1: ROAD, 2: number})
    commit_to(world.dataset, [ImageChange("t.png", label=label)], taxonomy_version=tree)
    response = reader.get(f"{MAIN}/{rest}?taxonomy={SLUG}@1")
    assert (response.status_code, response.json()["code"]) == (409, "unknown_class")
    assert response.json()["classes"] == [{"class_id": number, "segments": 1}]


@pytest.mark.parametrize("rest", READ)
def test_two_taxonomies_without_a_mapping_differ(reader, world, rest):
    target = create_taxonomy(slug="other", classes=CLASSES, actor=person("ada")).taxonomy
    grant_role(user=person("a-reader"), resource=target, role=Role.READER, actor=None)
    response = reader.get(f"{MAIN}/{rest}?taxonomy=other")
    assert (response.status_code, response.json()["code"]) == (409, "taxonomies_differ")


@pytest.mark.parametrize("name", ["nothing", f"{SLUG}@99", "a b", "@", f"{SLUG}@", "x@draft", "é"])
@pytest.mark.parametrize("rest", ["versions/main/images/1/", "compare/v1..v2/"])
def test_a_taxonomy_that_is_not_there_is_not_found(reader, name, rest):
    response = reader.get(f"{STREETS}/{rest}", {"taxonomy": name})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_a_taxonomy_that_somebody_may_not_see_is_not_there(reader, admin, world):
    ada = person("ada")
    secret = create_taxonomy(slug="secret", classes=CLASSES, actor=ada)
    create_dataset(slug="secret", taxonomy=secret.taxonomy, actor=ada, visibility="private")
    map_to(world, secret, {"road": "road", "car": "car", "sky": "sky"})
    assert admin.get(f"{A}/semantic.png?taxonomy=secret").status_code == 200
    assert reader.get(f"{A}/semantic.png?taxonomy=secret").status_code == 404


# ---- what is kept -----------------------------------------------------------


@pytest.mark.parametrize("rest", READ)
def test_a_numbered_version_under_an_id_is_kept_for_ever(reader, world, second, rest):
    url = f"{STREETS}/versions/{world.ids[0]}/{rest}"
    assert reader.get(f"{url}?taxonomy={SLUG}@2")["Cache-Control"] == IMMUTABLE
    for name in (SLUG, f"{SLUG}@draft"):
        assert reader.get(f"{url}?taxonomy={name}")["Cache-Control"] == "private, no-cache"


def test_what_a_mapping_reads_is_asked_for_again(reader, world, shapes):
    url = f"{STREETS}/versions/{world.ids[0]}/images/1/semantic.png?taxonomy=shapes@1"
    before = reader.get(url)
    assert before["Cache-Control"] == "private, no-cache"
    map_to(world, shapes, {"road": None, "car": "box", "sky": "plane"})
    assert reader.get(url)["ETag"] != before["ETag"]


@pytest.mark.parametrize("rest", READ)
def test_another_taxonomy_is_another_etag(reader, second, rest):
    own = reader.get(f"{MAIN}/{rest}")["ETag"]
    assert reader.get(f"{MAIN}/{rest}?taxonomy={SLUG}@2")["ETag"] != own


def test_who_has_it_gets_304(reader, second):
    for rest in READ:
        url = f"{MAIN}/{rest}?taxonomy={SLUG}@2"
        etag = reader.get(url)["ETag"]
        assert reader.get(url, headers={"If-None-Match": etag}).status_code == 304


# ---- comparing --------------------------------------------------------------


def test_two_versions_are_compared_under_a_taxonomy(reader, second):
    own = reader.get(f"{STREETS}/compare/v1..v2/").json()
    body = reader.get(f"{STREETS}/compare/v1..v2/?taxonomy={SLUG}@2").json()
    # Car took a pixel from road; now both are road.
    assert (own["pixels"]["changed"], body["pixels"]["changed"]) == (1, 0)
    assert body["taxonomy"]["read_by"] == {"slug": SLUG, "number": 2}
    assert body["taxonomy"]["same"] is True
    assert {row["old_class"] for row in body["class_flow"]} == {None, ROAD}


def test_images_and_segments_are_compared_under_a_taxonomy(reader, shapes):
    under = "?taxonomy=shapes"
    rows = reader.get(f"{STREETS}/compare/v1..v2/images/{under}&class=box").json()["results"]
    assert [row["name"] for row in rows] == ["a.png"]
    body = reader.get(f"{STREETS}/compare/v1..v2/images/1/{under}").json()
    names = {side["class_name"] for row in body["changes"] for side in row["old"] + row["new"]}
    assert names == {"plane", "box"}
    assert reader.get(f"{STREETS}/compare/v1..v2/images/1/change.png{under}").status_code == 200
    assert reader.get(f"{STREETS}/compare/v1..v2/images/{under}&class=car").status_code == 400


def test_what_the_taxonomy_did_is_told_apart_from_what_people_did(reader, world, second):
    commit_to(world.dataset, [], taxonomy_version=second)
    body = reader.get(f"{STREETS}/compare/v3..v4/").json()
    assert (body["images"]["changed"], body["pixels"]["changed"]) == (0, 0)
    told = body["taxonomy"]
    assert (told["old"], told["new"]) == (
        {"slug": SLUG, "number": 1}, {"slug": SLUG, "number": 2},
    )  # fmt: skip
    assert (told["same"], told["rules_changed"]) == (False, False)
    assert [(row["kind"], row["name"], row["into"]) for row in told["changes"]] == [
        ("merged", "road", [ROAD]), ("retired", "sky", [None]),
    ]  # fmt: skip
    assert told["class_flow"] == [
        {"old_class": ROAD, "new_class": ROAD, "pixels": 11},
        {"old_class": CAR, "new_class": ROAD, "pixels": 9},
        {"old_class": SKY, "new_class": None, "pixels": 4},
    ]


@pytest.mark.parametrize("rest", COMPARED)
def test_a_comparison_under_a_numbered_version_is_kept_for_ever(reader, world, second, rest):
    url = f"{STREETS}/compare/{world.ids[0]}..{world.ids[1]}/{rest}"
    assert reader.get(f"{url}?taxonomy={SLUG}@2")["Cache-Control"] == IMMUTABLE
    for name in (SLUG, f"{SLUG}@draft"):
        assert reader.get(f"{url}?taxonomy={name}")["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("rest", COMPARED)
def test_a_comparison_that_cannot_be_read_is_refused(reader, world, rest):
    tree = publish(world, {}, ClassSpec("tree", "thing", color="#00aa00"))
    number = tree.classes.get(name="tree").class_id
    label = put_label("12", {1: ROAD, 2: number})
    commit_to(world.dataset, [ImageChange("a.png", label=label)], taxonomy_version=tree)
    for spec in ("v3..v4", "v4..v3"):
        response = reader.get(f"{STREETS}/compare/{spec}/{rest}?taxonomy={SLUG}@1")
        assert (response.status_code, response.json()["code"]) == (409, "unknown_class")
        # By default the later of both taxonomy versions counts, which knows all classes.
        assert reader.get(f"{STREETS}/compare/{spec}/{rest}").status_code == 200


# ---- exports ----------------------------------------------------------------


def export(client, **fields):
    body = {"version": "v3", "format": "coco_panoptic", **fields}
    return client.post(f"{STREETS}/exports/", body, format="json")


def exported(job_id):
    result = run_export_job(Job.objects.get(pk=job_id), silent)
    with zipfile.ZipFile(io.BytesIO(get_content(bytes.fromhex(result["digest"])))) as archive:
        return json.loads(archive.read("panoptic.json"))


def test_an_export_is_written_in_the_classes_of_the_taxonomy(reader, second):
    body = exported(export(reader, taxonomy=f"{SLUG}@2").json()["id"])
    assert [row["name"] for row in body["categories"]] == ["road"]
    assert {row["category_id"] for a in body["annotations"] for row in a["segments_info"]} == {
        body["categories"][0]["id"]
    }


def test_exports_are_found_again_by_what_they_are_read_by(reader, second):
    own, named = export(reader).json(), export(reader, taxonomy=f"{SLUG}@1").json()
    assert own["id"] == named["id"]
    newest, other = (export(reader, taxonomy=name).json() for name in (SLUG, f"{SLUG}@2"))
    assert newest["id"] == other["id"] != own["id"]


def test_an_export_keeps_the_mapping_that_it_was_asked_for_by(reader, world, shapes):
    before = export(reader, taxonomy="shapes").json()["id"]
    map_to(world, shapes, {"road": None, "car": "plane", "sky": None})
    after = export(reader, taxonomy="shapes").json()["id"]
    assert before != after

    def held(job_id):
        body = exported(job_id)
        names = {row["id"]: row["name"] for row in body["categories"]}
        rows = [row for a in body["annotations"] for row in a["segments_info"]]
        return {names[row["category_id"]] for row in rows}

    assert (held(before), held(after)) == ({"plane", "box"}, {"plane"})


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"taxonomy": "nothing"}, 404, "not_found"),
        ({"taxonomy": f"{SLUG}@draft"}, 404, "not_found"),
        ({"taxonomy": "other"}, 409, "taxonomies_differ"),
        ({"taxonomy": f"{SLUG}@2", "filter": "class:car"}, 400, "invalid_filter"),
    ],
)
def test_an_export_that_cannot_be_made_is_refused_at_once(reader, second, fields, status, code):
    target = create_taxonomy(slug="other", classes=CLASSES, actor=person("ada")).taxonomy
    grant_role(user=person("a-reader"), resource=target, role=Role.READER, actor=None)
    response = export(reader, **fields)
    assert (response.status_code, response.json()["code"]) == (status, code)
