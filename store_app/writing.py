"""Put blobs into the store, the small ones in packs."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from panoptic.blob_codecs import CodecNumber, codec_number, codec_of
from panoptic.packs import (
    ENTRY_BYTES,
    FRAME_BYTES,
    MAX_PACK_BYTES,
    MAX_PACK_OBJECTS,
    NewObject,
    PackEntry,
    seal_pack,
)
from store_app import index
from store_app.errors import DigestMismatch
from store_app.models import Pack
from store_app.storing import NewFile, store_files

LARGE_BYTES = 4 * 2**20  # stored bytes beyond which a blob is a file of its own


class NewBlob(NamedTuple):
    """A blob to store.

    `digest` is the sha256 of the uncompressed content, `size` its size in bytes, `codec` one of
    "raw", "zstd" and "label", `data` the stored form in that codec.
    """

    digest: bytes
    codec: str
    data: bytes
    size: int


class PutReport(NamedTuple):
    """What a call stored: new blobs, blobs known already (or given twice), bytes of the new."""

    new: int
    known: int
    stored_bytes: int


def new_blob(content: bytes, codec: str = "zstd") -> NewBlob:
    """Encode content as a blob."""
    stored = codec_of(codec_number(codec)).encode(content)
    return NewBlob(hashlib.sha256(content).digest(), codec, stored, len(content))


def put_blobs(blobs: Iterable[NewBlob]) -> PutReport:
    """Store the blobs that the store does not have.

    The iterable is drawn on as packs fill, so at most one pack (64 MB) is held at a time. When
    this returns, all blobs are durable and readable; when it fails, some may be, which does
    no harm: a repetition finds them. A blob is safe from garbage collection for its grace
    period; within it the caller makes it reachable.

    Call it outside of transactions where possible: within one, the rows of every
    pack stay locked until its end.

    Raises
    ------
    DigestMismatch
        Raw or zstd data are not of that digest. Data of labels are trusted, since decoding
        them costs more than all else here: whoever takes them from outside decodes them anyway.
    StorageFailed
        The storage did not keep a pack.
    ObjectErased
        Some of the blobs were erased and must not come back.
    """
    report = PutReport(0, 0, 0)
    batch = _Batch()
    for blob in blobs:
        if batch.holds(blob.digest):
            report = report._replace(known=report.known + 1)
            continue
        if not batch.has_room_for(blob):
            report = _add(report, batch.settle(seal=False))
            if not batch.has_room_for(blob):
                report = _add(report, batch.settle(seal=True))
        batch.add(blob)
    return _add(report, batch.settle(seal=True))


def touch_blobs(digests: Iterable[bytes]) -> frozenset[bytes]:
    """Keep blobs from garbage collection for another grace period; return those that are missing.

    What makes old blobs reachable again, such as a commit, calls this in its transaction. Erased
    blobs are not missing: a merge or a revert may go on naming them.
    """
    wanted = frozenset(digests)
    missing = wanted - index.touch(wanted)
    return missing - index.erased_among(missing) if missing else missing


class _Batch:
    """Blobs on their way into one pack: first unchecked, then known to be new."""

    def __init__(self) -> None:
        self._unchecked: dict[bytes, NewBlob] = {}
        self._new: dict[bytes, NewBlob] = {}
        self._bytes = FRAME_BYTES

    def holds(self, digest: bytes) -> bool:
        return digest in self._unchecked or digest in self._new

    def has_room_for(self, blob: NewBlob) -> bool:
        count = len(self._unchecked) + len(self._new)
        full = count >= MAX_PACK_OBJECTS or self._bytes + _cost(blob) > MAX_PACK_BYTES
        return count == 0 or not full  # what is larger than any pack goes alone

    def add(self, blob: NewBlob) -> None:
        self._unchecked[blob.digest] = blob
        self._bytes += _cost(blob)

    def settle(self, *, seal: bool) -> PutReport:
        """Drop what the store has, and store the rest if it fills half a pack or `seal` says so.

        Half: else a stream of known blobs behind an almost full pack would be looked
        up one by one.
        """
        known = index.touch(self._unchecked)
        new = {digest: blob for digest, blob in self._unchecked.items() if digest not in known}
        self._new |= new
        self._unchecked = {}
        self._bytes = FRAME_BYTES + sum(map(_cost, self._new.values()))
        half_full = len(self._new) * 2 >= MAX_PACK_OBJECTS or self._bytes * 2 >= MAX_PACK_BYTES
        if not (seal or half_full):
            return PutReport(0, len(known), 0)
        stored = PutReport(len(self._new), len(known), sum(len(b.data) for b in self._new.values()))
        store_files(_laid_out(self._new.values()))
        self._new = {}
        self._bytes = FRAME_BYTES
        return stored


def _laid_out(blobs: Iterable[NewBlob]) -> list[NewFile]:
    """Return the files that hold these blobs: one pack, and one file for each large blob."""
    files, small = [], []
    for blob in blobs:
        new = NewObject(
            blob.digest,
            hashlib.sha256(blob.data).digest(),
            blob.size,
            codec_number(blob.codec),
            blob.data,
        )
        _check_content(new)
        if len(blob.data) > LARGE_BYTES:
            files.append(_single(new))
        else:
            small.append(new)
    if small:
        pack = seal_pack(small)
        files.append(
            NewFile(Pack.Kind.PACK, pack.digest, pack.size, lambda: pack.chunks, pack.entries)
        )
    return files


def _single(new: NewObject) -> NewFile:
    entry = PackEntry(new.digest, new.stored_digest, 0, len(new.data), new.size, new.codec)
    chunks = (new.data,)
    return NewFile(Pack.Kind.SINGLE, new.stored_digest, len(new.data), lambda: chunks, (entry,))


def _check_content(new: NewObject) -> None:
    """Refuse raw and zstd data that are not of their digest."""
    if new.codec == CodecNumber.RAW:
        actual = new.stored_digest
    elif new.codec == CodecNumber.ZSTD:
        actual = hashlib.sha256(codec_of(new.codec).decode(new.data, new.size)).digest()
    else:
        return
    if actual != new.digest:
        raise DigestMismatch(expected=new.digest, actual=actual)


def _cost(blob: NewBlob) -> int:
    return len(blob.data) + ENTRY_BYTES


def _add(a: PutReport, b: PutReport) -> PutReport:
    return PutReport(a.new + b.new, a.known + b.known, a.stored_bytes + b.stored_bytes)
