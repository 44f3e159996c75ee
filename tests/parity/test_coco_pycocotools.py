"""pycocotools reads what is exported, sees the same masks, and finds an export equal to itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from panoptic.formats.base import ExportClass, LabelledImage, WriteOptions
from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.label import measure_label
from tests.panoptic.formats.coco_cases import full_mask
from tests.panoptic.formats.files import (
    RANDOM_CLASSES,
    bind_all,
    export_image,
    read_all,
    write_all,
)
from tests.panoptic.strategies import layered_labels
from tests.real_data import real_data

# pycocotools decodes by an __array__ of numpy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@settings(deadline=None)
@given(data=st.data())
def test_the_official_tool_reads_the_masks_that_were_written(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    drawn = data.draw(layered_labels())
    target = tmp_path_factory.mktemp("export") / "out.json"
    write_all(COCO_INSTANCES, target, [export_image("a.jpg", drawn)], RANDOM_CLASSES)
    content = json.loads(target.read_text())
    measures = measure_label(drawn)
    areas = dict(zip(measures.ids.tolist(), measures.areas.tolist(), strict=True))
    assert len(content["annotations"]) == len(areas)
    for info in content["annotations"]:
        segment_id = info.get("segment_id", info["id"])
        segmentation = info["segmentation"]
        if isinstance(segmentation["counts"], list):
            segmentation = coco_mask.frPyObjects(segmentation, *segmentation["size"])
        mask = coco_mask.decode(segmentation).astype(bool)
        assert np.array_equal(mask, full_mask(drawn, segment_id))
        assert info["area"] == areas[segment_id]
        assert info["bbox"] == coco_mask.toBbox(segmentation).tolist()


def test_real_masks_equal_those_of_pycocotools_and_so_do_those_of_the_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = real_data("coco_instances") / "instances_train80.json"
    binding, classes = bind_all(COCO_INSTANCES, original)
    images, problems = read_all(COCO_INSTANCES, original, binding=binding)
    assert problems == ()
    write_all(
        COCO_INSTANCES,
        tmp_path / "out.json",
        [export_image(image.name, image.label, attributes=image.attributes) for image in images],
        classes,
    )
    oracles = [COCO(str(path)) for path in (original, tmp_path / "out.json")]
    capsys.readouterr()
    before = oracles[0]
    assert set(oracles[1].anns) == set(before.anns)
    seen = 0
    for image in images:
        assert image.label is not None
        image_id = image.attributes["source_id"]
        by_id = {
            row.attributes.get("source_id", row.segment_id): row for row in image.label.segments
        }
        assert set(by_id) == {info["id"] for info in before.imgToAnns[image_id]}
        for number, row in by_id.items():
            ours = full_mask(image.label, row.segment_id)
            for oracle in oracles:
                info = oracle.anns[number]
                assert np.array_equal(ours, oracle.annToMask(info).astype(bool))
                assert (info["image_id"], bool(info["iscrowd"])) == (image_id, row.crowd)
                assert info["category_id"] == before.anns[number]["category_id"]
            seen += 1
    assert seen == 705
    assert sum(image.hidden_pixels for image in images) > 0


@pytest.mark.parametrize("geometry", ["rle", "polygon"])
@pytest.mark.parametrize("kind", ["segm", "bbox"])
def test_a_real_export_has_an_average_precision_of_1_against_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], geometry: str, kind: str
) -> None:
    _export_real(tmp_path / "out.json", WriteOptions(geometry=geometry))  # type: ignore[arg-type]
    truth = COCO(str(tmp_path / "out.json"))
    assert min(truth.anns) >= 1
    found = truth.loadRes(
        [
            {
                "image_id": info["image_id"],
                "category_id": info["category_id"],
                "segmentation": truth.annToRLE(info),
                "score": 0.9,
            }
            for info in truth.anns.values()
            if not info["iscrowd"]
        ]
    )
    evaluation = COCOeval(truth, found, kind)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    capsys.readouterr()
    precision, at_half, at_three_quarters = evaluation.stats[:3]
    assert (precision, at_half, at_three_quarters) == (1.0, 1.0, 1.0)


def test_the_instances_of_real_panoptic_labels_are_read_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = real_data("coco_panoptic_sample") / "panoptic_examples.json"
    binding, classes = bind_all(COCO_PANOPTIC, original)
    images, _ = read_all(COCO_PANOPTIC, original, binding=binding)
    _write(tmp_path / "out.json", images, classes)
    oracle = COCO(str(tmp_path / "out.json"))
    capsys.readouterr()
    # The same labels as panopticapi's converter wrote them, in the same order of segments.
    detections = json.loads((original.parent / "panoptic_coco_detection_format.json").read_text())
    theirs = sorted(
        (one["image_id"], one["category_id"], one["area"], one["segmentation"]["counts"])
        for one in detections["annotations"]
    )
    ours = sorted(
        (one["image_id"], one["category_id"], one["area"], oracle.annToRLE(one)["counts"])
        for one in oracle.anns.values()
    )
    assert [row[:3] for row in ours] == [row[:3] for row in theirs]
    assert [_text(row[3]) for row in ours] == [_text(row[3]) for row in theirs]


def _export_real(target: Path, options: WriteOptions) -> None:
    original = real_data("coco_instances") / "instances_train80.json"
    binding, classes = bind_all(COCO_INSTANCES, original)
    images, _ = read_all(COCO_INSTANCES, original, binding=binding)
    _write(target, images, classes, options)


def _write(
    target: Path,
    images: list[LabelledImage],
    classes: tuple[ExportClass, ...],
    options: WriteOptions | None = None,
) -> None:
    exported = [
        export_image(image.name, image.label, attributes=image.attributes) for image in images
    ]
    write_all(COCO_INSTANCES, target, exported, classes, options)


def _text(counts: str | bytes) -> str:
    return counts.decode() if isinstance(counts, bytes) else counts
