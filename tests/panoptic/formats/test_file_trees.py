"""What all formats share that are folders of files: names, faults, photographs, collisions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from panoptic.errors import MalformedFile
from panoptic.formats.base import FileClass, LabelledImage, ReadOptions
from panoptic.formats.file_trees import (
    FilesRecord,
    FolderWriter,
    NameTaken,
    Reading,
    TreeItem,
    TreeSource,
    photo_suffix,
    read_tree_item,
)
from panoptic.formats.paths import InvalidName
from panoptic.formats.photos import Photo
from tests.builders import label

CLASSES = (FileClass(1, "road", "stuff"),)
LABEL = label("11 ..", {1: 1})


def source_of(*items: TreeItem) -> TreeSource:
    return TreeSource(Path("tree"), classes=CLASSES, scheme="x", items=items)


def items_of(source: TreeSource) -> Iterator[TreeItem]:
    with source:
        yield from source.iter_items()


def read(item: TreeItem, reading: Reading, **options: object) -> LabelledImage:
    return read_tree_item(item, ReadOptions(**options), lambda photo: reading)  # type: ignore[arg-type]


def test_items_come_sorted_and_whole() -> None:
    first = TreeItem("a.png", {"class": "/x/a.png"}, "/y/a.jpg", "val", {"frame": 3})
    second = TreeItem("b.png", {})
    assert list(items_of(source_of(second, first))) == [first, second]


def test_two_labels_of_one_image_are_an_error_and_one_item() -> None:
    source = source_of(TreeItem("a.png", {"class": "1"}), TreeItem("a.png", {"class": "2"}))
    (problem,) = source.problems
    assert (problem.code, problem.image, source.count) == ("duplicate_name", "a.png", 1)
    assert [item.files["class"] for item in items_of(source)] == ["1"]


def test_a_name_that_leaves_its_folder_is_an_error() -> None:
    source = source_of(TreeItem("../a.png", {}), TreeItem("b.png", {}))
    assert [problem.code for problem in source.problems] == ["invalid_name"]
    assert source.count == 1


def test_a_tree_without_files_says_what_was_looked_for() -> None:
    empty = TreeSource(Path("t"), classes=(), scheme="", items=(), wanted="maps of classes")
    assert [problem.message for problem in empty.problems] == ["no maps of classes in t"]


def test_what_reading_raises_is_a_problem_of_the_image() -> None:
    def fail(photo: Photo) -> Reading:
        raise MalformedFile("the file is truncated")

    image = read_tree_item(TreeItem("a.png", {"class": "/x/a_ids.png"}), ReadOptions(), fail)
    (problem,) = image.problems
    assert (problem.file, problem.image) == ("a_ids.png", "a.png")
    assert image.label is None


def test_a_file_that_went_away_is_a_problem_of_the_image() -> None:
    def fail(photo: Photo) -> Reading:
        raise FileNotFoundError(2, "No such file or directory", "/x/a_ids.png")

    image = read_tree_item(TreeItem("a.png", {}), ReadOptions(), fail)
    assert [(problem.code, problem.file) for problem in image.problems] == [
        ("malformed_file", "a_ids.png")
    ]


def test_the_photograph_of_the_tree_is_measured(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    Image.new("RGB", (2, 2)).save(photo)
    image = read(TreeItem("a.jpg", {}, str(photo), "val"), Reading(LABEL))
    assert (image.photo, image.split, image.label, image.problems) == (photo, "val", LABEL, ())


def test_a_label_of_another_size_than_its_photograph_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2)).save(tmp_path / "a.jpg")
    image = read(TreeItem("a.jpg", {}, str(tmp_path / "a.jpg")), Reading(LABEL))
    assert [problem.code for problem in image.problems] == ["photo_size_mismatch"]
    assert image.label is None


def test_photographs_that_a_person_names_come_first(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.jpg")
    image = read(TreeItem("a.png", {}, "/nowhere/a.png"), Reading(LABEL), images=tmp_path)
    assert (image.photo, image.problems) == (tmp_path / "a.jpg", ())


def test_an_unlabelled_image_has_the_size_of_its_photograph(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2)).save(tmp_path / "a.jpg")
    image = read(TreeItem("a.jpg", {}, str(tmp_path / "a.jpg")), Reading(None))
    assert (image.height, image.width, image.label) == (2, 3, None)


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    writer = FolderWriter(tmp_path / "out")
    writer.add(FilesRecord("a", (("labels/a.png", b"x"),), segments=2, photo="images/a"), b"BM..")
    assert not (tmp_path / "out").exists()
    report = writer.close()
    assert (report.images, report.segments) == (1, 2)
    assert (tmp_path / "out/labels/a.png").read_bytes() == b"x"
    assert (tmp_path / "out/images/a.bmp").read_bytes() == b"BM.."


def test_an_image_without_files_is_left_out(tmp_path: Path) -> None:
    writer = FolderWriter(tmp_path / "out")
    writer.add(FilesRecord("a", (), lost={"unlabelled_images": 1}))
    report = writer.close()
    assert (report.images, report.lost) == (0, {"unlabelled_images": 1})


def test_two_images_of_one_file_are_refused(tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "out") as writer:
        writer.add(FilesRecord("a.jpg", (("a.png", b"1"),)))
        with pytest.raises(NameTaken, match=r"image a.tif: another image is written to a.png"):
            writer.add(FilesRecord("a.tif", (("a.png", b"2"),)))
    assert list(tmp_path.iterdir()) == []


def test_no_file_of_an_export_leaves_its_folder(tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "out") as writer, pytest.raises(InvalidName):
        writer.add(FilesRecord("a", (("../a.png", b"1"),)))


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP"), (".tif", "TIFF")]
)
def test_a_photograph_is_named_by_what_it_is(tmp_path: Path, suffix: str, kind: str) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "photo", kind)
    assert photo_suffix((tmp_path / "photo").read_bytes()) == suffix


def test_a_file_where_a_folder_is_needed_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    source = TreeSource(tmp_path / "a.png", classes=(), scheme="", items=(), wanted="maps")
    assert [problem.message for problem in source.problems] == ["no maps in a.png, which is a file"]
