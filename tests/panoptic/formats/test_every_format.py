"""Laws of every format there is, on one world: what comes back, what is told, what is refused.

A new format is tested here by being registered; what it makes of the world is said in `KEPT`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest

from panoptic.archives.packing import extract_archive, write_archive
from panoptic.errors import TooLarge
from panoptic.formats.base import ExportClass, ExportImage, ExportReport, Format
from panoptic.formats.file_trees import NameTaken
from panoptic.formats.options import parse_write_options
from panoptic.formats.problems import has_errors
from panoptic.formats.recognition import choose, recognise
from panoptic.formats.registry import FORMATS, get_format
from panoptic.formats.tally import count_fields
from panoptic.label import Label, Segment, label_from_id_map
from panoptic.label_bytes import shape_digest
from panoptic.runs import decode_runs
from panoptic.segments import Origin
from panoptic.views import semantic_runs
from tests.builders import label
from tests.panoptic.formats.files import export_image
from tests.panoptic.formats.worlds import (
    CAR,
    CLASSES,
    NOTHING,
    PERSON,
    PIXEL,
    ROAD,
    STREET,
    WORLD,
    Place,
    World,
    draw,
    export_every,
    export_world,
    has_photos,
    import_world,
    name_of,
    target_name,
)

WRITTEN = [form for form in FORMATS.values() if form.is_written]
ROUND_TRIPS = [form for form in WRITTEN if form.is_read]
WITH_PHOTOS = [form for form in ROUND_TRIPS if has_photos(form)]
VARIANTS = [
    pytest.param(form, {option.name: choice}, id=f"{form.name}-{option.name}={choice}")
    for form in ROUND_TRIPS
    for option in form.write_options
    for choice in option.choices[1:]
]


class Kept(NamedTuple):
    """What a format makes of the world, written without photographs.

    crowd : kept as a crowd; an instance like others; all of its class is one region
    overlap : the full masks, or what is seen of them, and the rest is counted
    unlabelled : the image stays so; it is left out; it cannot be told from one without segments
    split : comes back; all are one; none comes back
    suffix : whether names come back whole
    lost : all that the report counts
    """

    crowd: Literal["kept", "instance", "region"]
    overlap: Literal["full", "seen"]
    unlabelled: Literal["kept", "left out", "empty"]
    split: Literal["kept", "train", "none"]
    suffix: bool
    lost: Mapping[str, int]


HIDDEN = {"hidden_pixels": 28}
MERGED = {"merged_segments": 4}
DRAGONS = {"void_pixels": 4}
UNLABELLED = {"unlabelled_images": 1}

KEPT = {
    "bdd100k": Kept("kept", "seen", "left out", "kept", False, HIDDEN | DRAGONS | UNLABELLED),
    "cityscapes": Kept(
        "kept",
        "seen",
        "left out",
        "kept",
        True,
        HIDDEN | DRAGONS | UNLABELLED | {"changed_ids": 14},
    ),
    "coco_instances": Kept("kept", "full", "empty", "none", True, {}),
    "coco_panoptic": Kept("kept", "seen", "kept", "none", True, HIDDEN),
    "coco_stuff": Kept("region", "seen", "empty", "none", True, HIDDEN | MERGED),
    "color_maps": Kept("region", "seen", "left out", "kept", False, HIDDEN | MERGED | UNLABELLED),
    "cvat": Kept("kept", "full", "empty", "kept", True, {}),
    "id_maps": Kept("kept", "seen", "left out", "none", False, HIDDEN | UNLABELLED),
    "instance_masks": Kept(
        "instance",
        "full",
        "left out",
        "none",
        True,
        UNLABELLED | {"left_out_segments": 4, "crowd_flags": 1},
    ),
    "kitti": Kept(
        "kept",
        "seen",
        "left out",
        "train",
        False,
        HIDDEN | DRAGONS | UNLABELLED | {"changed_ids": 14},
    ),
    "kitti_step": Kept(
        "kept",
        "seen",
        "left out",
        "kept",
        False,
        HIDDEN | DRAGONS | UNLABELLED | {"changed_ids": 14},
    ),
    "mapillary": Kept(
        "instance",
        "seen",
        "left out",
        "kept",
        False,
        HIDDEN | UNLABELLED | {"changed_ids": 15, "crowd_flags": 1},
    ),
    "parquet": Kept("kept", "seen", "kept", "kept", True, HIDDEN),
    "pixelmaps": Kept("region", "seen", "left out", "kept", False, HIDDEN | MERGED | UNLABELLED),
    "sceneparsing": Kept(
        "region", "seen", "left out", "kept", False, HIDDEN | MERGED | DRAGONS | UNLABELLED
    ),
    "voc": Kept("kept", "seen", "left out", "kept", False, HIDDEN | UNLABELLED),
    "webdataset": Kept("kept", "seen", "kept", "kept", True, HIDDEN),
}

CROWD_DRAWINGS = {
    "kept": "rrpp rPPP rppP",
    "instance": "rrpp rppp rppp",
    "region": "rrPP rPPP rPPP",
}
# Pixels of the two pictures of the street that a person hides.
HIDDEN_IN_A_STREET = 14


class Export(NamedTuple):
    """A written world, and what came back; `world` None: it is only written."""

    path: Path
    report: ExportReport
    world: World | None

    @property
    def images(self) -> Mapping[str, Any]:
        """What was read, by stem: suffixes are another law."""
        assert self.world is not None
        return {name.rpartition(".")[0]: image for name, image in self.world.images.items()}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Export]:
    """The world in every format, without photographs, read from where it is recognised."""
    root = tmp_path_factory.mktemp("plain")
    made = {}
    for form in WRITTEN:
        target = root / form.name / target_name(form)
        values = {"photos": "no"} if has_photos(form) else {}
        report = export_world(form, target, **values)
        world = None
        if form.is_read:
            # Masks alone do not say how large an image without any is, and a folder above them
            # may be a part of its name.
            photos = None if form.has_classes else photographs(root / "photos")
            above = target.parent if form.has_classes else target
            world = import_world(form, choose(above).path, photos)
        made[form.name] = Export(target, report, world)
    return made


@pytest.fixture(scope="module")
def with_photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The world with photographs, where a format has a place for them."""
    root = tmp_path_factory.mktemp("photographed")
    for form in WITH_PHOTOS:
        export_world(form, root / form.name / target_name(form), photos="yes")
    return {form.name: root / form.name / target_name(form) for form in WITH_PHOTOS}


def photographs(folder: Path) -> Path:
    """All photographs of the world by their names."""
    for place in WORLD:
        path = folder / place.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(place.photo)
    return folder


def stem(name: str) -> str:
    return name.rpartition(".")[0]


# What comes back


def test_all_formats_say_what_they_make_of_the_world() -> None:
    assert set(KEPT) == {form.name for form in WRITTEN}


@pytest.mark.parametrize("form", WRITTEN, ids=name_of)
def test_losses_are_counted(form: Format, exports: dict[str, Export]) -> None:
    report = exports[form.name].report
    assert dict(report.lost) == dict(KEPT[form.name].lost)
    left_out = report.lost.get("unlabelled_images", 0)
    assert report.images == len(WORLD) - left_out
    told = [one for one in report.problems if one.code == "unlabelled_image"]
    assert bool(told) == (KEPT[form.name].unlabelled != "kept")
    assert not has_errors(report.problems)
    assert all(problem.image for problem in report.problems)


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_nothing_is_wrong_with_what_was_written(form: Format, exports: dict[str, Export]) -> None:
    world = exports[form.name].world
    assert world is not None
    assert world.problems == ()


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_every_pixel_has_its_class_or_is_counted_as_void(
    form: Format, exports: dict[str, Export]
) -> None:
    export = exports[form.name]
    lost_pixels = 0
    for place in WORLD:
        if place.label is None:
            continue
        written = str(draw(place.label)).lower()
        if not form.has_classes:
            written = written.translate(str.maketrans("pdr", "cc."))  # masks of things alone
        read = str(draw(export.images[stem(place.name)].label)).lower()
        assert len(read) == len(written)
        changed = [(was, now) for was, now in zip(written, read, strict=True) if was != now]
        assert {now for _, now in changed} <= {"."}, (written, read)
        lost_pixels += len(changed)
    assert lost_pixels == export.report.lost.get("void_pixels", 0)


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_crowds_are_what_the_format_makes_of_them(form: Format, exports: dict[str, Export]) -> None:
    export, kept = exports[form.name], KEPT[form.name]
    expected = CROWD_DRAWINGS[kept.crowd]
    if not form.has_classes:
        expected = expected.translate(str.maketrans("pPr", "cC."))
    square = export.images["0000/000001"].label
    assert draw(square) == expected
    persons = 1 if kept.crowd == "region" else 3
    assert sum(row.class_id != ROAD for row in square.segments) == persons


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_full_masks_are_kept_or_what_is_hidden_is_counted(
    form: Format, exports: dict[str, Export]
) -> None:
    export, kept = exports[form.name], KEPT[form.name]
    street = export.images["0000/000000"]
    if kept.overlap == "seen":
        assert export.report.hidden_pixels == 2 * HIDDEN_IN_A_STREET
        assert (street.hidden_pixels, street.label.is_partition) == (0, True)
    elif form.has_classes:
        assert street.hidden_pixels == HIDDEN_IN_A_STREET
        assert shape_digest(street.label) == shape_digest(STREET)
    else:
        assert street.hidden_pixels == 2  # of a car below a person; stuff is not written


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_empty_unlabelled_and_tiny_images_come_back(
    form: Format, exports: dict[str, Export]
) -> None:
    export, kept = exports[form.name], KEPT[form.name]
    empty = export.images["0001/000002"]
    size = (empty.height, empty.width)
    assert size == NOTHING.shape
    assert empty.label == NOTHING
    assert draw(export.images["0001/000000"].label).lower() == draw(PIXEL)
    unlabelled = export.images.get("0001/000003")
    if kept.unlabelled == "left out":
        assert unlabelled is None
    else:
        assert unlabelled.label == (NOTHING if kept.unlabelled == "empty" else None)


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_names_and_splits_come_back_as_far_as_the_format_keeps_them(
    form: Format, exports: dict[str, Export]
) -> None:
    export, kept = exports[form.name], KEPT[form.name]
    assert export.world is not None
    places = [one for one in WORLD if one.label is not None or kept.unlabelled != "left out"]
    read = export.world.images
    assert {stem(name) for name in read} == {stem(place.name) for place in places}
    assert (set(read) == {place.name for place in places}) == kept.suffix
    for place in places:
        expected = {"kept": place.split, "train": "train", "none": None}[kept.split]
        assert export.images[stem(place.name)].split == expected


# All that a segment can have: scores, tracks, origins, attributes of all types, crowds.
RICH = label(
    "112233 445566",
    {1: ROAD, 2: CAR, 3: CAR, 4: PERSON, 5: PERSON, 6: PERSON},
    crowds=[5, 6],
    scores={2: 0.5},
    track_ids={2: 9, 4: 7},
    origins={3: Origin("net", "1", 0.25)},
    attributes={1: {"wet": "yes"}, 2: {"truncated": True, "note": "x"}, 5: {"many": 3}},
)


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_fields_crowds_and_ids_come_back_or_are_counted(form: Format, tmp_path: Path) -> None:
    lost, read = there_and_back(form, RICH, tmp_path)
    written_fields, read_fields = count_fields(RICH.segments), count_fields(read.segments)
    assert written_fields <= read_fields + lost["fields"]
    crowds = sum(row.crowd for row in read.segments)
    assert crowds + lost["crowd_flags"] + lost["merged_crowds"] + lost["merged_segments"] >= 2
    segments = len(read.segments) + lost["merged_crowds"] + lost["merged_segments"]
    assert segments + lost["left_out_segments"] == len(RICH.segments)
    if form.has_ids:
        strange = set(read.segments.ids.tolist()) - set(RICH.segments.ids.tolist())
        assert len(strange) <= lost["changed_ids"]


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_what_was_read_is_written_again_without_a_loss(
    form: Format, exports: dict[str, Export], tmp_path: Path
) -> None:
    first = exports[form.name].world
    assert first is not None
    again = tmp_path / target_name(form)
    with form.create(again, CLASSES, parse_write_options(form, {})) as out:
        for image in first.images.values():
            size = (image.height, image.width)
            fields = {"split": image.split, "attributes": image.attributes}
            out.add(out.encode(ExportImage(image.name, image.label, *size, **fields)))
        assert dict(out.close().lost) == {}
    photos = None if form.has_classes else photographs(tmp_path / "photos")
    second = import_world(form, again, photos)
    assert {name: image.label for name, image in second.images.items()} == {
        name: image.label for name, image in first.images.items()
    }


def there_and_back(form: Format, drawn: Label, folder: Path) -> tuple[Counter[str], Label]:
    """The losses of an export of one image, and its label as it is read."""
    target = folder / target_name(form)
    with form.create(target, CLASSES, parse_write_options(form, {})) as out:
        out.add(out.encode(export_image("0000/000000.png", drawn, split="train")))
        lost = Counter(out.close().lost)
    world = import_world(form, target)
    assert world.problems == ()
    (image,) = world.images.values()
    assert image.label is not None
    return lost, image.label


# Photographs


@pytest.mark.parametrize("form", WITH_PHOTOS, ids=name_of)
def test_photographs_come_back_byte_for_byte(form: Format, with_photos: dict[str, Path]) -> None:
    world = import_world(form, with_photos[form.name])
    places = {place.name: place for place in WORLD}
    assert not has_errors(world.problems)
    assert set(world.images) >= {place.name for place in WORLD if place.label is not None}
    for name, image in world.images.items():
        assert image.photo is not None, name
        assert image.photo.read_bytes() == places[name].photo


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_photographs_elsewhere_are_found_by_name(
    form: Format, exports: dict[str, Export], tmp_path: Path
) -> None:
    world = import_world(form, exports[form.name].path, photographs(tmp_path))
    assert not has_errors(world.problems)
    places = {stem(place.name): place for place in WORLD}
    for name, image in world.images.items():
        assert image.photo is not None, name
        assert image.photo.read_bytes() == places[stem(name)].photo


# Names

# Sets of names of one export: images of one stem, of a stem with dots, one below another, at the
# limits of disks, with signs that mean something to a format, and of a format's own files.
NAMES = [
    ("a.jpg", "a.png"),
    ("a", "a.png"),
    ("a.png", "a.png.png"),
    ("a.png/b.png", "a.png"),
    ("a.png", "a.png/b/c.png"),
    ("a/b.png", "a.png"),
    ("a.b.png", "a.png"),
    ("x.png", "X.png"),
    ("1.png", "01.png"),
    (" a.png", "a.png"),
    ("a .png", "a.png"),
    ('"a".png', "a.png"),
    ("a,b;c=1.png", "=1+1.png"),
    ("'q\"<&>.png", "%41.png"),
    ("a\u2028b.png", "a\x85b.png", "a\u00a0b.png"),
    ("#a.png", "-a.png"),
    ("labels/a.png", "images/a.png", "panoptic/a.png", "trainannot/a.png"),
    ("train/a.png", "val/a.png", "test/a.png", "testing/a.png"),
    ("classes.csv", "train.txt", "label_colors.txt", "panoptic.json"),
    ("a" * 251 + ".png", "b.png"),
    ("ü" * 127, "b.png"),
]


@pytest.mark.parametrize("names", NAMES, ids=lambda names: ascii(names[0][:12]))
@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_images_of_any_names_are_what_they_were_or_refused(
    form: Format, names: tuple[str, ...], tmp_path: Path
) -> None:
    # As wide as its place, so that a mix-up shows.
    places = [
        Place(name, "train", label("2" * width, {2: CAR}), (1, width))
        for width, name in enumerate(names, 1)
    ]
    target = tmp_path / target_name(form)
    try:
        export_world(form, target, places, **({"photos": "yes"} if has_photos(form) else {}))
    except (NameTaken, TooLarge):
        assert list(tmp_path.iterdir()) == []
        return
    world = import_world(form, target)
    assert world.problems == ()
    assert sorted(image.width for image in world.images.values()) == [
        place.size[1] for place in places
    ]
    for name, image in world.images.items():
        place = places[image.width - 1]
        # What is no suffix of a photograph gets one.
        assert name == place.name or name.startswith(stem(place.name) or place.name)
        assert image.photo is None or image.photo.read_bytes() == place.photo
        assert image.split == (None if KEPT[form.name].split == "none" else "train")


@pytest.mark.parametrize("name", [".a.png", ".b/a.png"])
@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_a_hidden_file_is_told_or_read(form: Format, name: str, tmp_path: Path) -> None:
    places = [Place(name, "train", PIXEL, (1, 1)), Place("b.png", "train", PIXEL, (1, 1))]
    report = export_world(form, tmp_path / target_name(form), places)
    told = any(one.code == "hidden_file" and one.image == name for one in report.problems)
    assert told == (name not in import_world(form, tmp_path / target_name(form)).images)


# What it is


@pytest.mark.parametrize("form", ROUND_TRIPS, ids=name_of)
def test_an_export_is_recognised_wherever_it_lies(
    form: Format, exports: dict[str, Export], with_photos: dict[str, Path], tmp_path: Path
) -> None:
    targets = [exports[form.name].path, *([with_photos[form.name]] if has_photos(form) else [])]
    for number, target in enumerate(targets):
        folder = target if target.is_dir() else target.parent
        unpacked = []
        for place in (folder, folder.parent):
            if place == folder.parent and target.is_file():
                continue  # the other exports lie there
            for kind in ("zip", "tar"):
                archive = tmp_path / f"{number} {len(unpacked)}.{kind}"
                write_archive(place, archive, kind)
                unpacked.append(archive.with_suffix(""))
                extract_archive(archive, unpacked[-1])
        for place in (target, target.parent, *unpacked):
            assert [one.format for one in recognise(place)] == [form.name], place


@pytest.mark.parametrize(("form", "values"), VARIANTS)
def test_every_choice_of_an_export_is_recognised_and_read(
    form: Format, values: dict[str, str], tmp_path: Path
) -> None:
    export_world(form, tmp_path / target_name(form), **values)
    (found,) = recognise(tmp_path)
    assert found.format == form.name
    same = {
        option.name: values[option.name]
        for option in form.read_options
        if values.get(option.name) in option.choices
    }
    world = import_world(form, found.path, values=same)
    # A choice may name things by classes that the world does not have.
    strange = {problem.code for problem in world.problems if problem.severity == "error"} - {
        "unknown_class"
    }
    assert strange == (set() if form.has_classes else {"missing_size"})


def test_photographs_alone_are_no_labels(tmp_path: Path) -> None:
    assert recognise(photographs(tmp_path)) == []


# The same bytes


def test_another_process_on_another_machine_writes_the_same_bytes(tmp_path: Path) -> None:
    export_every(tmp_path / "here")
    surroundings = {
        "PYTHONHASHSEED": "4711",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "tr_TR.UTF-8",
        "HOME": str(tmp_path),
        "USER": "somebody",
    }
    script = (
        "import sys; from pathlib import Path; from tests.panoptic.formats.worlds import "
        "export_every; export_every(Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a longer path" / "there")],
        env={**os.environ, **surroundings, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        timeout=120,
    )
    here, there = files_of(tmp_path / "here"), files_of(tmp_path / "a longer path" / "there")
    assert sorted(here) == sorted(there)
    assert [name for name in here if here[name] != there[name]] == []


def test_no_file_says_where_or_when_it_was_written(tmp_path: Path) -> None:
    export_every(tmp_path)
    # A path of this test, a date of this year, and the texts and times of a PNG.
    told = re.compile(
        re.escape(str(tmp_path).encode())
        + rb"|pytest-of|/work|/home/|202\d-\d\d|tEXt|iTXt|zTXt|tIME"
    )
    places = {place.photo for place in WORLD}
    for name, content in files_of(tmp_path).items():
        if content not in places:
            assert told.search(content) is None, name


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# What is too large

# How many cars of an image fit, by the range of their numbers.
CARS = [
    ("bdd100k", {}, 65_535),
    ("cityscapes", {}, 1_000),
    ("id_maps", {"bits": "8"}, 255),
    ("id_maps", {"bits": "16"}, 65_535),
    ("kitti", {}, 255),
    ("kitti_step", {}, 65_535),
    ("mapillary", {}, 256),
    ("voc", {}, 254),
]
ENDLESS = [form for form in ROUND_TRIPS if form.name not in {name for name, *_ in CARS}]


def cars(count: int) -> Label:
    """An image with that many cars, a pixel each."""
    plane = np.arange(1, count + 1, dtype=np.uint32).reshape(1, count)
    return label_from_id_map(plane, (Segment(number, CAR) for number in range(1, count + 1)))


def write_cars(name: str, values: dict[str, str], count: int, folder: Path) -> ExportReport:
    form = get_format(name)
    with form.create(folder / target_name(form), CLASSES, parse_write_options(form, values)) as out:
        out.add(out.encode(export_image("0000/000000.png", cars(count), split="train")))
        return out.close()


@pytest.mark.parametrize(("name", "values", "limit"), CARS)
def test_as_many_instances_as_there_are_numbers_come_back(
    name: str, values: dict[str, str], limit: int, tmp_path: Path
) -> None:
    assert write_cars(name, values, limit, tmp_path).segments == limit
    world = import_world(get_format(name), choose(tmp_path).path)
    (image,) = world.images.values()
    assert world.problems == ()
    assert len(image.label.segments) == limit
    assert image.label.layers[0].count == limit


@pytest.mark.parametrize(("name", "values", "limit"), CARS)
def test_one_instance_more_is_refused_and_nothing_is_written(
    name: str, values: dict[str, str], limit: int, tmp_path: Path
) -> None:
    with pytest.raises(TooLarge, match=re.escape("0000/000000.png")) as caught:
        write_cars(name, values, limit + 1, tmp_path)
    assert (caught.value.actual, caught.value.limit) == (limit + 1, limit)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ENDLESS, ids=name_of)
def test_other_formats_keep_a_thousand_instances_or_count_them_as_joined(
    form: Format, tmp_path: Path
) -> None:
    report = write_cars(form.name, {}, 1_001, tmp_path)
    joined = report.lost.get("merged_segments", 0)
    assert joined in (0, 1_000)
    world = import_world(form, choose(tmp_path).path)
    (image,) = world.images.values()
    assert world.problems == ()
    assert len(image.label.segments) + joined == 1_001


@pytest.mark.parametrize("count", [254, 255, 256, 1_000])
@pytest.mark.parametrize("form", [form for form in ROUND_TRIPS if form.has_classes], ids=name_of)
def test_many_classes_are_refused_void_or_what_they_were_and_never_others(
    form: Format, count: int, tmp_path: Path
) -> None:
    """A number that wraps makes class 256 class 0."""
    classes = tuple(
        ExportClass(number, f"class {number}", "thing", (number // 250, number % 250, 7))
        for number in range(1, count + 1)
    )
    plane = np.arange(1, count + 1, dtype=np.uint32).reshape(1, count)
    drawn = label_from_id_map(plane, (Segment(number, number) for number in range(1, count + 1)))
    target = tmp_path / target_name(form)
    try:
        with form.create(target, classes, parse_write_options(form, {})) as out:
            out.add(out.encode(export_image("0000/000000.png", drawn, split="train")))
            report = out.close()
    except TooLarge:
        assert count > 250
        assert list(tmp_path.iterdir()) == []
        return
    world = import_world(form, target, classes=classes)
    (image,) = world.images.values()
    assert world.problems == ()
    read = decode_runs(semantic_runs(image.label))
    assert set(np.unique(read[read != plane])) <= {0}
    assert np.count_nonzero(read != plane) == report.lost.get("void_pixels", 0)
