"""COCO panoptic: what is refused, what is mended with a warning, what is kept."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from panoptic.errors import MalformedFile
from panoptic.formats.base import ReadOptions
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.label import Origin
from tests.builders import id_map, label
from tests.panoptic.formats.coco_cases import DRAWING, Case
from tests.panoptic.formats.files import (
    BINDING,
    errors,
    panoptic_json,
    read_all,
    save_rgb,
    write_panoptic,
)

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_a_valid_file_is_read_without_a_problem(case: Case) -> None:
    (image,), problems = case.read()
    assert problems == ()
    assert image.label == label("112 1.2", {1: 7, 2: 8})
    assert (image.name, image.height, image.width) == ("a.jpg", 2, 3)
    assert image.attributes == {"source_id": 1}


def test_classes_keep_their_ids_kinds_colours_and_parents(case: Case) -> None:
    with COCO_PANOPTIC.open(case.path, ReadOptions()) as source:
        assert source.scheme == "coco"
        assert [tuple(class_) for class_ in source.classes] == [
            (1, "person", "thing", (220, 20, 60), "being"),
            (3, "car", "thing", (0, 0, 142), "vehicle"),
            (200, "sky", "stuff", (70, 130, 180), "sky"),
        ]


def test_items_and_images_travel_through_a_process_pool(case: Case) -> None:
    options = ReadOptions()
    with COCO_PANOPTIC.open(case.path, options) as source:
        items = list(source.iter_items())
    read = partial(COCO_PANOPTIC.read_item, binding=dict(BINDING), options=options)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        (image,) = pool.map(read, items)
    assert image == read(items[0])
    assert len(pickle.dumps(items[0])) < 1000


# Ids of PNG and table


@pytest.mark.parametrize(
    ("segment_id", "reason"),
    [
        (0, "id 0 stands for void"),
        (-1, "no number between 1"),
        (2**24, "does not fit a PNG"),
        (2**32 + 1, "does not fit a PNG"),
        ("1", "no number between 1"),
        (1.0, "no number between 1"),
        (True, "no number between 1"),
        (None, "no number between 1"),
    ],
)
def test_an_id_outside_1_to_2_to_the_24_is_an_error(
    case: Case, segment_id: object, reason: str
) -> None:
    case.segments[0]["id"] = segment_id
    problem = case.read_error()
    assert (problem.code, problem.segment) == ("invalid_id", str(segment_id))
    assert reason in problem.message


# Categories


@pytest.mark.parametrize("category", [99, "1", None, True, [1]])
def test_an_undeclared_category_is_an_error(case: Case, category: object) -> None:
    case.segments[0]["category_id"] = category
    problem = case.read_error()
    assert problem.code == "unknown_class"
    assert repr(category) in problem.message


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": "1"}, "invalid_category"),
        ({"id": -1}, "invalid_category"),
        ({"id": True}, "invalid_category"),
        ({"id": 3}, "duplicate_category"),
        ({"name": ""}, "invalid_category"),
        ({"isthing": 2}, "invalid_category"),
        ({"isthing": "1"}, "invalid_category"),
        ({"isthing": None}, "invalid_category"),
    ],
)
def test_a_broken_category_is_an_error(case: Case, change: dict[str, Any], code: str) -> None:
    case.content["categories"][0].update(change)
    _, problems = case.read()
    assert errors(problems)[0] == code
    assert problems[0].file == "labels.json"


def test_isthing_may_be_a_boolean(case: Case) -> None:
    for category in case.content["categories"]:
        category["isthing"] = bool(category["isthing"])
    write_panoptic(case.folder, case.content)
    with COCO_PANOPTIC.open(case.path, ReadOptions()) as source:
        assert [class_.kind for class_ in source.classes] == ["thing", "thing", "stuff"]
        assert source.problems == ()


def test_isthing_missing_from_some_categories_is_an_error(case: Case) -> None:
    del case.content["categories"][1]["isthing"]
    problem = case.read_error()
    assert (problem.code, "category 3" in problem.message) == ("invalid_category", True)


def test_isthing_missing_everywhere_makes_things_with_a_warning(case: Case) -> None:
    for category in case.content["categories"]:
        del category["isthing"]
    write_panoptic(case.folder, case.content)
    with COCO_PANOPTIC.open(case.path, ReadOptions()) as source:
        assert {class_.kind for class_ in source.classes} == {"thing"}
        assert [(p.code, p.severity) for p in source.problems] == [("missing_isthing", "warning")]


def test_a_missing_colour_is_none(case: Case) -> None:
    del case.content["categories"][0]["color"]
    write_panoptic(case.folder, case.content)
    with COCO_PANOPTIC.open(case.path, ReadOptions()) as source:
        assert source.classes[0].color is None
        assert source.problems == ()


def test_a_file_without_categories_is_an_error(case: Case) -> None:
    del case.content["categories"]
    write_panoptic(case.folder, case.content)
    with COCO_PANOPTIC.open(case.path, ReadOptions()) as source:
        assert errors(source.problems) == ["no_categories"]


# The PNG


def test_a_missing_png_is_an_error(case: Case) -> None:
    case.png.unlink()
    problem = case.read_error()
    assert (problem.code, problem.file, problem.image) == ("missing_file", "a.png", "a.jpg")


def test_a_missing_folder_is_an_error_of_the_file(case: Case) -> None:
    case.path.rename(case.folder / "other.json")
    _, problems = read_all(COCO_PANOPTIC, case.folder / "other.json")
    assert errors(problems) == ["missing_folder", "missing_file"]


def test_the_folder_of_the_pngs_can_be_named(case: Case) -> None:
    case.png.parent.rename(case.folder / "elsewhere")
    _, problems = case.read(labels=case.folder / "elsewhere")
    assert problems == ()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_png_is_an_error(case: Case, share: float) -> None:
    content = case.png.read_bytes()
    case.png.write_bytes(content[: int(len(content) * share)])
    problem = case.read_error()
    assert (problem.code, problem.file, problem.image) == ("malformed_file", "a.png", "a.jpg")


def test_a_png_of_another_size_is_an_error(case: Case) -> None:
    save_rgb(case.png, id_map("112. 1.2."))
    problem = case.read_error()
    assert (problem.code, problem.file) == ("malformed_file", "a.png")
    assert "2 × 4" in problem.message


@pytest.mark.parametrize("mode", ["P", "L", "1", "I;16", "LA"])
def test_a_png_of_another_mode_is_an_error(case: Case, mode: str) -> None:
    plane = id_map(DRAWING)
    if mode == "I;16":
        image = Image.fromarray(plane.astype(np.uint16))
    else:
        image = Image.fromarray(plane.astype(np.uint8)).convert(mode)
    image.save(case.png)
    assert case.read_error().code == "malformed_file"


def test_an_rgba_png_that_is_opaque_is_read(case: Case) -> None:
    Image.open(case.png).convert("RGBA").save(case.png)
    (image,), problems = case.read()
    assert problems == ()
    assert image.label == label("112 1.2", {1: 7, 2: 8})


def test_a_file_that_is_no_png_is_an_error(case: Case) -> None:
    case.png.write_text("<html>not found</html>")
    assert case.read_error().code == "malformed_file"


# Names


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "b/../a.jpg", "a\0.jpg", "x" * 1025])
def test_an_image_name_that_leaves_the_folder_is_an_error(case: Case, name: str) -> None:
    case.image["file_name"] = name
    images, problems = case.read()
    assert images == []
    assert errors(problems) == ["invalid_name"]


def test_an_image_without_a_name_takes_that_of_its_png(case: Case) -> None:
    del case.image["file_name"]
    (image,), problems = case.read()
    assert (image.name, problems) == ("a.png", ())


def test_two_images_of_one_name_are_an_error(tmp_path: Path) -> None:
    drawings = {"a.jpg": DRAWING, "b.jpg": DRAWING}
    content = panoptic_json(drawings, {1: 1, 2: 200})
    content["images"][1]["file_name"] = "a.jpg"
    images, problems = read_all(COCO_PANOPTIC, write_panoptic(tmp_path, content, drawings))
    assert [image.name for image in images] == ["a.jpg"]
    assert [(p.code, p.image) for p in problems] == [("duplicate_name", "a.jpg")]


def test_names_that_differ_only_in_how_accents_are_coded_are_one(tmp_path: Path) -> None:
    drawings = {"\u00e9.jpg": DRAWING, "e\u0301.jpg": DRAWING}
    content = panoptic_json(drawings, {1: 1, 2: 200})
    _, problems = read_all(COCO_PANOPTIC, write_panoptic(tmp_path, content, drawings))
    assert errors(problems) == ["duplicate_name"]


# Images and annotations


def test_two_images_of_one_id_are_an_error(tmp_path: Path) -> None:
    drawings = {"a.jpg": DRAWING, "b.jpg": DRAWING}
    content = panoptic_json(drawings, {1: 1, 2: 200})
    content["images"][1]["id"] = 1
    _, problems = read_all(COCO_PANOPTIC, write_panoptic(tmp_path, content, drawings))
    assert errors(problems)[0] == "duplicate_image_id"


def test_two_annotations_of_one_image_are_an_error(case: Case) -> None:
    case.content["annotations"].append(case.annotation)
    assert case.read_error().code == "several_annotations"


def test_an_annotation_of_an_unknown_image_is_an_error(case: Case) -> None:
    case.content["annotations"].append({**case.annotation, "image_id": 77})
    images, problems = case.read()
    assert errors(problems) == ["unknown_image"]
    assert "77" in problems[0].message
    assert images[0].label is not None


def test_a_text_id_stays_text(case: Case) -> None:
    case.image["id"] = case.annotation["image_id"] = "1"
    (image,), problems = case.read()
    assert (image.attributes, problems) == ({"source_id": "1"}, ())


def test_an_image_without_annotation_is_unlabelled(case: Case) -> None:
    case.content["annotations"] = []
    (image,), problems = case.read()
    assert (image.label, image.height, image.width, problems) == (None, 2, 3, ())


def test_an_image_that_is_all_void_has_a_label_without_segments(case: Case) -> None:
    save_rgb(case.png, id_map("... ..."))
    case.segments.clear()
    (image,), problems = case.read()
    assert problems == ()
    assert image.label == label("... ...", {})


def test_categories_may_come_first_and_annotations_before_images(case: Case) -> None:
    case.content = dict(reversed(case.content.items()))
    (image,), problems = case.read()
    assert problems == ()
    assert image.label == label("112 1.2", {1: 7, 2: 8})


@pytest.mark.parametrize(
    ("where", "value"), [("height", 0), ("width", "3"), ("height", None), ("width", 2.0)]
)
def test_a_size_that_is_none_is_an_error(case: Case, where: str, value: object) -> None:
    case.image[where] = value
    problem = case.read_error()
    assert (problem.code, problem.image) == ("malformed_file", "a.jpg")


def test_a_truncated_json_is_refused_with_its_byte(case: Case) -> None:
    content = case.path.read_bytes()
    case.path.write_bytes(content[:-30])
    with pytest.raises(MalformedFile, match=rf"labels\.json: truncated.*byte {len(content) - 30}"):
        COCO_PANOPTIC.open(case.path, ReadOptions())


@pytest.mark.parametrize("content", ["[]", "{}", '{"images": 3}', '{"images": [3]}'])
def test_json_of_another_shape_is_refused(case: Case, content: str) -> None:
    case.path.write_text(content)
    try:
        _, problems = read_all(COCO_PANOPTIC, case.path)
    except MalformedFile:
        return
    assert errors(problems)


@pytest.mark.parametrize("value", [3, {}, [3], None])
def test_segments_info_of_another_shape_is_an_error(case: Case, value: object) -> None:
    case.annotation["segments_info"] = value
    assert case.read_error().code == "malformed_file"


# What is mended


def test_areas_boxes_and_crowds_may_be_missing(case: Case) -> None:
    for info in case.segments:
        del info["area"], info["iscrowd"]
        info["bbox"] = []
    assert case.read()[1] == ()


def test_stuff_that_is_a_crowd_loses_that_with_a_warning(case: Case) -> None:
    case.segments[1]["iscrowd"] = 1
    (image,), problems = case.read()
    assert [(p.code, p.severity, p.segment) for p in problems] == [("stuff_crowd", "warning", 2)]
    assert image.label == label("112 1.2", {1: 7, 2: 8})


def test_crowds_of_things_are_kept(case: Case) -> None:
    case.segments[0]["iscrowd"] = 1
    (image,), problems = case.read()
    assert problems == ()
    assert image.label == label("112 1.2", {1: 7, 2: 8}, crowds=[1])


def test_two_segments_of_one_stuff_class_are_joined_with_a_warning(case: Case) -> None:
    case.segments[0]["category_id"] = 200
    (image,), problems = case.read()
    assert [(p.code, p.severity, p.segment) for p in problems] == [("joined_stuff", "warning", 1)]
    assert image.label == label("111 1.1", {1: 8})


def test_other_keys_are_kept(case: Case) -> None:
    case.image["license"] = 4
    case.segments[0].update(
        score=0.5, track_id=12, origin={"model": "net"}, occluded=True, note="é"
    )
    (image,), problems = case.read()
    assert problems == ()
    assert image.attributes == {"source_id": 1, "license": 4}
    assert image.label is not None
    row = image.label.segments.row(1)
    assert (row.score, row.track_id, row.origin) == (0.5, 12, Origin("net"))
    assert row.attributes == {"occluded": True, "note": "é"}


def test_a_value_that_no_label_can_hold_is_an_error(case: Case) -> None:
    case.segments[0]["serial"] = 2**53
    problem = case.read_error()
    assert (problem.code, problem.segment) == ("malformed_file", 1)
    assert "beyond 2^53" in problem.message


# Photographs


@pytest.mark.parametrize(("size", "code"), [((3, 2), ()), ((2, 3), ("photo_size_mismatch",))])
def test_a_photograph_of_another_size_is_an_error(
    case: Case, size: tuple[int, int], code: tuple[str, ...]
) -> None:
    photos = case.folder / "photos"
    photos.mkdir()
    Image.new("RGB", size).save(photos / "a.jpg")
    (image,), problems = case.read(images=photos)
    assert tuple(errors(problems)) == code
    assert image.photo == photos / "a.jpg"


def test_a_missing_photograph_is_a_warning(case: Case) -> None:
    (image,), problems = case.read(images=case.folder)
    assert [(p.code, p.severity) for p in problems] == [("missing_photo", "warning")]
    assert image.label is not None
    assert image.photo is None
