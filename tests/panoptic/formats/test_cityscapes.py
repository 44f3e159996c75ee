"""Cityscapes: label files drawn by hand, and what becomes of labels in a tree."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from panoptic.errors import TooLarge, UnknownClass
from panoptic.formats.base import (
    Binding,
    BoundClass,
    ExportClass,
    ExportReport,
    LabelledImage,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.cityscapes.format import CITYSCAPES
from panoptic.formats.cityscapes.labels import LABELS
from panoptic.formats.problems import Problem
from panoptic.label import (
    Label,
    Segment,
    empty_label,
    label_from_id_map,
    label_from_runs,
    renumber,
)
from panoptic.runs import encode_runs
from tests.builders import id_map, label, stack
from tests.conformance.formats import FormatConformance
from tests.laws import examples
from tests.panoptic.formats.files import errors, export_image, read_all, write_all
from tests.real_data import real_data

# Other class ids than the label ids, so that a mix-up shows: class 100 + label; plates are 99.
BINDING: Binding = {
    each.label_id: BoundClass(100 + each.label_id, each.kind) for each in LABELS if each.label_id
}
CLASSES = tuple(
    ExportClass(
        100 + each.label_id,
        each.name,
        each.kind,
        each.color,
        {"cityscapes": each.label_id},
        each.category,
    )
    for each in LABELS
    if each.label_id
)
NAME = "aachen/aachen_000000_000019_leftImg8bit.png"
STEM = "train/aachen/aachen_000000_000019_gtFine_"

POINTS = (
    b'{"imgHeight": 1, "imgWidth": 1, "objects": [{"label": "car", "polygon": [[0, 0], [1e9, 0]]}]}'
)


class TestCityscapes(FormatConformance):
    format = CITYSCAPES
    target_name = "cityscapes"
    binding = BINDING
    classes = CLASSES

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Partitions whose ids are numbers of Cityscapes."""
        numbers = draw(st.lists(NUMBERS, min_size=1, max_size=6))
        return label_of_numbers(draw(planes([0, *numbers])))

    @staticmethod
    def example() -> Label:
        return label_of_numbers(np.array([[26003, 26003, 0], [26003, 0, 0]]))

    @staticmethod
    def image_name(number: int) -> str:
        return f"aachen/aachen_000000_{number:06}_leftImg8bit.png"


class TestCityscapesOfOtherNames(TestCityscapes):
    @staticmethod
    def image_name(number: int) -> str:
        return f"{number}.jpg"


NUMBERS = st.one_of(
    st.integers(1, 33),
    st.builds(lambda label_id, n: 1000 * label_id + n, st.integers(24, 33), st.integers(0, 999)),
)


def planes(numbers: list[int]) -> st.SearchStrategy[Any]:
    """Maps of up to 7 × 9 pixels of these numbers."""
    rows = st.integers(1, 9).flatmap(
        lambda width: st.lists(
            st.lists(st.sampled_from(numbers), min_size=width, max_size=width),
            min_size=1,
            max_size=7,
        )
    )
    return rows.map(np.array)


def label_of_numbers(plane: Any) -> Label:
    """A label whose ids are numbers of Cityscapes."""
    return label_from_id_map(
        plane,
        [
            Segment(n, 100 + (n if n < 1000 else n // 1000), 24 <= n < 1000)
            for n in np.unique(plane).tolist()
            if n
        ],
    )


# Reading PNGs


def test_numbers_are_the_ids_and_a_plain_number_of_a_thing_is_a_crowd(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[26003, 26003, 26, 7], [26000, 23, 0, 0]])
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert (image.name, image.split, image.height, image.width) == (NAME, "train", 2, 4)
    expected = label("1124 35..", {1: 126, 2: 126, 3: 126, 4: 107, 5: 123}, crowds=[2])
    assert image.label == renumbered(expected, {1: 26003, 2: 26, 3: 26000, 4: 7, 5: 23})


def test_labels_that_the_evaluation_ignores_are_classes_and_unlabeled_is_void(
    tmp_path: Path,
) -> None:
    save_ids(tmp_path, instanceIds=[[1, 4, 29, 30002, 0]])
    (image,), _ = read(tmp_path)
    assert image.label is not None
    assert [(row.segment_id, row.class_id) for row in image.label.segments] == [
        (1, 101),
        (4, 104),
        (29, 129),
        (30002, 130),
    ]
    with CITYSCAPES.open(tmp_path, ReadOptions()) as source:
        assert {each.external_id for each in source.classes} == {*range(1, 34), -1}
        assert source.scheme == "cityscapes"


def test_label_ids_alone_are_stuff_and_crowds(tmp_path: Path) -> None:
    save_ids(tmp_path, labelIds=[[26, 26, 7, 26]])
    (image,), problems = read(tmp_path)
    assert problems == ()
    expected = label("1121", {1: 126, 2: 107}, crowds=[1])
    assert image.label == renumbered(expected, {1: 26, 2: 7})


def test_label_ids_that_agree_say_nothing_new(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[26003, 26, 7, 0]], labelIds=[[26, 26, 7, 0]])
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert ids_of(image) == [7, 26, 26003]


def test_trap_22_label_ids_that_contradict_are_refused_with_a_count(tmp_path: Path) -> None:
    """As all-zero labelIds are that some converters write."""
    save_ids(tmp_path, instanceIds=[[26003, 26003, 7]], labelIds=[[0, 0, 0]])
    (image,), (problem,) = read(tmp_path)
    assert image.label is None
    assert (problem.code, problem.file, problem.image) == (
        "malformed_file",
        "aachen_000000_000019_gtFine_labelIds.png",
        NAME,
    )
    assert problem.message.startswith("3 pixels contradict the instanceIds, which have 7 where")


def test_trap_6_instance_ids_of_8_bits_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "gtFine" / f"{STEM}instanceIds.png", np.array([[26, 7]], np.uint8))
    _, (problem,) = read(tmp_path)
    assert problem.message == "a file of 16 bits is needed, this one has 8"


def test_label_ids_of_16_bits_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "gtFine" / f"{STEM}labelIds.png", np.array([[26, 7]], np.uint16))
    _, (problem,) = read(tmp_path)
    assert problem.message == "a file of 8 bits is needed, this one has 16"


@pytest.mark.parametrize("number", [34, 255, 256, 999, 34000, 65535])
def test_numbers_that_mean_no_label_are_refused_with_a_count(tmp_path: Path, number: int) -> None:
    """65535 is what -1 becomes in 16 bits, 255 what it becomes in 8."""
    save_ids(tmp_path, instanceIds=[[number, number, 7]])
    _, (problem,) = read(tmp_path)
    assert problem.message == f"2 pixels have values that mean no class: {number}"


@pytest.mark.parametrize("number", [24000, 24254, 24255, 24256, 24257, 24999, 33999])
def test_no_number_of_an_object_is_cut(tmp_path: Path, number: int) -> None:
    save_ids(tmp_path, instanceIds=[[number]])
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert ids_of(image) == [number]


def test_a_class_that_is_not_bound_is_an_error_that_names_it(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[26000, 26001, 7]])
    binding = {key: bound for key, bound in BINDING.items() if key != 26}
    (image,), (problem,) = read_all(CITYSCAPES, tmp_path, ReadOptions(), binding)
    assert image.label is None
    assert (problem.code, problem.image) == ("unknown_class", NAME)
    assert problem.message == "class 'car' of 2 segments is not declared"


def test_objects_of_stuff_are_read_as_stuff_with_a_warning(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[17, 17004, 17005]])
    (image,), (problem,) = read(tmp_path)
    assert (problem.code, problem.severity) == ("numbered_stuff", "warning")
    assert ids_of(image) == [17]


def test_objects_are_kept_where_the_taxonomy_has_them_as_things(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[17, 17004, 17005]])
    binding = {17: BoundClass(5, "thing")}
    (image,), problems = read_all(CITYSCAPES, tmp_path, ReadOptions(), binding)
    assert problems == ()
    assert image.label is not None
    assert [(row.segment_id, row.crowd) for row in image.label.segments] == [
        (17, True),
        (17004, False),
        (17005, False),
    ]


def test_stuff_of_two_labels_that_is_one_class_is_joined(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[18, 17, 7]])
    binding = {17: BoundClass(5, "stuff"), 18: BoundClass(5, "stuff"), 7: BoundClass(7, "stuff")}
    (image,), (problem,) = read_all(CITYSCAPES, tmp_path, ReadOptions(), binding)
    assert (problem.code, problem.severity) == ("joined_stuff", "warning")
    assert image.label == renumbered(label("112", {1: 5, 2: 7}), {1: 17, 2: 7})


def test_a_truncated_file_is_an_error_of_its_image(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7, 8]])
    file = tmp_path / "gtFine" / f"{STEM}instanceIds.png"
    file.write_bytes(file.read_bytes()[:-20])
    _, (problem,) = read(tmp_path)
    assert (problem.code, problem.file, problem.image) == ("malformed_file", file.name, NAME)


def test_files_of_two_sizes_are_an_error(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7, 8]], labelIds=[[7], [8]])
    _, (problem,) = read(tmp_path)
    assert problem.file == "aachen_000000_000019_gtFine_labelIds.png"
    assert "1 × 2 are expected" in problem.message


# Reading polygons


def test_polygons_are_drawn_in_their_order_the_later_on_top(tmp_path: Path) -> None:
    save_polygons(tmp_path, 3, 6, ("road", 0, 0, 5, 2), ("car", 1, 0, 3, 1), ("sky", 3, 0, 5, 0))
    (image,), problems = read(tmp_path)
    assert problems == ()
    expected = label("122333 122211 111111", {1: 107, 2: 126, 3: 123})
    assert image.label == renumbered(expected, {1: 7, 2: 26000, 3: 23})


def test_things_are_counted_by_label_and_a_group_is_a_crowd(tmp_path: Path) -> None:
    boxes = [("car", n, 0, n, 0) for n in range(2)]
    boxes += [("person", 2, 0, 2, 0), ("cargroup", 3, 0, 3, 0), ("polegroup", 4, 0, 4, 0)]
    save_polygons(tmp_path, 1, 6, *boxes, ("car", 5, 0, 5, 0))
    (image,), _ = read(tmp_path)
    assert image.label is not None
    assert [(row.segment_id, row.crowd) for row in image.label.segments] == [
        (18, False),
        (26, True),
        (24000, False),
        (26000, False),
        (26001, False),
        (26002, False),
    ]


def test_a_license_plate_is_a_class_of_polygons(tmp_path: Path) -> None:
    save_polygons(tmp_path, 1, 4, ("car", 0, 0, 3, 0), ("license plate", 1, 0, 1, 0))
    (image,), problems = read(tmp_path)
    assert problems == ()
    expected = label("1211", {1: 126, 2: 99})
    assert image.label == renumbered(expected, {1: 26000, 2: 34})


def test_unlabeled_and_deleted_objects_are_no_segments(tmp_path: Path) -> None:
    save_polygons(tmp_path, 1, 4, ("road", 0, 0, 3, 0), ("unlabeled", 1, 0, 1, 0))
    file = tmp_path / "gtFine" / f"{STEM}polygons.json"
    content = json.loads(file.read_text())
    content["objects"].append({"label": "car", "polygon": [[2, 0], [3, 0]], "deleted": 1})
    file.write_text(json.dumps(content))
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert image.label == renumbered(label("1.11", {1: 107}), {1: 7})


def test_an_object_that_later_ones_hide_is_left_out_with_a_warning(tmp_path: Path) -> None:
    save_polygons(tmp_path, 1, 2, ("car", 0, 0, 0, 0), ("road", 0, 0, 1, 0))
    (image,), (problem,) = read(tmp_path)
    assert (problem.code, problem.severity) == ("empty_segment", "warning")
    assert image.label == renumbered(label("11", {1: 107}), {1: 7})


def test_the_option_source_chooses_between_masks_and_polygons(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7, 7]])
    save_polygons(tmp_path, 1, 2, ("sky", 0, 0, 1, 0))
    (masks,), _ = read(tmp_path)
    (polygons,), _ = read(tmp_path, source="polygons")
    assert (ids_of(masks), ids_of(polygons)) == ([7], [23])


def test_polygons_that_are_asked_for_and_missing_are_an_error(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7, 7]])
    _, (problem,) = read(tmp_path, source="polygons")
    assert problem.message == "the image has no polygons"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no size"),
        (b'{"imgHeight": 1, "imgWidth": true, "objects": []}', "no size"),
        (b'{"imgHeight": 0, "imgWidth": 4, "objects": []}', "no size"),
        (b'{"imgHeight": 100000, "imgWidth": 100000, "objects": []}', "too many pixels"),
        (b'{"imgHeight": 1, "imgWidth": 1}', "list of objects"),
        (b'{"imgHeight": 1, "imgWidth": 1, "objects": [3]}', "list of objects"),
        (b'{"imgHeight": 1, "imgWidth": 1, "objects": [{"label": "cat"}]}', "'cat' of 1 objects"),
        (b'{"imgHeight": 1, "imgWidth": 1, "objects": [{"label": ["car"]}]}', "mean no class"),
        (b'{"imgHeight": 1, "imgWidth": 1, "objects": [{"label": "car"}]}', "object 0"),
        (POINTS, "object 0"),
        (POINTS.replace(b"1e9", b"NaN"), "object 0"),
        (POINTS.replace(b"1e9", b"1" * 400), "object 0"),
        (POINTS.replace(b"1e9", b'"1"'), "object 0"),
        (POINTS.replace(b"[1e9, 0]", b"[1]"), "object 0"),
        (POINTS.replace(b", [1e9, 0]", b""), "object 0"),
    ],
)
def test_polygons_of_another_shape_are_an_error_of_their_image(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    file = tmp_path / "gtFine" / f"{STEM}polygons.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    (image,), (problem,) = read(tmp_path)
    assert image.label is None
    assert (problem.severity, problem.image) == ("error", NAME)
    assert reason in problem.message


def test_trap_21_more_than_1000_objects_of_a_label_are_refused(tmp_path: Path) -> None:
    save_polygons(tmp_path, 1, 1, *[("car", 0, 0, 0, 0)] * 1001)
    _, (problem,) = read(tmp_path)
    assert problem.code == "too_large"
    assert "1001, at most 1000" in problem.message


# Where files lie


@pytest.mark.parametrize(
    "opened", ["data/city/gtFine", "data/city/gtFine/train", "data/city", "data"]
)
@pytest.mark.parametrize("labels", ["gtFine", "gtCoarse"])
def test_a_tree_is_found_from_every_folder_of_it(tmp_path: Path, opened: str, labels: str) -> None:
    root = tmp_path / "data" / "city"
    save(root / labels / f"{STEM.replace('gtFine', labels)}instanceIds.png", np.uint16([[7]]))
    save_photo(root / "leftImg8bit" / "train" / NAME, 1, 1)
    path = tmp_path / opened.replace("gtFine", labels)
    (image,), problems = read(path)
    assert problems == ()
    assert (image.name, image.split) == (NAME, "train")
    assert image.photo == root / "leftImg8bit" / "train" / NAME
    (found,) = CITYSCAPES.recognise(path)
    assert found.path == root / labels / ("train" if opened.endswith("train") else "")
    assert found.reason.startswith(f"{labels}/train/aachen/aachen_000000_000019_")


def test_fine_labels_are_meant_where_there_are_coarse_ones_too(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7]])
    save(
        tmp_path / "gtCoarse" / f"{STEM.replace('gtFine', 'gtCoarse')}labelIds.png", np.uint8([[8]])
    )
    assert read_ids(tmp_path) == {NAME: [7]}
    assert read_ids(tmp_path / "gtCoarse") == {NAME: [8]}


def test_several_trees_are_an_error_that_names_them(tmp_path: Path) -> None:
    save_ids(tmp_path / "a", instanceIds=[[7]])
    save_ids(tmp_path / "b", instanceIds=[[7]])
    images, (problem,) = read(tmp_path)
    assert (images, problem.code) == ([], "several_trees")
    assert len(list(CITYSCAPES.recognise(tmp_path))) == 2


def test_only_the_split_that_is_opened_is_read(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7]])
    save(tmp_path / "gtFine/val/ulm/ulm_000000_000001_gtFine_instanceIds.png", np.uint16([[8]]))
    assert [image.split for image in read(tmp_path)[0]] == ["train", "val"]
    assert read_ids(tmp_path / "gtFine" / "val") == {"ulm/ulm_000000_000001_leftImg8bit.png": [8]}


def test_the_same_image_in_two_splits_is_an_error(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7]])
    save(tmp_path / "gtFine" / f"{STEM.replace('train', 'val')}instanceIds.png", np.uint16([[8]]))
    assert errors(read(tmp_path)[1]) == ["duplicate_name"]


@pytest.mark.parametrize("inside", ["", "gtFine", "gtFine/train/aachen"])
def test_a_folder_without_label_files_is_an_error(tmp_path: Path, inside: str) -> None:
    (tmp_path / "x" / inside).mkdir(parents=True)
    images, problems = read(tmp_path / "x")
    assert (images, errors(problems)) == ([], ["no_images"])
    assert list(CITYSCAPES.recognise(tmp_path / "x")) == []


def test_what_is_hidden_is_no_label_file(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7]])
    (tmp_path / "gtFine/train/aachen/._aachen_000000_000019_gtFine_labelIds.png").touch()
    assert read_ids(tmp_path) == {NAME: [7]}


@pytest.mark.parametrize("stem", [b"a\\b", b"a\nb", b"a\xffb"])
def test_trap_26_file_names_that_no_image_may_have_are_refused(tmp_path: Path, stem: bytes) -> None:
    save_photo(tmp_path / "leftImg8bit/train" / NAME, 1, 1)
    save_ids(tmp_path, instanceIds=[[7]])
    file = tmp_path / "gtFine" / f"{STEM}instanceIds.png"
    file.rename(file.with_name(f"{os.fsdecode(stem)}_gtFine_instanceIds.png"))
    images, problems = read(tmp_path)
    assert images == []
    assert len(errors(problems)) == 1


def test_the_photograph_gives_the_name_its_suffix(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7]])
    save_photo(tmp_path / "leftImg8bit/train" / NAME.replace(".png", ".jpg"), 1, 1)
    (image,), _ = read(tmp_path)
    assert image.name == NAME.replace(".png", ".jpg")


def test_photographs_that_are_named_may_lie_in_folders_of_splits(tmp_path: Path) -> None:
    save_ids(tmp_path / "a", instanceIds=[[7]])
    save_photo(tmp_path / "b" / "train" / NAME, 1, 1)
    options = ReadOptions(images=tmp_path / "b")
    (image,), problems = read_all(CITYSCAPES, tmp_path / "a", options, BINDING)
    assert problems == ()
    assert image.photo == tmp_path / "b" / "train" / NAME


def test_a_photograph_of_another_size_is_an_error(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7]])
    save_photo(tmp_path / "leftImg8bit/train" / NAME, 2, 2)
    assert errors(read(tmp_path)[1]) == ["photo_size_mismatch"]


# Writing

FILES = ("color.png", "instanceIds.png", "labelIds.png", "labelTrainIds.png", "polygons.json")


def test_an_export_is_the_whole_tree(tmp_path: Path) -> None:
    drawn = label("1123 1..4", {1: 126, 2: 126, 3: 107, 4: 129}, crowds=[2])
    drawn = renumbered(drawn, {1: 26003, 2: 26, 3: 7, 4: 29001})
    report = write(tmp_path / "x", {NAME: drawn}, split="val")
    assert (report.images, report.segments, dict(report.lost)) == (1, 4, {})
    root = tmp_path / "x" / "gtFine"
    stem = "aachen_000000_000019_gtFine"
    assert sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()) == [
        "cityscapes_panoptic_val.json",
        f"cityscapes_panoptic_val/{stem}_panoptic.png",
        *[f"val/aachen/{stem}_{kind}" for kind in FILES],
    ]
    numbers = [[26003, 26003, 26, 7], [26003, 0, 0, 29001]]
    files = root / "val" / "aachen"
    assert pixels(files / f"{stem}_instanceIds.png") == ("I;16", numbers)
    assert pixels(files / f"{stem}_labelIds.png") == ("L", [[26, 26, 26, 7], [26, 0, 0, 29]])
    assert pixels(files / f"{stem}_labelTrainIds.png") == (
        "L",
        [[13, 13, 13, 0], [13, 255, 255, 255]],
    )
    car, road, caravan = [0, 0, 142], [128, 64, 128], [0, 0, 90]
    assert pixels(files / f"{stem}_color.png") == (
        "RGB",
        [[car, car, car, road], [car, [0] * 3, [0] * 3, caravan]],
    )
    told = json.loads((root / "cityscapes_panoptic_val.json").read_text())
    assert told["images"] == [
        {
            "id": "aachen_000000_000019",
            "width": 4,
            "height": 2,
            "file_name": "aachen_000000_000019_gtFine_leftImg8bit.png",
        }
    ]
    assert told["annotations"] == [
        {
            "image_id": "aachen_000000_000019",
            "file_name": f"{stem}_panoptic.png",
            "segments_info": [
                info(7, 7, 1, [3, 0, 1, 1], 0),
                info(26, 26, 1, [2, 0, 1, 1], 1),
                info(26003, 26, 3, [0, 0, 2, 2], 0),
            ],
        }
    ]
    assert len(told["categories"]) == 19


def test_the_panoptic_files_list_the_images_by_place(tmp_path: Path) -> None:
    names = [f"ulm/ulm_000000_{number:06}_leftImg8bit.png" for number in (2, 0, 1)]
    write(tmp_path / "x", dict.fromkeys(names, label("1", {1: 107})))
    told = json.loads((tmp_path / "x/gtFine/cityscapes_panoptic_train.json").read_text())
    ids = [f"ulm_000000_{number:06}" for number in range(3)]
    assert [image["id"] for image in told["images"]] == ids
    assert [annotation["image_id"] for annotation in told["annotations"]] == ids


def test_written_files_are_these_bytes(tmp_path: Path) -> None:
    """Another hash says that exports differ from those of earlier versions: tell people."""
    drawn = renumbered(label("1123 1..4", {1: 126, 2: 107, 3: 123, 4: 129}), {1: 26003, 2: 7})
    write(tmp_path / "x", {NAME: drawn, "b.jpg": drawn})
    content = b"".join(
        path.relative_to(tmp_path).as_posix().encode() + path.read_bytes()
        for path in sorted((tmp_path / "x").rglob("*"))
        if path.is_file()
    )
    assert hashlib.sha256(content).hexdigest() == (
        "54930ac7394e2b39b4e14e05794563c2864883a49993d7d7257029a85f0a04b7"
    )


def test_trap_4_train_ids_make_a_category_0(tmp_path: Path) -> None:
    options = WriteOptions(values={"train_ids": "yes"})
    write(tmp_path / "x", {NAME: label("1", {1: 107})}, options)
    told = json.loads((tmp_path / "x/gtFine/cityscapes_panoptic_train_trainId.json").read_text())
    (annotation,) = told["annotations"]
    assert annotation["segments_info"] == [info(7, 0, 1, [0, 0, 1, 1], 0)]
    assert {each["name"]: each["id"] for each in told["categories"]}["road"] == 0


def test_ids_that_are_no_numbers_of_their_label_take_free_ones(tmp_path: Path) -> None:
    classes = {1: 126, 2: 126, 3: 126, 4: 107}
    drawn = renumbered(label("1234", classes), {1: 26000, 2: 24001, 3: 2**24 - 1, 4: 7})
    report = write(tmp_path / "x", {NAME: drawn})
    file = tmp_path / "x" / "gtFine" / f"{STEM}instanceIds.png"
    assert pixels(file)[1] == [[26000, 26001, 26002, 7]]
    assert dict(report.lost) == {"changed_ids": 2}


@pytest.mark.parametrize("count", [255, 256, 1000])
def test_as_many_objects_as_there_are_numbers_are_written(tmp_path: Path, count: int) -> None:
    write(tmp_path / "x", {NAME: many_cars(count)})
    (image,), problems = read(tmp_path / "x")
    assert problems == ()
    assert image.label is not None
    assert image.label.segments.ids.tolist() == list(range(26000, 26000 + count))


def test_trap_21_a_number_above_999_is_refused_and_never_wraps(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match=r"objects of car in image a\.jpg: 1001, at most 1000"):
        write(tmp_path / "x", {"a.jpg": many_cars(1001)})
    assert list(tmp_path.iterdir()) == []


def test_classes_that_the_list_lacks_are_void_and_counted(tmp_path: Path) -> None:
    cat = ExportClass(5, "cat", "thing", (1, 2, 3))
    report = write(tmp_path / "x", {NAME: label("112", {1: 5, 2: 107})}, classes=(*CLASSES, cat))
    assert dict(report.lost) == {"void_pixels": 2, "changed_ids": 1}
    (problem,) = report.problems
    assert (problem.code, problem.severity) == ("void_class", "warning")
    assert problem.message == "2 pixels of 'cat' are void in the PNGs"
    assert read_ids(tmp_path / "x") == {NAME: [7]}


def test_classes_without_an_external_id_go_by_their_names(tmp_path: Path) -> None:
    classes = (ExportClass(5, "car", "thing", (1, 2, 3)), ExportClass(6, "Car", "thing", (0, 0, 0)))
    report = write(tmp_path / "x", {NAME: label("112", {1: 5, 2: 6})}, classes=classes)
    assert report.lost["void_pixels"] == 1
    assert read_ids(tmp_path / "x") == {NAME: [26000]}


def test_license_plates_are_written_as_polygons_only(tmp_path: Path) -> None:
    drawn = renumbered(label("1121", {1: 126, 2: 99}), {1: 26000, 2: 34})
    report = write(tmp_path / "x", {NAME: drawn})
    assert dict(report.lost) == {"void_pixels": 1}
    assert read_ids(tmp_path / "x") == {NAME: [26000]}
    assert read(tmp_path / "x", source="polygons")[0][0].label == drawn


def test_crowds_of_a_class_become_one(tmp_path: Path) -> None:
    drawn = label("12.3", {1: 126, 2: 126, 3: 126}, crowds=[1, 2])
    report = write(tmp_path / "x", {NAME: drawn})
    assert dict(report.lost) == {"merged_crowds": 1, "changed_ids": 2}
    assert read_ids(tmp_path / "x") == {NAME: [26, 26000]}


def test_things_of_what_is_stuff_there_are_written_as_stuff(tmp_path: Path) -> None:
    classes = (ExportClass(5, "pole", "thing", (1, 2, 3), {"cityscapes": 17}),)
    report = write(tmp_path / "x", {NAME: label("12", {1: 5, 2: 5})}, classes=classes)
    assert dict(report.lost) == {"merged_segments": 1, "changed_ids": 1}
    assert [problem.code for problem in report.problems] == ["thing_as_stuff"]


def test_stuff_of_what_is_a_thing_there_comes_back_as_stuff(tmp_path: Path) -> None:
    classes = (ExportClass(5, "traffic", "stuff", (1, 2, 3), {"cityscapes": 26}),)
    drawn = renumbered(label("1.1", {1: 5}), {1: 26})
    report = write(tmp_path / "x", {NAME: drawn}, classes=classes)
    assert (dict(report.lost), report.problems) == ({}, ())
    binding = {26: BoundClass(5, "stuff")}
    (image,), problems = read_all(CITYSCAPES, tmp_path / "x", ReadOptions(), binding)
    assert (image.label, problems) == (drawn, ())


def test_what_is_hidden_and_what_has_no_place_is_counted(tmp_path: Path) -> None:
    layered = stack(
        "1111 2222",
        ".33. 4444",
        classes={1: 126, 2: 126, 3: 126, 4: 126},
        scores={1: 0.5},
        attributes={1: {"a": 1, "b": 2}},
    )
    report = write(tmp_path / "x", {NAME: layered})
    assert dict(report.lost) == {
        "hidden_pixels": 6,
        "hidden_segments": 1,
        "fields": 3,
        "changed_ids": 3,
    }


def test_unlabelled_images_are_left_out_and_counted(tmp_path: Path) -> None:
    report = write(tmp_path / "x", {NAME: None})
    assert (report.images, dict(report.lost)) == (0, {"unlabelled_images": 1})
    assert [problem.code for problem in report.problems] == ["unlabelled_image"]


def test_a_label_without_segments_comes_back(tmp_path: Path) -> None:
    write(tmp_path / "x", {NAME: empty_label(2, 3)})
    (image,), problems = read(tmp_path / "x")
    assert (image.label, problems) == (empty_label(2, 3), ())


def test_an_undeclared_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownClass, match=r"image a\.jpg, segment 1"):
        write(tmp_path / "x", {"a.jpg": label("1", {1: 4})})


def test_photographs_lie_where_the_tools_look_for_them(tmp_path: Path) -> None:
    save_photo(tmp_path / "photo.png", 1, 1)
    with CITYSCAPES.create(tmp_path / "x", CLASSES, WriteOptions(photos=True)) as writer:
        image = export_image(NAME, label("1", {1: 107}), split="val")
        writer.add(writer.encode(image), (tmp_path / "photo.png").read_bytes())
        writer.close()
    photo = tmp_path / "x" / "leftImg8bit" / "val" / NAME
    assert photo.read_bytes() == (tmp_path / "photo.png").read_bytes()
    (image_read,), _ = read(tmp_path / "x")
    assert (image_read.name, image_read.photo) == (NAME, photo)


# Names


@pytest.mark.parametrize(
    ("name", "place"),
    [
        (NAME, "aachen/aachen_000000_000019"),
        ("x/bad-honnef_000001_000019.jpg", "bad-honnef/bad-honnef_000001_000019"),
        ("000000000139.jpg", "other/other_000000_000000"),
        ("x_aachen_000000_000019.jpg", "other/other_000000_000000"),
        ("a b/frame.001", "other/other_000000_000000"),
        (".._000000_000000.png", "other/other_000000_000000"),
    ],
)
def test_trap_16_every_name_has_a_place_and_comes_back(
    tmp_path: Path, name: str, place: str
) -> None:
    write(tmp_path / "x", {name: label("1", {1: 107})})
    assert (tmp_path / "x" / "gtFine" / "train" / f"{place}_gtFine_instanceIds.png").is_file()
    assert read_ids(tmp_path / "x") == {name: [7]}
    assert read_ids(tmp_path / "x" / "gtFine" / "train") == {name: [7]}


def test_names_that_say_one_place_get_two(tmp_path: Path) -> None:
    names = ["aachen_000000_000019.jpg", "b/aachen_000000_000019.jpg", NAME, "c.jpg"]
    write(tmp_path / "x", dict.fromkeys(names, label("1", {1: 107})))
    assert set(read_ids(tmp_path / "x")) == set(names)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"images": 3}', b"\xff"])
def test_a_table_of_names_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes) -> None:
    save_ids(tmp_path, instanceIds=[[7]])
    (tmp_path / "image_names.json").write_bytes(content)
    assert errors(read(tmp_path)[1]) == ["malformed_file"]


def test_trap_26_a_name_in_the_table_cannot_leave_the_dataset(tmp_path: Path) -> None:
    save_ids(tmp_path, instanceIds=[[7]])
    entries = [{"place": STEM.removesuffix("_gtFine_"), "name": "../../x"}, 3, {"place": 4}]
    (tmp_path / "image_names.json").write_text(json.dumps({"images": entries}))
    images, problems = read(tmp_path)
    assert (images, errors(problems)) == ([], ["invalid_name"])


# Polygons, written


@pytest.mark.parametrize(
    "drawing",
    [
        "111 1.1 111",
        "11111 1...1 1.2.1 1...1 11111",
        "1111 1..1 1211 1111",
        "1.11 .111 1111",
        "22222 2...2 2.1.2 2...2 22222",
        "1111. 1..1. 1.111 111.1 ..111",
    ],
)
def test_what_lies_within_an_outline_is_painted_over_it(tmp_path: Path, drawing: str) -> None:
    numbers = np.array([0, 26003, 23])[id_map(drawing)]
    drawn = label_of_numbers(numbers)
    write(tmp_path / "x", {NAME: drawn})
    (image,), problems = read(tmp_path / "x", source="polygons")
    assert (image.label, problems) == (drawn, ())


@examples(40)
@given(plane=planes([0, 7, 26, 18, 26000, 26001, 24999, 34]))
def test_written_polygons_draw_the_label_pixel_by_pixel(
    tmp_path_factory: pytest.TempPathFactory, plane: Any
) -> None:
    """Holes, parts, void within things, single pixels."""
    drawn = label_of_numbers(np.where(plane == 34, 0, plane))
    if (plane == 34).any():
        rows = [*drawn.segments, Segment(34, 99)]
        drawn = label_from_runs(encode_runs(plane), rows)
    target = tmp_path_factory.mktemp("polygons") / "x"
    write(target, {NAME: drawn})
    (image,), problems = read(target, source="polygons")
    assert (image.label, problems) == (drawn, ())


def test_a_thing_of_two_parts_is_two_objects_with_one_id(tmp_path: Path) -> None:
    write(tmp_path / "x", {NAME: renumbered(label("1.1", {1: 126}), {1: 26003})})
    told = json.loads((tmp_path / "x" / "gtFine" / f"{STEM}polygons.json").read_text())
    assert told == {
        "imgHeight": 1,
        "imgWidth": 3,
        "objects": [
            {"label": "car", "id": 26003, "polygon": [[0, 0]] * 4},
            {"label": "car", "id": 26003, "polygon": [[2, 0]] * 4},
        ],
    }


# Real files


def test_a_tree_that_datumaro_wrote_is_read() -> None:
    root = real_data("datumaro_assets") / "cityscapes_dataset" / "train_dataset"
    images, problems = read(root)
    assert {image.split: image.photo is not None for image in images} == {
        "test": True,
        "train": True,
        "val": True,
    }
    assert [ids_of(image) for image in images] == [
        [1, 3],
        [3, 27001, 27002],
        [3, 12, 31001],
        [3, 24001],
    ]
    # 1024 is object 24 of the ego vehicle, which is stuff.
    assert [(p.code, p.severity) for p in problems] == [("numbered_stuff", "warning")]


def test_trap_6_the_8_bit_instance_ids_of_a_real_tree_are_refused() -> None:
    root = real_data("datumaro_assets") / "cityscapes_dataset" / "dataset"
    images, problems = read(root)
    assert [image.label for image in images] == [None] * 4
    assert {problem.message for problem in problems} == {
        "a file of 16 bits is needed, this one has 8"
    }


def read(path: Path, **values: str) -> tuple[list[LabelledImage], tuple[Problem, ...]]:
    return read_all(CITYSCAPES, path, ReadOptions(values=values), BINDING)


def read_ids(path: Path) -> dict[str, list[int]]:
    """The segment ids by image; there must be no problem."""
    images, problems = read(path)
    assert problems == ()
    return {image.name: ids_of(image) for image in images}


def ids_of(image: LabelledImage) -> list[int]:
    assert image.label is not None
    ids: list[int] = image.label.segments.ids.tolist()
    return ids


def write(
    target: Path,
    labels: Mapping[str, Label | None],
    options: WriteOptions | None = None,
    classes: tuple[ExportClass, ...] = CLASSES,
    **fields: Any,
) -> ExportReport:
    images = [export_image(name, label_, **fields) for name, label_ in labels.items()]
    return write_all(CITYSCAPES, target, images, classes, options)


def renumbered(drawn: Label, ids: Mapping[int, int]) -> Label:
    """Drawings have small ids only."""
    return renumber(drawn, list(ids), list(ids.values()))


def many_cars(count: int) -> Label:
    plane = np.arange(1, count + 1).reshape(1, -1)
    return label_from_id_map(plane, [Segment(n, 126) for n in range(1, count + 1)])


def info(number: int, category: int, area: int, box: list[int], crowd: int) -> dict[str, Any]:
    return {"id": number, "category_id": category, "area": area, "bbox": box, "iscrowd": crowd}


def pixels(file: Path) -> tuple[str, Any]:
    with Image.open(file) as image:
        return image.mode, np.asarray(image).tolist()


def save_ids(root: Path, **planes: list[list[int]]) -> None:
    """Label files of one image, by Pillow."""
    for kind, plane in planes.items():
        depth = np.uint16 if kind == "instanceIds" else np.uint8
        save(root / "gtFine" / f"{STEM}{kind}.png", np.array(plane, depth))


def save_polygons(
    root: Path, height: int, width: int, *boxes: tuple[str, int, int, int, int]
) -> None:
    """Boxes (label, left, top, right, bottom), both ends within."""
    objects = [
        {"label": name, "polygon": [[left, top], [right, top], [right, bottom], [left, bottom]]}
        for name, left, top, right, bottom in boxes
    ]
    file = root / "gtFine" / f"{STEM}polygons.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"imgHeight": height, "imgWidth": width, "objects": objects}
    file.write_text(json.dumps(content))


def save(file: Path, plane: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(plane).save(file)


def save_photo(file: Path, height: int, width: int) -> None:
    save(file, np.zeros((height, width, 3), np.uint8))
