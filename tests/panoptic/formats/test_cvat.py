"""CVAT for images 1.1, read."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from panoptic.errors import MalformedFile
from panoptic.formats.base import BoundClass, ExportClass, FileClass, ReadOptions
from panoptic.formats.coded_maps import number_by_first_pixel
from panoptic.formats.cvat import xml as cvat_xml
from panoptic.formats.cvat.format import CVAT
from panoptic.formats.painting import Mask, paint_masks
from panoptic.formats.problems import Problem
from panoptic.label import Label, empty_label, renumber, segment_mask, spans_of
from panoptic.label_bytes import canonical_bytes
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.laws import examples
from tests.panoptic.formats.files import errors, read_all, read_labels, write_all
from tests.panoptic.formats.test_conformance import one_of_each_stuff
from tests.panoptic.strategies import CLASS_IDS, STUFF_IDS, layered_labels
from tests.real_data import real_data

BINDING = {"person": BoundClass(7, "thing"), "sky": BoundClass(8, "stuff")}
LABELS = (
    "<meta><task><labels>"
    "<label><name>person</name><color>#dc143c</color><attributes/></label>"
    "<label><name>sky</name></label>"
    "</labels></task></meta>"
)
# A mask of the whole of an image of 3 × 2 pixels.
WHOLE = '<mask label="person" rle="0, 6" left="0" top="0" width="3" height="2" z_order="0"/>'


class TestCvat(FormatConformance):
    format = CVAT
    target_name = "annotations.xml"
    binding = {
        f"class {class_id}": BoundClass(class_id, "stuff" if class_id in STUFF_IDS else "thing")
        for class_id in CLASS_IDS
    }
    classes = tuple(
        ExportClass(class_id, f"class {class_id}", bound.kind, (class_id, 0, 255))
        for class_id, bound in zip(CLASS_IDS, binding.values(), strict=True)
    )

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Labels as any import makes them, numbered by first pixel, with attributes of CVAT."""
        layered = draw(layered_labels())
        full = spans_of(layered)
        said = st.fixed_dictionaries(
            {},
            optional={
                "occluded": st.just(True),
                "group_id": st.integers(0, 99),
                "source": st.sampled_from(["auto", "manual", "", 'a"\n<']),
                "note": st.text(st.sampled_from("a<&>\"' \t\r\né]"), max_size=6),
            },
        )
        painted = [
            Mask(
                row._replace(score=None, track_id=None, origin=None, attributes=draw(said)),
                "stuff" if row.class_id in STUFF_IDS else "thing",
                full[row.segment_id],
            )
            for row in one_of_each_stuff(layered)
        ]
        composed = paint_masks(*layered.shape, painted, "last").label
        assert composed is not None
        # Of segments that begin at one pixel the lowest gets the lower number.
        bottom_first = composed.segments.ids[np.argsort(composed.segments.layers, kind="stable")]
        numbers = range(1, len(bottom_first) + 1)
        return number_by_first_pixel(renumber(composed, bottom_first, numbers))

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 1})

    def problems(self, folder: Path) -> tuple[Problem, ...]:
        """Of a file whose masks do not fill their boxes, under a taxonomy without its class."""
        images = self._images({self.image_name(0): self.example()})
        path = folder / self.target_name
        write_all(self.format, path, images, self.classes)
        _, unbound = read_all(self.format, path, self.options, {})
        path.write_text(path.read_text().replace('rle="0, 3', 'rle="0, 4'))
        _, broken = read_all(self.format, path, self.options, self.binding)
        assert errors([*unbound, *broken]) == ["unknown_class", "malformed_file"]
        return (*unbound, *broken)


def test_a_mask_is_counted_row_by_row_in_its_box(tmp_path: Path) -> None:
    """By hand from the documentation: 3 pixels outside, 2 inside, 1 outside, and so on."""
    mask = '<mask label="person" rle="1, 2, 1, 1, 1" left="1" top="1" width="3" height="2"/>'
    path = write_cvat(tmp_path, image(mask, size=(4, 5)))
    assert read_labels(CVAT, path, binding=BINDING) == {
        "a.jpg": label("..... ..11. ..1.. .....", {1: 7})
    }


def test_a_polygon_is_drawn_as_coco_draws_it(tmp_path: Path) -> None:
    polygon = '<polygon label="person" points="1.00,1.00;4.00,1.00;4.00,3.00;1.00,3.00"/>'
    path = write_cvat(tmp_path, image(polygon, size=(4, 5)))
    assert read_labels(CVAT, path, binding=BINDING) == {
        "a.jpg": label("..... .111. .111. .....", {1: 7})
    }


def test_declared_labels_come_first_and_then_those_that_are_used(tmp_path: Path) -> None:
    shapes = WHOLE.replace("person", "car") + WHOLE + '<box label="tree" xtl="0"/>'
    path = write_cvat(tmp_path, image(shapes))
    with CVAT.open(path, ReadOptions()) as source:
        assert source.classes == (
            FileClass("person", "person", "thing", (0xDC, 0x14, 0x3C)),
            FileClass("sky", "sky", "thing"),
            FileClass("car", "car", "thing"),
        )
        assert source.scheme == ""


@pytest.mark.parametrize("around", ["project", "task", "job"])
def test_labels_are_found_wherever_an_export_keeps_them(around: str, tmp_path: Path) -> None:
    meta = LABELS.replace("task>", f"{around}>")
    with CVAT.open(write_cvat(tmp_path, image(), meta=meta), ReadOptions()) as source:
        assert [one.name for one in source.classes] == ["person", "sky"]


def test_points_of_skeletons_are_no_classes(tmp_path: Path) -> None:
    point = "<label><name>elbow</name><parent>person</parent></label></labels>"
    path = write_cvat(tmp_path, image(), meta=LABELS.replace("</labels>", point))
    with CVAT.open(path, ReadOptions()) as source:
        assert [one.name for one in source.classes] == ["person", "sky"]


def test_what_cvat_says_of_a_shape_becomes_attributes(tmp_path: Path) -> None:
    texts = '<attribute name="age"> 3 </attribute><attribute name="empty"></attribute>'
    said = 'source="auto" occluded="1" group_id="4"'
    shape = WHOLE.replace("/>", f" {said}>{texts}</mask>")
    (read,) = read_images(write_cvat(tmp_path, image(shape)))
    assert read.label == label(
        "111 111",
        {1: 7},
        attributes={
            1: {"occluded": True, "group_id": 4, "source": "auto", "age": " 3 ", "empty": ""}
        },
    )


def test_what_is_usual_is_no_attribute(tmp_path: Path) -> None:
    shape = WHOLE.replace("/>", ' source="manual" occluded="0"/>')
    (read,) = read_images(write_cvat(tmp_path, image(shape)))
    assert read.label == label("111 111", {1: 7})


def test_a_crowd_is_an_attribute(tmp_path: Path) -> None:
    crowd = '><attribute name="iscrowd">true</attribute></mask>'
    (read,) = read_images(write_cvat(tmp_path, image(WHOLE.replace("/>", crowd))))
    assert read.label == label("111 111", {1: 7}, crowds=[1])


def test_stuff_is_never_a_crowd_and_one_segment(tmp_path: Path) -> None:
    crowd = '><attribute name="iscrowd">true</attribute></mask>'
    one = '<mask label="sky" rle="0, 1" left="0" top="0" width="1" height="1"'
    other = '<mask label="sky" rle="0, 1" left="2" top="1" width="1" height="1"/>'
    path = write_cvat(tmp_path, image(one + crowd + other))
    (read,), problems = read_all(CVAT, path, binding=BINDING)
    assert read.label == label("1.. ..1", {1: 8})
    assert [problem.code for problem in problems] == ["stuff_crowd", "joined_stuff"]


def test_trap_13_z_order_decides_what_lies_on_top(tmp_path: Path) -> None:
    two = '<mask label="person" rle="0, 2" top="0" width="2" height="1"'
    shapes = "".join(f'{two} left="{x}" z_order="{z}"/>' for x, z in ((0, 1), (1, 0), (2, 0)))
    (read,) = read_images(write_cvat(tmp_path, image(shapes, size=(1, 4))))
    # Of one z_order the later lies on top; nothing is cut.
    assert read.label == stack(".22.", "..33", "11..", classes={1: 7, 2: 7, 3: 7})
    assert decode_runs(panoptic_runs(read.label)).tolist() == [[1, 1, 3, 3]]
    assert read.hidden_pixels == 2


@pytest.mark.parametrize("on_overlap", ["small", "first", "last"])
def test_the_order_of_the_file_is_kept(on_overlap: Any, tmp_path: Path) -> None:
    small = '<mask label="person" rle="0, 1" left="0" top="0" width="1" height="1" z_order="0"/>'
    path = write_cvat(tmp_path, image(small + WHOLE))
    (read,) = read_images(path, ReadOptions(on_overlap=on_overlap))
    assert decode_runs(panoptic_runs(read.label)).tolist() == [[2, 2, 2], [2, 2, 2]]


def test_overlaps_can_be_refused(tmp_path: Path) -> None:
    path = write_cvat(tmp_path, image(WHOLE + WHOLE))
    _, problems = read_all(CVAT, path, ReadOptions(on_overlap="refuse"), BINDING)
    assert errors(problems) == ["overlapping_segments"]


def test_trap_14_holes_and_parts_of_masks_are_exact(tmp_path: Path) -> None:
    box = 'left="0" top="0" width="3" height="5"'
    ring = f'<mask label="person" rle="0, 4, 1, 4, 4, 1, 1" {box}/>'
    (read,) = read_images(write_cvat(tmp_path, image(ring, size=(5, 3))))
    assert read.label == label("111 1.1 111 ... .1.", {1: 7})


def test_trap_16_a_photograph_is_found_by_its_whole_name(tmp_path: Path) -> None:
    for name in ("a.b.jpg", "a.jpg"):
        save_photo(tmp_path / "images" / name)
    (read,) = read_images(write_cvat(tmp_path, image(WHOLE, name="a.b.jpg")))
    assert read.photo == tmp_path / "images" / "a.b.jpg"
    assert read.name == "a.b.jpg"


def test_a_photograph_of_another_size_is_told(tmp_path: Path) -> None:
    save_photo(tmp_path / "images" / "a.jpg", size=(3, 3))
    _, problems = read_all(CVAT, write_cvat(tmp_path, image(WHOLE)), binding=BINDING)
    assert errors(problems) == ["photo_size_mismatch"]


def test_names_that_subsets_share_have_the_subset_before_them(tmp_path: Path) -> None:
    for subset in ("Train", "Test"):
        save_photo(tmp_path / "images" / subset / "a.jpg")
    save_photo(tmp_path / "images" / "Train" / "b.jpg")
    images = [("a.jpg", "Train"), ("a.jpg", "Test"), ("b.jpg", "Train")]
    shown = "".join(image(WHOLE, name=name, extra=f'subset="{s}"') for name, s in images)
    read = read_images(write_cvat(tmp_path, shown))
    assert [(each.name, each.split) for each in read] == [
        ("Test/a.jpg", "Test"),
        ("Train/a.jpg", "Train"),
        ("b.jpg", "Train"),
    ]
    assert [each.photo for each in read] == [
        tmp_path / "images" / place for place in ("Test/a.jpg", "Train/a.jpg", "Train/b.jpg")
    ]


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    _, problems = read_all(CVAT, write_cvat(tmp_path, image() + image()), binding=BINDING)
    assert [(problem.code, problem.image) for problem in problems] == [("duplicate_name", "a.jpg")]


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "C:/a.jpg", "a\\b.jpg", ""])
def test_trap_26_names_that_leave_their_folder_are_refused(name: str, tmp_path: Path) -> None:
    save_photo(tmp_path / "a.jpg")
    path = write_cvat(tmp_path / "inner", image(WHOLE, name=name) + image(WHOLE, name="ok.jpg"))
    read, problems = read_all(CVAT, path, binding=BINDING)
    assert [each.name for each in read] == ["ok.jpg"]
    assert errors(problems) == ["invalid_name"]


def test_trap_26_a_subset_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    save_photo(tmp_path / "a.jpg")
    shown = image(WHOLE, extra='subset=".."') + image(WHOLE, name="ok.jpg")
    read, problems = read_all(CVAT, write_cvat(tmp_path / "inner", shown), binding=BINDING)
    assert [(each.name, each.photo) for each in read] == [("ok.jpg", None)]
    assert errors(problems) == ["invalid_name"]


def test_other_shapes_are_counted_and_left_out(tmp_path: Path) -> None:
    shapes = (
        '<box label="person" xtl="0" ytl="0" xbr="1" ybr="1"/>' * 2
        + '<polyline label="person" points="0,0;1,1"/><points label="x" points="0,0"/>'
        + '<ellipse label="x"/><cuboid label="x"/><tag label="x"/>'
        + '<skeleton label="x"><points label="y" points="0,0"/></skeleton>'
    )
    (read,), problems = read_all(CVAT, write_cvat(tmp_path, image(shapes)), binding=BINDING)
    assert read.label == empty_label(2, 3)
    (problem,) = problems
    assert (problem.code, problem.severity, problem.image) == ("ignored_shape", "warning", "a.jpg")
    assert "2 box, 1 cuboid, 1 ellipse, 1 points, 1 polyline, 1 skeleton, 1 tag" in problem.message


def test_an_unbound_label_is_an_error_of_its_images(tmp_path: Path) -> None:
    path = write_cvat(tmp_path, image(WHOLE.replace("person", "car") * 2 + WHOLE))
    (read,), problems = read_all(CVAT, path, binding=BINDING)
    assert read.label is None
    (problem,) = problems
    assert (problem.code, problem.file, problem.image) == (
        "unknown_class",
        "annotations.xml",
        "a.jpg",
    )
    assert "'car' of 2 segments" in problem.message


FAULTS = {
    'rle="0, 5"': "covers 5 pixels of 3 × 2 = 6",
    'rle="0, 7"': "covers 7 pixels of 3 × 2 = 6",
    'rle="0, 99999999999999999"': "covers 99999999999999999 pixels",
    'rle="0, 999999999999999999999"': "no list of numbers",
    'rle=""': "no list of numbers",
    'rle="0, -1, 7"': "no list of numbers",
    'rle="0; 6"': "no list of numbers",
    'rle="0, 6,"': "no list of numbers",
    'rle="0, ６"': "no list of numbers",
    'rle="0, 6" left="1"': "not within the image, 3 × 2",
    'rle="0, 6" left="-1"': "not within the image",
    'rle="0, 6" left="x"': "left 'x' is no whole number",
    'rle="0, 6" width="0"': "not within the image",
    'rle="0, 6" width="2.5"': "width '2.5' is no whole number",
    'rle="0, 6" z_order="high"': "z_order 'high' is no whole number",
    'rle="0, 6" group_id="a"': "group_id 'a' is no whole number",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_mask_is_a_problem_that_names_image_and_label(fault: str, tmp_path: Path) -> None:
    usual = {"left": "0", "top": "0", "width": "3", "height": "2"}
    rest = " ".join(f'{key}="{value}"' for key, value in usual.items() if f" {key}=" not in fault)
    path = write_cvat(tmp_path, image(WHOLE + f'<mask label="person" {fault} {rest}/>'))
    (read,), problems = read_all(CVAT, path, binding=BINDING)
    (problem,) = problems
    assert read.label is None
    assert (problem.code, problem.file, problem.image, problem.segment) == (
        "malformed_file",
        "annotations.xml",
        "a.jpg",
        2,
    )
    assert problem.message.startswith("mask 2, 'person': ")
    assert FAULTS[fault] in problem.message


@pytest.mark.parametrize("points", ["", "1,1", "1,1;2,2", "1,1;2,2;3", "a,b;c,d;e,f", "1;2;3"])
def test_a_broken_polygon_is_a_problem(points: str, tmp_path: Path) -> None:
    path = write_cvat(tmp_path, image(f'<polygon label="person" points="{points}"/>'))
    _, problems = read_all(CVAT, path, binding=BINDING)
    assert errors(problems) == ["malformed_file"]
    assert "polygon 1, 'person'" in problems[0].message


@pytest.mark.parametrize("points", ["nan,1;2,2;3,3", "1e300,1;2,2;3,3", "inf,0;0,0;1,1"])
def test_points_that_are_nowhere_are_a_problem(points: str, tmp_path: Path) -> None:
    path = write_cvat(tmp_path, image(f'<polygon label="person" points="{points}"/>'))
    _, problems = read_all(CVAT, path, binding=BINDING)
    assert errors(problems) == ["malformed_file"]


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (("0", "3"), "malformed_label"),
        (("-1", "3"), "malformed_label"),
        (("", "3"), "malformed_file"),
        (("2", "3.5"), "malformed_file"),
        (("100000", "100000"), "too_large"),
    ],
)
def test_an_impossible_size_is_a_problem(size: Any, code: str, tmp_path: Path) -> None:
    _, problems = read_all(CVAT, write_cvat(tmp_path, image(WHOLE, size=size)), binding=BINDING)
    assert errors(problems) == [code]


def test_a_mask_without_pixels_is_left_out_and_told(tmp_path: Path) -> None:
    empty = WHOLE.replace("0, 6", "6")
    (read,), problems = read_all(CVAT, write_cvat(tmp_path, image(empty)), binding=BINDING)
    assert read.label == empty_label(2, 3)
    assert [(each.code, each.severity) for each in problems] == [("empty_segment", "warning")]


def test_the_xml_of_a_video_is_refused_with_what_to_do(tmp_path: Path) -> None:
    track = '<track id="0" label="person"><box frame="0" xtl="0"/></track>'
    with pytest.raises(MalformedFile, match=r"export it as CVAT for images 1\.1"):
        CVAT.open(write_cvat(tmp_path, track), ReadOptions())


BOMB = (
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<annotations>&b;</annotations>"
)
FILES = {
    "": "no XML at line 1",
    "<annotations>": "no XML at line 1",
    "<annotation/>": "holds <annotation>, not the <annotations> of CVAT",
    BOMB: "a document type is refused",
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotations/>': "a document type is refused",
    "<annotations>&a;</annotations>": "undefined entity",
    "<annotations>" + 70 * "<a>": "nested deeper than 64",
    "{}": "no XML at line 1",
    "<?xml version='1.0' encoding='zip'?><annotations/>": "the encoding cannot be read",
}


@pytest.mark.parametrize("content", FILES)
def test_a_file_that_is_none_of_cvat_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(content)
    with pytest.raises(MalformedFile) as refused:
        CVAT.open(path, ReadOptions())
    assert FILES[content] in refused.value.reason
    assert refused.value.file == "annotations.xml"


def test_a_file_without_images_is_told(tmp_path: Path) -> None:
    with CVAT.open(write_cvat(tmp_path, ""), ReadOptions()) as source:
        assert [problem.code for problem in source.problems] == ["no_images"]


def test_a_tag_without_end_is_refused_before_it_fills_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cvat_xml, "MAX_TAG_BYTES", 2**20)
    path = write_cvat(tmp_path, image(WHOLE.replace("0, 6", "0, " * 2**20)))
    with pytest.raises(MalformedFile, match="a tag of more than 1048576 bytes"):
        CVAT.open(path, ReadOptions())


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "annotations.xml"
    mask = WHOLE.replace("0, 6", "0, 6" + " " * 80_000)
    with path.open("w") as file:
        file.write(f"<annotations>{LABELS}")
        for number in range(250):
            file.write(image(mask, name=f"{number:04d}.jpg"))
        file.write("</annotations>")
    assert path.stat().st_size > 20_000_000
    tracemalloc.start()
    with CVAT.open(path, ReadOptions()) as source:
        assert source.count == 250
        for item in source.iter_items():
            assert CVAT.read_item(item, BINDING, ReadOptions()).problems == ()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12_000_000


STRANGE = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1",
        "2.0",
        "nan",
        "1e9",
        "9" * 30,
        "0, 6",
        "0,0;1,1;0,1",
        "person",
        "é",
        "../a",
    ]
)
KEYS = st.sampled_from(
    ["name", "label", "rle", "left", "top", "width", "height", "z_order", "points", "group_id"]
) | st.sampled_from(["occluded", "source", "subset"])


@examples(40)
@given(
    of_image=st.dictionaries(KEYS, STRANGE, max_size=4),
    of_shapes=st.lists(st.tuples(st.sampled_from(["mask", "polygon", "x"]),
                                 st.dictionaries(KEYS, STRANGE, max_size=6)), max_size=3),
)  # fmt: skip
def test_strange_values_never_break_the_reader(
    of_image: dict[str, str],
    of_shapes: list[tuple[str, dict[str, str]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    usual = {"rle": "0, 6", "left": "0", "top": "0", "width": "3", "height": "2"}
    shapes = "".join(
        f"<{tag} {_attributes({**usual, 'label': 'person', **given})}/>" for tag, given in of_shapes
    )
    head = _attributes({"name": "a.jpg", "width": "3", "height": "2", **of_image})
    folder = tmp_path_factory.mktemp("strange")
    path = write_cvat(folder, f"<image {head}>{shapes}</image>")
    try:
        images, _ = read_all(CVAT, path, binding=BINDING)
    except MalformedFile:
        return
    for read in images:
        assert (read.label is None) == bool(errors(read.problems))
        if read.label is not None:
            canonical_bytes(read.label)


def test_files_of_cvat_are_recognised_and_others_are_not(tmp_path: Path) -> None:
    path = write_cvat(tmp_path, image(WHOLE))
    (tmp_path / "voc.xml").write_text("<annotation><folder>VOC</folder></annotation>")
    (tmp_path / "broken.xml").write_bytes(b"\xff\x00")
    (tmp_path / "images").mkdir()
    (found,) = CVAT.recognise(tmp_path)
    assert found.path == path
    assert found.reason == "annotations.xml has <meta> in <annotations>, as CVAT writes it"
    assert list(CVAT.recognise(path)) == [found]
    assert list(CVAT.recognise(tmp_path / "voc.xml")) == []
    assert list(CVAT.recognise(tmp_path / "missing")) == []
    assert list(CVAT.recognise(tmp_path / "images")) == []


def test_the_exported_project_of_datumaro_is_read() -> None:
    folder = real_data("datumaro_assets") / "cvat_dataset" / "for_images" / "export_project"
    (found,) = CVAT.recognise(folder)
    binding = {"label1": BoundClass(1, "thing"), "label2": BoundClass(2, "thing")}
    images, problems = read_all(CVAT, found.path, binding=binding)
    assert [image.name for image in images] == [
        f"{subset}/img{n}.jpg" for subset in ("Test", "Train", "Validation") for n in (0, 1)
    ]
    assert [image.split for image in images][::2] == ["Test", "Train", "Validation"]
    assert all(image.photo is not None for image in images)
    assert {problem.code for problem in problems} == {"ignored_shape"}
    with_polygon = images[1].label
    assert with_polygon is not None
    assert with_polygon.shape == (10, 10)
    assert len(with_polygon.segments) == 1
    drawn = decode_runs(segment_mask(with_polygon, 1))
    assert np.argwhere(drawn).tolist() == [[3, 3]]  # a sliver: 1,2 to 3,4 to 6,5


def test_the_exported_task_of_datumaro_is_refused_since_a_polygon_has_no_label() -> None:
    folder = real_data("datumaro_assets") / "cvat_dataset" / "for_images" / "export_task"
    (found,) = CVAT.recognise(folder)
    binding = {"label1": BoundClass(1, "thing"), "label2": BoundClass(2, "thing")}
    images, problems = read_all(CVAT, found.path, binding=binding)
    assert [(image.name, image.label is None) for image in images] == [
        ("img0.jpg", False),
        ("img1.jpg", True),
    ]
    (refused,) = (problem for problem in problems if problem.severity == "error")
    assert (refused.code, refused.image) == ("unknown_class", "img1.jpg")
    assert "''" in refused.message


def write_cvat(folder: Path, images: str, *, meta: str = LABELS) -> Path:
    """A file of drawn images."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "annotations.xml"
    path.write_text(f"<annotations>{meta}{images}</annotations>")
    return path


def image(
    shapes: str = "", *, name: str = "a.jpg", size: tuple[Any, Any] = (2, 3), extra: str = ""
) -> str:
    """An image of (height, width)."""
    sides = f'height="{size[0]}" width="{size[1]}"'
    return f'<image id="0" name="{name}" {sides} {extra}>{shapes}</image>'


def read_images(path: Path, options: ReadOptions | None = None) -> list[Any]:
    """The images of a file; there must be no problem at all."""
    images, problems = read_all(CVAT, path, options, BINDING)
    assert problems == ()
    return images


def save_photo(path: Path, size: tuple[int, int] = (2, 3)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(path)


def _attributes(given: Mapping[str, str]) -> str:
    return " ".join(f'{key}="{value}"' for key, value in given.items())
