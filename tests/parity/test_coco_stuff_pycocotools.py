"""pycocotools on an export of stuff: its masks are ours, pixel by pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panoptic.formats.base import ReadOptions, WriteOptions
from panoptic.formats.coco.categories import category_ids
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.coco.stuff import COCO_STUFF, OTHER_ID
from panoptic.runs import decode_runs
from panoptic.views import ClassMap, semantic_runs
from tests.panoptic.formats.files import bind_all, export_image, read_all, write_all
from tests.real_data import real_data

coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")

# pycocotools decodes by an __array__ of numpy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize("things", ["keep", "other"])
def test_pycocotools_sees_the_semantic_view(
    tmp_path: Path, things: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = real_data("coco_panoptic_sample") / "panoptic_examples.json"
    binding, classes = bind_all(COCO_PANOPTIC, path)
    images, _ = read_all(COCO_PANOPTIC, path, ReadOptions(), binding)
    target = tmp_path / "stuff.json"
    options = WriteOptions(values={"things": things})
    named = [export_image(image.name, image.label, source_id=None) for image in images]
    write_all(COCO_STUFF, target, named, classes, options)

    categories = category_ids(classes, "coco")
    if things == "other":
        categories |= {each.class_id: OTHER_ID for each in classes if each.kind == "thing"}
    loaded = coco.COCO(str(target))
    capsys.readouterr()
    by_name = {entry["file_name"]: entry["id"] for entry in loaded.dataset["images"]}
    for image in images:
        assert image.label is not None
        expected = decode_runs(semantic_runs(image.label, ClassMap.from_mapping(categories)))
        seen = np.zeros_like(expected)
        annotations = loaded.loadAnns(loaded.getAnnIds(imgIds=by_name[image.name]))
        assert len({each["category_id"] for each in annotations}) == len(annotations)
        for each in annotations:
            mask = loaded.annToMask(each).astype(bool)
            assert int(mask.sum()) == each["area"]
            assert not seen[mask].any()
            seen[mask] = each["category_id"]
        assert np.array_equal(seen, expected)
