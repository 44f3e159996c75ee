"""Kill -9 at every point where it could hurt."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.store_app.builders import files_in

ROOT = Path(__file__).resolve().parent.parent.parent


def run(verb: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.store_app.crash_script", verb],
        cwd=ROOT,
        env={**os.environ, "TESSERA_DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def left_after(folder: Path) -> dict[str, Any]:
    """Check what a killed process left, repeat its work, collect garbage, check again."""
    checked = run("check", folder)
    assert checked.returncode == 0, checked.stderr
    return json.loads(checked.stdout)


# The photograph comes first, then three packs of 10, 10 and 5 blobs: a visit for each.
@pytest.mark.parametrize(
    ("point", "blobs_left", "orphans"),
    [
        ("before_pack_fsync:1", 0, 1),
        ("after_pack_fsync:1", 0, 0),
        ("before_pack_fsync:2", 1, 1),
        ("after_pack_fsync:2", 1, 0),
        ("after_pack_before_sql:3", 11, 0),
        ("after_sql:3", 21, 0),
    ],
)
def test_a_crash_leaves_garbage_and_never_a_dangling_reference(
    tmp_path, point, blobs_left, orphans
):
    killed = run("put", tmp_path, TESSERA_CRASH_AT=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert left_after(tmp_path) == {
        "left": blobs_left,
        "readable": blobs_left,
        "findings": [],
        "new": 25 - max(blobs_left - 1, 0),
        "orphans": orphans,  # a pack left behind is written again under its name: no orphan
        "finally": 25,
    }


def test_without_a_named_point_nothing_is_killed(tmp_path):
    assert run("put", tmp_path, TESSERA_CRASH_AT="nowhere").returncode == 0
    assert left_after(tmp_path)["left"] == 26


# The photograph and three packs, of which five blobs are needed in the end.
@pytest.mark.parametrize(
    ("verb", "point"),
    [
        ("compact", "before_pack_fsync:1"),
        ("compact", "compaction_before_sql"),
        ("compact", "compaction_after_sql"),
        ("collect", "garbage_before_files:2"),
        ("collect", "garbage_after_file:1"),
        ("erase", "compaction_before_sql"),
        ("erase", "compaction_after_sql"),
        ("erase", "erasure_after_file"),
    ],
)
def test_upkeep_that_was_killed_is_done_by_the_next_run(tmp_path, verb, point):
    assert run("put", tmp_path).returncode == 0
    killed = run(verb, tmp_path, TESSERA_CRASH_AT=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    report = upkeep_of(verb, tmp_path)
    assert report["findings"] == []
    assert report["readable"] == (4 if verb == "erase" else 5)
    collected = upkeep_of("collect", tmp_path)
    assert collected["findings"] == []
    held = b"".join(path.read_bytes() for path in files_in(tmp_path / "blobs"))
    assert (b"blob 0 " in held) == (verb != "erase")
    assert b"photograph" not in held


def upkeep_of(verb: str, folder: Path) -> dict[str, Any]:
    done = run(verb, folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
