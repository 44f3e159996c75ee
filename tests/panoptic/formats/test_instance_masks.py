"""A folder per image with one mask per instance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from panoptic.formats.base import ReadOptions
from panoptic.formats.instance_masks.format import INSTANCE_MASKS
from panoptic.formats.matched_ids import assign_ids
from panoptic.label import renumber, spans_of
from panoptic.runs import decode_runs, runs_from_spans
from tests.builders import label, stack
from tests.panoptic.formats.files import errors, export_image, write_all
from tests.panoptic.formats.mask_cases import MASK_BINDING, save_masks, save_photo
from tests.panoptic.formats.mask_cases import read_masks as read
from tests.real_data import real_data


def test_each_mask_is_a_thing_numbered_by_its_first_pixel(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", z="11.. ....", b=".... 11..", a="...1 ....")
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert image.label == label("11.2 33..", {1: 7, 2: 7, 3: 7})
    assert (image.name, image.height, image.width) == ("a", 2, 4)


def test_the_names_of_the_files_do_not_matter(tmp_path: Path) -> None:
    save_masks(tmp_path / "x" / "a", one="111. ....", two="..11 ..11")
    save_masks(tmp_path / "y" / "a", two="111. ....", one="..11 ..11")
    first, second = (read(tmp_path / folder)[0][0].label for folder in "xy")
    assert first == second


def test_the_class_is_the_one_that_the_options_name(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", one="1.")
    options = ReadOptions(class_name="nucleus")
    with INSTANCE_MASKS.open(tmp_path, options) as source:
        (class_,) = source.classes
    assert (class_.external_id, class_.name, class_.kind) == ("nucleus", "nucleus", "thing")
    (image,), _ = read(tmp_path, class_name="nucleus")
    assert image.label == label("1.", {1: 4})


def test_without_options_the_class_is_object(tmp_path: Path) -> None:
    with INSTANCE_MASKS.open(tmp_path, ReadOptions()) as source:
        assert [class_.name for class_ in source.classes] == ["object"]


def test_overlaps_survive_with_the_smaller_on_top(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", one="1111", two=".11.")
    (image,), _ = read(tmp_path)
    assert image.label == stack("1111", ".22.", classes={1: 7, 2: 7})
    assert image.hidden_pixels == 2


def test_an_empty_mask_is_left_out_with_a_warning(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", one="1..", two="...")
    (image,), problems = read(tmp_path)
    assert [tuple(problem[:1]) + problem[2:] for problem in problems] == [
        ("empty_segment", "a/masks/two.png", "a", None, "warning")
    ]
    assert image.label == label("1..", {1: 7})


def test_masks_of_two_sizes_are_an_error(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", one="1..", two="1...")
    (image,), problems = read(tmp_path)
    assert [(p.code, p.file, p.image) for p in problems] == [
        ("malformed_file", "a/masks/two.png", "a")
    ]
    assert image.label is None


def test_a_grey_pixel_is_an_error(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", one="1..")
    Image.fromarray(np.array([[0, 128, 255]], np.uint8)).save(tmp_path / "a/masks/one.png")
    _, problems = read(tmp_path)
    assert [(p.code, p.file) for p in problems] == [("malformed_file", "a/masks/one.png")]
    assert "1 pixels" in problems[0].message


def test_a_truncated_mask_is_an_error(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", one="1..")
    file = tmp_path / "a/masks/one.png"
    file.write_bytes(file.read_bytes()[:-6])
    assert errors(read(tmp_path)[1]) == ["malformed_file"]


def test_an_image_in_folders_is_named_by_its_path(tmp_path: Path) -> None:
    for name in ("day/b", "day/a", "night/a", "c"):
        save_masks(tmp_path / name, one="1")
    images, problems = read(tmp_path)
    assert [image.name for image in images] == ["c", "day/a", "day/b", "night/a"]
    assert problems == ()


def test_files_that_are_no_png_are_left_out_with_a_warning(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", one="1")
    (tmp_path / "a/masks/notes.txt").touch()
    (tmp_path / "a/masks/.DS_Store").touch()
    _, problems = read(tmp_path)
    assert [(p.code, p.file, p.severity) for p in problems] == [
        ("ignored_file", "a/masks/notes.txt", "warning")
    ]


# Images without masks


@pytest.mark.parametrize("photo", ["images/a.png", "a/images/a.png"])
@pytest.mark.parametrize("masks", ["a", "a/masks"])
def test_without_masks_a_photograph_tells_the_size(tmp_path: Path, photo: str, masks: str) -> None:
    (tmp_path / masks).mkdir(parents=True)
    save_photo(tmp_path / photo, 2, 3)
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert image.label == label("... ...", {})
    assert image.photo == tmp_path / photo


def test_without_masks_a_named_folder_of_photographs_tells_the_size(tmp_path: Path) -> None:
    (tmp_path / "labels" / "day" / "a" / "masks").mkdir(parents=True)
    save_photo(tmp_path / "photos" / "day" / "a.png", 2, 3)
    (image,), problems = read(tmp_path / "labels", images=tmp_path / "photos")
    assert problems == ()
    assert image.label == label("... ...", {})


def test_without_masks_and_photograph_the_size_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (image,), problems = read(tmp_path)
    assert [(p.code, p.image) for p in problems] == [("missing_size", "a")]
    assert image.label is None


def test_a_photograph_of_another_size_is_an_error(tmp_path: Path) -> None:
    save_masks(tmp_path / "a", one="1..")
    save_photo(tmp_path / "images" / "a.png", 3, 3)
    assert errors(read(tmp_path)[1]) == ["photo_size_mismatch"]


def test_a_folder_called_images_is_an_image_only_if_it_holds_masks(tmp_path: Path) -> None:
    save_masks(tmp_path / "images" / "a", one="1")
    (tmp_path / "images" / "b.png").touch()
    images, _ = read(tmp_path)
    assert [image.name for image in images] == ["images/a"]


@pytest.mark.parametrize(
    ("inside", "reason"), [("", "no folders"), ("masks", "name the folder above it")]
)
def test_a_folder_without_images_is_an_error(tmp_path: Path, inside: str, reason: str) -> None:
    (tmp_path / "x" / inside).mkdir(parents=True)
    images, (problem,) = read(tmp_path / "x")
    assert (images, problem.code) == ([], "no_images")
    assert reason in problem.message


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    _, problems = read(tmp_path / "nowhere")
    assert errors(problems) == ["missing_folder"]


# Writing


def test_masks_are_written_by_id_as_0_and_255(tmp_path: Path) -> None:
    write_all(
        INSTANCE_MASKS, tmp_path / "x", [export_image("d/a.jpg", label("1.c", {1: 7, 12: 7}))]
    )
    folder = tmp_path / "x" / "d" / "a.jpg" / "masks"
    assert sorted(path.name for path in folder.iterdir()) == ["00000001.png", "00000012.png"]
    with Image.open(folder / "00000012.png") as written:
        assert (written.mode, np.asarray(written).tolist()) == ("L", [[0, 0, 255]])


def test_full_masks_are_written(tmp_path: Path) -> None:
    layered = stack("1111", ".22.", classes={1: 7, 2: 7})
    write_all(INSTANCE_MASKS, tmp_path / "x", [export_image("a", layered)])
    (image,), _ = read(tmp_path / "x")
    assert image.label == layered


def test_stuff_is_left_out_and_reported(tmp_path: Path) -> None:
    report = write_all(
        INSTANCE_MASKS, tmp_path / "x", [export_image("a", label("1.2", {1: 7, 2: 8}))]
    )
    assert (report.images, report.segments) == (1, 1)
    assert [(p.code, p.severity) for p in report.problems] == [("stuff_left_out", "warning")]


def test_unlabelled_images_have_no_folder(tmp_path: Path) -> None:
    report = write_all(INSTANCE_MASKS, tmp_path / "x", [export_image("a", None)])
    assert [problem.code for problem in report.problems] == ["unlabelled_image"]
    assert list((tmp_path / "x").iterdir()) == []


# Ids of a parent revision


def test_matched_segments_take_the_ids_of_the_parent() -> None:
    parent = label("99.55 99.55", {9: 7, 5: 7})
    new = label("11.22 1..22", {1: 7, 2: 7})
    assert assign_ids(new, parent) == label("99.55 9..55", {9: 7, 5: 7})


def test_other_segments_take_the_lowest_ids_that_the_parent_does_not_use() -> None:
    parent = label("11..22", {1: 7, 2: 7})
    new = label("..1.22", {1: 7, 2: 7})
    assert assign_ids(new, parent) == label("..3.22", {3: 7, 2: 7})


def test_an_equal_id_by_chance_is_no_match() -> None:
    parent = label("111111..", {1: 7})
    new = label(".....111", {1: 7})
    assert assign_ids(new, parent).segments.ids.tolist() == [2]


def test_ids_at_the_upper_end_leave_room() -> None:
    parent = label("12", {1: 7, 2: 7})
    high = renumber(parent, [2], [2**24 - 1])
    assert assign_ids(label("12", {1: 7, 2: 7}), high) == high


@pytest.mark.parametrize("parent", [None, label("... ...", {})])
def test_without_a_parent_of_that_size_ids_stay(parent: Any) -> None:
    new = label("1.2", {1: 7, 2: 7})
    assert assign_ids(new, parent) == new


# Real corrections


@pytest.mark.parametrize("folder", ["v0", "v1", "v2"])
def test_real_masks_are_read_pixel_by_pixel(folder: str) -> None:
    root = real_data("dsbowl")
    with INSTANCE_MASKS.open(root / folder, ReadOptions()) as source:
        items = list(source.iter_items())[::6]
    for item in items:
        image = INSTANCE_MASKS.read_item(item, MASK_BINDING, ReadOptions(images=root / "images"))
        assert errors(image.problems) == []
        assert image.photo == root / "images" / f"{image.name}.png"
        assert image.label is not None
        on_disk = {
            np.asarray(Image.open(path).convert("L")).tobytes()
            for path in (root / folder / image.name / "masks").iterdir()
        }
        on_disk.discard(bytes(image.height * image.width))
        shape = image.label.shape
        read_masks = {
            decode_runs(runs_from_spans(*shape, [(255, spans)]), np.uint8).tobytes()
            for spans in spans_of(image.label).values()
        }
        assert read_masks == on_disk


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), [("v0", "v1"), ("v1", "v2")])
def test_real_corrections_change_the_images_that_the_manifest_names(old: str, new: str) -> None:
    root = real_data("dsbowl")
    manifest = json.loads((root / "manifest.json").read_text())
    before, after = (
        {image.name: image.label for image in read(root / folder)[0]} for folder in (old, new)
    )
    changed = {name for name in before if name not in after} | {
        name
        for name, label_ in after.items()
        if label_ is not None and assign_ids(label_, before.get(name)) != before.get(name)
    }
    assert changed == set(manifest[f"changed_{old}_{new}"])
