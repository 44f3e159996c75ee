"""The digests by which versions are known (docs/formats/version-id.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime


def version_digest(
    *,
    root: bytes | None,
    taxonomy: bytes,
    parents: Sequence[bytes],
    author: str,
    created_at: datetime,
    message: str,
) -> bytes:
    """Return the id of a version: the sha256 of its text form.

    Nothing of the dataset is in it: its slug may change.
    """
    lines = [
        "tessera version 1",
        f"root {_hex(root)}",
        f"taxonomy {taxonomy.hex()}",
        *(f"parent {parent.hex()}" for parent in parents),
        f"author {author}",
        f"time {_time(created_at)}",
        "",
        message,
    ]
    return hashlib.sha256("\n".join(lines).encode()).digest()


def content_digest(*, root: bytes | None, taxonomy: bytes) -> bytes:
    """Return the digest of what a version contains, whoever made it and when."""
    lines = ["tessera content 1", f"root {_hex(root)}", f"taxonomy {taxonomy.hex()}", ""]
    return hashlib.sha256("\n".join(lines).encode()).digest()


def _hex(root: bytes | None) -> str:
    return "-" if root is None else root.hex()


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
