"""Datumaro reads what the formats voc and color_maps write, and they read what it writes.

Only its pixels and names are compared: install `datumaro==1.13.12` to run this.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from panoptic.formats.base import BoundClass, ExportClass, Format, WriteOptions
from panoptic.formats.color_maps.format import COLOR_MAPS
from panoptic.formats.voc.format import VOC
from panoptic.label import Label
from tests.builders import id_map, label
from tests.panoptic.formats.files import export_image, read_all

# In a process of its own: the tool warns of many things, and warnings are errors here.
_SCRIPT = """
import json, sys
from datumaro.components.annotation import AnnotationType
from datumaro.components.dataset import Dataset

dataset = Dataset.import_from(sys.argv[1], sys.argv[2])
names = dataset.categories()[AnnotationType.label]
masks = [
    (item.id, item.subset, names[mask.label].name, mask.group, mask.image.astype(int).tolist())
    for item in dataset
    for mask in item.annotations
]
print("\\n" + json.dumps(masks))
"""

_WRITE = """
import sys
import numpy as np
from datumaro.components.annotation import Mask
from datumaro.components.dataset import Dataset
from datumaro.components.dataset_base import DatasetItem
from datumaro.components.media import Image

drawn = np.array([[1, 1, 0, 2], [1, 0, 2, 2], [3, 3, 3, 3]])
masks = [Mask(drawn == n, label=label, group=n) for n, label in ((1, 1), (2, 2), (3, 1))]
photo = Image.from_numpy(np.zeros((3, 4, 3), np.uint8))
item = DatasetItem(id="d/a b.c", subset="val", media=photo, annotations=masks)
dataset = Dataset.from_iterable([item], categories=["background", "lorry", "tram"])
dataset.export(sys.argv[1], sys.argv[2], save_media=True)
"""

DRAWING = "11.2 1.22 3333"
PEOPLE = (
    ExportClass(1, "person", "thing", (1, 2, 3), {"voc": 15}),
    ExportClass(2, "sheep", "thing", (4, 5, 6)),
)
LORRIES = (
    ExportClass(1, "lorry", "thing", (0, 0, 142)),
    ExportClass(2, "tram", "thing", (0, 60, 100)),
)
STREET = (
    ExportClass(1, "road", "stuff", (128, 64, 128)),
    ExportClass(2, "sky", "stuff", (70, 130, 180)),
    ExportClass(3, "cars", "thing", (0, 0, 142)),
)


@pytest.fixture(autouse=True)
def _has_datumaro() -> None:
    found = subprocess.run([sys.executable, "-c", "import datumaro"], capture_output=True)
    if found.returncode:
        pytest.skip("datumaro is not installed")


@pytest.mark.parametrize("classes", [PEOPLE, LORRIES], ids=["voc", "labelmap"])
def test_it_sees_the_objects_of_voc_and_their_classes(
    tmp_path: Path, classes: tuple[ExportClass, ...]
) -> None:
    write(VOC, tmp_path / "x", classes, label(DRAWING, {1: 1, 2: 2, 3: 1}))
    first, second = classes[0].name, classes[1].name
    expected = [
        ("a", subset, name, number, where(number))
        for subset in ("train", "trainval")
        for number, name in ((1, first), (2, second), (3, first))
    ]
    assert masks_of(tmp_path / "x", "voc_segmentation") == sorted(expected)


def test_it_sees_the_classes_of_colour_maps(tmp_path: Path) -> None:
    write(COLOR_MAPS, tmp_path / "x", STREET, label(DRAWING, {1: 1, 2: 2, 3: 3}))
    void = ("a", "train", "Void", 0, where(0))
    assert masks_of(tmp_path / "x", "camvid") == sorted(
        [
            void,
            *(("a", "train", STREET[n - 1].name, 0, where(n)) for n in (1, 2, 3)),
        ]
    )


@pytest.mark.parametrize(
    ("format_", "form", "ids"),
    [(VOC, "voc_segmentation", (1, 2, 3)), (COLOR_MAPS, "camvid", (1, 2, 1))],
    ids=["voc", "camvid"],
)
def test_what_it_writes_is_read(
    tmp_path: Path, format_: Format, form: str, ids: tuple[int, int, int]
) -> None:
    call = [sys.executable, "-c", _WRITE, str(tmp_path / "x"), form]
    subprocess.run(call, capture_output=True, check=True)
    binding = {"lorry": BoundClass(1, "stuff"), "tram": BoundClass(2, "stuff")}
    if format_ is VOC:
        binding = {name: BoundClass(each.class_id, "thing") for name, each in binding.items()}
    (image,), problems = read_all(format_, tmp_path / "x", None, binding)
    assert problems == ()
    assert (image.name, image.split) == ("d/a b.c.jpg", "val")
    assert image.photo is not None
    drawing = DRAWING.translate(dict(zip(map(ord, "123"), map(str, ids), strict=True)))
    assert image.label == label(drawing, dict(zip(ids, (1, 2, 1), strict=True)))


def write(format_: Format, target: Path, classes: tuple[ExportClass, ...], given: Label) -> None:
    photo = io.BytesIO()
    Image.new("RGB", (given.width, given.height)).save(photo, "PNG")
    with format_.create(target, classes, WriteOptions(photos=True)) as writer:
        image = export_image("a.png", given, split="train")
        writer.add(writer.encode(image), photo.getvalue())
        writer.close()


def where(number: int) -> list[list[int]]:
    mask: list[list[int]] = (id_map(DRAWING) == number).astype(np.uint8).tolist()
    return mask


def masks_of(path: Path, form: str) -> list[tuple[Any, ...]]:
    """Id, subset, class, group and pixels of every mask, sorted."""
    call = [sys.executable, "-c", _SCRIPT, str(path), form]
    printed = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    return sorted(tuple(mask) for mask in json.loads(printed.splitlines()[-1]))
