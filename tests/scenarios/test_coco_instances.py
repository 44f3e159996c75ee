"""80 real COCO images with overlapping instances and crowds: nothing of a mask is lost."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.tree import iter_entries
from labels_app.revisions import get_labels
from panoptic.label import Label, segment_mask
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tests.real_data import real_data
from tests.scenarios.commands import refuse, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Path:
    return real_data("coco_instances") / "instances_train80.json"


def test_every_mask_is_that_of_the_official_tool(source: Path) -> None:
    run("import_labels", "coco", source, "--format", "coco_instances", "--create")

    labels = _labels("v1")
    official = _official(source)
    checked = 0
    for annotation in official.anns.values():
        label = labels[official.imgs[annotation["image_id"]]["file_name"]]
        ours = decode_runs(segment_mask(label, _segment_of(label, annotation["id"])))
        np.testing.assert_array_equal(ours, official.annToMask(annotation))
        checked += 1
    assert checked == 705


def test_crowds_stay_crowds(source: Path) -> None:
    run("import_labels", "coco", source, "--format", "coco_instances", "--create")

    labels = _labels("v1")
    for annotation in json.loads(source.read_text())["annotations"]:
        label = labels[f"{annotation['image_id']:012d}.jpg"]
        row = label.segments.row(_segment_of(label, annotation["id"]))
        assert row.crowd == bool(annotation["iscrowd"])


def test_ids_survive_the_way_in_and_out_even_beyond_32_bits(source: Path, tmp_path: Path) -> None:
    run("import_labels", "coco", source, "--format", "coco_instances", "--create")
    run("export_version", "coco", "v1", tmp_path / "out.json", "--format", "coco_instances")

    exported = json.loads((tmp_path / "out.json").read_text())["annotations"]
    original = json.loads(source.read_text())["annotations"]
    assert {row["id"] for row in exported} == {row["id"] for row in original}
    assert max(row["id"] for row in exported) >= 2**32


@pytest.mark.parametrize("policy", ["small", "first", "last"])
def test_the_panoptic_view_follows_the_painting_order(source: Path, policy: str) -> None:
    report = run(
        "import_labels", "coco", source, "--format", "coco_instances", "--create",
        "--on-overlap", policy,
    )  # fmt: skip

    labels = _labels("v1")
    hidden = 0
    official = _official(source)
    for image_id, image in official.imgs.items():
        annotations = official.imgToAnns[image_id]
        masks = {row["id"]: official.annToMask(row).astype(bool) for row in annotations}
        label = labels[image["file_name"]]
        painted = np.zeros((image["height"], image["width"]), np.uint32)
        for row in _painting_order(annotations, masks, policy):
            painted[masks[row["id"]]] = _segment_of(label, row["id"])
        np.testing.assert_array_equal(decode_runs(panoptic_runs(label)), painted)
        hidden += sum(int(mask.sum()) for mask in masks.values()) - np.count_nonzero(painted)
    assert report["pixels"]["hidden"] == hidden > 0


def test_overlaps_can_be_refused(source: Path) -> None:
    problem = refuse(
        "import_labels", "coco", source, "--format", "coco_instances", "--create",
        "--on-overlap", "refuse",
    )  # fmt: skip

    assert {row["code"] for row in problem["problems"]} == {"overlapping_segments"}
    assert not Version.objects.exists()


def _painting_order(annotations: list[Any], masks: dict[int, np.ndarray], policy: str) -> list[Any]:
    """Bottom to top: crowds lie lowest; then larger ones, or the order of the file."""
    if policy == "small":
        return sorted(
            annotations,
            key=lambda row: (not row["iscrowd"], -int(masks[row["id"]].sum()), -row["id"]),
        )
    ordered = list(annotations) if policy == "last" else list(reversed(annotations))
    return sorted(ordered, key=lambda row: not row["iscrowd"])


def _segment_of(label: Label, annotation_id: int) -> int:
    """The segment of an annotation: its id, or the one whose source it is."""
    if annotation_id < 2**24:
        return annotation_id
    found = [
        segment_id
        for segment_id, attributes in label.segments.attributes.items()
        if attributes.get("source_id") == annotation_id
    ]
    assert len(found) == 1
    return found[0]


def _labels(rev: str) -> dict[str, Label]:
    version = Version.objects.get(number=int(rev[1:]))
    entries = dict(iter_entries(SqlNodes(), version.root))
    names = names_of(version.dataset_id, list(entries))
    labels = get_labels({entry.label for entry in entries.values() if entry.label})
    return {names[number]: labels[entry.label] for number, entry in entries.items() if entry.label}


def _official(source: Path) -> Any:
    from pycocotools.coco import COCO

    return COCO(str(source))
