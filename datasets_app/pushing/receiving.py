"""Take a pack of new bytes in: everything in it is checked before anything is kept."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO, NamedTuple

from django.db import transaction

from datasets_app.holdings import hold_blobs
from datasets_app.models import Dataset
from datasets_app.photos import PhotoInfo, register_photos
from labels_app.revisions import register_labels
from panoptic.blob_codecs import CodecNumber
from panoptic.canonical_json import dump_canonical, load_canonical
from panoptic.codec import EncodedLabel, decode_label, pack_label
from panoptic.errors import PanopticError
from panoptic.images import ImageHeader, read_header
from panoptic.packs import PackEntry, read_entries
from people_app.audit import record
from people_app.models import User
from store_app.blobs import erased_among, new_blob, put_blobs, put_file, put_files
from store_app.errors import DigestMismatch, ObjectErased, TesseraError

_MOST_ERRORS = 100


class ObjectsRefused(TesseraError):
    """Some of what was sent is not what it says, or nothing that a version may name."""

    code = "objects_refused"
    status = 422

    def __init__(self, errors: list[Mapping[str, Any]]) -> None:
        super().__init__(f"{errors[0]['digest'][:12]}: {errors[0]['message']}")
        self.errors = errors


class Received(NamedTuple):
    """How many objects came, by what they are."""

    labels: int
    photos: int
    attributes: int


class _Checked(NamedTuple):
    labels: list[EncodedLabel]
    photos: dict[bytes, tuple[bytes, ImageHeader]]
    attributes: dict[bytes, bytes]


def receive_pack(dataset: Dataset, pack: bytes, *, actor: User) -> Received:
    """Keep labels, photographs and attributes for commits to this dataset to name.

    What an object is, its codec and its first byte say: labels have a codec of their own,
    attributes are a JSON object, everything else is a photograph. Repeating it does no harm.

    Raises
    ------
    MalformedPack
        It has not the form of docs/formats/pack.md.
    ObjectsRefused
        Objects are not what they say, or neither label, photograph nor attributes; `errors`
        lists them. Nothing is kept.
    ObjectErased
        Objects were destroyed on purpose and must not come back.
    """
    entries = read_entries(pack)
    erased = erased_among({entry.digest for entry in entries})
    if erased:
        raise ObjectErased(sorted(erased))
    checked = _check(pack, entries)
    register_labels(checked.labels)
    put_blobs(new_blob(content, "raw") for content in checked.attributes.values())
    for digest, stored in zip(
        checked.photos,
        put_files(io.BytesIO(content) for content, _ in checked.photos.values()),
        strict=True,
    ):
        assert digest == stored
    register_photos(_info(digest, header) for digest, (_, header) in checked.photos.items())
    received = Received(len(checked.labels), len(checked.photos), len(checked.attributes))
    with transaction.atomic():
        hold_blobs(dataset, {entry.digest for entry in entries})
        record(actor, "objects.received", dataset, **received._asdict())
    return received


def receive_photo(dataset: Dataset, file: BinaryIO, digest: bytes, *, actor: User) -> PhotoInfo:
    """Keep one photograph, however large, for commits to this dataset to name.

    Raises
    ------
    MalformedFile, TooLarge
        It is no photograph, or has too many pixels.
    DigestMismatch, ObjectErased
    """
    if erased_among([digest]):
        raise ObjectErased([digest])
    header = read_header(file, file="the photograph")
    file.seek(0)
    actual = hashlib.file_digest(file, "sha256").digest()
    if actual != digest:
        raise DigestMismatch(expected=digest, actual=actual)
    file.seek(0)
    put_file(file)
    info = _info(digest, header)
    register_photos([info])
    with transaction.atomic():
        hold_blobs(dataset, [digest])
        record(actor, "objects.received", dataset, photos=1)
    return info


def _check(pack: bytes, entries: Iterable[PackEntry]) -> _Checked:
    found = _Checked([], {}, {})
    errors: list[Mapping[str, Any]] = []
    for entry in entries:
        try:
            _check_one(entry, pack[entry.start : entry.start + entry.length], found)
        except (PanopticError, ValueError) as error:
            errors.append(
                {
                    "digest": entry.digest.hex(),
                    "code": getattr(error, "code", "invalid"),
                    "message": str(error),
                }
            )
            if len(errors) == _MOST_ERRORS:
                break
    if errors:
        raise ObjectsRefused(errors)
    return found


def _check_one(entry: PackEntry, stored: bytes, found: _Checked) -> None:
    if hashlib.sha256(stored).digest() != entry.stored_digest:
        raise ValueError("its stored bytes have another sha256")
    check = _CHECKS.get(entry.codec)
    if check is None:
        raise ValueError(f"codec {entry.codec} is not taken; 0 is raw bytes, 2 a label")
    check(entry, stored, found)


def _check_label(entry: PackEntry, stored: bytes, found: _Checked) -> None:
    label = pack_label(decode_label(stored))
    if label.digest != entry.digest:
        raise ValueError(f"its label has the digest {label.digest.hex()}")
    found.labels.append(label)


def _check_raw(entry: PackEntry, stored: bytes, found: _Checked) -> None:
    if entry.stored_digest != entry.digest:
        raise ValueError("its content has another sha256")
    if stored[:1] != b"{":
        header = read_header(stored, file="a photograph")
        found.photos[entry.digest] = (stored, header)
        return
    if dump_canonical(load_canonical(stored)) != stored:
        raise ValueError("attributes that are not in the form of RFC 8785")
    found.attributes[entry.digest] = stored


def _info(digest: bytes, header: ImageHeader) -> PhotoInfo:
    media_type = f"image/{header.format.lower()}"
    return PhotoInfo(digest, media_type, *header.oriented_size, *header.size)


_CHECKS: dict[int, Callable[[PackEntry, bytes, _Checked], None]] = {
    CodecNumber.RAW: _check_raw,
    CodecNumber.LABEL: _check_label,
}
