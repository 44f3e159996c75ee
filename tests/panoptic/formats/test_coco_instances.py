"""COCO instances: polygons, RLE, crowds, overlaps and ids, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from panoptic.errors import MalformedFile
from panoptic.formats.base import ReadOptions, WriteOptions
from panoptic.formats.coco.instances import COCO_INSTANCES
from tests.builders import label, stack
from tests.panoptic.formats.coco_cases import annotation, file_of, full_mask
from tests.panoptic.formats.coco_cases import read_instances as read
from tests.panoptic.formats.coco_cases import written_instances as written
from tests.panoptic.formats.files import (
    bind_all,
    errors,
    export_image,
    read_all,
    read_labels,
    write_all,
    write_json,
)
from tests.real_data import real_data

# pycocotools decodes by an __array__ of numpy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_a_compressed_rle_is_read(tmp_path: Path) -> None:
    (image,), problems = read(tmp_path, annotation(5, "11. 1..", 1))
    assert problems == ()
    assert image.label == label("55. 5..", {5: 7})
    assert image.attributes == {"source_id": 1}


def test_an_uncompressed_rle_is_read(tmp_path: Path) -> None:
    info = annotation(5, "11. 1..", 1)
    info["segmentation"] = {"size": [2, 3], "counts": [0, 3, 3]}
    assert read(tmp_path, info)[0][0].label == label("55. 5..", {5: 7})


def test_polygons_are_read_as_pycocotools_draws_them_and_parts_are_joined(tmp_path: Path) -> None:
    polygons = [[0, 0, 4, 0, 4, 3, 0, 3], [6, 1, 9, 1.5, 7.25, 4.75]]
    drawn = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 6, 10)))
    info = annotation(5, "1", 1) | {"segmentation": polygons}
    (image,), problems = read(tmp_path, info, size=(6, 10))
    assert problems == ()
    assert image.label is not None
    assert np.array_equal(full_mask(image.label, 5), drawn.astype(bool))


def test_annotations_of_an_image_need_not_stand_together(tmp_path: Path) -> None:
    content = file_of(annotation(1, "1.. ...", 1))
    content["images"].append({"id": 2, "file_name": "b.jpg", "height": 1, "width": 2})
    content["annotations"] += [
        annotation(2, "1.", 3) | {"image_id": 2},
        annotation(3, "..1 ...", 3),
    ]
    labels = read_labels(COCO_INSTANCES, write_json(tmp_path / "x.json", content))
    assert labels == {
        "a.jpg": label("1.3 ...", {1: 7, 3: 9}),
        "b.jpg": label("2.", {2: 9}),
    }


def test_an_image_without_annotations_has_a_label_without_segments(tmp_path: Path) -> None:
    (image,), problems = read(tmp_path)
    assert (image.label, problems) == (label("... ...", {}), ())


def test_overlaps_survive_and_hidden_pixels_are_counted(tmp_path: Path) -> None:
    (image,), _ = read(tmp_path, annotation(1, "111 111", 1), annotation(2, ".11 ...", 3))
    assert image.label == stack("111 111", ".22 ...", classes={1: 7, 2: 9})
    assert image.hidden_pixels == 2


@pytest.mark.parametrize(
    ("on_overlap", "bottom"), [("small", "111"), ("first", ".22"), ("last", "111")]
)
def test_overlaps_follow_the_policy(tmp_path: Path, on_overlap: Any, bottom: str) -> None:
    (image,), _ = read(
        tmp_path, annotation(1, "111", 1), annotation(2, ".11", 3), on_overlap=on_overlap
    )
    masks = ("111", ".22") if bottom == "111" else (".22", "111")
    assert image.label == stack(*masks, classes={1: 7, 2: 9})


def test_overlaps_can_be_refused(tmp_path: Path) -> None:
    infos = annotation(1, "111", 1), annotation(2, ".11", 3)
    (image,), problems = read(tmp_path, *infos, on_overlap="refuse")
    assert errors(problems) == ["overlapping_segments"]
    assert image.label is None


def test_a_crowd_stays_a_crowd(tmp_path: Path) -> None:
    (image,), _ = read(tmp_path, annotation(1, "11.", 1) | {"iscrowd": 1})
    assert image.label == label("11.", {1: 7}, crowds=[1])


def test_stuff_of_one_class_is_joined_with_a_warning(tmp_path: Path) -> None:
    (image,), problems = read(tmp_path, annotation(1, "1..", 200), annotation(2, "..1", 200))
    assert image.label == label("1.1", {1: 8})
    assert [(p.code, p.severity) for p in problems] == [("joined_stuff", "warning")]


def test_pixels_that_stuff_takes_are_counted(tmp_path: Path) -> None:
    (image,), _ = read(tmp_path, annotation(1, "111", 1), annotation(2, ".11", 200))
    assert image.label == label("122", {1: 7, 2: 8})
    assert (image.hidden_pixels, image.lost_pixels) == (0, 2)


def test_a_segment_without_pixels_is_dropped_with_a_warning(tmp_path: Path) -> None:
    (image,), problems = read(tmp_path, annotation(1, "1..", 1), annotation(2, "...", 1))
    assert image.label == label("1..", {1: 7})
    assert [(p.code, p.segment, p.severity) for p in problems] == [("empty_segment", 2, "warning")]


# Ids


def test_an_id_beyond_24_bits_becomes_the_lowest_free_one_and_stays_as_source_id(
    tmp_path: Path,
) -> None:
    infos = [
        annotation(900_100_262_145, "1....", 1),
        annotation(2, ".1...", 1),
        annotation(2**24, "..1..", 1),
        annotation(2**24 - 1, "...1.", 1),
    ]
    (image,), problems = read(tmp_path, *infos)
    assert problems == ()
    assert image.label is not None
    rows = {row.segment_id: row.attributes for row in image.label.segments}
    assert rows == {
        1: {"source_id": 2**24},
        2: {},
        3: {"source_id": 900_100_262_145},
        2**24 - 1: {},
    }


@pytest.mark.parametrize("number", [0, -3, "7", 7.0, None, True])
def test_an_annotation_id_below_1_is_an_error(tmp_path: Path, number: object) -> None:
    (image,), problems = read(tmp_path, annotation(1, "1", 1) | {"id": number})
    assert [(p.code, p.segment) for p in problems] == [("invalid_id", str(number))]
    assert image.label is None


def test_an_id_twice_in_an_image_is_an_error(tmp_path: Path) -> None:
    _, problems = read(tmp_path, annotation(4, "1.", 1), annotation(4, ".1", 1))
    assert [(p.code, p.segment) for p in problems] == [("duplicate_id", 4)]


def test_an_id_in_two_images_is_a_warning(tmp_path: Path) -> None:
    content = file_of(annotation(4, "1.", 1), size=(1, 2))
    content["images"].append({"id": 2, "file_name": "b.jpg", "height": 1, "width": 2})
    content["annotations"].append(annotation(4, ".1", 1) | {"image_id": 2})
    _, problems = read_all(COCO_INSTANCES, write_json(tmp_path / "x.json", content))
    assert [(p.code, p.severity) for p in problems] == [("shared_annotation_id", "warning")]


def test_ids_that_collide_over_the_file_are_given_anew_and_come_back(tmp_path: Path) -> None:
    labels = {
        "a.jpg": label("12", {1: 7, 2: 7}),
        "b.jpg": label("13", {1: 7, 3: 9}),
        "c.jpg": label("1", {1: 9}, attributes={1: {"source_id": 2}}),
    }
    content = written(tmp_path, labels)
    assert [info["id"] for info in content["annotations"]] == [1, 2, 4, 3, 5]
    assert read_labels(COCO_INSTANCES, tmp_path / "out.json") == labels


def test_a_source_id_is_the_id_of_the_annotation_again(tmp_path: Path) -> None:
    crowd = label("3", {3: 7}, crowds=[3], attributes={3: {"source_id": 900_100_262_145}})
    content = written(tmp_path, {"a.jpg": crowd})
    (info,) = content["annotations"]
    assert (info["id"], info["segment_id"]) == (900_100_262_145, 3)
    assert read_labels(COCO_INSTANCES, tmp_path / "out.json") == {"a.jpg": crowd}


@pytest.mark.parametrize("source", [2, 0, -1, "x", 2**24, None, 1.5])
def test_any_source_id_comes_back(tmp_path: Path, source: object) -> None:
    labels = {"a.jpg": label("1", {1: 7}, attributes={1: {"source_id": source, "note": 1}})}
    written(tmp_path, labels)
    expected = {"source_id": source, "note": 1} if source is not None else {"note": 1}
    read_back = read_labels(COCO_INSTANCES, tmp_path / "out.json")["a.jpg"]
    assert read_back is not None
    assert read_back.segments.row(1).attributes == expected


# Broken files


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        (None, "neither a list of polygons nor an RLE"),
        ("text", "neither a list of polygons nor an RLE"),
        ([], "polygon"),
        ([[]], "polygon"),
        ([[0, 0, 1, 1]], "polygon"),
        ([0, 0, 1, 1], "polygon"),
        ([[0, 0, 1, 0, 1]], "polygon"),
        ([[0, 0, 1, 0, "1", 1]], "polygon"),
        ({"size": [3, 2], "counts": [6]}, "is of size"),
        ({"counts": [6]}, "is of size"),
        ({"size": [2, 3], "counts": [5]}, "covers 5 pixels"),
        ({"size": [2, 3], "counts": [7, -1]}, "negative"),
        ({"size": [2, 3], "counts": ["6"]}, "no integer"),
        ({"size": [2, 3], "counts": "~~"}, "RLE"),
        ({"size": [2, 3]}, "neither a string nor a list"),
    ],
)
def test_broken_geometry_is_an_error(tmp_path: Path, segmentation: object, reason: str) -> None:
    (image,), problems = read(
        tmp_path, annotation(8, "11. 1..", 1) | {"segmentation": segmentation}, size=(2, 3)
    )
    assert [(p.code, p.file, p.image, p.segment) for p in problems] == [
        ("malformed_file", "x.json", "a.jpg", 8)
    ]
    assert reason in problems[0].message
    assert image.label is None


@pytest.mark.parametrize("category", [99, "1", None, True])
def test_an_undeclared_category_is_an_error(tmp_path: Path, category: object) -> None:
    _, problems = read(tmp_path, annotation(8, "1", 1) | {"category_id": category})
    assert [(p.code, p.segment) for p in problems] == [("unknown_class", 8)]


def test_an_image_without_a_size_is_an_error(tmp_path: Path) -> None:
    content = file_of(annotation(1, "1", 1))
    del content["images"][0]["height"], content["images"][0]["width"]
    _, problems = read_all(COCO_INSTANCES, write_json(tmp_path / "x.json", content))
    assert [(p.code, p.image) for p in problems] == [("malformed_file", "a.jpg")]


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", None, 5])
def test_an_image_name_that_is_none_is_an_error(tmp_path: Path, name: object) -> None:
    content = file_of(annotation(1, "1", 1))
    content["images"][0]["file_name"] = name
    images, problems = read_all(COCO_INSTANCES, write_json(tmp_path / "x.json", content))
    assert (images, errors(problems)) == ([], ["invalid_name"])


def test_a_truncated_json_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x.json", file_of(annotation(1, "1", 1)))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(MalformedFile, match=r"x\.json: truncated"):
        COCO_INSTANCES.open(path, ReadOptions())


def test_a_file_that_is_written_to_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x.json", file_of(annotation(1, "1", 1)))
    with COCO_INSTANCES.open(path, ReadOptions()) as source:
        assert len(list(source.iter_items())) == 1
        path.write_bytes(b"[" + path.read_bytes())
        with pytest.raises(MalformedFile, match="changed while it was read"):
            list(source.iter_items())


def test_a_file_that_is_replaced_while_it_is_read_changes_nothing(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x.json", file_of(annotation(1, "1", 1)))
    with COCO_INSTANCES.open(path, ReadOptions()) as source:
        before = list(source.iter_items())
        write_json(tmp_path / "y.json", {}).replace(path)
        assert list(source.iter_items()) == before


# Writing


def test_masks_are_compressed_rle_and_crowds_are_not(tmp_path: Path) -> None:
    content = written(tmp_path, {"a.jpg": label("12 1.", {1: 7, 2: 9}, crowds=[1])})
    crowd, other = content["annotations"]
    assert crowd["segmentation"] == {"counts": [0, 2, 2], "size": [2, 2]}
    assert isinstance(other["segmentation"]["counts"], str)
    assert coco_mask.decode(other["segmentation"]).tolist() == [[0, 1], [0, 0]]
    assert (crowd["area"], crowd["bbox"], crowd["iscrowd"]) == (2, [0, 0, 1, 2], 1)
    assert (other["area"], other["bbox"], other["category_id"]) == (1, [1, 0, 1, 1], 3)


def test_painting_order_comes_back_by_last(tmp_path: Path) -> None:
    large_on_top = stack(".22.", "1111", "..33", classes={1: 7, 2: 7, 3: 9})
    written(tmp_path, {"a.jpg": large_on_top})
    options = ReadOptions(on_overlap="last")
    assert read_labels(COCO_INSTANCES, tmp_path / "out.json", options) == {"a.jpg": large_on_top}


def test_polygons_are_written_on_request_and_crowds_stay_rle(tmp_path: Path) -> None:
    square = label("11.. 11.. .... ..22", {1: 7, 2: 9}, crowds=[2])
    options = WriteOptions(geometry="polygon")
    content = written(tmp_path, {"a.jpg": square}, options)
    assert isinstance(content["annotations"][0]["segmentation"], list)
    assert isinstance(content["annotations"][1]["segmentation"], dict)
    assert read_labels(COCO_INSTANCES, tmp_path / "out.json") == {"a.jpg": square}


def test_an_unlabelled_image_is_reported(tmp_path: Path) -> None:
    report = write_all(COCO_INSTANCES, tmp_path / "out.json", [export_image("a.jpg", None)])
    assert [problem.code for problem in report.problems] == ["unlabelled_image"]


# Real annotations


def test_real_annotations_survive_a_round_trip(tmp_path: Path) -> None:
    original = real_data("coco_instances") / "instances_train80.json"
    binding, classes = bind_all(COCO_INSTANCES, original)
    images, _ = read_all(COCO_INSTANCES, original, binding=binding)
    write_all(
        COCO_INSTANCES,
        tmp_path / "out.json",
        [export_image(image.name, image.label, attributes=image.attributes) for image in images],
        classes,
    )
    again, _ = read_all(COCO_INSTANCES, tmp_path / "out.json", binding=binding)
    assert again == images
