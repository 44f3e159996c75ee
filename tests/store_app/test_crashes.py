"""Kill -9 at every point where it could hurt."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
