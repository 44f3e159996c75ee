"""Zip archives. What one claims is checked before anything is unpacked, and before the list of its
members is held in memory; what it claimed is checked again while it is unpacked.
"""

from __future__ import annotations

import io
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from panoptic.archives.members import (
    CHUNK_BYTES,
    ArchiveLimits,
    MemberNames,
    Told,
    UnsafeArchive,
    is_litter,
)

# The earliest time that a zip can write: the same files give the same archive.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
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


def extract_zip(source: BinaryIO, folder: Path, limits: ArchiveLimits, told: Told) -> None:
    """Extract into an empty folder; raises UnsafeArchive, and what `zipfile` does."""
    bounded = _BoundedFile(source, check_directory(source, limits))
    packed_bytes = source.seek(0, io.SEEK_END)
    with zipfile.ZipFile(bounded) as file:
        members = file.infolist()
        _check_claims(members, packed_bytes, limits)
        written = 0
        for done, member in enumerate(members, 1):
            if not is_litter(member.filename):
                written += _extract_member(file, member, folder, limits.total_bytes - written)
            told(done, len(members))


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
        limits.check_count(members)
        offset += _ENTRY_BYTES + sum(struct.unpack_from("<3H", entry, 28))
    file.seek(0)
    return length


def write_zip(files: Iterable[tuple[str, Path]], archive: Path) -> None:
    """Pack files under the names and in the order that are given."""
    with zipfile.ZipFile(archive, "w") as target:
        for name, path in files:
            info = zipfile.ZipInfo(name, _NO_TIME)
            info.external_attr = 0o644 << 16
            # PNG is compressed already; stored members depend on no zlib.
            info.compress_type = zipfile.ZIP_STORED
            info.file_size = path.stat().st_size
            with path.open("rb") as source, target.open(info, "w") as member:
                shutil.copyfileobj(source, member, CHUNK_BYTES)


class _BoundedFile(io.BufferedIOBase):
    """A file that gives no more at once than the directory that was looked through, or a chunk.

    Whatever `zipfile` takes for the directory, it cannot be a larger one.
    """

    def __init__(self, file: BinaryIO, directory_bytes: int) -> None:
        self._file = file
        self._most = max(directory_bytes, 2 * CHUNK_BYTES)

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
        raise UnsafeArchive("", "this is neither a zip nor a tar, or it is cut off")
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


def _check_claims(members: list[zipfile.ZipInfo], packed_bytes: int, limits: ArchiveLimits) -> None:
    total = sum(member.file_size for member in members)
    # Members may overlap in the archive, and so claim its bytes many times.
    packed = min(sum(member.compress_size for member in members), packed_bytes)
    limits.check_size(packed, total)
    names = MemberNames()
    for member in members:
        _check_member(member, names)


def _check_member(member: zipfile.ZipInfo, names: MemberNames) -> None:
    name = member.orig_filename  # `filename` ends before a NUL
    names.add(name, is_folder=name.endswith("/"))
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UnsafeArchive(name, "neither a file nor a folder")
    if member.flag_bits & _ENCRYPTED:
        raise UnsafeArchive(name, "it is encrypted")
    if member.compress_type not in _METHODS:
        raise UnsafeArchive(name, f"compressed by method {member.compress_type}, not by deflate")


def _extract_member(file: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, room: int) -> int:
    target = folder / member.filename
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with file.open(member) as source, target.open("xb") as sink:
        while chunk := source.read(CHUNK_BYTES):
            written += len(chunk)
            if written > min(room, member.file_size):
                raise UnsafeArchive(member.filename, "larger than the archive says")
            sink.write(chunk)
    return written
