"""Tars come in by the same rules as zips, and go out as the same bytes."""

import gzip
import hashlib
import io
import os
import random
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panoptic.archives.members import ArchiveLimits, UnsafeArchive
from panoptic.archives.packing import extract_archive, is_archive, write_archive

_TYPES = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE,
          tarfile.GNUTYPE_SPARSE, b"Z")  # fmt: skip


def _tar(path: Path, members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def _zipped(path: Path) -> Path:
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def _out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def test_what_is_written_comes_out_again(tmp_path: Path) -> None:
    (tmp_path / "in/a/b").mkdir(parents=True)
    members = {"a/b/ä.txt": b"one", f"a/{'long' * 40}.txt": b"two" * 700, "c.txt": b""}
    for name, content in members.items():
        (tmp_path / "in" / name).write_bytes(content)

    write_archive(tmp_path / "in", tmp_path / "x.tar", "tar")
    extract_archive(tmp_path / "x.tar", _out(tmp_path))

    assert _files(tmp_path / "out") == members


def test_the_same_files_make_the_same_tar_at_any_time_by_anyone(tmp_path: Path) -> None:
    for folder, time in (("first", 1_000_000_000), ("second", 1_700_000_000)):
        (tmp_path / folder).mkdir()
        for name in sorted(("b", "ä"), reverse=folder == "first"):
            (tmp_path / folder / name).write_bytes(name.encode())
            (tmp_path / folder / name).chmod(0o600 if folder == "first" else 0o644)
            os.utime(tmp_path / folder / name, (time, time))
        write_archive(tmp_path / folder, tmp_path / f"{folder}.tar", "tar")

    content = (tmp_path / "first.tar").read_bytes()
    assert content == (tmp_path / "second.tar").read_bytes()
    assert hashlib.sha256(content).hexdigest() == (
        "aab8329b6f00544610585ec8ede92893d2c8c60282b578b3036018b3e3b5f92f"
    )


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("by_gzip", [False, True])
def test_tars_of_every_form_are_known_by_their_content(
    tmp_path: Path, form: int, by_gzip: bool
) -> None:
    long = "/".join(["folder" * 10] * 3) + "/x.png"
    members = {"a/x.png": b"1" * 1_000, long: b"2"}
    archive = _tar(tmp_path / "x.zip", members, form)
    if by_gzip:
        archive = _zipped(archive)

    assert is_archive(archive)
    extract_archive(archive, _out(tmp_path))

    assert _files(tmp_path / "out") == members


def test_what_tar_makes_of_a_folder_is_taken(tmp_path: Path) -> None:
    """`tar -C labels -c .` names everything from `./` on, and folders, too."""
    (tmp_path / "labels/a").mkdir(parents=True)
    (tmp_path / "labels/a/x.png").write_bytes(b"1")
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as archive:
        archive.add(tmp_path / "labels", ".")

    extract_archive(tmp_path / "x.tgz", _out(tmp_path))

    assert _files(tmp_path / "out") == {"a/x.png": b"1"}


def test_what_systems_leave_in_archives_is_left_out(tmp_path: Path) -> None:
    members = {"a/x.png": b"1", "a/._x.png": b"2", "__MACOSX/a/x.png": b"3", ".DS_Store": b"4"}

    extract_archive(_tar(tmp_path / "x.tar", members), _out(tmp_path))

    assert _files(tmp_path / "out") == {"a/x.png": b"1"}


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/x", "C:/x", "a\\..\\x", "..", "x" * 256, "d/" * 600 + "x"]
)
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_no_member_leaves_the_folder(tmp_path: Path, name: str, form: int) -> None:
    archive = _tar(tmp_path / "x.tar", {name: b"bad"}, form)

    with pytest.raises(UnsafeArchive):
        extract_archive(archive, _out(tmp_path))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "x.tar"]
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", _TYPES)
def test_links_devices_and_files_with_holes_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("member")
    info.type, info.linkname = kind, "/etc/passwd"
    (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))

    with pytest.raises(UnsafeArchive, match="neither a file nor a folder"):
        extract_archive(tmp_path / "x.tar", _out(tmp_path))


def test_holes_that_only_a_description_tells_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("member")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "../x"}
    (tmp_path / "x.tar").write_bytes(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024))

    with pytest.raises(UnsafeArchive, match="holes"):
        extract_archive(tmp_path / "x.tar", _out(tmp_path))


@pytest.mark.parametrize(
    ("names", "reason"),
    [(["a.png", "A.PNG"], "differs in case"), (["ä.png", "a\u0308.png"], "differs in case"),
     (["a", "./a"], "has this name"), (["a", "a/b"], "exists|Not a directory"),
     (["nul\udc80.png"], "no Unicode")],
)  # fmt: skip
def test_names_that_meet_are_refused(tmp_path: Path, names: list[str], reason: str) -> None:
    with tarfile.open(
        tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT, errors="surrogateescape"
    ) as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))

    with pytest.raises(UnsafeArchive, match=reason):
        extract_archive(tmp_path / "x.tar", _out(tmp_path))


def test_a_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    archive = _zipped(_tar(tmp_path / "x.tar", {"zeros": bytes(1_000_000)}))
    limits = ArchiveLimits(ratio=100, ratio_from_bytes=1_000)

    with pytest.raises(UnsafeArchive, match="bytes that unpack to 1000512"):
        extract_archive(archive, _out(tmp_path), limits)

    assert list((tmp_path / "out").iterdir()) == []


def test_a_bomb_behind_the_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(gzip.compress(bytes(10_000_000)))
    limits = ArchiveLimits(ratio=100, ratio_from_bytes=1_000)

    with pytest.raises(UnsafeArchive, match="bytes that unpack to"):
        extract_archive(tmp_path / "x.tgz", _out(tmp_path), limits)


def test_too_many_members_and_too_many_bytes_are_refused(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "x.tar", {str(n): b"12" for n in range(5)})
    out = _out(tmp_path)

    with pytest.raises(UnsafeArchive, match="at most 4"):
        extract_archive(archive, out, ArchiveLimits(members=4))
    with pytest.raises(UnsafeArchive, match="at most 1000"):
        extract_archive(archive, tmp_path, ArchiveLimits(total_bytes=1_000))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME,
                                  tarfile.GNUTYPE_LONGLINK])  # fmt: skip
def test_a_description_is_never_held_at_any_size(tmp_path: Path, kind: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(_header("x", 2**31, kind) + bytes(4096))

    with pytest.raises(UnsafeArchive, match="a description of 2147483648 bytes"):
        extract_archive(tmp_path / "x.tar", _out(tmp_path))


@pytest.mark.parametrize(
    "records", [b"9 path=x", b"99 path=x\n", b"path=x\n", b"0 path=x\n", b"8 path x\n",
                b"-9 path=x\n", b"12 size=-5\n\n", b"11 size=5x\n"],
)  # fmt: skip
def test_a_damaged_description_is_refused(tmp_path: Path, records: bytes) -> None:
    described = _header("x", len(records), tarfile.XHDTYPE) + records.ljust(512, b"\0")
    (tmp_path / "x.tar").write_bytes(described + _header("a", 0) + bytes(1024))

    with pytest.raises(UnsafeArchive, match=r"damaged|no number"):
        extract_archive(tmp_path / "x.tar", _out(tmp_path))


def test_a_size_below_zero_is_refused(tmp_path: Path) -> None:
    header = bytearray(_header("x", 0))
    header[124:136] = b"\xff" * 12  # -1, as GNU writes numbers that do not fit
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 256 + sum(header[156:]))
    (tmp_path / "x.tar").write_bytes(header + bytes(1024))

    with pytest.raises(UnsafeArchive, match="its size is none"):
        extract_archive(tmp_path / "x.tar", _out(tmp_path))


@pytest.mark.parametrize("by_gzip", [False, True])
@pytest.mark.parametrize("keep", [0.2, 0.6, 0.99])
def test_what_is_cut_off_is_refused(tmp_path: Path, by_gzip: bool, keep: float) -> None:
    archive = _tar(tmp_path / "x.tar", {"a": random.Random(1).randbytes(20_000)})
    if by_gzip:
        archive = _zipped(archive)
    content = archive.read_bytes()
    # Of the zeros at the end of a tar a part may be missing, of its members none.
    archive.write_bytes(content[: int(min(len(content), 21_000) * keep)])

    with pytest.raises(UnsafeArchive):
        extract_archive(archive, _out(tmp_path))


def test_an_archive_behind_an_archive_is_not_lost_silently(tmp_path: Path) -> None:
    one = _tar(tmp_path / "x.tar", {"a": b"1"}).read_bytes()
    (tmp_path / "x.tar").write_bytes(one + one)

    with pytest.raises(UnsafeArchive, match="something follows its end"):
        extract_archive(tmp_path / "x.tar", _out(tmp_path))


def test_an_altered_tar_by_gzip_is_refused(tmp_path: Path) -> None:
    packed = bytearray(_zipped(_tar(tmp_path / "x.tar", {"a": b"content"})).read_bytes())
    packed[-6] ^= 1  # of its checksum
    (tmp_path / "x.tgz").write_bytes(packed)

    with pytest.raises(UnsafeArchive, match="CRC"):
        extract_archive(tmp_path / "x.tgz", _out(tmp_path))


def test_a_file_of_labels_is_no_archive(tmp_path: Path) -> None:
    for name, content in {"a.json": b'{"images": []}', "b.png": b"\x89PNG\r\n", "c": b""}.items():
        (tmp_path / name).write_bytes(content)
        assert not is_archive(tmp_path / name)
    assert not is_archive(tmp_path)
    assert not is_archive(tmp_path / "nowhere")


@given(st.integers(0, 2**32))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_altered_archive_breaks_it(tmp_path: Path, seed: int) -> None:
    order = random.Random(seed)
    members = {"a/b": bytes(300), "c": b"x" * 50, "ü" * 90: b"y"}
    archive = _tar(tmp_path / "x.tar", members)
    data = bytearray((_zipped(archive) if order.random() < 0.4 else archive).read_bytes())
    for _ in range(order.randint(1, 6)):
        data[order.randrange(len(data))] = order.choice([0, 255, order.randrange(256)])
    archive.write_bytes(data[: order.choice([len(data), order.randrange(len(data))])])
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder, suppress(UnsafeArchive):
        extract_archive(archive, Path(folder), ArchiveLimits(total_bytes=10**6))
