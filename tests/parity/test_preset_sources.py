"""Two presets against the files of those who made the lists, where these are installed.

Neither is needed to run Tessera. COCO: a checkout of github.com/cocodataset/panopticapi named
by PANOPTICAPI_PATH. Cityscapes: `pip install --no-deps cityscapesscripts`.
The digests of tests/labels_app/test_presets.py check all presets without them.
"""

import json
import os
from pathlib import Path

import pytest

from labels_app.classes import hex_color
from labels_app.presets import preset_classes


def test_coco_is_the_list_of_panopticapi():
    path = os.environ.get("PANOPTICAPI_PATH")
    if not path:
        pytest.skip("panopticapi is missing (set PANOPTICAPI_PATH to a checkout of it)")
    categories = json.loads((Path(path) / "panoptic_coco_categories.json").read_text())
    ours = [
        (spec.external["coco"], spec.name, spec.kind == "thing", spec.heading, spec.color)
        for spec in preset_classes("coco")
    ]
    assert ours == [
        (row["id"], row["name"], row["isthing"] == 1, row["supercategory"], hex_color(row["color"]))
        for row in categories
    ]


def test_cityscapes_is_the_list_of_cityscapesscripts():
    official = pytest.importorskip(
        "cityscapesscripts.helpers.labels", reason="cityscapesscripts is not installed"
    )
    ours = [
        (
            spec.external["cityscapes"],
            spec.external.get("cityscapes_train"),
            spec.name,
            spec.kind == "thing",
            spec.heading,
            spec.color,
            bool(spec.description),
        )
        for spec in preset_classes("cityscapes")
    ]
    assert ours == [
        (
            label.id,
            label.trainId if label.trainId in range(19) else None,
            label.name,
            label.hasInstances,
            label.category,
            hex_color(label.color),
            label.ignoreInEval,
        )
        for label in official.labels
    ]
