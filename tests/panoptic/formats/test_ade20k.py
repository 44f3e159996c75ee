"""The full ADE20K: classes in red and green, instances in blue, parts, full masks, tables."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from panoptic.formats.ade20k.format import ADE20K
from panoptic.formats.ade20k.tree import SCHEME
from panoptic.formats.base import Binding, BoundClass, FileClass, LabelledImage, ReadOptions
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.problems import Problem
from panoptic.label import Segment, segment_mask
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tests.builders import label, stack
from tests.laws import examples
from tests.panoptic.formats.files import errors, panoptic_json, read_all, write_panoptic
from tests.real_data import real_data

CAR, DOOR, PERSON, RIM, SKY = 401, 774, 1831, 2122, 2420
NAMES = {
    CAR: "car, auto, automobile, machine, motorcar",
    DOOR: "door",
    PERSON: "person, individual, someone, somebody, mortal, soul",
    RIM: "rim",
    SKY: "sky",
}
# Other numbers than in the files, so that a mix-up shows.
BINDING: Binding = {
    0: BoundClass(5, "thing"),
    CAR: BoundClass(1, "thing"),
    DOOR: BoundClass(2, "thing"),
    PERSON: BoundClass(3, "thing"),
    RIM: BoundClass(4, "thing"),
    SKY: BoundClass(9, "stuff"),
}
PARTS = ReadOptions(values={"parts": "yes"})
FLOOR = ReadOptions(values={"red": "floor"})
BOTH = ReadOptions(values={"parts": "yes", "red": "floor"})

Codes = Mapping[str, tuple[int, int]]


class Scene:
    """One image of a tree, drawn: signs stand for (class index, marker)."""

    def __init__(self, root: Path, stem: str = "training/street/a") -> None:
        self.root = root
        self.base = root / stem
        self.base.parent.mkdir(parents=True, exist_ok=True)

    def picture(self, drawing: str, codes: Codes, kind: str = "seg") -> Scene:
        rows = [[codes.get(sign, (0, 0)) for sign in row] for row in drawing.split()]
        pixels = [
            [(index // 256 * 10, index % 256, marker) for index, marker in row] for row in rows
        ]
        return self.pixels(pixels, kind)

    def pixels(self, pixels: Any, kind: str = "seg", mode: str = "RGB") -> Scene:
        picture = Image.fromarray(np.array(pixels, np.uint8))
        picture.convert(mode).save(self.path(f"_{kind}.png"))
        return self

    def lines(self, *lines: str, encoding: str = "utf-8") -> Scene:
        self.path("_atr.txt").write_bytes("\n".join(lines).encode(encoding))
        return self

    def objects(self, *objects: Mapping[str, Any], encoding: str = "utf-8") -> Scene:
        text = json.dumps({"annotation": {"object": objects}}, ensure_ascii=False)
        self.path(".json").write_bytes(text.encode(encoding))
        return self

    def mask(self, number: int, drawing: str, **fields: Any) -> dict[str, Any]:
        """An object with a mask: '#' is seen, 'o' is hidden."""
        values = {"#": 255, "o": 128}
        plane = [[values.get(sign, 0) for sign in row] for row in drawing.split()]
        return self.mask_of(number, np.array(plane, np.uint8), **fields)

    def mask_of(self, number: int, plane: NDArray[np.uint8], **fields: Any) -> dict[str, Any]:
        self.base.mkdir(exist_ok=True)
        name = f"instance_{number:03d}_{self.base.name}.png"
        Image.fromarray(plane).save(self.base / name)
        return entry(number, instance_mask=f"{self.base.name}/{name}", **fields)

    def photo(self, height: int, width: int) -> Scene:
        Image.new("RGB", (width, height)).save(self.path(".jpg"))
        return self

    def path(self, end: str) -> Path:
        return self.base.with_name(self.base.name + end)

    def read(self, binding: Binding = BINDING, options: ReadOptions | None = None) -> LabelledImage:
        (image,), problems = self.read_all(binding, options)
        assert problems == ()
        return image

    def read_all(
        self, binding: Binding = BINDING, options: ReadOptions | None = None
    ) -> tuple[list[LabelledImage], tuple[Problem, ...]]:
        return read_all(ADE20K, self.root, options, binding)

    def codes(self, binding: Binding = BINDING, options: ReadOptions | None = None) -> list[str]:
        return [problem.code for problem in self.read_all(binding, options)[1]]


def entry(number: int, index: int = CAR, level: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": NAMES[index],
        "name_ndx": index,
        "parts": {"part_level": level},
        **fields,
    }


def line(number: int, index: int, level: int = 0, occluded: int = 0, words: str = "") -> str:
    name = NAMES[index]
    return f'{number:03d} # {level} # {occluded} # {name} # {name.split(",")[0]} # "{words}"'


def view(image: LabelledImage) -> Any:
    """The ids that are seen."""
    assert image.label is not None
    return decode_runs(panoptic_runs(image.label)).tolist()


def mask(image: LabelledImage, segment_id: int) -> Any:
    """The full mask of a segment."""
    assert image.label is not None
    return decode_runs(segment_mask(image.label, segment_id)).tolist()


def rows_of(image: LabelledImage) -> dict[int, Segment]:
    assert image.label is not None
    return {row.segment_id: row for row in image.label.segments}


def classes_of(root: Path, options: ReadOptions | None = None) -> dict[int | str, FileClass]:
    with ADE20K.open(root, options or ReadOptions()) as source:
        assert source.scheme == SCHEME
        return {each.external_id: each for each in source.classes}


# Pixels and lines of 2016 and 2017


def test_golden_pixels_and_lines(tmp_path: Path) -> None:
    person, car, sky, crowd = [70, 39, 51], [10, 145, 102], [90, 116, 204], [70, 39, 0]
    void = [0, 0, 0]
    scene = Scene(tmp_path).pixels([[person, person, car, void], [sky, crowd, car, sky]])
    scene.lines(
        f'001 # 0 # 1 # {NAMES[PERSON]} # woman # "walking, tall"',
        '002 # 0 # 0 # car, auto, automobile, machine, motorcar # car # ""',
        '003 # 0 # 0 # sky # sky # ""',
    ).photo(2, 4)
    image = scene.read()
    assert view(image) == [[1, 1, 2, 0], [3, 2831, 2, 3]]
    rows = rows_of(image)
    assert rows[1].attributes == {
        "occluded": True,
        "raw_name": "woman",
        "attributes": ["walking", "tall"],
    }
    assert [(row.class_id, row.crowd) for row in rows.values()] == [
        (3, False),
        (1, False),
        (9, False),
        (3, True),
    ]
    assert (image.name, image.split, image.photo) == ("street/a.jpg", "train", scene.path(".jpg"))


def test_markers_mean_nothing_but_their_order(tmp_path: Path) -> None:
    codes = {"1": (CAR, 200), "2": (CAR, 7), "3": (PERSON, 255)}
    scene = Scene(tmp_path).picture("1233", codes)
    scene.lines(line(1, CAR), line(2, CAR), line(3, PERSON))
    image = scene.read()
    assert view(image) == [[2, 1, 3, 3]]


def test_names_of_indices_are_learned_from_the_pictures(tmp_path: Path) -> None:
    Scene(tmp_path).picture("12", {"1": (SKY, 9), "2": (CAR, 3)}).lines(line(1, CAR), line(2, SKY))
    classes = classes_of(tmp_path)
    assert {index: (each.name, each.kind) for index, each in classes.items()} == {
        CAR: (NAMES[CAR], "thing"),
        SKY: ("sky", "stuff"),
    }
    assert classes[SKY].color == (6, 230, 230)


def test_an_image_with_a_hidden_object_names_no_class(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("12", {"1": (SKY, 9), "2": (CAR, 3)})
    scene.lines(line(1, PERSON), line(2, CAR), line(3, SKY))
    assert classes_of(tmp_path) == {}
    Scene(tmp_path, "training/street/b").picture("12", {"1": (SKY, 9), "2": (CAR, 3)}).lines(
        line(1, CAR), line(2, SKY)
    )
    (first, _), problems = scene.read_all()
    assert [(p.code, p.severity) for p in problems] == [
        ("unmatched_ids", "warning"),
        ("empty_segment", "warning"),
    ]
    assert "the lines of 1, 2 are missing or tell of another class" in problems[0].message
    assert first.label == label("21", {1: 1, 2: 9})


def test_an_index_of_two_names_is_reported_and_the_first_counts(tmp_path: Path) -> None:
    Scene(tmp_path, "a").picture("1", {"1": (CAR, 1)}).objects(entry(0, CAR))
    Scene(tmp_path, "b").picture("1", {"1": (CAR, 1)}).objects({**entry(0, CAR), "name": "tram"})
    with ADE20K.open(tmp_path, ReadOptions()) as source:
        (problem,) = source.problems
    assert (problem.code, problem.file, problem.severity) == ("two_names", "b.json", "warning")
    assert problem.message == f"class 401 is 'tram' here and {NAMES[CAR]!r} in a.json, which counts"
    assert classes_of(tmp_path)[CAR].name == NAMES[CAR]


def test_two_indices_of_one_name_are_told_apart(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("1", {"1": (CAR, 1)})
    scene.objects(entry(0, DOOR), {**entry(1, CAR), "name": "door"})
    assert [each.name for each in classes_of(tmp_path).values()] == ["door", "door (774)"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_tables_that_are_no_utf8_are_read_as_latin_1(tmp_path: Path, encoding: str) -> None:
    scene = Scene(tmp_path).picture("1", {"1": (CAR, 1)})
    scene.lines('1 # 0 # 0 # café # café # ""', encoding=encoding)
    assert classes_of(tmp_path)[CAR].name == "café"
    scene.objects({**entry(0, CAR), "name": "naïve"}, encoding=encoding)
    assert classes_of(tmp_path)[CAR].name == "naïve"


def test_stuff_with_instances_is_one_segment(tmp_path: Path) -> None:
    codes = {"1": (SKY, 1), "2": (SKY, 2), "3": (SKY, 0), "4": (CAR, 9)}
    scene = Scene(tmp_path).picture("1243", codes)
    scene.lines(line(1, SKY), line(2, SKY), line(3, CAR))
    (image,), (problem,) = scene.read_all()
    assert (problem.code, problem.severity) == ("joined_stuff", "warning")
    assert view(image) == [[1, 1, 3, 1]]
    # What was said of one of them is not true of all.
    assert rows_of(image)[1].attributes == {}


def test_pixels_of_a_second_class_count_as_that_class(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("1112", {"1": (CAR, 6), "2": (DOOR, 6)})
    scene.lines(line(1, CAR))
    (image,), (problem,) = scene.read_all()
    assert (problem.code, problem.severity) == ("mixed_instance", "warning")
    assert "instances 1 (1 pixels)" in problem.message
    assert view(image) == [[1, 1, 1, 1000 + DOOR]]
    assert rows_of(image)[1000 + DOOR].crowd


# The tree


def test_names_and_splits_come_from_the_folders(tmp_path: Path) -> None:
    for stem in ("images/ADE/validation/urban/street/b.c", "images/training/a", "x/d"):
        Scene(tmp_path, stem).picture("1", {"1": (CAR, 1)}).lines(line(1, CAR))
    images, problems = read_all(ADE20K, tmp_path, None, BINDING)
    assert problems == ()
    assert [(image.name, image.split) for image in images] == [
        ("a.jpg", "train"),
        ("urban/street/b.c.jpg", "val"),
        ("x/d.jpg", None),
    ]


def test_full_masks_are_no_photographs(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("11", {"1": (CAR, 1)})
    scene.objects(scene.mask(0, "##"))
    (tmp_path / "elsewhere").mkdir()
    Image.new("L", (1, 1)).save(tmp_path / "elsewhere" / "instance_000_a.png")
    assert scene.read().name == "street/a.jpg"


def test_trap_19_missing_partners_are_told(tmp_path: Path) -> None:
    Scene(tmp_path, "a").photo(2, 3)
    Scene(tmp_path, "b").photo(1, 1).lines(line(1, CAR))
    Scene(tmp_path, "c").picture("1", {"1": (CAR, 1)})
    (photo, table, picture), problems = read_all(ADE20K, tmp_path, None, BINDING)
    assert (photo.label, photo.height, photo.width) == (None, 2, 3)
    assert table.label is None
    assert picture.label == label("1", {1: 1})
    assert [(p.code, p.file, p.severity) for p in problems] == [
        ("malformed_file", "b_atr.txt", "error"),
        ("missing_file", "c_seg.png", "warning"),
    ]
    assert problems[0].message == "the picture _seg.png of its objects is missing"


def test_trap_15_and_16_a_photograph_of_another_size_is_refused(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "a.b").picture("111 111", {"1": (CAR, 1)}).lines(line(1, CAR))
    scene.photo(3, 2)
    (image,), (problem,) = scene.read_all()
    assert (image.name, image.label, problem.code) == ("a.b.jpg", None, "photo_size_mismatch")


@pytest.mark.parametrize("depth", [0, 3])
def test_it_is_known_by_its_files(tmp_path: Path, depth: int) -> None:
    stem = "/".join([*"xyz"[:depth], "a"])
    scene = Scene(tmp_path, stem).picture("1", {"1": (CAR, 1)})
    assert list(ADE20K.recognise(tmp_path)) == []
    scene.lines(line(1, CAR))
    (found,) = ADE20K.recognise(tmp_path)
    assert found.path == tmp_path
    assert found.reason == f"{stem}_seg.png beside a_atr.txt"
    assert list(ADE20K.recognise(tmp_path / "nowhere")) == []


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    assert errors(read_all(ADE20K, tmp_path)[1]) == ["no_images"]


# Parts


def parts_scene(root: Path) -> Scene:
    scene = Scene(root).picture("1112 .112", {"1": (CAR, 1), "2": (PERSON, 2)})
    scene.picture(".3.. .34.", {"3": (DOOR, 8), "4": (DOOR, 9)}, "parts_1")
    scene.picture(".... .5..", {"5": (RIM, 1)}, "parts_2")
    return scene.lines(
        line(1, CAR),
        line(2, PERSON),
        line(1, DOOR, level=1),
        line(2, DOOR, level=1, occluded=1),
        line(1, RIM, level=2),
    )


def test_parts_are_left_out_and_counted(tmp_path: Path) -> None:
    (image,), (problem,) = parts_scene(tmp_path).read_all()
    assert view(image) == [[1, 1, 1, 2], [0, 1, 1, 2]]
    assert (problem.code, problem.severity) == ("parts_left_out", "warning")
    assert problem.message == "parts of objects left out: 3; parts=yes reads them"
    assert classes_of(tmp_path).keys() == {CAR, PERSON}


def test_parts_lie_above_their_objects_and_name_them(tmp_path: Path) -> None:
    image = parts_scene(tmp_path).read(options=PARTS)
    assert view(image) == [
        [1, 10001, 1, 2],
        [0, 20001, 10002, 2],
    ]
    assert mask(image, 1) == [[1, 1, 1, 0], [0, 1, 1, 0]]
    assert image.label is not None
    assert len(image.label.layers) == 3
    rows = {row.segment_id: row.attributes for row in rows_of(image).values()}
    assert rows[10002] == {"occluded": True, "raw_name": "door", "part_of": 1, "part_level": 1}
    assert rows[20001]["part_of"] == 10001
    assert "part_of" not in rows[1]
    assert classes_of(tmp_path, PARTS).keys() == {CAR, PERSON, DOOR, RIM}


def test_parts_without_a_picture_are_told(tmp_path: Path) -> None:
    scene = parts_scene(tmp_path)
    scene.path("_parts_1.png").unlink()
    (image,), (problem,) = scene.read_all(options=PARTS)
    assert view(image) == [[1, 1, 1, 2], [0, 20001, 1, 2]]
    assert (problem.code, problem.file, problem.severity) == (
        "missing_file",
        "a_atr.txt",
        "warning",
    )
    assert problem.message.startswith("it has parts of level 1, of which there is no picture")
    assert rows_of(image)[20001].attributes["part_of"] == 1


def test_parts_of_another_size_are_refused(tmp_path: Path) -> None:
    scene = parts_scene(tmp_path).picture("3", {"3": (DOOR, 8)}, "parts_1")
    (image,), problems = scene.read_all(options=PARTS)
    assert image.label is None
    assert [(p.code, p.file) for p in problems] == [("malformed_file", "a_parts_1.png")]


# Full masks of 2020 and 2021


def test_hidden_parts_stay_below_those_that_hide_them(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("1122. 1122.", {"1": (CAR, 10), "2": (PERSON, 20)})
    scene.objects(
        scene.mask(4, "##oo. ##oo.", crop=1, occluded="yes", raw_name="Car", attributes=["red"]),
        scene.mask(7, "..##. ..##.", index=PERSON, crop=0, occluded="no", attributes=[]),
    )
    image = scene.read()
    assert image.label == stack(
        "1111. 1111.",
        "..22. ..22.",
        classes={1: 1, 2: 3},
        attributes={
            1: {
                "occluded": True,
                "crop": True,
                "attributes": ["red"],
                "raw_name": "Car",
                "object_id": 4,
            },
            2: {"occluded": False, "crop": False, "object_id": 7},
        },
    )
    assert (image.hidden_pixels, image.lost_pixels) == (4, 0)


def test_objects_are_matched_by_pixels_not_by_their_order(tmp_path: Path) -> None:
    codes = {"1": (CAR, 1), "2": (CAR, 2), "3": (DOOR, 3)}
    scene = Scene(tmp_path).picture("11223", codes)
    scene.objects(
        scene.mask(0, "....#", index=DOOR), scene.mask(1, "..##."), scene.mask(2, "##...")
    )
    image = scene.read()
    ids = {row.segment_id: row.attributes["object_id"] for row in rows_of(image).values()}
    assert ids == {1: 2, 2: 1, 3: 0}


def test_masks_of_0_and_1_are_full_masks(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("1122", {"1": (CAR, 1), "2": (PERSON, 2)})
    scene.objects(
        scene.mask_of(0, np.array([[1, 1, 1, 0]], np.uint8)),
        scene.mask_of(1, np.array([[0, 0, 1, 1]], np.uint8), index=PERSON),
    )
    image = scene.read()
    assert mask(image, 1) == [[1, 1, 1, 0]]
    assert view(image) == [[1, 1, 2, 2]]


def test_the_picture_says_what_is_visible_and_a_difference_is_reported(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("1122", {"1": (CAR, 1), "2": (PERSON, 2)})
    scene.objects(scene.mask(5, "###."), scene.mask(6, "..##", index=PERSON))
    (image,), (problem,) = scene.read_all()
    assert (problem.code, problem.file, problem.severity) == (
        "visible_mismatch",
        "a.json",
        "warning",
    )
    assert "objects 5 (1 pixels)" in problem.message
    assert view(image) == [[1, 1, 2, 2]]
    assert mask(image, 1) == [[1, 1, 1, 0]]


def test_hidden_pixels_that_nothing_hides_are_left_out(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("11..", {"1": (CAR, 1)})
    scene.objects(scene.mask(0, "##o."))
    (image,), (problem,) = scene.read_all()
    assert problem.code == "hidden_pixels_left_out"
    assert problem.message.startswith("1 hidden pixels")
    assert view(image) == [[1, 1, 0, 0]]


def test_two_that_hide_each_other_show_what_the_picture_shows(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("1122 1112", {"1": (CAR, 1), "2": (PERSON, 2)})
    scene.objects(
        scene.mask(0, "##o. ###."),
        scene.mask(1, ".o## .oo#", index=PERSON),
    )
    (image,), problems = scene.read_all()
    assert [problem.code for problem in problems] == ["hidden_pixels_left_out"]
    assert view(image) == [[1, 1, 2, 2], [1, 1, 1, 2]]
    # The person has more hidden pixels, so that lies below.
    assert mask(image, 1) == [[1, 1, 0, 0], [1, 1, 1, 0]]
    assert mask(image, 2) == [[0, 1, 1, 1], [0, 1, 1, 1]]


def test_things_lose_what_stuff_hides(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("1199", {"1": (CAR, 1), "9": (SKY, 2)})
    scene.objects(scene.mask(0, "##o."), scene.mask(1, "..##", index=SKY))
    image = scene.read()
    assert image.lost_pixels == 1
    assert mask(image, 1) == [[1, 1, 0, 0]]


def test_an_object_without_a_visible_pixel_is_kept(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("111", {"1": (CAR, 1)})
    scene.objects(scene.mask(0, "###"), scene.mask(1, ".oo", index=DOOR))
    image = scene.read()
    assert rows_of(image)[8000].attributes == {"object_id": 1}
    assert mask(image, 8000) == [[0, 1, 1]]
    assert image.hidden_pixels == 2


def test_an_object_that_the_picture_shows_as_another_class_is_hidden(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("11", {"1": (CAR, 1)})
    scene.objects(scene.mask(3, "##", index=DOOR), scene.mask(4, "##"))
    (image,), (problem,) = scene.read_all()
    assert problem.code == "visible_mismatch"
    assert "objects 3 (2 pixels)" in problem.message
    assert view(image) == [[1, 1]]
    ids = {key: row.attributes["object_id"] for key, row in rows_of(image).items()}
    assert ids == {1: 4, 8000: 3}


def test_an_instance_is_one_object(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("111", {"1": (CAR, 1)})
    scene.objects(scene.mask(3, "##."), scene.mask(4, "###"))
    (image,), (problem,) = scene.read_all()
    assert "objects 3 (2 pixels)" in problem.message
    ids = {key: row.attributes["object_id"] for key, row in rows_of(image).items()}
    assert ids == {1: 4, 8000: 3}


def test_objects_without_markers_share_the_region_of_their_class(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("1111", {"1": (CAR, 0)})
    scene.objects(scene.mask(0, "##.."), scene.mask(1, "..##"))
    image = scene.read()
    (row,) = rows_of(image).values()
    assert (row.segment_id, row.crowd, row.attributes) == (1000 + CAR, True, {})


def test_objects_without_a_mask_or_with_an_empty_one_are_told(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("11", {"1": (CAR, 1)})
    scene.objects(entry(0), entry(1, instance_mask="a/none.png"), scene.mask(2, ".."))
    (image,), problems = scene.read_all()
    assert image.label == label("11", {1: 1})
    assert [(problem.code, problem.severity) for problem in problems] == [
        ("missing_file", "warning"),
        ("empty_segment", "warning"),
    ]


@pytest.mark.parametrize("value", [2, 127, 129, 254])
def test_other_values_in_a_mask_are_refused(tmp_path: Path, value: int) -> None:
    scene = Scene(tmp_path).picture("11", {"1": (CAR, 1)})
    scene.objects(scene.mask_of(0, np.array([[255, value]], np.uint8)))
    (image,), (problem,) = scene.read_all()
    assert image.label is None
    assert problem.file == "a/instance_000_a.png"
    assert problem.message == f"a mask has 0, 128 and 255, or 0 and 1, but not {value}"


def test_masks_come_back_as_they_lie_above_each_other(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Of any pile of things every pixel is known again, hidden or not."""

    @examples(40)
    @given(
        pile=st.lists(
            st.integers(1, 2**12 - 1).map(
                lambda bits: np.array([bits >> k & 1 for k in range(12)], bool).reshape(3, 4)
            ),
            min_size=1,
            max_size=4,
        )
    )
    def law(pile: list[NDArray[np.bool_]]) -> None:
        scene = Scene(tmp_path_factory.mktemp("pile"))
        seen = np.zeros((3, 4), np.uint8)
        for number, each in enumerate(pile, 1):
            seen[each] = number
        pixels = np.zeros((3, 4, 3), np.uint8)
        pixels[seen > 0] = (CAR // 256 * 10, CAR % 256, 0)
        pixels[..., 2] = seen * 60
        scene.pixels(pixels).objects(
            *(
                scene.mask_of(number, np.where(seen == number, 255, each * 128).astype(np.uint8))
                for number, each in enumerate(pile, 1)
            )
        )
        image = scene.read()
        objects = {key: row.attributes["object_id"] for key, row in rows_of(image).items()}
        numbers = [[objects.get(segment_id, 0) for segment_id in row] for row in view(image)]
        assert numbers == seen.tolist()
        full = {number: mask(image, segment_id) for segment_id, number in objects.items()}
        assert full == {number: each.tolist() for number, each in enumerate(pile, 1)}

    law()


# Traps and hostile files


def test_trap_02_the_panoptic_json_of_maskformer_repeats_ids_and_is_refused(
    tmp_path: Path,
) -> None:
    """Two stuff classes of one colour got one segment id in its conversion of ADE20K."""
    content = panoptic_json({"a.jpg": "11"}, {1: 1})
    segments = content["annotations"][0]["segments_info"]
    segments.append({**segments[0], "category_id": 200})
    path = write_panoptic(tmp_path, content, {"a.jpg": "11"})
    (image,), problems = read_all(COCO_PANOPTIC, path)
    assert image.label is None
    assert errors(problems) == ["duplicate_id"]


@pytest.mark.parametrize("table", ["lines", "objects"])
def test_trap_02_an_object_that_is_described_twice_is_refused(tmp_path: Path, table: str) -> None:
    scene = Scene(tmp_path).picture("1", {"1": (CAR, 1)})
    if table == "lines":
        scene.lines(line(1, CAR), line(1, DOOR))
    else:
        scene.objects(entry(1), entry(1, DOOR))
    (image,), (problem,) = scene.read_all()
    assert (image.label, problem.message) == (None, "it describes 1 more than once")


def test_trap_04_class_0_with_an_instance_is_a_class(tmp_path: Path) -> None:
    scene = Scene(tmp_path).picture("0.", {"0": (0, 5)}).objects({**entry(0), "name_ndx": 0})
    (image,), _ = scene.read_all()
    assert image.label == label("1.", {1: 5})
    assert classes_of(tmp_path).keys() == {0}


@pytest.mark.parametrize("index", [254, 255, 256, 257, 511, 512, 3687])
def test_trap_05_and_25_an_index_is_red_and_green(tmp_path: Path, index: int) -> None:
    scene = (
        Scene(tmp_path).picture("1", {"1": (index, 255)}).objects({**entry(0), "name_ndx": index})
    )
    (image,), _ = scene.read_all({index: BoundClass(7, "thing")})
    assert image.label == label("1", {1: 7})


@pytest.mark.parametrize("mode", ["L", "P"])
def test_trap_07_pictures_without_colours_are_refused(tmp_path: Path, mode: str) -> None:
    scene = Scene(tmp_path).lines(line(1, CAR))
    Image.fromarray(np.full((1, 1), 10, np.uint8)).convert(mode).save(scene.path("_seg.png"))
    (image,), (problem,) = scene.read_all()
    assert image.label is None
    assert problem.message == f"an RGB file is needed, this one is of mode {mode}"


@pytest.mark.parametrize("red", [1, 15, 19, 255])
def test_trap_08_a_red_that_is_no_multiple_of_10_is_refused(tmp_path: Path, red: int) -> None:
    scene = (
        Scene(tmp_path)
        .pixels([[[red, 3, 1], [10, 145, 1]]])
        .objects({**entry(0), "name_ndx": red // 10 * 256 + 3}, entry(1))
    )
    (image,), (problem,) = scene.read_all()
    assert (image.label, problem.code, problem.file) == (None, "malformed_file", "a_seg.png")
    assert f"1 pixels have a red of {red}, which is no multiple of 10" in problem.message
    index = red // 10 * 256 + 3
    (image,), _ = scene.read_all(
        {CAR: BoundClass(1, "thing"), index: BoundClass(7, "thing")}, FLOOR
    )
    assert 7 in [row.class_id for row in rows_of(image).values()]


def test_trap_08_classes_that_nobody_names_are_refused_with_their_count(tmp_path: Path) -> None:
    codes = {"1": (CAR, 1), "2": (3000, 2), "3": (3000, 3)}
    scene = Scene(tmp_path).picture("123", codes).lines(line(1, CAR))
    (image,), problems = scene.read_all()
    assert image.label is None
    assert [p.message for p in problems if p.severity == "error"] == [
        "class 3000 of 2 segments is not declared"
    ]


def test_trap_20_the_class_of_the_pixels_counts_not_that_of_the_line(tmp_path: Path) -> None:
    Scene(tmp_path, "a").picture("1", {"1": (CAR, 1)}).lines(line(1, CAR))
    Scene(tmp_path, "b").picture("1", {"1": (DOOR, 1)}).lines(line(1, DOOR))
    scene = Scene(tmp_path, "c").picture("1", {"1": (DOOR, 1)}).lines(line(1, CAR, occluded=1))
    (_, _, image), (problem,) = scene.read_all()
    assert image.label == label("1", {1: 2})
    assert (problem.code, problem.image, problem.severity) == ("unmatched_ids", "c.jpg", "warning")


def test_trap_24_codes_are_no_arithmetic_of_8_bits(tmp_path: Path) -> None:
    scene = Scene(tmp_path).pixels([[[250, 255, 255]]]).objects({**entry(0), "name_ndx": 6655})
    (image,), _ = scene.read_all({6655: BoundClass(7, "thing")})
    assert image.label == label("1", {1: 7})


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a\\b.png", "x\0.png", "c:/x"])
def test_trap_26_a_mask_outside_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    scene = Scene(tmp_path).picture("1", {"1": (CAR, 1)}).objects(entry(0, instance_mask=name))
    (image,), (problem,) = scene.read_all()
    assert (image.label, problem.code, problem.file) == (None, "invalid_name", "a.json")


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_trap_27_masks_and_pictures_of_several_modes_are_read_alike(
    tmp_path: Path, mode: str
) -> None:
    scene = Scene(tmp_path)
    scene.pixels([[[10, 145, 1], [0, 0, 0]]], mode="RGBA")
    scene.objects(scene.mask(0, "#."))
    path = scene.base / "instance_000_a.png"
    plane = np.array([[1, 0]], np.uint8)
    image = Image.fromarray(plane * 255).convert("1") if mode == "1" else Image.fromarray(plane)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(path)
    assert scene.read().label is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"annotation": 3}',
        '{"annotation": {"object": 3}}',
        '{"annotation": {"object": [3]}}',
        "[" * 100_000,
    ],
)
def test_json_of_another_shape_is_a_problem_of_the_image(tmp_path: Path, text: str) -> None:
    scene = Scene(tmp_path).picture("1", {"1": (CAR, 1)})
    scene.path(".json").write_text(text)
    (image,), (problem,) = scene.read_all()
    assert image.label is None
    assert (problem.code, problem.file, problem.image) == (
        "malformed_file",
        "a.json",
        "street/a.jpg",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "a"},
        {"id": 2**53},
        {"name": " "},
        {"name": ["x"]},
        {"name": "\ud800"},
        {"raw_name": "\ud800"},
        {"name_ndx": -1},
        {"name_ndx": 6656},
        {"name_ndx": True},
        {"parts": 3},
        {"parts": {"part_level": 10}},
        {"attributes": 3},
    ],
)
def test_an_object_of_another_shape_is_a_problem_of_the_image(
    tmp_path: Path, fields: Mapping[str, Any]
) -> None:
    scene = Scene(tmp_path).picture("1", {"1": (CAR, 1)})
    content = {"annotation": {"object": [{**entry(0), **fields}]}}
    scene.path(".json").write_text(json.dumps(content))
    (image,), (problem,) = scene.read_all()
    assert (image.label, problem.code, problem.file) == (None, "malformed_file", "a.json")


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "1 # 0 # 0 # car # car",
        "a # 0 # 0 # car # car #",
        "1 # 10 # 0 # car # car #",
        "1#0#0###",
    ],
)
def test_lines_of_another_shape_are_a_problem_of_the_image(tmp_path: Path, text: str) -> None:
    scene = Scene(tmp_path).picture("1", {"1": (CAR, 1)}).lines(line(1, CAR), text)
    (image,), (problem,) = scene.read_all()
    assert (image.label, problem.code, problem.file) == (None, "malformed_file", "a_atr.txt")


def test_a_huge_table_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("panoptic.formats.ade20k.tables.MAX_TABLE_BYTES", 10)
    scene = Scene(tmp_path).picture("1", {"1": (CAR, 1)}).lines(line(1, CAR))
    assert scene.codes() == ["too_large"]


@pytest.mark.parametrize(
    ("limit", "what"),
    [("MAX_UNSEEN", "without a visible pixel"), ("MAX_RUNS", "runs in the masks")],
)
def test_more_masks_than_memory_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, what: str
) -> None:
    monkeypatch.setattr(f"panoptic.formats.ade20k.objects.{limit}", 1)
    scene = Scene(tmp_path).picture("11", {"1": (CAR, 1)})
    scene.objects(scene.mask(0, "##"), scene.mask(1, ".o"), scene.mask(2, ".o"))
    (image,), (problem,) = scene.read_all()
    assert (image.label, problem.code) == (None, "too_large")
    assert what in problem.message


@pytest.mark.parametrize("kind", ["_seg.png", "_parts_1.png"])
def test_truncated_pictures_are_problems(tmp_path: Path, kind: str) -> None:
    scene = parts_scene(tmp_path)
    path = scene.path(kind)
    path.write_bytes(path.read_bytes()[:-20])
    (image,), problems = scene.read_all(options=PARTS)
    assert image.label is None
    assert ("malformed_file", path.name) in [(problem.code, problem.file) for problem in problems]


def test_items_and_what_is_read_of_them_travel_through_pickle(tmp_path: Path) -> None:
    scene = parts_scene(tmp_path)
    options = PARTS
    with ADE20K.open(tmp_path, options) as source:
        (item,) = source.iter_items()
        assert list(source.iter_items()) == [item]
    read = pickle.loads(pickle.dumps(ADE20K.read_item))
    image = read(pickle.loads(pickle.dumps(item)), BINDING, options)
    assert pickle.loads(pickle.dumps(image)) == image == scene.read(options=PARTS)


# Datumaro's own examples. Their reds (1, 15, 71, 82) are no multiples of 10.


@pytest.mark.parametrize("year", ["2017", "2020"])
@pytest.mark.parametrize("variant", ["dataset", "dataset_with_meta_file"])
def test_datumaros_examples_are_refused_with_the_reason(year: str, variant: str) -> None:
    root = real_data(f"datumaro_assets/ade20k{year}_dataset") / variant
    assert [found.path for found in ADE20K.recognise(root)] == [root]
    images, problems = read_all(ADE20K, root, None, BINDING)
    assert all(image.label is None for image in images)
    reasons = [problem.message for problem in problems if problem.severity == "error"]
    assert len(reasons) == len(images)
    assert all("no multiple of 10" in reason and "red=floor" in reason for reason in reasons)


def test_datumaros_example_of_2017_is_read_as_datumaro_cuts_it() -> None:
    root = real_data("datumaro_assets/ade20k2017_dataset")
    binding: Binding = {index: BoundClass(index + 1, "thing") for index in range(4)}
    options = BOTH
    (second, first), problems = read_all(ADE20K, root / "dataset", options, binding)
    assert problems == ()
    assert (first.name, first.split, second.name, second.split) == (
        "street/1.jpg",
        "train",
        "2.jpg",
        "val",
    )
    assert view(second) == [[0, 20001, 2, 10001]] * 3
    names = {index: each.name for index, each in classes_of(root / "dataset", options).items()}
    assert names == {0: NAMES[PERSON], 1: "sky", 2: "license plate", 3: "rim"}


@pytest.mark.parametrize("year", ["2017", "2020"])
def test_datumaros_list_of_classes_is_not_taken_for_that_of_the_pixels(year: str) -> None:
    root = real_data(f"datumaro_assets/ade20k{year}_dataset") / "dataset_with_meta_file"
    with ADE20K.open(root, BOTH) as source:
        assert [(p.code, p.file) for p in source.problems] == [
            ("ignored_file", "dataset_meta.json")
        ]


def test_datumaros_example_of_2020_is_read_with_its_masks_and_parts() -> None:
    root = real_data("datumaro_assets/ade20k2020_dataset") / "dataset"
    options = BOTH
    (image, _), problems = read_all(ADE20K, root, options, BINDING)
    assert problems == ()
    assert view(image) == [[0, 1, 2, 10001, 20001]] * 5
    rows = rows_of(image).values()
    assert [row.attributes.get("part_of") for row in rows] == [None, None, 2, 10001]
    assert mask(image, 2) == [[0, 0, 1, 1, 1]] * 5
