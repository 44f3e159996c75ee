"""Comparing versions of several taxonomy versions: what people did, and what the taxonomy did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datasets_app.actions.comparisons import (
    compute_pixel_comparison,
    find_pixel_comparison,
    get_pixel_comparison,
)
from datasets_app.entries import Entry
from datasets_app.image_lists import list_images
from datasets_app.jobs.running import run_job
from datasets_app.models import Dataset, Job, PairDiff, Version
from datasets_app.models.pixel_comparison import ComparedImage, PixelComparison
from datasets_app.numbering import names_of
from datasets_app.pixels.counting import both_labels
from datasets_app.pixels.images import diff_image
from datasets_app.pixels.totals import flow_json, quality_json
from datasets_app.taxonomy_access import get_read_by
from datasets_app.unions import counting
from labels_app.reading import Reading
from labels_app.revisions import get_labels
from panoptic.diff import DiffSummary, diff_labels
from panoptic.flow import ClassFlow
from panoptic.label import Label
from panoptic.metrics.boundary import BoundaryTally, boundary_quality
from panoptic.metrics.panoptic import PanopticTally, panoptic_quality
from panoptic.reading import read_label
from tests.builders import label
from tests.datasets_app.builders import author, commit_to, dataset
from tests.datasets_app.curated import (
    CAR,
    CASES,
    CLASSES,
    MERGE,
    NO_SKY,
    RENAME,
    ROAD,
    SKY,
    Case,
    drawn_labels,
    move,
    publish,
    put,
    random_label,
    road_and_car,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Dataset:
    return dataset(drawing=CLASSES)


# ---- what people did --------------------------------------------------------


@pytest.fixture(params=CASES, ids=str)
def wanted(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def edited(wanted: Case) -> tuple[Version, Version]:
    """Two versions: labels were changed, added and removed, then the taxonomy was moved."""
    place = dataset(drawing=CLASSES)
    drawn = [*drawn_labels(), *map(random_label, range(8))]
    names = [f"{number}.png" for number in range(len(drawn))]
    old = put(place, dict(zip(names, drawn, strict=True)))
    again = [*map(random_label, range(20, 24))]
    changed = zip(["0.png", "6.png", "7.png", "new.png"], again, strict=True)
    put(place, {**dict(changed), "1.png": None})
    for operations in wanted.drafts:
        published = publish(place, operations)
    return old, commit_to(place, [], taxonomy_version=published)


def test_sums_are_those_of_all_read_labels(edited: tuple[Version, Version]) -> None:
    old, new = edited
    reading = get_read_by([old, new], user=None).reading

    totals = compute_pixel_comparison(old, new).totals

    assert rounded(totals) == rounded(recount(old, new, reading))


def test_comparing_back_is_the_mirror(edited: tuple[Version, Version]) -> None:
    old, new = edited

    there = compute_pixel_comparison(old, new).totals
    back = compute_pixel_comparison(new, old).totals

    assert back["pixels"] == there["pixels"]
    mirrored = [
        row | {"old_class": row["new_class"], "new_class": row["old_class"]}
        for row in there["class_flow"]
    ]
    assert _rows(back["class_flow"]) == _rows(mirrored)


def recount(old: Version, new: Version, reading: Reading) -> dict[str, Any]:
    """What the sums of two versions are, image by image."""
    before, after = entries(old), entries(new)
    summary, flow, present = DiffSummary(), ClassFlow(), ClassFlow()
    quality, changed_flow, changed_quality = PanopticTally(), ClassFlow(), PanopticTally()
    boundaries, changed_boundaries = BoundaryTally(), BoundaryTally()
    for name in before.keys() | after.keys():
        sides = [read(side.get(name), reading) for side in (before, after)]
        kinds = reading.label_reading.kinds
        diff = diff_labels(*both_labels(*sides), kinds=kinds)
        summary, flow = summary + diff.summary(), flow + diff.flow
        if None in sides:
            continue
        tally = panoptic_quality(*sides, kinds)
        quality, present = quality + tally, present + diff.flow
        bands = boundary_quality(*sides)
        boundaries += bands
        if before[name].label != after[name].label:
            changed_flow, changed_quality = changed_flow + diff.flow, changed_quality + tally
            changed_boundaries += bands
    return {
        "segments": {kind.value: count for kind, count in summary.changes.items()},
        "pixels": {
            "changed": summary.changed_pixels,
            "hidden": summary.hidden_pixels,
            "total": summary.total_pixels,
        },
        "class_flow": flow_json(flow),
        "quality": quality_json(quality, present, boundaries),
        "quality_changed": quality_json(changed_quality, changed_flow, changed_boundaries),
    }


def rounded(plain: Any) -> Any:
    """Forget in which order the classes of a mean were added."""
    return json.loads(json.dumps(plain), parse_float=lambda text: round(float(text), 9))


def read(entry: Entry | None, reading: Reading) -> Label | None:
    if entry is None or entry.label is None:
        return None
    return read_label(get_labels([entry.label])[entry.label], reading.label_reading)


def entries(version: Version) -> dict[str, Entry]:
    return {row.name: row.entry for row in list_images(version, limit=100).rows}


def _rows(flow: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(str(row[key]) for key in sorted(row)) for row in flow)


def test_a_relabelled_class_that_reads_the_same_is_no_change(place: Dataset) -> None:
    old = put(place, {"a": label("12", {1: ROAD, 2: CAR}), "b": road_and_car()})
    move(place, {"op": "merge", "classes": ["van", "car"], "into": "car"})
    new = put(place, {"a": label("12", {1: ROAD, 2: CAR}, scores={2: 0.5})})

    totals = compute_pixel_comparison(old, new).totals

    assert totals["pixels"]["changed"] == 0
    assert totals["segments"]["attributes"] == 1


def test_what_reads_as_void_is_told_by_no_side(place: Dataset) -> None:
    old = put(place, {"a": label("15", {1: ROAD, 5: SKY})})
    move(place, NO_SKY)
    new = put(place, {"a": road_and_car("13")})

    [change] = [c for c in diff_image(old, new, "a").to_json()["changes"] if c["kind"] == "added"]

    assert change["old"] == []
    assert (change["new"][0]["class_id"], change["new"][0]["class_name"]) == (CAR, "car")


def test_changes_are_told_in_live_classes(place: Dataset) -> None:
    old = put(place, {"a": label("1122", {1: ROAD, 2: CAR})})
    put(place, {"a": label("1222", {1: ROAD, 2: CAR})})
    new = merged = move(place, MERGE)
    ground = next(
        spec for spec in get_read_by([merged], user=None).reading.live_classes
        if spec.name == "ground"
    )  # fmt: skip

    changes = diff_image(old, new, "a").to_json()["changes"]

    sides = [side for change in changes for side in change["old"] + change["new"]]
    assert {(side["class_id"], side["class_name"]) for side in sides} == {
        (CAR, "car"), (ground.class_id, "ground"),
    }  # fmt: skip


def test_changed_images_are_listed_by_live_class(place: Dataset) -> None:
    old = put(place, {"a": road_and_car("1133"), "b": road_and_car("2233")})
    put(place, {"a": road_and_car("1333"), "b": road_and_car("2333")})
    new = move(place, MERGE)
    comparison = compute_pixel_comparison(old, new)
    reading = get_read_by([old, new], user=None).reading
    ground = next(spec.class_id for spec in reading.live_classes if spec.name == "ground")

    listed = ComparedImage.objects.filter(comparison=comparison, key=f"class:{ground}")

    found = names_of(place.pk, list(listed.values_list("image_no", flat=True)))
    assert sorted(found.values()) == ["a", "b"]
    assert not ComparedImage.objects.filter(comparison=comparison, key=f"class:{ROAD}").exists()


# ---- what is kept -----------------------------------------------------------


def test_renaming_a_class_loses_no_compared_pair(
    place: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = put(place, {"a": road_and_car("1133")})
    new = put(place, {"a": road_and_car("1333")})
    before = compute_pixel_comparison(old, new).totals
    moved = move(place, RENAME)
    monkeypatch.setattr("datasets_app.pixels.pairs.count_shard", None)

    after = compute_pixel_comparison(old, moved).totals

    assert PairDiff.objects.count() == 1
    assert after == before


def test_another_taxonomy_is_another_comparison(place: Dataset) -> None:
    old = put(place, {"a": road_and_car("1133")})
    new = put(place, {"a": road_and_car("2333")})
    publish(place, (MERGE,))
    under = get_read_by([old, new], user=None, under=place.taxonomy.slug)

    own = get_pixel_comparison(old, new, actor=author()).totals
    merged = get_pixel_comparison(old, new, actor=author(), read_by=under).totals

    assert (own["pixels"]["changed"], merged["pixels"]["changed"]) == (2, 1)
    assert PixelComparison.objects.count() == 2
    assert find_pixel_comparison(old, new).totals == own


def test_unions_that_take_long_are_left_to_the_job(
    place: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    # "a" holds both sources, "c" none: only a look at the images tells how many hold any.
    old = put(place, {"a": road_and_car("12"), "b": road_and_car("1"), "c": road_and_car("3")})
    new = move(place, MERGE)
    monkeypatch.setattr(counting, "IMAGES_AT_ONCE", 0)

    waiting = get_pixel_comparison(old, new, actor=author())
    assert (waiting.is_ready, waiting.job.kind) == (False, "compare")
    run_job(str(waiting.job.pk))

    ready = get_pixel_comparison(old, new, actor=author())
    reading = get_read_by([old, new], user=None).reading
    assert ready.totals == recount(old, new, reading)


def test_a_job_reads_by_what_was_asked_for(place: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    old = put(place, {"a": road_and_car("1133"), "b": road_and_car("1133")})
    new = put(place, {"a": road_and_car("2333"), "b": road_and_car("1333")})
    publish(place, (MERGE,))
    under = get_read_by([old, new], user=None, under=place.taxonomy.slug)
    monkeypatch.setattr("datasets_app.actions.comparisons.PAIRS_AT_ONCE", 0)

    waiting = get_pixel_comparison(old, new, actor=author(), read_by=under)
    run_job(str(waiting.job.pk))

    assert Job.objects.get(pk=waiting.job.pk).problem is None
    ready = find_pixel_comparison(old, new, under.reading)
    assert ready.totals == recount(old, new, under.reading)
