"""A folder of packs and photographs with an index; every byte is checked when it comes and goes.

    packs/<sha256>.pack      small blobs, in the form that the service uses (docs/formats/pack.md)
    objects/ab/<sha256>      photographs, a file each
    index.sqlite3            digest → file, made anew when it is lost
    new/                     what is being written; a crash leaves garbage here and nowhere else

Files are written, flushed to the disk and renamed before the index names them. Several processes
may use one cache: names are digests, so that two who bring the same bytes agree.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from panoptic.blob_codecs import codec_of
from panoptic.errors import MalformedPack, PanopticError
from panoptic.packs import NewObject, read_entries, seal_pack
from tessera.cache.index import Index, Place
from tessera.errors import ObjectCorrupt, ObjectMissing
from tessera.progress import Progress, silent

__all__ = ["Cache", "CacheFinding", "Place"]

_CHUNK_BYTES = 2**20
_OLD_SECONDS = 24 * 3_600


class CacheFinding(NamedTuple):
    """One thing wrong in a cache: a stable code, a sentence, the file, and the digest in hex."""

    code: str
    message: str
    file: str
    digest: str = ""


class Cache:
    """The bytes that a client has. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("packs", "objects", "new"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        is_new = not (folder / "index.sqlite3").exists()
        self._lock = threading.RLock()
        self._index = Index(folder / "index.sqlite3")
        self._maps: dict[str, mmap.mmap] = {}
        if is_new:
            self.rebuild()

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            self._maps.clear()
            self._index.close()

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def missing(self, digests: Iterable[bytes]) -> list[bytes]:
        """Return the digests whose bytes are not here, each once, in their order."""
        wanted = list(dict.fromkeys(digests))
        found = self.find(wanted)
        return [digest for digest in wanted if digest not in found]

    def find(self, digests: Iterable[bytes]) -> dict[bytes, Place]:
        """Return where blobs lie; those that are not here are left out."""
        with self._lock:
            return self._index.find(digests)

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
        stored = self._map(place)[place.start : place.start + place.length]
        check_stored(place, stored)
        return stored

    def path_of(self, place: Place) -> Path:
        """Return the file that a place is in."""
        return self.folder / place.file

    def add_objects(self, objects: Sequence[NewObject]) -> None:
        """Keep blobs as one pack; their stored bytes are checked first, and durable after.

        Raises
        ------
        ObjectCorrupt
            Stored bytes do not have their digest. Nothing is kept.
        """
        if not objects:
            return
        for item in objects:
            if hashlib.sha256(item.data).digest() != item.stored_digest:
                raise corrupt(item.digest, "arrived with another sha256", "the transfer", 0)
        pack = seal_pack(objects)
        name = f"packs/{pack.digest.hex()}.pack"
        self._write(name, pack.chunks)
        places = [
            Place(*entry[:1], name, entry.start, entry.length, entry.size, entry.codec,
                  entry.stored_digest)
            for entry in pack.entries
        ]  # fmt: skip
        with self._lock:
            self._index.add(places)

    def new_file(self) -> Path:
        """Return the path of a file to be written and given to `adopt`."""
        return self.folder / "new" / uuid.uuid4().hex

    def adopt(self, path: Path, digest: bytes) -> None:
        """Keep a file as the blob that it is the content of; `ObjectCorrupt` if it is not."""
        if _hash_file(path) != digest:
            path.unlink()
            raise corrupt(digest, "arrived with another sha256", "the transfer", 0)
        name = f"objects/{digest.hex()[:2]}/{digest.hex()}"
        _flush(path)
        target = self.folder / name
        target.parent.mkdir(exist_ok=True)
        size = path.stat().st_size
        path.replace(target)
        with self._lock:
            self._index.add([Place(digest, name, 0, size, size, 0, digest)])

    def verify(
        self, digests: Iterable[bytes] | None = None, *, progress: Progress = silent
    ) -> Iterator[CacheFinding]:
        """Yield what is wrong: every byte is read, and the digest of every content computed.

        With `digests` these blobs alone. Damaged blobs stay until `drop` is told of them.
        """
        if digests is None:
            with self._lock:
                files = self._index.files()
            for name in files:
                with self._lock:
                    places = list(self._index.places_in(name))
                yield from self._verify_places(places)
            return
        wanted = list(dict.fromkeys(digests))
        found = self.find(wanted)
        yield from (
            CacheFinding("object_missing", "it is not in the cache", "", digest.hex())
            for digest in wanted
            if digest not in found
        )
        places = sorted(found.values(), key=lambda place: place[1:3])
        yield from self._verify_places(places, progress)

    def drop_file(self, name: str) -> None:
        """Forget a file of the cache, so that its blobs are fetched anew; and delete it."""
        with self._lock:
            self._index.drop_file(name)
            self._maps.pop(name, None)
        (self.folder / name).unlink(missing_ok=True)

    def rebuild(self) -> None:
        """Make the index from the files; packs that are damaged are left out."""
        for path in sorted((self.folder / "packs").glob("*.pack")):
            name = f"packs/{path.name}"
            try:
                entries = read_entries(path.read_bytes())
            except MalformedPack:
                continue
            places = [
                Place(entry.digest, name, entry.start, entry.length, entry.size, entry.codec,
                      entry.stored_digest)
                for entry in entries
            ]  # fmt: skip
            with self._lock:
                self._index.add(places)
        for path in sorted((self.folder / "objects").glob("*/*")):
            digest, size = bytes.fromhex(path.name), path.stat().st_size
            name = path.relative_to(self.folder).as_posix()
            with self._lock:
                self._index.add([Place(digest, name, 0, size, size, 0, digest)])

    def sweep(self) -> None:
        """Delete what writers left that died more than a day ago."""
        old = time.time() - _OLD_SECONDS
        for path in (self.folder / "new").iterdir():
            if path.stat().st_mtime < old:
                path.unlink(missing_ok=True)

    def totals(self) -> tuple[int, int]:
        """Return how many blobs there are, and their stored bytes."""
        with self._lock:
            return self._index.totals()

    def clear(self) -> None:
        """Delete everything; what is needed is fetched again."""
        with self._lock:
            files = self._index.files()
        for name in files:
            self.drop_file(name)
        shutil.rmtree(self.folder / "new", ignore_errors=True)
        (self.folder / "new").mkdir()

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        target = self.folder / name
        if target.exists():
            return
        path = self.new_file()
        with path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        path.replace(target)

    def _map(self, place: Place) -> mmap.mmap:
        with self._lock:
            found = self._maps.get(place.file)
            if found is None:
                found = self._maps[place.file] = _open_map(self.folder / place.file, place)
            return found

    def _verify_places(
        self, places: Sequence[Place], progress: Progress = silent
    ) -> Iterator[CacheFinding]:
        for done, place in enumerate(places, 1):
            progress(done, len(places))
            try:
                decode_content(place, self.read_stored(place))
            except (ObjectCorrupt, ObjectMissing) as error:
                yield CacheFinding(error.code, error.message, place.file, place.digest.hex())


def check_stored(place: Place, stored: bytes | memoryview) -> None:
    """Raise `ObjectCorrupt` unless stored bytes have their sha256."""
    if hashlib.sha256(stored).digest() != place.stored_digest:
        raise corrupt(place.digest, "its sha256 is another", place.file, place.start)


def decode_content(place: Place, stored: bytes) -> bytes:
    """Return the content of stored bytes; `ObjectCorrupt` if it is not of the blob's digest."""
    try:
        content = codec_of(place.codec).decode(stored, place.size)
    except (ValueError, PanopticError) as error:
        raise corrupt(place.digest, str(error), place.file, place.start) from error
    if hashlib.sha256(content).digest() != place.digest:
        raise corrupt(place.digest, "its content has another digest", place.file, place.start)
    return content


def corrupt(digest: bytes, reason: str, file: str, offset: int) -> ObjectCorrupt:
    """Return the error that names a damaged blob."""
    return ObjectCorrupt(
        f"object {digest.hex()} is corrupt: {reason} ({file}, offset {offset})",
        facts={"digest": digest.hex(), "file": file, "offset": offset},
    )


def _open_map(path: Path, place: Place) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise ObjectMissing(
            f"object {place.digest.hex()}: its file {place.file} is gone from the cache",
            facts={"digest": place.digest.hex(), "file": place.file},
        ) from None
    except ValueError:
        raise corrupt(place.digest, "its file is empty", place.file, place.start) from None


def _hash_file(path: Path) -> bytes:
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            sha256.update(chunk)
    return sha256.digest()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
