"""Views under a taxonomy version that forwards classes: stored labels never change."""

from dataclasses import replace

import pytest

from labels_app.actions.taxonomies import publish_version
from tests.api.builders import CAR, CLASSES, ROAD, SKY, STREETS, pixels_of
from tests.datasets_app.builders import commit_to

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


def test_the_segment_table_tells_both_classes(reader, forward):
    forward({CAR: ROAD, SKY: None})
    rows = {row["id"]: row for row in reader.get(f"{IMAGE}/").json()["segments"]}
    assert (rows[2]["class_id"], rows[2]["class_name"], rows[2]["stored_class_id"]) == (
        ROAD, "road", CAR,
    )  # fmt: skip
    assert rows[3]["class_id"] is rows[3]["class_name"] is rows[3]["kind"] is None


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


def test_statistics_that_do_not_add_are_null(reader, forward):
    forward({CAR: ROAD})
    rows = reader.get(f"{STREETS}/versions/main/stats/").json()["totals_by_class"]
    road = next(row for row in rows if row["class_id"] == ROAD)
    assert road["pixels"] == 8 + 8 + 4
    assert road["segments"] is road["images"] is None
