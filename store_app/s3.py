"""Files in a bucket of S3, or of a server that speaks like it."""

import io
import tempfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from django.conf import settings
from storages.backends.s3 import S3Storage

from store_app.crash import crash_point
from store_app.durable import CHUNK_BYTES, Chunks, Files, SignedRange, StoredFile, measure
from store_app.errors import DigestMismatch, StorageFailed

SIGNED_SECONDS = 15 * 60

_UPLOAD_MARK = " upload "  # no key of ours has a space
# boto3 asks again until an answer has begun; what is cut off behind that is asked for again here.
_READ_ATTEMPTS = 3
_CUT_OFF = (BotoCoreError, EOFError)
# No answer; or one that broke off within its headers, of which boto3 tells in these ways.
_NO_ANSWER = (BotoCoreError, ResponseParserError, ValueError)


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
        with _said_as_failure(name):
            if size <= self.single_request_bytes:
                acknowledged = self._put(name, b"".join(chunks()), digest, parameters)
            else:
                acknowledged = self._put_in_parts(name, chunks(), parameters)
        if not acknowledged:
            self.check(name, digest)
        crash_point("after_pack_fsync")

    def read_range(self, name: str, start: int, length: int) -> bytes:
        if length == 0:
            return b""  # there is no such range in HTTP
        cut_off: Exception | None = None
        for _ in range(_READ_ATTEMPTS):
            answer = self._get(name, Range=f"bytes={start}-{start + length - 1}")
            if answer is None:
                return b""  # the object ends before `start`
            try:
                return b"".join(_iter_body(answer))
            except _CUT_OFF as error:
                cut_off = error
        raise StorageFailed(name, f"cut off {_READ_ATTEMPTS} times: {cut_off}") from cut_off

    def sign_range(self, name: str, start: int, length: int) -> SignedRange | None:
        if length == 0 or not settings.TESSERA_SIGNED_URLS:
            return None
        wanted = f"bytes={start}-{start + length - 1}"
        self.client.meta.events.register_first(
            "choose-signer.s3.GetObject", _sign_headers, unique_id="tessera-signed-range"
        )
        # With the range among the parameters its header is signed, too: S3 refuses another one.
        url = self.client.generate_presigned_url(
            "get_object",
            Params={"Bucket": self.bucket, "Key": self._key(name), "Range": wanted},
            ExpiresIn=SIGNED_SECONDS,
        )
        return SignedRange(url, {"Range": wanted})

    def open(self, name: str) -> BinaryIO:
        # Not the storage's own `open`: it keeps the whole object in memory by default.
        file = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
        done = False
        try:
            self._download(name, file)
            file.seek(0)
            done = True
        finally:
            if not done:
                file.close()
        return file

    def exists(self, name: str) -> bool:
        try:
            answer = self.client.head_object(Bucket=self.bucket, Key=self._key(name))
        except ClientError as error:
            failure = self._failure(name, error)
            if isinstance(failure, FileNotFoundError):
                return False
            raise failure from error
        except _NO_ANSWER as error:
            raise StorageFailed(name, str(error)) from error
        if "ContentLength" not in answer:
            raise StorageFailed(name, "the answer was cut off")
        return True

    def delete(self, name: str) -> None:
        with _said_as_failure(name):
            self.client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def iter_files(self, folder: str) -> Iterator[StoredFile]:
        for entry in self._listed("list_objects_v2", "Contents", f"{folder}/"):
            yield StoredFile(self._name(entry["Key"]), entry["Size"], entry["LastModified"])

    def iter_unfinished(self) -> Iterator[StoredFile]:
        # Parts of uploads that nobody completed: no listing of files shows them, but they are
        # kept, and paid for, until somebody gives them up.
        try:
            for entry in self._listed("list_multipart_uploads", "Uploads", ""):
                size = self._size_of_parts(entry["Key"], entry["UploadId"])
                if size is not None:
                    name = f"{self._name(entry['Key'])}{_UPLOAD_MARK}{entry['UploadId']}"
                    yield StoredFile(name, size, entry["Initiated"])
        except StorageFailed as error:
            # Not for the service to ask, or the server knows no such question.
            if _answer_behind(error) not in (403, 405, 501):
                raise

    def drop_unfinished(self, file: StoredFile) -> None:
        name, _, upload = file.name.partition(_UPLOAD_MARK)
        try:
            with _said_as_failure(file.name):
                self.client.abort_multipart_upload(
                    Bucket=self.bucket, Key=self._key(name), UploadId=upload
                )
        except StorageFailed as error:
            if _answer_behind(error) != 404:
                raise

    def _size_of_parts(self, key: str, upload: str) -> int | None:
        """Return the bytes of an unfinished upload; None where it was finished meanwhile."""
        try:
            parts = self._listed("list_parts", "Parts", None, Key=key, UploadId=upload)
            return sum(part["Size"] for part in parts)
        except StorageFailed as error:
            if _answer_behind(error) == 404:
                return None
            raise

    def _get(self, name: str, **which: str) -> dict[str, Any] | None:
        """Ask for an object or a range of it; None where the object ends before the range."""
        try:
            return self.client.get_object(Bucket=self.bucket, Key=self._key(name), **which)
        except ClientError as error:
            if _status(error) == 416:
                return None
            raise self._failure(name, error) from error
        except _NO_ANSWER as error:
            raise StorageFailed(name, str(error)) from error

    def _download(self, name: str, file: BinaryIO) -> None:
        """Copy an object into a file; where it is cut off, it goes on from there."""
        cut_off: Exception | None = None
        for _ in range(_READ_ATTEMPTS):
            begun = file.tell()
            answer = self._get(name, **({"Range": f"bytes={begun}-"} if begun else {}))
            try:
                for chunk in _iter_body(answer) if answer else ():
                    file.write(chunk)
            except _CUT_OFF as error:
                cut_off = error
            else:
                return
        raise StorageFailed(name, f"cut off {_READ_ATTEMPTS} times: {cut_off}") from cut_off

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

    def _listed(
        self, operation: str, field: str, folder: str | None, **which: str
    ) -> Iterator[dict[str, Any]]:
        if folder is not None:
            which["Prefix"] = self._key(folder)
        with _said_as_failure(f"{operation} of {self.bucket}"):
            pages = self.client.get_paginator(operation)
            for page in pages.paginate(Bucket=self.bucket, **which):
                if "IsTruncated" not in page:
                    # Cut off before its body: it would look as if there were no files.
                    raise StorageFailed(f"{operation} of {self.bucket}", "it was cut off")
                yield from page.get(field, ())

    def _failure(self, name: str, error: ClientError) -> Exception:
        """Say it as a local storage would.

        A bucket that is not there answers 404, too, and must not look like files that are lost;
        HEAD, which has no body, answers both without a reason.
        """
        if _status(error) != 404 or error.response["Error"]["Code"] == "NoSuchBucket":
            return StorageFailed(name, str(error))
        try:
            if error.response["Error"]["Code"] != "NoSuchKey":
                self.client.head_bucket(Bucket=self.bucket)
        except (ClientError, *_NO_ANSWER) as missing:
            return StorageFailed(name, f"the bucket {self.bucket}: {missing}")
        return FileNotFoundError(name)

    def _key(self, name: str) -> str:
        return f"{self.storage.location.strip('/')}/{name}".lstrip("/")

    def _name(self, key: str) -> str:
        return key.removeprefix(self._key(""))


def _iter_body(answer: dict[str, Any]) -> Iterator[bytes]:
    """Yield the content of an answer; one of `_CUT_OFF` where it is not whole."""
    # Not `with` the body itself: that gives the stream beneath it, whose errors are not those
    # of boto3 and whose length nobody compares.
    with closing(answer["Body"]) as body:
        if "ContentLength" not in answer:
            raise EOFError("it ended within its headers")
        while chunk := body.read(CHUNK_BYTES):
            yield chunk


def _status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _answer_behind(failure: StorageFailed) -> int | None:
    """Return the status of the answer that was a failure; None where there was no answer."""
    cause = failure.__cause__
    return _status(cause) if isinstance(cause, ClientError) else None


@contextmanager
def _said_as_failure(name: str) -> Iterator[None]:
    """Turn what S3 and the way to it refuse into `StorageFailed`."""
    try:
        yield
    except (ClientError, Boto3Error, *_NO_ANSWER) as error:
        raise StorageFailed(name, str(error)) from error


def _sign_headers(signature_version: str, **_: Any) -> str | None:
    """Choose the signature that covers headers; None leaves the choice to boto3.

    Where nobody configured one, boto3 signs addresses by the old form, which does not cover the
    range: the address of a label would open the whole pack.
    """
    return "s3v4-query" if signature_version.endswith("-query") else None


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
