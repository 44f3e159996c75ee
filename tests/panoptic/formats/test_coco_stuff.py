"""COCO stuff: one RLE for every class of an image, and how it is told from instances."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from panoptic.formats.base import BoundClass, ExportClass, ReadOptions, WriteOptions
from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.coco.stuff import COCO_STUFF
from panoptic.label import Label, label_from_runs
from panoptic.runs import select_runs
from panoptic.views import panoptic_runs, semantic_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.coco_cases import annotation, file_of
from tests.panoptic.formats.files import (
    CATEGORIES,
    CLASSES,
    RANDOM_BINDING,
    RANDOM_CLASSES,
    bind_all,
    errors,
    export_image,
    read_all,
    write_all,
    write_json,
)
from tests.panoptic.strategies import STUFF_IDS, layered_labels
from tests.real_data import real_data

PERSON, SKY, CAR = 7, 8, 9


class TestCocoStuff(FormatConformance):
    format = COCO_STUFF
    target_name = "stuff.json"
    binding = RANDOM_BINDING
    classes = RANDOM_CLASSES

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """The visible segments, the first of each class; things are crowds."""
        layered = draw(layered_labels())
        visible = panoptic_runs(layered)
        seen = set(visible.values.tolist())
        rows = {
            row.class_id: row._replace(crowd=row.class_id not in STUFF_IDS)
            for row in reversed(list(layered.segments))
            if row.segment_id in seen
        }
        assume(rows)
        kept = select_runs(visible, [row.segment_id for row in rows.values()])
        return label_from_runs(kept, rows.values())

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 3})


def without_kinds(*annotations: dict[str, Any]) -> dict[str, Any]:
    """A file as COCO's are: no category says isthing."""
    content = file_of(*annotations)
    content["categories"] = [
        {key: value for key, value in each.items() if key != "isthing"} for each in CATEGORIES
    ]
    return content


def write(target: Path, given: Label, classes: Any = CLASSES, **values: str) -> Any:
    options = WriteOptions(values=values)
    return write_all(COCO_STUFF, target, [export_image("1.jpg", given)], classes, options)


# Golden files


def test_classes_are_stuff_where_no_category_says_isthing(tmp_path: Path) -> None:
    content = without_kinds(annotation(5, "11. ...", 200), annotation(9, "... .11", 1))
    path = write_json(tmp_path / "stuff_val.json", content)
    with COCO_STUFF.open(path, ReadOptions()) as source:
        assert [(each.external_id, each.kind) for each in source.classes] == [
            (1, "stuff"),
            (3, "stuff"),
            (200, "stuff"),
        ]
        assert source.problems == ()
    binding = {1: BoundClass(PERSON, "stuff"), 200: BoundClass(SKY, "stuff")}
    (image,), problems = read_all(COCO_STUFF, path, ReadOptions(), binding)
    assert problems == ()
    assert image.label == label("55. .99", {5: SKY, 9: PERSON})
    # The difference to instances, where every class would be a thing.
    with COCO_INSTANCES.open(path, ReadOptions()) as source:
        assert {each.kind for each in source.classes} == {"thing"}


def test_the_region_of_a_thing_class_is_a_crowd(tmp_path: Path) -> None:
    content = file_of(annotation(5, "11. ...", 200), annotation(9, "... .11", 1))
    path = write_json(tmp_path / "stuff_val.json", content)
    (image,), problems = read_all(COCO_STUFF, path)
    assert problems == ()
    assert image.label == label("55. .99", {5: SKY, 9: PERSON}, crowds=[9])


def test_one_rle_is_written_for_every_class_that_is_seen(tmp_path: Path) -> None:
    given = stack(
        "1122",
        "3..4",
        "5...",
        classes={1: SKY, 2: PERSON, 3: CAR, 4: PERSON, 5: CAR},
        crowds=[5],
        scores={1: 0.5, 2: 0.5},
    )
    report = write(tmp_path / "stuff.json", given)
    content = json.loads((tmp_path / "stuff.json").read_text())
    assert content["annotations"] == [
        {
            "segmentation": {"size": [1, 4], "counts": "22"},
            "area": 2,
            "iscrowd": 0,
            "bbox": [2, 0, 2, 1],
            "category_id": 1,
            "image_id": 1,
            "id": 2,
        },
        {
            "segmentation": {"size": [1, 4], "counts": "013"},
            "area": 1,
            "iscrowd": 0,
            "bbox": [0, 0, 1, 1],
            "category_id": 3,
            "image_id": 1,
            "id": 5,
        },
        {
            "segmentation": {"size": [1, 4], "counts": "112"},
            "area": 1,
            "iscrowd": 0,
            "bbox": [1, 0, 1, 1],
            "category_id": 200,
            "score": 0.5,
            "image_id": 1,
            "id": 1,
        },
    ]
    assert [each["id"] for each in content["categories"]] == [1, 3, 200]
    assert (report.segments, dict(report.lost)) == (
        3,
        {"hidden_pixels": 3, "hidden_segments": 1, "merged_segments": 1, "fields": 1},
    )


def test_the_bytes_of_an_export_are_known(tmp_path: Path) -> None:
    write(tmp_path / "stuff.json", label("112", {1: SKY, 2: CAR}), things="other")
    content = (tmp_path / "stuff.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == GOLDEN


GOLDEN = "a81e922dd292f4b39cc59cbbf295a445891e0edb244e549bdc2683be65c5d806"


# Things


def test_things_can_become_the_category_other(tmp_path: Path) -> None:
    given = label("1123", {1: SKY, 2: CAR, 3: PERSON})
    report = write(tmp_path / "stuff.json", given, things="other")
    content = json.loads((tmp_path / "stuff.json").read_text())
    assert [(each["id"], each["name"], each["isthing"]) for each in content["categories"]] == [
        (183, "other", 0),
        (200, "sky", 0),
    ]
    assert [each["category_id"] for each in content["annotations"]] == [183, 200]
    assert dict(report.lost) == {"merged_segments": 1}
    binding = {183: BoundClass(3, "stuff"), 200: BoundClass(SKY, "stuff")}
    (image,), problems = read_all(COCO_STUFF, tmp_path / "stuff.json", ReadOptions(), binding)
    assert problems == ()
    assert image.label == label("1122", {1: SKY, 2: 3})


@pytest.mark.parametrize("external", [{"coco": 183}, {}])
def test_other_never_shares_its_id_with_another_class(
    tmp_path: Path, external: dict[str, int]
) -> None:
    # The class 183 has a right to this id unless its external id says that it is `other`.
    own = ExportClass(183, "moss", "stuff", (0, 9, 0), external)
    write(tmp_path / "stuff.json", label("12", {1: 183, 2: CAR}), (*CLASSES, own), things="other")
    content = json.loads((tmp_path / "stuff.json").read_text())
    names = {each["id"]: each["name"] for each in content["categories"]}
    told = [names[each["category_id"]] for each in content["annotations"]]
    assert told == (["moss"] if external else ["other", "moss"])


def test_trap_12_without_stuff_or_without_things_a_file_is_whole(tmp_path: Path) -> None:
    for class_id, things in ((SKY, "other"), (CAR, "other"), (SKY, "keep"), (CAR, "keep")):
        path = tmp_path / f"{class_id}{things}" / "stuff.json"
        classes = tuple(each for each in CLASSES if each.class_id == class_id)
        report = write(path, label("1.", {1: class_id}), classes, things=things)
        assert (report.segments, dict(report.lost)) == (1, {})
        binding, _ = bind_all(COCO_STUFF, path)
        (image,), problems = read_all(COCO_STUFF, path, ReadOptions(), binding)
        assert problems == ()
        assert len(image.label.segments) == 1


# Ids


def test_trap_4_category_0_is_a_category_like_any_other(tmp_path: Path) -> None:
    classes = (ExportClass(1, "road", "stuff", (0, 0, 0), {"coco": 0}),)
    write(tmp_path / "stuff.json", label("1.", {1: 1}), classes)
    binding = {0: BoundClass(1, "stuff")}
    (image,), problems = read_all(COCO_STUFF, tmp_path / "stuff.json", ReadOptions(), binding)
    assert (image.label, problems) == (label("1.", {1: 1}), ())


def test_trap_5_categories_keep_their_ids_whatever_their_order(tmp_path: Path) -> None:
    given = label("123", {1: SKY, 2: CAR, 3: PERSON})
    write(tmp_path / "a" / "stuff.json", given)
    write(tmp_path / "b" / "stuff.json", given, CLASSES[::-1])
    first, second = ((tmp_path / name / "stuff.json").read_bytes() for name in "ab")
    assert first == second


def test_trap_17_ids_are_numbers_of_json_and_counts_are_text(tmp_path: Path) -> None:
    images = [export_image("a.jpg", label("1.", {1: SKY}), source_id="1")]
    write_all(COCO_STUFF, tmp_path / "stuff.json", images, CLASSES)
    content = json.loads((tmp_path / "stuff.json").read_text())
    (info,) = content["annotations"]
    assert info["image_id"] == content["images"][0]["id"] == "1"
    assert (type(info["area"]), type(info["segmentation"]["counts"])) == (int, str)


def test_trap_18_a_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    content = without_kinds()
    note = "x" * 20_000
    for number in range(1, 401):
        info = annotation(number, "1.. ...", 200) | {"image_id": number, "note": note}
        content["annotations"].append(info)
        content["images"].append(content["images"][0] | {"id": number, "file_name": str(number)})
    del content["images"][0]
    path = write_json(tmp_path / "stuff.json", content)
    tracemalloc.start()
    with COCO_STUFF.open(path, ReadOptions()) as source:
        count = sum(1 for _ in source.iter_items())
        _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 400
    assert peak < path.stat().st_size / 3


@pytest.mark.parametrize("number", [254, 255, 256, 257, 65535, 65536, 2**24 - 1])
def test_trap_25_ids_around_bytes_come_back(tmp_path: Path, number: int) -> None:
    content = without_kinds(annotation(number, "1. ..", 200))
    content["images"][0] |= {"height": 2, "width": 2}
    path = write_json(tmp_path / "stuff.json", content)
    (image,), problems = read_all(COCO_STUFF, path)
    assert problems == ()
    assert image.label.segments.ids.tolist() == [number]


def test_an_id_as_coco_has_them_comes_back(tmp_path: Path) -> None:
    # COCO numbers its annotations of stuff from 10,000,000 on, many of them beyond 2^24.
    content = without_kinds(annotation(20_000_000, "1.. ...", 200))
    (tmp_path / "in").mkdir()
    path = write_json(tmp_path / "in" / "stuff.json", content)
    (image,), _ = read_all(COCO_STUFF, path)
    assert image.label == label("1.. ...", {1: SKY}, attributes={1: {"source_id": 20_000_000}})
    named = [export_image(image.name, image.label, attributes=image.attributes)]
    write_all(COCO_STUFF, tmp_path / "stuff.json", named, CLASSES)
    (info,) = json.loads((tmp_path / "stuff.json").read_text())["annotations"]
    assert info["id"] == 20_000_000


# Fixtures, and what is recognised


@pytest.mark.parametrize(
    ("split", "drawing", "classes"),
    [("train", "..77.77... " * 5, {7: 1}), ("val", "22... " * 10, {2: 2})],
)
def test_the_fixture_is_read_as_stuff(split: str, drawing: str, classes: dict[int, int]) -> None:
    folder = real_data("datumaro_assets") / "coco_dataset" / "coco_stuff"
    path = folder / "annotations" / f"stuff_{split}.json"
    binding = {1: BoundClass(1, "stuff"), 2: BoundClass(2, "stuff")}
    photos = folder / "images" / split
    (image,), problems = read_all(COCO_STUFF, path, ReadOptions(images=photos), binding)
    # The files call their stuff crowds, which only things can be.
    assert [(problem.code, problem.severity) for problem in problems] == [
        ("stuff_crowd", "warning")
    ]
    assert image.label == label(drawing, classes)
    assert image.photo == photos / image.name


def test_the_fixture_is_recognised_as_stuff_and_as_nothing_else() -> None:
    folder = real_data("datumaro_assets") / "coco_dataset" / "coco_stuff"
    found = list(COCO_STUFF.recognise(folder))
    assert [each.path.name for each in found] == ["stuff_train.json", "stuff_val.json"]
    for other in (COCO_INSTANCES, COCO_PANOPTIC):
        assert not list(other.recognise(folder))


def test_files_of_other_names_or_polygons_are_no_stuff(tmp_path: Path) -> None:
    rle = file_of(annotation(5, "1", 1))
    polygons = file_of(annotation(5, "1", 1) | {"segmentation": [[0, 0, 1, 0, 1, 1]]})
    for name, content in (("instances.json", rle), ("stuff_outlines.json", polygons)):
        path = write_json(tmp_path / name, content)
        assert not list(COCO_STUFF.recognise(path))
        assert [each.path for each in COCO_INSTANCES.recognise(path)] == [path]


def test_real_labels_keep_their_semantic_view(tmp_path: Path) -> None:
    path = real_data("coco_panoptic_sample") / "panoptic_examples.json"
    binding, classes = bind_all(COCO_PANOPTIC, path)
    images, _ = read_all(COCO_PANOPTIC, path, ReadOptions(), binding)
    named = [export_image(image.name, image.label) for image in images]
    write_all(COCO_STUFF, tmp_path / "stuff.json", named, classes)
    back, problems = read_all(COCO_STUFF, tmp_path / "stuff.json", ReadOptions(), binding)
    assert problems == ()
    views = [{each.name: semantic_runs(each.label) for each in many} for many in (images, back)]
    assert views[0] == views[1]


# Faults


def test_an_unlabelled_image_reads_back_without_segments(tmp_path: Path) -> None:
    report = write_all(COCO_STUFF, tmp_path / "stuff.json", [export_image("1.jpg", None)], CLASSES)
    assert [problem.code for problem in report.problems] == ["unlabelled_image"]
    (image,), _ = read_all(COCO_STUFF, tmp_path / "stuff.json")
    assert image.label == label("... ...", {})


def test_a_category_that_is_not_bound_is_an_error(tmp_path: Path) -> None:
    path = write_json(tmp_path / "stuff.json", without_kinds(annotation(5, "1.. ...", 200)))
    (image,), problems = read_all(COCO_STUFF, path, ReadOptions(), {})
    assert (image.label, errors(problems)) == (None, ["unknown_class"])


@pytest.mark.parametrize(
    "segmentation",
    [None, 3, {}, {"size": [2, 3]}, {"size": [9, 9], "counts": "0"}, {"size": [2, 3], "counts": 1}],
)
def test_a_mask_that_is_none_is_an_error(tmp_path: Path, segmentation: Any) -> None:
    info = annotation(5, "1.. ...", 200) | {"segmentation": segmentation}
    path = write_json(tmp_path / "stuff.json", without_kinds(info))
    (image,), problems = read_all(COCO_STUFF, path)
    assert image.label is None
    assert [(problem.image, problem.segment) for problem in problems] == [("a.jpg", 5)]
