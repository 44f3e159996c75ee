import os
import random
import stat
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panoptic.archives.members import ArchiveLimits, UnsafeArchive
from panoptic.archives.packing import extract_archive, write_archive
from panoptic.archives.zips import check_directory


def _zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_what_is_written_comes_out_again(tmp_path: Path) -> None:
    (tmp_path / "in/a/b").mkdir(parents=True)
    (tmp_path / "in/a/b/ä.txt").write_bytes(b"one")
    (tmp_path / "in/c.txt").write_bytes(b"two")
    (tmp_path / "out").mkdir()

    write_archive(tmp_path / "in", tmp_path / "x.zip")
    extract_archive(tmp_path / "x.zip", tmp_path / "out")

    assert (tmp_path / "out/a/b/ä.txt").read_bytes() == b"one"
    assert (tmp_path / "out/c.txt").read_bytes() == b"two"


def test_the_same_files_make_the_same_archive_at_any_time(tmp_path: Path) -> None:
    for folder, time in (("first", 1_000_000_000), ("second", 1_700_000_000)):
        (tmp_path / folder).mkdir()
        for name in sorted(("b", "a"), reverse=folder == "first"):
            (tmp_path / folder / name).write_bytes(name.encode())
            os.utime(tmp_path / folder / name, (time, time))
        write_archive(tmp_path / folder, tmp_path / f"{folder}.zip")

    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "C:/x", "a\\..\\x", "..", "a/.."])
def test_no_member_leaves_the_folder(tmp_path: Path, name: str) -> None:
    archive = _zip(tmp_path / "x.zip", {"fine.txt": b"", name: b"bad"})
    (tmp_path / "out").mkdir()

    with pytest.raises(UnsafeArchive):
        extract_archive(archive, tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "x.zip"]


def test_a_link_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    (tmp_path / "out").mkdir()

    with pytest.raises(UnsafeArchive, match="neither a file nor a folder"):
        extract_archive(tmp_path / "x.zip", tmp_path / "out")


def test_a_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "x.zip", {"zeros": bytes(1_000_000)})
    (tmp_path / "out").mkdir()
    limits = ArchiveLimits(ratio=100, ratio_from_bytes=1_000)

    with pytest.raises(UnsafeArchive, match="bytes that unpack to 1000000"):
        extract_archive(archive, tmp_path / "out", limits)

    assert list((tmp_path / "out").iterdir()) == []


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "x.zip", {str(n): b"" for n in range(5)})
    (tmp_path / "out").mkdir()

    with pytest.raises(UnsafeArchive, match="at most 4"):
        extract_archive(archive, tmp_path / "out", ArchiveLimits(members=4))


def test_members_are_counted_whatever_the_archive_says(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "x.zip", {str(n): b"" for n in range(5)})
    data = bytearray(archive.read_bytes())
    data[-14:-10] = b"\1\0\1\0"  # the count in the record at the end
    archive.write_bytes(data)

    with archive.open("rb") as file, pytest.raises(UnsafeArchive, match="at most 4"):
        check_directory(file, ArchiveLimits(members=4))


def test_a_directory_that_is_too_long_is_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "x.zip", {"a" * 200: b""})

    with archive.open("rb") as file, pytest.raises(UnsafeArchive, match="at most 200 are"):
        check_directory(file, ArchiveLimits(directory_bytes=200))


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("comment", [b"", b"by hand", b"\0\0"])
@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\n"])
def test_the_directory_is_found_where_python_finds_it(
    tmp_path: Path, zip64: bool, comment: bytes, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    if zip64:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    with (tmp_path / "x.zip").open("wb") as file:
        file.write(before)
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a", b"one")
            archive.writestr("b/c", b"two")
            archive.comment = comment
    (tmp_path / "out").mkdir()

    extract_archive(tmp_path / "x.zip", tmp_path / "out")

    assert (tmp_path / "out/b/c").read_bytes() == b"two"
    assert (b"PK\6\6" in (tmp_path / "x.zip").read_bytes()) is zip64


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.png", "A.PNG"], "differs in case"),
        (["ä.png", "a\u0308.png"], "differs in case"),
        (["x" * 256], "too long"),
        (["/".join(["x" * 200] * 6)], "too long"),
        (["a", "a/b"], "exists|Not a directory"),
        (["nul\0.png"], "relative"),
        (["bs\\x.png"], "relative"),
    ],
)
def test_a_name_that_is_none_everywhere_is_refused(
    tmp_path: Path, names: list[str], reason: str
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in names:
            # Of the same length, for zipfile itself cuts names at NUL.
            archive.writestr(name.replace("\0", "0").replace("\\", "1"), b"x")
    data = (tmp_path / "x.zip").read_bytes()
    data = data.replace(b"nul0", b"nul\0").replace(b"bs1x", b"bs\\x")
    (tmp_path / "x.zip").write_bytes(data)
    (tmp_path / "out").mkdir()

    with pytest.raises(UnsafeArchive, match=reason):
        extract_archive(tmp_path / "x.zip", tmp_path / "out")


def test_only_what_every_tool_writes_is_taken(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2):
        archive = _zip(tmp_path / "x.zip", {"a": b"content"}, method)
        with pytest.raises(UnsafeArchive, match="not by deflate"):
            extract_archive(archive, tmp_path)


def test_an_archive_in_an_archive_stays_one(tmp_path: Path) -> None:
    inner = _zip(tmp_path / "inner.zip", {"zeros": bytes(10_000_000)})
    archive = _zip(tmp_path / "x.zip", {"inner.zip": inner.read_bytes()})
    (tmp_path / "out").mkdir()

    extract_archive(archive, tmp_path / "out", ArchiveLimits(total_bytes=100_000))

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["inner.zip"]


@pytest.mark.parametrize("name", [b".", b"\0"])
def test_a_file_without_a_name_is_refused(tmp_path: Path, name: bytes) -> None:
    archive = _zip(tmp_path / "x.zip", {"~": b"x"})  # zipfile itself writes neither
    archive.write_bytes(archive.read_bytes().replace(b"~", name))
    (tmp_path / "out").mkdir()

    with pytest.raises(UnsafeArchive, match=r"without a name|not a relative path"):
        extract_archive(archive, tmp_path / "out")


@given(st.integers(0, 2**32))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_altered_archive_breaks_it(tmp_path: Path, seed: int) -> None:
    order = random.Random(seed)
    data = bytearray(_zip(tmp_path / "x.zip", {"a/b": bytes(300), "c": b"x" * 50}).read_bytes())
    for _ in range(order.randint(1, 6)):
        data[order.randrange(len(data))] = order.choice([0, 255, order.randrange(256)])
    (tmp_path / "x.zip").write_bytes(data[: order.choice([len(data), order.randrange(len(data))])])
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder, suppress(UnsafeArchive):
        extract_archive(tmp_path / "x.zip", Path(folder), ArchiveLimits(total_bytes=10**6))


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_truncated_archive_is_refused(tmp_path: Path, keep: int) -> None:
    whole = _zip(tmp_path / "x.zip", {"a": b"content"}).read_bytes()
    (tmp_path / "x.zip").write_bytes(whole[:keep])
    (tmp_path / "out").mkdir()

    with pytest.raises(UnsafeArchive):
        extract_archive(tmp_path / "x.zip", tmp_path / "out")


def test_an_altered_member_is_refused(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "x.zip", {"a": b"content"}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(b"content", b"kontent"))
    (tmp_path / "out").mkdir()

    with pytest.raises(UnsafeArchive, match="CRC"):
        extract_archive(archive, tmp_path / "out")
