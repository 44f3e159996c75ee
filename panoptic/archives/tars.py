"""Tar archives, plain or by gzip, read once from front to back.

The blocks are read here and not by `tarfile`, which holds as much of a member's description in
memory as the archive says that there is, and follows links. Its parser of one header serves.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from panoptic.archives.members import (
    CHUNK_BYTES,
    ArchiveLimits,
    MemberNames,
    Told,
    UnsafeArchive,
    is_litter,
    shown,
)

BLOCK = 512
# Of a long name, or of a list of properties of one member.
_DESCRIPTION_BYTES = 1 << 20
_LONG_NAME, _LONG_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
_PROPERTIES, _PROPERTIES_OF_ALL = tarfile.XHDTYPE, tarfile.XGLTYPE
# What would give each member another name, size or content than its header says.
_OVERRIDING = ("path", "size", "GNU.sparse")


def is_tar_header(block: bytes) -> bool:
    """Whether a block of 512 bytes is the header of a member, by its checksum."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def extract_tar(
    source: BinaryIO, packed_bytes: int, folder: Path, limits: ArchiveLimits, told: Told
) -> None:
    """Extract into an empty folder; raises UnsafeArchive, and OSError where writing fails."""
    blocks = _Blocks(source, packed_bytes, limits)
    names = MemberNames()
    for done, member in enumerate(_iter_members(blocks, limits), 1):
        names.add(member.name, is_folder=member.is_folder)
        target = folder / member.name
        if is_litter(member.name):
            blocks.skip(member.size)
        elif member.is_folder:
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as sink:
                for chunk in blocks.iter_content(member.size):
                    sink.write(chunk)
        told(done)
    blocks.finish()


def write_tar(files: Iterable[tuple[str, Path]], archive: Path) -> None:
    """Pack files under the names and in the order that are given."""
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as target:
        for name, path in files:
            info = tarfile.TarInfo(name)  # of nobody, at no time
            info.size, info.mode = path.stat().st_size, 0o644
            with path.open("rb") as source:
                target.addfile(info, source)


class _Member(NamedTuple):
    """A file or a folder; `size` bytes of content follow, which must be read."""

    name: str
    size: int
    is_folder: bool


class _Blocks:
    """The bytes of a tar; no more of them come than the limits allow."""

    def __init__(self, file: BinaryIO, packed_bytes: int, limits: ArchiveLimits) -> None:
        self._file, self._packed, self._limits = file, packed_bytes, limits
        self._read = 0

    def read(self, size: int) -> bytes:
        """Exactly so many bytes."""
        self.expect(size)
        content = self._file.read(size)
        self._read += len(content)
        if len(content) < size:
            raise UnsafeArchive("", "it is cut off")
        return content

    def expect(self, size: int) -> None:
        """Refuse what is too large before any of it is read."""
        self._limits.check_size(self._packed, self._read + size)

    def iter_content(self, size: int) -> Iterator[bytes]:
        """Yield a member's content in chunks, and pass over what fills its last block."""
        left = size
        while left:
            chunk = self.read(min(left, CHUNK_BYTES))
            left -= len(chunk)
            yield chunk
        self.read(-size % BLOCK)

    def description(self, size: int) -> bytes:
        """The content of a member that describes the next one."""
        if size > _DESCRIPTION_BYTES:
            raise UnsafeArchive("", f"a description of {size} bytes")
        return b"".join(self.iter_content(size))

    def skip(self, size: int) -> None:
        for _ in self.iter_content(size):
            pass

    def finish(self) -> None:
        """Read to the end, where only zeros may be: so that checksums are, and nothing is lost."""
        while rest := self._file.read(CHUNK_BYTES):
            self._read += len(rest)
            self.expect(0)
            if rest.strip(b"\0"):
                raise UnsafeArchive("", "something follows its end")


def _iter_members(blocks: _Blocks, limits: ArchiveLimits) -> Iterator[_Member]:
    """Yield the files and folders; the caller reads the content of each."""
    name, size = None, None
    headers = 0
    while (header := _read_header(blocks)) is not None:
        headers += 1
        limits.check_count(headers)
        if header.type == _LONG_NAME:
            name = _text(blocks.description(header.size).rstrip(b"\0"))
        elif header.type == _LONG_LINK:
            blocks.description(header.size)  # the link itself is refused
        elif header.type == _PROPERTIES:
            found = _properties(blocks.description(header.size))
            if any(key.startswith("GNU.sparse") for key in found):
                raise UnsafeArchive(shown(header.name), "a file with holes")
            name = _text(found["path"]) if "path" in found else name
            size = _number(found["size"]) if "size" in found else size
        elif header.type == _PROPERTIES_OF_ALL:
            found = _properties(blocks.description(header.size))
            if any(key.startswith(_OVERRIDING) for key in found):
                raise UnsafeArchive("", "one name or size is given to all members")
        else:
            member = _member(header, name, size)
            blocks.expect(member.size)
            yield member
            name, size = None, None


def _read_header(blocks: _Blocks) -> tarfile.TarInfo | None:
    """The next header; None at the end, which a block of zeros marks."""
    block = blocks.read(BLOCK)
    if not block.strip(b"\0"):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise UnsafeArchive("", f"a header of a member is damaged: {error}") from error
    if header.size < 0:
        raise UnsafeArchive(shown(header.name), "its size is none")
    return header


def _member(header: tarfile.TarInfo, long_name: str | None, long_size: int | None) -> _Member:
    name = header.name if long_name is None else long_name
    size = header.size if long_size is None else long_size
    if header.type in tarfile.REGULAR_TYPES and header.type != tarfile.GNUTYPE_SPARSE:
        # A folder, to those who wrote before folders had a type.
        return _Member(name, size, is_folder=name.endswith("/") and not size)
    if header.type == tarfile.DIRTYPE and not size:
        return _Member(name, 0, is_folder=True)
    raise UnsafeArchive(shown(name), "neither a file nor a folder")


def _properties(data: bytes) -> dict[str, bytes]:
    """Records `LENGTH KEY=VALUE\\n` (POSIX pax, extended header)."""
    found, at = {}, 0
    while at < len(data):
        space = data.find(b" ", at, at + 20)
        digits = data[at:space] if space > at else b""
        end = at + int(digits) if digits.isdigit() else 0
        key, sign, value = data[space + 1 : max(end - 1, 0)].partition(b"=")
        if not sign or end > len(data) or data[end - 1 : end] != b"\n":
            raise UnsafeArchive("", "a list of properties is damaged")
        found[_text(key)] = value
        at = end
    return found


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _number(data: bytes) -> int:
    if not data.isdigit() or len(data) > 19:
        raise UnsafeArchive("", "a size that is no number")
    return int(data)
