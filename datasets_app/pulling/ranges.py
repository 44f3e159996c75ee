"""Where blobs lie, as few stretches of stored bytes: what a client asks for in one request."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from store_app.blobs import Location, erased_among, find_locations, sign_range
from store_app.durable import SignedRange, blob_files
from store_app.errors import ObjectMissing

# Long enough that requests cost nothing, short enough that a broken one loses little.
RANGE_BYTES = 8 * 2**20
# Below it a request to S3 takes longer than the bytes: the service gathers many of them in one,
# and need not sign an address for each.
SIGNED_BYTES = 256 * 2**10


class BlobRange(NamedTuple):
    """Blobs whose stored bytes lie one behind the other in one file."""

    locations: tuple[Location, ...]

    @property
    def file(self) -> str:
        """The name of the file in the storage."""
        return self.locations[0].pack

    @property
    def start(self) -> int:
        """Where the first one begins."""
        return self.locations[0].start

    @property
    def length(self) -> int:
        """The stored bytes of all."""
        return sum(location.length for location in self.locations)

    @property
    def is_worth_an_address(self) -> bool:
        """Whether it is so long that a request for it alone costs nothing."""
        return self.length >= SIGNED_BYTES

    def sign(self) -> SignedRange | None:
        """Let the client read it past the service; None where it is better asked for there."""
        if not self.is_worth_an_address:
            return None
        return sign_range(self.file, self.start, self.length)


class Found(NamedTuple):
    """Where blobs lie, and which of them were erased."""

    ranges: list[BlobRange]
    erased: list[bytes]


def find_ranges(digests: Collection[bytes]) -> Found:
    """Return where blobs lie, in the order of the files; two queries.

    Nothing but the blobs asked for lies in a range: what lies between two of them may be
    another dataset's.

    Raises
    ------
    ObjectMissing
        Some are not in the store, and were not erased.
    """
    found = find_locations(digests)
    lacking = [digest for digest in digests if digest not in found]
    erased = erased_among(lacking) if lacking else set()
    lost = [digest for digest in lacking if digest not in erased]
    if lost:
        raise ObjectMissing(lost)
    in_order = sorted(found.values(), key=lambda location: (location.pack, location.start))
    return Found(list(_coalesced(in_order)), sorted(erased))


def read_range(file: str, start: int, length: int) -> bytes:
    """Return stored bytes as they lie, not checked; fewer, even none, where they are no more."""
    try:
        return blob_files().read_range(file, start, length)
    except FileNotFoundError:
        return b""


def _coalesced(locations: Sequence[Location]) -> Iterator[BlobRange]:
    current: list[Location] = []
    length = 0
    for location in locations:
        follows = (
            bool(current)
            and current[-1].pack == location.pack
            and current[-1].start + current[-1].length == location.start
            and length + location.length <= RANGE_BYTES
        )
        if current and not follows:
            yield BlobRange(tuple(current))
            current, length = [], 0
        current.append(location)
        length += location.length
    if current:
        yield BlobRange(tuple(current))
