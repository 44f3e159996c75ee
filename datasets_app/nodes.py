"""Where tree nodes are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from datasets_app.bulk import insert_rows, select_in
from datasets_app.errors import NodeDamaged
from datasets_app.models import TreeNode
from datasets_app.node_bytes import NewNode


class SqlNodes:
    """The nodes in the database. `reads` and `queries` count what was read, for tests.

    Every node that is read is checked against its digest: sha256 of a leaf takes 5 µs, and
    a tree that was altered must not give a wrong answer.
    """

    def __init__(self, *, keep: bool = False) -> None:
        """With `keep`, what was read is kept: a short commit walks the same paths twice."""
        self.reads = self.queries = self.writes = 0
        self._kept: dict[bytes, bytes] | None = {} if keep else None

    def read(self, digests: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Return the data of these nodes; one query per 5,000."""
        if self._kept is None:
            return self._read(digests)
        self._kept |= self._read([digest for digest in digests if digest not in self._kept])
        return self._kept

    def _read(self, digests: Collection[bytes]) -> dict[bytes, bytes]:
        if not digests:
            return {}
        self.queries += 1
        self.reads += len(digests)
        found = {
            bytes(digest): bytes(data)
            for digest, data in select_in(TreeNode, ("digest", "data"), "digest", digests)
        }
        _check(digests, found)
        return found

    def write(self, nodes: Collection[NewNode]) -> None:
        """Store nodes; known ones are left alone."""
        self.writes += len(nodes)
        insert_rows(TreeNode, ("digest", "level", "data"), nodes, known="keep")


class MemoryNodes:
    """Nodes in a dict, for tests and for trees that nobody keeps."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.reads = self.queries = self.writes = 0

    def read(self, digests: Collection[bytes]) -> Mapping[bytes, bytes]:
        """Return the data of these nodes."""
        self.queries += 1
        self.reads += len(digests)
        found = {digest: self.data[digest] for digest in digests if digest in self.data}
        _check(digests, found)
        return found

    def write(self, nodes: Collection[NewNode]) -> None:
        """Keep nodes."""
        self.writes += len(nodes)
        self.data.update((node.digest, node.data) for node in nodes)


def check_node(digest: bytes, data: bytes | None) -> bytes:
    """Return `data`; raise `NodeDamaged` where it is missing or not what the digest says."""
    if data is None:
        raise NodeDamaged(digest.hex(), "is missing")
    if hashlib.sha256(data).digest() != digest:
        raise NodeDamaged(digest.hex(), "was altered")
    return data


def _check(digests: Collection[bytes], found: Mapping[bytes, bytes]) -> None:
    for digest in digests:
        check_node(digest, found.get(digest))
