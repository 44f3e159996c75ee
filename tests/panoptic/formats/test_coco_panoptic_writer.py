"""COCO panoptic, written."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from panoptic.errors import UnknownClass
from panoptic.formats.base import ExportClass, TargetExists, WriteOptions
from panoptic.formats.coco.categories import category_ids
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.label import Label, renumber
from tests.builders import label
from tests.panoptic.formats.files import (
    CLASSES,
    bind_all,
    export_image,
    read_all,
    read_labels,
    write_all,
)
from tests.real_data import real_data

PLAIN = label("112 1.2", {1: 7, 2: 8}, crowds=[1])


def test_the_file_has_the_official_members_in_their_order(tmp_path: Path) -> None:
    options = WriteOptions(info={"year": 2020}, licenses=({"id": 1},))
    write_all(COCO_PANOPTIC, tmp_path / "x.json", [export_image("a.jpg", PLAIN)], options=options)
    content = json.loads((tmp_path / "x.json").read_text())
    assert list(content) == ["info", "licenses", "images", "annotations", "categories"]
    assert (content["info"], content["licenses"]) == ({"year": 2020}, [{"id": 1}])
    assert content["annotations"] == [
        {
            "segments_info": [
                {"id": 1, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 2, 2], "area": 3},
                {"id": 2, "category_id": 200, "iscrowd": 0, "bbox": [2, 0, 1, 2], "area": 2},
            ],
            "file_name": "a.png",
            "image_id": 1,
        }
    ]
    assert content["categories"][2] == {
        "supercategory": "sky",
        "color": [70, 130, 180],
        "isthing": 0,
        "id": 200,
        "name": "sky",
    }


def test_the_png_holds_the_segment_ids(tmp_path: Path) -> None:
    big = 3 + 4 * 256 + 5 * 65536
    write_all(COCO_PANOPTIC, tmp_path / "x.json", [export_image("a.jpg", _renumbered(PLAIN, big))])
    pixels = np.asarray(Image.open(tmp_path / "x" / "a.png"))
    assert pixels[0].tolist() == [[3, 4, 5], [3, 4, 5], [2, 0, 0]]
    assert pixels[1, 1].tolist() == [0, 0, 0]


def test_two_exports_of_the_same_are_equal_byte_by_byte(tmp_path: Path) -> None:
    images = [export_image("b.jpg", PLAIN), export_image("a.jpg", None)]
    for name in ("x.json", "y.json"):
        write_all(COCO_PANOPTIC, tmp_path / name, images)
    assert (tmp_path / "x.json").read_bytes() == (tmp_path / "y.json").read_bytes()
    assert (tmp_path / "x/b.png").read_bytes() == (tmp_path / "y/b.png").read_bytes()


def test_an_unlabelled_image_stays_one(tmp_path: Path) -> None:
    images = [export_image("a.jpg", None), export_image("b.jpg", label("..", {}))]
    write_all(COCO_PANOPTIC, tmp_path / "x.json", images)
    assert read_labels(COCO_PANOPTIC, tmp_path / "x.json") == {
        "a.jpg": None,
        "b.jpg": label("..", {}),
    }


def test_images_of_one_stem_get_pngs_of_their_own(tmp_path: Path) -> None:
    names = ["a.jpg", "a.png", "a.jpg.gif", "a.gif", "d/a.jpg"]
    drawings = ["1", "11", "111", "1111", "11111"]
    images = [export_image(name, label(d, {1: 7})) for name, d in zip(names, drawings, strict=True)]
    write_all(COCO_PANOPTIC, tmp_path / "x.json", images)
    labels = read_labels(COCO_PANOPTIC, tmp_path / "x.json")
    assert labels == {image.name: image.label for image in images}


def test_nothing_is_there_before_the_end_and_nothing_stays_of_a_broken_export(
    tmp_path: Path,
) -> None:
    def break_off() -> None:
        with COCO_PANOPTIC.create(tmp_path / "x.json", CLASSES, WriteOptions()) as writer:
            writer.add(writer.encode(export_image("a.jpg", PLAIN)))
            assert not (tmp_path / "x.json").exists()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        break_off()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("taken", ["x.json", "x/old.png"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(exist_ok=True)
    (tmp_path / taken).write_text("mine")
    with pytest.raises(TargetExists):
        COCO_PANOPTIC.create(tmp_path / "x.json", CLASSES, WriteOptions())
    assert (tmp_path / taken).read_text() == "mine"


def test_what_appears_while_an_export_runs_is_not_overwritten_either(tmp_path: Path) -> None:
    with COCO_PANOPTIC.create(tmp_path / "x.json", CLASSES, WriteOptions()) as writer:
        (tmp_path / "x.json").write_text("mine")
        with pytest.raises(TargetExists):
            writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
    assert (tmp_path / "x.json").read_text() == "mine"


def test_a_class_that_the_export_does_not_know_is_refused(tmp_path: Path) -> None:
    strange = export_image("a.jpg", label("1", {1: 5}))
    with pytest.raises(UnknownClass, match=r"image a\.jpg, segment 1: unknown class 5"):
        write_all(COCO_PANOPTIC, tmp_path / "x.json", [strange])
    assert list(tmp_path.iterdir()) == []


def test_an_attribute_with_the_name_of_a_coco_key_is_left_out_and_reported(tmp_path: Path) -> None:
    named = label("1", {1: 7}, attributes={1: {"area": 3, "id": 9, "note": "x"}})
    report = write_all(COCO_PANOPTIC, tmp_path / "x.json", [export_image("a.jpg", named)])
    assert [problem.code for problem in report.problems] == ["lost_attribute"]
    assert read_labels(COCO_PANOPTIC, tmp_path / "x.json")["a.jpg"] == label(
        "1", {1: 7}, attributes={1: {"note": "x"}}
    )


# Ids of images


def test_source_ids_are_kept_with_their_type(tmp_path: Path) -> None:
    ids = _image_ids(tmp_path, {"a.jpg": "x", "b.jpg": 5, "c.jpg": "5"})
    assert ids == ["x", 5, "5"]


def test_a_source_id_among_the_attributes_serves_too(tmp_path: Path) -> None:
    image = export_image("a.jpg", None, attributes={"source_id": 12, "license": 3})
    write_all(COCO_PANOPTIC, tmp_path / "x.json", [image])
    (entry,) = json.loads((tmp_path / "x.json").read_text())["images"]
    assert entry == {"file_name": "a.jpg", "height": 2, "width": 3, "license": 3, "id": 12}


def test_without_source_ids_numeric_names_are_ids(tmp_path: Path) -> None:
    assert _image_ids(tmp_path, {"000000142238.jpg": None, "v/7.png": None}) == [142238, 7]


@pytest.mark.parametrize("names", [["7.jpg", "x.jpg"], ["7.jpg", "07.png"], ["7.jpg", "1.2.jpg"]])
def test_where_a_name_is_no_number_of_its_own_images_are_counted(
    tmp_path: Path, names: list[str]
) -> None:
    assert _image_ids(tmp_path, dict.fromkeys(names)) == [1, 2]


def test_counted_ids_avoid_source_ids(tmp_path: Path) -> None:
    ids = _image_ids(tmp_path, {"a.jpg": 2, "b.jpg": None, "c.jpg": 1, "2.jpg": None})
    assert ids == [2, 3, 1, 4]


def test_a_source_id_that_two_images_have_is_given_to_none(tmp_path: Path) -> None:
    assert _image_ids(tmp_path, {"a.jpg": 9, "b.jpg": 9, "c.jpg": 1}) == [2, 3, 1]


# Ids of categories


def test_external_ids_are_category_ids_and_others_never_collide_with_them() -> None:
    classes = [
        _class(1, coco=3),
        _class(3),  # its own number is taken by class 1
        _class(4),
        _class(5, coco=0),
        _class(6, coco=3),  # so is its external id
        _class(7, coco="word"),
    ]
    assert category_ids(classes, "coco") == {1: 3, 3: 8, 4: 4, 5: 0, 6: 6, 7: 7}


def test_another_scheme_gives_other_ids() -> None:
    classes = [ExportClass(1, "car", "thing", (0, 0, 0), {"coco": 3, "cityscapes": 26})]
    assert category_ids(classes, "cityscapes") == {1: 26}


def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path) -> None:
    long = label("1", {1: 7}, attributes={1: {"note": "x" * 5000}})
    with COCO_PANOPTIC.create(tmp_path / "x.json", CLASSES, WriteOptions()) as writer:
        record = writer.encode(export_image("a.jpg", long))
        tracemalloc.start()
        for number in range(6000):
            name = f"{number}.jpg"
            writer.add(record._replace(image=record.image._replace(name=name, stem=number)))
        writer.close()
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (tmp_path / "x.json").stat().st_size > 30e6
    # Other threads of this process may take some of it.
    assert top < 12e6


def test_the_real_sample_comes_out_as_it_went_in(tmp_path: Path) -> None:
    original = real_data("coco_panoptic_sample") / "panoptic_examples.json"
    binding, classes = bind_all(COCO_PANOPTIC, original)
    images, problems = read_all(COCO_PANOPTIC, original, binding=binding)
    assert problems == ()
    exported = [
        export_image(image.name, image.label, attributes=image.attributes) for image in images
    ]
    write_all(COCO_PANOPTIC, tmp_path / "x.json", exported, classes)
    before, after = (json.loads(path.read_text()) for path in (original, tmp_path / "x.json"))
    assert after["categories"] == before["categories"]
    assert after["images"] == before["images"]
    for old, new in zip(before["annotations"], after["annotations"], strict=True):
        assert sorted(new["segments_info"], key=_id) == sorted(old["segments_info"], key=_id)
        assert (new["image_id"], new["file_name"]) == (old["image_id"], old["file_name"])
        pixels = [
            np.asarray(Image.open(folder / old["file_name"]))
            for folder in (original.with_suffix(""), tmp_path / "x")
        ]
        assert np.array_equal(*pixels)


def _id(info: dict[str, int]) -> int:
    return info["id"]


def _class(class_id: int, coco: int | str | None = None) -> ExportClass:
    external = {} if coco is None else {"coco": coco}
    return ExportClass(class_id, f"c{class_id}", "thing", (0, 0, 0), external)


def _image_ids(folder: Path, source_ids: dict[str, int | str | None]) -> list[object]:
    images = [export_image(name, None, source_id=id_) for name, id_ in source_ids.items()]
    write_all(COCO_PANOPTIC, folder / "x.json", images)
    content = json.loads((folder / "x.json").read_text())
    assert [image["file_name"] for image in content["images"]] == list(source_ids)
    return [image["id"] for image in content["images"]]


def _renumbered(given: Label, segment_id: int) -> Label:
    return renumber(given, [1], [segment_id])
