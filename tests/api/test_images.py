import pytest

from tests.api.builders import CAR, ROAD, STREETS, walk

V1 = f"{STREETS}/versions/v1"


def names(client, query: str) -> list[str]:
    return [row["name"] for row in walk(client, f"{V1}/images/{query}")]


def test_an_image_is_listed_with_its_digests(reader, world):
    row = reader.get(f"{V1}/images/").json()["results"][0]
    assert (row["number"], row["name"], row["width"], row["height"]) == (1, "a.png", 4, 3)
    assert (row["split"], row["status"], row["segment_count"]) == ("train", "labelled", 3)
    assert all(len(row[key]) == 64 for key in ("image_digest", "label_digest", "shape_digest"))


def test_what_an_image_does_not_have_is_null(reader):
    row = reader.get(f"{V1}/images/?name=c.png").json()["results"][0]
    assert row["label_digest"] is row["image_digest"] is row["width"] is None
    assert row["status"] == "unlabelled"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["a.png", "b.png", "c.png"]),
        ("?class=car", ["a.png", "b.png"]),
        ("?class=2", ["a.png", "b.png"]),
        ("?class=sky", ["a.png"]),
        ("?split=val", ["b.png", "c.png"]),
        ("?split=", []),
        ("?status=reviewed", ["b.png"]),
        ("?prefix=b", ["b.png"]),
        ("?name=c.png", ["c.png"]),
        ("?name=z.png", []),
        ("?class=car&split=val", ["b.png"]),
        ("?filter=class:car+-split:val", ["a.png"]),
        ("?filter=class:car+area>1000", []),
    ],
)
def test_a_filter_keeps_what_matches(reader, query, found):
    assert names(reader, query) == found


@pytest.mark.parametrize(
    "query",
    [
        "?class=bicycle",
        "?status=done",
        "?limit=0",
        "?limit=501",
        "?filter=class:bicycle",
        "?filter=split:val&split=val",
        "?filter=" + 2001 * "a",
    ],
)
def test_a_filter_that_means_nothing_is_refused(reader, query):
    assert reader.get(f"{V1}/images/{query}").status_code == 400


def test_what_is_wrong_in_a_filter_is_told_with_its_place(reader):
    body = reader.get(f"{V1}/images/?filter=split:val+areas>3").json()
    assert (body["code"], body["start"], body["end"]) == ("invalid_filter", 10, 17)


def test_one_image_has_its_segment_table(reader):
    body = reader.get(f"{V1}/images/2/").json()
    behind = body["segments"][1]
    assert (behind["id"], behind["class_id"], behind["class_name"]) == (2, CAR, "car")
    assert (behind["kind"], behind["layer"], behind["crowd"]) == ("thing", 1, False)
    assert (behind["area"], behind["visible_area"]) == (4, 3)
    assert behind["bbox"] == [1, 0, 2, 2]
    assert behind["track_id"] is behind["score"] is behind["origin"] is None


def test_one_image_has_its_attributes(reader):
    assert reader.get(f"{V1}/images/1/").json()["attributes"] == {"scene": "day"}


def test_an_image_without_a_label_has_no_segments(reader):
    body = reader.get(f"{V1}/images/3/").json()
    assert body["segments"] == []


def test_an_image_of_another_version_is_not_found(reader):
    assert reader.get(f"{V1}/images/4/").status_code == 404
    assert reader.get(f"{STREETS}/versions/v3/images/4/").json()["name"] == "night/d.png"


def test_the_history_of_an_image_is_newest_first(reader, world):
    rows = walk(reader, f"{STREETS}/versions/main/images/1/history/?limit=1")
    assert [(row["version"]["number"], row["kind"], row["facets"]) for row in rows] == [
        (2, "changed", ["label"]),
        (1, "added", []),
    ]


def test_a_removed_image_has_a_history(reader):
    rows = walk(reader, f"{STREETS}/versions/main/images/3/history/")
    assert [row["kind"] for row in rows] == ["removed", "added"]
    assert rows[0]["label_digest"] is None


def test_an_image_that_never_was_has_no_history(reader):
    assert reader.get(f"{STREETS}/versions/main/images/99/history/").status_code == 404


def test_stuff_and_things_are_told_apart(reader):
    kinds = {
        row["class_id"]: row["kind"] for row in reader.get(f"{V1}/images/1/").json()["segments"]
    }
    assert (kinds[ROAD], kinds[CAR]) == ("stuff", "thing")
