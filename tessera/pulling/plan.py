"""What the service says one has to fetch: pages of entries and of ranges of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tessera.entries import Entry


class RemoteObject(NamedTuple):
    """A blob as the service keeps it; sizes in bytes, of what is stored and of its content."""

    digest: bytes
    stored_digest: bytes
    codec: int
    length: int
    size: int


class RemoteRange(NamedTuple):
    """Blobs one behind the other; without `url` the service itself gives them."""

    objects: tuple[RemoteObject, ...]
    url: str | None
    headers: Mapping[str, str]

    @property
    def length(self) -> int:
        """The stored bytes of all."""
        return sum(item.length for item in self.objects)


class PlanPage(NamedTuple):
    """A page of a plan. `have` None: everything comes anew, whatever was asked.

    cursor : what it was asked by, None for the first page; next : what the next one is asked by
    """

    cursor: str | None
    version: Mapping[str, Any]
    taxonomy: Mapping[str, Any]
    have: str | None
    lease: str
    entries: list[Entry]
    removed: list[str]
    ranges: list[RemoteRange]
    erased: list[bytes]
    next: str | None

    @property
    def length(self) -> int:
        """The stored bytes that it names."""
        return sum(one.length for one in self.ranges)


def parse_page(plain: Mapping[str, Any], cursor: str | None) -> PlanPage:
    """Return a page from the body of the answer to this cursor."""
    return PlanPage(
        cursor=cursor,
        version=plain["version"],
        taxonomy=plain["taxonomy"],
        have=plain["have"],
        lease=plain["lease"]["id"],
        entries=[parse_entry(row) for row in plain["entries"]],
        removed=plain["removed"],
        ranges=[_parse_range(row) for row in plain["ranges"]],
        erased=[bytes.fromhex(text) for text in plain["erased"]],
        next=plain["next"],
    )


def parse_entry(row: Mapping[str, Any]) -> Entry:
    """Return an entry from its JSON."""
    return Entry(
        name=row["name"],
        number=row["number"],
        image=_bytes(row["image"]),
        label=_bytes(row["label"]),
        attributes=_bytes(row["attributes"]),
        split=row["split"] or "",
        status=row["status"],
        height=row["height"] or 0,
        width=row["width"] or 0,
    )


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return the JSON that `parse_entry` reads."""
    return {
        "name": entry.name,
        "number": entry.number,
        "image": _hex(entry.image),
        "label": _hex(entry.label),
        "attributes": _hex(entry.attributes),
        "split": entry.split or None,
        "status": entry.status,
        "height": entry.height or None,
        "width": entry.width or None,
    }


def _parse_range(row: Mapping[str, Any]) -> RemoteRange:
    objects = tuple(
        RemoteObject(bytes.fromhex(digest), bytes.fromhex(stored), codec, length, size)
        for digest, stored, codec, length, size in row["objects"]
    )
    return RemoteRange(objects, row["url"], row["headers"])


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()
