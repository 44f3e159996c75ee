"""The command line: what it prints for people and programs, and how it ends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from panoptic import parallel
from tessera import exporting
from tessera.commands.advice import advice_of
from tessera.errors import of_problem
from tests.tessera.builders import flip
from tests.tessera.copies import room, seat  # noqa: F401  (fixtures)

# A service in processes of its own takes its time to start.
pytestmark = pytest.mark.slow


@pytest.fixture
def own_config(seat, monkeypatch, tmp_path):  # noqa: F811
    """Who signs in here is signed in nowhere else."""
    monkeypatch.setenv("TESSERA_CONFIG_DIR", str(tmp_path))
    return tmp_path


# ---- signing in ----------------------------------------------------------------


def test_a_wrong_token_is_refused_and_not_kept(seat, room, own_config):  # noqa: F811
    ran = seat.tessera("login", room.url, "--token", "nonsense")
    assert (ran.code, f"{room.url}/account/ makes one" in ran.err) == (3, True)
    assert list(own_config.iterdir()) == []


def test_a_token_is_read_from_a_pipe(seat, room, own_config, monkeypatch):  # noqa: F811
    monkeypatch.setattr(sys, "stdin", io.StringIO(room.secret + "\n"))
    seat.ok("login", room.url)
    assert [row["slug"] for row in seat.ok("datasets", "--json").json] == ["streets"]


def test_who_signed_out_sees_no_private_dataset(seat, room, own_config):  # noqa: F811
    seat.ok("login", room.url, "--token", room.secret)
    assert seat.ok("logout", "--json").json == {"url": room.url, "forgotten": True}
    assert seat.tessera("log").code in (3, 4)


def test_a_token_of_the_environment_needs_no_login(seat, room, own_config, monkeypatch):  # noqa: F811
    monkeypatch.setenv("TESSERA_URL", room.url)
    monkeypatch.setenv("TESSERA_TOKEN", room.secret)
    assert "streets" in seat.ok("datasets").out


# ---- what lies at the service --------------------------------------------------


def test_a_log_begins_with_the_newest_version(seat):  # noqa: F811
    lines = seat.ok("log", "feature/night").out.splitlines()
    assert [line.split()[0] for line in lines] == ["v2", "Second", "v1", "First"]


def test_the_log_of_a_tag_or_version_goes_back_from_there(seat):  # noqa: F811
    assert [row["number"] for row in seat.ok("log", "release/1.0", "--json").json] == [1]
    assert [row["number"] for row in seat.ok("log", "v2", "--json").json] == [2, 1]


def test_a_branch_is_made_listed_and_deleted(seat):  # noqa: F811
    seat.ok("branch", "try", "v1")
    assert {"* main", "  try"} <= {line[:6].rstrip() for line in seat.ok("branch").out.splitlines()}
    seat.ok("branch", "-d", "try")
    assert "try" not in seat.ok("branch").out


def test_a_tag_is_made_once(seat):  # noqa: F811
    seat.ok("tag", "paper", "v2", "-m", "For the paper")
    assert "For the paper" in seat.ok("tag").out
    assert seat.tessera("tag", "paper").code == 5


def test_a_merge_that_conflicts_ends_with_the_list(seat):  # noqa: F811
    assert "a.png: label" in seat.ok("merge", "theirs", "--into", "ours", "--dry-run").out
    ran = seat.tessera("merge", "theirs", "--into", "ours")
    assert (ran.code, ran.out) == (5, "")
    assert "  a.png: label" in ran.err.splitlines()
    merged = seat.ok("merge", "theirs", "--into", "ours", "--strategy", "theirs", "--json").json
    assert merged["image_count"] == 3


# ---- versions compared and measured --------------------------------------------


def test_a_diff_of_versions_names_segments_and_classes(seat):  # noqa: F811
    out = seat.ok("diff", "v1", "v2").out
    assert out.splitlines()[0] == "M  a.png  2 reshaped"
    assert "car 2  IoU 0.666  1 pixel" in out


def test_an_export_measured_against_its_version_is_perfect(seat, tmp_path):  # noqa: F811
    seat.ok("export", str(tmp_path / "out.json"), "--format", "coco_panoptic", "--prefix", "a")
    masks = tmp_path / "out"
    found = seat.ok(
        "eval", str(tmp_path / "out.json"), "--labels", str(masks), "--prefix", "a", "--json"
    ).json
    assert (found["quality"]["all"]["pq"], found["miou"], found["images"]) == (1.0, 1.0, 1)


def test_an_image_without_a_prediction_counts_as_missed(seat, tmp_path):  # noqa: F811
    seat.ok("export", str(tmp_path / "out.json"), "--format", "coco_panoptic", "--prefix", "a")
    found = seat.ok("eval", str(tmp_path / "out.json"), "--json").json
    assert found["missing"] == ["b.png", "night/d.png"]
    assert 0 < found["quality"]["all"]["pq"] < 1


def test_an_export_says_what_is_covered_and_overwrites_nothing(seat, tmp_path):  # noqa: F811
    ask = ("export", str(tmp_path / "out.json"), "--format", "coco_panoptic")
    assert "6 pixels hidden under others" in seat.ok(*ask).out
    assert "exists already" in seat.tessera(*ask).err


def test_an_export_by_a_list_that_nobody_knows_is_refused(seat, tmp_path):  # noqa: F811
    ran = seat.tessera(
        "export", str(tmp_path / "o.json"), "--format", "coco_panoptic", "--option", "scheme=mine"
    )
    assert (ran.code, "there are city, coco" in ran.err) == (2, True)


def test_an_import_of_the_own_export_adds_nothing(seat, tmp_path):  # noqa: F811
    path = str(tmp_path / "out.json")
    seat.ok("export", path, "--format", "coco_panoptic", "--prefix", "a")
    ask = ("import", path, "--format", "coco_panoptic", "-m", "Again", "--json")
    assert seat.ok(*ask, "--mode", "update").json["images"]["added"] == 0
    refused = seat.tessera(*ask)
    assert (refused.code, "a.png" in refused.err) == (2, True)


def test_an_import_with_an_option_of_another_format_is_refused(seat, tmp_path):  # noqa: F811
    path = str(tmp_path / "out.json")
    seat.ok("export", path, "--format", "coco_panoptic", "--prefix", "a")
    ran = seat.tessera("import", path, "--option", "void=255")
    assert (ran.code, "'void'" in ran.err) == (2, True)


@pytest.mark.parametrize("name", ["out.zip", "out.tar", "out"])
def test_an_export_comes_back_without_its_format_being_named(seat, tmp_path, name):  # noqa: F811
    path = str(tmp_path / name)
    seat.ok("export", path, "--format", "coco_panoptic", "--prefix", "a")
    ask = ("import", path, "--mode", "update", "--dry-run")
    report = seat.ok(*ask, "--json").json
    assert (report["format"], report["images"]["added"]) == ("coco_panoptic", 0)
    assert "panoptic.json as coco_panoptic: the annotations of" in seat.ok(*ask).out


def test_what_is_no_format_and_what_is_not_there_is_refused(seat, tmp_path):  # noqa: F811
    (tmp_path / "notes").mkdir()
    for name in ("a.txt", "b.txt"):
        (tmp_path / "notes" / name).write_text("x")
    ran = seat.tessera("import", str(tmp_path / "notes"))
    assert (ran.code, "with a.txt, b.txt, looks like no format" in ran.err) == (2, True)
    ran = seat.tessera("import", str(tmp_path / "notes"), "--images", str(tmp_path / "nowhere"))
    assert (ran.code, "there is no" in ran.err) == (2, True)
    ran = seat.tessera("export", str(tmp_path / "x.tar.gz"), "--format", "coco_panoptic")
    assert (ran.code, "written as .zip or .tar" in ran.err) == (2, True)


def test_photographs_are_exported_where_that_is_asked(seat, tmp_path):  # noqa: F811
    ask = ("--format", "voc", "--prefix", "a", "--option", "photos=yes")
    seat.ok("export", str(tmp_path / "voc"), *ask)
    [photo] = (tmp_path / "voc" / "JPEGImages").iterdir()
    assert photo.stem == "a"


# ---- the cache -----------------------------------------------------------------


def test_a_flipped_bit_is_named_and_mended(seat, room):  # noqa: F811
    assert seat.ok("verify", "--json").json["findings"] == []
    [pack, *_] = sorted((room.folder / "cache").rglob("*.pack"))
    flip(pack, 8 * 60)
    ran = seat.tessera("verify", "--json")
    assert ran.code == 7
    assert ran.json["findings"][0]["code"]
    seat.tessera("verify", "--repair")
    assert seat.ok("verify", "--json").json["findings"] == []


def test_a_cleared_cache_is_filled_again(seat):  # noqa: F811
    assert seat.ok("cache", "--clear", "--json").json["objects"] == 0
    seat.ok("status")
    assert seat.ok("cache", "--json").json["objects"] > 0


# ---- what to do ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("clone nowhere", "`tessera datasets` lists"), ("checkout nothing", "`tessera log`,"),
        ("merge v1 --into nothing", "`tessera branch` lists"),
        ("clone streets {here}", "name another place"),
        ("clone http://127.0.0.1:9/streets", "does the service run, and"),
        ("push -m x", "`tessera status`"), ("branch feature/night", "`tessera branch` and"),
    ],
)  # fmt: skip
def test_an_error_says_what_to_do(seat, words, advice, monkeypatch):  # noqa: F811
    monkeypatch.setattr("tessera.http.time.sleep", lambda _: None)
    ran = seat.tessera(*words.format(here=seat.folder).split())
    assert advice in ran.err.splitlines()[-1]


def test_who_knows_no_service_is_told_to_sign_in(seat, own_config):  # noqa: F811
    for words in (["datasets"], ["clone", "streets", "three"]):
        assert "`tessera login https://" in seat.tessera(*words).err


def test_a_token_that_may_only_read_is_told_where_others_are_made():
    raised = of_problem(403, {"code": "read_only_token", "detail": "this token may only read"})
    assert "/account/" in advice_of(raised)


def test_a_branch_begins_at_the_version_one_has(seat):  # noqa: F811
    seat.ok("checkout", "v1")
    try:
        made = seat.ok("branch", "here", "--json").json
        assert made["head"] == seat.ok("log", "v1", "--json").json[0]["id"]
    finally:
        seat.ok("branch", "-d", "here")
        seat.ok("checkout", "main")


def test_predictions_for_no_image_at_all_are_a_mistake(seat):  # noqa: F811
    ran = seat.tessera("eval", str(seat.folder / "panoptic.json"), "--split", "nowhere")
    assert (ran.code, "split:nowhere: no image of v" in ran.err) == (2, True)


# ---- how commands print and end ------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "datasets", "log", "branch", "tag", "status", "diff v1 v2", "pull", "checkout main",
        "merge feature/night --dry-run", "verify", "cache", "eval {json}", "push -m x --dry-run",
    ],
)  # fmt: skip
def test_json_is_one_document_and_nothing_else(seat, words):  # noqa: F811
    split = seat.document()["images"][0]
    if words.startswith("push"):
        document = seat.document()
        document["images"][0] = {**split, "split": "test"}
        seat.keep(document)
    path = str(seat.folder / "panoptic.json")
    ran = seat.ok(*words.format(json=path).split(), "--json")
    assert ran.json is not None
    assert ran.err == ""
    if words.startswith("push"):
        seat.ok("restore", "--all")


def test_without_a_terminal_no_bars_are_drawn(seat, tmp_path):  # noqa: F811
    assert seat.ok("clone", "streets", str(tmp_path / "two")).err == ""
    assert "\x1b" not in seat.ok("diff", "v1", "v2").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(seat, shell):  # noqa: F811
    assert "_TESSERA_COMPLETE" in seat.ok("completion", shell).out


def test_a_reader_that_has_seen_enough_makes_no_failure(seat):  # noqa: F811
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "tessera", "--help"], stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_who_interrupts_gets_130(seat, monkeypatch):  # noqa: F811
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tessera.working_copy.scan", interrupt)
    assert (seat.tessera("status").code, seat.tessera("status").err) == (130, "interrupted\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("frobnicate", 2), ("status --frob", 2), ("clone nowhere", 4), ("checkout nothing", 4),
        ("clone http://127.0.0.1:9/streets", 6), ("clone streets@v1 {here}", 5),
        ("diff v1 v2 --filter x:y", 2), ("export o --format coco_panoptic --filter x:y", 2),
    ],
)  # fmt: skip
def test_the_exit_code_tells_the_family(seat, words, code, monkeypatch):  # noqa: F811
    monkeypatch.setattr("tessera.http.time.sleep", lambda _: None)
    ran = seat.tessera(*words.format(here=seat.folder).split())
    assert (ran.code, ran.out) == (code, "")


def test_a_failure_with_json_is_told_as_json_on_the_error_stream(seat):  # noqa: F811
    ran = seat.tessera("checkout", "nothing", "--json")
    assert (ran.out, json.loads(ran.err)["status"]) == ("", 404)


def test_an_export_on_all_processors_is_the_same(seat, tmp_path, monkeypatch):  # noqa: F811
    seat.ok("export", str(tmp_path / "one.tar"), "--format", "voc")
    monkeypatch.setattr(parallel, "SECONDS_ALONE", 0.0)
    monkeypatch.setattr(exporting, "_IMAGES_PER_SHARD", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    seat.ok("export", str(tmp_path / "two.tar"), "--format", "voc")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
