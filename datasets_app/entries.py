"""What a version says about one image, and its bytes in a leaf (docs/formats/tree.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from datasets_app.errors import NodeDamaged

DIGEST_BYTES = 32
_HAS_IMAGE, _HAS_LABEL, _HAS_ATTRIBUTES = 1, 2, 4
_HEAD = 3  # flags, status, length of the split


class Status(StrEnum):
    """How far an image's label is. The order is part of the format."""

    UNLABELLED = "unlabelled"
    PRELABELLED = "pre-labelled"
    LABELLED = "labelled"
    REVIEWED = "reviewed"


_STATUSES = tuple(Status)
_CODES = {status: code for code, status in enumerate(_STATUSES)}


class Facet(StrEnum):
    """The sides of an image that can change (RULES 3.7)."""

    PHOTO = "photo"
    LABEL = "label"
    SPLIT = "split"
    STATUS = "status"
    ATTRIBUTES = "attributes"


class Entry(NamedTuple):
    """One image in one version. Digests are 32 bytes or None; split "" means none."""

    name_digest: bytes
    image: bytes | None = None
    label: bytes | None = None
    split: str = ""
    status: Status = Status.UNLABELLED
    attributes: bytes | None = None


class EntryChange(NamedTuple):
    """One image's entry before and after; None where the image is not there."""

    image_no: int
    old: Entry | None
    new: Entry | None

    def __invert__(self) -> EntryChange:
        return EntryChange(self.image_no, self.new, self.old)

    @property
    def facets(self) -> tuple[Facet, ...]:
        """What differs, where the image is on both sides; nothing else is compared."""
        if self.old is None or self.new is None:
            return ()
        return changed_facets(self.old, self.new)


def changed_facets(old: Entry, new: Entry) -> tuple[Facet, ...]:
    """Return the sides in which two entries of one image differ."""
    pairs = (
        (Facet.PHOTO, old.image, new.image),
        (Facet.LABEL, old.label, new.label),
        (Facet.SPLIT, old.split, new.split),
        (Facet.STATUS, old.status, new.status),
        (Facet.ATTRIBUTES, old.attributes, new.attributes),
    )
    return tuple(facet for facet, before, after in pairs if before != after)


def encode_entry(entry: Entry) -> bytes:
    """Return the bytes of an entry; they tell their own length."""
    split = entry.split.encode()
    flags = (
        (_HAS_IMAGE if entry.image is not None else 0)
        | (_HAS_LABEL if entry.label is not None else 0)
        | (_HAS_ATTRIBUTES if entry.attributes is not None else 0)
    )
    head = bytes((flags, _CODES[entry.status], len(split)))
    digests = (entry.image or b"", entry.label or b"", entry.attributes or b"")
    data = b"".join((head, entry.name_digest, split, *digests))
    # A digest of another length would shift all that follows it.
    if len(data) != entry_length(data):
        raise ValueError(f"a digest of this entry is not {DIGEST_BYTES} bytes: {entry!r}")
    return data


def decode_entry(data: bytes) -> Entry:
    """Return the entry of these bytes; raise `NodeDamaged` where they are none."""
    if len(data) < _HEAD or len(data) != entry_length(data):
        raise NodeDamaged("", f"truncated entry of {len(data)} bytes")
    flags, status, split_length = data[:_HEAD]
    if flags > _HAS_IMAGE | _HAS_LABEL | _HAS_ATTRIBUTES or status >= len(_STATUSES):
        raise NodeDamaged("", f"entry with flags {flags} and status {status}")
    name_end = _HEAD + DIGEST_BYTES
    at = name_end + split_length
    digests: list[bytes | None] = []
    for flag in (_HAS_IMAGE, _HAS_LABEL, _HAS_ATTRIBUTES):
        if flags & flag:
            digests.append(data[at : at + DIGEST_BYTES])
            at += DIGEST_BYTES
        else:
            digests.append(None)
    image, label, attributes = digests
    return Entry(
        name_digest=data[_HEAD:name_end],
        image=image,
        label=label,
        split=data[name_end : name_end + split_length].decode(),
        status=_STATUSES[status],
        attributes=attributes,
    )


def entry_length(data: bytes, at: int = 0) -> int:
    """Return how many bytes the entry takes that starts at `at`."""
    return _HEAD + DIGEST_BYTES * (1 + (data[at] & 7).bit_count()) + data[at + 2]
