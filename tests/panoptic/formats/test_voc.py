"""PASCAL VOC: palette files by index, objects and their classes, lists, labelmaps."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from panoptic.errors import TooLarge, UnknownClass
from panoptic.formats.base import (
    Binding,
    BoundClass,
    ExportClass,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.color_maps.tables import VOC_PALETTE, UnwritableClass, voc_color
from panoptic.formats.voc.format import VOC
from panoptic.formats.voc.reader import recognise_voc
from panoptic.label import Label, Segment, label_from_runs
from panoptic.runs import encode_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import (
    RANDOM_CLASSES,
    bind_all,
    errors,
    export_image,
    read_all,
    read_single,
    save_pixels,
    write_all,
)
from tests.panoptic.strategies import CLASS_IDS, SHAPES, STUFF_IDS
from tests.real_data import real_data

# VOC's person and sheep, and a class of stuff where a labelmap has one; other ids than theirs.
BINDING: Binding = {
    15: BoundClass(1, "thing"),
    17: BoundClass(2, "thing"),
    "road": BoundClass(3, "stuff"),
    "lorry": BoundClass(4, "thing"),
}
read = partial(read_all, VOC, binding=BINDING)
read_one = partial(read_single, VOC, binding=BINDING)
PERSON = ExportClass(1, "human", "thing", (1, 2, 3), {"voc": 15})
SHEEP = ExportClass(2, "sheep", "thing", (4, 5, 6))
ROAD = ExportClass(3, "road", "stuff", (128, 64, 128))
LORRY = ExportClass(4, "lorry", "thing", (0, 0, 142))

BORDER = 255


@st.composite
def voc_labels(draw: st.DrawFn) -> Label:
    """Objects up to 254; stuff and crowds, one for each class, have the numbers left over."""
    height, width = draw(SHAPES)
    ids = draw(st.lists(st.integers(1, 254), unique=True, max_size=4))
    things = [class_id for class_id in CLASS_IDS if class_id not in STUFF_IDS]
    objects = {i: draw(st.sampled_from(things)) for i in ids}
    regions = draw(st.lists(st.sampled_from(CLASS_IDS), unique=True, max_size=3))
    owners = [0, *objects, *(-class_id for class_id in regions)]
    pixels = st.lists(st.sampled_from(owners), min_size=height * width, max_size=height * width)
    flat = draw(pixels)
    seen = dict.fromkeys(owner for owner in flat if owner)
    taken = [owner for owner in seen if owner > 0]
    free = iter(number for number in range(1, 20) if number not in taken)
    numbers = {owner: owner if owner > 0 else next(free) for owner in seen}
    rows = [
        Segment(number, objects[owner])
        if owner > 0
        else Segment(number, -owner, crowd=-owner not in STUFF_IDS)
        for owner, number in numbers.items()
    ]
    plane = np.array([numbers.get(owner, 0) for owner in flat]).reshape(height, width)
    return label_from_runs(encode_runs(plane), rows)


class TestVoc(FormatConformance):
    format = VOC
    target_name = "VOC"
    binding: ClassVar = {each.name: BoundClass(each.class_id, each.kind) for each in RANDOM_CLASSES}
    classes = RANDOM_CLASSES

    @staticmethod
    def labels() -> st.SearchStrategy[Label]:
        return voc_labels()

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 1})


# Reading, from files drawn as the development kit describes them


def test_indices_are_classes_and_objects_and_the_border_is_void(tmp_path: Path) -> None:
    save(
        tmp_path,
        "a",
        [[0, 15, 15, BORDER, 17], [0, 15, 15, BORDER, 15]],
        [[0, 3, 3, BORDER, 1], [0, 3, 3, BORDER, 2]],
    )
    image, problems = read_one(tmp_path)
    assert image.label == label(".33.1 .33.2", {1: 2, 2: 1, 3: 1})
    assert image.name == "a.jpg"
    assert [(p.code, p.severity, p.image) for p in problems] == [
        ("border_pixels", "warning", "a.jpg")
    ]
    assert "2 pixels" in problems[0].message


def test_a_border_of_one_file_is_void_whatever_the_other_says(tmp_path: Path) -> None:
    save(tmp_path, "a", [[15, 15, BORDER, 0]], [[1, BORDER, 1, BORDER]])
    image, (problem,) = read_one(tmp_path)
    assert image.label == label("1...", {1: 1})
    assert problem.message == "3 pixels of border are read as void"


def test_pixels_of_a_class_without_an_object_are_one_crowd(tmp_path: Path) -> None:
    save(tmp_path, "a", [[15, 15, 0, 15, 17]], [[2, 0, 0, 0, 0]])
    image, problems = read_one(tmp_path)
    assert problems == ()
    # Ids that no object has, in the order of the first pixel.
    assert image.label == label("21.13", {2: 1, 1: 1, 3: 2}, crowds=[1, 3])


def test_stuff_is_one_segment_whatever_its_objects_are(tmp_path: Path) -> None:
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\nroad:9,9,9::\nlorry:8,8,8::\n")
    save(tmp_path, "a", [[1, 1, 1, 2]], [[5, 4, 0, 1]], mode="L")
    image, problems = read_one(tmp_path)
    assert image.label == label("4441", {4: 3, 1: 4})
    assert [(p.code, p.severity) for p in problems] == [("joined_stuff", "warning")]


def test_classes_alone_are_semantic(tmp_path: Path) -> None:
    save(tmp_path, "a", [[15, 0, 17, 15]], None)
    image, problems = read_one(tmp_path)
    assert problems == ()
    assert image.label == label("1.21", {1: 1, 2: 2}, crowds=[1, 2])


def test_one_missing_file_of_objects_is_a_warning(tmp_path: Path) -> None:
    save(tmp_path, "a", [[15]], None)
    save(tmp_path, "b", [[15]], [[7]])
    images, problems = read(tmp_path)
    assert [image.label for image in images] == [
        label("1", {1: 1}, crowds=[1]),
        label("7", {7: 1}),
    ]
    assert [(p.code, p.severity, p.image) for p in problems] == [
        ("missing_file", "warning", "a.jpg")
    ]


def test_a_missing_file_of_classes_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, "b", [[15]], [[7]])
    (tmp_path / "SegmentationClass/b.png").rename(tmp_path / "SegmentationClass/c.png")
    images, problems = read(tmp_path)
    assert [image.label is None for image in images] == [True, False]
    assert [(p.code, p.image) for p in problems if p.severity == "error"] == [
        ("malformed_file", "b.jpg")
    ]


def test_an_object_of_two_classes_is_an_error_that_counts(tmp_path: Path) -> None:
    save(tmp_path, "a", [[15, 15, 17, 0, 17]], [[3, 3, 3, 0, 1]])
    image, (problem,) = read_one(tmp_path)
    assert image.label is None
    assert (problem.code, problem.image, problem.segment) == ("mixed_classes", "a.jpg", 3)
    assert "object 3 lies on person (2 pixels), sheep (1 pixels)" in problem.message


def test_an_object_on_the_background_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, "a", [[0, 15]], [[3, 0]])
    _, (problem,) = read_one(tmp_path)
    assert (problem.code, problem.segment) == ("mixed_classes", 3)
    assert "object 3 lies on background (1 pixels)" in problem.message


def test_a_number_that_is_no_class_is_an_error_that_counts(tmp_path: Path) -> None:
    save(tmp_path, "a", [[15, 21, 21]], [[1, 2, 2]])
    _, (problem,) = read_one(tmp_path)
    assert problem.code == "malformed_file"
    assert "2 pixels have values that mean no class: 21" in problem.message


def test_a_class_that_the_taxonomy_lacks_is_an_error_that_counts(tmp_path: Path) -> None:
    save(tmp_path, "a", [[1, 1, 15]], [[1, 2, 3]])
    _, (problem,) = read_one(tmp_path)
    assert (problem.code, problem.image) == ("unknown_class", "a.jpg")
    assert "class 1 of 2 segments" in problem.message


def test_the_classes_are_vocs_twenty(tmp_path: Path) -> None:
    save(tmp_path, "a", [[0]], None)
    with VOC.open(tmp_path, ReadOptions()) as source:
        assert source.scheme == "voc"
        assert [each.external_id for each in source.classes] == list(range(1, 21))
        assert source.classes[14][1:4] == ("person", "thing", (192, 128, 128))


# Lists and photographs


def test_lists_say_the_split_and_trainval_and_default_are_none(tmp_path: Path) -> None:
    for stem in "abcde":
        save(tmp_path, stem, [[0]], None)
    save_lists(tmp_path, train="a\n", val="b\r\n", trainval="a\nb\nc\n", default="d")
    images, problems = read(tmp_path)
    assert problems == ()
    splits = {image.name: image.split for image in images}
    assert splits == {"a.jpg": "train", "b.jpg": "val", "c.jpg": None, "d.jpg": None, "e.jpg": None}


def test_a_stem_in_two_lists_is_in_the_first_with_a_warning(tmp_path: Path) -> None:
    save(tmp_path, "a", [[0]], None)
    save_lists(tmp_path, val="a", train="a", other="a")
    (image,), problems = read(tmp_path)
    assert image.split == "train"
    assert [(p.code, p.file, p.image, p.severity) for p in problems] == [
        ("two_splits", "val.txt", "a", "warning"),
        ("two_splits", "other.txt", "a", "warning"),
    ]


def test_a_listed_photograph_without_labels_is_unlabelled(tmp_path: Path) -> None:
    save(tmp_path, "a", [[0]], None)
    save_photo(tmp_path / "JPEGImages/b.JPG", 2, 3)
    save_lists(tmp_path, test="b")
    images, problems = read(tmp_path)
    assert problems == ()
    assert [(image.name, image.label, image.split) for image in images][1] == (
        "b.JPG",
        None,
        "test",
    )
    assert (images[1].height, images[1].width) == (2, 3)


def test_a_listed_stem_without_any_file_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, "a", [[0]], None)
    save_lists(tmp_path, train="a\nb")
    _, (problem,) = read(tmp_path)
    assert (problem.code, problem.image) == ("malformed_file", "b.jpg")


@pytest.mark.parametrize("stem", ["../../etc/passwd", "/etc/passwd", "a\0b", "x/../../y"])
def test_trap_26_a_list_cannot_name_files_elsewhere(tmp_path: Path, stem: str) -> None:
    save(tmp_path, "a", [[0]], None)
    save_lists(tmp_path, train=f"a\n{stem}")
    images, problems = read(tmp_path)
    assert [image.name for image in images] == ["a.jpg"]
    assert errors(problems) == ["invalid_name"]


def test_photographs_are_found_by_stem_in_jpegimages_or_where_the_options_say(
    tmp_path: Path,
) -> None:
    save(tmp_path, "a.b", [[0]], None)
    save_photo(tmp_path / "JPEGImages/a.b.png", 1, 1)
    image, problems = read_one(tmp_path)
    assert (image.name, image.photo, problems) == ("a.b.png", tmp_path / "JPEGImages/a.b.png", ())
    save_photo(tmp_path / "other/a.b.webp", 1, 1)
    image, problems = read_one(tmp_path, ReadOptions(images=tmp_path / "other"))
    assert (image.name, image.photo, problems) == ("a.b.webp", tmp_path / "other/a.b.webp", ())


def test_a_photograph_of_another_size_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, "a", [[0, 0]], None)
    save_photo(tmp_path / "JPEGImages/a.jpg", 2, 2)
    assert errors(read(tmp_path)[1]) == ["photo_size_mismatch"]


def test_names_with_folders_dots_and_spaces_survive(tmp_path: Path) -> None:
    names = ["d/a.b.jpg", "frame.001.jpg", "frame.002.jpg", "with space.jpg"]
    images = [export_image(name, label("1", {1: 1}), split="val") for name in names]
    write_all(VOC, tmp_path / "x", images, (PERSON,))
    read_images, problems = read(tmp_path / "x")
    assert problems == ()
    assert [(image.name, image.split) for image in read_images] == [(n, "val") for n in names]


# Labelmaps


LABELMAP = "# label:color_rgb:parts:actions\nnothing:0,0,0::\nroad:128,64,128::\nlorry:0,0,142::\n"


def test_with_a_labelmap_colours_tell_the_classes(tmp_path: Path) -> None:
    (tmp_path / "labelmap.txt").write_text(LABELMAP)
    road, car, black = (128, 64, 128), (0, 0, 142), (0, 0, 0)
    save_pixels(tmp_path / "SegmentationClass/a.png", [[black, road, car, car]])
    objects = [VOC_PALETTE[n] for n in (0, 1, 2, 129)]
    save_pixels(tmp_path / "SegmentationObject/a.png", [objects])
    image, problems = read_one(tmp_path)
    assert problems == ()
    assert image.label == label_from_runs(
        encode_runs(np.array([[0, 1, 2, 129]])), [Segment(1, 3), Segment(2, 4), Segment(129, 4)]
    )
    with VOC.open(tmp_path, ReadOptions()) as source:
        assert source.scheme == ""
        assert [each[:4] for each in source.classes] == [
            ("road", "road", "thing", road),
            ("lorry", "lorry", "thing", car),
        ]


@pytest.mark.parametrize("row", ["nothing:0,0,0::\n", "background:9,9,9::\n", ""])
def test_the_background_may_be_renamed_recoloured_or_missing(tmp_path: Path, row: str) -> None:
    (tmp_path / "labelmap.txt").write_text(f"{row}lorry:0,0,142::\n")
    void = (9, 9, 9) if "9,9,9" in row else (0, 0, 0)
    save_pixels(tmp_path / "SegmentationClass/a.png", [[void, (0, 0, 142), (0, 0, 0)]])
    image, problems = read_one(tmp_path)
    assert problems == ()
    assert image.label == label(".1.", {1: 4}, crowds=[1])


def test_a_labelmap_of_vocs_names_keeps_vocs_ids_and_its_border(tmp_path: Path) -> None:
    rows = "background:0,0,0::\nsheep:1,1,1::\nperson:2,2,2:head:\nignored:224,224,192::\n"
    (tmp_path / "labelmap.txt").write_text(rows)
    save_pixels(tmp_path / "SegmentationClass/a.png", [[(2, 2, 2), (224, 224, 192)]])
    image, problems = read_one(tmp_path)
    assert [p.code for p in problems] == ["border_pixels"]
    assert image.label == label("1.", {1: 1}, crowds=[1])
    with VOC.open(tmp_path, ReadOptions()) as source:
        assert (source.scheme, [each.external_id for each in source.classes]) == ("voc", [17, 15])


def test_a_labelmap_may_be_named_by_the_options(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text(LABELMAP)
    save_pixels(tmp_path / "VOC/SegmentationClass/a.png", [[(128, 64, 128)]])
    options = ReadOptions(classes=tmp_path / "elsewhere.txt")
    image, problems = read_one(tmp_path / "VOC", options)
    assert (image.label, problems) == (label("1", {1: 3}), ())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"lorry:1,2,3::\nbus:1,2,3::\n", "'lorry' and 'bus' have one colour"),
        (b"lorry:1,2,3::\nlorry:1,2,4::\n", "two classes are called 'lorry'"),
        (b"lorry:1,2::\n", "line 1: a colour is three numbers"),
        (b"lorry:1,2,256::\n", "line 1: a colour is three numbers"),
        (b"# x\nbig car\n", "line 2: 'red green blue name' is needed"),
        (b"\xff\xfe", "no UTF-8"),
        (b"", "names no class"),
    ],
)
def test_a_broken_labelmap_is_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "labelmap.txt").write_bytes(content)
    save(tmp_path, "a", [[0]], None)
    _, problems = read(tmp_path)
    assert {p.code for p in problems} == {"malformed_file"}
    assert all(p.file and reason in p.message for p in problems[:1])


# Traps


def test_trap_4_a_class_in_row_zero_of_a_labelmap_is_a_class(tmp_path: Path) -> None:
    (tmp_path / "labelmap.txt").write_text("lorry:0,0,142::\nnothing:0,0,0::\nroad:1,1,1::\n")
    save(tmp_path, "a", [[0, 1, 2]], [[1, 0, 0]], mode="L")
    image, problems = read_one(tmp_path)
    assert (image.label, problems) == (label("1.2", {1: 4, 2: 3}), ())


def test_trap_6_sixteen_bits_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "SegmentationClass"
    folder.mkdir()
    Image.fromarray(np.full((2, 2), 15, np.uint16)).save(folder / "a.png")
    _, (problem,) = read_one(tmp_path)
    assert "a file of 8 bits is needed, this one has 16" in problem.message


def test_trap_7_palette_files_are_read_by_index_whatever_their_colours_are(tmp_path: Path) -> None:
    save(tmp_path, "a", [[15, 0]], [[2, 0]], palette=[0] * 768)
    image, problems = read_one(tmp_path)
    assert (image.label, problems) == (label("2.", {2: 1}), ())


def test_trap_8_colours_of_nothing_are_refused_and_counted(tmp_path: Path) -> None:
    (tmp_path / "labelmap.txt").write_text(LABELMAP)
    grey = [(n, n, n) for n in range(1, 8)]
    save_pixels(tmp_path / "SegmentationClass/a.png", [[*grey, (0, 0, 142)]])
    _, (problem,) = read_one(tmp_path)
    assert "7 pixels have 7 colours that no class has: (1, 1, 1), (2, 2, 2)" in problem.message
    assert "and 2 more" in problem.message


def test_trap_9_red_and_blue_are_not_swapped(tmp_path: Path) -> None:
    (tmp_path / "labelmap.txt").write_text("lorry:10,20,200::\nroad:200,20,10::\n")
    save_pixels(tmp_path / "SegmentationClass/a.png", [[(10, 20, 200)]])
    assert read_one(tmp_path)[0].label == label("1", {1: 4}, crowds=[1])


def test_trap_13_what_lies_below_is_counted(tmp_path: Path) -> None:
    layered = stack("1111", ".22.", "..3.", classes={1: 1, 2: 2, 3: 1})
    hidden = stack("1.", "2.", classes={1: 1, 2: 2})
    images = [export_image("a.jpg", layered), export_image("b.jpg", hidden)]
    report = write_all(VOC, tmp_path / "x", images, (PERSON, SHEEP))
    assert dict(report.lost) == {"hidden_pixels": 4, "hidden_segments": 1}
    assert report.segments == 4


@pytest.mark.parametrize("count", [254, 255, 256, 257])
def test_trap_21_more_than_254_objects_are_refused_not_wrapped(tmp_path: Path, count: int) -> None:
    rows = [Segment(number, 1) for number in range(1, count + 1)]
    given = label_from_runs(encode_runs(np.arange(1, count + 1).reshape(1, -1)), rows)
    image = export_image("many.jpg", given)
    if count <= 254:
        assert write_all(VOC, tmp_path / "x", [image], (PERSON,)).lost == {}
        assert read_one(tmp_path / "x")[0].label == given
        return
    with pytest.raises(TooLarge, match=f"image many.jpg: {count}, at most 254"):
        write_all(VOC, tmp_path / "x", [image], (PERSON,))


def test_trap_27_files_of_other_modes_say_the_same(tmp_path: Path) -> None:
    classes, objects = [[0, 15, 17, 255]], [[0, 1, 2, 255]]
    for mode in ("P", "L"):
        save(tmp_path, mode, classes, objects, mode=mode)
    for mode in ("RGB", "RGBA"):
        for folder, numbers in (("SegmentationClass", classes), ("SegmentationObject", objects)):
            colors = [[voc_color(n) for n in row] for row in numbers]
            save_pixels(tmp_path / folder / f"{mode}.png", colors, mode=mode)
    images, problems = read(tmp_path)
    assert {problem.code for problem in problems} == {"border_pixels"}
    assert [image.label for image in images] == [label(".12.", {1: 1, 2: 2})] * 4


# Hostile files


def test_files_of_two_sizes_are_an_error(tmp_path: Path) -> None:
    save(tmp_path, "a", [[15, 0]], [[1]])
    _, (problem,) = read_one(tmp_path)
    assert "1 × 1 pixels (height × width), 1 × 2 are expected" in problem.message


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(99)])
@pytest.mark.parametrize("folder", ["SegmentationClass", "SegmentationObject"])
def test_a_file_that_is_no_png_is_an_error(tmp_path: Path, folder: str, content: bytes) -> None:
    save(tmp_path, "a", [[15]], [[1]])
    (tmp_path / folder / "a.png").write_bytes(content)
    _, problems = read(tmp_path)
    assert errors(problems) == ["malformed_file"]


def test_names_that_are_no_text_are_errors(tmp_path: Path) -> None:
    save(tmp_path, "a", [[0]], None)
    save_lists(tmp_path, **{"tr\udcffain": "a"})
    (tmp_path / "SegmentationClass/\udcff.png").touch()
    images, problems = read(tmp_path)
    assert [(image.name, image.split) for image in images] == [("a.jpg", None)]
    assert errors(problems) == ["invalid_name", "invalid_name"]
    "".join(problem.message + problem.file for problem in problems).encode()


def test_a_list_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, "a", [[0]], None)
    save_lists(tmp_path, train="")
    (tmp_path / "ImageSets/Segmentation/train.txt").write_bytes(b"\xff\xfe\x00")
    _, (problem,) = read(tmp_path)
    assert (problem.code, problem.file) == ("malformed_file", "train.txt")


@pytest.mark.parametrize("inside", ["", "SegmentationClass", "JPEGImages"])
def test_a_folder_without_labels_is_an_error(tmp_path: Path, inside: str) -> None:
    (tmp_path / "x" / inside).mkdir(parents=True)
    _, (problem,) = read(tmp_path / "x")
    code = "no_images" if inside == "SegmentationClass" else "missing_folder"
    assert problem.code == code


# Writing


def test_the_palette_is_vocs(tmp_path: Path) -> None:
    assert VOC_PALETTE[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert VOC_PALETTE[20] == (0, 64, 128)
    assert VOC_PALETTE[255] == (224, 224, 192)


def test_the_files_of_an_export(tmp_path: Path) -> None:
    given = [
        export_image("a.jpg", label("11. 112", {1: 1, 2: 2}), split="train"),
        export_image("b.png", label("3", {3: 1}), split="val"),
        export_image("c.jpg", label("3", {3: 1})),
        export_image("d.jpg", label("3", {3: 1}), split="test"),
    ]
    with VOC.create(tmp_path / "x", (PERSON, SHEEP), WriteOptions(photos=True)) as writer:
        for image in given:
            writer.add(writer.encode(image), b"\xff\xd8\xff photograph")
        report = writer.close()
    assert (report.images, report.segments, report.lost, report.problems) == (4, 5, {}, ())
    files = sorted(
        path.relative_to(tmp_path / "x").as_posix() for path in (tmp_path / "x").rglob("*.*")
    )
    assert files == [
        *(f"ImageSets/Segmentation/{name}.txt" for name in ("test", "train", "trainval", "val")),
        *(f"JPEGImages/{stem}.jpg" for stem in "abcd"),
        *(f"SegmentationClass/{stem}.png" for stem in "abcd"),
        *(f"SegmentationObject/{stem}.png" for stem in "abcd"),
    ]
    lists = tmp_path / "x/ImageSets/Segmentation"
    assert (lists / "trainval.txt").read_text() == "a\nb\nc\n"
    assert (lists / "test.txt").read_text() == "d\n"
    with Image.open(tmp_path / "x/SegmentationClass/a.png") as file:
        assert (file.mode, np.asarray(file).tolist()) == ("P", [[15, 15, 0], [15, 15, 17]])
        assert file.getpalette() == [channel for color in VOC_PALETTE for channel in color]
    with Image.open(tmp_path / "x/SegmentationObject/a.png") as file:
        assert (file.mode, np.asarray(file).tolist()) == ("P", [[1, 1, 0], [1, 1, 2]])


GOLDEN = "c9da28ef40e627f2a03d7df4e40d9f8f14385d54c1b838d73714db51d5a00e06"


def test_the_bytes_of_an_export_never_change(tmp_path: Path) -> None:
    image = export_image("a.jpg", label("11. 1.3", {1: 1, 3: 4}))
    write_all(VOC, tmp_path / "x", [image], (PERSON, LORRY))
    digest = hashlib.sha256()
    for path in sorted(path for path in (tmp_path / "x").rglob("*") if path.is_file()):
        digest.update(path.relative_to(tmp_path).as_posix().encode() + path.read_bytes())
    assert digest.hexdigest() == GOLDEN


def test_other_classes_come_with_a_labelmap(tmp_path: Path) -> None:
    black = ExportClass(9, "night", "stuff", (0, 0, 0))
    image = export_image("a.jpg", label("134", {1: 3, 3: 4, 4: 9}))
    report = write_all(VOC, tmp_path / "x", [image], (black, LORRY, ROAD))
    assert [problem.code for problem in report.problems] == ["changed_color"]
    lines = (tmp_path / "x/labelmap.txt").read_text().splitlines()
    assert lines[:4] == [
        "# label:color_rgb:parts:actions",
        "background:0,0,0::",
        "road:128,64,128::",
        "lorry:0,0,142::",
    ]
    assert lines[4].startswith("night:")
    with Image.open(tmp_path / "x/SegmentationClass/a.png") as file:
        assert np.asarray(file).tolist() == [[1, 2, 3]]
        assert file.getpalette()[3:9] == [128, 64, 128, 0, 0, 142]


def test_ids_beyond_254_and_those_of_stuff_and_crowds_change(tmp_path: Path) -> None:
    plane = encode_runs(np.array([[2, 300, 255, 70000, 7]]))
    rows = [Segment(2, 4), Segment(300, 4), Segment(255, 3), Segment(70000, 4, crowd=True)]
    given = label_from_runs(plane, [*rows, Segment(7, 4, crowd=True)])
    report = write_all(VOC, tmp_path / "x", [export_image("a.jpg", given)], (LORRY, ROAD))
    assert dict(report.lost) == {"changed_ids": 4, "merged_crowds": 1}
    image, problems = read_one(tmp_path / "x")
    assert problems == ()
    assert image.label == label("21344", {2: 4, 1: 4, 3: 3, 4: 4}, crowds=[4])


def test_fields_of_segments_are_counted_as_lost(tmp_path: Path) -> None:
    given = label("12", {1: 1, 2: 2}, scores={1: 0.5}, attributes={2: {"a": 1, "b": 2}})
    report = write_all(VOC, tmp_path / "x", [export_image("a.jpg", given)], (PERSON, SHEEP))
    assert dict(report.lost) == {"fields": 3}


def test_an_unlabelled_image_is_left_out(tmp_path: Path) -> None:
    report = write_all(VOC, tmp_path / "x", [export_image("a.jpg", None)], (PERSON,))
    assert (report.images, dict(report.lost)) == (0, {"unlabelled_images": 1})
    assert [problem.code for problem in report.problems] == ["unlabelled_image"]


def test_a_class_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownClass, match=r"image a.jpg, segment 1: unknown class 2"):
        write_all(VOC, tmp_path / "x", [export_image("a.jpg", label("1", {1: 2}))], (PERSON,))


@pytest.mark.parametrize("name", ["a:b", "a\nb", " a", "#a", ""])
def test_a_name_that_a_labelmap_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnwritableClass, match="cannot stand in labelmap"):
        write_all(VOC, tmp_path / "x", [], (ExportClass(1, name, "thing", (1, 1, 1)),))
    assert not list(tmp_path.iterdir())


def test_more_classes_than_numbers_are_refused(tmp_path: Path) -> None:
    classes = tuple(ExportClass(n, f"class {n}", "thing", (0, 1, 2)) for n in range(1, 257))
    write_all(VOC, tmp_path / "fits", [], classes[:254])
    with pytest.raises(TooLarge, match="255, at most 254"):
        write_all(VOC, tmp_path / "x", [], classes[:255])


# Recognition and real files


def test_it_is_recognised_by_its_folder(tmp_path: Path) -> None:
    save(tmp_path / "VOC2012", "2007_000032", [[0]], None)
    for path in (tmp_path, tmp_path / "VOC2012"):
        (found,) = recognise_voc(path)
        assert found == (tmp_path / "VOC2012", "SegmentationClass/2007_000032.png")
    assert list(recognise_voc(tmp_path / "VOC2012/SegmentationClass/2007_000032.png")) == []
    assert list(recognise_voc(tmp_path / "missing")) == []


def test_the_real_files_of_datumaro(tmp_path: Path) -> None:
    folder = real_data("datumaro_assets/voc_dataset/voc_dataset1")
    binding, _ = bind_all(VOC, folder)
    images, problems = read_all(VOC, folder, None, binding)
    assert problems == ()
    assert [(i.name, i.split, i.height, i.width) for i in images] == [
        ("2007_000001.jpg", "train", 10, 20),
        ("2007_000002.jpg", "test", 10, 20),
    ]
    # One colour each, VOC's of number 2 (bicycle) and of number 1, in RGB and without a labelmap.
    assert images[0].label == label_from_runs(
        encode_runs(np.ones((10, 20), np.uint8)), [Segment(1, binding[2].class_id)]
    )
    assert images[1].label is None


@pytest.mark.parametrize("name", ["voc_dataset2", "voc_dataset3"])
def test_real_files_of_other_tasks_are_refused_with_the_reason(name: str) -> None:
    folder = real_data(f"datumaro_assets/voc_dataset/{name}")
    _, problems = read(folder)
    assert errors(problems) == ["missing_folder"]
    assert "there is no folder SegmentationClass" in problems[0].message
    assert list(recognise_voc(folder)) == []


def save(
    root: Path,
    stem: str,
    classes: list[list[int]],
    objects: list[list[int]] | None,
    *,
    mode: str = "P",
    palette: list[int] | None = None,
) -> None:
    """Both files of an image, by Pillow."""
    for folder, numbers in (("SegmentationClass", classes), ("SegmentationObject", objects)):
        if numbers is None:
            continue
        (root / folder).mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(np.array(numbers, np.uint8))
        if mode == "P":
            image.putpalette(palette or [channel for color in VOC_PALETTE for channel in color])
        image.save(root / folder / f"{stem}.png")


def save_lists(root: Path, **lists: str) -> None:
    folder = root / "ImageSets/Segmentation"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in lists.items():
        (folder / f"{name}.txt").write_bytes(content.encode())


def save_photo(path: Path, height: int, width: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height)).save(path)
