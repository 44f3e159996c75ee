"""Files in a bucket of S3, or of a server that speaks like it."""

import io
import tempfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from store_app.crash import crash_point
from store_app.durable import CHUNK_BYTES, Chunks, Files, StoredFile, measure
from store_app.errors import DigestMismatch, StorageFailed


class S3Files(Files):
    """A bucket, through the storage's own boto3 client.

    An upload is durable when S3 acknowledges it. It is sent with its sha256, which S3 refuses to
    accept for other bytes; where an answer does not repeat the checksum (some servers ignore it)
    the object is read back.
    """

    storage: S3Storage
    remote = True
    # One request up to here, in parts beyond; a pack always fits into one.
    single_request_bytes = 64 * 2**20

    def __init__(self, storage: S3Storage) -> None:
        super().__init__(storage)
        # Clients may be shared between threads; the storage makes one per thread, 0.1 s each.
        self.client = storage.connection.meta.client
        self.bucket = storage.bucket_name

    def save(self, name: str, chunks: Chunks, digest: bytes) -> None:
        actual, size = measure(chunks())
        if actual != digest:
            raise DigestMismatch(expected=digest, actual=actual)
        parameters = {"ContentType": "application/octet-stream"}
        if self.storage.default_acl:
            parameters["ACL"] = self.storage.default_acl
        parameters |= self.storage.get_object_parameters(name)
        crash_point("before_pack_fsync")
        try:
            if size <= self.single_request_bytes:
                acknowledged = self._put(name, b"".join(chunks()), digest, parameters)
            else:
                acknowledged = self._put_in_parts(name, chunks(), parameters)
        except (BotoCoreError, ClientError, Boto3Error) as error:
            raise StorageFailed(name, str(error)) from error
        if not acknowledged:
            self.check(name, digest)
        crash_point("after_pack_fsync")

    def read_range(self, name: str, start: int, length: int) -> bytes:
        if length == 0:
            return b""  # there is no such range in HTTP
        wanted = f"bytes={start}-{start + length - 1}"
        try:
            answer = self.client.get_object(Bucket=self.bucket, Key=self._key(name), Range=wanted)
            with answer["Body"] as body:
                return body.read()
        except ClientError as error:
            if _status(error) == 416:
                return b""  # the object ends before `start`
            raise _failure(name, error) from error
        except BotoCoreError as error:
            raise StorageFailed(name, str(error)) from error

    def open(self, name: str) -> BinaryIO:
        # Not the storage's own `open`: it keeps the whole object in memory by default.
        file = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
        try:
            self.client.download_fileobj(self.bucket, self._key(name), file)
        except ClientError as error:
            file.close()
            raise _failure(name, error) from error
        except (BotoCoreError, Boto3Error) as error:
            file.close()
            raise StorageFailed(name, str(error)) from error
        file.seek(0)
        return file

    def iter_files(self, folder: str) -> Iterator[StoredFile]:
        prefix = self._key("")
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self._key(f"{folder}/")
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                name = entry["Key"].removeprefix(prefix)
                yield StoredFile(name, entry["Size"], entry["LastModified"])

    def _put(self, name: str, body: bytes, digest: bytes, parameters: dict[str, Any]) -> bool:
        checksum = b64encode(digest).decode()
        answer = self.client.put_object(
            Bucket=self.bucket,
            Key=self._key(name),
            Body=body,
            ChecksumSHA256=checksum,
            **parameters,
        )
        return answer.get("ChecksumSHA256") == checksum

    def _put_in_parts(self, name: str, chunks: Iterable[bytes], parameters: dict[str, Any]) -> bool:
        self.client.upload_fileobj(
            io.BufferedReader(_ChunkReader(chunks), CHUNK_BYTES),
            self.bucket,
            self._key(name),
            ExtraArgs=parameters,
        )
        return False  # a checksum of parts is not the sha256 of the object

    def _key(self, name: str) -> str:
        return f"{self.storage.location.strip('/')}/{name}".lstrip("/")


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _failure(name: str, error: ClientError) -> Exception:
    """Say it as a local storage would."""
    return FileNotFoundError(name) if _status(error) == 404 else StorageFailed(name, str(error))


class _ChunkReader(io.RawIOBase):
    """Chunks as a file that can only be read forwards."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)
