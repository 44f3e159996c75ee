"""Id maps: numbers of every depth, and the tables that say what they mean."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import assume
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
from panoptic.formats.color_maps.tables import UnwritableClass
from panoptic.formats.id_maps.format import ID_MAPS
from panoptic.formats.id_maps.reader import recognise_ids
from panoptic.label import Label, Segment, label_from_runs, renumber
from panoptic.runs import encode_runs
from panoptic.views import panoptic_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import (
    RANDOM_CLASSES,
    errors,
    export_image,
    read_all,
    read_single,
    save_pixels,
    write_all,
)
from tests.panoptic.strategies import STUFF_IDS, layered_labels
from tests.real_data import real_data

BINDING: Binding = {
    "object": BoundClass(7, "thing"),
    "road": BoundClass(3, "stuff"),
    "car": BoundClass(4, "thing"),
}
read = partial(read_all, ID_MAPS, binding=BINDING)
read_one = partial(read_single, ID_MAPS, binding=BINDING)
CLASSES = (
    ExportClass(3, "road", "stuff", (128, 64, 128), {"cityscapes": 7}),
    ExportClass(4, "car", "thing", (0, 0, 142), {"cityscapes": 26}),
    ExportClass(7, "object", "thing", (1, 2, 3)),
)
HEADER = "file,id,class,crowd\n"


class TestIdMaps(FormatConformance):
    format = ID_MAPS
    target_name = "maps"
    binding: ClassVar = {each.name: BoundClass(each.class_id, each.kind) for each in RANDOM_CLASSES}
    classes = RANDOM_CLASSES

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Partitions with ids of 16 bits, with one segment of each stuff class, which is no
        crowd."""
        layered = draw(layered_labels())
        visible = panoptic_runs(layered)
        seen = set(visible.values.tolist()) - {0}
        rows = [
            Segment(row.segment_id, row.class_id, row.crowd and row.class_id not in STUFF_IDS)
            for row in layered.segments
            if row.segment_id in seen
        ]
        stuff = [row.class_id for row in rows if row.class_id in STUFF_IDS]
        assume(len(stuff) == len(set(stuff)))
        drawn = label_from_runs(visible, rows)
        large = {70_000: 65_535, 2**24 - 1: 65_534}
        old = [segment_id for segment_id in large if segment_id in seen]
        return renumber(drawn, old, [large[segment_id] for segment_id in old])

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 1})

    @staticmethod
    def image_name(number: int) -> str:
        return f"{number}.png"


# Reading numbers of every depth

DEPTHS = {
    "8.png": (np.uint8, 254),
    "8+.png": (np.uint8, 255),
    "16.png": (np.uint16, 256),
    "16+.png": (np.uint16, 65_535),
    "8.tif": (np.uint8, 255),
    "16.tif": (np.uint16, 257),
    "16+.tiff": (np.uint16, 65_535),
    "32.tif": (np.int32, 65_536),
    "32+.tif": (np.int32, 2**24 - 1),
}


@pytest.mark.parametrize("name", DEPTHS)
def test_trap_25_ids_at_every_edge_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    kind, highest = DEPTHS[name]
    Image.fromarray(np.array([[0, 1, highest]], kind)).save(tmp_path / name)
    image, problems = read_one(tmp_path)
    assert problems == ()
    assert image.label == things([[0, 1, highest]])
    assert image.name == f"{name.rpartition('.')[0]}.png"


@pytest.mark.parametrize("highest", [255, 256, 65_535, 65_536, 2**24 - 1])
def test_rgb_is_r_and_256_g_and_65536_b(tmp_path: Path, highest: int) -> None:
    color = (highest & 255, highest >> 8 & 255, highest >> 16)
    Image.fromarray(np.array([[(0, 0, 0), color]], np.uint8)).save(tmp_path / "a.png")
    assert read_one(tmp_path)[0].label == things([[0, highest]])


def test_ids_that_no_segment_can_have_get_the_lowest_free_ones(tmp_path: Path) -> None:
    pixels = np.array([[2**32 - 1, 1, 2**24, 3, 0]], np.uint32).view(np.int32)
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    image, problems = read_one(tmp_path)
    assert problems == ()
    rows = [Segment(1, 7), Segment(3, 7)]
    rows += [Segment(2, 7, attributes={"source_id": 2**24})]
    rows += [Segment(4, 7, attributes={"source_id": 2**32 - 1})]
    assert image.label == label_from_runs(encode_runs(np.array([[4, 1, 2, 3, 0]])), rows)


def test_a_palette_is_read_by_index(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 3]], np.uint8))
    image.putpalette([9, 9, 9] * 4)
    image.save(tmp_path / "a.png")
    assert read_one(tmp_path)[0].label == things([[0, 3]])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (2, 2)).save(tmp_path / "a.png")
    _, (problem,) = read_one(tmp_path)
    assert "a picture with transparency is no id map" in problem.message


def test_real_numbers_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "a.tif")
    _, (problem,) = read_one(tmp_path)
    assert "a TIFF of one channel of whole numbers is needed" in problem.message


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"II*\0" + bytes(50)])
def test_a_broken_file_is_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert errors(read(tmp_path)[1]) == ["malformed_file"]


def test_names_that_are_no_text_are_errors(tmp_path: Path) -> None:
    save_pixels(tmp_path / "\udcff.png", [[1]])
    (tmp_path / "segments.csv").write_text(HEADER)
    images, problems = read(tmp_path)
    assert (images, errors(problems)) == ([], ["invalid_name"])


def test_a_single_file_may_be_opened(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[1]])
    save_pixels(tmp_path / "b.png", [[1]])
    image, problems = read_one(tmp_path / "b.png")
    assert (image.name, image.label, problems) == ("b.png", things([[1]]), ())
    (tmp_path / "segments.csv").write_text(f"{HEADER}a.png,1,car,0\nb.png,1,road,0\n")
    image, problems = read_one(tmp_path / "b.png")
    assert (image.label, problems) == (label("1", {1: 3}), ())


def test_maps_and_photographs_lie_in_folders_or_together(tmp_path: Path) -> None:
    save_pixels(tmp_path / "one/labels/d/a.b.png", [[1]])
    save_pixels(tmp_path / "one/images/d/a.b.jpg", [[1]])
    save_pixels(tmp_path / "two/d/a.b.png", [[1]])
    save_pixels(tmp_path / "two/images/d/a.b.jpg", [[1]])
    save_pixels(tmp_path / "two/images/d/other.png", [[1]])
    for folder in ("one", "two"):
        image, problems = read_one(tmp_path / folder)
        assert problems == ()
        assert (image.name, image.photo) == (
            "d/a.b.jpg",
            tmp_path / folder / "images/d/a.b.jpg",
        )


def test_folders_may_be_named(tmp_path: Path) -> None:
    save_pixels(tmp_path / "x/maps/a.tif", [[1]])
    save_pixels(tmp_path / "photos/a.webp", [[1]])
    options = ReadOptions(labels=tmp_path / "x/maps", images=tmp_path / "photos")
    image, problems = read_one(tmp_path / "x", options)
    assert problems == ()
    assert (image.name, image.photo) == ("a.webp", tmp_path / "photos/a.webp")


def test_two_maps_of_one_image_are_an_error(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[1]])
    save_pixels(tmp_path / "a.tif", [[1]])
    assert errors(read(tmp_path)[1]) == ["duplicate_name"]


@pytest.mark.parametrize("exists", [False, True])
def test_nothing_to_read_is_an_error(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "x").mkdir()
    assert errors(read(tmp_path / "x")[1]) == ["no_images" if exists else "missing_folder"]


# What the numbers mean


def test_without_a_table_ids_are_of_the_class_that_the_options_name(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[1, 2]])
    image, _ = read_one(tmp_path, ReadOptions(class_name="car"))
    assert image.label == label("12", {1: 4, 2: 4})
    _, (problem,) = read_one(tmp_path, ReadOptions(class_name="tree"))
    assert problem.code == "unknown_class"
    assert "'tree' of 2 segments" in problem.message


def test_a_table_says_the_class_of_every_id(tmp_path: Path) -> None:
    save_pixels(tmp_path / "d/a.png", [[5, 6, 0, 9]])
    rows = 'd/a.png,9,"road",\nd/a.png, 5 ,car,0\nd/a.png,6,car,1\n'
    (tmp_path / "segments.csv").write_text(f"\ufeff{HEADER}{rows}\n")
    image, problems = read_one(tmp_path)
    assert problems == ()
    assert image.label == label("56.9", {5: 4, 6: 4, 9: 3}, crowds=[6])
    with ID_MAPS.open(tmp_path, ReadOptions()) as source:
        assert [each[:3] for each in source.classes] == [
            ("car", "car", "thing"),
            ("road", "road", "thing"),
        ]


def test_a_table_of_classes_says_their_kinds_and_colours(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[5]])
    (tmp_path / "segments.csv").write_text("id,class,file\n5,road,a.png\n")
    (tmp_path / "classes.csv").write_text("id,name,kind,color\n1,road,stuff,#804080\n")
    with ID_MAPS.open(tmp_path, ReadOptions()) as source:
        assert [each[:4] for each in source.classes] == [("road", "road", "stuff", (128, 64, 128))]


def test_ids_of_the_map_and_of_the_table_must_be_the_same(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[5, 6]])
    (tmp_path / "segments.csv").write_text(f"{HEADER}a.png,6,car,0\na.png,7,car,0\n")
    _, problems = read_one(tmp_path)
    assert [(p.code, p.image, p.segment) for p in problems] == [
        ("unmatched_ids", "a.png", 5),
        ("unmatched_ids", "a.png", 7),
    ]


def test_maps_that_the_table_names_must_be_there(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[0]])
    rows = "".join(f"../{number:02}.png,1,car,0\n" for number in range(12))
    (tmp_path / "segments.csv").write_text(HEADER + rows)
    _, (problem,) = read_one(tmp_path)
    assert (problem.code, problem.file) == ("missing_file", "segments.csv")
    assert "12 maps that are not there: ../00.png, ../01.png" in problem.message
    assert "and 2 more" in problem.message


def test_an_id_that_the_table_names_twice_is_an_error(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[1]])
    (tmp_path / "segments.csv").write_text(f"{HEADER}a.png,1,car,0\na.png,1,road,0\n")
    _, problems = read_one(tmp_path)
    assert errors(problems) == ["duplicate_id"]
    assert "1 of a.png" in problems[0].message


def test_stuff_of_one_class_is_joined_and_is_no_crowd(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[4, 5, 1]])
    rows = "a.png,4,road,1\na.png,5,road,0\na.png,1,car,0\n"
    (tmp_path / "segments.csv").write_text(HEADER + rows)
    image, problems = read_one(tmp_path)
    assert image.label == label("441", {4: 3, 1: 4})
    assert [(p.code, p.severity) for p in problems] == [
        ("stuff_crowd", "warning"),
        ("joined_stuff", "warning"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no columns file, id, class"),
        (b"id,class\n1,car\n", "no columns file, id, class"),
        (b"file,id,class\na.png,1\n", "line 2: 3 values are needed, there are 2"),
        (b"file,id,class\na.png,0,car\n", "line 2: a file, an id of 1 or more"),
        (b"file,id,class\na.png,-1,car\n", "line 2: an id is a number"),
        (b"file,id,class\na.png,4294967296,car\n", "line 2: an id is a number"),
        (b"file,id,class\na.png,1.0,car\n", "line 2: an id is a number"),
        (b"file,id,class,crowd\na.png,1,car,yes\n", "line 2: a file, an id"),
        (b"file,id,class\na.png,1,\n", "line 2: a file, an id of 1 or more, a class"),
        (b"file,id,class\na.png,1,\xff\n", "no table in UTF-8"),
        (b'file,id,class\na.png,1,"car\n', "no table in UTF-8"),
        (b"file,id,class\n" + b"x" * 200_000, "values are needed"),
    ],
)
def test_a_broken_table_of_segments_is_an_error(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    save_pixels(tmp_path / "a.png", [[0]])
    (tmp_path / "segments.csv").write_bytes(content)
    _, problems = read_one(tmp_path)
    assert [(p.code, p.file) for p in problems] == [("malformed_file", "segments.csv")]
    assert reason in problems[0].message


# Maps of classes

TABLE = "id,name,kind,color\n7,road,stuff,#804080\n26,car,thing,\n255,nothing,void,\n"


def test_numbers_may_be_classes(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[26, 7, 0, 255, 26]])
    (tmp_path / "classes.csv").write_text(TABLE)
    expected = label("12..1", {1: 4, 2: 3}, crowds=[1])
    for meaning in ("auto", "classes"):
        image, problems = read_one(tmp_path, ReadOptions(values={"meaning": meaning}))
        assert (image.label, problems) == (expected, ())
    assert read_one(tmp_path, ReadOptions(values={"meaning": "instances"}))[0].label == (
        things([[26, 7, 0, 255, 26]])
    )


def test_the_table_of_classes_may_be_named(tmp_path: Path) -> None:
    save_pixels(tmp_path / "maps/a.png", [[7]])
    (tmp_path / "t.csv").write_text(TABLE)
    image, problems = read_one(tmp_path / "maps", ReadOptions(classes=tmp_path / "t.csv"))
    assert (image.label, problems) == (label("1", {1: 3}), ())


def test_a_number_that_is_no_class_is_an_error_that_counts(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[8, 8, 7]])
    (tmp_path / "classes.csv").write_text(TABLE)
    _, (problem,) = read_one(tmp_path)
    assert problem.message == "2 pixels have values that mean no class: 8"
    assert (problem.file, problem.image) == ("a.png", "a.png")


def test_a_class_that_the_taxonomy_lacks_is_an_error(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[1]])
    (tmp_path / "classes.csv").write_text("id,name\n1,tree\n")
    assert errors(read_one(tmp_path)[1]) == ["unknown_class"]


def test_maps_of_classes_need_a_table(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[0]])
    _, problems = read(tmp_path, ReadOptions(values={"meaning": "classes"}))
    assert {p.code for p in problems} == {"malformed_file"}
    assert "there is no classes.csv" in problems[0].message


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("number,name\n", "no columns id, name"),
        ("id,name\n1,a\n1,b\n", "line 3: the class 1, 'b' comes twice"),
        ("id,name\n1,a\n2,a\n", "line 3: the class 2, 'a' comes twice"),
        ("id,name,kind\n1,a,both\n", "line 2: a name and a kind of thing, stuff or void"),
        ("id,name,color\n1,a,red\n", "line 2: 'red' is no colour"),
        ("id,name\n1,\n", "line 2: a name and a kind"),
    ],
)
def test_a_broken_table_of_classes_is_an_error(tmp_path: Path, content: str, reason: str) -> None:
    save_pixels(tmp_path / "a.png", [[0]])
    (tmp_path / "classes.csv").write_text(content)
    _, problems = read(tmp_path)
    assert {p.code for p in problems} == {"malformed_file"}
    assert reason in problems[0].message


# Traps


def test_trap_4_class_zero_is_a_class_where_the_table_says_so(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[0, 1]])
    (tmp_path / "classes.csv").write_text("id,name,kind\n0,road,stuff\n1,car,thing\n")
    image, problems = read_one(tmp_path)
    assert (image.label, problems) == (label("12", {1: 3, 2: 4}, crowds=[2]), ())


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_trap_6_sixteen_bits_are_never_read_as_eight(tmp_path: Path, suffix: str) -> None:
    # As 8 bits these were all 255, or the two bytes apart.
    save_pixels(tmp_path / f"a.{suffix}", [[256, 511, 65_280]], np.uint16)
    assert read_one(tmp_path)[0].label == things([[256, 511, 65_280]])


def test_trap_13_what_lies_below_is_counted(tmp_path: Path) -> None:
    layered = stack("1111", ".22.", classes={1: 3, 2: 4})
    report = write_all(ID_MAPS, tmp_path / "x", [export_image("a.png", layered)], CLASSES)
    assert dict(report.lost) == {"hidden_pixels": 2}


@pytest.mark.parametrize(
    ("bits", "highest", "fits"),
    [
        ("8", 255, True),
        ("8", 256, False),
        ("8", 257, False),
        ("16", 65_535, True),
        ("16", 65_536, False),
        ("24", 2**24 - 1, True),
        ("32", 2**24 - 1, True),
    ],
)
def test_trap_21_ids_that_do_not_fit_are_refused_not_wrapped(
    tmp_path: Path, bits: str, highest: int, fits: bool
) -> None:
    given = things([[0, 1, highest]])
    image = export_image("wide.png", given)
    options = WriteOptions(values={"bits": bits})
    if fits:
        report = write_all(ID_MAPS, tmp_path / "x", [image], CLASSES, options)
        assert report.lost == {}
        assert read_one(tmp_path / "x") == (read_one(tmp_path / "x")[0], ())
        assert read_one(tmp_path / "x")[0].label == given
        return
    with pytest.raises(TooLarge, match=f"image wide.png in {bits} bits: {highest}, at most"):
        write_all(ID_MAPS, tmp_path / "x", [image], CLASSES, options)


def test_trap_27_files_of_other_modes_and_kinds_say_the_same(tmp_path: Path) -> None:
    pixels = [[0, 1, 0]]
    for name, kind in (("8.png", np.uint8), ("16.png", np.uint16), ("8.tif", np.uint8)):
        save_pixels(tmp_path / f"{name[0]}{name[-3:]}{name[-4:]}", pixels, kind)
    save_pixels(tmp_path / "32.tif", pixels, np.int32)
    Image.fromarray(np.array(pixels, bool)).save(tmp_path / "1.png")
    color = [[(0, 0, 0), (1, 0, 0), (0, 0, 0)]]
    Image.fromarray(np.array(color, np.uint8)).save(tmp_path / "rgb.png")
    images, problems = read(tmp_path)
    assert problems == ()
    assert [image.label for image in images] == [things(pixels)] * 6


# Writing


def test_the_files_of_an_export(tmp_path: Path) -> None:
    given = label("12 .3", {1: 4, 2: 3, 3: 4}, crowds=[3])
    save_pixels(tmp_path / "photo.jpg", [[1, 1], [1, 1]])
    photo = (tmp_path / "photo.jpg").read_bytes()
    with ID_MAPS.create(tmp_path / "x", CLASSES, WriteOptions(photos=True)) as writer:
        # In another order than that of their names.
        for name in ("b.jpg", 'd/a "1".png'):
            writer.add(writer.encode(export_image(name, given)), photo)
        report = writer.close()
    assert (report.images, report.segments, report.lost, report.problems) == (2, 6, {}, ())
    root = tmp_path / "x"
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*"))
    assert files == [
        "classes.csv",
        "images/b.jpg",
        'images/d/a "1".jpg',
        "labels/b.png",
        'labels/d/a "1".png',
        "segments.csv",
    ]
    assert (root / "segments.csv").read_text() == (
        f"{HEADER}b.png,1,car,0\nb.png,2,road,0\nb.png,3,car,1\n"
        '"d/a ""1"".png",1,car,0\n"d/a ""1"".png",2,road,0\n"d/a ""1"".png",3,car,1\n'
    )
    assert (root / "classes.csv").read_text() == (
        "id,name,kind,color\n3,road,stuff,#804080\n4,car,thing,#00008e\n7,object,thing,#010203\n"
    )
    with Image.open(root / "labels/b.png") as file:
        assert (file.mode, np.asarray(file).tolist()) == ("I;16", [[1, 2], [0, 3]])
    images, problems = read(root)
    assert problems == ()
    assert [(image.name, image.label) for image in images] == [
        ("b.jpg", given),
        ('d/a "1".jpg', given),
    ]


def test_maps_of_classes_have_the_numbers_of_the_scheme(tmp_path: Path) -> None:
    given = label("1122", {1: 4, 2: 3})
    options = WriteOptions(scheme="cityscapes", values={"meaning": "classes", "bits": "8"})
    report = write_all(ID_MAPS, tmp_path / "x", [export_image("a.png", given)], CLASSES, options)
    assert (report.segments, report.lost) == (2, {})
    assert not (tmp_path / "x/segments.csv").exists()
    with Image.open(tmp_path / "x/labels/a.png") as file:
        assert (file.mode, np.asarray(file).tolist()) == ("L", [[26, 26, 7, 7]])
    image, problems = read_one(tmp_path / "x")
    assert (image.label, problems) == (label("1122", {1: 4, 2: 3}, crowds=[1]), ())


def test_instances_of_maps_of_classes_are_merged_and_no_class_is_zero(tmp_path: Path) -> None:
    classes = (
        ExportClass(4, "car", "thing", (1, 1, 1), {"s": 0}),
        ExportClass(3, "road", "stuff", (2, 2, 2), {"s": 1}),
    )
    options = WriteOptions(scheme="s", values={"meaning": "classes"})
    image = export_image("a.png", label("123", {1: 4, 2: 3, 3: 4}))
    report = write_all(ID_MAPS, tmp_path / "x", [image], classes, options)
    assert dict(report.lost) == {"merged_segments": 1}
    with Image.open(tmp_path / "x/labels/a.png") as file:
        assert np.asarray(file).tolist() == [[2, 1, 2]]


def test_numbers_of_classes_must_fit_before_anything_is_written(tmp_path: Path) -> None:
    classes = (ExportClass(300, "car", "thing", (1, 1, 1)),)
    options = WriteOptions(values={"meaning": "classes", "bits": "8"})
    with pytest.raises(TooLarge, match="numbers of classes in 8 bits: 300, at most 255"):
        write_all(ID_MAPS, tmp_path / "x", [], classes, options)
    assert not list(tmp_path.iterdir())


def test_large_ids_are_written_again_as_they_were(tmp_path: Path) -> None:
    pixels = np.array([[2**32 - 1, 1, 2**24, 3, 0]], np.uint32).view(np.int32)
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    given = read_one(tmp_path)[0].label
    options = WriteOptions(values={"bits": "32"})
    report = write_all(ID_MAPS, tmp_path / "x", [export_image("a.png", given)], CLASSES, options)
    assert report.lost == {}
    with Image.open(tmp_path / "x/labels/a.tif") as file:
        assert (np.asarray(file) == pixels).all()
    assert read_one(tmp_path / "x")[0].label == given
    report = write_all(ID_MAPS, tmp_path / "y", [export_image("a.png", given)], CLASSES)
    assert dict(report.lost) == {"fields": 2}


GOLDEN_TIFF = (
    "49492a0010000000"
    "01000000ffffff00"
    "0a00"
    "000104000100000002000000"
    "010104000100000001000000"
    "020103000100000020000000"
    "030103000100000001000000"
    "060103000100000001000000"
    "110104000100000008000000"
    "150103000100000001000000"
    "160104000100000001000000"
    "170104000100000008000000"
    "530103000100000001000000"
    "00000000"
)


def test_the_bytes_of_a_tiff_never_change(tmp_path: Path) -> None:
    image = export_image("a.png", things([[1, 2**24 - 1]]))
    options = WriteOptions(values={"bits": "32"})
    write_all(ID_MAPS, tmp_path / "x", [image], CLASSES, options)
    assert (tmp_path / "x/labels/a.tif").read_bytes() == bytes.fromhex(GOLDEN_TIFF)


GOLDEN = "2679ee84a6a10c8013ae19b3005cf23328d46c352ac422c58ca2c3de49fed3fa"


def test_the_bytes_of_an_export_never_change(tmp_path: Path) -> None:
    image = export_image("a.png", label("11. 1.3", {1: 3, 3: 4}))
    write_all(ID_MAPS, tmp_path / "x", [image], CLASSES)
    digest = hashlib.sha256()
    for path in sorted(path for path in (tmp_path / "x").rglob("*") if path.is_file()):
        digest.update(path.relative_to(tmp_path).as_posix().encode() + path.read_bytes())
    assert digest.hexdigest() == GOLDEN


def test_unlabelled_images_and_fields_are_counted(tmp_path: Path) -> None:
    given = label("1", {1: 3}, scores={1: 0.5}, track_ids={1: 7})
    images = [export_image("a.png", None), export_image("b.png", given)]
    report = write_all(ID_MAPS, tmp_path / "x", images, CLASSES)
    assert dict(report.lost) == {"unlabelled_images": 1, "fields": 2}


def test_a_class_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    image = export_image("a.png", label("1", {1: 9}))
    with pytest.raises(UnknownClass, match=r"image a\.png, segment 1: unknown class 9"):
        write_all(ID_MAPS, tmp_path / "x", [image], CLASSES)


@pytest.mark.parametrize("name", ["a\nb", " a", "a ", ""])
def test_a_name_that_a_table_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnwritableClass, match="cannot stand in classes"):
        write_all(ID_MAPS, tmp_path / "x", [], (ExportClass(1, name, "thing", (1, 1, 1)),))
    assert not list(tmp_path.iterdir())


# Recognition and real files


def test_it_is_recognised_by_its_tables_only(tmp_path: Path) -> None:
    save_pixels(tmp_path / "set/labels/a.png", [[1]])
    assert list(recognise_ids(tmp_path)) == []
    (tmp_path / "set/classes.csv").write_text("synset,words\n")
    assert list(recognise_ids(tmp_path)) == []
    (tmp_path / "set/classes.csv").write_text(TABLE)
    (found,) = recognise_ids(tmp_path)
    assert found == (tmp_path / "set", "labels/a.png beside classes.csv")
    (tmp_path / "set/segments.csv").write_text(HEADER)
    (found,) = recognise_ids(tmp_path / "set")
    assert found.reason == "labels/a.png beside segments.csv"


@pytest.mark.parametrize("path", ["", "mask2d_256.tif"])
def test_real_nuclei_of_sixteen_bits_are_all_there(path: str) -> None:
    image, problems = read_one(real_data("stardist16") / path)
    assert problems == ()
    assert (image.name, image.height, image.width) == ("mask2d_256.png", 256, 256)
    with Image.open(real_data("stardist16") / "mask2d_256.tif") as file:
        pixels = np.asarray(file)
    assert pixels.dtype == np.uint16
    assert image.label == things(pixels.tolist())


def things(pixels: list[list[int]]) -> Label:
    """A label whose ids are all of the class 7."""
    plane = np.array(pixels, np.uint32)
    ids = np.unique(plane[plane > 0]).tolist()
    return label_from_runs(encode_runs(plane), [Segment(number, 7) for number in ids])
