"""Is everything there? Every byte of packs and objects, and what the index says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from panoptic.blob_codecs import codec_of
from panoptic.errors import PanopticError
from panoptic.packs import NewObject, seal_pack
from tessera.cache.files import OpenFiles
from tessera.cache.index import Place
from tessera.errors import ObjectCorrupt, ObjectMissing

_PIECE_BYTES = 2**22


class CacheFinding(NamedTuple):
    """One thing wrong: a stable code, a sentence, the file, the digest in hex, "" where the damage
    is in no blob, and the offset in the file."""

    code: str
    message: str
    file: str
    digest: str = ""
    offset: int = 0


def read_place(files: OpenFiles, place: Place) -> bytes:
    """Return the stored bytes at a place, checked against their sha256.

    Raises
    ------
    ObjectCorrupt, ObjectMissing
        They name the digest, the file and the offset.
    """
    for _ in range(2):
        try:
            # No more than there is: a damaged length may be any number.
            length = min(place.length, max(files.size(place.file) - place.start, 0))
            stored = files.read(place.file, place.start, length)
        except FileNotFoundError:
            raise ObjectMissing(
                f"object {place.digest.hex()}: its file {place.file} is gone from the cache,"
                f" offset {place.start}: pull again",
                facts={"digest": place.digest.hex(), "file": place.file, "offset": place.start},
            ) from None
        if hashlib.sha256(stored).digest() == place.stored_digest:
            return stored
        # Another process may have put a whole file in the place of a damaged one.
        files.forget(place.file)
    reason = "its sha256 is another"
    if len(stored) < place.length:
        reason = f"truncated, {len(stored)} of {place.length} bytes are there"
    raise corrupt(place.digest, reason, place.file, place.start)


def decode_content(place: Place, stored: bytes) -> bytes:
    """Return the content of stored bytes; `ObjectCorrupt` if it is not of the blob's digest."""
    try:
        content = codec_of(place.codec).decode(stored, place.size)
    except (ValueError, PanopticError) as error:
        raise corrupt(place.digest, str(error), place.file, place.start) from error
    if hashlib.sha256(content).digest() != place.digest:
        raise corrupt(place.digest, "its content has another digest", place.file, place.start)
    if len(content) != place.size:
        reason = f"the index says {place.size} bytes, it has {len(content)}"
        raise corrupt(place.digest, reason, place.file, place.start)
    return content


def check_place(files: OpenFiles, place: Place) -> CacheFinding | None:
    """Read a blob and compute both its digests; return what is wrong."""
    try:
        decode_content(place, read_place(files, place))
    except (ObjectCorrupt, ObjectMissing) as error:
        return CacheFinding(error.code, error.message, place.file, place.digest.hex(), place.start)
    return None


def check_frame(
    files: OpenFiles, name: str, places: Sequence[Place], found_in: Collection[CacheFinding]
) -> Iterator[CacheFinding]:
    """Yield what is wrong with a pack beside its blobs: its table, or what the index says of it.

    `places` are those of the index in this file; `found_in` what is wrong with them.
    """
    try:
        size = files.size(name)
    except FileNotFoundError:
        if not found_in:
            yield CacheFinding("object_missing", f"{name} is gone from the cache", name)
        return
    data = files.read(name, 0, size)
    if found_in or hashlib.sha256(data).hexdigest() == name.rpartition("/")[2][:64]:
        return
    offset = _first_difference(data, places)
    yield CacheFinding(
        "object_corrupt", f"{name} has another sha256: damaged at offset {offset}", name, "", offset
    )


def hash_file(files: OpenFiles, name: str) -> str:
    """Return the sha256 of a file in hex."""
    sha256, offset = hashlib.sha256(), 0
    while piece := files.read(name, offset, _PIECE_BYTES):
        sha256.update(piece)
        offset += len(piece)
    return sha256.hexdigest()


def corrupt(digest: bytes, reason: str, file: str, offset: int) -> ObjectCorrupt:
    """Return the error that names a damaged blob."""
    return ObjectCorrupt(
        f"object {digest.hex()} is corrupt: {reason} ({file}, offset {offset})",
        facts={"digest": digest.hex(), "file": file, "offset": offset},
    )


def _first_difference(data: bytes, places: Sequence[Place]) -> int:
    """Return where a pack first differs from what its blobs would be sealed as."""
    objects = [
        NewObject(
            place.digest,
            place.stored_digest,
            place.size,
            place.codec,
            data[place.start : place.start + place.length],
        )
        for place in places
    ]
    expected = b"".join(seal_pack(objects).chunks)
    shorter = min(len(data), len(expected))
    pairs = zip(data[:shorter], expected[:shorter], strict=True)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), shorter)
