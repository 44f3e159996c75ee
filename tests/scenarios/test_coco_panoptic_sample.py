"""The official COCO panoptic sample through the whole house: import, export, compare."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from datasets_app.models import Version
from tests.real_data import real_data
from tests.scenarios.commands import run

pytestmark = pytest.mark.django_db


@pytest.fixture
def original() -> Path:
    return real_data("coco_panoptic_sample") / "panoptic_examples.json"


@pytest.fixture
def exported(original: Path, tmp_path: Path) -> Path:
    run("import_labels", "sample", original, "--format", "coco_panoptic", "--create")
    run("export_version", "sample", "v1", tmp_path / "out.json", "--format", "coco_panoptic")
    return tmp_path / "out.json"


def test_every_png_has_the_pixels_of_the_original(original: Path, exported: Path) -> None:
    for path in sorted(original.with_suffix("").glob("*.png")):
        ours = np.asarray(Image.open(exported.with_suffix("") / path.name))
        np.testing.assert_array_equal(ours, np.asarray(Image.open(path))[..., :3])


def test_every_segment_keeps_id_class_area_box_and_crowd(original: Path, exported: Path) -> None:
    assert _segments(exported) == _segments(original)


def test_images_keep_their_ids_and_names(original: Path, exported: Path) -> None:
    def images(path: Path) -> set[tuple[Any, ...]]:
        rows = json.loads(path.read_text())["images"]
        return {(row["id"], row["file_name"], row["height"], row["width"]) for row in rows}

    assert images(exported) == images(original)


def test_categories_keep_kind_and_colour(original: Path, exported: Path) -> None:
    def categories(path: Path) -> dict[int, tuple[Any, ...]]:
        rows = json.loads(path.read_text())["categories"]
        return {
            row["id"]: (row["name"], row["supercategory"], row["isthing"], tuple(row["color"]))
            for row in rows
        }

    assert categories(exported) == categories(original)


def test_importing_it_again_changes_nothing(original: Path, exported: Path) -> None:
    again = ("--format", "coco_panoptic", "--mode", "update")

    report = run("import_labels", "sample", exported, *again)

    assert report["version"] is None
    assert report["images"]["unchanged"] == 2
    assert Version.objects.count() == 1


def _segments(path: Path) -> dict[tuple[Any, int], tuple[Any, ...]]:
    return {
        (annotation["image_id"], segment["id"]): (
            segment["category_id"],
            segment["area"],
            tuple(segment["bbox"]),
            segment["iscrowd"],
        )
        for annotation in json.loads(path.read_text())["annotations"]
        for segment in annotation["segments_info"]
    }
