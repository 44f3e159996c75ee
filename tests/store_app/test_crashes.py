"""Kill -9 at every point where it could hurt."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.store_app.builders import files_in

ROOT = Path(__file__).resolve().parent.parent.parent


class Done(NamedTuple):
    """How an act ended: its status, as of `subprocess`, and what it printed."""

    status: int
    output: str


Act = Callable[..., Done]


@pytest.fixture(scope="module")
def run() -> Iterator[Act]:
    """Do acts of the script: `run("put", folder, "after_sql:3")`."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store_app.crash_script"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as script:  # fmt: skip

        def act(verb: str, folder: Path, crash_at: str = "") -> Done:
            order = {"verb": verb, "folder": str(folder), "crash_at": crash_at}
            script.stdin.write(json.dumps(order) + "\n")
            script.stdin.flush()
            return Done(**json.loads(script.stdout.readline()))

        yield act
        script.stdin.close()


def report_of(done: Done) -> dict[str, Any]:
    assert done.status == 0, done.output
    return json.loads(done.output)


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
    run, tmp_path, point, blobs_left, orphans
):
    killed = run("put", tmp_path, point)
    assert killed.status == -signal.SIGKILL, killed.output
    # What is left is checked, the work repeated, garbage collected, and all checked again.
    assert report_of(run("check", tmp_path)) == {
        "left": blobs_left,
        "readable": blobs_left,
        "findings": [],
        "new": 25 - max(blobs_left - 1, 0),
        "orphans": orphans,  # a pack left behind is written again under its name: no orphan
        "finally": 25,
    }


def test_without_a_named_point_nothing_is_killed(run, tmp_path):
    assert run("put", tmp_path, "nowhere") == Done(0, "")
    assert report_of(run("check", tmp_path))["left"] == 26


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
def test_upkeep_that_was_killed_is_done_by_the_next_run(run, tmp_path, verb, point):
    assert run("put", tmp_path).status == 0
    killed = run(verb, tmp_path, point)
    assert killed.status == -signal.SIGKILL, killed.output
    report = report_of(run(verb, tmp_path))
    assert report["findings"] == []
    assert report["readable"] == (4 if verb == "erase" else 5)
    collected = report_of(run("collect", tmp_path))
    assert collected["findings"] == []
    held = b"".join(path.read_bytes() for path in files_in(tmp_path / "blobs"))
    assert (b"blob 0 " in held) == (verb != "erase")
    assert b"photograph" not in held
