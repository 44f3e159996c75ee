import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from labels_app.actions.taxonomies import create_taxonomy, publish_version
from labels_app.classes import ClassSpec
from labels_app.models import Taxonomy, TaxonomyVersion
from people_app.actions.roles import grant_role
from people_app.roles import Role
from tests.api.builders import API, CAR, CLASSES, ROAD, build_world, client_of, person

TAXONOMIES = f"{API}/taxonomies/"
STREETS = f"{TAXONOMIES}streets-classes"
CATEGORIES = [
    {"id": 1, "name": "person", "isthing": 1, "supercategory": "person", "color": [220, 20, 60]},
    {"id": 149, "name": "road", "isthing": 0, "supercategory": "ground", "color": [1, 2, 3]},
]


def upload(content, **fields):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return {"slug": "new", "file": SimpleUploadedFile("some.json", data), **fields}


def made(client, body, slug="new"):
    """Post a file, and return the classes of the version that it makes."""
    response = client.post(TAXONOMIES, body, format="multipart")
    assert response.status_code == 201, response.content
    return client.get(f"{TAXONOMIES}{slug}/versions/1/").json()


def test_a_version_has_its_classes(reader):
    body = reader.get(f"{STREETS}/versions/1/").json()
    assert (body["taxonomy"], body["number"], body["author"]) == ("streets-classes", 1, "ada")
    car = next(row for row in body["classes"] if row["id"] == CAR)
    assert car == {
        "id": CAR,
        "name": "car",
        "kind": "thing",
        "color": "#00008e",
        "parent": None,
        "heading": "",
        "description": "",
        "external": {"coco": 3, "city": 26},
        "retired": False,
        "forwards_to": None,
        "synonyms": [],
        "attributes": [],
        "guideline": "",
        "examples": [],
        "deprecated": False,
        "split_into": [],
    }
    assert body["rules"] == []


def test_versions_come_newest_first(reader, world):
    retired = [ClassSpec("road", "stuff", ROAD), ClassSpec("sky", "stuff", 3)]
    car = ClassSpec("car", "thing", CAR, retired=True, forwards_to=ROAD)
    publish_version(
        taxonomy=world.dataset.taxonomy, classes=[*retired, car], actor=None, message="No cars"
    )
    rows = reader.get(f"{STREETS}/versions/").json()["results"]
    assert [(row["number"], row["author"]) for row in rows] == [(2, None), (1, "ada")]
    assert reader.get(f"{STREETS}/").json()["latest"] == 2


def test_a_version_that_nobody_published_is_not_found(reader):
    for number in ("2", "0", "99999999999999999999999"):
        assert reader.get(f"{STREETS}/versions/{number}/").status_code == 404


def test_a_taxonomy_of_a_private_dataset_is_seen_by_its_members(stranger, reader, world):
    assert stranger.get(TAXONOMIES).json()["results"] == []
    slugs = [row["slug"] for row in reader.get(TAXONOMIES).json()["results"]]
    assert slugs == ["streets-classes"]


def test_a_taxonomy_that_nothing_uses_is_seen_by_people(stranger, anonymous, world):
    create_taxonomy(slug="free", classes=CLASSES, actor=person("ada"))
    assert stranger.get(f"{TAXONOMIES}free/").status_code == 200
    assert anonymous.get(f"{TAXONOMIES}free/").status_code == 404


def test_the_taxonomy_of_a_public_dataset_is_seen_by_everybody(db, anonymous):
    build_world("parks", "public")
    assert anonymous.get(f"{TAXONOMIES}parks-classes/versions/1/").status_code == 200


def test_a_published_version_is_kept_for_ever(world):
    response = client_of("ada").get(f"{STREETS}/versions/1/")
    assert "immutable" in response["Cache-Control"]


def test_a_list_says_what_the_caller_may_do(admin, reader, world):
    create_taxonomy(slug="free", classes=CLASSES, actor=person("ada"))
    grant_role(
        user=person("a-reader"),
        resource=world.dataset.taxonomy,
        role=Role.CURATOR,
        actor=None,
    )
    roles = {row["slug"]: row["role"] for row in reader.get(TAXONOMIES).json()["results"]}
    assert roles == {"free": "reader", "streets-classes": "curator"}
    assert admin.get(f"{STREETS}/").json()["role"] == "owner"


def test_an_operator_owns_every_taxonomy(world):
    person("root", is_superuser=True)
    assert client_of("root").get(f"{STREETS}/").json()["role"] == "owner"


def test_who_makes_a_taxonomy_owns_it(stranger):
    body = {"slug": "mine", "title": "Mine", "classes": [{"name": "car", "kind": "thing"}]}
    response = stranger.post(TAXONOMIES, {**body, "message": "First"})
    assert response.status_code == 201
    found = {name: response.json()[name] for name in ("slug", "title", "latest", "role")}
    assert found == {"slug": "mine", "title": "Mine", "latest": 1, "role": "owner"}
    version = stranger.get(f"{TAXONOMIES}mine/versions/1/").json()
    assert (version["message"], version["classes"][0]["id"]) == ("First", 1)


def test_a_taxonomy_can_start_from_a_preset(stranger):
    assert stranger.post(TAXONOMIES, {"slug": "coco", "preset": "coco"}).status_code == 201
    classes = stranger.get(f"{TAXONOMIES}coco/versions/1/").json()["classes"]
    assert len(classes) == 133
    assert sum(row["kind"] == "thing" for row in classes) == 80


def test_a_taxonomy_can_start_with_no_class(stranger):
    assert stranger.post(TAXONOMIES, {"slug": "empty", "classes": []}).status_code == 201


def test_classes_come_with_all_that_is_said_of_them(stranger):
    car = {
        "name": "car",
        "kind": "thing",
        "synonyms": ["automobile"],
        "guideline": "Mirrors too.",
        "attributes": [{"name": "doors", "type": "number", "minimum": 2, "maximum": 5}],
    }
    rules = [{"rule": "smallest_area", "classes": ["car"], "value": 20}]
    body = {"slug": "cars", "classes": [car], "rules": rules}
    assert stranger.post(TAXONOMIES, body).status_code == 201
    version = stranger.get(f"{TAXONOMIES}cars/versions/1/").json()
    [row] = version["classes"]
    assert (row["synonyms"], row["guideline"]) == (["automobile"], "Mirrors too.")
    assert row["attributes"] == [
        {
            "name": "doors",
            "type": "number",
            "choices": [],
            "minimum": 2,
            "maximum": 5,
            "required": False,
            "description": "",
        }
    ]
    assert version["rules"] == [
        {"rule": "smallest_area", "severity": "error", "classes": [1], "value": 20}
    ]


def test_a_version_can_be_posted_as_a_new_taxonomy(stranger):
    stranger.post(TAXONOMIES, {"slug": "coco", "preset": "coco"})
    first = stranger.get(f"{TAXONOMIES}coco/versions/1/").json()
    again = made(stranger, upload(first))
    assert again["digest"] == first["digest"]


def test_a_file_may_be_a_list_of_classes(stranger):
    found = made(stranger, upload(b'  [{"name": "car", "kind": "thing", "color": "#010203"}]'))
    assert [(row["name"], row["color"]) for row in found["classes"]] == [("car", "#010203")]


def test_a_file_of_classes_may_bring_rules(stranger):
    found = made(
        stranger,
        upload(
            {
                "rules": [{"rule": "stuff_not_crowd", "severity": "warning"}],
                "classes": [{"name": "car", "kind": "thing"}],
            }
        ),
    )
    assert [row["rule"] for row in found["rules"]] == ["stuff_not_crowd"]


def test_a_coco_file_gives_its_categories_and_its_labels_are_passed_over(stranger):
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(500)]
    found = made(stranger, upload({"images": images, "annotations": [], "categories": CATEGORIES}))
    assert [(row["name"], row["kind"], row["external"]) for row in found["classes"]] == [
        ("person", "thing", {"coco": 1}),
        ("road", "stuff", {"coco": 149}),
    ]


@pytest.mark.parametrize("name", ["coco_panoptic", "coco_instances"])
def test_a_format_that_is_named_reads_the_file(stranger, name):
    content = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": []}
    content["categories"] = CATEGORIES
    found = made(stranger, upload(content, format=name))
    assert [row["name"] for row in found["classes"]] == ["person", "road"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The submitted file is empty"),
        (b"car", "no JSON"),
        (b"7", "no JSON object"),
        (b'{"a": 1}', "neither classes nor categories"),
        (b'{"categories": 1}', "no list"),
        (b'{"categories": [{"id": 1}]}', "has no name"),
        (b'{"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}', "have the id 1"),
        (b'{"classes": [{"name": "car"}]}', "class 1: a class needs the field 'kind'"),
        (b"[1]", "class 1: a class is an object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"classes": ' + b"[" * 100_000, "nested deeper"),
        (b'[{"name": "\\ud800", "kind": "thing"}]', "no Unicode"),
        (b'[{"name": "a\\u0000", "kind": "thing"}]', "zero character"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(stranger, content, reason):
    response = stranger.post(TAXONOMIES, upload(content), format="multipart")
    assert response.status_code in (400, 422)
    assert reason in response.json()["detail"]
    assert not Taxonomy.objects.filter(slug="new").exists()


def test_a_file_that_is_too_large_is_refused_unread(stranger):
    response = stranger.post(
        TAXONOMIES, upload([]), format="multipart", CONTENT_LENGTH=str(600 * 2**20)
    )
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"slug": "a"}, 400, "invalid"),
        ({"slug": "a", "preset": "coco", "classes": []}, 400, "invalid"),
        ({"slug": "a", "preset": "coco", "rules": []}, 400, "invalid"),
        ({"slug": "a", "preset": "nothing"}, 400, "invalid"),
        ({"slug": "a b", "preset": "coco"}, 400, "invalid"),
        ({"slug": "A", "preset": "coco"}, 422, "invalid_taxonomy"),
        ({"slug": "streets-classes", "preset": "coco"}, 409, "taxonomy_exists"),
        ({"slug": "a", "classes": "car"}, 400, "invalid"),
        ({"slug": "a", "classes": ["car"]}, 422, "invalid_taxonomy"),
        ({"slug": "a", "classes": [], "rules": [{"rule": "x"}]}, 422, "invalid_taxonomy"),
    ],
)
def test_a_wrong_body_makes_no_taxonomy(world, stranger, body, status, code):
    response = stranger.post(TAXONOMIES, body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert TaxonomyVersion.objects.count() == 1


def test_what_is_wrong_with_the_classes_is_told(stranger):
    classes = [
        {"name": "car", "kind": "thing"},
        {"name": "car", "kind": "thing"},
        {"name": "sky", "kind": "stuff", "parent": "heaven"},
    ]
    problem = stranger.post(TAXONOMIES, {"slug": "a", "classes": classes}).json()
    assert problem["problems"] == ["2 live classes are named car"]


def test_examples_come_after_their_pictures(stranger):
    car = {"name": "car", "kind": "thing", "examples": [{"picture": "0" * 64}]}
    response = stranger.post(TAXONOMIES, {"slug": "a", "classes": [car]})
    assert response.status_code == 422
    assert "upload its example pictures" in response.json()["detail"]


def test_making_takes_an_account_and_a_token_that_may_write(anonymous, world):
    body = {"slug": "a", "preset": "voc"}
    assert anonymous.post(TAXONOMIES, body).status_code == 401
    narrow = client_of("ada", scopes=["read"])
    assert narrow.post(TAXONOMIES, body).status_code == 403


def test_curators_say_what_a_taxonomy_is(admin, reader, world):
    response = admin.patch(f"{STREETS}/", {"title": "Streets", "description": "Of Europe."})
    assert response.status_code == 200
    assert reader.get(f"{STREETS}/").json()["description"] == "Of Europe."
    refused = reader.patch(f"{STREETS}/", {"title": "Mine"})
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert reader.get(f"{STREETS}/").json()["title"] == "Streets"


def test_a_stranger_cannot_change_what_they_do_not_see(stranger, world):
    assert stranger.patch(f"{STREETS}/", {"title": "Mine"}).status_code == 404
