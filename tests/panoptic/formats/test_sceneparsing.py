"""ADE20K scene parsing: one class per pixel, 0 for all others, no instances."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from panoptic.errors import UnknownClass
from panoptic.formats.base import (
    Binding,
    BoundClass,
    ExportClass,
    LabelledImage,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.class_lists.ade20k import ROWS
from panoptic.formats.coded_maps import number_by_first_pixel
from panoptic.formats.problems import Problem
from panoptic.formats.sceneparsing.format import SCENEPARSING
from panoptic.formats.sceneparsing.reader import CLASSES as LISTED
from panoptic.label import Label, Segment, label_from_runs
from panoptic.runs import encode_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import errors, export_image, read_all, write_all
from tests.panoptic.strategies import SHAPES

WALL, SKY, PERSON, CHAIR, FLAG = 1, 3, 13, 20, 150
# Other numbers than in the files, so that a mix-up shows.
BINDING: Binding = {
    WALL: BoundClass(51, "stuff"),
    SKY: BoundClass(53, "stuff"),
    PERSON: BoundClass(63, "thing"),
    FLAG: BoundClass(200, "thing"),
}
CLASSES = (
    ExportClass(51, "wall", "stuff", (120, 120, 120)),
    ExportClass(53, "heaven", "stuff", (6, 230, 230), {"ade20k": SKY}),
    ExportClass(63, "human", "thing", (150, 5, 61), {"ade20k": PERSON}),
    ExportClass(200, "flag", "thing", (92, 0, 255)),
)
FIRST = ReadOptions(values={"zero": "first"})
GOLDEN = "ad460049abb7430da3ad99064d2021fd44994f862a685de14c8d032938a7c82a"


class TestSceneparsing(FormatConformance):
    format = SCENEPARSING
    target_name = "scenes"
    binding: ClassVar = BINDING
    classes = CLASSES

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """One segment per class, things as crowds, numbered by their first pixels."""
        height, width = draw(SHAPES)
        values = st.sampled_from([0, 51, 53, 63, 200])
        cells = draw(st.lists(values, min_size=height * width, max_size=height * width))
        plane = np.array(cells, np.uint32).reshape(height, width)
        rows = [Segment(value, value, value in (63, 200)) for value in set(cells) - {0}]
        return number_by_first_pixel(label_from_runs(encode_runs(plane), rows))

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 51})


# Reading


def test_a_drawn_annotation_is_read_pixel_by_pixel(tmp_path: Path) -> None:
    save_annotation(tmp_path, "validation/ADE_val_00000001", [[3, 3, 13, 0], [1, 13, 13, 150]])
    save_photo(tmp_path, "validation/ADE_val_00000001.jpg", (2, 4))
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert image.label == label("112. 3224", {1: 53, 2: 63, 3: 51, 4: 200}, crowds=[2, 4])
    assert (image.name, image.split) == ("ADE_val_00000001.jpg", "val")
    assert image.photo == tmp_path / "images/validation/ADE_val_00000001.jpg"


def test_with_zero_first_classes_begin_at_0_and_255_is_void(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[0, 2, 255, 149]])
    (image,), problems = read(tmp_path, FIRST)
    assert problems == ()
    assert image.label == label("12.3", {1: 51, 2: 53, 3: 200}, crowds=[3])


def test_the_option_can_be_told_from_the_sentence_of_its_refusal(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[0, 2, 255, 151]])
    _, (problem,) = read(tmp_path)
    assert problem.code == "malformed_file"
    assert problem.message == (
        "2 pixels have values that mean no class: 151, 255 (void with zero=first)"
    )


@pytest.mark.parametrize(("zero", "highest"), [("other", 150), ("first", 149)])
def test_the_highest_value_is_the_last_class(tmp_path: Path, zero: str, highest: int) -> None:
    options = ReadOptions(values={"zero": zero})
    save_annotation(tmp_path, "training/a", [[highest]])
    save_annotation(tmp_path, "training/b", [[highest + 1]])
    (right, wrong), problems = read(tmp_path, options)
    assert right.label == label("1", {1: 200}, crowds=[1])
    assert wrong.label is None
    assert errors(problems) == ["malformed_file"]


def test_trap_04_class_0_is_a_class_where_zero_is_first(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[0, 0]])
    (image,), _ = read(tmp_path, FIRST)
    assert image.label == label("11", {1: 51})
    (image,), _ = read(tmp_path)
    assert image.label == label("..", {})


def test_trap_05_classes_keep_the_ids_of_the_list() -> None:
    assert [each.external_id for each in LISTED.values()] == [number for number, *_ in ROWS]
    assert LISTED[150].name == "flag"


@pytest.mark.parametrize("mode", ["L", "P"])
def test_trap_07_indices_of_a_palette_are_read_not_its_colours(tmp_path: Path, mode: str) -> None:
    save_annotation(tmp_path, "training/a", [[1, 3]], mode)
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert image.label == label("12", {1: 51, 2: 53})


@pytest.mark.parametrize(("mode", "dtype"), [("RGB", np.uint8), ("I;16", np.uint16)])
def test_trap_06_files_of_other_depths_are_refused(tmp_path: Path, mode: str, dtype: Any) -> None:
    path = tmp_path / "annotations/training/a.png"
    path.parent.mkdir(parents=True)
    pixels = np.ones((2, 2, 3), dtype) if mode == "RGB" else np.ones((2, 2), dtype)
    Image.fromarray(pixels).save(path)
    (image,), problems = read(tmp_path)
    assert image.label is None
    assert [(problem.code, problem.file) for problem in problems] == [("malformed_file", "a.png")]


def test_trap_08_values_beyond_the_list_are_refused_with_their_count(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[151, 200, 3]])
    _, (problem,) = read(tmp_path)
    assert problem.message == "2 pixels have values that mean no class: 151, 200"


def test_trap_15_an_annotation_of_the_small_images_does_not_fit_the_full_photograph(
    tmp_path: Path,
) -> None:
    save_annotation(tmp_path, "training/a", np.ones((4, 6)).tolist())
    save_photo(tmp_path, "training/a.jpg", (12, 16), orientation=6)
    (image,), (problem,) = read(tmp_path)
    assert (image.label, problem.code) == (None, "photo_size_mismatch")
    assert problem.message == (
        "the label has 4 × 6 pixels (height × width), its photograph 16 × 12 or, unrotated, 12 × 16"
    )


def test_trap_16_photographs_are_found_by_stem_and_never_cut_at_the_first_dot(
    tmp_path: Path,
) -> None:
    save_annotation(tmp_path, "training/a.b.c", [[1]])
    save_annotation(tmp_path, "training/a.x", [[3]])
    save_photo(tmp_path, "training/a.b.c.png", (1, 1))
    images, problems = read(tmp_path)
    assert problems == ()
    assert [(image.name, image.photo is not None) for image in images] == [
        ("a.b.c.png", True),
        ("a.x.jpg", False),
    ]


def test_trap_19_a_photograph_without_annotation_is_unlabelled(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[1]])
    save_photo(tmp_path, "training/b.jpg", (3, 5))
    (_, image), problems = read(tmp_path)
    assert problems == ()
    assert (image.name, image.label, image.height, image.width) == ("b.jpg", None, 3, 5)


def test_photographs_elsewhere_are_found_by_name(tmp_path: Path) -> None:
    save_annotation(tmp_path / "x", "training/a", [[1]])
    save_photo(tmp_path, "a.png", (1, 1))
    (image,), problems = read(tmp_path / "x", ReadOptions(images=tmp_path / "images"))
    assert problems == ()
    assert image.photo == tmp_path / "images" / "a.png"


def test_annotations_without_a_folder_of_a_split_have_no_split(tmp_path: Path) -> None:
    save_annotation(tmp_path, "a", [[1]])
    save_annotation(tmp_path, "test/d/b", [[1]])
    images, _ = read(tmp_path)
    assert [(image.name, image.split) for image in images] == [("a.jpg", None), ("d/b.jpg", "test")]


def test_one_stem_in_two_splits_is_an_error(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[1]])
    save_annotation(tmp_path, "validation/a", [[1]])
    assert errors(read(tmp_path)[1]) == ["duplicate_name"]


def test_a_class_that_is_not_bound_is_an_error_that_names_it(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[20, 20, 1]])
    (image,), (problem,) = read(tmp_path)
    assert image.label is None
    assert (problem.code, problem.image) == ("unknown_class", "a.jpg")
    assert problem.message == "class '20 (chair)' of 1 segments is not declared"


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[1]])
    path = tmp_path / "annotations/training/a.png"
    path.write_bytes(path.read_bytes()[:-20])
    assert errors(read(tmp_path)[1]) == ["malformed_file"]


@pytest.mark.parametrize("folder", ["", "annotations", "images/training"])
def test_a_folder_without_annotations_is_an_error(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    images, problems = read(tmp_path)
    assert (images, errors(problems)) == ([], ["no_images"])


# Recognising


def test_it_is_known_by_its_table_or_the_names_of_its_files(tmp_path: Path) -> None:
    root = tmp_path / "ADEChallengeData2016"
    save_annotation(root, "training/ADE_train_00000001", [[1]])
    for path in (tmp_path, root):
        (found,) = SCENEPARSING.recognise(path)
        assert found.path == root
        assert "training/ADE_train_00000001.png" in found.reason
    (root / "objectInfo150.txt").touch()
    (found,) = SCENEPARSING.recognise(root)
    assert found.reason == "objectInfo150.txt beside annotations/"


def test_other_annotations_are_not_taken_for_it(tmp_path: Path) -> None:
    save_annotation(tmp_path, "training/a", [[1]])
    assert list(SCENEPARSING.recognise(tmp_path)) == []
    assert list(SCENEPARSING.recognise(tmp_path / "nowhere")) == []


# Writing


def test_a_written_annotation_pixel_by_pixel(tmp_path: Path) -> None:
    image = export_image("d/a.jpg", label("112. 3224", {1: 53, 2: 63, 3: 51, 4: 200}), split="val")
    report = write_all(SCENEPARSING, tmp_path / "x", [image], CLASSES)
    assert (report.images, report.segments, report.lost, report.problems) == (1, 4, {}, ())
    path = tmp_path / "x/annotations/validation/d/a.png"
    with Image.open(path) as written:
        assert written.mode == "L"
        assert np.asarray(written).tolist() == [[3, 3, 13, 0], [1, 13, 13, 150]]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == GOLDEN


def test_with_zero_first_it_is_written_as_it_is_read(tmp_path: Path) -> None:
    drawn = label("12. 3.2", {1: 51, 2: 53, 3: 200}, crowds=[3])
    options = WriteOptions(values={"zero": "first"})
    write_all(SCENEPARSING, tmp_path / "x", [export_image("a.jpg", drawn)], CLASSES, options)
    with Image.open(tmp_path / "x/annotations/training/a.png") as written:
        assert np.asarray(written).tolist() == [[0, 2, 255], [149, 255, 2]]
    (image,), _ = read(tmp_path / "x", FIRST)
    assert (image.label, image.split) == (drawn, "train")


def test_what_is_lost_is_counted(tmp_path: Path) -> None:
    classes = (*CLASSES, ExportClass(9, "ghost", "thing", (0, 0, 0), {"ade20k": 151}))
    layered = stack(
        "11233.5",
        "...44..",
        classes={1: 63, 2: 63, 3: 63, 4: 9, 5: 51},
        scores={1: 0.5},
        attributes={5: {"note": "x"}},
    )
    images = [export_image("a.jpg", layered), export_image("b.jpg", None)]
    report = write_all(SCENEPARSING, tmp_path / "x", images, classes)
    assert (report.images, report.segments) == (1, 3)
    assert report.lost == {
        "hidden_pixels": 2,
        "hidden_segments": 1,
        "void_pixels": 2,
        "merged_segments": 1,
        "fields": 2,
        "unlabelled_images": 1,
    }
    assert [(problem.code, problem.image) for problem in report.problems] == [
        ("void_class", "a.jpg"),
        ("unlabelled_image", "b.jpg"),
    ]
    assert "lacks ghost: 1 segment" in report.problems[0].message


def test_trap_21_more_instances_than_8_bits_hold_are_one_region_not_wrapped(
    tmp_path: Path,
) -> None:
    plane = np.arange(1, 301, dtype=np.uint32).reshape(15, 20)
    many = label_from_runs(encode_runs(plane), [Segment(number, 63) for number in range(1, 301)])
    report = write_all(SCENEPARSING, tmp_path / "x", [export_image("a.jpg", many)], CLASSES)
    assert report.lost == {"merged_segments": 299}
    with Image.open(tmp_path / "x/annotations/training/a.png") as written:
        assert np.unique(np.asarray(written)).tolist() == [PERSON]


def test_trap_20_a_relabelled_segment_is_written_with_its_new_class(tmp_path: Path) -> None:
    before, after = label("11", {1: 63}), label("11", {1: 200})
    for name, each in (("before", before), ("after", after)):
        write_all(SCENEPARSING, tmp_path / name, [export_image("a.jpg", each)], CLASSES)
    values = [
        np.asarray(Image.open(tmp_path / name / "annotations/training/a.png")).tolist()
        for name in ("before", "after")
    ]
    assert values == [[[13, 13]], [[150, 150]]]


def test_the_table_counts_pixels_and_images(tmp_path: Path) -> None:
    images = [
        export_image("a.jpg", label("11.2", {1: 51, 2: 63})),
        export_image("b.jpg", label("1111", {1: 51}), split="val"),
    ]
    write_all(SCENEPARSING, tmp_path / "x", images, CLASSES)
    lines = (tmp_path / "x/objectInfo150.txt").read_text().split("\n")
    assert lines[0] == "Idx\tRatio\tTrain\tVal\tStuff\tName"
    assert lines[1] == "1\t0.7500\t1\t1\t1\twall"
    assert lines[13].startswith("13\t0.1250\t1\t0\t0\tperson, individual, ")
    assert (len(lines), lines[-1]) == (152, "")


@pytest.mark.parametrize("zero", ["other", "first"])
def test_the_table_says_what_0_means(tmp_path: Path, zero: str) -> None:
    """Without void no pixel would tell."""
    given = label("12", {1: 51, 2: 63}, crowds=[2])
    options = WriteOptions(values={"zero": zero})
    write_all(SCENEPARSING, tmp_path / "x", [export_image("a.jpg", given)], CLASSES, options)
    (image,), problems = read(tmp_path / "x")
    assert (image.label, problems) == (given, ())


def test_photographs_lie_beside_the_annotations(tmp_path: Path) -> None:
    save_photo(tmp_path, "p.jpg", (1, 2))
    options = WriteOptions(photos=True)
    with SCENEPARSING.create(tmp_path / "x", CLASSES, options) as writer:
        record = writer.encode(export_image("a.jpg", label("11", {1: 51}), split="val"))
        writer.add(record, (tmp_path / "images/p.jpg").read_bytes())
        writer.close()
    (image,), problems = read(tmp_path / "x")
    assert problems == ()
    assert image.photo == tmp_path / "x/images/validation/a.jpg"


def test_a_class_that_the_export_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownClass, match=r"image a\.jpg, segment 1"):
        write_all(
            SCENEPARSING, tmp_path / "x", [export_image("a.jpg", label("1", {1: 9}))], CLASSES
        )


def read(
    folder: Path, options: ReadOptions | None = None
) -> tuple[list[LabelledImage], tuple[Problem, ...]]:
    return read_all(SCENEPARSING, folder, options, BINDING)


def save_annotation(root: Path, stem: str, values: Any, mode: str = "L") -> None:
    path = root / "annotations" / f"{stem}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.array(values, np.uint8))
    if mode == "P":
        image.putpalette([9, 8, 7] * 256)
    image.save(path)


def save_photo(root: Path, name: str, size: tuple[int, int], orientation: int = 1) -> None:
    path = root / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size[::-1])
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
