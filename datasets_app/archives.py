"""Zip archives in and out: what comes in cannot escape its folder nor explode."""

from __future__ import annotations

import shutil
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from datasets_app.errors import HistoryError

_CHUNK_BYTES = 1 << 20
# The earliest time that a zip can write: the same files give the same archive.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class UnsafeArchive(HistoryError):
    """An archive that is none, would write outside of its folder, or is far too large."""

    code = "malformed_file"
    status = 422

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"archive: {member}: {reason}" if member else f"archive: {reason}")
        self.member, self.reason = member, reason


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold. A ratio of 1,000 is about the most that label PNGs reach."""

    members: int = 2_000_000
    total_bytes: int = 200 * 2**30
    ratio: int = 1_000
    ratio_from_bytes: int = 64 * 2**20


def extract_archive(archive: Path, folder: Path, limits: ArchiveLimits = ArchiveLimits()) -> None:
    """Extract a zip into an empty folder.

    Sizes are checked by what is really written, not only by what the archive claims.

    Raises
    ------
    UnsafeArchive
        Nothing outside of `folder` was touched; what lies in it is the caller's to delete.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
            _check_claims(members, limits)
            written = 0
            for member in members:
                written += _extract_member(file, member, folder, limits.total_bytes - written)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnsafeArchive("", str(error)) from error


def write_archive(folder: Path, archive: Path) -> None:
    """Zip a file or the files below a folder, sorted by name; the same files, the same bytes."""
    root = folder if folder.is_dir() else folder.parent
    files = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    with zipfile.ZipFile(archive, "w") as target:
        for path in files:
            if path.is_file():
                info = zipfile.ZipInfo(path.relative_to(root).as_posix(), _NO_TIME)
                info.external_attr = 0o644 << 16
                # PNG is compressed already; stored members depend on no zlib.
                info.compress_type = zipfile.ZIP_STORED
                info.file_size = path.stat().st_size
                with path.open("rb") as source, target.open(info, "w") as member:
                    shutil.copyfileobj(source, member, _CHUNK_BYTES)


def _check_claims(members: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if len(members) > limits.members:
        raise UnsafeArchive("", f"{len(members)} members, at most {limits.members} are taken")
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if total > limits.total_bytes:
        raise UnsafeArchive("", f"{total} bytes unpacked, at most {limits.total_bytes} are taken")
    if total > limits.ratio_from_bytes and total > limits.ratio * max(packed, 1):
        raise UnsafeArchive("", f"{packed} bytes that unpack to {total}")
    for member in members:
        _check_name(member)


def _check_name(member: zipfile.ZipInfo) -> None:
    name = member.filename
    path = PurePosixPath(name)
    if "\\" in name or "\0" in name or path.is_absolute() or ":" in (path.parts or ("",))[0]:
        raise UnsafeArchive(name, "not a relative path")
    if ".." in path.parts:
        raise UnsafeArchive(name, "leaves the folder")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeArchive(name, "neither a file nor a folder")


def _extract_member(file: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, room: int) -> int:
    target = folder / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with file.open(member) as source, target.open("xb") as sink:
        while chunk := source.read(_CHUNK_BYTES):
            written += len(chunk)
            if written > min(room, member.file_size):
                raise UnsafeArchive(member.filename, "larger than the archive says")
            sink.write(chunk)
    return written
