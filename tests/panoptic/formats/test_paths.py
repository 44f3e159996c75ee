"""Names of files inside of files."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from panoptic.errors import MalformedFile
from panoptic.formats.paths import (
    InvalidName,
    check_relative,
    find_photo,
    member_path,
    normal_name,
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../a.png", "leaves its folder"),
        ("a/../../b.png", "leaves its folder"),
        ("a/..", "leaves its folder"),
        ("/etc/passwd", "absolute"),
        ("C:/a.png", "absolute"),
        ("c:a.png", "absolute"),
        ("a\\b.png", "backslash"),
        ("..\\b.png", "backslash"),
        ("a\0.png", "control character"),
        ("a\n.png", "control character"),
        ("", "empty"),
        ("a//b.png", "empty part"),
        ("a/", "empty part"),
        ("./a.png", "empty part or '.'"),
        (None, "not text"),
        (3, "not text"),
        ("\ud800.png", "surrogate"),
        ("é" * 513, "longer than 1024 bytes"),
    ],
)
def test_names_that_could_leave_their_folder_or_are_none_are_refused(
    name: object, reason: str
) -> None:
    with pytest.raises(InvalidName, match=reason):
        member_path(Path("labels"), name)


@pytest.mark.parametrize("name", ["a.png", "city/frame 1.png", "a..b.png", "...", "é" * 512])
def test_relative_names_are_taken_as_they_are(name: str) -> None:
    assert check_relative(name) == name
    assert member_path(Path("labels"), name) == Path("labels") / name


def test_a_name_is_normalised_to_composed_form() -> None:
    assert normal_name("e\u0301.png") == "\u00e9.png"


def test_the_error_says_where_the_name_stands_and_survives_a_process_pool() -> None:
    with pytest.raises(MalformedFile) as caught:
        check_relative("../a", file="labels.json", image="x.jpg")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.file, error.image, error.code) == ("labels.json", "x.jpg", "invalid_name")


def test_a_photograph_is_found_by_its_name_or_with_a_suffix(tmp_path: Path) -> None:
    for name in ("a.jpg", "frame.001.PNG", "text.txt"):
        (tmp_path / name).touch()
    assert find_photo(tmp_path, "a.jpg") == tmp_path / "a.jpg"
    assert find_photo(tmp_path, "a") == tmp_path / "a.jpg"
    assert find_photo(tmp_path, "frame.001") == tmp_path / "frame.001.PNG"
    assert find_photo(tmp_path, "frame") is None
    assert find_photo(tmp_path, "text") is None


def test_a_photograph_may_be_of_another_kind_than_its_name_says(tmp_path: Path) -> None:
    (tmp_path / "a.b.JPG").touch()
    assert find_photo(tmp_path, "a.b.png") == tmp_path / "a.b.JPG"
    assert find_photo(tmp_path, "a.png") is None
