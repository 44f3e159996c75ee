"""KITTI-STEP: class in red, instance in green and blue, tracks over the frames of a sequence."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from panoptic.errors import TooLarge
from panoptic.formats.base import BoundClass, ExportClass, ReadOptions
from panoptic.formats.cityscapes.labels import EVALUATED, TRAIN_SCHEME
from panoptic.formats.kitti.step import KITTI_STEP
from panoptic.label import Label, Segment, label_from_id_map
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import errors, export_image, read_all, write_all

# Class ids of a taxonomy: 100 + the train id; riders and trucks are things there, as they are
# in the preset of Cityscapes.
KINDS = {each.train_id: each.kind for each in EVALUATED if each.train_id is not None}
BINDING = {code: BoundClass(100 + code, kind) for code, kind in KINDS.items()}
CLASSES = tuple(
    ExportClass(100 + code, each.name, each.kind, each.color, {TRAIN_SCHEME: code})
    for each in EVALUATED
    if (code := each.train_id) is not None
)
ROAD, PERSON, RIDER, CAR = 100, 111, 112, 113


def number_of(code: int, instance: int = 0) -> int:
    return (code + 1) * 65536 + instance


def row_of_number(number: int) -> Segment:
    code, instance = number // 65536 - 1, number % 65536
    crowd = KINDS[code] == "thing" and not instance
    return Segment(number, 100 + code, crowd, number if instance else None)


def label_of_numbers(plane: NDArray[np.uint32]) -> Label:
    return label_from_id_map(plane, map(row_of_number, np.unique(plane[plane > 0]).tolist()))


NUMBERS = [
    *(number_of(code) for code in (0, 10, 11, 12, 18)),
    *(number_of(code, instance) for code in (11, 13) for instance in (1, 255, 256, 257, 65535)),
]


class TestKittiStep(FormatConformance):
    format = KITTI_STEP
    target_name = "kitti_step"
    binding = BINDING
    classes = CLASSES

    @staticmethod
    def image_name(number: int) -> str:
        return f"0002/{number:06}.png"

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        shape = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
        size = shape[0] * shape[1]
        values = draw(st.lists(st.sampled_from([0, *NUMBERS]), min_size=size, max_size=size))
        return label_of_numbers(np.array(values, np.uint32).reshape(shape))

    @staticmethod
    def example() -> Label:
        return label_of_numbers(np.array([[number_of(13, 300), 0]], np.uint32))


def save(root: Path, name: str, rows: list[list[tuple[int, int, int]]]) -> None:
    path = root / "panoptic_maps" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(rows, np.uint8)).save(path)


def read(root: Path) -> Any:
    return read_all(KITTI_STEP, root, ReadOptions(), BINDING)


def ids(given: Label | None) -> list[list[int]]:
    assert given is not None
    rows: list[list[int]] = decode_runs(panoptic_runs(given)).tolist()
    return rows


def write(target: Path, *labels: Label, split: str | None = None) -> Any:
    images = [
        export_image(f"0002/{number:06}.png", each, split=split)
        for number, each in enumerate(labels)
    ]
    return write_all(KITTI_STEP, target, images, CLASSES)


# Golden files


def test_a_golden_frame_is_read_pixel_by_pixel(tmp_path: Path) -> None:
    # Road, void (whatever its instance), car 258 = 1·256 + 2, cars nobody told apart, a rider.
    rows = [[(0, 0, 0), (255, 0, 7), (13, 1, 2)], [(13, 0, 0), (12, 0, 0), (11, 255, 255)]]
    save(tmp_path, "val/0006/000042.png", rows)
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert (image.name, image.split) == ("0006/000042.png", "val")
    assert image.attributes == {"sequence": "0006", "frame": 42}
    car, person = number_of(13, 258), number_of(11, 65535)
    assert ids(image.label) == [
        [number_of(0), 0, car],
        [number_of(13), number_of(12), person],
    ]
    assert list(image.label.segments) == [
        Segment(number_of(0), ROAD),
        Segment(person, PERSON, track_id=person),
        Segment(number_of(12), RIDER, crowd=True),
        Segment(number_of(13), CAR, crowd=True),
        Segment(car, CAR, track_id=car),
    ]


def test_a_golden_label_is_written_to_its_file(tmp_path: Path) -> None:
    rows = [[number_of(0), number_of(13, 258)], [0, number_of(11, 1)]]
    report = write(tmp_path / "out", label_of_numbers(np.array(rows, np.uint32)), split="val")
    assert (report.images, report.segments, dict(report.lost), report.problems) == (1, 3, {}, ())
    path = tmp_path / "out" / "panoptic_maps" / "val" / "0002" / "000000.png"
    image = Image.open(path)
    assert image.mode == "RGB"
    assert np.asarray(image).tolist() == [
        [[0, 0, 0], [13, 1, 2]],
        [[255, 0, 0], [11, 0, 1]],
    ]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == GOLDEN


GOLDEN = "b110bb15ba83475c2d08e7edd8f7852c76b6df1787d5c9ffe2ba9d6cc921b911"


# Tracks


def test_an_object_has_one_track_in_all_frames_and_keeps_its_number(tmp_path: Path) -> None:
    save(tmp_path / "in", "train/0000/000000.png", [[(13, 0, 5), (11, 0, 5)]])
    save(tmp_path / "in", "train/0000/000001.png", [[(11, 0, 5), (13, 0, 5)]])
    images, problems = read(tmp_path / "in")
    assert problems == ()
    tracks = [{row.class_id: row.track_id for row in image.label.segments} for image in images]
    assert tracks[0] == tracks[1] == {PERSON: number_of(11, 5), CAR: number_of(13, 5)}

    write_all(
        KITTI_STEP,
        tmp_path / "out",
        [export_image(image.name, image.label, split=image.split) for image in images],
        CLASSES,
    )
    for name in ("000000.png", "000001.png"):
        path = Path("panoptic_maps") / "train" / "0000" / name
        assert np.array_equal(
            Image.open(tmp_path / "in" / path), Image.open(tmp_path / "out" / path)
        )


def test_a_plain_track_is_the_number_of_its_object(tmp_path: Path) -> None:
    first = label("12", {1: CAR, 2: PERSON}, track_ids={1: 7, 2: 9})
    second = label("21", {1: CAR, 2: CAR}, track_ids={1: 65535, 2: 7})
    report = write(tmp_path / "out", first, second)
    assert dict(report.lost) == {"changed_ids": 4}
    images, _ = read(tmp_path / "out")
    assert [ids(image.label) for image in images] == [
        [[number_of(13, 7), number_of(11, 9)]],
        [[number_of(13, 7), number_of(13, 65535)]],
    ]


def test_trap_20_a_relabelled_object_keeps_its_number_under_its_new_class(tmp_path: Path) -> None:
    number = number_of(13, 300)
    row = Segment(number, PERSON, track_id=number)
    write(tmp_path / "out", label_from_id_map(np.array([[number]], np.uint32), [row]))
    ((image,), _) = read(tmp_path / "out")
    assert list(image.label.segments) == [row_of_number(number_of(11, 300))]


def test_of_two_objects_with_one_number_the_one_of_the_class_keeps_it(tmp_path: Path) -> None:
    own, other = number_of(13, 5), number_of(11, 5)
    rows = [Segment(own, CAR, track_id=own), Segment(other, CAR, track_id=other)]
    report = write(tmp_path / "out", label_from_id_map(np.array([[own, other]], np.uint32), rows))
    ((image,), _) = read(tmp_path / "out")
    assert ids(image.label) == [[own, number_of(13, 1)]]
    assert [(problem.code, problem.image) for problem in report.problems] == [
        ("changed_track", "0002/000000.png")
    ]


def test_segments_without_a_track_get_the_lowest_free_number(tmp_path: Path) -> None:
    report = write(tmp_path / "out", label("123", {1: CAR, 2: CAR, 3: CAR}, track_ids={2: 1}))
    ((image,), _) = read(tmp_path / "out")
    assert ids(image.label) == [[number_of(13, 2), number_of(13, 1), number_of(13, 3)]]
    assert report.problems == ()


def test_trap_21_a_track_beyond_16_bits_is_refused_not_wrapped(tmp_path: Path) -> None:
    given = label("1", {1: CAR}, track_ids={1: 2**40})
    with pytest.raises(TooLarge, match=r"segment 1 in image 0002/000000\.png: 1099511627776"):
        write(tmp_path / "out", given)
    assert not (tmp_path / "out").exists()


def test_trap_21_more_than_65535_objects_are_refused_not_wrapped(tmp_path: Path) -> None:
    plane = np.arange(1, 65537, dtype=np.uint32).reshape(256, 256)
    given = label_from_id_map(plane, [Segment(number, CAR) for number in range(1, 65537)])
    with pytest.raises(TooLarge, match=r"instances of car in image .*: 65536, at most 65535"):
        write(tmp_path / "out", given)


# What the numbers mean


@pytest.mark.parametrize("instance", [254, 255, 256, 257, 65534, 65535])
def test_trap_25_numbers_around_bytes_are_exact_high_byte_in_green(
    tmp_path: Path, instance: int
) -> None:
    save(tmp_path, "train/0000/000000.png", [[(13, instance >> 8, instance & 255)]])
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert ids(image.label) == [[number_of(13, instance)]]
    write(tmp_path / "out", image.label)
    out = Image.open(tmp_path / "out" / "panoptic_maps" / "train" / "0002" / "000000.png")
    assert np.asarray(out).tolist() == [[[13, instance >> 8, instance & 255]]]


def test_trap_4_class_0_is_road_and_no_void(tmp_path: Path) -> None:
    save(tmp_path, "train/0000/000000.png", [[(0, 0, 0), (255, 0, 0)]])
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert image.label == label_of_numbers(np.array([[number_of(0), 0]], np.uint32))
    with KITTI_STEP.open(tmp_path, ReadOptions()) as source:
        assert source.classes[0][:3] == (0, "road", "stuff")
        things = [each.name for each in source.classes if each.kind == "thing"]
        assert (len(source.classes), things) == (19, ["person", "car"])


def test_things_without_instances_in_the_format_become_one_region(tmp_path: Path) -> None:
    given = label("123.", {1: RIDER, 2: RIDER, 3: CAR})
    report = write(tmp_path / "out", given)
    ((image,), _) = read(tmp_path / "out")
    assert ids(image.label) == [[number_of(12), number_of(12), number_of(13, 1), 0]]
    assert image.label.segments.row(number_of(12)).crowd
    assert dict(report.lost) == {"merged_segments": 1, "changed_ids": 2}


@pytest.mark.parametrize("code", [19, 100, 254])
def test_a_class_beyond_18_is_an_error(tmp_path: Path, code: int) -> None:
    save(tmp_path, "train/0000/000000.png", [[(code, 0, 3), (0, 0, 0)]])
    (image,), (problem,) = read(tmp_path)
    assert image.label is None
    assert (problem.code, problem.image) == ("malformed_file", "0000/000000.png")
    assert f"class {code} instance 3" in problem.message


def test_a_class_that_is_not_bound_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, "train/0000/000000.png", [[(0, 0, 0), (13, 0, 3)]])
    images, problems = read_all(KITTI_STEP, tmp_path, ReadOptions(), {13: BINDING[13]})
    assert errors(problems) == ["unknown_class"]
    assert "0 (road)" in problems[0].message
    assert images[0].label is None


@pytest.mark.parametrize("class_id", [ROAD, CAR])
def test_trap_12_images_of_stuff_alone_or_things_alone_are_fine(
    tmp_path: Path, class_id: int
) -> None:
    write(tmp_path / "out", label("11", {1: class_id}))
    (image,), problems = read(tmp_path / "out")
    assert problems == ()
    assert [row.class_id for row in image.label.segments] == [class_id]


@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_trap_7_a_file_that_is_not_rgb_is_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "panoptic_maps" / "train" / "0000" / "000000.png"
    path.parent.mkdir(parents=True)
    Image.new(mode, (2, 2)).save(path)
    (image,), problems = read(tmp_path)
    assert image.label is None
    assert errors(problems) == ["malformed_file"]


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    save(tmp_path, "train/0000/000000.png", [[(0, 0, 0)]])
    path = tmp_path / "panoptic_maps" / "train" / "0000" / "000000.png"
    path.write_bytes(path.read_bytes()[:50])
    (image,), problems = read(tmp_path)
    assert (image.label, errors(problems)) == (None, ["malformed_file"])


# Where files lie


def test_photographs_lie_in_images_and_those_of_test_have_no_maps(tmp_path: Path) -> None:
    save(tmp_path, "train/0000/000000.png", [[(0, 0, 0)]])
    for split in ("train", "test"):
        photo = tmp_path / "images" / split / "0000" / "000000.png"
        photo.parent.mkdir(parents=True)
        Image.new("RGB", (1, 1)).save(photo)
    images, problems = read(tmp_path)
    assert problems == ()
    assert [(image.name, image.split, image.label is None) for image in images] == [
        ("0000/000000.png", "train", False),
        ("test/0000/000000.png", "test", True),
    ]
    assert images[1].attributes == {"sequence": "0000", "frame": 0}
    assert images[0].photo == tmp_path / "images" / "train" / "0000" / "000000.png"


def test_sequences_may_lie_in_the_folder_of_maps_at_once(tmp_path: Path) -> None:
    save(tmp_path, "0000/000000.png", [[(0, 0, 0)]])
    (image,), problems = read(tmp_path / "panoptic_maps")
    assert problems == ()
    assert (image.name, image.split) == ("0000/000000.png", None)


def test_a_name_that_is_no_frame_is_written_with_a_warning(tmp_path: Path) -> None:
    report = write_all(
        KITTI_STEP, tmp_path / "out", [export_image("a.jpg", label("1", {1: ROAD}))], CLASSES
    )
    assert [problem.code for problem in report.problems] == ["unusual_name"]
    ((image,), _) = read(tmp_path / "out")
    assert (image.name, image.attributes) == ("a.png", {})
    assert [found.path for found in KITTI_STEP.recognise(tmp_path / "out")] == [tmp_path / "out"]


def test_it_is_recognised_from_above_from_within_and_nowhere_else(tmp_path: Path) -> None:
    root = tmp_path / "step"
    save(root, "train/0000/000000.png", [[(0, 0, 0)]])
    maps = root / "panoptic_maps"
    for path, opened in ((tmp_path, root), (root, root), (maps, maps)):
        (found,) = KITTI_STEP.recognise(path)
        assert found == (opened, "panoptic_maps/train/0000/000000.png is a frame of KITTI-STEP")
    assert not list(KITTI_STEP.recognise(maps / "train"))
    assert not list(KITTI_STEP.recognise(tmp_path / "nothing"))


def test_the_visible_part_is_written_and_the_rest_counted(tmp_path: Path) -> None:
    given = stack(
        "111",
        ".22",
        classes={1: ROAD, 2: CAR},
        scores={2: 0.5},
        track_ids={2: 4},
        attributes={2: {"truncated": True}},
    )
    report = write(tmp_path / "out", given)
    ((image,), _) = read(tmp_path / "out")
    assert ids(image.label) == [[number_of(0), number_of(13, 4), number_of(13, 4)]]
    assert dict(report.lost) == {"hidden_pixels": 2, "changed_ids": 2, "fields": 2}
