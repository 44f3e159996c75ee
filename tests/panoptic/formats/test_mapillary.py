"""Mapillary Vistas: numbers of 16 bits, two versions, `instances` and `panoptic`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
from panoptic.formats.mapillary.format import MAPILLARY
from panoptic.formats.mapillary.labels import list_classes, official_labels
from panoptic.formats.problems import Problem
from panoptic.label import Label, Segment, label_from_id_map
from panoptic.runs import decode_runs
from panoptic.views import panoptic_runs
from tests.builders import id_map, label, stack
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import errors, export_image, read_all, read_labels, write_all
from tests.real_data import real_data

BIRD, PERSON, SKY, VOID = 0, 19, 27, 65
BINDING: Binding = {
    BIRD: BoundClass(9, "thing"),
    PERSON: BoundClass(7, "thing"),
    SKY: BoundClass(8, "stuff"),
}
CLASSES = (
    ExportClass(7, "Person", "thing", (220, 20, 60), {"mapillary": PERSON}),
    ExportClass(8, "Sky", "stuff", (70, 130, 180), {"mapillary": SKY}),
    ExportClass(9, "Bird", "thing", (165, 42, 42), {"mapillary": BIRD}),
)
PANOPTIC = ReadOptions(values={"source": "panoptic"})


class TestMapillary(FormatConformance):
    format = MAPILLARY
    target_name = "vistas"
    binding: ClassVar = BINDING
    classes = CLASSES

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Partitions whose ids are numbers of their classes."""
        ids = st.sampled_from(
            [0, SKY << 8, 2**16, 1, 255, *(PERSON << 8 | n for n in (0, 1, 254, 255))]
        )
        plane = draw(hnp.arrays(np.uint32, st.tuples(*[st.integers(1, 6)] * 2), elements=ids))
        found = np.unique(plane[plane > 0]).tolist()
        of_label = {BIRD: 9, PERSON: 7, SKY: 8}
        rows = [Segment(each, of_label[each % 2**16 >> 8]) for each in found]
        return label_from_id_map(plane, rows)

    @staticmethod
    def example() -> Label:
        return label_from_id_map(np.array([[4865, 4865], [0, 4865]]), [Segment(PERSON << 8 | 1, 7)])


class TestPanopticPart(TestMapillary):
    """The same files, read by the ids and flags of `panoptic`."""

    options = PANOPTIC

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Partitions of any ids; things may be crowds."""
        ids = st.sampled_from([0, 1, 2, 255, 256, 257, 65535, 65536, 2**24 - 1])
        plane = draw(hnp.arrays(np.uint32, st.tuples(*[st.integers(1, 6)] * 2), elements=ids))
        found = np.unique(plane[plane > 0]).tolist()
        rows = [
            Segment(each, 8) if each == 2 else Segment(each, 7, draw(st.booleans()))
            for each in found
        ]
        return label_from_id_map(plane, rows)


def save(path: Path, pixels: Any, mode: str = "") -> Path:
    """A PNG by Pillow: of 16 bits unless a mode says otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "P":
        image = Image.fromarray(np.asarray(pixels, np.uint8), "L")
        image.putpalette([each % 256 for each in range(768)])
    else:
        image = Image.fromarray(np.asarray(pixels, np.uint8 if mode == "L" else np.uint16))
    image.save(path)
    return path


def write_tree(folder: Path, instances: Mapping[str, Any], parts: str = "") -> Path:
    """A dataset without config: `parts` is a folder of a version, such as `v1.2`."""
    for name, pixels in instances.items():
        split, _, stem = name.partition("/")
        save(folder / split / parts / "instances" / f"{stem}.png", pixels)
    return folder


def shown(image: LabelledImage) -> list[list[int]]:
    """The ids at the pixels."""
    assert image.label is not None
    pixels: list[list[int]] = decode_runs(panoptic_runs(image.label)).tolist()
    return pixels


def read_one(path: Path, **values: str) -> LabelledImage:
    (image,), _ = read_all(MAPILLARY, path, ReadOptions(values=values), BINDING)
    return image


# Reading


def test_a_number_is_the_id_of_its_segment(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[4864, 4865], [4865, 6912]]}, "v1.2")
    image = read_one(tmp_path)
    assert (image.name, image.split, image.problems) == ("a.jpg", "train", ())
    assert shown(image) == [[4864, 4865], [4865, 6912]]
    assert image.label is not None
    assert list(image.label.segments) == [
        Segment(4864, 7),
        Segment(4865, 7),
        Segment(6912, 8),
    ]


def test_number_0_is_the_first_object_of_label_0(tmp_path: Path) -> None:
    """Trap 4: no truth of numbers; the segment is 65,536, since no id is 0."""
    write_tree(tmp_path, {"training/a": [[0, 1], [0, 255]]}, "v1.2")
    assert shown(read_one(tmp_path)) == [[2**16, 1], [2**16, 255]]


def test_unlabeled_is_void_where_no_class_stands_for_it(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[VOID << 8, 4864]]}, "v1.2")
    assert shown(read_one(tmp_path)) == [[0, 4864]]
    binding = {**BINDING, VOID: BoundClass(5, "stuff")}
    (image,), problems = read_all(MAPILLARY, tmp_path, binding=binding)
    assert problems == ()
    assert shown(image) == [[VOID << 8, 4864]]


def test_classes_are_the_official_ones_without_a_config(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[4864]]})
    for version, scheme, count, place, name in (
        ("v1.2", "mapillary", 66, 19, "human--person"),
        ("v2.0", "mapillary2", 124, 30, "human--person--individual"),
    ):
        with MAPILLARY.open(tmp_path, ReadOptions(values={"version": version})) as source:
            assert (source.scheme, len(source.classes), source.problems) == (scheme, count, ())
            assert source.classes[place].name == name
    with MAPILLARY.open(tmp_path, ReadOptions()) as source:
        assert "option version" in source.problems[0].message


def test_the_list_of_a_config_wins(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[256]]}, "v1.2")
    labels = [
        {"name": name, "readable": name, "color": [1, 2, 3], "instances": True, "evaluate": True}
        for name in ("cat", "dog")
    ]
    (tmp_path / "config.json").write_text(json.dumps({"labels": labels, "version": "1.2"}))
    with MAPILLARY.open(tmp_path, ReadOptions()) as source:
        assert [(each.external_id, each.name) for each in source.classes] == [
            (0, "cat"),
            (1, "dog"),
        ]
        # Its numbers are not those of Mapillary: classes must not be bound by them.
        assert source.scheme == ""
    other = (tmp_path / "config.json").rename(tmp_path / "config_v2.0.json")
    with MAPILLARY.open(tmp_path, ReadOptions()) as source:
        assert len(source.classes) == 66
    other.rename(tmp_path / "config_v1.2.json")
    with MAPILLARY.open(tmp_path, ReadOptions()) as source:
        assert len(source.classes) == 2


def test_two_versions_are_told_apart_by_the_option(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[4864]]}, "v1.2")
    write_tree(tmp_path, {"training/a": [[30 << 8]]}, "v2.0")
    with MAPILLARY.open(tmp_path, ReadOptions()) as source:
        assert errors(source.problems) == ["malformed_file"]
        assert "v1.2 and v2.0; choose one by the option version" in source.problems[0].message
    assert shown(read_one(tmp_path, version="v1.2")) == [[4864]]
    with MAPILLARY.open(tmp_path, ReadOptions(values={"version": "v2.0"})) as source:
        assert source.scheme == "mapillary2"


def test_splits_have_their_usual_names(tmp_path: Path) -> None:
    folders = ("testing", "training", "validation", "extra")
    write_tree(tmp_path, {f"{folder}/{folder}": [[4864]] for folder in folders}, "v1.2")
    images, problems = read_all(MAPILLARY, tmp_path, binding=BINDING)
    assert problems == ()
    assert {image.name: image.split for image in images} == {
        "extra.jpg": "extra",
        "testing.jpg": "test",
        "training.jpg": "train",
        "validation.jpg": "val",
    }
    assert read_one(tmp_path / "validation").split == "val"


def test_trap_16_photographs_are_found_by_their_whole_stem(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a.b": [[4864]], "training/in/c": [[4864]]}, "v1.2")
    save(tmp_path / "training/images/in/c.png", [[1]], "L")
    images, problems = read_all(MAPILLARY, tmp_path, binding=BINDING)
    assert problems == ()
    assert [(image.name, image.photo is not None) for image in images] == [
        ("a.b.jpg", False),
        ("in/c.png", True),
    ]


def test_groups_are_labels_of_their_own_and_crowds_as_things(tmp_path: Path) -> None:
    """They have no instances; a taxonomy may count them as things all the same."""
    group = next(
        n for n, each in enumerate(official_labels("v2.0")) if each.name.endswith("person-group")
    )
    write_tree(tmp_path, {"training/a": [[group << 8]]}, "v2.0")
    for kind, crowd in (("stuff", False), ("thing", True)):
        bound = {group: BoundClass(7, kind)}
        (image,), _ = read_all(MAPILLARY, tmp_path, binding=bound)  # type: ignore[arg-type]
        assert image.label is not None
        assert [row.crowd for row in image.label.segments] == [crowd]


def test_several_numbers_of_stuff_become_one_segment(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[6912, 6913]]}, "v1.2")
    image = read_one(tmp_path)
    assert [problem.code for problem in image.problems] == ["joined_stuff"]
    assert shown(image) == [[6912, 6912]]


def test_trap_27_labels_of_either_mode_are_read_as_regions(tmp_path: Path) -> None:
    for mode in ("P", "L"):
        root = tmp_path / mode
        save(root / "training/v1.2/labels/a.png", [[PERSON, SKY], [VOID, BIRD]], mode)
        image = read_one(root, source="labels")
        assert shown(image) == [[4864, 6912], [0, 2**16]]
        assert image.label is not None
        assert [(row.class_id, row.crowd) for row in image.label.segments] == [
            (7, True),
            (8, False),
            (9, True),
        ]
        # As instances the files are not there.
        assert errors(read_one(root).problems) == ["missing_file"]


def test_trap_6_numbers_of_16_bits_are_never_read_as_8(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {}, "v1.2")
    save(root / "training/v1.2/instances/a.png", [[19]], "L")
    (problem,) = read_one(root).problems
    assert problem.message == "a file of 16 bits is needed, this one has 8"
    save(root / "training/v1.2/labels/a.png", [[4864]])
    (problem,) = read_one(root, source="labels").problems
    assert problem.message == "a file of 8 bits is needed, this one has 16"


def test_trap_5_a_list_of_its_own_is_not_bound_by_numbers(tmp_path: Path) -> None:
    """Trap 5: categories remapped by position."""
    root = real_data("datumaro_assets/mapillary_vistas_dataset")
    for source in ("instances", "panoptic"):
        with MAPILLARY.open(
            root, ReadOptions(values={"version": "v1.2", "source": source})
        ) as opened:
            assert opened.scheme == ""


def test_trap_19_missing_partners_are_told_by_name(tmp_path: Path) -> None:
    root = write_tree(tmp_path, {"training/a": [[4864]]}, "v1.2")
    save(root / "training/v1.2/labels/b.png", [[19]], "L")
    _, problems = read_all(MAPILLARY, root, binding=BINDING)
    (problem,) = problems
    assert (problem.code, problem.image) == ("missing_file", "b.jpg")
    assert "instances/b.png" in problem.message


@pytest.mark.parametrize("instance", [0, 1, 254, 255])
def test_trap_25_numbers_near_255_keep_label_and_instance(tmp_path: Path, instance: int) -> None:
    """Off-by-one divisors (`// 255`) show only here."""
    for number in (PERSON << 8 | instance, BIRD << 8 | instance):
        root = tmp_path / str(number)
        write_tree(root, {"training/a": [[number]]}, "v1.2")
        image = read_one(root)
        assert image.label is not None
        (row,) = image.label.segments
        assert row == Segment(number or 2**16, 7 if number >> 8 else 9)


# Hostile and broken files


def test_unknown_numbers_and_classes_are_errors_that_name_them(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[4864, 65535], [65535, 256]]}, "v1.2")
    (problem,) = read_one(tmp_path).problems
    assert problem.message == "2 pixels have values that mean no class: 65535"
    write_tree(tmp_path, {"training/a": [[4864, 257], [258, 256]]}, "v1.2")
    (problem,) = read_one(tmp_path).problems
    assert (problem.code, problem.file, problem.image) == ("unknown_class", "a.png", "a.jpg")
    assert "'animal--ground-animal' of 3 segments" in problem.message


def test_a_photograph_of_another_size_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[4864]]}, "v1.2")
    save(tmp_path / "training/images/a.png", [[1, 2]], "L")
    assert errors(read_one(tmp_path).problems) == ["photo_size_mismatch"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe{", "no UTF-8"),
        (b"[]", "no list of labels"),
        (b'{"labels": []}', "no list of labels"),
        (b'{"labels": [3]}', "label 0 has no name"),
        (b'{"labels": [{"name": "a", "color": [1, 2, 256]}]}', "label 0 has the color"),
        (b'{"labels": [{"name": "a", "color": [1, 2, 3]}]}', "has instances"),
        (b'{"labels": [%s3]}' % (b"3, " * 256), "257, at most 256"),
        (b"[" * 100_000, "no list of labels"),
    ],
)
def test_a_broken_config_is_a_problem(tmp_path: Path, content: bytes, told: str) -> None:
    write_tree(tmp_path, {"training/a": [[4864]]}, "v1.2")
    (tmp_path / "config.json").write_bytes(content)
    with MAPILLARY.open(tmp_path, ReadOptions()) as source:
        (problem,) = source.problems
    assert told in problem.message
    assert list(MAPILLARY.recognise(tmp_path)) == []


def test_empty_and_strange_folders_are_problems(tmp_path: Path) -> None:
    for name in ("", "training", "training/v1.2/instances"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        with MAPILLARY.open(tmp_path, ReadOptions()) as source:
            assert errors(source.problems) == ["no_images"]
        assert list(MAPILLARY.recognise(tmp_path)) == []
    (tmp_path / "training/v1.2/instances/a\nb.png").write_bytes(b"")
    with MAPILLARY.open(tmp_path, ReadOptions()) as source:
        assert errors(source.problems) == ["invalid_name"]


@pytest.mark.parametrize("content", [None, b"[", b"{}", b'{"annotations": 3}'])
def test_a_broken_panoptic_json_is_a_problem(tmp_path: Path, content: bytes | None) -> None:
    folder = tmp_path / "training/v1.2/panoptic"
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "panoptic_2018.json").write_bytes(content)
    images, problems = read_all(MAPILLARY, tmp_path, PANOPTIC, BINDING)
    assert images == []
    assert errors(problems)


def test_the_same_name_in_two_splits_is_an_error(tmp_path: Path) -> None:
    write_tree(tmp_path, {"training/a": [[4864]], "validation/a": [[4864]]}, "v1.2")
    with MAPILLARY.open(tmp_path, ReadOptions()) as source:
        assert errors(source.problems) == ["duplicate_name"]


# Recognising


def test_it_is_recognised_by_its_folders(tmp_path: Path) -> None:
    for part in ("instances", "labels"):
        (tmp_path / "training/v2.0" / part).mkdir(parents=True)
    (found,) = MAPILLARY.recognise(tmp_path)
    assert found == (tmp_path, "training/v2.0/instances lies beside labels")
    (found,) = MAPILLARY.recognise(tmp_path / "training")
    assert found == (tmp_path / "training", "v2.0/instances lies beside labels")


def test_folders_without_a_version_need_a_config(tmp_path: Path) -> None:
    """Other formats have folders `labels` and `instances`, too."""
    for part in ("instances", "labels"):
        (tmp_path / "training" / part).mkdir(parents=True)
    assert list(MAPILLARY.recognise(tmp_path)) == []
    label_ = {"name": "cat", "color": [1, 2, 3], "instances": True}
    (tmp_path / "config.json").write_text(json.dumps({"labels": [label_]}))
    assert len(list(MAPILLARY.recognise(tmp_path))) == 1


# Writing


def export(
    target: Path,
    given: Label | None,
    classes: tuple[ExportClass, ...] = CLASSES,
    **values: str,
) -> tuple[dict[str, int], tuple[Problem, ...]]:
    options = WriteOptions(values=values)
    report = write_all(MAPILLARY, target, [export_image("a.jpg", given)], classes, options)
    return dict(report.lost), report.problems


def pixels_of(path: Path) -> list[Any]:
    with Image.open(path) as image:
        pixels: list[Any] = np.asarray(image).tolist()
    return pixels


def test_written_files_are_those_of_the_dataset(tmp_path: Path) -> None:
    target = tmp_path / "vistas"
    lost, problems = export(target, label("12 .2", {1: 7, 2: 8}, crowds=[1]))
    assert problems == ()
    assert lost == {"changed_ids": 2, "crowd_flags": 1}
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*.*")) == [
        "config_v1.2.json",
        "training/v1.2",
        "training/v1.2/instances/a.png",
        "training/v1.2/labels/a.png",
        "training/v1.2/panoptic/a.png",
        "training/v1.2/panoptic/panoptic_2018.json",
    ]
    parts = target / "training/v1.2"
    assert pixels_of(parts / "instances/a.png") == [[4864, 6912], [VOID << 8, 6912]]
    assert pixels_of(parts / "labels/a.png") == [[PERSON, SKY], [VOID, SKY]]
    with Image.open(parts / "instances/a.png") as image:
        assert image.mode == "I;16"
    with Image.open(parts / "labels/a.png") as image:
        assert (image.mode, image.convert("RGB").getpixel((0, 0))) == ("P", (220, 20, 60))
    assert pixels_of(parts / "panoptic/a.png") == [[[1, 0, 0], [2, 0, 0]], [[0] * 3, [2, 0, 0]]]
    content = json.loads((parts / "panoptic/panoptic_2018.json").read_text())
    assert content["images"] == [{"id": "a", "file_name": "a.jpg", "height": 2, "width": 2}]
    assert content["annotations"] == [
        {
            "image_id": "a",
            "file_name": "a.png",
            "segments_info": [
                {"id": 1, "category_id": 20, "area": 1, "bbox": [0, 0, 1, 1], "iscrowd": 1},
                {"id": 2, "category_id": 28, "area": 2, "bbox": [1, 0, 1, 2], "iscrowd": 0},
            ],
        }
    ]
    assert content["categories"][PERSON] == {
        "id": 20,
        "name": "human--person",
        "supercategory": "human",
        "isthing": 1,
        "color": [220, 20, 60],
    }


def test_the_bytes_of_an_export_are_golden(tmp_path: Path) -> None:
    export(tmp_path / "vistas", label("12 .2", {1: 7, 2: 8}))
    digest = hashlib.sha256()
    for path in sorted((tmp_path / "vistas").rglob("*.*")):
        if path.is_file():
            digest.update(path.read_bytes())
    assert digest.hexdigest() == (
        "13cdb02728a03612324cd0e73a638d376d3aeafd081b146425b1277b6c971ebd"
    )


def test_ids_that_are_numbers_of_the_class_are_kept(tmp_path: Path) -> None:
    plane = np.array([[4865, 65536, 5, 4863], [5, 1, 1, 0]])
    rows = [Segment(4865, 7), Segment(65536, 9), Segment(5, 7), Segment(1, 9), Segment(4863, 7)]
    lost, _ = export(tmp_path / "vistas", label_from_id_map(plane, rows))
    assert lost == {"changed_ids": 2}
    instances = tmp_path / "vistas/training/v1.2/instances/a.png"
    # 5 and 4863 are of other labels: they get the lowest free numbers of persons.
    assert pixels_of(instances) == [[4865, 0, 4864, 4866], [4864, 1, 1, VOID << 8]]


@pytest.mark.parametrize("count", [254, 255, 256])
def test_trap_21_up_to_256_segments_of_a_class_fit(tmp_path: Path, count: int) -> None:
    plane = np.arange(1, count + 1).reshape(1, -1)
    given = label_from_id_map(plane, [Segment(n, 7) for n in range(1, count + 1)])
    export(tmp_path / "vistas", given)
    instances = tmp_path / "vistas/training/v1.2/instances/a.png"
    assert pixels_of(instances) == [list(range(4864, 4864 + count))]


def test_trap_21_the_257th_segment_is_refused_not_wrapped(tmp_path: Path) -> None:
    plane = np.arange(1, 258).reshape(1, -1)
    given = label_from_id_map(plane, [Segment(n, 7) for n in range(1, 258)])
    with pytest.raises(TooLarge, match=r"human--person in image a.jpg: 257, at most 256"):
        export(tmp_path / "vistas", given)
    assert list(tmp_path.iterdir()) == []


def test_what_instances_cannot_say_is_counted(tmp_path: Path) -> None:
    given = stack(
        "11",
        "2.",
        "3.",
        classes={1: 8, 2: 7, 3: 9},
        scores={3: 0.5},
        attributes={3: {"color": "red"}},
    )
    lost, problems = export(tmp_path / "vistas", given)
    assert lost == {"hidden_pixels": 2, "hidden_segments": 1, "changed_ids": 1, "fields": 2}
    assert [problem.code for problem in problems] == ["hidden_segment"]
    lost, problems = export(tmp_path / "none", None)
    assert lost == {"unlabelled_images": 1}
    assert [problem.code for problem in problems] == ["unlabelled_image"]


def test_hidden_segments_of_unknown_classes_are_refused_too(tmp_path: Path) -> None:
    with pytest.raises(UnknownClass, match=r"image a\.jpg, segment 1"):
        export(tmp_path / "vistas", stack("1", "2", classes={1: 5, 2: 7}))


def test_classes_that_the_list_lacks_follow_it(tmp_path: Path) -> None:
    classes = (*CLASSES, ExportClass(4, "unicorn", "thing", (1, 2, 3)))
    listing = list_classes(classes, "v1.2")
    assert (len(listing.labels), listing.void) == (67, VOID)
    assert listing.numbers == {7: PERSON, 8: SKY, 9: BIRD, 4: 66}
    target = tmp_path / "vistas"
    export(target, label("1", {1: 4}), classes)
    with MAPILLARY.open(target, ReadOptions()) as source:
        assert source.scheme == "mapillary"
        assert source.classes[66].name == "unicorn"


def test_classes_of_another_world_have_a_list_of_their_own() -> None:
    classes = (
        ExportClass(1, "cat", "thing", (1, 2, 3), {"coco": 17}),
        ExportClass(2, "lawn", "stuff", (4, 5, 6)),
    )
    listing = list_classes(classes, "v2.0")
    assert [(each.name, each.instances) for each in listing.labels] == [
        ("cat", True),
        ("lawn", False),
        ("void--unlabeled", False),
    ]
    assert (listing.numbers, listing.void) == ({1: 0, 2: 1}, 2)


def test_more_labels_than_a_byte_holds_are_refused() -> None:
    classes = tuple(ExportClass(n, f"class {n}", "thing", (0, 0, 0)) for n in range(256))
    assert len(list_classes(classes[:255], "v1.2").labels) == 256
    with pytest.raises(TooLarge, match="257, at most 256"):
        list_classes(classes, "v1.2")


def test_splits_and_photographs_lie_where_the_dataset_has_them(tmp_path: Path) -> None:
    options = WriteOptions(photos=True, values={"version": "v2.0"})
    with MAPILLARY.create(tmp_path / "vistas", CLASSES, options) as writer:
        for split in ("val", "night"):
            image = export_image(f"{split}.jpg", label("1", {1: 7}), split=split)
            writer.add(writer.encode(image), b"\xff\xd8\xffphoto")
        assert writer.close().images == 2
    for folder, name in (("validation", "val"), ("night", "night")):
        split_folder = tmp_path / "vistas" / folder
        assert (split_folder / f"images/{name}.jpg").is_file()
        assert (split_folder / "v2.0/panoptic/panoptic_2020.json").is_file()


def test_everything_of_visible_segments_comes_back_from_panoptic(tmp_path: Path) -> None:
    given = label(
        "12",
        {1: 7, 2: 7},
        crowds=[1],
        scores={2: 0.5},
        track_ids={2: 9},
        attributes={1: {"color": "red"}},
    )
    export(tmp_path / "vistas", given)
    options = PANOPTIC
    assert read_labels(MAPILLARY, tmp_path / "vistas", options, BINDING) == {"a.jpg": given}


# Real files


@pytest.mark.parametrize("version", ["v1.2", "v2.0"])
@pytest.mark.parametrize("source", ["instances", "panoptic"])
def test_the_fixture_is_read_and_comes_back(tmp_path: Path, version: str, source: str) -> None:
    """Its panoptic part has `bbox: []`, ids of text and categories 1, 10 and 100."""
    root = real_data("datumaro_assets/mapillary_vistas_dataset")
    (found,) = MAPILLARY.recognise(root)
    assert found.path == root
    options = ReadOptions(values={"version": version, "source": source})
    with MAPILLARY.open(root, options) as opened:
        by_name = {each.name: each.external_id for each in opened.classes}
    kinds = {name: BoundClass(number, "thing") for number, name in enumerate(by_name, 1)}
    binding: Binding = {by_name[name]: bound for name, bound in kinds.items()}
    images, problems = read_all(MAPILLARY, root, options, binding)
    assert problems == ()
    assert [(image.name, image.split) for image in images] == [
        ("0.jpg", "val"),
        ("1.jpg", "val"),
        ("2.jpg", "train"),
    ]
    assert all(image.photo for image in images)
    counts = [len(image.label.segments) for image in images if image.label is not None]
    assert counts == [2, 3, 5]
    if source == "panoptic":
        crowds = [row.crowd for row in images[1].label.segments]  # type: ignore[union-attr]
        assert crowds == [False, False, True]
        assert images[0].attributes == {"source_id": "0"}
    classes = tuple(
        ExportClass(bound.class_id, name, "thing", (0, 0, 0)) for name, bound in kinds.items()
    )
    given = [export_image(image.name, image.label, split=image.split) for image in images]
    write = WriteOptions(values={"version": version})
    write_all(MAPILLARY, tmp_path / "vistas", given, classes, write)
    with MAPILLARY.open(tmp_path / "vistas", options) as opened:
        again = {
            each.external_id: kinds[each.name] for each in opened.classes if each.name in kinds
        }
    images_again, problems = read_all(MAPILLARY, tmp_path / "vistas", options, again)
    assert problems == ()
    assert [image.split for image in images_again] == ["val", "val", "train"]
    if source == "panoptic":
        assert [image.label for image in images_again] == [image.label for image in images]


def test_drawings_are_what_they_look_like(tmp_path: Path) -> None:
    """One file by the specification, pixel by pixel: 256 · label + n."""
    drawn = id_map("aab cbb")
    numbers = {10: PERSON * 256 + 3, 11: SKY * 256, 12: PERSON * 256 + 255}
    pixels = np.vectorize(numbers.get)(drawn)
    write_tree(tmp_path, {"validation/x": pixels}, "v1.2")
    assert shown(read_one(tmp_path)) == pixels.tolist()
