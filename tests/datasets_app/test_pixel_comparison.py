"""Sums over two versions against a count of pixels, and the sorted lists of changed images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datasets_app.actions import comparisons
from datasets_app.actions.comparisons import compute_pixel_comparison, get_pixel_comparison
from datasets_app.models import ComparedImage, Dataset, Job, JobState, PairDiff, Version
from datasets_app.numbering import find_numbers
from datasets_app.staging import ImageChange
from tests.builders import id_map
from tests.datasets_app.builders import author, commit_to, dataset, put_label

pytestmark = pytest.mark.django_db
# Class by segment id: 1 is road (stuff), 2 to 5 are cars, 6 is sky (stuff).
_CLASSES = {1: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 3}


@pytest.fixture
def streets() -> Dataset:
    return dataset()


def commit_drawings(streets: Dataset, drawings: dict[str, str | None]) -> Version:
    """Commit labels by image name; None deletes the image."""
    return commit_to(
        streets,
        [
            ImageChange(name, delete=True)
            if drawing is None
            else ImageChange(name, label=_label(drawing))
            for name, drawing in drawings.items()
        ],
    )


def _label(drawing: str) -> bytes:
    ids = set(np.unique(id_map(drawing)).tolist()) - {0}
    return put_label(drawing, {segment_id: _CLASSES[segment_id] for segment_id in ids})


OLD = {"same": "1122 11.6", "moved": "1122 1166", "gone": "33.", "kept": "22"}
NEW = {"moved": "1222 4466", "gone": None, "fresh": "55", "kept": "2."}


def test_segments_and_pixels_are_summed_over_all_changed_images(streets: Dataset) -> None:
    old, new = commit_drawings(streets, OLD), commit_drawings(streets, NEW)

    totals = compute_pixel_comparison(old, new).totals

    assert {kind: n for kind, n in totals["segments"].items() if n} == {
        "added": 2,  # car 4 in moved, car 5 in fresh
        "removed": 1,  # car 3 with its image
        "reshaped": 3,  # road and car 2 in moved, car 2 in kept
    }
    assert totals["pixels"] == {"changed": 3 + 2 + 2 + 1, "hidden": 0, "total": 8 + 8 + 3 + 2 + 2}


def test_class_flow_has_the_sums_of_both_versions(streets: Dataset) -> None:
    old, new = commit_drawings(streets, OLD), commit_drawings(streets, NEW)

    flow = compute_pixel_comparison(old, new).totals["class_flow"]

    # Images on one side only are void on the other.
    assert _sums(flow, "old_class") == _pixels_by_class(OLD, also_void=["55"])
    now = {**OLD, **NEW}
    held = {name: drawing for name, drawing in now.items() if drawing}
    assert _sums(flow, "new_class") == _pixels_by_class(held, also_void=["33."])


def test_unchanged_images_enter_quality_as_found(streets: Dataset) -> None:
    old = commit_drawings(streets, {"a": "12", "b": "12", "c": "12"})
    new = commit_drawings(streets, {"a": "1."})

    totals = compute_pixel_comparison(old, new).totals

    cars = next(row for row in totals["quality"]["per_class"] if row["class_id"] == 2)
    assert (cars["tp"], cars["fp"], cars["fn"]) == (2, 0, 1)
    changed = next(row for row in totals["quality_changed"]["per_class"] if row["class_id"] == 2)
    assert (changed["tp"], changed["fp"], changed["fn"]) == (0, 0, 1)


def test_images_on_one_side_only_do_not_enter_quality(streets: Dataset) -> None:
    old = commit_drawings(streets, {"a": "12", "gone": "12"})
    new = commit_drawings(streets, {"gone": None, "fresh": "12"})

    quality = compute_pixel_comparison(old, new).totals["quality"]

    assert quality["pq"] == 1.0
    assert sum(row["tp"] for row in quality["per_class"]) == 2


def test_how_much_there_is_to_compare_is_said_where_a_log_tells_it(streets: Dataset) -> None:
    first = commit_drawings(streets, {"a": "12", "b": "12"})
    second = commit_drawings(streets, {"a": "1."})
    third = commit_drawings(streets, {"b": "1."})
    told: list[tuple[int, int | None, str]] = []

    for old, new in ((first, second), (first, third)):
        compute_pixel_comparison(old, new, lambda *step: told.append(step))

    assert told == [(1, 1, "images compared"), (2, None, "images compared")]


def test_equal_versions_differ_in_nothing(streets: Dataset) -> None:
    version = commit_drawings(streets, OLD)

    totals = compute_pixel_comparison(version, version).totals

    assert not any(totals["segments"].values())
    assert (totals["pixels"]["changed"], totals["quality"]["pq"]) == (0, 1.0)


def test_a_comparison_of_nothing_is_undefined_not_zero(streets: Dataset) -> None:
    version = commit_to(streets, [ImageChange("a", split="val")])

    quality = compute_pixel_comparison(version, version).totals["quality"]

    assert (quality["pq"], quality["sq"], quality["rq"], quality["miou"]) == (None,) * 4


def test_changed_images_are_listed_most_changed_first(streets: Dataset) -> None:
    old, new = commit_drawings(streets, OLD), commit_drawings(streets, NEW)
    comparison = compute_pixel_comparison(old, new)
    numbers = {number: name for name, number in find_numbers(streets.pk, [*OLD, *NEW]).items()}

    listed = ComparedImage.objects.filter(comparison=comparison, key="").order_by(
        "-changed_pixels", "image_no"
    )

    assert [(numbers[row.image_no], row.changed_pixels) for row in listed] == [
        ("moved", 3), ("gone", 2), ("fresh", 2), ("kept", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("kind:added", {"fresh"}),
        ("kind:removed", {"gone"}),
        ("kind:changed", {"moved", "kept"}),
        ("facet:label", {"moved", "kept"}),
        ("change:reshaped", {"moved", "kept"}),
        ("change:added", {"moved", "fresh"}),
        ("class:2", {"moved", "gone", "fresh", "kept"}),
        ("class:1", {"moved"}),
        ("class:3", set()),
    ],
)
def test_changed_images_are_listed_by_key(streets: Dataset, key: str, names: set[str]) -> None:
    old, new = commit_drawings(streets, OLD), commit_drawings(streets, NEW)
    comparison = compute_pixel_comparison(old, new)
    numbers = {number: name for name, number in find_numbers(streets.pk, [*OLD, *NEW]).items()}

    found = ComparedImage.objects.filter(comparison=comparison, key=key)

    assert {numbers[row.image_no] for row in found} == names


def test_a_pair_of_labels_is_compared_once_for_all_versions(
    streets: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = commit_drawings(streets, {"a": "12", "b": "12"})
    second = commit_drawings(streets, {"a": "1.", "b": "1."})
    compute_pixel_comparison(first, second)
    assert PairDiff.objects.count() == 1
    monkeypatch.setattr("datasets_app.pixels.pairs.count_shard", None)

    third = commit_to(streets, [ImageChange("a", split="val")])

    assert compute_pixel_comparison(first, third).totals["pixels"]["changed"] == 2


def test_a_small_comparison_is_ready_at_once(streets: Dataset) -> None:
    old, new = commit_drawings(streets, OLD), commit_drawings(streets, NEW)

    assert get_pixel_comparison(old, new, actor=author()).is_ready
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_large_comparison_is_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    streets = dataset()
    old, new = commit_drawings(streets, OLD), commit_drawings(streets, NEW)
    monkeypatch.setattr(comparisons, "PAIRS_AT_ONCE", 1)
    expected = compute_pixel_comparison(old, new).totals
    old.refresh_from_db()
    comparisons.find_pixel_comparison(old, new).delete()
    PairDiff.objects.all().delete()

    comparison = get_pixel_comparison(old, new, actor=author())

    assert Job.objects.get().state == JobState.DONE
    assert comparison.totals == expected


def test_what_is_kept_is_not_computed_again(
    streets: Dataset, django_assert_num_queries: Any
) -> None:
    old, new = commit_drawings(streets, OLD), commit_drawings(streets, NEW)
    actor = author()
    get_pixel_comparison(old, new, actor=actor)

    with django_assert_num_queries(1):
        get_pixel_comparison(old, new, actor=actor)


def _sums(flow: list[dict[str, Any]], side: str) -> dict[int | None, int]:
    sums: dict[int | None, int] = {}
    for row in flow:
        if row["pixels"]:
            sums[row[side]] = sums.get(row[side], 0) + row["pixels"]
    return sums


def _pixels_by_class(drawings: dict[str, str], also_void: list[str]) -> dict[int | None, int]:
    sums: dict[int | None, int] = {}
    for drawing in drawings.values():
        for segment_id in id_map(drawing).ravel().tolist():
            class_id = _CLASSES.get(segment_id)
            sums[class_id] = sums.get(class_id, 0) + 1
    for drawing in also_void:
        sums[None] = sums.get(None, 0) + id_map(drawing).size
    return sums
