"""KITTI 2015: class · 256 + n in 16 bits, the class alone in 8, photographs without labels."""

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
from panoptic.formats.base import BoundClass, ExportClass, ReadOptions, WriteOptions
from panoptic.formats.cityscapes.labels import LABELS, SCHEME
from panoptic.formats.kitti.format import KITTI
from panoptic.label import Label, Segment, label_from_id_map, segments_from_rows
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import errors, export_image, read_all, write_all
from tests.real_data import real_data

# Class ids of a taxonomy: 100 + the id of Cityscapes, so that a mix-up shows.
KINDS = {each.label_id: each.kind for each in LABELS}
BINDING = {code: BoundClass(100 + code, kind) for code, kind in KINDS.items()}
CLASSES = tuple(
    ExportClass(100 + each.label_id, each.name, each.kind, each.color, {SCHEME: each.label_id})
    for each in LABELS
)
ROAD, WALL, PERSON, CAR = 107, 112, 124, 126


def carried_labels(numbers: list[int]) -> st.SearchStrategy[Label]:
    """Partitions whose ids are these numbers of KITTI, or void."""
    sides = st.integers(1, 5)
    values = st.sampled_from([0, *numbers])
    maps = st.tuples(sides, sides).flatmap(
        lambda shape: st.lists(
            values, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]
        ).map(lambda flat: np.array(flat, np.uint32).reshape(shape))
    )
    return maps.map(label_of_numbers)


def label_of_numbers(plane: NDArray[np.uint32]) -> Label:
    rows = [row_of_number(number) for number in np.unique(plane[plane > 0]).tolist()]
    return label_from_id_map(plane, rows)


def row_of_number(number: int) -> Segment:
    code, instance = divmod(number, 256)
    return Segment(number, 100 + code, KINDS[code] == "thing" and not instance)


class TestKitti(FormatConformance):
    format = KITTI
    target_name = "kitti"
    binding = BINDING
    classes = CLASSES

    @staticmethod
    def image_name(number: int) -> str:
        return f"{number:06}_10.png"

    @staticmethod
    def labels() -> st.SearchStrategy[Label]:
        numbers = [(7, 0), (12, 1), (24, 0), (24, 1), (24, 254), (24, 255), (26, 1), (33, 255)]
        return carried_labels([code * 256 + instance for code, instance in numbers])

    @staticmethod
    def example() -> Label:
        return label_of_numbers(np.array([[24 * 256 + 1, 0]], np.uint32))


def save(path: Path, rows: list[list[int]], dtype: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(rows, dtype)).save(path)


def save_pair(root: Path, stem: str, rows: list[list[int]]) -> None:
    save(root / "training" / "instance" / f"{stem}.png", rows, np.uint16)
    classes = [[value // 256 for value in row] for row in rows]
    save(root / "training" / "semantic" / f"{stem}.png", classes, np.uint8)


def read(root: Path, **options: Any) -> Any:
    return read_all(KITTI, root, ReadOptions(**options), BINDING)


def pixels(given: Label | None) -> list[list[int]]:
    assert given is not None
    rows: list[list[int]] = decode_runs(panoptic_runs(given)).tolist()
    return rows


# Golden files


def test_a_golden_pair_is_read_pixel_by_pixel(tmp_path: Path) -> None:
    # Road, wall object 1, a car, another one, cars that nobody told apart, unlabelled.
    rows = [[7 * 256, 12 * 256 + 1, 26 * 256 + 1], [26 * 256 + 2, 26 * 256, 0]]
    save_pair(tmp_path, "000030_10", rows)
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert (image.name, image.split, image.height, image.width) == ("000030_10.png", "train", 2, 3)
    assert pixels(image.label) == rows
    assert list(image.label.segments) == [
        Segment(7 * 256, ROAD),
        Segment(12 * 256 + 1, WALL),
        Segment(26 * 256, CAR, crowd=True),
        Segment(26 * 256 + 1, CAR),
        Segment(26 * 256 + 2, CAR),
    ]


def test_a_golden_label_is_written_to_its_files(tmp_path: Path) -> None:
    rows = [[7 * 256, 26 * 256 + 255], [0, 26 * 256]]
    given = label_of_numbers(np.array(rows, np.uint32))
    report = write_all(KITTI, tmp_path / "out", [export_image("000030_10.png", given)], CLASSES)
    assert (report.images, report.segments, dict(report.lost)) == (1, 3, {})
    folder = tmp_path / "out" / "training"
    instance = Image.open(folder / "instance" / "000030_10.png")
    assert (instance.mode, np.asarray(instance).tolist()) == ("I;16", rows)
    semantic = Image.open(folder / "semantic" / "000030_10.png")
    assert (semantic.mode, np.asarray(semantic).tolist()) == ("L", [[7, 26], [0, 26]])
    rgb = np.asarray(Image.open(folder / "semantic_rgb" / "000030_10.png"))
    assert rgb.tolist() == [[[128, 64, 128], [0, 0, 142]], [[0, 0, 0], [0, 0, 142]]]


def test_the_bytes_of_a_file_are_known(tmp_path: Path) -> None:
    given = label_of_numbers(np.array([[7 * 256, 26 * 256 + 1]], np.uint32))
    write_all(KITTI, tmp_path / "out", [export_image("a.png", given)], CLASSES)
    content = (tmp_path / "out" / "training" / "instance" / "a.png").read_bytes()
    assert hashlib.sha256(content).hexdigest() == GOLDEN


GOLDEN = "854a9f7ad940d65902ed036a427277fe6294ccdf6c7a0b34c4cb7a51124112f0"


# Fixtures


def test_the_fixture_is_read(tmp_path: Path) -> None:
    root = real_data("datumaro_assets") / "kitti_dataset" / "kitti_segmentation"
    images, problems = read(root)
    assert problems == ()
    assert [(image.name, pixels(image.label)) for image in images] == [
        ("000030_10.png", [[768, 768, 6913, 6914, 6914]]),
        ("000030_11.png", [[7937, 7937, 3073, 768, 768]]),
    ]
    assert [image.photo.name for image in images] == ["000030_10.png", "000030_11.png"]

    written = [export_image(image.name, image.label) for image in images]
    assert dict(write_all(KITTI, tmp_path / "out", written, CLASSES).lost) == {}
    for image in images:
        path = Path("training") / "instance" / image.name
        assert np.array_equal(Image.open(tmp_path / "out" / path), Image.open(root / path))


def test_it_is_recognised_from_above_from_within_and_nowhere_else(tmp_path: Path) -> None:
    save_pair(tmp_path / "kitti", "a", [[7 * 256]])
    root = tmp_path / "kitti"
    for path, opened in ((tmp_path, root), (root, root), (root / "training", root / "training")):
        (found,) = KITTI.recognise(path)
        assert found == (opened, "training/instance/a.png is a map of KITTI")
        images, problems = read(found.path)
        assert (len(images), problems) == (1, ())
    assert not list(KITTI.recognise(tmp_path / "kitti" / "training" / "instance"))
    assert not list(KITTI.recognise(tmp_path / "nothing"))
    assert not list(KITTI.recognise(tmp_path / "kitti" / "training" / "instance" / "a.png"))


# Which files belong together


def test_testing_has_photographs_and_no_labels(tmp_path: Path) -> None:
    save_pair(tmp_path, "000000_10", [[7 * 256, 0]])
    for folder in ("training", "testing"):
        photo = tmp_path / folder / "image_2" / "000000_10.png"
        photo.parent.mkdir(parents=True)
        Image.new("RGB", (2, 1)).save(photo)
    images, problems = read(tmp_path)
    assert problems == ()
    assert [(image.name, image.split, image.label is None) for image in images] == [
        ("000000_10.png", "train", False),
        ("testing/000000_10.png", "test", True),
    ]
    assert (images[1].height, images[1].width) == (1, 2)


def test_an_image_of_the_test_split_is_written_where_it_came_from(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (3, 2)).save(photo)
    options = WriteOptions(photos=True)
    with KITTI.create(tmp_path / "out", CLASSES, options) as writer:
        image = export_image("testing/000000_10.png", None, split="test")
        writer.add(writer.encode(image), photo.read_bytes())
        report = writer.close()
    assert (report.images, dict(report.lost), report.problems) == (1, {}, ())
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert files == [tmp_path / "out" / "testing" / "image_2" / "000000_10.png"]
    ((image_read,), problems) = read(tmp_path / "out")
    assert problems == ()
    assert (image_read.name, image_read.split) == ("testing/000000_10.png", "test")


def test_an_unlabelled_image_without_photograph_is_left_out_and_counted(tmp_path: Path) -> None:
    report = write_all(KITTI, tmp_path / "out", [export_image("a.png", None)], CLASSES)
    assert (report.images, dict(report.lost)) == (0, {"unlabelled_images": 1})
    assert [problem.code for problem in report.problems] == ["unlabelled_image"]


def test_photographs_match_by_stem_and_give_the_name(tmp_path: Path) -> None:
    for stem in ("a.b", "a"):
        save_pair(tmp_path, stem, [[7 * 256]])
    photos = tmp_path / "training" / "image_2"
    photos.mkdir()
    Image.new("RGB", (1, 1)).save(photos / "a.b.jpg")
    images, problems = read(tmp_path)
    assert [(image.name, image.photo) for image in images] == [
        ("a.b.jpg", photos / "a.b.jpg"),
        ("a.png", None),
    ]
    assert [(problem.code, problem.severity) for problem in problems] == [
        ("missing_photo", "warning")
    ]


def test_without_a_map_of_instances_things_are_crowds(tmp_path: Path) -> None:
    save(tmp_path / "training" / "semantic" / "a.png", [[7, 26], [26, 0]], np.uint8)
    (image,), problems = read(tmp_path)
    assert [problem.code for problem in problems] == ["missing_instances"]
    assert pixels(image.label) == [[7 * 256, 26 * 256], [26 * 256, 0]]
    assert image.label.segments.row(26 * 256).crowd
    assert not image.label.segments.row(7 * 256).crowd


def test_two_maps_that_disagree_are_told(tmp_path: Path) -> None:
    save_pair(tmp_path, "a", [[7 * 256, 26 * 256 + 1]])
    save(tmp_path / "training" / "semantic" / "a.png", [[8, 26]], np.uint8)
    (image,), problems = read(tmp_path)
    assert [(problem.code, problem.image) for problem in problems] == [("mismatched_maps", "a.png")]
    assert problems[0].message.startswith("1 pixels have another class")
    assert pixels(image.label) == [[7 * 256, 26 * 256 + 1]]


def test_maps_of_two_sizes_are_refused(tmp_path: Path) -> None:
    save_pair(tmp_path, "a", [[7 * 256, 26 * 256 + 1]])
    save(tmp_path / "training" / "semantic" / "a.png", [[7]], np.uint8)
    (image,), (problem,) = read(tmp_path)
    assert image.label is None
    assert (problem.code, problem.file, problem.image) == (
        "malformed_file",
        "semantic/a.png",
        "a.png",
    )


@pytest.mark.parametrize("folder", ["", "training", "testing"])
def test_an_empty_folder_is_an_error(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    _, problems = read(tmp_path)
    assert errors(problems) == ["no_images"]


# What the numbers mean


def test_objects_of_one_stuff_class_are_one_segment(tmp_path: Path) -> None:
    save_pair(tmp_path, "a", [[11 * 256 + 2, 11 * 256 + 1, 11 * 256 + 3]])
    (image,), problems = read(tmp_path)
    assert [problem.code for problem in problems] == ["joined_stuff"]
    assert pixels(image.label) == [[11 * 256 + 1] * 3]


def test_a_value_that_no_class_has_is_an_error(tmp_path: Path) -> None:
    save_pair(tmp_path, "a", [[34 * 256 + 1, 7 * 256, 255 * 256]])
    (image,), (problem,) = read(tmp_path)
    assert image.label is None
    assert problem.message == (
        "2 pixels have values that mean no class: class 34 instance 1, class 255 instance 0"
    )


def test_a_class_that_is_not_bound_is_an_error_that_counts_segments(tmp_path: Path) -> None:
    save_pair(tmp_path, "a", [[26 * 256 + 1, 26 * 256 + 2, 7 * 256]])
    binding = {7: BINDING[7]}
    (image,), (problem,) = read_all(KITTI, tmp_path, ReadOptions(), binding)
    assert image.label is None
    assert (problem.code, problem.image) == ("unknown_class", "a.png")
    assert problem.message.startswith("class '26 (car)' of 2 segments")


def test_trap_6_a_map_of_8_bits_is_never_taken_for_one_of_16(tmp_path: Path) -> None:
    save(tmp_path / "training" / "instance" / "a.png", [[26, 7]], np.uint8)
    (image,), (problem,) = read(tmp_path)
    assert image.label is None
    assert (problem.code, problem.file) == ("malformed_file", "instance/a.png")
    assert "16 bits is needed, this one has 8" in problem.message


def test_trap_4_unlabelled_is_void_and_no_class(tmp_path: Path) -> None:
    # Even where a taxonomy has a class `unlabeled` of id 0, and even with a number.
    save_pair(tmp_path, "a", [[0, 3, 255, 256]])
    (image,), problems = read(tmp_path)
    assert problems == ()
    assert pixels(image.label) == [[0, 0, 0, 256]]
    with KITTI.open(tmp_path, ReadOptions()) as source:
        assert [class_.external_id for class_ in source.classes] == list(range(1, 34))


@pytest.mark.parametrize("number", [254, 255, 256, 257])
def test_trap_25_numbers_around_a_byte_are_exact(tmp_path: Path, number: int) -> None:
    value = 26 * 256 + number
    save_pair(tmp_path, "a", [[value]])
    (image,), problems = read(tmp_path)
    assert problems == ()
    row = image.label.segments.row(value)
    # 256 carries into the class: it is truck without a number, and 257 the first of them.
    assert (row.class_id, row.crowd) == ((CAR, False) if number < 256 else (127, number == 256))


def test_trap_21_more_than_255_objects_are_refused_not_wrapped(tmp_path: Path) -> None:
    fits, too_many = (
        label_from_id_map(
            np.arange(1, count + 1, dtype=np.uint32)[None],
            [Segment(number, CAR) for number in range(1, count + 1)],
        )
        for count in (255, 256)
    )
    report = write_all(KITTI, tmp_path / "fits", [export_image("a.png", fits)], CLASSES)
    assert report.segments == 255
    assert report.lost["changed_ids"] == 255
    with pytest.raises(TooLarge, match=r"instances of car in image b\.png: 256, at most 255"):
        write_all(KITTI, tmp_path / "out", [export_image("b.png", too_many)], CLASSES)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("class_id", [ROAD, CAR])
def test_trap_12_images_of_stuff_alone_or_things_alone_are_fine(
    tmp_path: Path, class_id: int
) -> None:
    given = label("11", {1: class_id})
    write_all(KITTI, tmp_path / "out", [export_image("a.png", given)], CLASSES)
    (image,), problems = read(tmp_path / "out")
    assert problems == ()
    assert segments_from_rows(image.label.segments).class_ids.tolist() == [class_id]


def test_ids_that_say_another_class_are_given_anew(tmp_path: Path) -> None:
    # 26·256 + 1 was relabelled to a person, and person 1 is there already.
    given = label_from_id_map(
        np.array([[26 * 256 + 1, 24 * 256 + 1, 26 * 256 + 7]], np.uint32),
        [
            Segment(26 * 256 + 1, PERSON),
            Segment(24 * 256 + 1, PERSON),
            Segment(26 * 256 + 7, CAR),
        ],
    )
    report = write_all(KITTI, tmp_path / "out", [export_image("a.png", given)], CLASSES)
    (image,), _ = read(tmp_path / "out")
    assert pixels(image.label) == [[24 * 256 + 2, 24 * 256 + 1, 26 * 256 + 7]]
    assert dict(report.lost) == {"changed_ids": 1}


def test_what_the_format_lacks_is_counted_and_told(tmp_path: Path) -> None:
    classes = (*CLASSES, ExportClass(5, "cow", "thing", (1, 2, 3)))
    given = stack(
        "11114455",
        ".22.....",
        "66......",
        "....77..",
        classes={1: ROAD, 2: 5, 4: PERSON, 5: CAR, 6: PERSON, 7: CAR},
        crowds=[5, 7],
        scores={1: 0.5},
        track_ids={6: 3},
    )
    report = write_all(KITTI, tmp_path / "out", [export_image("a.png", given)], classes)
    (image,), problems = read(tmp_path / "out")
    assert problems == ()
    car, person, road = 26 * 256, 24 * 256 + 1, 7 * 256
    assert pixels(image.label) == [[person, person, 0, road, car, car, car, car]]
    assert dict(report.lost) == {
        "hidden_pixels": 6,
        "hidden_segments": 1,
        "void_pixels": 1,
        "changed_ids": 3,
        "merged_crowds": 1,
        "fields": 2,
    }
    assert [problem.message for problem in report.problems] == [
        "the list of the format lacks cow: 1 pixels became void"
    ]


def test_the_license_plate_becomes_void(tmp_path: Path) -> None:
    report = write_all(
        KITTI, tmp_path / "out", [export_image("a.png", label("12", {1: 99, 2: ROAD}))], CLASSES
    )
    assert report.lost["void_pixels"] == 1
    assert "license plate" in report.problems[0].message


def test_hostile_maps_are_problems(tmp_path: Path) -> None:
    save_pair(tmp_path, "a", [[7 * 256, 26 * 256 + 1]])
    path = tmp_path / "training" / "instance" / "a.png"
    content = path.read_bytes()
    for broken in (content[:30], content[:-20], b"", b"GIF89a", content + b"x" * 9):
        path.write_bytes(broken)
        images, problems = read(tmp_path)
        assert len(images) == 1
        assert all(problem.image == "a.png" and problem.file for problem in problems)
    Image.new("RGB", (2, 1)).save(path)
    _, problems = read(tmp_path)
    assert errors(problems) == ["malformed_file"]
