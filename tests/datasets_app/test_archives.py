import os
import stat
import zipfile
from pathlib import Path

import pytest

from datasets_app.archives import ArchiveLimits, UnsafeArchive, extract_archive, write_archive


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
