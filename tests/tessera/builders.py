"""Blobs, entries and caches that the tests of the client need."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from panoptic.blob_codecs import CODECS, CodecNumber
from panoptic.codec import pack_label
from panoptic.packs import NewObject
from tessera.entries import STATUSES, Entry
from tests.builders import label


def digest(text: str) -> bytes:
    """Any digest, told from others by its text."""
    return hashlib.sha256(text.encode()).digest()


def blob(content: bytes, codec: CodecNumber = CodecNumber.RAW) -> NewObject:
    """A blob as it travels."""
    data = CODECS[codec].encode(content)
    stored = hashlib.sha256(data).digest()
    return NewObject(hashlib.sha256(content).digest(), stored, len(content), int(codec), data)


def blobs(*texts: str) -> list[NewObject]:
    """Raw blobs of these texts."""
    return [blob(text.encode()) for text in texts]


def label_blob(drawing: str, classes: dict[int, int]) -> NewObject:
    """A label as it travels."""
    packed = pack_label(label(drawing, classes))
    stored = hashlib.sha256(packed.stored).digest()
    size = len(CODECS[CodecNumber.LABEL].decode(packed.stored, 0))
    return NewObject(packed.digest, stored, size, int(CodecNumber.LABEL), packed.stored)


def mixed() -> list[NewObject]:
    """One blob of each codec."""
    return [
        blob(b"photograph"),
        blob(b'{"scene":"day"}' * 4, CodecNumber.ZSTD),
        label_blob("112 1.2", {1: 1, 2: 2}),
    ]


def entry(name: str, number: int = 1, **fields: object) -> Entry:
    """An entry; `label="x"` and the like become digests."""
    named = {
        key: digest(str(fields.pop(key)))
        for key in ("image", "label", "attributes")
        if key in fields
    }
    return Entry(name, number, **named, **fields)  # type: ignore[arg-type]


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def files_below(folder: Path) -> dict[str, bytes]:
    """What every file of a folder holds, by its path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def content_of(item: NewObject) -> bytes:
    """What a blob says."""
    return CODECS[CodecNumber(item.codec)].decode(item.data, item.size)


def all_statuses() -> Sequence[str]:
    """Every status that an entry may have."""
    return STATUSES
