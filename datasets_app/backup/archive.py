"""The form of the archive: its members, their order, their digests."""

from __future__ import annotations

import hashlib
import re
from typing import Any, BinaryIO, NamedTuple

from store_app.models import Pack, file_name

FORM = 1
HEAD = "tessera-backup.json"
MANIFEST = "manifest.json"

_FILE = re.compile(r"(?:packs|objects)/[0-9a-f]{2}/([0-9a-f]{64})(\.pack)?")
_ROWS = re.compile(r"rows/([a-z0-9_]+\.[a-z0-9_]+)\.jsonl\.zst")


class StoredFile(NamedTuple):
    """A file of the store, as rows of `Pack` know it."""

    kind: int
    digest: bytes
    size: int

    @property
    def name(self) -> str:
        """Its name in the storage, and in the archive."""
        return file_name(self.kind, self.digest)


class FileList:
    """The digest of a list of files, in their order, without the list."""

    def __init__(self) -> None:
        self.files = self.bytes = 0
        self._sha256 = hashlib.sha256()

    def add(self, file: StoredFile) -> None:
        """Add the next file."""
        self.files += 1
        self.bytes += file.size
        self._sha256.update(f"{file.name} {file.size}\n".encode())

    def to_json(self) -> dict[str, Any]:
        """Return what the manifest says of all files together."""
        return {"files": self.files, "bytes": self.bytes, "sha256": self._sha256.hexdigest()}


class HashingReader:
    """A file to read from, and the sha256 of what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._file.read(size)
        self.sha256.update(data)
        return data


class HashingWriter:
    """A file to write to, with the sha256 of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Write on."""
        self.sha256.update(data)
        self.size += len(data)
        return self._file.write(data)


def rows_member(label: str) -> str:
    """Return the name of the member with the rows of a table."""
    return f"rows/{label}.jsonl.zst"


def table_of(member: str) -> str | None:
    """Return whose rows a member has; None where it is no such member."""
    match = _ROWS.fullmatch(member)
    return match[1] if match else None


def stored_file(member: str, size: int) -> StoredFile | None:
    """Return the file of the store that a member is; None for every other name."""
    match = _FILE.fullmatch(member)
    if match is None:
        return None
    kind = Pack.Kind.PACK if match[2] else Pack.Kind.SINGLE
    file = StoredFile(kind, bytes.fromhex(match[1]), size)
    # The folder must fit the digest: each file has one name.
    return file if file.name == member else None
