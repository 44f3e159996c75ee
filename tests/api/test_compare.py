import pytest

from datasets_app.actions import comparisons
from datasets_app.models import Job
from datasets_app.staging import ImageChange
from tests.api.builders import CAR, ROAD, STREETS, walk
from tests.datasets_app.builders import commit_to, put_label

V1_TO_V2 = f"{STREETS}/compare/v1..v2"


def test_two_versions_are_compared_in_numbers(reader, world):
    body = reader.get(f"{V1_TO_V2}/").json()
    assert (body["old"], body["new"]) == (world.ids[0], world.ids[1])
    assert {key: body["images"][key] for key in ("added", "removed", "changed", "unchanged")} == {
        "added": 0, "removed": 0, "changed": 1, "unchanged": 2,
    }  # fmt: skip
    assert body["images"]["facets"] == {"label": 1}
    assert body["segments"]["reshaped"] == 2
    assert body["pixels"]["changed"] == 1
    assert {"old_class": ROAD, "new_class": CAR, "pixels": 1, "segments": 0} in body["class_flow"]
    assert 0 < body["quality"]["pq"] < 1
    assert body["taxonomy"]["same"] is True
    assert (body["pending"], body["job"]) == (False, None)


def test_three_dots_compare_from_the_merge_base(reader, world):
    assert reader.get(f"{STREETS}/compare/main...feature/night/").json()["old"] == world.ids[1]
    body = reader.get(f"{STREETS}/compare/feature/night...main/").json()
    assert (body["images"]["added"], body["images"]["removed"]) == (1, 1)


def test_changed_images_are_listed_most_changed_first(reader):
    rows = walk(reader, f"{STREETS}/compare/v1..v3/images/?limit=1")
    assert [row["name"] for row in rows] == ["night/d.png", "a.png", "c.png"]
    assert [row["kind"] for row in rows] == ["added", "changed", "removed"]
    assert rows[1]["facets"] == ["label"]
    assert rows[1]["segments"] == {"reshaped": 2}
    assert [row["changed_pixels"] for row in rows] == [4, 1, 0]


def test_changed_images_are_listed_by_name(reader):
    rows = walk(reader, f"{STREETS}/compare/v1..v3/images/?order=name&limit=2")
    assert [row["name"] for row in rows] == ["a.png", "c.png", "night/d.png"]


def test_many_changed_images_are_listed_by_name_too(reader, monkeypatch):
    monkeypatch.setattr("api.changed_images._FEW", 1)
    rows = walk(reader, f"{STREETS}/compare/v1..v3/images/?order=name&limit=2")
    assert [row["name"] for row in rows] == ["a.png", "c.png", "night/d.png"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?kind=added", ["night/d.png"]),
        ("?kind=changed", ["a.png"]),
        ("?kind=reshaped", ["a.png"]),
        ("?change=added", ["night/d.png"]),
        ("?facet=label", ["a.png"]),
        ("?class=car", ["night/d.png", "a.png"]),
        ("?class=sky", []),
        ("?class=2&kind=changed", ["a.png"]),
        ("?class=car&facet=label&change=reshaped", ["a.png"]),
        ("?class=car&order=name", ["a.png", "night/d.png"]),
        ("?kind=added&kind=changed&order=quality", ["a.png", "night/d.png"]),
        ("?severity=none", ["c.png"]),
        ("?severity=minor", []),
        ("?flow=0-2&unit=segments&order=name", ["night/d.png"]),
        ("?flow=1-2", ["a.png"]),
    ],
)
def test_changed_images_can_be_filtered(reader, query, found):
    rows = walk(reader, f"{STREETS}/compare/v1..v3/images/{query}")
    assert [row["name"] for row in rows] == found


@pytest.mark.parametrize("order", ["share", "quality", "segments", "boundary"])
def test_every_order_walks_through_all_images(reader, order):
    rows = walk(reader, f"{STREETS}/compare/v1..v3/images/?limit=1&order={order}")
    assert sorted(row["name"] for row in rows) == ["a.png", "c.png", "night/d.png"]


@pytest.mark.parametrize("query", ["flow=car-road", "severity=huge", "unit=metres", "change=x"])
def test_a_filter_that_makes_no_sense_is_refused(reader, query):
    answer = reader.get(f"{STREETS}/compare/v1..v3/images/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_a_changed_image_says_how_much_changed(reader):
    rows = walk(reader, f"{STREETS}/compare/v1..v3/images/?order=name")
    assert [(row["severity"], row["changed_share"] > 0) for row in rows] == [
        ("moderate", True),
        ("none", False),
        ("major", True),
    ]
    # The added image has nothing to be measured against.
    assert rows[2]["quality_loss"] is None


def test_a_small_picture_of_a_change_is_asked_for_by_its_size(reader):
    url = f"{V1_TO_V2}/images/1/change.png"
    small, whole = reader.get(f"{url}?size=16"), reader.get(url)
    assert small.status_code == 200
    assert small["ETag"] != whole["ETag"]
    assert reader.get(f"{url}?size=1").status_code == 400


def test_pages_of_changed_images_lead_back(reader):
    first = reader.get(f"{STREETS}/compare/v1..v3/images/?limit=1").json()
    second = reader.get(first["next"]).json()
    assert reader.get(second["previous"]).json()["results"] == first["results"]


def test_one_image_is_compared_segment_by_segment(reader):
    body = reader.get(f"{V1_TO_V2}/images/1/").json()
    assert (body["name"], body["kind"], body["facets"]) == ("a.png", "changed", ["label"])
    car = next(row for row in body["changes"] if row["new"][0]["class_id"] == CAR)
    assert (car["kind"], car["old"][0]["area"], car["new"][0]["area"]) == ("reshaped", 2, 3)
    assert car["iou"] == pytest.approx(2 / 3)
    assert car["bbox"] == [1, 1, 3, 1]
    assert body["pixels"] == {"changed": 1, "hidden": 0, "total": 12}
    assert body["quality"]["pq"] is not None


def test_an_image_that_did_not_change_has_no_changes(reader):
    body = reader.get(f"{V1_TO_V2}/images/2/").json()
    assert (body["kind"], body["changes"]) == ("unchanged", [])


def test_an_image_without_labels_is_compared_too(reader):
    body = reader.get(f"{STREETS}/compare/v1..v3/images/3/").json()
    assert (body["kind"], body["changes"], body["quality"]) == ("removed", [], None)


def test_an_image_on_neither_side_is_not_found(reader):
    for rest in ("images/4/", "images/4/change.png", "images/77/"):
        assert reader.get(f"{V1_TO_V2}/{rest}").status_code == 404


def test_labels_of_two_sizes_are_compared(reader, world):
    commit_to(world.dataset, [ImageChange("a.png", label=put_label("12", {1: ROAD, 2: CAR}))])
    body = reader.get(f"{STREETS}/compare/v3..v4/images/1/").json()
    assert body["resized"] is True
    assert reader.get(f"{STREETS}/compare/v3..v4/images/1/change.png").status_code == 200


@pytest.mark.parametrize("spec", ["v1", "v1..", "..v1", "v1....v2", "v1..nowhere", ".."])
def test_a_comparison_that_names_no_two_versions_is_not_found(reader, spec):
    assert reader.get(f"{STREETS}/compare/{spec}/").status_code == 404


def test_a_large_comparison_is_pending_and_its_images_are_counted(reader, monkeypatch):
    monkeypatch.setattr(comparisons, "PAIRS_AT_ONCE", 0)
    monkeypatch.setattr(comparisons, "enqueue", lambda *args, **kwargs: Job.objects.create())
    body = reader.get(f"{V1_TO_V2}/").json()
    assert body["pending"] is True
    assert Job.objects.filter(pk=body["job"]).exists()
    assert body["images"]["changed"] == 1
    assert body["pixels"] is body["segments"] is body["class_flow"] is None
    listed = reader.get(f"{V1_TO_V2}/images/")
    assert (listed.json()["pending"], listed.json()["results"]) == (True, [])
    assert listed["Cache-Control"] == "no-store"
    assert "ETag" not in listed
