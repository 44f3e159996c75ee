"""Working copies in bad hands: killed commands, odd names, deleted folders, filters."""

from __future__ import annotations

import itertools
import json
import os
import shutil

import pytest

from datasets_app.staging import ImageChange
from tessera import pushing
from tests.api.builders import CAR, FIRST, build_world, put_label, put_photo
from tests.api.builders import png as photo_of
from tests.datasets_app.builders import commit_to
from tests.tessera.builders import files_below
from tests.tessera.copies import Desk
from tests.tessera.halls import hall, sitting  # noqa: F401  (fixtures)


class Killed(BaseException):
    """What a process that is killed feels: nothing that anybody catches."""


_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def streets(hall):  # noqa: F811
    """A dataset that no test changes; what was pulled of it is in a cache that all share."""
    return build_world("streets").dataset


class Copies:
    """Working copies of "streets", cloned once and copied for each test."""

    def __init__(self, sitting, folder, monkeypatch, capsys):  # noqa: F811
        self.outside, self._folder, self._enter = sitting.outside, folder, monkeypatch.chdir
        self._capsys, self._shared = capsys, sitting.hall.folder

    def clone_of(self, address="streets"):
        """The folder of an untouched clone."""
        folder = self._shared / address.replace("@", "-at-")
        if not folder.exists():
            self.outside.ok("clone", address, str(folder))
        return folder

    def desk(self, name):
        """A copy to edit; files keep their times, so it is as good as a clone."""
        shutil.copytree(self.clone_of(), self._folder / name)
        return self.empty_desk(name)

    def empty_desk(self, name):
        """A desk without a folder yet."""
        return Desk(self._folder / name, self._capsys, self._enter)


@pytest.fixture
def copies(sitting, streets, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.setenv("TESSERA_CACHE_DIR", str(sitting.hall.folder / "cache"))
    return Copies(sitting, tmp_path, monkeypatch, capsys)


@pytest.fixture
def desk(copies):
    """For edits that stay here."""
    return copies.desk("one")


@pytest.fixture
def own(sitting):  # noqa: F811
    """A dataset like "streets" that a test may change, and a function that clones it."""
    dataset = build_world(f"own-{next(_numbers)}").dataset
    return dataset, lambda *options: sitting.sit(dataset.slug, "one", *options)


@pytest.fixture
def kill(monkeypatch):
    """`with kill("module.function", 2):` ends the block at that function's second call."""

    class At:
        def __init__(self, target: str, call: int = 1) -> None:
            module, _, self.name = target.rpartition(".")
            self.module = __import__(module, fromlist=[self.name])
            self.left, self.real = call, getattr(self.module, self.name)

        def __call__(self, *arguments, **options):
            self.left -= 1
            if self.left == 0:
                raise Killed
            return self.real(*arguments, **options)

        def __enter__(self):
            monkeypatch.setattr(self.module, self.name, self)

        def __exit__(self, kind, *_):
            monkeypatch.setattr(self.module, self.name, self.real)
            assert kind is Killed
            return True

    return At


WRITING = "tessera.working_copy.writing"
UPDATING = "tessera.working_copy.updating"


def label_files(folder):
    """The files of a copy that people edit."""
    return {
        path: content
        for path, content in files_below(folder).items()
        if not path.startswith(".tessera/")
    }


# ---- killed --------------------------------------------------------------------


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_clone_that_was_killed_goes_on_by_the_same_command(copies, kill, call):
    half = copies.empty_desk("half")
    with kill(f"{WRITING}.write_image", call):
        copies.outside.tessera("clone", "streets", "half")
    assert half.tessera("status").code == 5
    copies.outside.ok("clone", "streets", "half")
    assert label_files(half.folder) == label_files(copies.clone_of())
    assert half.ok("status", "--json").json["images"] == []


@pytest.mark.parametrize(
    ("where", "call"),
    [
        (f"{WRITING}.write_image", 1), (f"{WRITING}.write_image", 2),
        (f"{WRITING}._write_json", 1), (f"{UPDATING}.update_files", 1),
        ("tessera.working_copy.copy._write_origin", 1),
    ],
)  # fmt: skip
def test_a_checkout_that_was_killed_is_finished_by_the_next_command(copies, kill, where, call):
    desk = copies.desk("one")
    desk.paint("night/d.png", (0, 0), CAR)
    desk.ok("restore", "--all")
    with kill(where, call):
        desk.tessera("checkout", "v1")
    status = desk.ok("status", "--json").json
    assert (status["version"]["number"], status["images"], status["problems"]) == (1, [], [])
    assert label_files(desk.folder) == label_files(copies.clone_of("streets@v1"))


def test_what_is_edited_after_the_kill_is_an_edit_of_the_new_version(desk, kill):
    with kill(f"{WRITING}.write_image", 2):
        desk.tessera("checkout", "v1")
    desk.paint("a.png", (0, 1), 2)
    edited = desk.png("a.png").read_bytes()
    status = desk.ok("status", "--json").json
    assert [image["name"] for image in status["images"]] == ["a.png"]
    assert desk.png("a.png").read_bytes() == edited


@pytest.mark.parametrize(
    "where",
    [
        "tessera.working_copy.syncing._settle",
        f"{UPDATING}.decide",
        f"{WRITING}.write_image",
        "tessera.working_copy.copy._write_origin",
    ],
)
def test_a_push_that_was_killed_makes_one_version(own, kill, where):
    desk = own[1]()
    desk.paint("a.png", (0, 0), CAR)
    with kill(where):
        desk.tessera("push", "-m", "Widen")
    pushed = desk.ok("push", "-m", "Widen", "--json").json
    assert (pushed["version"]["number"], pushed["images"]) == (4, ["a.png"])
    assert desk.ok("status", "--json").json["images"] == []
    assert len(desk.ok("log", "--json").json) == 4


def test_an_edit_made_while_a_push_travels_is_one_of_the_new_version(own, monkeypatch):
    desk, push = own[1](), pushing.push

    def slow_push(*arguments, **options):
        done = push(*arguments, **options)
        desk.paint("a.png", (0, 1), CAR)
        return done

    monkeypatch.setattr(pushing, "push", slow_push)
    desk.paint("a.png", (0, 0), CAR)
    desk.ok("push", "-m", "Widen")
    status = desk.ok("status", "--json").json
    assert status["version"]["number"] == 4
    assert [(one["name"], one["changed_pixels"]) for one in status["images"]] == [("a.png", 1)]


def test_two_commands_do_not_write_one_copy(desk):
    import fcntl

    with (desk.folder / ".tessera" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert desk.tessera("checkout", "v1").code == 5


# ---- names ---------------------------------------------------------------------


def test_images_of_one_stem_long_and_foreign_names_are_kept_apart(own):
    dataset, clone = own
    names = ["x.jpg", "x.png", "x.jpg.png", "straße/夜 #1.png", f"{'l' * 250}.png"]
    label = put_label(*FIRST)
    changes = [ImageChange(name, label=label, split="odd") for name in names]
    commit_to(dataset, changes)
    desk = clone()
    files = [each["file_name"] for each in desk.document()["annotations"]]
    assert len(set(files)) == len(files) == 8
    assert desk.ok("status", "--json").json["images"] == []
    document = desk.document()
    for image in document["images"]:
        image["split"] = "edited" if image["split"] == "odd" else image["split"]
    desk.keep(document)
    assert set(desk.ok("push", "-m", "x", "--json").json["images"]) == set(names)


def test_a_photograph_without_a_label_is_there(own):
    dataset, clone = own
    photo = put_photo(photo_of(3, 4), 3, 4)
    commit_to(dataset, [ImageChange("new.png", photo)])
    desk = clone()
    assert (desk.folder / "images" / "new.png").exists()
    assert not desk.png("new.png").exists()
    assert desk.ok("status", "--json").json["images"] == []


# ---- filters -------------------------------------------------------------------


def test_a_push_from_a_filtered_clone_deletes_nothing(own):
    desk = own[1]("--split", "train", "--labels-only")
    assert [image["file_name"] for image in desk.document()["images"]] == ["a.png"]
    desk.paint("a.png", (0, 0), CAR)
    assert desk.ok("push", "-m", "x", "--json").json["version"]["image_count"] == 3


def test_a_new_image_of_a_name_that_the_filter_left_out_is_refused(own):
    desk = own[1]("--split", "train")
    document = desk.document()
    [image] = document["images"]
    document["images"].append({**image, "id": 99, "file_name": "b.png"})
    desk.keep(document)
    ran = desk.tessera("push", "-m", "x")
    assert (ran.code, "b.png is in the version" in ran.err) == (5, True)


# ---- files ---------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 4])
def test_another_layout_of_the_json_is_no_change(desk, indent):
    text = json.dumps(desk.document(), indent=indent, ensure_ascii=True, sort_keys=True)
    (desk.folder / "panoptic.json").write_bytes(text.replace("\n", "\r\n").encode())
    assert desk.ok("status", "--json").json["images"] == []


def test_files_that_are_read_only_are_updated(desk):
    for path in desk.folder.rglob("*.*"):
        if path.is_file() and ".tessera" not in path.parts:
            os.chmod(path, 0o444)
    desk.ok("checkout", "v1")
    assert desk.ok("status", "--json").json["images"] == []


@pytest.mark.parametrize("folder", ["panoptic", "images"])
def test_a_folder_that_is_gone_is_told_and_not_pushed(desk, folder):
    before = label_files(desk.folder)
    shutil.rmtree(desk.folder / folder)
    [problem] = desk.ok("status", "--json").json["problems"]
    assert (problem["code"], problem["file"]) == ("missing_folder", f"{folder}/")
    refused = desk.tessera("push", "-m", "x")
    assert (refused.code, "tessera restore --all" in refused.err) == (2, True)
    desk.ok("restore", "--all")
    assert label_files(desk.folder) == before


@pytest.mark.parametrize("content", [None, "{", '{"images": 3}'])
def test_a_json_that_is_gone_or_broken_is_written_anew_and_edits_of_pngs_stay(desk, content):
    path = desk.folder / "panoptic.json"
    desk.paint("a.png", (0, 0), CAR)
    path.unlink() if content is None else path.write_text(content)
    assert desk.tessera("push", "-m", "x").code == 2
    desk.ok("restore", "panoptic.json")
    [image] = desk.ok("status", "--json").json["images"]
    assert image["name"] == "a.png"
