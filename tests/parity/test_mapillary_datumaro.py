"""Datumaro reads what the format mapillary writes, and sees the same pixels.

It is asked as a parser only: install `datumaro==1.13.12` to run this.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from panoptic.formats.base import ExportClass, WriteOptions
from panoptic.formats.mapillary.format import MAPILLARY
from tests.builders import id_map, label
from tests.panoptic.formats.files import export_image

# In a process of its own: the tool warns of many things, and warnings are errors here.
_SCRIPT = """
import json, sys
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset

dataset = Dataset.import_from(sys.argv[1], sys.argv[2], format_version=sys.argv[3])
names = dataset.categories()[AnnotationType.label]
masks = [
    (item.id, item.subset, names[mask.label].name, mask.id, mask.image.astype(int).tolist())
    for item in dataset
    for mask in item.annotations
]
print("\\n" + json.dumps(masks))
"""

DRAWING = "112 .42 333"
CLASSES = (
    ExportClass(1, "object--vehicle--car", "thing", (0, 0, 142)),
    ExportClass(2, "nature--sky", "stuff", (70, 130, 180)),
    ExportClass(3, "unicorn", "thing", (1, 2, 3)),
)
NAMES = {1: "object--vehicle--car", 2: "nature--sky", 3: "unicorn", 4: "object--vehicle--car"}


@pytest.fixture(autouse=True)
def _has_datumaro() -> None:
    found = subprocess.run([sys.executable, "-c", "import datumaro"], capture_output=True)
    if found.returncode:
        pytest.skip("datumaro is not installed")


@pytest.mark.parametrize("version", ["v1.2", "v2.0"])
@pytest.mark.parametrize("part", ["instances", "panoptic"])
def test_it_sees_the_segments_and_their_classes(tmp_path: Path, version: str, part: str) -> None:
    given = label(DRAWING, {1: 1, 2: 2, 3: 3, 4: 1}, crowds=[3])
    options = WriteOptions(photos=True, values={"version": version})
    photo = io.BytesIO()
    Image.new("RGB", (3, 3)).save(photo, "JPEG")
    with MAPILLARY.create(tmp_path / "out", CLASSES, options) as writer:
        writer.add(writer.encode(export_image("a.jpg", given, split="val")), photo.getvalue())
        writer.close()
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT, tmp_path / "out", f"mapillary_vistas_{part}", version],
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(run.stdout.splitlines()[-1])
    assert {tuple(each[:2]) for each in seen} == {("a", "validation")}
    # In `instances` it takes n for an id of its own.
    numbers = {1: 0, 2: 0, 3: 0, 4: 1} if part == "instances" else {n: n for n in NAMES}
    drawn = id_map(DRAWING)
    masks = [(NAMES[n], numbers[n], (drawn == n).astype(int).tolist()) for n in NAMES]
    if part == "instances":
        masks.append(("void--unlabeled", 0, (drawn == 0).astype(int).tolist()))
    assert sorted(tuple(each[2:]) for each in seen) == sorted(masks)
