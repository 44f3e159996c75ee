"""Names of images as names of files: escaped where they can be chosen, else refused by name."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_app.staging import ImageChange
from panoptic.formats.paths import InvalidName, member_path
from tessera.errors import UsageError
from tessera.working_copy.naming import TakenNames, check_names, free_png, png_names, stem_png
from tests.api.builders import FIRST, put_label, put_photo
from tests.api.builders import png as photo_of
from tests.datasets_app.builders import commit_to
from tests.laws import examples
from tests.tessera.builders import entry
from tests.tessera.copies import Desk, office  # noqa: F401  (a fixture)

PARTS = st.sampled_from(["a", "A", "ä", "a\u0308", "a.jpg", "a.png", "l" * 255, "夜" * 100, "-2"])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@examples(60)
@given(st.lists(NAMES, max_size=12, unique=True))
def test_pngs_of_any_names_are_files_of_their_own_on_any_disk(names):
    chosen = png_names(names)
    assert chosen.keys() == set(names)
    paths = [unicodedata.normalize("NFC", png).casefold() for png in chosen.values()]
    assert len(set(paths)) == len(paths)
    folders = {str(folder) for path in paths for folder in PurePosixPath(path).parents}
    assert folders.isdisjoint(paths)
    for png in chosen.values():
        assert png.endswith(".png")
        assert all(len(part.encode()) <= 255 for part in png.split("/"))


@examples(30)
@given(NAMES)
def test_a_png_of_any_name_can_be_written(tmp_path_factory, name):
    path = member_path(tmp_path_factory.mktemp("pngs"), stem_png(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_short_names_stay_as_they_are():
    assert png_names(["night/a.jpg", "b.JPG"]) == {"night/a.jpg": "night/a.png", "b.JPG": "b.png"}


def test_names_that_differ_in_case_alone_have_other_pngs():
    found = png_names(["A.jpg", "a.jpg"])
    assert found == {"A.jpg": "A.jpg.png", "a.jpg": "a.jpg-2.png"}


def test_a_png_is_no_folder_of_another():
    found = png_names(["x.jpg", "x.png/b.jpg"])
    assert found == {"x.jpg": "x.png", "x.png/b.jpg": "x.png~b.png"}


def test_a_taken_name_is_numbered():
    assert free_png("a.png", TakenNames(["A.png", "a-2.png/x.png"])) == "a-3.png"


# ---- photographs ---------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../a.jpg", "/etc/a.jpg", "a/../../b.jpg", "C:/a.jpg", "a\\b.jpg", "a\0.jpg", "a//b"]
)
def test_a_name_that_would_leave_the_folder_is_refused(tmp_path, name):
    with pytest.raises(InvalidName):
        check_names([entry("a.jpg"), entry(name)], tmp_path)


def test_photographs_of_names_that_are_too_long_are_refused_and_all_are_named(tmp_path):
    long = [f"{'l' * 252}.jpg", f"{'夜' * 86}/a.jpg"]
    with pytest.raises(UsageError, match=r"more than 255 bytes \(1 more\)") as caught:
        check_names([entry(name, image="x") for name in [*long, "a.jpg"]], tmp_path)
    assert (caught.value.code, caught.value.errors) == ("unwritable_name", long)


def test_a_photograph_of_the_name_of_a_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"a/b: .* other images lie in a folder of its name"):
        check_names([entry(name, image="x") for name in ("a/b", "a/b/c.jpg")], tmp_path)


def test_names_that_differ_in_case_alone_are_refused_where_the_disk_knows_no_case(tmp_path):
    alike = [entry("A.jpg", image="x"), entry("a.jpg", image="y")]
    (tmp_path / "work").mkdir()
    check_names(alike, tmp_path / "work" / "copy")
    # As on a disk that holds both spellings for one folder.
    (tmp_path / "WORK").symlink_to(tmp_path / "work")
    with pytest.raises(UsageError, match=r"A\.jpg: .* another image has the same name"):
        check_names(alike, tmp_path / "work" / "copy")


def test_what_has_no_photograph_here_may_be_called_anything_within(tmp_path):
    check_names([entry("l" * 300, label="x")], tmp_path)
    check_names([entry("l" * 300, image="x")], tmp_path, labels_only=True)


# ---- working copies ------------------------------------------------------------


@pytest.mark.slow
def test_a_name_too_long_for_a_file_is_told_and_its_label_can_be_cloned_and_pushed(
    office,  # noqa: F811
):
    desk = office.desk("one")
    name = f"{'夜' * 90}/{'l' * 300}.jpg"
    photo, label = put_photo(photo_of(3, 4), 3, 4), put_label(*FIRST)
    commit_to(office.world.dataset, [ImageChange(name, photo, label=label)])
    refused = desk.tessera("pull")
    assert (refused.code, "has more than 255 bytes" in refused.err) == (2, True)
    # Nothing was begun that the next command could not end.
    assert desk.ok("status", "--json").json["images"] == []
    assert desk.tessera("clone", "streets", "two").code == 2
    assert not (desk.folder / "two").exists()
    desk.ok("clone", "streets", "two", "--labels-only")
    labels = Desk(desk.folder / "two", desk._capsys, desk._enter)
    document = labels.document()
    [image] = [image for image in document["images"] if image["file_name"] == name]
    image["split"] = "edited"
    labels.keep(document)
    assert labels.ok("push", "-m", "x", "--json").json["images"] == [name]
