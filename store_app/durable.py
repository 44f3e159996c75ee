"""Files of a storage, written so that they are there after a power cut.

Django's `Storage` has no word for "durable", for a part of a file, or for replacing one.
Each class here says it for one kind of storage, behind one interface; nothing above
knows a path or a bucket.
"""

import hashlib
import os
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from store_app.crash import crash_point
from store_app.errors import DigestMismatch, StorageFailed

CHUNK_BYTES = 1_048_576
INCOMING = "incoming"  # unfinished files of a local storage

Chunks = Callable[[], Iterable[bytes]]  # the content from its beginning, each time it is called


class StoredFile(NamedTuple):
    """A file that a storage holds; `modified` is aware."""

    name: str
    size: int
    modified: datetime


class SignedRange(NamedTuple):
    """A request that anybody may make for a while: a GET of `url` with these headers."""

    url: str
    headers: dict[str, str]


class Files(ABC):
    """The files of one storage.

    `remote` says that a read is a request: worth sending several at once.
    """

    remote = False

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    @abstractmethod
    def save(self, name: str, chunks: Chunks, digest: bytes) -> None:
        """Write a file and return when it is durable and has this sha256.

        A file of that name is replaced, never extended: names come from digests, so at
        worst it is replaced by itself, and a damaged one is mended.

        Raises
        ------
        DigestMismatch
            The chunks themselves have another sha256. Nothing was written.
        StorageFailed
            The storage did not keep them.
        """

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Return part of a file, shorter where the file ends; FileNotFoundError without one."""
        with self.storage.open(name) as file:
            file.seek(start)
            return file.read(length)

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading, seekable; FileNotFoundError without one."""
        return self.storage.open(name)

    def sign_range(self, name: str, start: int, length: int) -> SignedRange | None:
        """Let a stranger read part of a file for a while; None where the storage has no such word.

        No other part may be read with it: what lies beside may be somebody else's.
        """
        return None

    def exists(self, name: str) -> bool:
        return self.storage.exists(name)

    def delete(self, name: str) -> None:
        """Delete a file; one that is not there is no error."""
        self.storage.delete(name)

    def iter_files(self, folder: str) -> Iterator[StoredFile]:
        """Walk through all files below a folder, in no order."""
        try:
            folders, files = self.storage.listdir(folder)
        except FileNotFoundError:
            return
        for entry in files:
            name = f"{folder}/{entry}"
            # Others may rename and delete while we list.
            with suppress(FileNotFoundError):
                yield StoredFile(
                    name, self.storage.size(name), self.storage.get_modified_time(name)
                )
        for entry in folders:
            yield from self.iter_files(f"{folder}/{entry}")

    def iter_unfinished(self) -> Iterator[StoredFile]:
        """Walk through what somebody is writing, or was when the process died."""
        yield from self.iter_files(INCOMING)

    def drop_unfinished(self, file: StoredFile) -> None:
        """Give up something of `iter_unfinished`; `modified` says when it was begun, or later."""
        self.delete(file.name)

    def check(self, name: str, digest: bytes) -> None:
        """Read a file back; StorageFailed if it does not have this sha256."""
        try:
            with self.open(name) as file:
                actual = hash_chunks(iter_chunks(file))
        except FileNotFoundError:
            raise StorageFailed(name, "it was written and is not there") from None
        if actual != digest:
            raise StorageFailed(name, f"it was written and reads back as {actual.hex()}")


class LocalFiles(Files):
    """A folder: temporary file, fsync, read back, atomic rename, fsync of the folders."""

    storage: FileSystemStorage

    def save(self, name: str, chunks: Chunks, digest: bytes) -> None:
        temporary = f"{INCOMING}/{uuid.uuid4().hex}"
        try:
            self._write(temporary, chunks, digest)
            self.check(temporary, digest)
            target = Path(self.storage.path(name))
            self._make_folder(target.parent)
            os.replace(self.storage.path(temporary), target)
            _fsync_folder(target.parent)
        except OSError as error:
            raise StorageFailed(name, str(error)) from error
        finally:
            with suppress(FileNotFoundError):
                os.unlink(self.storage.path(temporary))
        crash_point("after_pack_fsync")

    def _write(self, name: str, chunks: Chunks, digest: bytes) -> None:
        path = Path(self.storage.path(name))
        self._make_folder(path.parent)
        sha256 = hashlib.sha256()
        with path.open("xb") as file:
            for chunk in chunks():
                sha256.update(chunk)
                file.write(chunk)
            if sha256.digest() != digest:
                raise DigestMismatch(expected=digest, actual=sha256.digest())
            if self.storage.file_permissions_mode is not None:
                os.fchmod(file.fileno(), self.storage.file_permissions_mode)
            file.flush()
            crash_point("before_pack_fsync")
            os.fsync(file.fileno())

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it; a new folder is durable when its parent is synced."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _fsync_folder(folder.parent)


class AnyFiles(Files):
    """Any other Django storage: write, read back, compare."""

    def save(self, name: str, chunks: Chunks, digest: bytes) -> None:
        with tempfile.SpooledTemporaryFile(max_size=CHUNK_BYTES) as spool:
            sha256 = hashlib.sha256()
            for chunk in chunks():
                sha256.update(chunk)
                spool.write(chunk)
            if sha256.digest() != digest:
                raise DigestMismatch(expected=digest, actual=sha256.digest())
            spool.seek(0)
            crash_point("before_pack_fsync")
            if self.storage.exists(name):
                # `Storage.save` would choose another name.
                self.storage.delete(name)
            saved = self.storage.save(name, File(spool))
        if saved != name:
            self.storage.delete(saved)
            raise StorageFailed(name, f"the storage would only store it as {saved}")
        self.check(name, digest)
        crash_point("after_pack_fsync")


def blob_files() -> Files:
    """Return the files of the storage that the settings call "blobs"."""
    return files_of(storages["blobs"])


def files_of(storage: Storage) -> Files:
    if isinstance(storage, FileSystemStorage):
        return LocalFiles(storage)
    # By name: importing boto3 takes half a second, which local storages need not pay.
    if any(kind.__module__ == "storages.backends.s3" for kind in type(storage).__mro__):
        from store_app.s3 import S3Files

        return S3Files(storage)
    return AnyFiles(storage)


def iter_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Read a file to its end in pieces of bounded size."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def hash_chunks(chunks: Iterable[bytes]) -> bytes:
    return measure(chunks)[0]


def measure(chunks: Iterable[bytes]) -> tuple[bytes, int]:
    """Return the sha256 and the size of chunks joined."""
    sha256, size = hashlib.sha256(), 0
    for chunk in chunks:
        sha256.update(chunk)
        size += len(chunk)
    return sha256.digest(), size


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
