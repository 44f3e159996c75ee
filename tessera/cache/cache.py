"""A folder of packs and large contents with an index; every byte is checked when it comes and goes.

    packs/<sha256>.pack      small blobs, in the form that the service uses (docs/formats/pack.md)
    objects/ab/<sha256>      large photographs, a file each
    index.sqlite3            digest → file, made anew when it is lost, as index-2.sqlite3
    new/                     what is being written; a crash leaves garbage here and nowhere else

A folder that may not be written, as a read-only mount in a container, is read as it is.
Files are written, flushed to the disk and renamed before the index names them. Several processes
may use one cache: names are digests, so that two who bring the same bytes agree.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate, pairwise
from pathlib import Path

from panoptic.packs import (
    NewObject,
    PackEntry,
    SealedPack,
    Stretch,
    read_entries,
    seal_pack,
    seal_stretch,
)
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
from tessera.cache.layout import (
    flush,
    is_index,
    is_read_only,
    make_folders,
    newest_index,
    next_index,
)
from tessera.errors import ObjectCorrupt, ObjectMissing, TesseraError
from tessera.progress import Progress, silent

_OLD_SECONDS = 24 * 3_600
# A child of a fork must not even close a connection to SQLite that its parent has open.
_OF_PARENTS: list[Index] = []


class Cache:
    """The bytes that a client has. Threads may share it, and the children of a fork.

    is_read_only : the folder or its index may not be written; what has to write there raises
        `TesseraError` with the code "cache_read_only"
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_read_only = is_read_only(folder)
        if not self.is_read_only:
            make_folders(folder)
        self._files = OpenFiles(folder)
        self._lock = threading.RLock()
        self._process = os.getpid()
        try:
            self._index = self._open_index()
        except ObjectCorrupt:
            if self.is_read_only:
                raise
            self.rebuild()
        if self._index.is_new and not self.is_read_only:
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
        with self._locked() as index:
            found = index.find_files(wanted)
        gone = {name for name in set(found.values()) if not (self.folder / name).exists()}
        for name in gone if not self.is_read_only else ():
            self.drop_file(name)
        return [digest for digest in wanted if digest not in found or found[digest] in gone]

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
        self.check_writable()
        sha256 = hashlib.sha256
        whole = [item for item in objects if sha256(item.data).digest() == item.stored_digest]
        if whole:
            self._add_pack(seal_pack(whole))
        if len(whole) < len(objects):
            kept = {item.digest for item in whole}
            bad = next(item for item in objects if item.digest not in kept)
            raise corrupt(bad.digest, "it arrived with another sha256", "the transfer", 0)

    def add_stretch(self, stretch: Stretch) -> None:
        """Keep blobs that lie one behind the other as one pack, as `add_objects` does.

        Raises
        ------
        ObjectCorrupt
            Stored bytes of one do not have their digest; the others are kept.
        """
        self.check_writable()
        sha256, data = hashlib.sha256, memoryview(stretch.data)
        ends = list(accumulate(stretch.lengths, initial=0))
        if all(
            sha256(data[begin:end]).digest() == digest
            for (begin, end), digest in zip(pairwise(ends), stretch.stored_digests, strict=True)
        ):
            self._add_pack(seal_stretch(stretch))
            return
        columns = (stretch.digests, stretch.stored_digests, stretch.sizes, stretch.codecs)
        parts = [stretch.data[begin:end] for begin, end in pairwise(ends)]
        self.add_objects(list(map(NewObject, *columns, parts)))

    def new_file(self) -> Path:
        """Return a path for a file or folder that is being made; `sweep` deletes it some day."""
        self.check_writable()
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
        flush(path)
        self._rename(path, name)
        with self._locked() as index:
            index.add([Place(digest, name, 0, size, size, 0, digest)])

    def verify(
        self, digests: Iterable[bytes] | None = None, *, progress: Progress = silent
    ) -> Iterator[CacheFinding]:
        """Yield what is wrong: every byte is read, and the digest of every content computed.

        With `digests` the index and these blobs; without, all blobs and the packs around them.
        Damaged blobs stay until `mend` or `drop_file` are told of their files.
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
        self.check_writable()
        if is_index(name):
            self.rebuild()
            return
        with self._locked() as index:
            index.drop_file(name)
        self._files.forget(name)
        (self.folder / name).unlink(missing_ok=True)

    def mend(self, name: str) -> None:
        """Drop a damaged file, and keep what is whole in it: only the rest is fetched again."""
        self.check_writable()
        whole: list[NewObject] = []
        if name.startswith("packs/"):
            with self._locked() as index:
                places = index.places_in(name)
            for place in places:
                if self._check(place) is None:
                    data = self.read_stored(place)
                    whole.append(
                        NewObject(place.digest, place.stored_digest, place.size, place.codec, data)
                    )
        self.drop_file(name)
        self.add_objects(whole)

    def rebuild(self) -> None:
        """Make the index anew from the files; what is damaged is left out.

        Under a new name: other processes may have the old one open, and what they write must
        not get into the new one.
        """
        self.check_writable()
        with self._lock:
            if hasattr(self, "_index"):
                self._index.close()
            old = newest_index(self.folder)
            self._index = Index(next_index(old))
            self._index_files()
            for path in (old, Path(f"{old}-wal"), Path(f"{old}-shm")):
                path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete what writers left that died more than a day ago, and take in whole files that
        no index names, because their writer died before it could say so."""
        self.check_writable()
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
        self.check_writable()
        with self._locked() as index:
            index.clear()
        for name in self._names_of_files():
            self._files.forget(name)
            (self.folder / name).unlink(missing_ok=True)
        self.sweep()

    def check_writable(self) -> None:
        """Raise the error of a cache that would have to be written, and may not be."""
        if self.is_read_only:
            raise TesseraError(
                f"the cache in {self.folder} is read-only, and what is to be done would write it",
                code="cache_read_only",
            )

    @contextmanager
    def _locked(self) -> Iterator[Index]:
        if self._process != os.getpid():
            # The lock may be held by a thread that only the parent has.
            _OF_PARENTS.append(self._index)
            self._lock, self._index = threading.RLock(), self._open_index()
            self._files, self._process = OpenFiles(self.folder), os.getpid()
        with self._lock:
            if self._index.is_stale:
                self._index.close()
                self._index = self._open_index()
            yield self._index

    def _open_index(self) -> Index:
        return Index(newest_index(self.folder), read_only=self.is_read_only)

    def _add_pack(self, pack: SealedPack) -> None:
        name = f"packs/{pack.digest.hex()}.pack"
        self._write(name, pack.chunks)
        with self._locked() as index:
            index.add(
                [
                    Place(digest, name, start, length, size, codec, stored_digest)
                    for digest, stored_digest, start, length, size, codec in pack.entries
                ]
            )

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self.new_file()
        with path.open("wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fsync(file.fileno())
        # Also where it is there already: that one may be damaged.
        self._rename(path, name)

    def _rename(self, path: Path, name: str) -> None:
        target = self.folder / name
        path.replace(target)
        flush(target.parent)
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
        with self._locked() as index:
            index.check()
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
