from labels_app.actions.taxonomies import publish_version
from labels_app.classes import ClassSpec
from tests.api.builders import API, CAR, CLASSES, ROAD, build_world, client_of, person

STREETS = f"{API}/taxonomies/streets-classes"


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
    }


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
    assert stranger.get(f"{API}/taxonomies/").json()["results"] == []
    slugs = [row["slug"] for row in reader.get(f"{API}/taxonomies/").json()["results"]]
    assert slugs == ["streets-classes"]


def test_a_taxonomy_that_nothing_uses_is_seen_by_people(stranger, anonymous, world):
    from labels_app.actions.taxonomies import create_taxonomy

    create_taxonomy(slug="free", classes=CLASSES, actor=person("ada"))
    assert stranger.get(f"{API}/taxonomies/free/").status_code == 200
    assert anonymous.get(f"{API}/taxonomies/free/").status_code == 404


def test_the_taxonomy_of_a_public_dataset_is_seen_by_everybody(db, anonymous):
    build_world("parks", "public")
    assert anonymous.get(f"{API}/taxonomies/parks-classes/versions/1/").status_code == 200


def test_a_published_version_is_kept_for_ever(world):
    response = client_of("ada").get(f"{STREETS}/versions/1/")
    assert "immutable" in response["Cache-Control"]
