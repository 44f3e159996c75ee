"""Colour maps: tables of colours, the layouts they come in, and colours that nothing has."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from panoptic.errors import UnknownClass
from panoptic.formats.base import (
    Binding,
    BoundClass,
    ExportClass,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.color_maps.format import COLOR_MAPS
from panoptic.formats.color_maps.reader import recognise_colors
from panoptic.formats.color_maps.tables import UnwritableClass
from panoptic.label import Label, Segment, label_from_runs
from panoptic.runs import encode_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import (
    RANDOM_CLASSES,
    bind_all,
    errors,
    export_image,
    read_all,
    read_single,
    save_pixels,
    write_all,
)
from tests.panoptic.strategies import CLASS_IDS, SHAPES, STUFF_IDS
from tests.real_data import real_data

Color = tuple[int, int, int]

ROAD, CAR, BLACK = (128, 64, 128), (64, 0, 128), (0, 0, 0)
TABLE = "0 0 0 Void\n128 64 128 road\n64 0 128 car\n"
BINDING: Binding = {"road": BoundClass(3, "stuff"), "car": BoundClass(4, "thing")}
read = partial(read_all, COLOR_MAPS, binding=BINDING)
read_one = partial(read_single, COLOR_MAPS, binding=BINDING)
CLASSES = (
    ExportClass(3, "road", "stuff", ROAD),
    ExportClass(4, "car", "thing", CAR),
)


@st.composite
def semantic_labels(draw: st.DrawFn) -> Label:
    """A segment for each class, numbered by first pixel; things are crowds."""
    height, width = draw(SHAPES)
    values = st.sampled_from((0, *CLASS_IDS))
    flat = draw(st.lists(values, min_size=height * width, max_size=height * width))
    seen = [class_id for class_id in dict.fromkeys(flat) if class_id]
    ids = {class_id: number for number, class_id in enumerate(seen, 1)}
    rows = [
        Segment(number, class_id, class_id not in STUFF_IDS) for class_id, number in ids.items()
    ]
    plane = np.array([ids.get(class_id, 0) for class_id in flat]).reshape(height, width)
    return label_from_runs(encode_runs(plane), rows)


class TestColorMaps(FormatConformance):
    format = COLOR_MAPS
    target_name = "camvid"
    binding: ClassVar = {each.name: BoundClass(each.class_id, each.kind) for each in RANDOM_CLASSES}
    classes = RANDOM_CLASSES

    @staticmethod
    def labels() -> st.SearchStrategy[Label]:
        return semantic_labels()

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 3})

    @staticmethod
    def image_name(number: int) -> str:
        return f"{number}.png"


# Reading


def test_stuff_is_a_segment_and_things_are_a_crowd(tmp_path: Path) -> None:
    save_table(tmp_path)
    save_pixels(tmp_path / "a.png", [[BLACK, CAR, ROAD, CAR]])
    image, problems = read_one(tmp_path)
    assert problems == ()
    assert image.label == label(".121", {1: 4, 2: 3}, crowds=[1])
    assert (image.name, image.split) == ("a.png", None)


def test_the_table_names_the_classes_and_black_is_void(tmp_path: Path) -> None:
    save_table(tmp_path, "# comment\n\n128\t64 128\t\tThe road, wet\r\n0 0 0 anything\n")
    save_pixels(tmp_path / "a.png", [[BLACK]])
    with COLOR_MAPS.open(tmp_path, ReadOptions()) as source:
        assert source.scheme == ""
        assert [each[:4] for each in source.classes] == [
            ("The road, wet", "The road, wet", "stuff", ROAD)
        ]


def test_names_without_colours_have_those_of_vocs_palette(tmp_path: Path) -> None:
    save_table(tmp_path, "nothing\nroad\ncar\n")
    save_pixels(tmp_path / "a.png", [[(128, 0, 0), (0, 128, 0), BLACK]])
    assert read_one(tmp_path)[0].label == label("12.", {1: 3, 2: 4}, crowds=[2])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"1 2 3 a\n1 2 3 b\n", "the classes 'a' and 'b' have one colour, (1, 2, 3)"),
        (b"1 2 3 a\n1 2 4 a\n", "two classes are called 'a'"),
        (b"1 2 300 a\n", "line 1: a colour is three numbers of 0 to 255"),
        (b"# x\n1 2 a\n", "line 2: 'red green blue name' is needed"),
        (b"1 2 3 \xff\n", "no UTF-8"),
        (b"\n", "names no class"),
        (b"1 2 3 a\n" * 600_000, "more than"),
    ],
)
def test_a_broken_table_is_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "label_colors.txt").write_bytes(content)
    save_pixels(tmp_path / "a.png", [[ROAD]])
    _, problems = read(tmp_path)
    assert {problem.code for problem in problems} == {"malformed_file"}
    assert all(reason in problem.message for problem in problems)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "7",
        '{"label_map": 3}',
        '{"label_map": {"0": 3}}',
        '{"label_map": {"0": "a"}, "segmentation_colors": []  , "x": 1',
        '{"label_map": {"0": "a"}, "segmentation_colors": [[1, 2]]}',
        '{"label_map": {"0": "a"}, "segmentation_colors": [[1, 2, 3], [1, 2, 4]]}',
        '{"label_map": {"0": "a"}, "segmentation_colors": [[1, 2, true]]}',
        '{"label_map": {"0": "a"}, "background_label": [], "segmentation_colors": [[1, 2, 3]]}',
        "[" * 100_000,
    ],
)
def test_a_broken_json_table_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset_meta.json").write_text(content)
    save_pixels(tmp_path / "masks/a.png", [[ROAD]])
    _, problems = read(tmp_path)
    assert {problem.code for problem in problems} == {"malformed_file"}
    assert list(recognise_colors(tmp_path / "masks")) == []


def test_a_json_table_says_what_the_background_is(tmp_path: Path) -> None:
    content = {
        "label_map": {"0": "none", "1": "road"},
        "segmentation_colors": [[9, 9, 9], list(ROAD)],
        "background_label": "0",
    }
    (tmp_path / "dataset_meta.json").write_text(json.dumps(content))
    save_pixels(tmp_path / "masks/a.png", [[(9, 9, 9), ROAD, BLACK]])
    image, problems = read_one(tmp_path)
    assert (image.label, problems) == (label(".1.", {1: 3}), ())


def test_a_map_without_a_table_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    save_pixels(tmp_path / "a.png", [[ROAD]])
    _, problems = read(tmp_path)
    assert {problem.code for problem in problems} == {"malformed_file"}
    assert "name a label_colors.txt or dataset_meta.json as the file of classes" in (
        problems[0].message
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("table.txt", TABLE),
        ("labelmap.txt", "road:128,64,128::\n"),
        (
            "t.json",
            json.dumps({"label_map": {"0": "road"}, "segmentation_colors": [list(ROAD)]}),
        ),
    ],
)
def test_the_options_may_name_the_table(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    save_pixels(tmp_path / "x/a.png", [[ROAD]])
    image, problems = read_one(tmp_path / "x", ReadOptions(classes=tmp_path / name))
    assert (image.label, problems) == (label("1", {1: 3}), ())


def test_a_class_that_the_taxonomy_lacks_is_an_error(tmp_path: Path) -> None:
    save_table(tmp_path, "1 1 1 tree\n2 2 2 grass\n128 64 128 road\n")
    save_pixels(tmp_path / "a.png", [[(1, 1, 1), ROAD]])
    image, problems = read_one(tmp_path)
    assert image.label is None
    assert [(p.code, p.image) for p in problems] == [("unknown_class", "a.png")]
    assert "'tree'" in problems[0].message


# Layouts


def test_camvids_folders_say_the_split(tmp_path: Path) -> None:
    save_table(tmp_path)
    for split in ("train", "default"):
        save_pixels(tmp_path / f"{split}annot/day/{split}.png", [[ROAD]])
        save_pixels(tmp_path / f"{split}/day/{split}.jpg", [[BLACK]])
        (tmp_path / f"{split}.txt").touch()
    images, problems = read(tmp_path)
    assert problems == ()
    assert [(i.name, i.split, i.photo) for i in images] == [
        ("day/default.jpg", None, tmp_path / "default/day/default.jpg"),
        ("day/train.jpg", "train", tmp_path / "train/day/train.jpg"),
    ]


def test_camvid_without_a_table_has_the_classes_of_camvid(tmp_path: Path) -> None:
    save_pixels(tmp_path / "valannot/a.png", [[(192, 128, 64)]])
    with COLOR_MAPS.open(tmp_path, ReadOptions()) as source:
        assert len(source.classes) == 31
        assert source.classes[7].name == "Child"


def test_folders_of_a_split_have_their_own_tables(tmp_path: Path) -> None:
    for split, color in (("train", ROAD), ("val", CAR)):
        save_pixels(tmp_path / split / "masks/a" / f"{split}.png", [[color]])
        (tmp_path / split / "label_colors.txt").write_text("{} {} {} road\n".format(*color))
    images, problems = read(tmp_path)
    assert problems == ()
    assert [(image.name, image.split, image.label) for image in images] == [
        ("a/train.png", "train", label("1", {1: 3})),
        ("a/val.png", "val", label("1", {1: 3})),
    ]


def test_prefixes_and_suffixes_of_names_are_options(tmp_path: Path) -> None:
    save_table(tmp_path)
    save_pixels(tmp_path / "masks/d/gt_a.b_L.png", [[ROAD]])
    save_pixels(tmp_path / "masks/other.png", [[ROAD]])
    save_pixels(tmp_path / "images/d/image_a.b.png", [[BLACK]])
    values = {"map_prefix": "gt_", "map_suffix": "_L", "photo_prefix": "image_"}
    image, problems = read_one(tmp_path, ReadOptions(values=values))
    assert problems == ()
    assert (image.name, image.photo) == (
        "d/image_a.b.png",
        tmp_path / "images/d/image_a.b.png",
    )


def test_folders_of_maps_and_photographs_may_be_named(tmp_path: Path) -> None:
    save_table(tmp_path)
    save_pixels(tmp_path / "somewhere/a.png", [[ROAD]])
    save_pixels(tmp_path / "photos/a.webp", [[BLACK]])
    options = ReadOptions(labels=tmp_path / "somewhere", images=tmp_path / "photos")
    image, problems = read_one(tmp_path, options)
    assert problems == ()
    assert (image.name, image.photo) == ("a.webp", tmp_path / "photos/a.webp")


def test_two_maps_of_one_image_are_an_error(tmp_path: Path) -> None:
    save_table(tmp_path)
    for split in ("train", "val"):
        save_pixels(tmp_path / f"{split}annot/a.png", [[ROAD]])
    images, problems = read(tmp_path)
    assert (len(images), errors(problems)) == (1, ["duplicate_name"])


@pytest.mark.parametrize("inside", [None, ".", "masks"])
def test_nothing_to_read_is_an_error(tmp_path: Path, inside: str | None) -> None:
    if inside:
        (tmp_path / "x" / inside).mkdir(parents=True)
        save_table(tmp_path / "x")
    _, problems = read(tmp_path / "x")
    assert errors(problems) == ["no_images" if inside else "missing_folder"]


# Traps


def test_trap_4_a_class_in_row_zero_is_a_class(tmp_path: Path) -> None:
    save_table(tmp_path, "128 64 128 road\n")
    save_pixels(tmp_path / "a.png", [[ROAD]])
    assert read_one(tmp_path)[0].label == label("1", {1: 3})


def test_trap_6_sixteen_bits_are_refused(tmp_path: Path) -> None:
    save_table(tmp_path)
    Image.fromarray(np.zeros((2, 2), np.uint16)).save(tmp_path / "a.png")
    _, (problem,) = read_one(tmp_path)
    assert "a file of 8 bits per channel is needed, this one has 16" in problem.message


def test_trap_7_a_palette_is_read_as_the_colours_that_it_shows(tmp_path: Path) -> None:
    save_table(tmp_path)
    image = Image.fromarray(np.array([[0, 7, 9]], np.uint8))
    image.putpalette([0, 0, 0] * 7 + [*ROAD] * 2 + [*CAR])
    image.save(tmp_path / "a.png")
    assert read_one(tmp_path)[0].label == label(".12", {1: 3, 2: 4}, crowds=[2])


def test_trap_8_smoothed_edges_are_refused_and_counted(tmp_path: Path) -> None:
    save_table(tmp_path)
    small = Image.new("RGB", (16, 16), ROAD)
    small.paste(CAR, (4, 4, 9, 9))
    small.resize((40, 40), Image.Resampling.BILINEAR).save(tmp_path / "a.png")
    strange = np.asarray(Image.open(tmp_path / "a.png")).reshape(-1, 3)
    colors = {tuple(color) for color in strange.tolist()} - {ROAD, CAR}
    pixels = sum(tuple(color) in colors for color in strange.tolist())
    image, (problem,) = read_one(tmp_path)
    assert image.label is None
    message = f"{pixels} pixels have {len(colors)} colours that no class has: ("
    assert problem.message.startswith(message)
    assert (problem.code, problem.file, problem.image) == ("malformed_file", "a.png", "a.png")


def test_trap_9_red_and_blue_are_not_swapped(tmp_path: Path) -> None:
    save_table(tmp_path, "10 20 200 road\n200 20 10 car\n")
    save_pixels(tmp_path / "a.png", [[(10, 20, 200), (200, 20, 10)]])
    assert read_one(tmp_path)[0].label == label("12", {1: 3, 2: 4}, crowds=[2])


def test_trap_13_what_lies_below_is_counted(tmp_path: Path) -> None:
    layered = stack("1111", ".22.", "3...", classes={1: 3, 2: 4, 3: 4})
    report = write_all(COLOR_MAPS, tmp_path / "x", [export_image("a.png", layered)], CLASSES)
    assert dict(report.lost) == {"hidden_pixels": 3, "merged_segments": 1}


def test_trap_27_files_of_other_modes_say_the_same(tmp_path: Path) -> None:
    save_table(tmp_path, "7 7 7 road\n")
    for mode in ("RGB", "RGBA", "L", "LA"):
        save_pixels(tmp_path / f"{mode}.png", [[BLACK, (7, 7, 7)]], mode=mode)
    Image.open(tmp_path / "RGB.png").quantize(2).save(tmp_path / "P.png")
    images, problems = read(tmp_path)
    assert problems == ()
    assert [image.label for image in images] == [label(".1", {1: 3})] * 5


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(99)])
def test_a_file_that_is_no_png_is_an_error(tmp_path: Path, content: bytes) -> None:
    save_table(tmp_path)
    (tmp_path / "a.png").write_bytes(content)
    assert errors(read(tmp_path)[1]) == ["malformed_file"]
    assert list(recognise_colors(tmp_path)) == []


def test_names_that_are_no_text_are_errors(tmp_path: Path) -> None:
    save_table(tmp_path)
    save_pixels(tmp_path / "valannot/\udcff.png", [[ROAD]])
    save_pixels(tmp_path / "\udcffannot/a.png", [[ROAD]])
    images, problems = read(tmp_path)
    assert (images, errors(problems)) == ([], ["invalid_name"] * 2)


def test_transparent_pixels_are_refused(tmp_path: Path) -> None:
    save_table(tmp_path)
    Image.new("RGBA", (2, 2), (*ROAD, 128)).save(tmp_path / "a.png")
    assert "not opaque" in read_one(tmp_path)[1][0].message


# Writing


def test_the_files_of_an_export(tmp_path: Path) -> None:
    given = [
        export_image("a.png", label("1.2", {1: 4, 2: 3}), split="train"),
        export_image("d/b c.jpg", label("1.2", {1: 4, 2: 4})),
    ]
    with COLOR_MAPS.create(tmp_path / "x", CLASSES, WriteOptions(photos=True)) as writer:
        for image in given:
            writer.add(writer.encode(image), b"\xff\xd8\xff photograph")
        report = writer.close()
    assert (report.images, report.segments, report.problems) == (2, 4, ())
    assert dict(report.lost) == {"merged_segments": 1}
    root = tmp_path / "x"
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*"))
    assert files == [
        "default.txt",
        "default/d/b c.jpg",
        "defaultannot/d/b c.png",
        "label_colors.txt",
        "train.txt",
        "train/a.jpg",
        "trainannot/a.png",
    ]
    assert (root / "label_colors.txt").read_text() == TABLE
    assert (root / "train.txt").read_text() == "/train/a.jpg /trainannot/a.png\n"
    assert (root / "default.txt").read_text() == '"/default/d/b c.jpg" "/defaultannot/d/b c.png"\n'
    with Image.open(root / "trainannot/a.png") as file:
        assert file.mode == "RGB"
        assert np.asarray(file).tolist() == [[[*CAR], [*BLACK], [*ROAD]]]


GOLDEN = "ef2be1316d9eb0b9fcbb4efd0f71d3ddb2439fee76bf6bec5061afa028e48617"


def test_the_bytes_of_an_export_never_change(tmp_path: Path) -> None:
    image = export_image("a.png", label("11. 1.3", {1: 3, 3: 4}), split="val")
    write_all(COLOR_MAPS, tmp_path / "x", [image], CLASSES)
    digest = hashlib.sha256()
    for path in sorted(path for path in (tmp_path / "x").rglob("*") if path.is_file()):
        digest.update(path.relative_to(tmp_path).as_posix().encode() + path.read_bytes())
    assert digest.hexdigest() == GOLDEN


def test_classes_get_colours_of_their_own(tmp_path: Path) -> None:
    classes = (
        ExportClass(3, "road", "stuff", ROAD),
        ExportClass(4, "car", "thing", ROAD),
        ExportClass(5, "Void", "stuff", BLACK),
    )
    given = label("123", {1: 3, 2: 4, 3: 5}, crowds=[2])
    report = write_all(COLOR_MAPS, tmp_path / "x", [export_image("a.png", given)], classes)
    assert [(p.code, p.severity, p.file) for p in report.problems] == [
        ("changed_color", "warning", "label_colors.txt")
    ] * 2
    assert "class car" in report.problems[0].message
    binding = {**BINDING, "Void": BoundClass(5, "stuff")}
    (image,), problems = read_all(COLOR_MAPS, tmp_path / "x", None, binding)
    assert (image.label, problems) == (given, ())


@pytest.mark.parametrize("name", ["a\nb", " a", "a ", ""])
def test_a_name_that_a_table_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnwritableClass, match="cannot stand in label_colors"):
        write_all(COLOR_MAPS, tmp_path / "x", [], (ExportClass(1, name, "thing", (1, 1, 1)),))
    assert not list(tmp_path.iterdir())


def test_unlabelled_images_and_fields_are_counted(tmp_path: Path) -> None:
    given = label("1", {1: 3}, scores={1: 0.5}, track_ids={1: 7})
    images = [export_image("a.png", None), export_image("b.png", given)]
    report = write_all(COLOR_MAPS, tmp_path / "x", images, CLASSES)
    assert dict(report.lost) == {"unlabelled_images": 1, "fields": 2}


def test_a_class_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    image = export_image("a.png", label("1", {1: 9}))
    with pytest.raises(UnknownClass, match="image a.png, segment 1: unknown class 9"):  # noqa: RUF043
        write_all(COLOR_MAPS, tmp_path / "x", [image], CLASSES)


# Recognition and real files


def test_it_is_recognised_by_its_table_and_maps(tmp_path: Path) -> None:
    save_table(tmp_path / "set")
    save_pixels(tmp_path / "set/masks/a.png", [[ROAD]])
    (found,) = recognise_colors(tmp_path)
    assert found == (tmp_path / "set", "masks/a.png beside label_colors.txt")


@pytest.mark.parametrize("layout", ["voc", "below", "grey"])
def test_other_folders_with_a_table_are_not_taken_for_it(tmp_path: Path, layout: str) -> None:
    if layout == "voc":
        (tmp_path / "labelmap.txt").write_text("road:128,64,128::\n")
        save_pixels(tmp_path / "SegmentationClass/a.png", [[ROAD]])
    elif layout == "below":
        save_table(tmp_path)
        save_pixels(tmp_path / "training/semantic/a.png", [[ROAD]])
    else:
        save_table(tmp_path)
        save_pixels(tmp_path / "a.png", [[(7, 7, 7)]], mode="L")
    assert list(recognise_colors(tmp_path)) == []


def test_the_real_camvid_files_of_datumaro() -> None:
    folder = real_data("datumaro_assets/camvid_dataset")
    binding, _ = bind_all(COLOR_MAPS, folder)
    names = names_of(folder, binding)
    assert {name: image[0] for name, image in names.items()} == {
        "0001TP_006690.png": "train",
        "0016E5_07959.png": "val",
        "0001TP_008550.png": "test",
        "0001TP_008580.png": "test",
    }
    assert names["0001TP_006690.png"][1] == {"Bicyclist", "Road"}
    assert names["0016E5_07959.png"][1] == {"Animal", "Child"}
    assert names["0001TP_008580.png"][1] == {"Bridge", "Archway", "Tree"}
    assert [found.path for found in recognise_colors(folder)] == [folder]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("dataset", {}, {"0001.png": {"Bicyclist", "Road"}, "0002.png": {"Animal", "Child"}}),
        (
            "non_standard_dataset",
            {"map_prefix": "gt_", "photo_prefix": "image_"},
            {
                "image_0001.png": {"Bicyclist", "Road"},
                "image_0002.png": {"Animal", "Road", "SignSymbol"},
            },
        ),
    ],
)
def test_the_real_semantic_segmentation_files_of_datumaro(
    name: str, options: dict[str, str], expected: dict[str, set[str]]
) -> None:
    folder = real_data("datumaro_assets/common_semantic_segmentation_dataset") / name
    binding, _ = bind_all(COLOR_MAPS, folder)
    names = names_of(folder, binding, ReadOptions(values=options))
    assert {name: image[1] for name, image in names.items()} == expected
    assert [found.path for found in recognise_colors(folder)] == [folder]


@pytest.mark.parametrize("name", ["rand_custom_labelmap", "rand_meta_file"])
def test_the_real_synthia_files_of_datumaro_with_a_table(name: str) -> None:
    folder = real_data("datumaro_assets/synthia_dataset") / name
    binding, _ = bind_all(COLOR_MAPS, folder)
    names = names_of(folder, binding)
    assert names["000000.png"][1] == {"sky", "road"}
    assert names["000001.png"][1] == {"building", "person", "road"}
    assert [found.path for found in recognise_colors(folder)] == [folder]


@pytest.mark.parametrize("name", ["rand", "al", "sf"])
def test_the_real_synthia_files_without_a_table_ask_for_one(name: str) -> None:
    folder = real_data("datumaro_assets/synthia_dataset") / name
    images, problems = read(folder)
    assert len(images) == 2
    assert all("there is no table of colours" in problem.message for problem in problems)


def save_table(root: Path, content: str = TABLE) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "label_colors.txt").write_text(content)


def names_of(
    folder: Path, binding: Binding, options: ReadOptions | None = None
) -> dict[str, tuple[str | None, set[str]]]:
    """Split and names of the classes of every image; every photograph is there."""
    names = {bound.class_id: str(name) for name, bound in binding.items()}
    images, problems = read_all(COLOR_MAPS, folder, options, binding)
    assert problems == ()
    assert all(image.photo for image in images)
    return {
        image.name: (image.split, {names[row.class_id] for row in image.label.segments})
        for image in images
        if image.label
    }
