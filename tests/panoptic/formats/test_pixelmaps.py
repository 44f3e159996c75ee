"""Semantic PNGs of COCO categories: three conventions, and the table that says which."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from panoptic.errors import TooLarge
from panoptic.formats.base import BoundClass, ExportClass, ReadOptions, WriteOptions
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.file_trees import NameTaken
from panoptic.formats.pixelmaps.format import PIXELMAPS
from panoptic.label import Label, label_from_id_map
from panoptic.views import semantic_runs
from tests.builders import id_map, label, rows, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import (
    BINDING,
    CATEGORIES,
    CLASSES,
    RANDOM_BINDING,
    RANDOM_CLASSES,
    bind_all,
    errors,
    export_image,
    read_all,
    save_pixels,
    write_all,
    write_json,
)
from tests.panoptic.strategies import STUFF_IDS
from tests.real_data import real_data

PERSON, SKY, CAR = 7, 8, 9
CONVENTIONS = ("panopticapi", "detectron2", "coco_stuff")


@st.composite
def semantic_labels(draw: st.DrawFn) -> Label:
    """One segment of a class, crowds of things, numbered by first pixel."""
    shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    size = shape[0] * shape[1]
    classes = draw(st.lists(st.integers(0, 4), min_size=size, max_size=size))
    numbers = {0: 0}
    for class_id in classes:
        numbers.setdefault(class_id, len(numbers))
    plane = np.array([numbers[class_id] for class_id in classes], np.uint32).reshape(shape)
    present = {number: class_id for class_id, number in numbers.items() if number}
    crowds = [number for number, class_id in present.items() if class_id not in STUFF_IDS]
    return label_from_id_map(plane, rows(present, crowds=crowds))


class TestPixelmaps(FormatConformance):
    format = PIXELMAPS
    target_name = "maps"
    binding = RANDOM_BINDING
    classes = RANDOM_CLASSES

    @staticmethod
    def labels() -> st.SearchStrategy[Label]:
        return semantic_labels()

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 1}, crowds=[1])


def write(
    target: Path, given: Label, classes: Any = CLASSES, *, scheme: str = "", **values: str
) -> Any:
    options = WriteOptions(scheme=scheme, values=values)
    return write_all(PIXELMAPS, target, [export_image("a.jpg", given)], classes, options)


def read(
    root: Path, *, classes: Path | None = None, images: Path | None = None, **values: str
) -> Any:
    return read_all(PIXELMAPS, root, ReadOptions(classes=classes, images=images, values=values))


def pixels(path: Path) -> tuple[str, list[list[int]]]:
    image = Image.open(path)
    return image.mode, np.asarray(image).tolist()


# Golden files

GIVEN = label("112 3.2", {1: PERSON, 2: SKY, 3: CAR}, crowds=[1, 3])


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("panopticapi", [[1, 1, 200], [3, 0, 200]]),
        ("detectron2", [[0, 0, 1], [0, 255, 1]]),
        ("coco_stuff", [[0, 0, 199], [2, 255, 199]]),
    ],
)
def test_each_convention_writes_its_values(
    tmp_path: Path, convention: str, expected: list[list[int]]
) -> None:
    report = write(tmp_path / "out", GIVEN, convention=convention)
    assert pixels(tmp_path / "out" / "a.png") == ("L", expected)
    assert report.segments == 3
    assert dict(report.lost) == ({"merged_segments": 1} if convention == "detectron2" else {})


def test_the_table_beside_the_maps_says_everything(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN)
    table = (tmp_path / "out" / "pixelmaps.json").read_text()
    assert json.loads(table) == {
        "convention": "panopticapi",
        "scheme": "coco",
        "bits": 8,
        "void": 0,
        "splits": [],
        "values": [
            {"value": category["id"], **category}
            for category in sorted(CATEGORIES, key=lambda each: each["id"])
        ],
    }
    write(tmp_path / "other", GIVEN, convention="detectron2")
    table = json.loads((tmp_path / "other" / "pixelmaps.json").read_text())
    assert (table["convention"], table["void"]) == ("detectron2", 255)
    assert [(row["value"], row["name"]) for row in table["values"]] == [(0, "things"), (1, "sky")]


def test_the_bytes_of_an_export_are_known(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN)
    content = [(tmp_path / "out" / name).read_bytes() for name in ("a.png", "pixelmaps.json")]
    assert hashlib.sha256(b"".join(content)).hexdigest() == GOLDEN


GOLDEN = "f0590d312d63de13766d7c05281b09111b62393b42d7a109e3988baa5632b837"


@pytest.mark.parametrize("convention", ["panopticapi", "coco_stuff"])
@pytest.mark.parametrize("bits", ["8", "16"])
def test_what_is_written_is_read_by_its_table(tmp_path: Path, convention: str, bits: str) -> None:
    write(tmp_path / "out", GIVEN, convention=convention, bits=bits)
    (image,), problems = read(tmp_path / "out")
    assert problems == ()
    assert image.label == GIVEN
    assert pixels(tmp_path / "out" / "a.png")[0] == ("L" if bits == "8" else "I;16")


@pytest.mark.parametrize(
    ("convention", "plane"),
    [
        ("panopticapi", [[1, 1, 200], [3, 0, 200]]),
        ("coco_stuff", [[0, 0, 199], [2, 255, 199]]),
    ],
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_without_a_table_the_options_say_convention_and_categories(
    tmp_path: Path, convention: str, plane: list[list[int]], wrapped: bool
) -> None:
    save_pixels(tmp_path / "maps" / "a.png", plane)
    content: Any = {"categories": CATEGORIES} if wrapped else CATEGORIES
    classes = write_json(tmp_path / "categories.json", content)
    (image,), problems = read(tmp_path / "maps", classes=classes, convention=convention)
    assert problems == ()
    assert image.label == GIVEN
    assert (image.name, image.split) == ("a.jpg", None)


# detectron2's things


def test_things_of_detectron2_are_a_class_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN, convention="detectron2")
    with PIXELMAPS.open(tmp_path / "out", ReadOptions()) as source:
        assert [class_[:3] for class_ in source.classes] == [
            ("things", "things", "thing"),
            (200, "sky", "stuff"),
        ]
    (image,), problems = read(tmp_path / "out")
    assert (image.label, errors(problems)) == (None, ["unknown_class"])
    binding = {**BINDING, "things": BoundClass(5, "thing")}
    (image,), problems = read_all(PIXELMAPS, tmp_path / "out", ReadOptions(), binding)
    assert problems == ()
    assert image.label == label("112 1.2", {1: 5, 2: SKY}, crowds=[1])


def test_things_of_detectron2_can_be_void(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN, convention="detectron2")
    (image,), problems = read(tmp_path / "out", things="void")
    assert problems == ()
    assert image.label == label("..1 ..1", {1: SKY})


# Real data


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_real_maps_are_those_of_a_brute_force_of_pixels(tmp_path: Path, convention: str) -> None:
    folder = real_data("coco_panoptic_sample")
    path = folder / "panoptic_examples.json"
    binding, classes = bind_all(COCO_PANOPTIC, path)
    images, _ = read_all(COCO_PANOPTIC, path, ReadOptions(), binding)
    options = WriteOptions(values={"convention": convention})
    named = [export_image(image.name, image.label) for image in images]
    report = write_all(PIXELMAPS, tmp_path / "out", named, classes, options)
    assert report.images == len(images) == 2

    content = json.loads(path.read_text())
    stuff = sorted(each["id"] for each in content["categories"] if not each["isthing"])
    for annotation in content["annotations"]:
        rgb = np.asarray(Image.open(folder / "panoptic_examples" / annotation["file_name"]))
        ids = rgb.astype(np.int64) @ [1, 256, 65536]
        expected = np.full(ids.shape, 0 if convention == "panopticapi" else 255)
        for info in annotation["segments_info"]:
            category = info["category_id"]
            value = {
                "panopticapi": category,
                "coco_stuff": category - 1,
                "detectron2": stuff.index(category) + 1 if category in stuff else 0,
            }[convention]
            expected[ids == info["id"]] = value
        written = np.asarray(Image.open(tmp_path / "out" / annotation["file_name"]))
        assert np.array_equal(written, expected)


@pytest.mark.parametrize("convention", ["panopticapi", "coco_stuff"])
def test_real_maps_keep_the_semantic_view(tmp_path: Path, convention: str) -> None:
    path = real_data("coco_panoptic_sample") / "panoptic_examples.json"
    binding, classes = bind_all(COCO_PANOPTIC, path)
    images, _ = read_all(COCO_PANOPTIC, path, ReadOptions(), binding)
    options = WriteOptions(values={"convention": convention})
    named = [export_image(image.name, image.label) for image in images]
    write_all(PIXELMAPS, tmp_path / "out", named, classes, options)
    back, problems = read_all(PIXELMAPS, tmp_path / "out", ReadOptions(), binding)
    assert problems == ()
    views = {image.name: semantic_runs(image.label) for image in back if image.label}
    assert views == {image.name: semantic_runs(image.label) for image in images if image.label}


def test_the_fixture_of_plain_masks_needs_to_be_told_what_it_means(tmp_path: Path) -> None:
    root = real_data("datumaro_assets") / "common_semantic_segmentation_dataset" / "dataset"
    assert not list(PIXELMAPS.recognise(root))
    _, (problem,) = read(root / "masks", convention="table")
    assert (problem.code, problem.severity) == ("invalid_option", "error")
    assert "pixelmaps.json" in problem.message


# Numbers


def test_trap_4_category_0_is_kept_where_a_convention_has_a_value_for_it(tmp_path: Path) -> None:
    classes = (
        ExportClass(1, "road", "stuff", (0, 0, 0), {"train": 0}),
        ExportClass(2, "sky", "stuff", (0, 0, 0), {"train": 10}),
    )
    binding = {0: BoundClass(1, "stuff"), 10: BoundClass(2, "stuff")}
    given = label("12.", {1: 1, 2: 2})
    write(tmp_path / "ok", given, classes, scheme="train", convention="detectron2")
    assert pixels(tmp_path / "ok" / "a.png")[1] == [[1, 2, 255]]
    (image,), problems = read_all(PIXELMAPS, tmp_path / "ok", ReadOptions(), binding)
    assert (image.label, problems) == (given, ())
    with PIXELMAPS.open(tmp_path / "ok", ReadOptions()) as source:
        assert (source.scheme, source.classes[0].external_id) == ("train", 0)

    for convention in ("panopticapi", "coco_stuff"):
        out = tmp_path / convention
        report = write(out, given, classes, scheme="train", convention=convention)
        assert dict(report.lost) == {"void_pixels": 1}
        assert "road became void" in report.problems[0].message
        (image,), problems = read_all(PIXELMAPS, out, ReadOptions(), binding)
        assert (image.label, problems) == (label(".1.", {1: 2}), ())


def test_trap_5_values_follow_category_ids_and_no_positions(tmp_path: Path) -> None:
    turned = tuple(reversed(CLASSES))
    for convention in CONVENTIONS:
        out = tmp_path / convention
        write(out, GIVEN, CLASSES, convention=convention)
        write(tmp_path / f"{convention} turned", GIVEN, turned, convention=convention)
        for name in ("a.png", "pixelmaps.json"):
            turned_file = tmp_path / f"{convention} turned" / name
            assert (out / name).read_bytes() == turned_file.read_bytes()


def class_of_category(category: int) -> tuple[ExportClass, ...]:
    return (ExportClass(1, "moss", "stuff", (0, 0, 0), {"coco": category}),)


@pytest.mark.parametrize(
    ("convention", "bits", "category", "value"),
    [
        ("panopticapi", "8", 254, 254),
        ("panopticapi", "8", 255, 255),
        ("panopticapi", "8", 256, None),
        ("panopticapi", "8", 257, None),
        ("panopticapi", "16", 256, 256),
        ("panopticapi", "16", 65535, 65535),
        ("panopticapi", "16", 65536, None),
        ("coco_stuff", "8", 254, 253),
        ("coco_stuff", "8", 255, 254),
        ("coco_stuff", "8", 256, None),  # 255 would be void
        ("coco_stuff", "8", 257, None),
        ("coco_stuff", "16", 256, None),
        ("coco_stuff", "16", 257, 256),
        ("coco_stuff", "16", 65536, 65535),
    ],
)
def test_trap_25_values_around_the_borders_are_exact_or_refused(
    tmp_path: Path, convention: str, bits: str, category: int, value: int | None
) -> None:
    given, classes = label("1.", {1: 1}), class_of_category(category)
    out = tmp_path / "out"
    if value is None:
        with pytest.raises(TooLarge, match=r"class moss of image a\.jpg"):
            write(out, given, classes, convention=convention, bits=bits)
        assert not out.exists()
        return
    write(out, given, classes, convention=convention, bits=bits)
    void = 0 if convention == "panopticapi" else 255
    assert pixels(out / "a.png")[1] == [[value, void]]
    binding = {category: BoundClass(1, "stuff")}
    (image,), problems = read_all(PIXELMAPS, out, ReadOptions(), binding)
    assert (image.label, problems) == (given, ())


def test_a_class_that_does_not_fit_does_no_harm_where_it_does_not_occur(tmp_path: Path) -> None:
    classes = (*class_of_category(300), ExportClass(2, "sky", "stuff", (0, 0, 0), {"coco": 5}))
    write(tmp_path / "out", label("2", {2: 2}), classes)
    table = json.loads((tmp_path / "out" / "pixelmaps.json").read_text())
    assert [row["value"] for row in table["values"]] == [5]


def test_255_stuff_classes_of_detectron2_are_refused_not_taken_for_void(tmp_path: Path) -> None:
    classes = tuple(
        ExportClass(number, f"stuff {number}", "stuff", (0, 0, 0)) for number in range(1, 256)
    )
    write(tmp_path / "ok", label("1", {1: 254}), classes, convention="detectron2")
    with pytest.raises(TooLarge, match="stuff 255"):
        write(tmp_path / "out", label("1", {1: 255}), classes, convention="detectron2")


@pytest.mark.parametrize("class_id", [SKY, CAR])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_trap_12_stuff_alone_and_things_alone_are_fine(
    tmp_path: Path, convention: str, class_id: int
) -> None:
    classes = tuple(class_ for class_ in CLASSES if class_.class_id == class_id)
    write(tmp_path / "out", label("1.", {1: class_id}), classes, convention=convention)
    binding = {**BINDING, "things": BoundClass(CAR, "thing")}
    (image,), problems = read_all(PIXELMAPS, tmp_path / "out", ReadOptions(), binding)
    assert problems == ()
    assert [row.class_id for row in image.label.segments] == [class_id]


def test_instances_of_a_class_become_one_region_and_are_counted(tmp_path: Path) -> None:
    given = stack(
        "1233",
        ".4..",
        "..5.",
        classes={1: CAR, 2: CAR, 3: SKY, 4: CAR, 5: PERSON},
        scores={1: 0.5},
    )
    report = write(tmp_path / "out", given)
    (image,), problems = read(tmp_path / "out")
    assert problems == ()
    assert image.label == label("1123", {1: CAR, 2: PERSON, 3: SKY}, crowds=[1, 2])
    assert dict(report.lost) == {
        "hidden_pixels": 2,
        "hidden_segments": 1,
        "merged_segments": 1,
        "fields": 1,
    }


# Names and splits


def test_splits_are_folders_that_the_table_names(tmp_path: Path) -> None:
    given = label("1", {1: SKY})
    images = [
        export_image("a/0.jpg", given, split="val"),
        export_image("a/1.jpg", given, split="train"),
        export_image("b/2.jpg", given),
    ]
    write_all(PIXELMAPS, tmp_path / "out", images, CLASSES)
    assert (tmp_path / "out" / "val" / "a" / "0.png").is_file()
    back, problems = read(tmp_path / "out")
    assert problems == ()
    assert [(image.name, image.split) for image in back] == [
        ("a/0.jpg", "val"),
        ("a/1.jpg", "train"),
        ("b/2.jpg", None),
    ]


def test_a_name_that_would_read_as_a_split_is_refused(tmp_path: Path) -> None:
    given = label("1", {1: SKY})
    images = [export_image("train/0.jpg", given), export_image("1.jpg", given, split="train")]
    for order in (images, images[::-1]):
        with pytest.raises(NameTaken, match="train/"):
            write_all(PIXELMAPS, tmp_path / "out", order, CLASSES)


def test_the_photograph_gives_the_suffix_of_the_name(tmp_path: Path) -> None:
    write(tmp_path / "out", label("1", {1: SKY}))
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (1, 1)).save(photos / "a.PNG")
    (image,), problems = read(tmp_path / "out", images=photos)
    assert problems == ()
    assert (image.name, image.photo) == ("a.PNG", photos / "a.PNG")


def test_two_images_of_one_stem_are_refused(tmp_path: Path) -> None:
    images = [export_image(name, label("1", {1: SKY})) for name in ("a.jpg", "a.png")]
    with pytest.raises(NameTaken, match=r"image a\.png"):
        write_all(PIXELMAPS, tmp_path / "out", images, CLASSES)


def test_an_unlabelled_image_is_left_out_and_counted(tmp_path: Path) -> None:
    report = write_all(PIXELMAPS, tmp_path / "out", [export_image("a.jpg", None)], CLASSES)
    assert (report.images, dict(report.lost)) == (0, {"unlabelled_images": 1})


def test_it_is_recognised_by_its_table_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, GIVEN)
    for path in (tmp_path, out, out / "pixelmaps.json"):
        (found,) = PIXELMAPS.recognise(path)
        assert found.path == out
    (out / "pixelmaps.json").unlink()
    for path in (tmp_path, out, out / "a.png", tmp_path / "nothing"):
        assert not list(PIXELMAPS.recognise(path))


# Hostile files


def test_a_value_of_no_class_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN)
    save_pixels(tmp_path / "out" / "a.png", [[1, 2, 2], [200, 4, 0]])
    (image,), (problem,) = read(tmp_path / "out")
    assert (image.label, problem.file, problem.image) == (None, "a.png", "a.jpg")
    assert problem.message == "3 pixels have values that mean no class: 2, 4"


def test_a_class_that_is_not_bound_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN)
    (image,), problems = read_all(PIXELMAPS, tmp_path / "out", ReadOptions(), {1: BINDING[1]})
    assert image.label is None
    assert errors(problems) == ["unknown_class", "unknown_class"]
    assert "200 (sky)" in problems[1].message


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_trap_27_and_6_other_modes_are_refused(tmp_path: Path, mode: str) -> None:
    write(tmp_path / "out", GIVEN)
    Image.new(mode, (3, 2)).save(tmp_path / "out" / "a.png")
    (image,), problems = read(tmp_path / "out")
    assert (image.label, errors(problems)) == (None, ["malformed_file"])


def test_trap_7_a_palette_is_read_by_its_numbers(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN)
    image = Image.fromarray(np.array([[1, 1, 200], [3, 0, 200]], np.uint8))
    image.putpalette([7] * 768)
    image.save(tmp_path / "out" / "a.png")
    ((read_image,), problems) = read(tmp_path / "out")
    assert (read_image.label, problems) == (GIVEN, ())


def test_a_truncated_map_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN)
    path = tmp_path / "out" / "a.png"
    path.write_bytes(path.read_bytes()[:-20])
    (image,), problems = read(tmp_path / "out")
    assert (image.label, errors(problems)) == (None, ["malformed_file"])


@pytest.mark.parametrize(
    "change",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[1]",
        b"3",
        {"convention": "mine"},
        {"convention": ["panopticapi"]},
        {"void": -1},
        {"void": True},
        {"void": 1},
        {"void": None},
        {"scheme": 3},
        {"splits": "train"},
        {"splits": [""]},
        {"values": None},
        {"values": [3]},
        {"values": [{"value": 1}]},
        {"values": [{"value": 65536, "id": 1, "name": "a"}]},
        {"values": [{"value": "1", "id": 1, "name": "a"}]},
        {"values": [{"value": 1, "id": "1", "name": "a"}]},
        {"values": [{"value": 1, "id": 1, "name": 3}]},
        {"values": [{"value": 1, "id": 1, "name": "a"}, {"value": 1, "id": 2, "name": "b"}]},
        {"values": [{"value": 1, "id": 1, "name": "a"}, {"value": 2, "id": 1, "name": "b"}]},
        {"values": [{"value": 1, "id": [], "name": "a"}]},
        {"values": [{"value": 1, "name": []}]},
    ],
)
def test_a_table_of_another_shape_is_a_problem(tmp_path: Path, change: Any) -> None:
    write(tmp_path / "out", GIVEN)
    path = tmp_path / "out" / "pixelmaps.json"
    if isinstance(change, bytes):
        path.write_bytes(change)
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    images, problems = read(tmp_path / "out")
    assert images == []
    assert [(problem.code, problem.file) for problem in problems] == [
        ("malformed_file", "pixelmaps.json")
    ]


@pytest.mark.parametrize("content", [[], {}, {"categories": 3}, 3, [{"id": 1}], [{"id": -1}]])
def test_categories_of_another_shape_are_a_problem(tmp_path: Path, content: Any) -> None:
    save_pixels(tmp_path / "maps" / "a.png", id_map("1"))
    classes = write_json(tmp_path / "categories.json", content)
    _, problems = read(tmp_path / "maps", classes=classes, convention="coco_stuff")
    assert [(problem.code, problem.file) for problem in problems] == [
        ("malformed_file", "categories.json")
    ]


def test_trap_18_a_table_that_is_too_long_is_refused_unread(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN)
    with (tmp_path / "out" / "pixelmaps.json").open("r+b") as file:
        file.truncate(2**40)  # of which the disk holds nothing
    _, (problem,) = read(tmp_path / "out")
    assert problem.message == "1099511627776 bytes are too many for a table"


def test_the_table_is_trusted_more_than_the_option(tmp_path: Path) -> None:
    write(tmp_path / "out", GIVEN)
    (image,), problems = read(tmp_path / "out", convention="coco_stuff")
    assert image.label == GIVEN
    assert [(problem.code, problem.severity) for problem in problems] == [
        ("ignored_option", "warning")
    ]


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    write_all(PIXELMAPS, tmp_path / "out", [], CLASSES)
    _, problems = read(tmp_path / "out")
    assert errors(problems) == ["no_images"]
