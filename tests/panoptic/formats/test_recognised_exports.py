"""What any format writes is recognised as that format, and as no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from panoptic.formats.base import ExportClass, Format
from panoptic.formats.options import parse_write_options
from panoptic.formats.recognition import recognise
from panoptic.formats.registry import FORMATS
from tests.builders import label
from tests.panoptic.formats.files import export_image

# Classes that most lists have, by their names or ids.
_CLASSES = (
    ExportClass(1, "road", "stuff", (128, 64, 128), {"cityscapes": 7, "coco": 149}),
    ExportClass(2, "car", "thing", (0, 0, 142), {"cityscapes": 26, "coco": 3, "voc": 7}),
    ExportClass(3, "person", "thing", (220, 20, 60), {"cityscapes": 24, "coco": 1, "voc": 15}),
)
# The names of images say in KITTI-STEP what they are.
_IMAGES = {"kitti_step": ("0000/000000.png", "0001/000000.png")}
_BOTH_WAYS = [form for form in FORMATS.values() if form.is_read and form.is_written]


def export(form: Format, target: Path, **values: str) -> None:
    options = parse_write_options(form, values)
    with form.create(target, _CLASSES, options) as writer:
        names = _IMAGES.get(form.name, ("a.png", "b.png"))
        for name, split in zip(names, ("train", "val"), strict=True):
            drawn = label("1122 1133", {1: 1, 2: 2, 3: 3})
            writer.add(writer.encode(export_image(name, drawn, split=split)))
        writer.close()


@pytest.mark.parametrize("form", _BOTH_WAYS, ids=lambda form: form.name)
def test_an_export_is_recognised_as_what_it_is(tmp_path: Path, form: Format) -> None:
    export(form, tmp_path / "out" / (form.file_name or "files"))

    for place in (tmp_path, tmp_path / "out"):
        found = recognise(place)
        assert [one.format for one in found] == [form.name], found
        assert found[0].reason
