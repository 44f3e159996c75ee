"""The official COCO sample read and exported under the 19 classes of Cityscapes, pixel by pixel."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from datasets_app.image_lists import list_images
from datasets_app.models import Dataset, Version
from datasets_app.taxonomy_access import get_reading
from datasets_app.views_of_labels import view_panoptic_png, view_semantic_png
from labels_app.actions.mappings import create_mapping
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.presets import preset_classes
from labels_app.presets.mappings import get_mapping
from people_app.models import User
from tests.real_data import real_data
from tests.scenarios.commands import run

pytestmark = pytest.mark.django_db

VOID = 255


class Expected(NamedTuple):
    """What an image shows by Cityscapes: segment ids, train ids, and the segments by id."""

    ids: np.ndarray
    train_ids: np.ndarray
    segments: dict[int, tuple[str, int, int]]


@pytest.fixture
def original() -> Path:
    return real_data("coco_panoptic_sample") / "panoptic_examples.json"


@pytest.fixture
def sample(original: Path) -> Version:
    """The sample in a taxonomy of COCO's classes, with the proposed mapping to Cityscapes."""
    actor = User.objects.create(username="ada")
    taxonomies = {
        key: create_taxonomy(slug=key, classes=preset_classes(key), actor=actor)
        for key in ("coco", "cityscapes19")
    }
    run(
        "import_labels", "sample", original,
        "--format", "coco_panoptic", "--create", "--taxonomy", "coco@1",
    )  # fmt: skip
    create_mapping(
        source=taxonomies["coco"],
        target=taxonomies["cityscapes19"],
        entries=get_mapping("coco", "cityscapes19").targets,
        actor=actor,
    )
    return Version.objects.get(dataset=Dataset.objects.get(slug="sample"))


def by_hand(original: Path) -> dict[str, Expected]:
    """Relabel the files of the sample: names by COCO, then by the mapping, with numpy alone."""
    body = json.loads(original.read_text())
    coco_names = {row["id"]: row["name"] for row in body["categories"]}
    city = {spec.name: spec for spec in preset_classes("cityscapes19")}
    targets = get_mapping("coco", "cityscapes19").targets
    expected = {}
    file_names = {row["id"]: row["file_name"] for row in body["images"]}
    for annotation in body["annotations"]:
        stored = ids_of(original.with_suffix("") / annotation["file_name"])
        ids, train_ids = np.zeros_like(stored), np.full(stored.shape, VOID)
        stuff: dict[str, int] = {}
        crowds: dict[int, int] = {}
        for row in sorted(annotation["segments_info"], key=lambda row: row["id"]):
            name = targets[coco_names[row["category_id"]]]
            if name is None:
                continue
            is_thing = city[name].kind == "thing"
            root = row["id"] if is_thing else stuff.setdefault(name, row["id"])
            mask = stored == row["id"]
            ids[mask], train_ids[mask] = root, city[name].external["cityscapes_train"]
            crowds[root] = row["iscrowd"] if is_thing else 0
        segments = {
            root: (train_ids[ids == root][0], int((ids == root).sum()), crowds[root])
            for root in np.unique(ids[ids > 0]).tolist()
        }
        expected[file_names[annotation["image_id"]]] = Expected(ids, train_ids, segments)
    return expected


def ids_of(source: Any) -> np.ndarray:
    with Image.open(source) as picture:
        rgb = np.asarray(picture)[..., :3].astype(np.uint32)
    return rgb[..., 0] + 256 * rgb[..., 1] + 65536 * rgb[..., 2]


def test_semantic_pngs_agree_with_a_map_by_hand(original: Path, sample: Version) -> None:
    reading = get_reading(sample, user=None, under="cityscapes19@1")
    expected = by_hand(original)

    for row in list_images(sample, limit=10).rows:
        view = view_semantic_png(row.entry, reading, ids="cityscapes_train", void=VOID)
        with Image.open(io.BytesIO(view.render())) as picture:
            np.testing.assert_array_equal(np.asarray(picture), expected[row.name].train_ids)
        panoptic = view_panoptic_png(row.entry, reading).render()
        np.testing.assert_array_equal(ids_of(io.BytesIO(panoptic)), expected[row.name].ids)


def test_the_export_agrees_with_a_map_by_hand(
    original: Path, sample: Version, tmp_path: Path
) -> None:
    run(
        "export_version", "sample", "v1", tmp_path / "out.json", "--format", "coco_panoptic",
        "--taxonomy", "cityscapes19@1", "--option", "scheme=cityscapes_train",
    )  # fmt: skip

    body = json.loads((tmp_path / "out.json").read_text())
    assert {(row["id"], row["name"]) for row in body["categories"]} == {
        (spec.external["cityscapes_train"], spec.name) for spec in preset_classes("cityscapes19")
    }
    names = {row["id"]: row["file_name"] for row in body["images"]}
    expected = by_hand(original)
    assert set(names.values()) == expected.keys()
    for annotation in body["annotations"]:
        image = expected[names[annotation["image_id"]]]
        ids = ids_of(tmp_path / "out" / annotation["file_name"])
        np.testing.assert_array_equal(ids, image.ids)
        assert {
            row["id"]: (row["category_id"], row["area"], row["iscrowd"])
            for row in annotation["segments_info"]
        } == image.segments


def test_statistics_agree_with_a_map_by_hand(original: Path, sample: Version) -> None:
    told = run("stats", "sample", "v1", "--taxonomy", "cityscapes19@1")

    train_ids = {
        spec.name: spec.external["cityscapes_train"] for spec in preset_classes("cityscapes19")
    }
    expected = by_hand(original).values()
    pixels = {
        name: sum(int((image.train_ids == number).sum()) for image in expected)
        for name, number in {**train_ids, "void": VOID}.items()
    }
    assert {row["class_name"]: row["pixels"] for row in told["classes"]} == {
        name: count for name, count in pixels.items() if count
    }
    assert told["totals"]["segments"] == sum(len(image.segments) for image in expected)
