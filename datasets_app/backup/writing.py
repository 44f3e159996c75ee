"""Write everything into one archive while people work."""

from __future__ import annotations

import json
import os
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import zstandard
from django.db import connection, models, transaction
from django.utils import timezone

from datasets_app.backup.archive import (
    FORM,
    HEAD,
    MANIFEST,
    FileList,
    HashingReader,
    HashingWriter,
    StoredFile,
    rows_member,
)
from datasets_app.backup.errors import StoreChanged
from datasets_app.backup.tables import (
    applied_migrations,
    backed_up_models,
    columns_of,
    encode_rows,
    label_of,
    rows_of,
)
from store_app.durable import blob_files
from store_app.leases import leased, renew_lease
from store_app.models import Pack
from store_app.progress import Progress, silent

_LEASE = timedelta(hours=24)
_RENEWED_EVERY = timedelta(minutes=10)
_RECORD = struct.Struct("<B32sQ")  # kind, digest, size
_ZSTD_LEVEL = 3


class BackupReport(NamedTuple):
    """What an archive holds; `sha256` is that of the archive itself, in hex."""

    path: str
    rows: int
    files: int
    bytes: int
    archive_bytes: int
    sha256: str


def write_backup(path: Path, progress: Progress = silent) -> BackupReport:
    """Write all rows and all stored bytes into a new archive, as they are at one moment.

    Nobody has to wait: rows are read in one snapshot of the database, and a lease keeps
    the bytes that it names until they are copied. The archive appears at `path` when it is whole.

    Raises
    ------
    FileExistsError
        There is something at `path`.
    StoreChanged
        A file is not there, is damaged, or was erased meanwhile.
    """
    if path.exists():
        raise FileExistsError(str(path))
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file, leased("backup", _LEASE) as lease:
            report = _write(file, lease, path, progress)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # unlike a rename it never replaces
    finally:
        os.unlink(partial)
    return report


def _write(file: BinaryIO, lease: Any, path: Path, progress: Progress) -> BackupReport:
    sink = HashingWriter(file)
    members: list[dict[str, Any]] = []
    with (
        tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        tempfile.TemporaryFile(dir=path.parent) as listed,
    ):
        members.append(_add_json(archive, HEAD, _head()))
        rows = 0
        with snapshot():
            found = backed_up_models()
            for done, model in enumerate(found, start=1):
                member = _add_rows(archive, model, path.parent)
                members.append(member)
                rows += member["rows"]
                progress("rows", done, len(found))
            _list_files(listed)
        files = _add_files(archive, listed, lease, progress)
        manifest = {"form": FORM, "members": members, "stored": files.to_json()}
        _add_json(archive, MANIFEST, manifest)
    return BackupReport(
        str(path), rows, files.files, files.bytes, sink.size, sink.sha256.hexdigest()
    )


@contextmanager
def snapshot() -> Iterator[None]:
    """Let everything that is read in the block be of one moment, and lock nobody out."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    # Not `atomic`: transactions of this service are IMMEDIATE, which would keep all writers
    # out. A deferred one reads the snapshot that its first read saw.
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _head() -> dict[str, Any]:
    return {
        "form": FORM,
        "created_at": timezone.now().isoformat(),
        "database": connection.vendor,
        "migrations": applied_migrations(),
        "tables": [label_of(model) for model in backed_up_models()],
    }


def _add_rows(archive: tarfile.TarFile, model: type[models.Model], folder: Path) -> dict[str, Any]:
    """Add the rows of a table: spooled first, since a member says its size before its bytes."""
    count = 0
    with tempfile.TemporaryFile(dir=folder) as spool:
        with zstandard.ZstdCompressor(_ZSTD_LEVEL).stream_writer(spool, closefd=False) as lines:
            header = {"table": label_of(model), "columns": columns_of(model)}
            lines.write(json.dumps(header).encode() + b"\n")
            for line in encode_rows(model):
                lines.write(line)
                count += 1
        member = _add(archive, rows_member(label_of(model)), spool, spool.tell())
    return {**member, "rows": count}


def _list_files(listed: BinaryIO) -> None:
    for kind, digest, size in rows_of(Pack).values_list("kind", "digest", "size").iterator():
        listed.write(_RECORD.pack(kind, digest, size))


def _add_files(
    archive: tarfile.TarFile, listed: BinaryIO, lease: Any, progress: Progress
) -> FileList:
    files, added = blob_files(), FileList()
    total = listed.tell() // _RECORD.size
    listed.seek(0)
    renewed_at = timezone.now()
    while record := listed.read(_RECORD.size):
        stored = StoredFile(*_RECORD.unpack(record))
        try:
            with files.open(stored.name) as source:
                member = _add(archive, stored.name, source, stored.size)
        except FileNotFoundError:
            raise StoreChanged(stored.name) from None
        except OSError as error:
            if error.errno is not None:
                raise
            raise StoreChanged(stored.name) from error  # it is shorter than its row says
        if member["sha256"] != stored.digest.hex():
            raise StoreChanged(stored.name)
        added.add(stored)
        progress("files", added.files, total)
        if timezone.now() - renewed_at > _RENEWED_EVERY:
            renew_lease(lease, _LEASE)
            renewed_at = timezone.now()
    return added


def _add_json(archive: tarfile.TarFile, name: str, document: dict[str, Any]) -> dict[str, Any]:
    data = json.dumps(document, indent=1).encode() + b"\n"
    return _add(archive, name, BytesIO(data), len(data))


def _add(archive: tarfile.TarFile, name: str, source: BinaryIO, size: int) -> dict[str, Any]:
    """Copy a file into the archive; return what the manifest says of the member."""
    source.seek(0)
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    reader = HashingReader(source)
    archive.addfile(info, reader)  # type: ignore[arg-type]
    return {"name": name, "bytes": size, "sha256": reader.sha256.hexdigest()}
