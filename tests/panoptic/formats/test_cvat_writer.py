"""CVAT for images 1.1, written."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from panoptic.errors import MalformedFile, UnknownClass
from panoptic.formats.base import (
    BoundClass,
    ExportClass,
    ExportImage,
    ReadOptions,
    TargetExists,
    WriteOptions,
)
from panoptic.formats.cvat.format import CVAT
from panoptic.formats.cvat.rle import Box, decode_cvat_rle, encode_cvat_rle
from panoptic.formats.losses import FIELDS
from panoptic.label import Origin, Segment, label_from_id_map
from panoptic.runs import decode_runs, encode_runs, runs_from_spans, spans_of_mask
from tests.builders import label, stack
from tests.conformance.formats import content_of
from tests.laws import examples
from tests.panoptic.formats.files import CLASSES, export_image, read_all, write_all
from tests.panoptic.formats.test_cvat import BINDING
from tests.panoptic.strategies import SHAPES, masks

RING = label("..... .111. .1.1. .111.", {1: 7})


def test_a_mask_has_the_counts_of_its_box(tmp_path: Path) -> None:
    """By hand: the box is 3 × 3 from (1, 1), its first pixel is inside."""
    (image,) = write(tmp_path, export_image("a.jpg", RING)).iter("image")
    assert image.attrib == {"id": "0", "name": "a.jpg", "width": "5", "height": "4"}
    (mask,) = image
    assert mask.tag == "mask"
    assert mask.attrib == {
        "label": "person",
        "source": "manual",
        "occluded": "0",
        "rle": "0, 4, 1, 4",
        "left": "1",
        "top": "1",
        "width": "3",
        "height": "3",
        "z_order": "0",
    }


@examples(40)
@given(mask=SHAPES.flatmap(masks))
def test_counts_are_those_of_the_pixels_of_the_box(mask: np.ndarray[Any, Any]) -> None:
    rows, columns = np.nonzero(mask)
    box = Box(
        int(columns.min()),
        int(rows.min()),
        int(columns.max() - columns.min()) + 1,
        int(rows.max() - rows.min()) + 1,
    )
    text = encode_cvat_rle(spans_of_mask(encode_runs(mask)), box, mask.shape[1])
    inside = mask[box.top : box.top + box.height, box.left : box.left + box.width]
    counts = [int(count) for count in text.split(", ")]
    drawn = np.repeat(np.arange(len(counts)) % 2, counts).reshape(box.height, box.width)
    assert np.array_equal(drawn, inside)
    spans = decode_cvat_rle(text, box, *mask.shape)
    assert np.array_equal(decode_runs(runs_from_spans(*mask.shape, [(1, spans)])), mask)
    assert not np.isin(spans.starts, spans.ends).any()


def test_labels_have_the_names_and_colours_of_the_classes(tmp_path: Path) -> None:
    root = write(tmp_path, export_image("a.jpg", RING))
    assert [each.findtext("name") for each in root.iter("label")] == ["person", "sky", "car"]
    assert [each.findtext("color") for each in root.iter("label")] == [
        "#dc143c",
        "#4682b4",
        "#00008e",
    ]


def test_the_layer_is_the_z_order_and_masks_are_full(tmp_path: Path) -> None:
    layered = stack("111 ...", ".2. .2.", "3.. ...", classes={1: 7, 2: 8, 3: 9})
    root = write(tmp_path, export_image("a.jpg", layered))
    assert [(each.get("label"), each.get("z_order")) for each in root.iter("mask")] == [
        ("person", "0"),
        ("sky", "1"),
        ("car", "1"),
    ]
    assert next(root.iter("mask")).get("rle") == "0, 3"


def test_a_crowd_stays_above_a_thing(tmp_path: Path) -> None:
    layered = stack("111", ".22", classes={1: 7, 2: 9}, crowds=[2])
    write(tmp_path, export_image("a.jpg", layered))
    bound = {"person": BoundClass(7, "thing"), "car": BoundClass(9, "thing")}
    (image,), problems = read_all(CVAT, tmp_path / "annotations.xml", ReadOptions(), bound)
    assert (image.label, problems) == (layered, ())


def test_what_cvat_cannot_say_is_counted(tmp_path: Path) -> None:
    given = label(
        "1234",
        {1: 7, 2: 7, 3: 7, 4: 7},
        scores={1: 0.5},
        track_ids={1: 4},
        origins={2: Origin("net")},
        attributes={
            3: {"text": "kept", "number": 3, "bell": "\x07", "iscrowd": "x", "occluded": False},
            4: {"occluded": True, "group_id": 3, "source": "auto"},
        },
    )
    report = write_all(CVAT, tmp_path / "annotations.xml", [export_image("a.jpg", given)])
    assert report.lost == {FIELDS: 3 + 4}
    (read,), _ = read_all(CVAT, tmp_path / "annotations.xml", binding=BINDING)
    assert read.label is not None
    assert dict(read.label.segments.attributes) == {
        3: {"text": "kept", "number": "3", "occluded": "false"},
        4: {"occluded": True, "group_id": 3, "source": "auto"},
    }


def test_trap_23_which_class_is_stuff_is_said_by_who_reads(tmp_path: Path) -> None:
    write(tmp_path, export_image("a.jpg", label("12", {1: 7, 2: 8})))
    with CVAT.open(tmp_path / "annotations.xml", ReadOptions()) as source:
        assert {one.kind for one in source.classes} == {"thing"}
    (read,), problems = read_all(CVAT, tmp_path / "annotations.xml", binding=BINDING)
    assert (read.label, problems) == (label("12", {1: 7, 2: 8}), ())


def test_trap_21_more_than_255_objects_are_masks_like_any(tmp_path: Path) -> None:
    plane = np.arange(1, 301, dtype=np.uint32).reshape(1, 300)
    many = label_from_id_map(plane, [Segment(each, 7) for each in range(1, 301)])
    write(tmp_path, export_image("a.jpg", many))
    (read,), problems = read_all(CVAT, tmp_path / "annotations.xml", binding=BINDING)
    assert (read.label, problems) == (many, ())


def test_an_unlabelled_image_is_told(tmp_path: Path) -> None:
    report = write_all(CVAT, tmp_path / "annotations.xml", [export_image("a.jpg", None)])
    assert [problem.code for problem in report.problems] == ["unlabelled_image"]
    (read,), _ = read_all(CVAT, tmp_path / "annotations.xml", binding=BINDING)
    assert (read.name, read.height, read.width) == ("a.jpg", 2, 3)
    assert read.label == label("... ...", {})


def test_splits_are_subsets_and_names_come_back(tmp_path: Path) -> None:
    names = ['a "b" <c>&.jpg', "é/ß.jpg", "x'y.jpg"]
    images = [export_image(name, RING, split="tr & <ain>") for name in names]
    write_all(CVAT, tmp_path / "annotations.xml", images)
    read, problems = read_all(CVAT, tmp_path / "annotations.xml", binding=BINDING)
    assert problems == ()
    assert {each.name for each in read} == set(names)
    assert {each.split for each in read} == {"tr & <ain>"}


def test_photographs_lie_in_images_beside_the_file(tmp_path: Path) -> None:
    target = tmp_path / "out" / "annotations.xml"
    with CVAT.create(target, CLASSES, WriteOptions(photos=True)) as writer:
        writer.add(writer.encode(export_image("d/a.jpg", RING)), b"pixels")
        writer.add(writer.encode(export_image("b.jpg", RING)), None)
        writer.close()
    files = content_of(tmp_path / "out")
    assert set(files) == {"annotations.xml", "images/d/a.jpg"}
    assert files["images/d/a.jpg"] == b"pixels"


def test_photographs_overwrite_nothing(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "mine.jpg").write_bytes(b"")
    with pytest.raises(TargetExists):
        CVAT.create(tmp_path / "annotations.xml", CLASSES, WriteOptions(photos=True))


def test_what_xml_cannot_say_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    bell = (ExportClass(7, "be\x07ll", "thing", (0, 0, 0)),)
    with pytest.raises(MalformedFile, match="XML cannot say"):
        write_all(CVAT, tmp_path / "annotations.xml", [], bell)
    with pytest.raises(MalformedFile, match="XML cannot say"):
        write_all(CVAT, tmp_path / "annotations.xml", [export_image("\ufffe.jpg", RING)])
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_is_not_exported_is_refused_by_image_and_segment(tmp_path: Path) -> None:
    image = export_image("a.jpg", label("5", {5: 60_000}))
    with pytest.raises(UnknownClass, match=r"image a\.jpg, segment 5: unknown class 60000"):
        write_all(CVAT, tmp_path / "annotations.xml", [image])


def test_the_bytes_of_a_small_export_are_these(tmp_path: Path) -> None:
    layered = stack("111 ...", ".2. .2.", classes={1: 7, 2: 8}, crowds=[1])
    image = export_image("a.jpg", layered, split="val")
    write_all(CVAT, tmp_path / "annotations.xml", [image])
    content = (tmp_path / "annotations.xml").read_bytes()
    assert hashlib.sha256(content).hexdigest()[:16] == "af2d7cbd716db4e2"
    assert content.endswith(
        b'  <image id="0" name="a.jpg" subset="val" width="3" height="2">\n'
        b'    <mask label="person" source="manual" occluded="0" rle="0, 3" left="0" top="0"'
        b' width="3" height="1" z_order="0">\n'
        b'      <attribute name="iscrowd">true</attribute>\n'
        b"    </mask>\n"
        b'    <mask label="sky" source="manual" occluded="0" rle="0, 2" left="1" top="0"'
        b' width="1" height="2" z_order="1">\n'
        b"    </mask>\n"
        b"  </image>\n"
        b"</annotations>\n"
    )


def write(folder: Path, *images: ExportImage) -> ET.Element:
    """The root of an export, by a parser that is not ours."""
    write_all(CVAT, folder / "annotations.xml", images)
    return ET.parse(folder / "annotations.xml").getroot()
