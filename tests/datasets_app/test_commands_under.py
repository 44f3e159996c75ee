"""The operator's commands tell what a taxonomy did, and read by the one that is named."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from datasets_app.models import Dataset
from datasets_app.staging import ImageChange
from tests.datasets_app.builders import commit_to, dataset, put_label
from tests.datasets_app.curated import CLASSES, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def streets() -> Dataset:
    """v1 and v2 have other labels; v3 moves to version 2 of the taxonomy, where car is auto."""
    place = dataset("streets", drawing=CLASSES)
    commit_to(place, [ImageChange("a.png", label=put_label("1133", {1: 1, 3: 3}))])
    commit_to(place, [ImageChange("a.png", label=put_label("1134", {1: 1, 3: 3, 4: 4}))])
    operations: tuple[dict[str, Any], ...] = (
        {"op": "rename", "class": "car", "name": "auto"},
        {"op": "merge", "classes": ["van", "auto"], "into": "auto"},
    )
    commit_to(place, [], taxonomy_version=publish(place, operations), message="Fewer classes")
    return place


def told(*arguments: object) -> list[str]:
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=io.StringIO())
    return [line.rstrip() for line in out.getvalue().splitlines()]


def document(*arguments: object) -> Any:
    return json.loads("\n".join(told(*arguments, "--json")))


@pytest.mark.parametrize("more", [[], ["--stat"]])
def test_a_diff_tells_the_taxonomy_first(streets: Dataset, more: list[str]) -> None:
    slug = streets.taxonomy.slug

    assert told("diff", "streets", "v2", "v3", *more)[:5] == [
        f"taxonomy {slug} 1 → 2",
        "  merged: car, van → auto",
        "  renamed: car → auto",
        "images:   0 added, 0 removed, 0 changed, 1 unchanged",
        "segments: no change",
    ]


def test_a_diff_of_one_taxonomy_does_not_mention_it(streets: Dataset) -> None:
    assert told("diff", "streets", "v1", "v2", "--stat")[0].startswith("images:")


def test_a_diff_is_read_by_the_taxonomy_that_is_named(streets: Dataset) -> None:
    own = document("diff", "streets", "v1", "v2")
    merged = document("diff", "streets", "v1", "v2", "--taxonomy", streets.taxonomy.slug)

    assert merged["taxonomy"]["read_by"]["number"] == 2
    assert {row["new_class"] for row in merged["class_flow"]} == {1, 3}
    assert {row["new_class"] for row in own["class_flow"]} == {1, 3, 4}


def test_an_image_is_compared_by_the_taxonomy_that_is_named(streets: Dataset) -> None:
    def names(*more: object) -> set[str]:
        body = document("diff", "streets", "v1", "v2", "--image", "a.png", *more)
        return {side["class_name"] for row in body["changes"] for side in row["new"]}

    assert names() == {"car", "van"}
    assert names("--taxonomy", streets.taxonomy.slug) == {"auto"}


def test_a_log_names_migrations(streets: Dataset) -> None:
    slug = streets.taxonomy.slug

    lines = told("log", "streets")

    assert lines[0].endswith("Fewer classes")
    assert lines[1].strip() == f"taxonomy {slug} 1 → 2"
    assert len(lines) == 4
    assert told("log", "streets", "--limit", 1) == lines[:2]
    assert [row["taxonomy_before"] for row in document("log", "streets")] == [1, None, None]


def test_statistics_are_read_by_the_taxonomy_that_is_named(streets: Dataset) -> None:
    def classes(*more: object) -> dict[str, tuple[int, int]]:
        rows = document("stats", "streets", "v2", *more)["classes"]
        return {row["class_name"]: (row["segments"], row["pixels"]) for row in rows}

    assert classes() == {"road": (1, 2), "car": (1, 1), "van": (1, 1)}
    assert classes("--taxonomy", f"{streets.taxonomy.slug}@2") == {"road": (1, 2), "auto": (2, 2)}


def test_statistics_for_people_name_its_classes(streets: Dataset) -> None:
    lines = told("stats", "streets", "v2", "--taxonomy", f"{streets.taxonomy.slug}@2")

    assert any(line.split() == ["auto", "thing", "1", "2", "0", "2"] for line in lines)
    assert lines[-1] == "1 images, 0 of them unlabelled; 3 segments"


def test_an_export_is_read_by_the_taxonomy_that_is_named(streets: Dataset, tmp_path: Path) -> None:
    told(
        "export_version", "streets", "v2", tmp_path / "x.json",
        "--format", "coco_panoptic", "--taxonomy", f"{streets.taxonomy.slug}@2",
        "--filter", "class:auto",
    )  # fmt: skip

    body = json.loads((tmp_path / "x.json").read_text())
    assert [row["name"] for row in body["categories"]] == ["road", "grass", "auto", "sky"]
    assert len(body["annotations"][0]["segments_info"]) == 3


def test_a_taxonomy_that_is_not_there_is_named(streets: Dataset) -> None:
    with pytest.raises(CommandError, match=r"no taxonomy version 'nowhere@1'.*\[not_found\]"):
        told("stats", "streets", "v2", "--taxonomy", "nowhere@1")
