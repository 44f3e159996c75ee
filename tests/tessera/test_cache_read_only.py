"""A cache that may only be read: a mount of a container, or the folder of somebody else."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tessera.cache import Cache
from tests.builders import label
from tests.tessera.builders import blobs, files_below
from tests.tessera.snapshots import Drawn, make_snapshot, photo_of

_NOBODY = 65_534
_ROOT = Path(__file__).resolve().parent.parent.parent
# Rights of files do not bind root, who becomes nobody; the folder of Python is closed to nobody,
# so that all modules are there before.
_IMPORTS = """
import os, sys, hashlib, signal, sqlite3
from pathlib import Path
import numpy, PIL.Image, PIL.PngImagePlugin
import panoptic.kernels, panoptic.codec, panoptic.images
from tessera.cache import Cache
from tessera.errors import TesseraError
from tessera.snapshot import Snapshot
from tests.tessera.builders import blobs
PIL.Image.init()
folder = Path(sys.argv[1])
"""
_BECOME_NOBODY = f"""
if os.getuid() == 0:
    os.setgroups([])
    os.setgid({_NOBODY})
    os.setuid({_NOBODY})
"""


@pytest.fixture
def folder():
    """A folder that anybody reaches and only its owner writes; afterwards nothing is left."""
    found = Path(tempfile.mkdtemp(prefix="tessera-read-only-"))
    found.chmod(0o755)
    yield found / "cache"
    for path in (found, *(path for path in found.rglob("*") if path.is_dir())):
        path.chmod(0o755)
    shutil.rmtree(found)


def close(folder: Path) -> None:
    """Take away the right to write, for those whom rights bind."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)


def read_only(folder: Path, code: str) -> str:
    """Run code in a process that may not write the folder, which stays as it is."""
    close(folder)
    was = files_below(folder)
    try:
        ran = subprocess.run(
            [sys.executable, "-c", _IMPORTS + _BECOME_NOBODY + code, str(folder)],
            cwd=_ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "TESSERA_KERNELS": "numpy"},
        )  # fmt: skip
    finally:
        for path in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            path.chmod(0o755)
    assert ran.returncode == 0, ran.stderr
    assert files_below(folder) == was
    return ran.stdout.strip()


def test_a_snapshot_is_read_where_nothing_may_be_written(folder):
    drawn = {"a.png": Drawn(label("112 1.2", {1: 1, 2: 2}), photo_of((2, 3)))}
    make_snapshot(folder, drawn)
    code = """
snapshot = Snapshot(folder / "snapshots" / "one", folder)
[item] = snapshot
print(item.semantic().tolist(), item.photo.shape, snapshot.cache.is_read_only)
"""
    assert read_only(folder, code) == "[[1, 1, 2], [1, 0, 2]] (2, 3, 3) True"


def test_what_a_writer_that_was_killed_wrote_last_is_read(folder):
    code = """
cache = Cache(folder)
cache.add_objects(blobs("one"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    writing = [sys.executable, "-c", _IMPORTS + code, str(folder)]
    died = subprocess.run(writing, cwd=_ROOT, check=False)
    assert died.returncode == -signal.SIGKILL
    assert (folder / "index.sqlite3-wal").stat().st_size
    assert read_only(folder, "print(Cache(folder).totals())") == "(1, 3)"


def test_what_another_writes_meanwhile_is_found(folder):
    with Cache(folder) as cache:
        cache.add_objects(blobs("one"))
    code = """
cache = Cache(folder)
one, two = (item.digest for item in blobs("one", "two"))
print(len(cache.missing([one, two])))
sys.stdout.flush()
sys.stdin.readline()
print(cache.read(two), cache.read(one))
"""
    close(folder)
    process = subprocess.Popen(
        [sys.executable, "-c", _IMPORTS + _BECOME_NOBODY + code, str(folder)],
        cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    assert process.stdout.readline() == "1\n"
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)
    with Cache(folder) as cache:
        cache.add_objects(blobs("two"))
        told, _ = process.communicate("go on\n", timeout=60)
    assert told == "b'two' b'one'\n"


def test_what_has_to_write_says_that_it_may_not(folder):
    Cache(folder).close()
    code = """
cache = Cache(folder)
for write in (
    lambda: cache.add_objects(blobs("new")),
    lambda: cache.drop_file("packs/x.pack"),
    lambda: cache.mend("packs/x.pack"),
    cache.new_file, cache.sweep, cache.clear, cache.rebuild,
):
    try:
        write()
    except TesseraError as error:
        print(error.code, str(folder) in error.message)
"""
    assert read_only(folder, code).splitlines() == ["cache_read_only True"] * 7


def test_a_file_that_is_gone_is_missing_and_not_forgotten(folder):
    [item] = blobs("one")
    with Cache(folder) as cache:
        cache.add_objects([item])
    [pack] = (folder / "packs").iterdir()
    pack.unlink()
    code = """
[item] = blobs("one")
print(Cache(folder).missing([item.digest]) == [item.digest])
"""
    assert read_only(folder, code) == "True"


def test_damage_is_found_where_it_cannot_be_mended(folder):
    with Cache(folder) as cache:
        cache.add_objects(blobs("one"))
    [pack] = (folder / "packs").iterdir()
    pack.write_bytes(pack.read_bytes()[:20])
    code = "print([found.code for found in Cache(folder).verify()])"
    assert read_only(folder, code) == "['object_corrupt']"


def test_a_cache_without_an_index_says_how_to_get_one(folder):
    with Cache(folder) as cache:
        cache.add_objects(blobs("one"))
    (folder / "index.sqlite3").unlink()
    code = """
try:
    Cache(folder)
except TesseraError as error:
    print(error.code, error.message)
"""
    told = read_only(folder, code)
    assert told.startswith(f"cache_unusable {folder}/index.sqlite3 is not there")
    assert "`tessera cache` makes it where the cache may be written" in told


def test_a_cache_that_cannot_be_made_names_its_folder(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Exception, match="file can be no cache") as caught:
        Cache(tmp_path / "file")
    assert caught.value.code == "cache_unusable"


def test_a_read_only_mount_is_one_for_root_too(folder):
    if os.getuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("only root mounts")
    with Cache(folder) as cache:
        cache.add_objects(blobs("one"))
    mounting = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"'
    code = "import sys; from pathlib import Path; from tessera.cache import Cache;"
    code += "cache = Cache(Path(sys.argv[1])); print(cache.is_read_only, cache.totals())"
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{mounting} || exit 99; exec "$2" -c "$3" "$1"', "sh",
         str(folder), sys.executable, code],
        cwd=_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode in (1, 99) and "ermitted" in ran.stderr:
        pytest.skip(f"mounting is not allowed here: {ran.stderr.strip()}")
    assert (ran.returncode, ran.stdout) == (0, "True (1, 3)\n"), ran.stderr
