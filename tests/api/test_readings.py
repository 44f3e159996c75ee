"""Views under a taxonomy version that forwards classes: stored labels never change."""

from dataclasses import replace

import pytest

from datasets_app.models import Job
from datasets_app.staging import ImageChange
from datasets_app.unions import counting
from labels_app.actions.taxonomies import publish_version
from tests.api.builders import CAR, CLASSES, ROAD, SKY, STREETS, pixels_of
from tests.datasets_app.builders import commit_to, put_label

IMAGE = f"{STREETS}/versions/main/images/1"  # "3333 1222 1111": road 1, car 2, sky 3


@pytest.fixture
def forward(world):
    """Retire classes: each reads as another one, or as void."""

    def retire(successors):
        classes = [
            replace(spec, retired=True, forwards_to=successors[spec.class_id])
            if spec.class_id in successors
            else spec
            for spec in CLASSES
        ]
        version = publish_version(
            taxonomy=world.dataset.taxonomy, classes=classes, actor=None, message="Fewer"
        )
        return commit_to(world.dataset, [], taxonomy_version=version)

    return retire


def test_segments_that_read_as_one_stuff_class_are_one_segment(reader, forward):
    forward({CAR: ROAD, SKY: None})
    body = reader.get(f"{IMAGE}/panoptic.json").json()
    assert [(row["id"], row["category_id"], row["area"]) for row in body["segments_info"]] == [
        (1, ROAD, 8)
    ]
    assert pixels_of(reader.get(f"{IMAGE}/panoptic.png").content)[..., 0].tolist() == [
        [0] * 4, [1] * 4, [1] * 4,
    ]  # fmt: skip


def test_what_reads_as_void_is_void_in_the_semantic_view(reader, forward):
    forward({SKY: None})
    pixels = pixels_of(reader.get(f"{IMAGE}/semantic.png?void=9").content)
    assert pixels.tolist() == [[9] * 4, [ROAD, CAR, CAR, CAR], [ROAD] * 4]


def test_the_segment_table_has_what_is_read(reader, forward):
    forward({CAR: ROAD, SKY: None})
    rows = reader.get(f"{IMAGE}/").json()["segments"]
    assert [(row["id"], row["class_id"], row["class_name"], row["area"]) for row in rows] == [
        (1, ROAD, "road", 8)
    ]


def test_a_segment_tells_what_it_was_labelled_as(reader, forward):
    forward({SKY: CAR})
    rows = reader.get(f"{IMAGE}/").json()["segments"]
    assert [(row["id"], row["class_id"], row["stored_class_id"], row["crowd"]) for row in rows] == [
        (1, ROAD, ROAD, False), (2, CAR, CAR, False), (3, CAR, SKY, True),
    ]  # fmt: skip


def test_lists_count_the_segments_that_are_read(reader, forward):
    forward({CAR: ROAD, SKY: None})
    rows = reader.get(f"{STREETS}/versions/main/images/").json()["results"]
    assert {row["name"]: row["segment_count"] for row in rows} == {
        "a.png": 1, "b.png": 1, "night/d.png": 1,
    }  # fmt: skip


def test_stuff_that_reads_as_a_thing_is_a_crowd(reader, forward):
    forward({SKY: CAR})
    rows = reader.get(f"{IMAGE}/instances.json").json()["instances"]
    assert [(row["id"], row["class_id"], row["crowd"]) for row in rows] == [
        (2, CAR, False),
        (3, CAR, True),
    ]


def test_another_reading_is_another_etag(reader, forward):
    before = reader.get(f"{IMAGE}/semantic.png")["ETag"]
    forward({CAR: ROAD})
    assert reader.get(f"{IMAGE}/semantic.png")["ETag"] != before


def test_a_filter_by_class_finds_what_reads_as_it(reader, forward):
    forward({SKY: CAR})
    rows = reader.get(f"{STREETS}/versions/main/images/?class=car").json()["results"]
    assert [row["name"] for row in rows] == ["a.png", "b.png", "night/d.png"]


def test_statistics_that_do_not_add_are_counted(reader, forward):
    forward({CAR: ROAD})
    body = reader.get(f"{STREETS}/versions/main/stats/").json()
    road = next(row for row in body["totals_by_class"] if row["class_id"] == ROAD)
    assert (road["images"], road["segments"], road["pixels"]) == (3, 3, 8 + 8 + 4)
    assert (body["pending"], body["job"]) == (False, None)


def test_statistics_that_are_not_counted_yet_are_null_and_not_kept(
    world, reader, forward, monkeypatch
):
    monkeypatch.setattr(counting, "IMAGES_AT_ONCE", 0)
    alone = [
        ImageChange("e.png", label=put_label("3", {3: SKY})),
        ImageChange("f.png", label=put_label("1", {1: ROAD})),
    ]
    commit_to(world.dataset, alone)
    forward({CAR: SKY})
    response = reader.get(f"{STREETS}/versions/main/stats/")
    sky = next(row for row in response.json()["totals_by_class"] if row["class_id"] == SKY)
    assert sky["segments"] is sky["images"] is None
    assert (sky["pixels"], response.json()["pending"]) == (14, True)
    assert Job.objects.filter(pk=response.json()["job"]).exists()
    assert response["Cache-Control"] == "no-store"
