"""What is written for CVAT, as Datumaro reads it: the same masks, labels and order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from panoptic.formats.cvat.format import CVAT
from panoptic.label import segment_mask
from panoptic.runs import decode_runs
from tests.builders import stack
from tests.panoptic.formats.files import CLASSES, export_image, write_all

datumaro = pytest.importorskip("datumaro", reason="datumaro is not installed")


@pytest.mark.filterwarnings("default")
def test_datumaro_reads_the_masks_in_their_order(tmp_path: Path) -> None:
    given = stack(
        "11111 11111 ..... .....", "..... .222. .2.2. .222.", "....3 ..... 3...3 33333",
        classes={1: 8, 2: 7, 3: 9},
    )  # fmt: skip
    write_all(CVAT, tmp_path / "annotations.xml", [export_image("a.jpg", given)])
    (tmp_path / "images").mkdir()
    Image.new("RGB", (5, 4)).save(tmp_path / "images" / "a.jpg")
    dataset = datumaro.Dataset.import_from(str(tmp_path), "cvat")
    labels = dataset.categories()[datumaro.AnnotationType.label]
    (item,) = dataset
    assert item.id == "a"
    names = {one.class_id: one.name for one in CLASSES}
    told = {labels[each.label].name: each for each in item.annotations}
    assert set(told) == {"person", "sky", "car"}
    for row, layer in zip(given.segments, given.segments.layers.tolist(), strict=True):
        mask = told[names[row.class_id]]
        expected = decode_runs(segment_mask(given, row.segment_id)).astype(bool)
        assert np.array_equal(np.asarray(mask.image, bool), expected)
        assert mask.z_order == layer
