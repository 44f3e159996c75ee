"""What createPanopticImgs makes, read: with what it writes, and without what people leave out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from panoptic.formats.base import Binding, BoundClass, LabelledImage, ReadOptions
from panoptic.formats.cityscapes.labels import EVALUATED
from panoptic.formats.cityscapes.panoptic import CITYSCAPES_PANOPTIC
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.problems import Problem
from panoptic.label import renumber
from tests.builders import label
from tests.panoptic.formats.files import errors, read_all, save_rgb
from tests.panoptic.formats.test_cityscapes import (
    BINDING,
    NAME,
    label_of_numbers,
    save_ids,
    save_photo,
    write,
)
from tests.real_data import real_data

STEM = "aachen_000000_000019"
TRAIN_BINDING: Binding = {
    each.train_id: BoundClass(100 + each.label_id, each.kind)
    for each in EVALUATED
    if each.train_id is not None
}


def test_images_categories_and_boxes_may_be_left_out(tmp_path: Path) -> None:
    file = save_panoptic(tmp_path, "val", {26003: 26, 7: 7, 26: 26}, crowds=[26])
    (image,), problems = read(file)
    assert problems == ()
    assert (image.name, image.split, image.height, image.width) == (NAME, "val", 1, 3)
    expected = label("123", {1: 126, 2: 107, 3: 126}, crowds=[3])
    assert image.label == renumber(expected, [1, 2, 3], [26003, 7, 26])
    with CITYSCAPES_PANOPTIC.open(file, ReadOptions()) as source:
        assert (source.scheme, len(source.classes)) == ("cityscapes", 34)


def test_trap_4_train_ids_are_known_by_the_name_and_0_is_road(tmp_path: Path) -> None:
    file = save_panoptic(tmp_path, "val_trainId", {26003: 13, 7: 0})
    (image,), problems = read(file, TRAIN_BINDING)
    assert problems == ()
    assert image.split == "val"
    expected = label("12", {1: 126, 2: 107})
    assert image.label == renumber(expected, [1, 2], [26003, 7])
    with CITYSCAPES_PANOPTIC.open(file, ReadOptions()) as source:
        assert (source.scheme, len(source.classes)) == ("cityscapes_train", 19)
        assert {each.external_id: each.name for each in source.classes}[0] == "road"


@pytest.mark.parametrize(("said", "scheme"), [("train_ids", "cityscapes_train"),
                                              ("label_ids", "cityscapes")])  # fmt: skip
def test_the_option_says_what_a_name_does_not(tmp_path: Path, said: str, scheme: str) -> None:
    file = save_panoptic(tmp_path, "val", {7: 0})
    file = file.rename(tmp_path / "renamed.json")
    (tmp_path / "cityscapes_panoptic_val").rename(tmp_path / "renamed")
    with CITYSCAPES_PANOPTIC.open(file, ReadOptions(values={"categories": said})) as source:
        assert source.scheme == scheme
        assert [item.split for item in source.iter_items()] == [None]


def test_categories_of_the_file_say_more_than_its_name(tmp_path: Path) -> None:
    file = save_panoptic(tmp_path, "val", {7: 0}, categories=[{"id": 0, "name": "road"}])
    assert read(file, TRAIN_BINDING)[1] == ()


@pytest.mark.parametrize("category", [{"id": 5, "name": "cat"}, {"id": [5], "name": {}}, {}])
def test_other_categories_are_refused(tmp_path: Path, category: dict[str, Any]) -> None:
    file = save_panoptic(tmp_path, "val", {7: 5}, categories=[category])
    images, problems = read(file)
    assert images == []
    assert "other_categories" in errors(problems)


def test_what_an_export_writes_is_read_with_its_photographs(tmp_path: Path) -> None:
    drawn = label_of_numbers(np.array([[26003, 26, 7], [29000, 0, 23]]))
    write(tmp_path / "x", {NAME: drawn}, split="val")
    save_photo(tmp_path / "x/leftImg8bit/val" / NAME, 2, 3)
    (image,), problems = read(tmp_path / "x/gtFine/cityscapes_panoptic_val.json")
    assert problems == ()
    # The caravan is not evaluated.
    assert image.label == label_of_numbers(np.array([[26003, 26, 7], [0, 0, 23]]))
    assert (image.name, image.photo) == (NAME, tmp_path / "x/leftImg8bit/val" / NAME)


def test_photographs_that_are_named_may_lie_in_folders_of_splits(tmp_path: Path) -> None:
    file = save_panoptic(tmp_path, "val", {7: 7})
    save_photo(tmp_path / "photos" / "val" / NAME, 1, 1)
    options = ReadOptions(images=tmp_path / "photos")
    (image,), problems = read_all(CITYSCAPES_PANOPTIC, file, options, BINDING)
    assert (image.photo, problems) == (tmp_path / "photos" / "val" / NAME, ())


def test_a_folder_is_read_with_all_its_splits_and_label_ids_come_first(tmp_path: Path) -> None:
    for stem in ("train", "val", "val_trainId"):
        save_panoptic(tmp_path / "gtFine", stem, {7: 7}, image_id=f"ulm_000000_{len(stem):06}")
    images, problems = read(tmp_path)
    assert problems == ()
    assert [image.split for image in images] == ["val", "train"]


def test_files_of_two_kinds_of_ids_are_not_mixed(tmp_path: Path) -> None:
    save_panoptic(tmp_path, "train", {7: 7})
    save_panoptic(tmp_path, "val", {7: 0}, categories=[{"id": 0, "name": "road"}])
    assert "other_categories" in errors(read(tmp_path)[1])


def test_a_folder_without_such_files_is_an_error(tmp_path: Path) -> None:
    assert errors(read(tmp_path)[1]) == ["no_images"]
    assert list(CITYSCAPES_PANOPTIC.recognise(tmp_path)) == []


def test_the_size_that_the_file_claims_is_checked(tmp_path: Path) -> None:
    images = [{"id": STEM, "height": 2, "width": 2}]
    file = save_panoptic(tmp_path, "val", {7: 7}, images=images)
    (problem,) = read(file)[1]
    assert (problem.code, problem.image) == ("malformed_file", NAME)


def test_trap_1_ids_of_png_and_table_must_agree(tmp_path: Path) -> None:
    file = save_panoptic(tmp_path, "val", {26003: 26, 8: 8})
    content = json.loads(file.read_text())
    content["annotations"][0]["segments_info"].pop()
    file.write_text(json.dumps(content))
    assert errors(read(file)[1]) == ["unmatched_ids"]


@pytest.mark.parametrize("changed", [{"file_name": "../x.png"}, {"file_name": "/etc/x.png"},
                                     {"image_id": "../../x"}, {"image_id": "a\0b"}])  # fmt: skip
def test_trap_26_names_cannot_leave_their_folder(tmp_path: Path, changed: dict[str, str]) -> None:
    file = save_panoptic(tmp_path, "val", {7: 7})
    content = json.loads(file.read_text())
    content["annotations"][0].update(changed)
    file.write_text(json.dumps(content))
    assert errors(read(file)[1]) == ["invalid_name"]


@pytest.mark.parametrize(
    "annotation",
    [
        3,
        {},
        {"image_id": [1]},
        {"image_id": 7},
        {"image_id": STEM},
        {"image_id": STEM, "file_name": 3},
    ],
)
def test_trap_17_annotations_of_another_shape_are_problems(tmp_path: Path, annotation: Any) -> None:
    file = save_panoptic(tmp_path, "val", {7: 7})
    file.write_text(json.dumps({"annotations": [annotation]}))
    assert errors(read(file)[1])


def test_it_is_recognised_by_its_name_and_not_as_a_file_of_coco(tmp_path: Path) -> None:
    file = save_panoptic(tmp_path / "gtFine", "val", {7: 7})
    for path in (tmp_path, tmp_path / "gtFine", file):
        (found,) = CITYSCAPES_PANOPTIC.recognise(path)
        assert found.path == file
        assert list(COCO_PANOPTIC.recognise(path)) == []


def test_a_tree_of_labels_says_more(tmp_path: Path) -> None:
    save_panoptic(tmp_path / "gtFine", "val", {7: 7})
    save_ids(tmp_path, instanceIds=[[7]])
    assert list(CITYSCAPES_PANOPTIC.recognise(tmp_path)) == []


def test_a_real_file_without_images_categories_and_boxes_is_read() -> None:
    root = real_data("deeplab2_cityscapes_panoptic")
    (found,) = CITYSCAPES_PANOPTIC.recognise(root)
    (image,), problems = read(found.path, TRAIN_BINDING)
    assert problems == ()
    assert (image.name, image.height, image.width) == (
        "dummy/dummy_000000_000000_leftImg8bit.png", 800, 800,
    )  # fmt: skip
    folder = found.path.with_suffix("")
    with Image.open(folder / "dummy_000000_000000_gtFine_panoptic.png") as png:
        channels = np.asarray(png).astype(np.int64)
    assert image.label == label_of_numbers(channels @ [1, 256, 65536])
    assert image.label.segments.ids.tolist() == [7, 11, 21, 23, 26, *range(26000, 26005)]


def read(path: Path, binding: Binding = BINDING) -> tuple[list[LabelledImage], tuple[Problem, ...]]:
    return read_all(CITYSCAPES_PANOPTIC, path, ReadOptions(), binding)


def save_panoptic(
    folder: Path,
    stem: str,
    categories_of: dict[int, int],
    *,
    crowds: tuple[int, ...] | list[int] = (),
    image_id: str = STEM,
    **arrays: Any,
) -> Path:
    """One image of one row, a pixel for each segment; only the annotations, unless more is told."""
    file = folder / f"cityscapes_panoptic_{stem}.json"
    name = f"{image_id}_gtFine_panoptic.png"
    save_rgb(file.with_suffix("") / name, np.array([list(categories_of)], np.uint32))
    segments = [
        {"id": number, "category_id": category, "area": 1, "iscrowd": int(number in crowds)}
        for number, category in categories_of.items()
    ]
    annotation = {"image_id": image_id, "file_name": name, "segments_info": segments}
    file.write_text(json.dumps({**arrays, "annotations": [annotation]}))
    return file
