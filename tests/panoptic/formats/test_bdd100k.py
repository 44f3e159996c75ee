"""BDD100K: bitmasks whose alpha is data, and semantic masks of train ids."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from panoptic.errors import TooLarge, UnknownClass
from panoptic.formats.base import (
    Binding,
    BoundClass,
    ExportClass,
    LabelledImage,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.bdd100k.classes import PANOPTIC, SEMANTIC, THINGS, join_word, split_word
from panoptic.formats.bdd100k.format import BDD100K
from panoptic.formats.bdd100k.semantic import BDD100K_SEMANTIC
from panoptic.label import Label, Segment, label_from_id_map
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tests.builders import label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import (
    bind_all,
    errors,
    export_image,
    read_all,
    save_pixels,
    write_all,
)
from tests.real_data import real_data

SKY, PERSON, CAR = 30, 31, 35
BINDING: Binding = {
    SKY: BoundClass(8, "stuff"),
    PERSON: BoundClass(7, "thing"),
    CAR: BoundClass(9, "thing"),
}
CLASSES = (
    ExportClass(7, "person", "thing", (220, 20, 60), {"bdd100k": PERSON}),
    ExportClass(8, "sky", "stuff", (70, 130, 180)),
    ExportClass(9, "auto", "thing", (0, 0, 142), {"bdd100k": CAR}),
)
EDGE_IDS = (1, 254, 255, 256, 257, 65534, 65535)


class TestBdd100k(FormatConformance):
    format = BDD100K
    target_name = "bdd100k"
    binding: ClassVar = BINDING
    classes = CLASSES

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Partitions of ids of 16 bits; things may be crowds and have the three attributes."""
        sides = st.tuples(st.integers(1, 6), st.integers(1, 6))
        plane = draw(hnp.arrays(np.uint32, sides, elements=st.sampled_from([0, *EDGE_IDS])))
        attributes = st.sets(st.sampled_from(["truncated", "occluded", "ignore"]))
        rows = [
            Segment(
                segment_id,
                8 if segment_id == 1 else 7 + segment_id % 2 * 2,
                segment_id != 1 and draw(st.booleans()),
                attributes=dict.fromkeys(draw(attributes), True),
            )
            for segment_id in np.unique(plane[plane > 0]).tolist()
        ]
        return label_from_id_map(plane, rows)

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 7})


def pixels_of(path: Path) -> list[Any]:
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        pixels: list[Any] = np.asarray(image).tolist()
    return pixels


def read_one(path: Path, classes: str = "panoptic") -> LabelledImage:
    options = ReadOptions(values={"classes": classes})
    (image,), _ = read_all(BDD100K, path, options, BINDING)
    return image


def shown(image: LabelledImage) -> list[list[int]]:
    """The ids at the pixels."""
    assert image.label is not None
    pixels: list[list[int]] = decode_runs(panoptic_runs(image.label)).tolist()
    return pixels


# The lists


def test_the_lists_are_those_of_the_documentation() -> None:
    assert [each.external_id for each in PANOPTIC.classes] == list(range(1, 41))
    assert [each.kind for each in PANOPTIC.classes] == ["stuff"] * 30 + ["thing"] * 10
    assert [(each.external_id, each.name) for each in THINGS.classes] == [
        (1, "pedestrian"),
        (2, "rider"),
        (3, "car"),
        (4, "truck"),
        (5, "bus"),
        (6, "train"),
        (7, "motorcycle"),
        (8, "bicycle"),
    ]
    assert [each.external_id for each in SEMANTIC.classes] == list(range(19))
    names = [each.name for each in SEMANTIC.classes]
    assert (names[0], names[9:12], names[18]) == ("road", ["terrain", "sky", "person"], "bicycle")


# Reading


def test_every_channel_is_read(tmp_path: Path) -> None:
    """By hand after the specification: class, attributes, high and low byte of the instance."""
    save_pixels(
        tmp_path / "x.png",
        [
            [(0, 0, 0, 0), (CAR, 0, 0, 1), (CAR, 0b1000, 1, 0)],
            [(CAR, 0b0100, 1, 2), (PERSON, 0b0011, 255, 255), (SKY, 0, 0, 30)],
        ],
    )
    image = read_one(tmp_path)
    assert (image.name, image.split, image.problems) == ("x.jpg", None, ())
    assert shown(image) == [[0, 1, 256], [258, 65535, 30]]
    assert image.label is not None
    assert list(image.label.segments) == [
        Segment(1, 9),
        Segment(30, 8),
        Segment(256, 9, attributes={"truncated": True}),
        Segment(258, 9, attributes={"occluded": True}),
        Segment(65535, 7, crowd=True, attributes={"ignore": True}),
    ]


@pytest.mark.parametrize("instance", EDGE_IDS)
def test_trap_25_instances_near_255_keep_both_bytes(tmp_path: Path, instance: int) -> None:
    """BDD100K's own `% 255` beside `>> 8` would make 255 and 256 of one object, or of none."""
    high, low = instance // 256, instance % 256
    save_pixels(tmp_path / "x.png", [[(CAR, 0, high, low), (0, 0, 0, 0)]])
    assert shown(read_one(tmp_path)) == [[instance, 0]]
    word = CAR | high << 16 | low << 24
    assert split_word(word) == (CAR, 0, instance)
    assert join_word(split_word(word)) == word


def test_alpha_is_data(tmp_path: Path) -> None:
    """Alpha 0 hides nothing, and no colour is multiplied by it."""
    save_pixels(tmp_path / "x.png", [[(CAR, 0, 1, 0), (CAR, 0, 2, 0), (PERSON, 0, 0, 255)]])
    assert shown(read_one(tmp_path)) == [[256, 512, 255]]


def test_a_tree_gives_splits_names_and_photographs(tmp_path: Path) -> None:
    root = tmp_path / "bdd100k"
    bitmasks = root / "labels/pan_seg/bitmasks"
    for split, stem in (("train", "a-1.b"), ("val", "c")):
        save_pixels(bitmasks / split / f"{stem}.png", [[(CAR, 0, 0, 1)]])
    photo = root / "images/10k/train/a-1.b.jpg"
    photo.parent.mkdir(parents=True)
    Image.new("RGB", (1, 1)).save(photo)
    for path in (root, root / "labels", bitmasks.parent, bitmasks):
        images, problems = read_all(BDD100K, path, binding=BINDING)
        assert problems == ()
        assert [(image.name, image.split, image.photo) for image in images] == [
            ("a-1.b.jpg", "train", photo),
            ("c.jpg", "val", None),
        ]
        (found,) = BDD100K.recognise(path)
        assert found.path == bitmasks
        assert found.reason == "pan_seg/bitmasks is the folder of bitmasks of BDD100K"
    (image,), _ = read_all(BDD100K, bitmasks / "train", binding=BINDING)
    assert (image.name, image.split, image.photo) == ("a-1.b.jpg", "train", photo)


def test_folders_of_a_task_are_splits_whatever_their_names(tmp_path: Path) -> None:
    with BDD100K.create(tmp_path / "out", CLASSES, WriteOptions()) as writer:
        writer.add(writer.encode(export_image("in/a.jpg", label("1", {1: 9}), split="night")))
        writer.close()
    (image,), _ = read_all(BDD100K, tmp_path / "out", binding=BINDING)
    assert (image.name, image.split) == ("in/a.jpg", "night")
    # Elsewhere only the usual names are splits.
    save_pixels(tmp_path / "x/night/a.png", [[(CAR, 0, 0, 1)]])
    image = read_one(tmp_path / "x")
    assert (image.name, image.split) == ("night/a.jpg", None)


def test_two_tasks_are_told_apart_by_the_option(tmp_path: Path) -> None:
    save_pixels(tmp_path / "labels/pan_seg/bitmasks/train/a.png", [[(CAR, 0, 0, 1)]])
    save_pixels(tmp_path / "labels/ins_seg/bitmasks/train/a.png", [[(3, 0, 0, 1)]])
    assert len(list(BDD100K.recognise(tmp_path))) == 2
    with BDD100K.open(tmp_path, ReadOptions()) as source:
        assert "pan_seg/bitmasks, ins_seg/bitmasks; open one of them" in source.problems[0].message
    for classes, scheme in (("panoptic", "bdd100k"), ("instances", "bdd100k_instances")):
        with BDD100K.open(tmp_path, ReadOptions(values={"classes": classes})) as source:
            assert (source.scheme, source.count) == (scheme, 1)


def test_a_folder_that_says_nothing_needs_the_option(tmp_path: Path) -> None:
    save_pixels(tmp_path / "x.png", [[(3, 0, 0, 1)]])
    assert list(BDD100K.recognise(tmp_path)) == []
    with BDD100K.open(tmp_path, ReadOptions()) as source:
        (problem,) = source.problems
    assert "say so by the option classes" in problem.message


def test_tracks_have_folders_of_videos(tmp_path: Path) -> None:
    save_pixels(tmp_path / "labels/seg_track_20/bitmasks/val/b1c9/b1c9-0001.png", [[(3, 0, 0, 7)]])
    with BDD100K.open(tmp_path, ReadOptions()) as source:
        (item,) = source.iter_items()
        assert (item.name, item.split) == ("b1c9/b1c9-0001.jpg", "val")
        assert source.scheme == "bdd100k_instances"


def test_stuff_in_parts_is_joined_and_is_no_crowd(tmp_path: Path) -> None:
    save_pixels(tmp_path / "x.png", [[(SKY, 2, 0, 5), (SKY, 0, 0, 4)]])
    image = read_one(tmp_path)
    assert sorted(problem.code for problem in image.problems) == ["joined_stuff", "stuff_crowd"]
    assert shown(image) == [[4, 4]]


def test_attributes_that_differ_within_an_instance_are_joined(tmp_path: Path) -> None:
    save_pixels(tmp_path / "x.png", [[(CAR, 8, 0, 5), (CAR, 4, 0, 5)]])
    image = read_one(tmp_path)
    assert [problem.code for problem in image.problems] == ["mixed_attributes"]
    assert image.label is not None
    assert list(image.label.segments) == [
        Segment(5, 9, attributes={"truncated": True, "occluded": True})
    ]


def test_pixels_without_a_class_are_void_and_told(tmp_path: Path) -> None:
    """So is what BDD100K's evaluation makes of missing files: ignored crowds of class 0."""
    save_pixels(tmp_path / "x.png", [[(0, 3, 0, 1), (0, 3, 0, 1), (0, 0, 0, 0), (CAR, 0, 0, 1)]])
    image = read_one(tmp_path)
    assert shown(image) == [[0, 0, 0, 1]]
    (problem,) = image.problems
    assert (problem.code, problem.severity) == ("classless_pixels", "warning")
    assert problem.message.startswith("2 pixels")


@pytest.mark.parametrize(
    ("pixel", "told"),
    [
        ((41, 0, 0, 1), "1 pixels have a class that the list lacks: (41, 0, 0, 1)"),
        ((CAR, 16, 0, 1), "1 pixels have an unknown bit in G: (35, 16, 0, 1)"),
        ((CAR, 0, 0, 0), "1 pixels have a class and instance 0: (35, 0, 0, 0)"),
        ((PERSON, 0, 0, 9), "1 id (9) with pixels of several classes"),
        ((7, 0, 0, 1), "class 'road' of 1 segments is not declared"),
    ],
)
def test_what_no_bitmask_may_hold_is_an_error(
    tmp_path: Path, pixel: tuple[int, int, int, int], told: str
) -> None:
    save_pixels(tmp_path / "x.png", [[pixel, (CAR, 0, 0, 9)]])
    image = read_one(tmp_path)
    (problem,) = image.problems
    assert (problem.message, problem.file, problem.image) == (told, "x.png", "x.jpg")
    assert image.label is None


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "I;16"])
def test_trap_6_files_of_other_modes_are_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (2, 2)).save(tmp_path / "x.png")
    assert errors(read_one(tmp_path).problems) == ["malformed_file"]


def test_broken_files_and_folders_are_problems(tmp_path: Path) -> None:
    with BDD100K.open(tmp_path, ReadOptions(values={"classes": "panoptic"})) as source:
        assert errors(source.problems) == ["no_images"]
    path = save_pixels(tmp_path / "x.png", [[(CAR, 0, 0, 1)]])
    path.write_bytes(path.read_bytes()[:50])
    assert errors(read_one(tmp_path).problems) == ["malformed_file"]
    path.rename(tmp_path / "a\tb.png")
    with BDD100K.open(tmp_path, ReadOptions(values={"classes": "panoptic"})) as source:
        assert errors(source.problems) == ["invalid_name"]


def test_a_photograph_of_another_size_is_an_error(tmp_path: Path) -> None:
    save_pixels(tmp_path / "labels/pan_seg/bitmasks/val/x.png", [[(CAR, 0, 0, 1)]])
    photo = tmp_path / "images/10k/val/x.jpg"
    photo.parent.mkdir(parents=True)
    Image.new("RGB", (2, 1)).save(photo)
    assert errors(read_one(tmp_path).problems) == ["photo_size_mismatch"]


# Writing


def export(
    target: Path,
    given: Label | None,
    taxonomy: tuple[ExportClass, ...] = CLASSES,
    **values: str,
) -> tuple[dict[str, int], list[str]]:
    options = WriteOptions(values=values)
    report = write_all(BDD100K, target, [export_image("a.jpg", given)], taxonomy, options)
    return dict(report.lost), [problem.message for problem in report.problems]


BITMASK = "labels/pan_seg/bitmasks/train/a.png"


def test_written_pixels_are_those_of_the_documentation(tmp_path: Path) -> None:
    plane = np.array([[0, 1, 256], [257, 65535, 30]])
    rows = [
        Segment(1, 9, attributes={"occluded": True, "truncated": False, "color": "red"}, score=0.5),
        Segment(30, 8),
        Segment(256, 9, attributes={"truncated": True}),
        Segment(257, 7, crowd=True),
        Segment(65535, 7, attributes={"ignore": True}),
    ]
    lost, problems = export(tmp_path / "out", label_from_id_map(plane, rows))
    # The score, the colour, and that an attribute is there but false.
    assert (lost, problems) == ({"fields": 3}, [])
    assert pixels_of(tmp_path / "out" / BITMASK) == [
        [[0, 0, 0, 0], [CAR, 4, 0, 1], [CAR, 8, 1, 0]],
        [[PERSON, 2, 1, 1], [PERSON, 1, 255, 255], [SKY, 0, 0, 30]],
    ]


def test_the_bytes_of_an_export_are_golden(tmp_path: Path) -> None:
    export(tmp_path / "out", label("12 .2", {1: 9, 2: 8}))
    content = (tmp_path / "out" / BITMASK).read_bytes()
    assert hashlib.sha256(content).hexdigest() == (
        "37aac04573392a5cf7ebec5e6c36ea74ac4aae421cdd3ee693c128bfc5ca8bf8"
    )


def test_trap_21_ids_beyond_16_bits_get_free_ones_and_are_counted(tmp_path: Path) -> None:
    plane = np.array([[65535, 65536, 1, 2**24 - 1]])
    rows = [Segment(each, 9) for each in plane[0].tolist()]
    lost, _ = export(tmp_path / "out", label_from_id_map(plane, rows))
    assert lost == {"changed_ids": 2}
    pixels = pixels_of(tmp_path / "out" / BITMASK)
    assert pixels == [[[CAR, 0, 255, 255], [CAR, 0, 0, 2], [CAR, 0, 0, 1], [CAR, 0, 0, 3]]]


@pytest.mark.parametrize("count", [65535, 65536])
def test_trap_21_more_than_65535_segments_are_refused_not_wrapped(
    tmp_path: Path, count: int
) -> None:
    plane = np.zeros(2**16, np.uint32)
    plane[:count] = np.arange(2, count + 2)
    given = label_from_id_map(
        plane.reshape(256, 256), [Segment(n, 9) for n in plane[:count].tolist()]
    )
    if count > 65535:
        with pytest.raises(TooLarge, match=r"segments in image a\.jpg: 65536, at most 65535"):
            export(tmp_path / "out", given)
        assert list(tmp_path.iterdir()) == []
    else:
        lost, _ = export(tmp_path / "out", given)
        # Only the one beyond 65,535 moves, to the only free one.
        assert lost == {"changed_ids": 1}
        assert pixels_of(tmp_path / "out" / BITMASK)[255][254] == [CAR, 0, 0, 1]


def test_classes_that_the_list_lacks_are_void_and_counted(tmp_path: Path) -> None:
    classes = (*CLASSES, ExportClass(4, "unicorn", "thing", (1, 2, 3)))
    lost, problems = export(tmp_path / "out", label("12 22", {1: 9, 2: 4}), classes)
    assert lost == {"void_pixels": 3}
    assert problems == ["BDD100K has no class 'unicorn': 3 pixels are written as void"]
    assert pixels_of(tmp_path / "out" / BITMASK)[1] == [[0] * 4, [0] * 4]
    with pytest.raises(UnknownClass, match=r"image a\.jpg, segment 1"):
        export(tmp_path / "other", label("1", {1: 5}))


def test_instances_have_things_alone_and_call_persons_pedestrians(tmp_path: Path) -> None:
    given = label("123", {1: 7, 2: 8, 3: 4})
    classes = (*CLASSES, ExportClass(4, "car", "thing", (1, 2, 3), {"bdd100k_instances": 3}))
    lost, problems = export(tmp_path / "out", given, classes, classes="instances")
    assert (lost, len(problems)) == ({"void_pixels": 1}, 1)
    path = tmp_path / "out/labels/ins_seg/bitmasks/train/a.png"
    assert pixels_of(path) == [[[1, 0, 0, 1], [0, 0, 0, 0], [3, 0, 0, 3]]]


def test_what_is_hidden_or_unlabelled_is_counted(tmp_path: Path) -> None:
    given = stack("11", "2.", "3.", classes={1: 8, 2: 7, 3: 9})
    lost, problems = export(tmp_path / "out", given)
    assert lost == {"hidden_pixels": 2, "hidden_segments": 1}
    assert problems == ["1 id (2) lie wholly under other segments: left out"]
    lost, problems = export(tmp_path / "none", None)
    assert (lost, len(problems)) == ({"unlabelled_images": 1}, 1)


def test_splits_and_photographs_lie_where_bdd100k_has_them(tmp_path: Path) -> None:
    with BDD100K.create(tmp_path / "out", CLASSES, WriteOptions(photos=True)) as writer:
        image = export_image("a.jpg", label("1", {1: 9}), split="val")
        writer.add(writer.encode(image), b"\xff\xd8\xffphoto")
        assert writer.close().segments == 1
    assert (tmp_path / "out/labels/pan_seg/bitmasks/val/a.png").is_file()
    assert (tmp_path / "out/images/10k/val/a.jpg").is_file()


# Real files


@pytest.mark.parametrize(
    ("file", "classes", "segments"),
    [("pan_a.png", "panoptic", 19), ("ins_example.png", "instances", 4)],
)
def test_real_bitmasks_come_back_pixel_by_pixel(
    tmp_path: Path, file: str, classes: str, segments: int
) -> None:
    root = tmp_path / "in" / {"panoptic": "pan_seg", "instances": "ins_seg"}[classes] / "bitmasks"
    (root / "train").mkdir(parents=True)
    shutil.copy(real_data("bdd100k_bitmask") / file, root / "train")
    binding, export_classes = bind_all(BDD100K, root)
    (image,), problems = read_all(BDD100K, root, binding=binding)
    assert problems == ()
    assert image.label is not None
    assert len(image.label.segments) == segments
    options = WriteOptions(values={"classes": classes})
    given = [export_image(image.name, image.label, split=image.split)]
    report = write_all(BDD100K, tmp_path / "out", given, export_classes, options)
    assert (report.lost, report.problems) == ({}, ())
    written = tmp_path / "out/labels" / root.parent.name / "bitmasks/train" / file
    with Image.open(written) as again, Image.open(root / "train" / file) as before:
        assert again.mode == before.mode == "RGBA"
        assert (np.asarray(again) == np.asarray(before)).all()


# Semantic masks


def test_semantic_masks_are_regions_and_255_is_void(tmp_path: Path) -> None:
    path = tmp_path / "labels/sem_seg/masks/val/x.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.array([[0, 13, 255], [10, 13, 0]], np.uint8)).save(path)
    (found,) = BDD100K_SEMANTIC.recognise(tmp_path)
    assert found.path == path.parent.parent
    assert list(BDD100K.recognise(tmp_path)) == []
    with BDD100K_SEMANTIC.open(tmp_path, ReadOptions()) as source:
        assert (source.scheme, len(source.classes)) == ("cityscapes_train", 19)
    # Class 0 is a class: road.
    binding: Binding = {
        0: BoundClass(5, "stuff"),
        10: BoundClass(8, "stuff"),
        13: BoundClass(9, "thing"),
    }
    (image,), problems = read_all(BDD100K_SEMANTIC, tmp_path, binding=binding)
    assert (problems, image.name, image.split) == ((), "x.jpg", "val")
    assert image.label == label("12. 321", {1: 5, 2: 9, 3: 8}, crowds=[2])
    _, problems = read_all(BDD100K_SEMANTIC, tmp_path, binding={0: BoundClass(5, "stuff")})
    assert [problem.message for problem in problems] == [
        "class 'sky' of 1 segments is not declared",
        "class 'car' of 1 segments is not declared",
    ]


def test_semantic_masks_of_other_numbers_or_depths_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.array([[19, 254, 254]], np.uint8)).save(tmp_path / "x.png")
    _, problems = read_all(BDD100K_SEMANTIC, tmp_path)
    assert problems[0].message == "3 pixels have values that mean no class: 19, 254"
    Image.fromarray(np.array([[1]], np.uint16)).save(tmp_path / "x.png")
    _, problems = read_all(BDD100K_SEMANTIC, tmp_path)
    assert problems[0].message == "a file of 8 bits is needed, this one has 16"
