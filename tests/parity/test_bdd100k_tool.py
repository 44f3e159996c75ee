"""BDD100K's own tool reads the bitmasks that are written, and its evaluation agrees.

Install `bdd100k==1.0.1` to run this.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from panoptic.formats.base import ExportClass
from panoptic.formats.bdd100k.format import BDD100K
from panoptic.label import Segment, label_from_id_map
from tests.panoptic.formats.files import export_image, write_all

# In a process of its own: the tool warns of many things, and warnings are errors here.
_SCRIPT = """
import json, sys
from bdd100k.eval.pan_seg import evaluate_pan_seg
from bdd100k.label.to_coco import bitmasks_loader

written, by_hand = sys.argv[1:]
instances, size = bitmasks_loader(written)
for instance in instances:
    instance["mask"] = instance["mask"].astype(int).tolist()
result = evaluate_pan_seg([by_hand], [written], nproc=1)
told = {"instances": instances, "size": [size.height, size.width], "PQ": result.PQ}
print("\\n" + json.dumps(told))
"""

CLASSES = (
    ExportClass(1, "sky", "stuff", (70, 130, 180)),
    ExportClass(2, "car", "thing", (0, 0, 142)),
)
PLANE = np.array([[1, 1, 1, 1], [255, 255, 256, 256], [257, 0, 65535, 65535]])
ROWS = (
    Segment(1, 1),
    Segment(255, 2),
    Segment(256, 2, attributes={"truncated": True}),
    Segment(257, 2, crowd=True),
    Segment(65535, 2, attributes={"occluded": True}),
)


@pytest.fixture(autouse=True)
def _has_tool() -> None:
    found = subprocess.run([sys.executable, "-c", "import bdd100k"], capture_output=True)
    if found.returncode:
        pytest.skip("bdd100k is not installed")


def test_it_sees_every_instance_and_scores_the_file_100(tmp_path: Path) -> None:
    image = export_image("a.jpg", label_from_id_map(PLANE, ROWS))
    write_all(BDD100K, tmp_path / "out", [image], CLASSES)
    by_hand = tmp_path / "a.png"
    bits = {256: 8, 257: 2, 65535: 4}
    pixels = [
        [(35 if n > 1 else 30 * n, bits.get(n, 0), n // 256, n % 256) for n in row]
        for row in PLANE.tolist()
    ]
    Image.fromarray(np.array(pixels, np.uint8)).save(by_hand)
    told = ask(tmp_path / "out/labels/pan_seg/bitmasks/train/a.png", by_hand)
    assert told["size"] == [3, 4]
    assert [
        (each["instance_id"], each["category_id"], each["area"], each["mask"])
        for each in told["instances"]
    ] == [
        (row.segment_id, 30 if row.class_id == 1 else 35, mask.sum(), mask.astype(int).tolist())
        for row in ROWS
        for mask in [row.segment_id == PLANE]
    ]
    for flag, instance in (("truncated", 256), ("crowd", 257), ("occluded", 65535)):
        flagged = [each["instance_id"] for each in told["instances"] if each[flag]]
        assert flagged == [instance]
    overall = told["PQ"][-1]
    assert overall == {"OVERALL": 100.0}


def ask(written: Path, by_hand: Path) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _SCRIPT, written, by_hand],
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return told
