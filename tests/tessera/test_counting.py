"""Segments by image and class: counted right, kept, and counted without being kept."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.counting import segment_counts
from tests.builders import label, stack
from tests.laws import examples
from tests.panoptic.strategies import layered_labels
from tests.tessera.snapshots import Drawn, classes, make_snapshot

_ROOT = Path(__file__).resolve().parent.parent.parent
READ = classes("1 cat thing", "2 blur thing >", "3 sky stuff", "4 herd stuff >1")
# Root may write everywhere, unless it gives that up.
_UNPRIVILEGED = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    if os.geteuid() == 0
    else []
)


@pytest.fixture
def snapshot(tmp_path):
    images = {
        "a.png": Drawn(label("122 133", {1: 1, 2: 2, 3: 2})),
        "b.png": Drawn(),
        "c.png": Drawn(stack("11", "22", classes={1: 2, 2: 3})),
    }
    return make_snapshot(tmp_path / "cache", images)


@examples(15)
@given(st.lists(layered_labels() | st.none(), max_size=5))
def test_counts_are_those_of_the_items(tmp_path_factory, drawn):
    images = {f"{place}.png": Drawn(one) for place, one in enumerate(drawn)}
    snapshot = make_snapshot(tmp_path_factory.mktemp("cache"), images, known=READ)
    expected = [
        [
            sum(one.label_class is known for one in item.segments) if item.is_labelled else 0
            for known in snapshot.classes
        ]
        for item in snapshot
    ]
    for _ in range(2):  # counted, then kept
        counts = segment_counts(snapshot)
        assert counts.dtype == np.int32
        assert counts.tolist() == expected


def test_what_is_covered_counts(snapshot):
    assert segment_counts(snapshot).tolist() == [[1, 2, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0]]


def test_the_second_time_no_label_is_read(snapshot):
    before = segment_counts(snapshot).copy()
    snapshot.cache.clear()
    assert np.array_equal(segment_counts(snapshot), before)


def test_progress_is_told_image_by_image(snapshot):
    told = []
    segment_counts(snapshot, progress=lambda *numbers: told.append(numbers))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"something else"])
def test_a_damaged_file_is_counted_anew(snapshot, damage):
    before = segment_counts(snapshot).copy()
    path = snapshot.folder / "segment_counts.npy"
    path.unlink()  # it may be mapped
    path.write_bytes(damage)
    assert np.array_equal(segment_counts(snapshot), before)
    assert path.stat().st_size > len(damage)


def test_a_file_of_another_shape_is_counted_anew(snapshot):
    np.save(snapshot.folder / "segment_counts.npy", np.zeros((7, 7), np.int32))
    assert segment_counts(snapshot).shape == (3, 4)


def test_a_crash_leaves_no_half_file(snapshot):
    segment_counts(snapshot)
    names = {path.name for path in snapshot.folder.iterdir()}
    assert not [name for name in names if name.endswith(".new")]


@pytest.mark.skipif(
    bool(_UNPRIVILEGED) and shutil.which("setpriv") is None,
    reason="root may write everywhere, and there is no setpriv",
)
def test_where_one_may_not_write_the_counts_are_not_kept(snapshot):
    before = segment_counts(snapshot).tolist()
    (snapshot.folder / "segment_counts.npy").unlink()
    snapshot.cache.close()
    script = (
        "import sys; from pathlib import Path; from tessera.snapshot import Snapshot;"
        "from tessera.counting import segment_counts as count;"
        "found = Snapshot(Path(sys.argv[1]), Path(sys.argv[2]));"
        "print(count(found).tolist(), found[0].semantic().tolist())"
    )
    cache = snapshot.folder.parent.parent
    with read_only(snapshot.folder):
        done = subprocess.run(
            [*_UNPRIVILEGED, sys.executable, "-c", script, str(snapshot.folder), str(cache)],
            cwd=_ROOT,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{before} {[[1, 2, 2], [1, 2, 2]]}"
    assert not (snapshot.folder / "segment_counts.npy").exists()


@contextmanager
def read_only(folder):
    """Let nobody write into a folder and those below it."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for one in folders:
        one.chmod(0o555)
    try:
        yield
    finally:
        for one in folders:
            one.chmod(0o755)
