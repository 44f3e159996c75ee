"""Files of COCO that other projects test with: they are read, or refused for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from panoptic.formats.base import BoundClass, LabelledImage, ReadOptions
from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.problems import Problem
from panoptic.formats.registry import get_format
from panoptic.runs import measure_runs
from panoptic.views import panoptic_runs
from tests.panoptic.formats.files import bind_all, errors, read_all
from tests.real_data import real_data

_FOLDER = "datumaro_assets/coco_dataset"
_TRAIN = (
    "coco/annotations/instances_train.json",
    "coco_instances/annotations/instances_train.json",
    "mmdet_coco/annotations/instances_train.json",
    "coco_roboflow/train/_annotations.coco.json",
)
_VAL = (
    "coco/annotations/instances_val.json",
    "coco_instances/annotations/instances_val.json",
    "mmdet_coco/annotations/instances_val.json",
    "coco_roboflow/val/_annotations.coco.json",
)
_NO_LABELS = (
    "coco_captions/annotations/captions_train.json",
    "coco_labels/annotations/labels_train.json",
    "coco_image_info/annotations/image_info_train.json",
)


@pytest.mark.parametrize("name", _VAL)
def test_instances_are_read(name: str) -> None:
    image, problems = read_one("coco_instances", name)
    assert problems == ()
    rows = [(row.segment_id, row.class_id, row.crowd) for row in image.label.segments]
    assert (image.name, image.height, image.width) == ("b.jpg", 10, 5)
    assert rows == [(1, 1, False), (2, 2, True)]
    assert image.label.segments.row(1).attributes == {"attributes": {"x": 1, "y": "hello"}}


@pytest.mark.parametrize("name", _TRAIN)
def test_an_annotation_with_a_box_and_no_mask_is_refused(name: str) -> None:
    image, problems = read_one("coco_instances", name)
    assert [(p.code, p.image, p.segment) for p in problems] == [("malformed_file", "a.jpg", 1)]
    assert "without any polygon" in problems[0].message
    assert image.label is None


@pytest.mark.parametrize("name", _NO_LABELS)
def test_files_without_masks_are_not_taken_for_labels(name: str) -> None:
    path = real_data(_FOLDER) / name
    assert list(COCO_INSTANCES.recognise(path)) == list(COCO_PANOPTIC.recognise(path)) == []
    _, problems = read_one("coco_instances", name)
    assert errors(problems)


def test_boxes_that_are_one_short_are_told_and_not_copied() -> None:
    image, problems = read_one("coco_panoptic", "coco/annotations/panoptic_train.json")
    assert [(p.code, p.severity, p.segment) for p in problems] == [("bbox_mismatch", "warning", 7)]
    assert "7 ([2.0, 0.0, 4.0, 4.0], has [2, 0, 5, 5])" in problems[0].message
    assert measure_runs(panoptic_runs(image.label)).boxes.tolist() == [[0, 2, 5, 7]]


@pytest.mark.parametrize("kind", ["coco", "coco_panoptic"])
def test_stuff_that_claims_to_be_a_crowd_is_read_as_stuff(kind: str) -> None:
    image, problems = read_one("coco_panoptic", f"{kind}/annotations/panoptic_val.json")
    assert [(p.code, p.severity) for p in problems] == [
        ("stuff_crowd", "warning"),
        ("bbox_mismatch", "warning"),
    ]
    measures = measure_runs(panoptic_runs(image.label))
    assert (measures.ids.tolist(), measures.areas.tolist()) == ([7, 20], [20, 20])
    assert [row.crowd for row in image.label.segments] == [False, False]


def test_a_png_of_another_size_than_its_json_says_is_refused(tmp_path: Path) -> None:
    name = "coco_panoptic/annotations/panoptic_train.json"
    image, problems = read_one("coco_panoptic", name)
    assert [(p.code, p.file, p.image) for p in problems] == [("malformed_file", "a.png", "a.jpg")]
    assert "5 × 5" in problems[0].message
    assert "5 × 10" in problems[0].message
    assert image.label is None

    # Without that fault its area is wrong, too: 20 is claimed of 25 pixels.
    path = real_data(_FOLDER) / name
    mended = tmp_path / "mended.json"
    mended.write_text(
        path.read_text().replace('"width":10', '"width":5').replace('"width": 10', '"width": 5')
    )
    options = ReadOptions(labels=path.with_suffix(""))
    (image,), problems = read_all(COCO_PANOPTIC, mended, options, bind_all_of(mended))
    assert [p.code for p in problems] == ["area_mismatch", "bbox_mismatch"]
    assert "460551 (20.0, has 25)" in problems[0].message
    assert measure_runs(panoptic_runs(image.label)).areas.tolist() == [25]


def test_the_two_channel_form_is_refused_by_its_name() -> None:
    folder = real_data("coco_panoptic_sample")
    path = folder / "panoptic_examples.json"
    binding, _ = bind_all(COCO_PANOPTIC, path)
    options = ReadOptions(labels=folder / "panoptic_examples_2ch_format")
    images, problems = read_all(COCO_PANOPTIC, path, options, binding)
    assert [image.label for image in images] == [None, None]
    assert errors(problems).count("two_channels") == 2
    told = next(problem for problem in problems if problem.code == "two_channels")
    assert (told.file, told.image) == ("000000142238.png", "000000142238.jpg")
    assert "red is a category" in told.message


def read_one(form: str, name: str) -> tuple[LabelledImage, tuple[Problem, ...]]:
    """The one image of a fixture, its classes bound to their places from 1 on."""
    path = real_data(_FOLDER) / name
    (image,), problems = read_all(get_format(form), path, binding=bind_all_of(path, form))
    return image, problems


def bind_all_of(path: Path, form: str = "coco_panoptic") -> dict[int | str, BoundClass]:
    with get_format(form).open(path, ReadOptions()) as source:
        return {
            one.external_id: BoundClass(number, one.kind)
            for number, one in enumerate(source.classes, 1)
        }
