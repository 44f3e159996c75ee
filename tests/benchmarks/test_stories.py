"""Every benchmark runs and tells a ratio; what the ratios are is for `make bench`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.builders import write_panoptic
from tests.builders import label

_ROOT = Path(__file__).resolve().parent.parent.parent
_STORIES = [
    "label-bytes", "reading", "png", "semantic-export", "rle-export", "comparing", "import",
    "converting", "datumaro", "listing", "history", "training", "pulling",
]  # fmt: skip

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run all stories in one process of their own: they set Django up for themselves."""
    folder = tmp_path_factory.mktemp("benchmarks")
    only = [word for name in _STORIES for word in ("--only", name)]
    report = run_module("benchmarks", "--scale", "tiny", "--json", *only, folder=folder)
    return folder, report["rows"]


def run_module(*words, folder):
    """Run a module that prints JSON; its temporary files go to `folder`."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=_ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("story", _STORIES)
def test_every_row_has_a_ratio_or_says_why_not(run, story):
    rows = [row for row in run[1] if row["name"].split("/")[0] == story]
    assert rows
    for row in rows:
        assert row["note"].startswith("left out: ") or row["ratio"] > 0, row


def test_nothing_is_left_behind(run):
    assert not list(run[0].glob("tessera-bench-*"))


def test_memory_is_the_peak_of_a_process_that_imports(tmp_path):
    source = write_panoptic(tmp_path / "source", label("1122 1122 33..", {1: 7, 2: 9, 3: 7}))
    words = ("benchmarks.memory_child", "import", tmp_path / "data", source, tmp_path / "unused")
    assert run_module(*map(str, words), folder=tmp_path)["peak_bytes"] > 2**20
