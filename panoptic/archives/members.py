"""What an archive may hold: how many members, how large, and under which names."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from panoptic.errors import PanopticError

CHUNK_BYTES = 1 << 20

# Of a name of an image and of a part of it (RULES 6.1, and what file systems take).
_NAME_BYTES, _PART_BYTES = 1_024, 255
# What systems leave in archives and folders, and nobody means.
_LITTER = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})


class UnsafeArchive(PanopticError):
    """An archive that is none, would write outside of its folder, or is far too large."""

    code = "malformed_file"

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(f"archive: {member}: {reason}" if member else f"archive: {reason}")
        self.member, self.reason = member, reason


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may hold. A ratio of 1,000 is about the most that label PNGs reach.

    While a zip is open a member costs 0.4 kB of memory, beside its entry in the directory;
    of a tar its name.
    """

    members: int = 500_000
    directory_bytes: int = 128 * 2**20
    total_bytes: int = 200 * 2**30
    ratio: int = 1_000
    ratio_from_bytes: int = 64 * 2**20

    def check_size(self, packed: int, total: int) -> None:
        """Raise UnsafeArchive where so many bytes of an archive unpack to far too many."""
        if total > self.total_bytes:
            raise UnsafeArchive("", f"{total} bytes unpacked, at most {self.total_bytes} are taken")
        if total > self.ratio_from_bytes and total > self.ratio * max(packed, 1):
            raise UnsafeArchive(
                "", f"{packed} bytes that unpack to {total}, more than {self.ratio} times as many"
            )

    def check_count(self, members: int) -> None:
        """Raise UnsafeArchive where there are too many members."""
        if members > self.members:
            raise UnsafeArchive("", f"too many members: at most {self.members} are taken")


USUAL_LIMITS = ArchiveLimits()


class Told(Protocol):
    """Told how many files are done, of how many; None: that is not known. It may end the work."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


def untold(done: int, total: int | None = None) -> None:
    """Where nobody watches."""


class MemberNames:
    """The names of files of an archive: relative, and each one file wherever it is unpacked."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    def add(self, name: str, *, is_folder: bool) -> None:
        """Raise UnsafeArchive for a name that leaves the folder, or that was met before."""
        _check_name(name)
        if is_folder:
            return
        if not PurePosixPath(name).parts:
            raise UnsafeArchive(name, "a file without a name")
        # They are one file on macOS and Windows.
        folded = unicodedata.normalize("NFC", str(PurePosixPath(name))).casefold()
        if folded in self._met:
            raise UnsafeArchive(name, "another member has this name, or one that differs in case")
        self._met.add(folded)


def is_litter(name: str) -> bool:
    """Whether a path is of something that a system wrote for itself."""
    return any(part in _LITTER or part.startswith("._") for part in PurePosixPath(name).parts)


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if "\\" in name or "\0" in name or path.is_absolute() or ":" in (path.parts or ("",))[0]:
        raise UnsafeArchive(shown(name), "not a relative path")
    if ".." in path.parts:
        raise UnsafeArchive(shown(name), "leaves the folder")
    try:
        lengths = [len(part.encode()) for part in path.parts]
    except UnicodeEncodeError:
        raise UnsafeArchive(shown(ascii(name)), "its name is no Unicode") from None
    if len(name.encode()) > _NAME_BYTES or any(length > _PART_BYTES for length in lengths):
        raise UnsafeArchive(shown(name), "its name is too long")


def shown(name: str) -> str:
    """A name as an error tells it: whoever made it may have made it long."""
    return name if len(name) <= 80 else f"{name[:80]}…"
