"""Blobs, storages and roots for the tests of the store."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

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


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server that speaks S3, and give its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def use_bucket(settings: Any, endpoint: str, name: str, *, through: str = "") -> Any:
    """Let STORAGES["blobs"] be a new bucket, which the store reaches `through` another address.

    Returns a client of the bucket's own address.
    """
    access = {
        "region_name": "us-east-1",
        "config": Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=2),
    }
    keys = {"aws_access_key_id": "for-tests", "aws_secret_access_key": "for-tests"}
    client = boto3.client("s3", endpoint_url=endpoint, **access, **keys)
    client.create_bucket(Bucket=name)
    use_storage(
        settings,
        "storages.backends.s3.S3Storage",
        bucket_name=name,
        endpoint_url=through or endpoint,
        access_key="for-tests",
        secret_key="for-tests",
        region_name="us-east-1",
        location="some/prefix",
        client_config=access["config"],
    )
    return client


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip_bit(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
