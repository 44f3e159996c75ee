"""What the service says one has to fetch: pages of entries and of ranges of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tessera.entries import STATUSES, EntryTable
from tessera.errors import NetworkError

_DIGEST_BYTES = 32
_DIGEST_COLUMNS = ("images", "labels", "attributes")


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
    length: int
    url: str | None
    headers: Mapping[str, str]


class PlanPage(NamedTuple):
    """A page of a plan. `have` None: everything comes anew, whatever was asked.

    entries : in the order of the service, not by name
    cursor : what it was asked by, None for the first page; next : what the next one is asked by
    """

    cursor: str | None
    version: Mapping[str, Any]
    taxonomy: Mapping[str, Any]
    have: str | None
    lease: str
    entries: EntryTable
    removed: list[str]
    ranges: list[RemoteRange]
    erased: list[bytes]
    next: str | None

    @property
    def length(self) -> int:
        """The stored bytes that it names."""
        return sum(one.length for one in self.ranges)


def parse_page(plain: Mapping[str, Any], cursor: str | None) -> PlanPage:
    """Return a page from the body of the answer to this cursor.

    `NetworkError` where it is no page that this client reads.
    """
    try:
        return PlanPage(
            cursor=cursor,
            version=plain["version"],
            taxonomy=plain["taxonomy"],
            have=plain["have"],
            lease=plain["lease"]["id"],
            entries=parse_entries(plain["entries"]),
            removed=plain["removed"],
            ranges=[_parse_range(row) for row in plain["ranges"]],
            erased=[bytes.fromhex(text) for text in plain["erased"]],
            next=plain["next"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NetworkError(
            "the service answers a plan that this client cannot read: are both of one release?"
        ) from error


def parse_entries(plain: Mapping[str, Any]) -> EntryTable:
    """Return entries from their JSON; ValueError where its columns do not fit each other."""
    names = [name.encode() for name in plain["names"]]
    columns: dict[str, NDArray[Any]] = {
        "name_bytes": np.frombuffer(b"".join(names), np.uint8),
        "name_ends": np.cumsum([len(name) for name in names], dtype=np.int64),
        "numbers": np.array(plain["numbers"], np.int64),
        "splits": np.array(plain["splits"], np.int32),
        "statuses": np.array(plain["statuses"], np.uint8),
        "sizes": np.column_stack([plain["heights"], plain["widths"]]).astype(np.int32),
    }
    for column in _DIGEST_COLUMNS:
        data = bytes.fromhex(plain[column]) or bytes(_DIGEST_BYTES * len(names))
        columns[column] = np.frombuffer(data, np.uint8).reshape(-1, _DIGEST_BYTES)
    split_names = tuple(plain["split_names"])
    for column, values in columns.items():
        if column != "name_bytes" and len(values) != len(names):
            raise ValueError(f"{len(values)} {column} of {len(names)} images")
    for column, places in (("splits", split_names), ("statuses", STATUSES)):
        if np.any(columns[column] >= len(places)) or np.any(columns[column] < 0):
            raise ValueError(f"{column} beyond {len(places)}")
    return EntryTable(**columns, split_names=split_names)


def entries_json(table: EntryTable) -> dict[str, Any]:
    """Return the JSON that `parse_entries` reads."""
    heights, widths = table.sizes.T.tolist()
    return {
        "numbers": table.numbers.tolist(),
        "names": list(table.names()),
        **{column: _hex_column(getattr(table, column)) for column in _DIGEST_COLUMNS},
        "split_names": list(table.split_names),
        "splits": table.splits.tolist(),
        "statuses": table.statuses.tolist(),
        "heights": heights,
        "widths": widths,
    }


def _parse_range(row: Mapping[str, Any]) -> RemoteRange:
    digests, stored_digests = (_cut(row[column]) for column in ("digests", "stored_digests"))
    columns = (digests, stored_digests, row["codecs"], row["lengths"], row["sizes"])
    if any(len(column) != len(digests) for column in columns):
        raise ValueError("a range with columns of several lengths")
    objects = tuple(map(RemoteObject, *columns))
    return RemoteRange(objects, row["length"], row["url"], row["headers"])


def _cut(text: str) -> list[bytes]:
    data = bytes.fromhex(text)
    return [data[at : at + _DIGEST_BYTES] for at in range(0, len(data), _DIGEST_BYTES)]


def _hex_column(rows: NDArray[np.uint8]) -> str:
    return rows.tobytes().hex() if rows.any() else ""
