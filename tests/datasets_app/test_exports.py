"""Exports: what is selected, that they are reproducible, and that they overwrite nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datasets_app.actions.exports import ExportRequest, export_version
from datasets_app.entries import Status
from datasets_app.image_query import ClassCondition, ImageQuery, parse_query
from datasets_app.models import Dataset, Version
from datasets_app.query_words import InvalidFilter
from datasets_app.staging import ImageChange
from labels_app.reading import reading_of
from panoptic.formats.base import TargetExists
from panoptic.formats.options import InvalidOption, parse_write_options
from panoptic.formats.registry import get_format
from store_app.erasure import destroy_erased, mark_erased
from tests.api.builders import png, put_photo
from tests.datasets_app.builders import commit_to, dataset, put_label, taxonomy

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> Version:
    """Five images: class 1 is road (stuff), 2 car, 3 sky (stuff)."""
    road, car = put_label("11 11", {1: 1}), put_label("12 12", {1: 1, 2: 2})
    return commit_to(
        dataset(),
        [
            ImageChange("night/a.png", label=road, split="train"),
            ImageChange("night/b.png", label=car, split="val"),
            ImageChange("day/a.png", label=car, split="val", status=Status.REVIEWED),
            ImageChange("day/b.png", label=road, split="val"),
            ImageChange("day/unlabelled.png", split="train"),
        ],
    )


def exported_names(version: Version, folder: Path, text: str) -> list[str]:
    export_version(version, folder / "x.json", ExportRequest("coco_panoptic", text))
    images = json.loads((folder / "x.json").read_text())["images"]
    return [image["file_name"] for image in images]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["day/a.png", "day/b.png", "day/unlabelled.png", "night/a.png", "night/b.png"]),
        ("split:val", ["day/a.png", "day/b.png", "night/b.png"]),
        ("class:2", ["day/a.png", "night/b.png"]),
        ("prefix:night/", ["night/a.png", "night/b.png"]),
        ("status:reviewed", ["day/a.png"]),
        ("status:unlabelled", ["day/unlabelled.png"]),
        ("split:val class:2 prefix:day/", ["day/a.png"]),
        ("split:test", []),
    ],
)
def test_a_filter_selects_images_in_the_order_of_their_names(
    version: Version, tmp_path: Path, text: str, names: list[str]
) -> None:
    name = reading_of(version.taxonomy_version).classes[2].name

    assert exported_names(version, tmp_path, text.replace("class:2", f'class:"{name}"')) == names


@pytest.mark.parametrize(
    "text", ["color:red", "split", "class:unicorn", "status:done", "split:a split:b", 'class:"x']
)
def test_a_filter_that_cannot_be_read_is_refused(version: Version, text: str) -> None:
    with pytest.raises(InvalidFilter):
        parse_query(text, reading_of(version.taxonomy_version))


def test_a_class_of_two_words_is_quoted() -> None:
    reading = reading_of(taxonomy("1:traffic_light"))
    name = reading.classes[1].name

    assert parse_query(f'class:"{name}"', reading) == ImageQuery((ClassCondition(1, (1,)),))


def test_an_export_counts_segments_as_a_pull_does(version: Version, tmp_path: Path) -> None:
    name = reading_of(version.taxonomy_version).classes[2].name

    assert exported_names(version, tmp_path / "one", f'class:"{name}" count>1000') == []
    assert exported_names(version, tmp_path / "two", f'class:"{name}" count>=1') == (
        exported_names(version, tmp_path / "three", f'class:"{name}"')
    )


@pytest.mark.parametrize("name", ["coco_panoptic", "coco_instances", "instance_masks"])
def test_the_same_content_is_the_same_bytes_whatever_its_history(tmp_path: Path, name: str) -> None:
    labels = {name: put_label("12 33", {1: 2, 2: 2, 3: 3}) for name in ("a.png", "b.png")}
    contents = []
    for order in (["a.png", "b.png"], ["b.png", "a.png"]):
        streets = dataset()
        for image in order:
            made = commit_to(streets, [ImageChange(image, label=labels[image])])
        folder = tmp_path / "-".join(order)
        export_version(made, folder, ExportRequest(name))
        contents.append(_files(folder))

    assert contents[0] == contents[1] != {}


def test_an_export_overwrites_nothing(version: Version, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("precious")

    with pytest.raises(TargetExists):
        export_version(version, tmp_path / "x.json", ExportRequest("coco_panoptic"))

    assert (tmp_path / "x.json").read_text() == "precious"


def test_a_folder_gets_the_file_of_the_format(version: Version, tmp_path: Path) -> None:
    report = export_version(version, tmp_path / "out", ExportRequest("coco_panoptic"))

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "panoptic",
        "panoptic.json",
    ]
    assert (report.images, report.segments) == (5, 6)


@pytest.mark.parametrize("options", [{"colour": "red"}, {"geometry": "mesh"}])
def test_an_option_that_does_not_exist_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidOption):
        parse_write_options(get_format("coco_instances"), options)


def test_the_queries_of_an_export_do_not_grow_with_its_images(
    tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    small, large = _with_images(dataset(), 3), _with_images(dataset(), 200)
    for number, made in enumerate((small, large)):
        with django_assert_max_num_queries(25):
            export_version(made, tmp_path / str(number), ExportRequest("coco_instances"))


@pytest.mark.parametrize("form", ["coco_panoptic", "coco_instances", "instance_masks"])
def test_an_export_goes_past_what_was_erased_and_tells_it(tmp_path: Path, form: str) -> None:
    gone, car = put_label("11 11", {1: 2}), put_label("12 12", {1: 1, 2: 2})
    photo = put_photo(png(2, 2), 2, 2)
    made = commit_to(
        dataset(),
        [
            ImageChange("a.png", label=gone),
            ImageChange("b.png", image=photo, label=car),
            ImageChange("c.png", label=car),
        ],
    )
    mark_erased([gone, photo], reason="asked")
    destroy_erased([gone, photo])

    report = export_version(made, tmp_path / "out", ExportRequest(form))

    erased = [problem for problem in report.problems if problem.code == "object_erased"]
    assert [(problem.image, problem.severity) for problem in erased] == [
        ("a.png", "warning"),
        ("b.png", "warning"),
    ]
    assert "label was erased" in erased[0].message
    assert "photograph was erased" in erased[1].message
    assert report.segments > 0


def _with_images(streets: Dataset, count: int) -> Version:
    car = put_label("12 12", {1: 1, 2: 2})
    return commit_to(streets, [ImageChange(f"{n}.png", label=car) for n in range(count)])


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
