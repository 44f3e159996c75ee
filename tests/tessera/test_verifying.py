"""Every file of a cache: what is wrong in it is found, named and mended."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tessera.cache import Cache
from tessera.errors import DamagedError, NotFound, ObjectCorrupt
from tessera.snapshot import Snapshot
from tessera.verifying import mend, verify_cache, verify_snapshot
from tests.builders import label
from tests.tessera.builders import blob, blobs, flip
from tests.tessera.snapshots import Drawn, make_snapshot, photo_of

DRAWN = {
    "a.png": Drawn(label("112 1.2", {1: 1, 2: 2}), photo_of((2, 3)), "val"),
    "b.png": Drawn(label("33 3.", {3: 3}), None, "train", {"scene": "day"}),
}


SNAPSHOT = "snapshots/line/version"


def make_cache(folder, **options):
    """A cache with every kind of file: a pack, a large content, an index, a snapshot."""
    made = make_snapshot(folder, DRAWN, **options)
    (folder / SNAPSHOT).parent.mkdir()
    made.folder.rename(folder / SNAPSHOT)
    with Cache(folder) as cache:
        path = cache.new_file()
        path.write_bytes(b"photograph" * 20)
        cache.adopt(path, blob(b"photograph" * 20).digest)
    return folder


def read_all(folder):
    """What the snapshot says, as far as it can be read; wrong values fail the test."""
    for item in Snapshot(folder / SNAPSHOT, folder):
        drawn = DRAWN[item.name]
        assert (item.split, item.status) == (drawn.split, "labelled")
        assert item.label == drawn.label
        if drawn.photo is not None:
            assert item.photo_bytes == drawn.photo


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_flipped_bit_in_any_file_is_named_or_does_no_harm(tmp_path_factory, data):
    folder = make_cache(tmp_path_factory.mktemp("cache"))
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    flip(path, data.draw(st.integers(0, 8 * path.stat().st_size - 1)))
    name = path.relative_to(folder).as_posix()
    with Cache(folder) as cache:
        found = verify_cache(cache).findings
    if name == "index.sqlite3":
        # A bit of it that says nothing may be anything; one that does is made good by opening it.
        assert all(finding.file.startswith("index") for finding in found)
    else:
        assert {finding.file for finding in found} == {name}
    try:
        read_all(folder)
    except DamagedError:
        assert found
    with Cache(folder) as cache:
        mend(cache, found)
        assert verify_cache(cache).findings == []


@pytest.mark.parametrize("column", ["name_bytes", "images", "splits", "statuses", "sizes"])
@pytest.mark.parametrize("kept_bytes", [0, 100, 129])
def test_a_column_that_is_cut_off_is_an_error_of_opening(tmp_path, column, kept_bytes):
    folder = make_cache(tmp_path) / SNAPSHOT
    os.truncate(folder / f"{column}.npy", kept_bytes)
    with pytest.raises(ObjectCorrupt, match=f"{column}.npy: it is damaged or cut off") as caught:
        Snapshot(folder, tmp_path)
    assert caught.value.facts["file"] == str(folder / f"{column}.npy")
    assert "`tessera verify --repair` mends it" in caught.value.message


def test_a_snapshot_of_which_a_file_is_gone_is_damaged(tmp_path):
    folder = make_cache(tmp_path) / SNAPSHOT
    (folder / "labels.npy").unlink()
    with pytest.raises(ObjectCorrupt, match=r"labels\.npy"):
        Snapshot(folder, tmp_path)


def test_a_snapshot_that_is_gone_is_not_found(tmp_path):
    folder = make_cache(tmp_path) / SNAPSHOT
    shutil.rmtree(folder)
    with pytest.raises(NotFound, match="holds no snapshot any more: pull it again"):
        Snapshot(folder, tmp_path)


def test_verifying_a_snapshot_counts_its_blobs_and_leaves_out_the_erased(tmp_path):
    make_cache(tmp_path, erased={"a.png"})
    with Cache(tmp_path) as cache:
        found = verify_snapshot(cache, tmp_path / SNAPSHOT)
    assert (found.checked, found.findings, found.erased) == (3, [], 1)


def test_a_snapshot_whose_files_are_damaged_has_no_blobs_to_check(tmp_path):
    make_cache(tmp_path)
    flip(tmp_path / SNAPSHOT / "labels.npy", 8 * 130)
    with Cache(tmp_path) as cache:
        [found] = verify_snapshot(cache, tmp_path / SNAPSHOT).findings
    assert (found.code, found.file) == ("snapshot_corrupt", f"{SNAPSHOT}/labels.npy")


def test_what_is_whole_beside_the_damage_is_kept(tmp_path):
    one, two, three = blobs("one", "two", "three")
    with Cache(tmp_path) as cache:
        cache.add_objects([one, two, three])
        place = cache.locate([two.digest])[two.digest]
        flip(cache.path_of(place), 8 * place.start)
        mend(cache, list(cache.verify()))
        assert cache.missing([one.digest, two.digest, three.digest]) == [two.digest]
        assert (cache.read(one.digest), cache.read(three.digest)) == (b"one", b"three")
        assert not (tmp_path / place.file).exists()
