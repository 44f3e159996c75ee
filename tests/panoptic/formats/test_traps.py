"""The traps that public threads tell of: what COCO, folders of masks and the core do in each.

Tests are named by the number of their trap; those of other formats stand beside their formats.
"""

from __future__ import annotations

import json
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from panoptic.codec import pack_label
from panoptic.errors import TooLarge
from panoptic.formats.base import Format, ReadOptions, WriteOptions
from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.instance_masks.format import INSTANCE_MASKS
from panoptic.kinds import Kinds
from panoptic.label import Segment, label_from_id_map, replace_segments
from panoptic.metrics import panoptic_quality
from panoptic.png import encode_class_png, encode_panoptic_png
from panoptic.runs import constant_runs
from tests.builders import id_map, label, stack
from tests.panoptic.formats.coco_cases import (
    DRAWING,
    Case,
    annotation,
    file_of,
    read_instances,
    written_instances,
)
from tests.panoptic.formats.files import (
    BINDING,
    CLASSES,
    errors,
    export_image,
    panoptic_json,
    read_all,
    read_labels,
    save_rgb,
    write_all,
    write_json,
    write_panoptic,
)
from tests.panoptic.formats.mask_cases import read_masks, save_masks, save_photo
from tests.real_data import real_data

TRAPS = range(1, 29)
PLAIN = label(DRAWING, {1: 7, 2: 8})


def _name_of(value: object) -> str | None:
    return value.name if isinstance(value, Format) else None


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_trap_01_ids_of_png_and_table_must_agree_both_ways(case: Case) -> None:
    case.segments[1]["id"] = 5
    (image,), problems = case.read()
    assert [(p.code, p.file, p.image, p.segment) for p in problems] == [
        ("unmatched_ids", "a.png", "a.jpg", 2),
        ("unmatched_ids", "a.png", "a.jpg", 5),
    ]
    assert "the PNG has 1 id (2) that segments_info does not name" in problems[0].message
    assert "names 1 id (5) that the PNG does not have" in problems[1].message
    assert image.label is None


def test_trap_01_a_png_without_any_id_is_not_taken_for_the_label(case: Case) -> None:
    save_rgb(case.png, id_map("... ..."))
    problem = case.read_error()
    assert problem.code == "unmatched_ids"
    assert "2 ids (1, 2)" in problem.message


def test_trap_02_an_id_twice_in_an_image_is_refused(case: Case) -> None:
    # As where two stuff classes share a colour, and ids are made of colours.
    case.segments.append({**case.segments[0], "category_id": 200})
    problem = case.read_error()
    assert (problem.code, problem.image, problem.segment) == ("duplicate_id", "a.jpg", 1)


def test_trap_03_ids_are_unique_in_an_image_only(tmp_path: Path) -> None:
    drawings = {"a.jpg": "12", "b.jpg": "21"}
    path = write_panoptic(tmp_path, panoptic_json(drawings, {1: 1, 2: 200}), drawings)
    assert read_labels(COCO_PANOPTIC, path) == {
        name: label(drawing, {1: 7, 2: 8}) for name, drawing in drawings.items()
    }


def test_trap_04_category_0_is_one_and_segment_and_annotation_0_are_none(case: Case) -> None:
    case.content["categories"][0]["id"] = case.segments[0]["category_id"] = 0
    write_panoptic(case.folder, case.content)
    binding = {0: BINDING[1], 200: BINDING[200]}
    (image,), problems = read_all(COCO_PANOPTIC, case.path, binding=binding)
    assert (image.label, problems) == (PLAIN, ())

    case.segments[0]["id"] = 0
    (image,), problems = case.read()
    assert (image.label, errors(problems)) == (None, ["invalid_id"])
    assert "0 stands for void" in problems[0].message
    (image,), problems = read_instances(case.folder, annotation(1, "1", 1) | {"id": 0})
    assert (image.label, errors(problems)) == (None, ["invalid_id"])

    written = written_instances(case.folder, {"a.jpg": label("1", {1: 7})})
    assert [info["id"] for info in written["annotations"]] == [1]


def test_trap_05_category_ids_are_kept_with_their_gaps_in_any_order(case: Case) -> None:
    case.content["categories"].reverse()
    (image,), problems = case.read()
    assert (image.label, problems) == (PLAIN, ())
    write_all(COCO_PANOPTIC, case.folder / "out.json", [export_image("a.jpg", PLAIN)])
    written = json.loads((case.folder / "out.json").read_text())
    assert [(one["id"], one["name"]) for one in written["categories"]] == [
        (1, "person"), (3, "car"), (200, "sky"),
    ]  # fmt: skip
    (info,) = written["annotations"]
    assert [one["category_id"] for one in info["segments_info"]] == [1, 200]


def test_trap_06_sixteen_bits_are_never_read_as_eight(case: Case) -> None:
    Image.fromarray(id_map(DRAWING).astype(np.uint16) << 8).save(case.png)
    assert case.read_error().code == "malformed_file"

    save_masks(case.folder / "masks" / "a", one="11. ...")
    mask = np.array([[65535, 255, 0]], np.uint16)
    Image.fromarray(mask).save(case.folder / "masks" / "a" / "masks" / "one.png")
    (image,), problems = read_masks(case.folder / "masks")
    assert (image.label, errors(problems)) == (None, ["malformed_file"])


def test_trap_07_a_palette_is_no_map_of_ids(case: Case) -> None:
    indices = Image.fromarray(id_map(DRAWING).astype(np.uint8), "P")
    # The colours of its entries would be the very ids.
    indices.putpalette([value for entry in range(256) for value in (entry, 0, 0)])
    indices.save(case.png)
    problem = case.read_error()
    assert (problem.code, problem.file) == ("malformed_file", "a.png")
    assert "of mode P" in problem.message


def test_trap_08_colours_between_two_segments_are_refused_and_counted(case: Case) -> None:
    save_rgb(case.png, np.arange(100, 140, dtype=np.uint32).reshape(2, 20))
    case.image["width"] = 20
    case.segments.clear()
    message = case.read_error().message
    assert "40 ids (100, 101, 102, 103, 104, 105, 106, 107, 108, 109 and 30 more)" in message


def test_trap_09_swapped_channels_are_noticed(case: Case) -> None:
    save_rgb(case.png, id_map(DRAWING) << 16)
    (image,), problems = case.read()
    assert (image.label, errors(problems)) == (None, ["unmatched_ids", "unmatched_ids"])


def test_trap_10_wrong_areas_and_boxes_are_reported_and_never_copied(case: Case) -> None:
    case.segments[0]["area"] = 6
    case.segments[1]["bbox"] = [0, 0, 3, 2]
    (image,), problems = case.read()
    assert [(p.code, p.severity, p.segment) for p in problems] == [
        ("area_mismatch", "warning", 1),
        ("bbox_mismatch", "warning", 2),
    ]
    assert "1 (6, has 3)" in problems[0].message
    assert image.label == PLAIN
    write_all(COCO_PANOPTIC, case.folder / "out.json", [export_image("a.jpg", image.label)])
    (info,) = json.loads((case.folder / "out.json").read_text())["annotations"]
    assert [(one["area"], one["bbox"]) for one in info["segments_info"]] == [
        (3, [0, 0, 2, 2]),
        (2, [2, 0, 1, 2]),
    ]


def test_trap_11_several_crowds_of_a_class_stay_several_and_count_as_one(tmp_path: Path) -> None:
    crowds = label("1123 4443", {1: 7, 2: 7, 3: 7, 4: 8}, crowds=[1, 3])
    write_all(COCO_PANOPTIC, tmp_path / "x.json", [export_image("a.jpg", crowds)])
    assert read_labels(COCO_PANOPTIC, tmp_path / "x.json") == {"a.jpg": crowds}
    assert "several crowds of a class stay several" in COCO_PANOPTIC.carries.crowd
    assert panoptic_quality(crowds, crowds, Kinds(frozenset({8}))).pq == 1


def test_trap_12_stuff_alone_or_things_alone_have_no_quality_of_the_other_kind() -> None:
    kinds = Kinds(frozenset({8}))
    stuff, things = label("11", {1: 8}), label("12", {1: 7, 2: 7})
    of_stuff = panoptic_quality(stuff, stuff, kinds)
    assert (of_stuff.pq, of_stuff.stuff.pq, of_stuff.things.pq) == (1, 1, None)
    of_things = panoptic_quality(things, things, kinds)
    assert (of_things.pq, of_things.things.pq, of_things.stuff.pq) == (1, 1, None)


def test_trap_13_what_lies_under_others_is_left_out_and_reported(tmp_path: Path) -> None:
    layered = stack("1111", ".2..", "..33", ".4..", classes={1: 7, 2: 9, 3: 9, 4: 9})
    report = write_all(COCO_PANOPTIC, tmp_path / "x.json", [export_image("a.jpg", layered)])
    assert (report.segments, report.hidden_pixels, report.hidden_segments) == (3, 4, 1)
    assert [(p.code, p.image, p.segment) for p in report.problems] == [
        ("hidden_segment", "a.jpg", 2)
    ]
    (info,) = json.loads((tmp_path / "x.json").read_text())["annotations"]
    assert [(s["id"], s["area"], s["bbox"]) for s in info["segments_info"]] == [
        (1, 1, [0, 0, 1, 1]),
        (3, 2, [2, 0, 2, 1]),
        (4, 1, [1, 0, 1, 1]),
    ]
    # Formats of full masks lose nothing of it.
    written_instances(tmp_path, {"a.jpg": layered})
    options = ReadOptions(on_overlap="last")
    assert read_labels(COCO_INSTANCES, tmp_path / "out.json", options) == {"a.jpg": layered}


@pytest.mark.parametrize("geometry", ["rle", "polygon"])
def test_trap_14_holes_and_parts_survive(tmp_path: Path, geometry: str) -> None:
    drawn = label("1111.22 1..1... 1111.22", {1: 7, 2: 9})
    report = write_all(
        COCO_INSTANCES,
        tmp_path / "out.json",
        [export_image("a.jpg", drawn)],
        options=WriteOptions(geometry=geometry),  # type: ignore[arg-type]
    )
    # A hole cannot be said by polygons: that mask is written as RLE all the same.
    told = [("no_polygon", "a.jpg", 1)] if geometry == "polygon" else []
    assert [(p.code, p.image, p.segment) for p in report.problems] == told
    assert read_labels(COCO_INSTANCES, tmp_path / "out.json") == {"a.jpg": drawn}


@pytest.mark.parametrize("form", [COCO_PANOPTIC, COCO_INSTANCES, INSTANCE_MASKS], ids=_name_of)
@pytest.mark.parametrize("size", [(2, 3), (3, 2), (2, 2)])
def test_trap_15_a_mask_fits_the_photograph_as_stored_or_as_shown_and_is_never_turned(
    tmp_path: Path, form: Format, size: tuple[int, int]
) -> None:
    ids = np.ones(size, np.uint32)
    ids[0, 0] = 2
    drawn = label_from_id_map(ids, [Segment(1, 7), Segment(2, 7)])
    photos = tmp_path / "photos"
    save_photo(photos / "a.jpg", 2, 3, orientation=6)  # shown as 3 × 2
    write_all(form, tmp_path / "x.json", [export_image("a.jpg", drawn)])
    binding = {"object": BINDING[1]} if form is INSTANCE_MASKS else BINDING
    options = ReadOptions(images=photos)
    (image,), problems = read_all(form, tmp_path / "x.json", options, binding)
    if size == (2, 2):
        (problem,) = problems
        assert (image.label, problem.code) == (None, "photo_size_mismatch")
        for told in ("2 × 2", "2 × 3", "3 × 2"):
            assert told in problem.message
        return
    assert problems == ()
    assert image.photo == photos / "a.jpg"
    assert image.label is not None
    pixels = image.label.layers[0]
    assert (image.height, image.width) == pixels.shape == size
    assert pixels.lengths.tolist() == [1, 5]


def test_trap_15_a_real_photograph_on_its_side_takes_masks_of_both_sizes(tmp_path: Path) -> None:
    photos = real_data("exif")
    with Image.open(photos / "left.jpg") as photo:
        width, height = photo.size
        assert photo.getexif()[0x0112] in (5, 6, 7, 8)
    for number, size in enumerate([(height, width), (width, height), (height, height)]):
        drawn = label_from_id_map(np.ones(size, np.uint32), [Segment(1, 7)])
        for form in (COCO_PANOPTIC, COCO_INSTANCES):
            path = tmp_path / f"{form.name}-{number}.json"
            write_all(form, path, [export_image("left.jpg", drawn)])
            (image,), problems = read_all(form, path, ReadOptions(images=photos))
            assert (image.label == drawn) == (errors(problems) == []) == (number < 2)


def test_trap_16_files_are_matched_by_id_and_names_are_cut_at_their_last_dot(case: Case) -> None:
    case.image["file_name"] = "train/city.2.jpg"
    (image,), problems = case.read()
    assert (image.name, image.label, problems) == ("train/city.2.jpg", PLAIN, ())
    write_all(COCO_PANOPTIC, case.folder / "out.json", [export_image("train/city.2.jpg", PLAIN)])
    content = json.loads((case.folder / "out.json").read_text())
    assert content["annotations"][0]["file_name"] == "train/city.2.png"
    assert (case.folder / "out" / "train" / "city.2.png").is_file()


def test_trap_17_a_number_and_its_text_are_two_ids(case: Case) -> None:
    case.annotation["image_id"] = "1"
    _, problems = case.read()
    assert errors(problems) == ["unknown_image"]
    assert "text in one place and numbers in the other" in problems[0].message
    case.image["id"] = "1"
    (image,), problems = case.read()
    assert (image.attributes, problems) == ({"source_id": "1"}, ())
    images = [export_image(image.name, image.label, attributes=image.attributes)]
    write_all(COCO_PANOPTIC, case.folder / "out.json", images)
    content = json.loads((case.folder / "out.json").read_text())
    assert content["images"][0]["id"] == content["annotations"][0]["image_id"] == "1"


def test_trap_18_a_file_larger_than_memory_is_scanned_and_read(tmp_path: Path) -> None:
    def peak(images: int) -> int:
        content = file_of(size=(1, 2))
        (entry,) = content["images"]
        info = annotation(1, "1.", 1) | {"note": "x" * 2000}
        content["images"] = [
            entry | {"id": number, "file_name": f"{number}.jpg"} for number in range(images)
        ]
        content["annotations"] = [
            info | {"id": number + 1, "image_id": number} for number in range(images)
        ]
        path = write_json(tmp_path / "x.json", content)
        del content
        tracemalloc.start()
        with COCO_INSTANCES.open(path, ReadOptions()) as source:
            assert sum(1 for _ in source.iter_items()) == images
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return top

    assert peak(4_000) < 1.3 * peak(1_000)


def test_trap_19_every_missing_png_is_told(tmp_path: Path) -> None:
    drawings = {"a.jpg": "1", "b.jpg": "1", "c.jpg": "1"}
    path = write_panoptic(tmp_path, panoptic_json(drawings, {1: 1}), {"b.jpg": "1"})
    images, problems = read_all(COCO_PANOPTIC, path)
    assert [(p.code, p.file, p.image) for p in problems] == [
        ("missing_file", "a.png", "a.jpg"),
        ("missing_file", "c.png", "c.jpg"),
    ]
    assert [image.label is None for image in images] == [True, False, True]


@pytest.mark.parametrize("form", [COCO_PANOPTIC, COCO_INSTANCES], ids=_name_of)
def test_trap_20_a_segment_of_another_class_is_exported_as_that(
    tmp_path: Path, form: Format
) -> None:
    edited = replace_segments(label("12", {1: 7, 2: 7}), [Segment(1, 9), Segment(2, 7, crowd=True)])
    write_all(form, tmp_path / "x.json", [export_image("a.jpg", edited)])
    annotations = json.loads((tmp_path / "x.json").read_text())["annotations"]
    infos = annotations[0].get("segments_info", annotations)
    assert [(one["id"], one["category_id"], one["iscrowd"]) for one in infos] == [
        (1, 3, 0),
        (2, 1, 1),
    ]


@pytest.mark.parametrize("form", [COCO_PANOPTIC, COCO_INSTANCES, INSTANCE_MASKS], ids=_name_of)
def test_trap_21_more_objects_than_a_byte_counts_are_all_there(
    tmp_path: Path, form: Format
) -> None:
    ids = np.arange(1, 301, dtype=np.uint32).reshape(15, 20)
    drawn = label_from_id_map(ids, [Segment(number, 7) for number in range(1, 301)])
    write_all(form, tmp_path / "x.json", [export_image("a.jpg", drawn)])
    binding = {"object": BINDING[1]} if form is INSTANCE_MASKS else BINDING
    assert read_labels(form, tmp_path / "x.json", binding=binding) == {"a.jpg": drawn}


def test_trap_21_a_number_that_does_not_fit_is_refused_not_wrapped() -> None:
    with pytest.raises(TooLarge, match="16777216"):
        encode_panoptic_png(constant_runs(1, 1, 2**24))
    with pytest.raises(TooLarge, match="256"):
        encode_class_png(constant_runs(1, 1, 256))


def test_trap_23_things_stay_things_and_stuff_stays_stuff(tmp_path: Path) -> None:
    write_all(COCO_PANOPTIC, tmp_path / "x.json", [export_image("a.jpg", PLAIN)])
    written = json.loads((tmp_path / "x.json").read_text())["categories"]
    # Not true and false: the official evaluator and many a script compare with 1.
    assert [repr(one["isthing"]) for one in written] == ["1", "1", "0"]
    with COCO_PANOPTIC.open(tmp_path / "x.json", ReadOptions()) as source:
        kinds = {one.name: one.kind for one in source.classes}
    assert kinds == {class_.name: class_.kind for class_ in CLASSES}


def test_trap_24_channels_are_added_as_numbers_of_more_than_a_byte(tmp_path: Path) -> None:
    pixels = np.array([[[255, 255, 255], [0, 0, 255], [0, 255, 0], [44, 1, 0]]], np.uint8)
    ids = [2**24 - 1, 255 << 16, 255 << 8, 300]
    content = panoptic_json({"a.jpg": "1234"}, dict.fromkeys(range(1, 5), 1))
    for info, segment_id in zip(content["annotations"][0]["segments_info"], ids, strict=True):
        info["id"] = segment_id
    path = write_panoptic(tmp_path, content)
    Image.fromarray(pixels).save(tmp_path / "labels" / "a.png")
    read = read_labels(COCO_PANOPTIC, path)["a.jpg"]
    assert read is not None
    assert read.layers[0].values.tolist() == ids


def test_trap_25_ids_around_the_borders_of_bytes_are_exact_both_ways(tmp_path: Path) -> None:
    ids = [1, 254, 255, 256, 257, 65535, 65536, 65537, 2**24 - 1]
    drawn = label_from_id_map(
        np.array([ids], np.uint32), [Segment(segment_id, 7) for segment_id in ids]
    )
    for form in (COCO_PANOPTIC, COCO_INSTANCES):
        write_all(form, tmp_path / f"{form.name}.json", [export_image("a.jpg", drawn)])
        assert read_labels(form, tmp_path / f"{form.name}.json") == {"a.jpg": drawn}
    with Image.open(tmp_path / "coco_panoptic" / "a.png") as png:
        rgb = np.asarray(png).astype(np.uint32)[0]
    assert (rgb @ np.array([1, 256, 65536], np.uint32)).tolist() == ids


@pytest.mark.parametrize("name", ["../labels/a.png", "/etc/passwd", "a\\b.png", "a\0.png", "", 3])
def test_trap_26_a_name_that_leaves_its_folder_is_refused(case: Case, name: object) -> None:
    case.annotation["file_name"] = name
    problem = case.read_error()
    assert (problem.code, problem.file, problem.image) == ("invalid_name", "labels.json", "a.jpg")
    case.image["file_name"] = name
    images, problems = case.read()
    assert (images, errors(problems)) == ([], ["invalid_name"])
    with pytest.raises(ValueError, match="name"):
        write_all(COCO_PANOPTIC, case.folder / "out.json", [export_image("../a.jpg", PLAIN)])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_trap_27_a_mask_of_another_mode_is_the_same_label(tmp_path: Path, mode: str) -> None:
    save_masks(tmp_path / "one" / "a", one="11. 1..", two="..1 ..1")
    save_masks(tmp_path / "two" / "a", mode=mode, one="11. 1..", two="..1 ..1")
    (before,), (after,) = (read_masks(tmp_path / folder)[0] for folder in ("one", "two"))
    assert after.problems == ()
    assert after.label == label("112 1.2", {1: 7, 2: 7})
    assert before.label is not None
    assert after.label is not None
    assert pack_label(after.label).digest == pack_label(before.label).digest


def test_trap_27_an_opaque_alpha_channel_changes_nothing(case: Case) -> None:
    with Image.open(case.png) as png:
        opaque = png.convert("RGBA")
    opaque.save(case.png)
    (image,), problems = case.read()
    assert (image.label, problems) == (PLAIN, ())


def test_every_trap_has_a_test_of_its_number() -> None:
    tests = Path(__file__).parent.parent.parent
    named = re.compile(r"^ *def test_trap_0?(\d+)_", re.MULTILINE)
    found = {
        int(number)
        for path in tests.rglob("test_*.py")
        for number in named.findall(path.read_text())
    }
    assert set(TRAPS) - found == set()
