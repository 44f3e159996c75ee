"""What the taxonomy did between two versions: told from classes and statistics alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets_app.actions.comparisons import compute_pixel_comparison, get_pixel_comparison
from datasets_app.comparison import count_images
from datasets_app.errors import TaxonomiesDiffer, UnknownClass
from datasets_app.models import Dataset, TreeNode, Version
from datasets_app.taxonomy_access import get_read_by
from datasets_app.taxonomy_comparison import compare_taxonomies
from store_app import reading as store_reading
from tests.builders import label
from tests.datasets_app.builders import author, dataset
from tests.datasets_app.curated import (
    CAR,
    CLASSES,
    GRASS,
    MERGE,
    NO_SKY,
    RENAME,
    ROAD,
    SKY,
    move,
    put,
    road_and_car,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Dataset:
    return dataset(drawing=CLASSES)


@pytest.fixture
def locked_store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let every read of the store fail, once called."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the store was read")

    def lock() -> None:
        monkeypatch.setattr(store_reading, "read_locations", refuse)
        monkeypatch.setattr(store_reading, "get_locations", refuse)

    return lock


# ---- what the taxonomy did --------------------------------------------------


def test_a_renamed_class_is_one_line_and_no_image(place: Dataset) -> None:
    old = put(place, {"a": road_and_car(), "b": road_and_car()})
    new = move(place, RENAME)

    body = told(old, new)

    assert [(row["kind"], row["class"], row["name"]) for row in body["changes"]] == [
        ("renamed", CAR, "auto")
    ]
    assert (body["same"], body["rules_changed"]) == (False, False)
    assert all(row["old_class"] == row["new_class"] for row in body["class_flow"])
    assert count_images(old, new).changed == 0
    assert compute_pixel_comparison(old, new).totals["pixels"]["changed"] == 0


def test_the_flow_of_the_taxonomy_is_that_of_the_old_labels(place: Dataset) -> None:
    old = put(place, {"a": road_and_car("1122355."), "b": road_and_car("15")})
    moved = move(place, MERGE, NO_SKY)
    new = put(place, {"a": road_and_car("33333333")})
    reading = get_read_by([moved], user=None).reading
    ground = next(spec.class_id for spec in reading.live_classes if spec.name == "ground")

    flow = told(old, new)["class_flow"]

    assert [tuple(row.values()) for row in flow] == [
        (None, None, 1),
        (ROAD, ground, 3),
        (GRASS, ground, 2),
        (CAR, CAR, 1),
        (SKY, None, 3),
    ]


def test_equal_taxonomies_did_nothing(place: Dataset, django_assert_num_queries: Any) -> None:
    old = put(place, {"a": road_and_car()})
    new = put(place, {"a": road_and_car("1333")})
    read_by = get_read_by([old, new], user=None)

    with django_assert_num_queries(0):
        body = compare_taxonomies(old, new, read_by).to_json()

    assert (body["same"], body["changes"], body["class_flow"]) == (True, [], [])


def test_going_back_retires_what_was_not_there_yet(place: Dataset) -> None:
    old = put(place, {"a": road_and_car()})
    new = move(place, {"op": "add", "name": "tree", "kind": "stuff"})

    assert [row["kind"] for row in told(old, new)["changes"]] == ["added"]
    assert [(row["kind"], row["name"]) for row in told(new, old)["changes"]] == [
        ("retired", "tree")
    ]


def test_both_ways_are_read_by_the_later_taxonomy_version(place: Dataset) -> None:
    old = put(place, {"a": road_and_car()})
    new = move(place, RENAME)

    later = {"slug": place.taxonomy.slug, "number": 2}
    assert told(old, new)["read_by"] == told(new, old)["read_by"] == later


def test_a_change_is_told_in_words(place: Dataset) -> None:
    old = put(place, {"a": road_and_car()})
    new = move(
        place, RENAME, MERGE, NO_SKY,
        {"op": "recolor", "class": "van", "color": "#123456"},
        {"op": "flip", "class": "van"},
        {"op": "add", "name": "tree", "kind": "stuff"},
        {"op": "split", "class": "auto", "into": ["sedan", "tree"]},
    )  # fmt: skip
    read_by = get_read_by([old, new], user=None)

    lines = compare_taxonomies(old, new, read_by).sentences()

    assert lines == [
        "merged: road, grass → ground",
        "split: car → sedan, tree",
        "retired: sky → void",
        "flipped: van, thing → stuff",
        "renamed: car → auto",
    ]


@pytest.mark.parametrize("operation", [RENAME, MERGE, NO_SKY, {"op": "flip", "class": "road"}])
def test_a_migration_costs_the_same_at_any_size(
    operation: dict[str, Any], locked_store: Any
) -> None:
    counts = []
    versions = []
    for size in (3, 40):
        place = dataset(drawing=CLASSES)
        labels = [road_and_car("125"), road_and_car("1"), road_and_car("23")]
        old = put(place, {f"{number}": labels[number % 3] for number in range(size)})
        versions.append((old, move(place, operation)))
    locked_store()
    for old, new in versions:
        with CaptureQueriesContext(connection) as queries:
            assert told(old, new)["changes"]
            assert count_images(old, new).changed == 0
        assert not [one for one in queries if TreeNode._meta.db_table in one["sql"]]
        with CaptureQueriesContext(connection) as more:
            assert get_pixel_comparison(old, new, actor=author()).is_ready
        counts.append((len(queries), len(more)))
    assert counts[0] == counts[1]


def test_the_taxonomy_is_told_by_one_query(place: Dataset, django_assert_num_queries: Any) -> None:
    old = put(place, {"a": road_and_car()})
    new = move(place, MERGE)
    read_by = get_read_by([old, new], user=None)
    compare_taxonomies(old, new, read_by)

    with django_assert_num_queries(1):
        compare_taxonomies(old, new, read_by)


def told(old: Version, new: Version) -> dict[str, Any]:
    return compare_taxonomies(old, new, get_read_by([old, new], user=None)).to_json()


# ---- what cannot be read ----------------------------------------------------


def test_a_taxonomy_version_that_lacks_classes_is_refused_with_counts(place: Dataset) -> None:
    put(place, {"a": road_and_car()})
    tree = move(place, {"op": "add", "name": "tree", "kind": "stuff"}).taxonomy_version
    number = tree.classes.get(name="tree").class_id
    held = put(place, {"b": label("12", {1: number, 2: CAR}), "c": label("1", {1: number})})

    with pytest.raises(UnknownClass) as refused:
        get_read_by([held], user=None, under=f"{place.taxonomy.slug}@1")

    assert refused.value.segments == {number: 2}


def test_classes_that_no_label_holds_are_not_missed(place: Dataset) -> None:
    version = put(place, {"a": road_and_car()})
    moved = move(place, {"op": "add", "name": "tree", "kind": "stuff"})

    read_by = get_read_by([version, moved], user=None, under=f"{place.taxonomy.slug}@1")

    assert read_by.number == 1


def test_versions_of_two_taxonomies_are_not_compared(place: Dataset) -> None:
    old = put(place, {"a": road_and_car()})
    other = put(dataset(drawing=CLASSES), {"a": road_and_car()})

    with pytest.raises(TaxonomiesDiffer):
        get_read_by([old, other], user=None)
