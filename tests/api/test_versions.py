import pytest

from datasets_app.staging import ImageChange
from tests.api.builders import CAR, ROAD, STREETS, walk
from tests.datasets_app.builders import commit_to


def test_a_version_tells_what_it_is(reader, world):
    body = reader.get(f"{STREETS}/versions/v2/").json()
    assert body["id"] == world.ids[1]
    assert body["number"] == 2
    assert body["message"] == "Second"
    assert body["author"] == "ada"
    assert body["parents"] == [world.ids[0]]
    assert body["taxonomy"] == {"slug": "streets-classes", "number": 1}
    assert body["image_count"] == 3
    assert body["segment_count"] == 6
    assert body["content_digest"] == bytes(world.versions[1].content_digest).hex()


@pytest.mark.parametrize(
    ("rev", "number"),
    [
        ("main", 3),
        ("feature/night", 2),
        ("feature%2Fnight", 2),
        ("release/1.0", 1),
        ("v2", 2),
        ("main~2", 1),
        ("feature/night~", 1),
    ],
)
def test_a_revision_names_a_version(reader, rev, number):
    assert reader.get(f"{STREETS}/versions/{rev}/").json()["number"] == number
    assert reader.get(f"{STREETS}/versions/{rev}/stats/").status_code == 200
    assert reader.get(f"{STREETS}/versions/{rev}/images/").status_code == 200
    assert reader.get(f"{STREETS}/versions/{rev}/images/1/").status_code == 200


def test_the_start_of_an_id_names_a_version(reader, world):
    assert reader.get(f"{STREETS}/versions/{world.ids[2][:10]}/").json()["number"] == 3


def test_versions_come_newest_first(reader):
    rows = reader.get(f"{STREETS}/versions/").json()["results"]
    assert [row["number"] for row in rows] == [3, 2, 1]


def test_the_versions_of_a_branch_are_its_line(reader, world):
    rows = walk(reader, f"{STREETS}/versions/?branch=feature/night&limit=1")
    assert [row["number"] for row in rows] == [2, 1]


def test_a_branch_before_its_first_commit_has_no_versions(admin, world):
    admin.post(f"{STREETS}/branches/", {"name": "empty", "head": None})
    assert walk(admin, f"{STREETS}/versions/?branch=empty") == []


def test_statistics_are_per_class_and_split(reader):
    body = reader.get(f"{STREETS}/versions/v1/stats/").json()
    assert body["totals"] == {
        "images": 3, "labelled": 2, "unlabelled": 1, "segments": 6, "pixels": 20,
    }  # fmt: skip
    by_split = {row["split"]: row for row in body["splits"]}
    assert by_split["val"]["unlabelled"] == 1
    cars = {row["split"]: row for row in body["classes"] if row["class_id"] == CAR}
    assert (cars["train"]["segments"], cars["train"]["pixels"]) == (1, 2)
    assert (cars["val"]["segments"], cars["val"]["pixels"]) == (2, 5)
    [road] = [row for row in body["totals_by_class"] if row["class_id"] == ROAD]
    assert (road["class_name"], road["kind"], road["images"]) == ("road", "stuff", 2)


def test_images_in_no_split_have_the_split_null(reader, world):
    commit_to(world.dataset, [ImageChange("e.png")])
    rows = reader.get(f"{STREETS}/versions/main/stats/").json()["splits"]
    assert None in [row["split"] for row in rows]
