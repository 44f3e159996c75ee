"""Blobs, storages and roots for the tests of the store."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from store_app.blobs import NewBlob, new_blob
from store_app.roots import Reference, register_roots


def raw(content: bytes) -> NewBlob:
    return new_blob(content, "raw")


def many_blobs(count: int, size: int = 60) -> list[NewBlob]:
    """Return distinct small blobs, the same ones each time."""
    return [raw(f"blob {number} ".encode().ljust(size, b".")) for number in range(count)]


def digest_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def hold(digests: Iterable[bytes], parent: str = "streets v1") -> None:
    """Register roots that need these blobs: at `0.jpg`, `1.jpg`, …"""
    needed = [Reference(digest, parent, f"{n}.jpg") for n, digest in enumerate(digests)]
    register_roots(parent, lambda: needed)


def use_storage(settings: Any, backend: str, **options: Any) -> None:
    """Let STORAGES["blobs"] be another storage until the end of the test."""
    blobs = {"BACKEND": backend, "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "blobs": blobs}


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip_bit(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
