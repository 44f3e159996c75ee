"""Zip archives in and out: what comes in cannot escape its folder nor explode.

What an archive claims is checked before anything is unpacked, and before the list of its members
is held in memory; what it claimed is checked again while it is unpacked.
"""

from __future__ import annotations

import errno
import io
import shutil
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from datasets_app.errors import HistoryError
from store_app.errors import StorageFailed

_CHUNK_BYTES = 1 << 20
# The earliest time that a zip can write: the same files give the same archive.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
# Of a name of an image and of a part of it (RULES 6.1, and what file systems take).
_NAME_BYTES, _PART_BYTES = 1_024, 255
# All others are rare, and one of them (LZMA) takes what memory the archive says it needs.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1  # a flag of a member

# The records at the end of an archive (APPNOTE 4.3): signature, and the fields up to the size
# of the directory.
_END, _END_BYTES = b"PK\5\6", 22
_END64, _END64_BYTES = b"PK\6\6", 56
_LOCATOR64, _LOCATOR64_BYTES = b"PK\6\7", 20
_ENTRY, _ENTRY_BYTES = b"PK\1\2", 46
_LONGEST_COMMENT = 65_535


class UnsafeArchive(HistoryError):
    """An archive that is none, would write outside of its folder, or is far too large."""

    code = "malformed_file"
    status = 422

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"archive: {member}: {reason}" if member else f"archive: {reason}")
        self.member, self.reason = member, reason


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold. A ratio of 1,000 is about the most that label PNGs reach.

    While the archive is open a member costs 0.4 kB of memory, beside its entry in the directory.
    """

    members: int = 500_000
    directory_bytes: int = 128 * 2**20
    total_bytes: int = 200 * 2**30
    ratio: int = 1_000
    ratio_from_bytes: int = 64 * 2**20


def extract_archive(archive: Path, folder: Path, limits: ArchiveLimits = ArchiveLimits()) -> None:
    """Extract a zip into an empty folder; archives in it stay as they are.

    Sizes are checked by what is really written, not only by what the archive claims.

    Raises
    ------
    UnsafeArchive
        Nothing outside of `folder` was touched; what lies in it is the caller's to delete.
    StorageFailed
        There is no room for it here.
    """
    try:
        with archive.open("rb") as source:
            bounded = _BoundedFile(source, check_directory(source, limits))
            with zipfile.ZipFile(bounded) as file:
                members = file.infolist()
                _check_claims(members, archive.stat().st_size, limits)
                written = 0
                for member in members:
                    written += _extract_member(file, member, folder, limits.total_bytes - written)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFailed("the folder of this job", "there is no room left") from error
        raise UnsafeArchive("", error.strerror or str(error)) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        ValueError,
    ) as error:
        raise UnsafeArchive("", str(error)) from error


def check_directory(file: BinaryIO, limits: ArchiveLimits) -> int:
    """Count the members of a zip without holding them; return the bytes of its directory.

    Raises
    ------
    UnsafeArchive
        It is no zip, or has too many members.
    """
    size = file.seek(0, io.SEEK_END)
    start, length = _find_directory(file, size)
    if start < 0:
        raise UnsafeArchive("", "its directory is not where it should be")
    if length > limits.directory_bytes:
        raise UnsafeArchive(
            "", f"a directory of {length} bytes, at most {limits.directory_bytes} are taken"
        )
    members, offset = 0, 0
    while offset < length:
        file.seek(start + offset)
        entry = file.read(_ENTRY_BYTES)
        if len(entry) < _ENTRY_BYTES or entry[:4] != _ENTRY:
            raise UnsafeArchive("", "its directory is damaged")
        # The count that the archive claims binds nobody who reads it.
        members += 1
        if members > limits.members:
            raise UnsafeArchive("", f"too many members: at most {limits.members} are taken")
        offset += _ENTRY_BYTES + sum(struct.unpack_from("<3H", entry, 28))
    file.seek(0)
    return length


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


class _BoundedFile(io.BufferedIOBase):
    """A file that gives no more at once than the directory that was looked through, or a chunk.

    Whatever `zipfile` takes for the directory, it cannot be a larger one.
    """

    def __init__(self, file: BinaryIO, directory_bytes: int) -> None:
        self._file = file
        self._most = max(directory_bytes, 2 * _CHUNK_BYTES)

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._most + 1 if size is None or size < 0 else size
        data = self._file.read(min(wanted, self._most + 1))
        if len(data) > self._most:
            raise UnsafeArchive("", "its directory is not where it should be")
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _find_directory(file: BinaryIO, size: int) -> tuple[int, int]:
    """Return where the directory of a zip begins and its length, as `zipfile` finds them."""
    tail_start = max(size - _END_BYTES - _LONGEST_COMMENT, 0)
    file.seek(tail_start)
    tail = file.read()
    place = len(tail) - _END_BYTES
    if place < 0 or tail[place : place + 4] != _END or tail[-2:] != b"\0\0":
        place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise UnsafeArchive("", "this is no zip")
    (length,) = struct.unpack_from("<L", tail, place + 12)
    end = tail_start + place
    begin64 = end - _LOCATOR64_BYTES - _END64_BYTES
    if begin64 >= 0:
        file.seek(begin64)
        records = file.read(_END64_BYTES + _LOCATOR64_BYTES)
        if records[:4] == _END64 and records[_END64_BYTES:][:4] == _LOCATOR64:
            (length,) = struct.unpack_from("<Q", records, 40)
            end = begin64
    return end - length, length


def _check_claims(
    members: list[zipfile.ZipInfo], archive_bytes: int, limits: ArchiveLimits
) -> None:
    total = sum(member.file_size for member in members)
    # Members may overlap in the archive, and so claim its bytes many times.
    packed = min(sum(member.compress_size for member in members), archive_bytes)
    if total > limits.total_bytes:
        raise UnsafeArchive("", f"{total} bytes unpacked, at most {limits.total_bytes} are taken")
    if total > limits.ratio_from_bytes and total > limits.ratio * max(packed, 1):
        raise UnsafeArchive("", f"{packed} bytes that unpack to {total}")
    for member in members:
        _check_member(member)
    _check_collisions(member.filename for member in members if not member.is_dir())


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.orig_filename  # `filename` ends before a NUL
    path = PurePosixPath(name)
    if "\\" in name or "\0" in name or path.is_absolute() or ":" in (path.parts or ("",))[0]:
        raise UnsafeArchive(_shown(name), "not a relative path")
    if ".." in path.parts:
        raise UnsafeArchive(_shown(name), "leaves the folder")
    if len(name.encode()) > _NAME_BYTES or any(
        len(part.encode()) > _PART_BYTES for part in path.parts
    ):
        raise UnsafeArchive(_shown(name), "its name is too long")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeArchive(name, "neither a file nor a folder")
    if member.flag_bits & _ENCRYPTED:
        raise UnsafeArchive(name, "it is encrypted")
    if member.compress_type not in _METHODS:
        raise UnsafeArchive(name, f"compressed by method {member.compress_type}, not by deflate")


def _check_collisions(names: Iterable[str]) -> None:
    """Refuse names that are one file where people unpack it: on macOS and Windows."""
    met: set[str] = set()
    for name in names:
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in met:
            raise UnsafeArchive(name, "another member has this name, or one that differs in case")
        met.add(folded)


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


def _shown(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:80]}…"
