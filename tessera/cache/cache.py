"""A folder of packs and large contents with an index; every byte is checked when it comes and goes.

    packs/<sha256>.pack      small blobs, in the form that the service uses (docs/formats/pack.md)
    objects/ab/<sha256>      large photographs, a file each
    index.sqlite3            digest → file, made anew when it is lost, as index-2.sqlite3
    new/                     what is being written; a crash leaves garbage here and nowhere else

Files are written, flushed to the disk and renamed before the index names them. Several processes
may use one cache: names are digests, so that two who bring the same bytes agree.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from panoptic.packs import NewObject, PackEntry, read_entries, seal_pack
from tessera.cache.checking import (
    CacheFinding,
    check_frame,
    check_place,
    corrupt,
    decode_content,
    hash_file,
    read_place,
)
from tessera.cache.files import OpenFiles
from tessera.cache.index import Index, Place
from tessera.errors import ObjectCorrupt, ObjectMissing
from tessera.progress import Progress, silent

_OLD_SECONDS = 24 * 3_600
_INDEX_NAME = re.compile(r"index(?:-([0-9]+))?\.sqlite3")
# A child of a fork must not even close a connection to SQLite that its parent has open.
_OF_PARENTS: list[Index] = []


class Cache:
    """The bytes that a client has. Threads may share it, and the children of a fork."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("packs", "objects", "new"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._files = OpenFiles(folder)
        self._lock = threading.RLock()
        self._process = os.getpid()
        try:
            self._index = Index(_newest_index(folder))
        except ObjectCorrupt:
            self.rebuild()
        if self._index.is_new:
            self._index_files()

    def close(self) -> None:
        """Let go of all files."""
        with self._locked() as index:
            index.close()
        self._files.close()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def missing(self, digests: Iterable[bytes]) -> list[bytes]:
        """Return the digests whose bytes are not here, each once, in their order.

        Files that somebody took away are forgotten.
        """
        wanted = list(dict.fromkeys(digests))
        found = self.find(wanted)
        gone = {
            name
            for name in {place.file for place in found.values()}
            if not (self.folder / name).exists()
        }
        for name in gone:
            self.drop_file(name)
        return [digest for digest in wanted if digest not in found or found[digest].file in gone]

    def find(self, digests: Iterable[bytes]) -> dict[bytes, Place]:
        """Return where blobs lie; those that are not here are left out."""
        with self._locked() as index:
            return index.find(digests)

    def locate(self, digests: Iterable[bytes]) -> dict[bytes, Place]:
        """Return where blobs lie; `ObjectMissing` lists those that are not here."""
        wanted = list(dict.fromkeys(digests))
        found = self.find(wanted)
        missing = [digest.hex() for digest in wanted if digest not in found]
        if missing:
            rest = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ObjectMissing(
                f"object {missing[0]}{rest} is not in the cache: pull again", errors=missing
            )
        return found

    def read(self, digest: bytes) -> bytes:
        """Return the content of a blob, checked against its digest."""
        place = self.locate([digest])[digest]
        return decode_content(place, self.read_stored(place))

    def read_stored(self, place: Place) -> bytes:
        """Return the stored bytes at a place, checked against their sha256.

        Raises
        ------
        ObjectCorrupt, ObjectMissing
            They name the digest, the file and the offset.
        """
        return read_place(self._files, place)

    def path_of(self, place: Place) -> Path:
        """Return the file that a place is in."""
        return self.folder / place.file

    def add_objects(self, objects: Sequence[NewObject]) -> None:
        """Keep blobs as one pack; their stored bytes are checked first, and durable after.

        Raises
        ------
        ObjectCorrupt
            Stored bytes of one do not have their digest; the others are kept.
        """
        sha256 = hashlib.sha256
        whole = [item for item in objects if sha256(item.data).digest() == item.stored_digest]
        if whole:
            pack = seal_pack(whole)
            name = f"packs/{pack.digest.hex()}.pack"
            self._write(name, pack.chunks)
            with self._locked() as index:
                index.add([_place_of(name, entry) for entry in pack.entries])
        if len(whole) < len(objects):
            kept = {item.digest for item in whole}
            bad = next(item for item in objects if item.digest not in kept)
            raise corrupt(bad.digest, "it arrived with another sha256", "the transfer", 0)

    def new_file(self) -> Path:
        """Return a path for a file or folder that is being made; `sweep` deletes it some day."""
        return self.folder / "new" / uuid.uuid4().hex

    def adopt(self, path: Path, digest: bytes) -> None:
        """Keep a file as the blob that it is the content of; `ObjectCorrupt` if it is not."""
        name = f"objects/{digest.hex()[:2]}/{digest.hex()}"
        own = OpenFiles(path.parent)
        if hash_file(own, path.name) != digest.hex():
            path.unlink()
            raise corrupt(digest, "it arrived with another sha256", "the transfer", 0)
        own.close()
        target = self.folder / name
        target.parent.mkdir(exist_ok=True)
        size = path.stat().st_size
        _flush(path)
        self._rename(path, name)
        with self._locked() as index:
            index.add([Place(digest, name, 0, size, size, 0, digest)])

    def verify(
        self, digests: Iterable[bytes] | None = None, *, progress: Progress = silent
    ) -> Iterator[CacheFinding]:
        """Yield what is wrong: every byte is read, and the digest of every content computed.

        With `digests` these blobs alone; without, the packs around them and the index, too.
        Damaged blobs stay until `drop_file` is told of their files.
        """
        try:
            yield from (
                self._verify_all(progress)
                if digests is None
                else self._verify_some(digests, progress)
            )
        except ObjectCorrupt as error:  # of the index: nothing can be found by it
            yield CacheFinding(error.code, error.message, str(error.facts["file"]))

    def drop_file(self, name: str) -> None:
        """Forget a file of the cache, so that its blobs are fetched anew; and delete it.

        For the index: make it anew.
        """
        if _INDEX_NAME.fullmatch(name):
            self.rebuild()
            return
        with self._locked() as index:
            index.drop_file(name)
        self._files.forget(name)
        (self.folder / name).unlink(missing_ok=True)

    def rebuild(self) -> None:
        """Make the index anew from the files; what is damaged is left out.

        Under a new name: other processes may have the old one open, and what they write must
        not get into the new one.
        """
        with self._lock:
            if hasattr(self, "_index"):
                self._index.close()
            old = _newest_index(self.folder)
            self._index = Index(_next_index(old))
            self._index_files()
            for path in (old, Path(f"{old}-wal"), Path(f"{old}-shm")):
                path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete what writers left that died more than a day ago, and take in whole files that
        no index names, because their writer died before it could say so."""
        old = time.time() - _OLD_SECONDS
        for path in (self.folder / "new").iterdir():
            with suppress(FileNotFoundError):  # its writer is done
                if path.stat().st_mtime >= old:
                    continue
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
        self._index_files()

    def totals(self) -> tuple[int, int]:
        """Return how many blobs there are, and their stored bytes."""
        with self._locked() as index:
            return index.totals()

    def clear(self) -> None:
        """Delete everything that nobody is writing now; what is needed is fetched again."""
        with self._locked() as index:
            index.clear()
        for name in self._names_of_files():
            self._files.forget(name)
            (self.folder / name).unlink(missing_ok=True)
        self.sweep()

    @contextmanager
    def _locked(self) -> Iterator[Index]:
        if self._process != os.getpid():
            # The lock may be held by a thread that only the parent has.
            _OF_PARENTS.append(self._index)
            self._lock, self._index = threading.RLock(), Index(_newest_index(self.folder))
            self._files, self._process = OpenFiles(self.folder), os.getpid()
        with self._lock:
            yield self._index

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self.new_file()
        with path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        # Also where it is there already: that one may be damaged.
        self._rename(path, name)

    def _rename(self, path: Path, name: str) -> None:
        target = self.folder / name
        path.replace(target)
        _flush(target.parent)
        self._files.forget(name)

    def _names_of_files(self) -> list[str]:
        paths = [*(self.folder / "packs").glob("*.pack"), *(self.folder / "objects").glob("*/*")]
        return sorted(path.relative_to(self.folder).as_posix() for path in paths)

    def _index_files(self) -> None:
        """Let the index name all whole files that are there."""
        with self._locked() as index:
            known = set(index.files())
            for name in self._names_of_files():
                if name not in known:
                    index.add(self._places_of_file(name))
            index.mark_complete()

    def _places_of_file(self, name: str) -> list[Place]:
        """Return what lies in a file by its own table; nothing where a bit of it is wrong."""
        digest = Path(name).name.removesuffix(".pack")
        try:
            if hash_file(self._files, name) != digest:
                return []
            size = self._files.size(name)
            if name.startswith("objects/"):
                content = bytes.fromhex(digest)
                return [Place(content, name, 0, size, size, 0, content)]
            entries = read_entries(self._files.read(name, 0, size))
        except FileNotFoundError:
            return []  # another process dropped it
        return [_place_of(name, entry) for entry in entries]

    def _verify_all(self, progress: Progress) -> Iterator[CacheFinding]:
        with self._locked() as index:
            index.check()
            names, (total, _) = index.files(), index.totals()
        done = 0
        for name in names:
            with self._locked() as index:
                places = index.places_in(name)
            wrong = [found for found in map(self._check, places) if found is not None]
            yield from wrong
            if name.startswith("packs/"):
                yield from check_frame(self._files, name, places, wrong)
                yield from self._unknown_in(name, wrong)
            done += len(places)
            progress(done, total)

    def _unknown_in(self, name: str, wrong: Sequence[CacheFinding]) -> Iterator[CacheFinding]:
        """Yield blobs of a whole pack that the index does not find, or finds as another thing."""
        if wrong:
            return
        entries = {place.digest: place for place in self._places_of_file(name)}
        found = self.find(entries)
        for digest, place in entries.items():
            known = found.get(digest)
            if known is None or (known.file == name and known != place):
                file, message = self._index.path.name, f"the index is wrong on {digest.hex()}"
                yield CacheFinding("object_corrupt", message, file, digest.hex(), place.start)

    def _verify_some(self, digests: Iterable[bytes], progress: Progress) -> Iterator[CacheFinding]:
        wanted = list(dict.fromkeys(digests))
        found = self.find(wanted)
        for digest in wanted:
            if digest not in found:
                message = f"object {digest.hex()} is not in the cache"
                yield CacheFinding("object_missing", message, "", digest.hex())
        places = sorted(found.values(), key=lambda place: place[1:3])
        for done, place in enumerate(places, 1):
            progress(done, len(places))
            wrong = self._check(place)
            if wrong is not None:
                yield wrong

    def _check(self, place: Place) -> CacheFinding | None:
        return check_place(self._files, place)


def _place_of(name: str, entry: PackEntry) -> Place:
    return Place(
        entry.digest, name, entry.start, entry.length, entry.size, entry.codec, entry.stored_digest
    )


def _newest_index(folder: Path) -> Path:
    numbers = [
        int(found[1] or 1)
        for found in map(_INDEX_NAME.fullmatch, os.listdir(folder))
        if found is not None
    ]
    return _index_path(folder, max(numbers, default=1))


def _next_index(path: Path) -> Path:
    found = _INDEX_NAME.fullmatch(path.name)
    assert found is not None  # from `_newest_index`
    return _index_path(path.parent, int(found[1] or 1) + 1)


def _index_path(folder: Path, number: int) -> Path:
    return folder / ("index.sqlite3" if number == 1 else f"index-{number}.sqlite3")


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
