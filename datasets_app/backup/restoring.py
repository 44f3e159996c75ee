"""Bring an archive back: all of it, or nothing."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import zstandard
from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models, transaction
from django.db.utils import DataError, IntegrityError

from datasets_app.backup.archive import (
    FORM,
    HEAD,
    MANIFEST,
    FileList,
    HashingReader,
    StoredFile,
    rows_member,
    stored_file,
    table_of,
)
from datasets_app.backup.errors import MalformedBackup, NotEmpty, OtherRelease
from datasets_app.backup.tables import (
    MADE_BY_MIGRATE,
    applied_migrations,
    backed_up_models,
    columns_of,
    decode_row,
    insert_decoded,
    label_of,
)
from store_app.durable import CHUNK_BYTES, Files, blob_files, iter_chunks
from store_app.errors import DigestMismatch
from store_app.models import Pack
from store_app.progress import Progress, silent

_DOCUMENT_BYTES = 64 * 2**20  # head and manifest, at most
_LINE_BYTES = 256 * 2**20


class RestoreReport(NamedTuple):
    """What was restored."""

    rows: int
    files: int
    bytes: int


class _Restore:
    """What is known of an archive that is being read, and what it has left behind so far."""

    def __init__(self, folder: Path, saved: BinaryIO) -> None:
        self.folder = folder
        self.saved = saved
        self.members: dict[str, str] = {}  # sha256 by name
        self.rows: dict[str, int] = {}
        self.stored = FileList()
        self.manifest: dict[str, Any] | None = None
        self.last = ""


def restore_backup(path: Path, progress: Progress = silent) -> RestoreReport:
    """Restore an archive into a database that was migrated and never used.

    Every digest is checked before any row is written, and all rows are written in one
    transaction. When it fails, the files that it wrote are deleted again.

    Raises
    ------
    MalformedBackup
        The archive was altered or cut off; the member is named.
    OtherRelease
        It has other tables than this release.
    NotEmpty
        The database was used.
    StorageFailed
        The storage does not keep what it is given.
    """
    _check_empty()
    files = blob_files()
    with (
        tempfile.TemporaryDirectory(prefix="tessera-restore-") as folder,
        tempfile.TemporaryFile() as saved,
    ):
        restore = _Restore(Path(folder), saved)
        done = False
        try:
            _read_archive(restore, path, files, progress)
            rows = _write_rows(restore, progress)
            done = True
        finally:
            if not done:
                _delete_saved(saved, files)
    return RestoreReport(rows, restore.stored.files, restore.stored.bytes)


def _check_empty() -> None:
    for model in backed_up_models():
        if label_of(model) not in MADE_BY_MIGRATE and model._base_manager.exists():
            raise NotEmpty(label_of(model))


# ---- the archive -------------------------------------------------------------


def _read_archive(restore: _Restore, path: Path, files: Files, progress: Progress) -> None:
    """Check every member; rows are kept in a folder, stored bytes go where they belong."""
    try:
        with tarfile.open(path, "r:") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # else all of them stay in memory
                _check_member(restore, member)
                with _opened(archive, member) as source:
                    _take(restore, member, source, files)
                restore.last = member.name
                progress("members", len(restore.members) + restore.stored.files, None)
    except (tarfile.TarError, EOFError) as error:
        raise MalformedBackup(restore.last, f"cut off or altered behind it: {error}") from error
    if restore.manifest is None:
        raise MalformedBackup(restore.last, "the archive ends here, without its manifest")
    _check_manifest(restore, restore.manifest)


def _check_member(restore: _Restore, member: tarfile.TarInfo) -> None:
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
        raise MalformedBackup(member.name, "not a plain file")
    if restore.manifest is not None:
        raise MalformedBackup(member.name, "it comes behind the manifest")
    if not restore.members and member.name != HEAD:
        raise MalformedBackup(member.name, f"the first member is not {HEAD}: no backup of Tessera")
    if member.name in restore.members:
        raise MalformedBackup(member.name, "it comes twice")


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    source = archive.extractfile(member)
    assert source is not None  # plain files have content
    return source  # type: ignore[return-value]


def _take(restore: _Restore, member: tarfile.TarInfo, source: BinaryIO, files: Files) -> None:
    name = member.name
    if name in (HEAD, MANIFEST):
        document = _read_document(restore, name, member.size, source)
        if name == HEAD:
            _check_head(document)
        else:
            restore.manifest = document
        return
    stored = stored_file(name, member.size)
    if stored is not None:
        _save(restore, stored, source, files)
    elif table_of(name) in {label_of(model) for model in backed_up_models()}:
        _keep_rows(restore, name, source)
    else:
        raise MalformedBackup(name, "no member of a backup has such a name")


def _read_document(restore: _Restore, name: str, size: int, source: BinaryIO) -> dict[str, Any]:
    if size > _DOCUMENT_BYTES:
        raise MalformedBackup(name, f"{size} bytes are too many for it")
    reader = HashingReader(source)
    try:
        document = json.loads(reader.read())
    except ValueError as error:
        raise MalformedBackup(name, f"not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("form") != FORM:
        raise MalformedBackup(name, f"not of form {FORM}")
    _note(restore, name, reader)
    return document


def _check_head(head: dict[str, Any]) -> None:
    differences = set(head.get("migrations", ())) ^ set(applied_migrations())
    if differences:
        raise OtherRelease(sorted(differences))


def _keep_rows(restore: _Restore, name: str, source: BinaryIO) -> None:
    reader = HashingReader(source)
    with _rows_path(restore, name).open("xb") as target:
        while chunk := reader.read(CHUNK_BYTES):
            target.write(chunk)
    _note(restore, name, reader)


def _save(restore: _Restore, stored: StoredFile, source: BinaryIO, files: Files) -> None:
    # What was there before stays, whatever happens: another database may need it. Noted
    # first, for a storage that fails half way may leave something too.
    if not files.exists(stored.name):
        restore.saved.write(f"{stored.name}\n".encode())
    try:
        files.save(stored.name, partial(_from_start, source), stored.digest)
    except DigestMismatch as error:
        raise MalformedBackup(stored.name, "its sha256 is not its name") from error
    restore.stored.add(stored)


def _from_start(source: BinaryIO) -> Iterator[bytes]:
    source.seek(0)
    yield from iter_chunks(source)


def _note(restore: _Restore, name: str, reader: HashingReader) -> None:
    restore.members[name] = reader.sha256.hexdigest()


def _rows_path(restore: _Restore, name: str) -> Path:
    return restore.folder / Path(name).name


def _check_manifest(restore: _Restore, manifest: dict[str, Any]) -> None:
    """Compare what was read with what the archive says that it holds."""
    try:
        wanted = {member["name"]: member for member in manifest["members"]}
        digests = {name: str(member["sha256"]) for name, member in wanted.items()}
        stored = manifest["stored"]
        rows = {name: int(member["rows"]) for name, member in wanted.items() if name != HEAD}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedBackup(MANIFEST, f"not as it should be: {error!r}") from error
    for name, digest in digests.items():
        if name not in restore.members:
            raise MalformedBackup(name, "the manifest names it and it is not there")
        if restore.members[name] != digest:
            raise MalformedBackup(name, "its sha256 is not that of the manifest")
    for name in restore.members.keys() - wanted.keys() - {MANIFEST}:
        raise MalformedBackup(name, "the manifest does not name it")
    for model in backed_up_models():
        if rows_member(label_of(model)) not in wanted:
            raise MalformedBackup(rows_member(label_of(model)), "it is not there")
    if restore.stored.to_json() != stored:
        raise MalformedBackup(MANIFEST, "stored files are missing, added or in another order")
    restore.rows = rows


# ---- rows --------------------------------------------------------------------


@transaction.atomic
def _write_rows(restore: _Restore, progress: Progress) -> int:
    _check_empty()
    for label in reversed(MADE_BY_MIGRATE):
        apps.get_model(label)._base_manager.all().delete()
    found = backed_up_models()
    total = 0
    packs = FileList()
    for done, model in enumerate(found, start=1):
        name = rows_member(label_of(model))
        rows = _count(_iter_rows(restore, model, packs), restore.rows[name], name)
        try:
            insert_decoded(model, rows)
        except (IntegrityError, DataError) as error:
            raise MalformedBackup(name, f"the database refuses a row: {error}") from error
        total += restore.rows[name]
        progress("rows", done, len(found))
    if packs.to_json() != restore.stored.to_json():
        raise MalformedBackup(rows_member(label_of(Pack)), "its rows are not the stored files")
    _reset_sequences(found)
    connection.check_constraints()
    return total


def _iter_rows(
    restore: _Restore, model: type[models.Model], packs: FileList
) -> Iterator[list[Any]]:
    name = rows_member(label_of(model))
    columns = columns_of(model)
    try:
        with _rows_path(restore, name).open("rb") as file:
            lines = _lines(file, name)
            header = json.loads(next(lines, b"null"))
            if header != {"table": label_of(model), "columns": columns}:
                raise MalformedBackup(name, "it has other columns")
            for line in lines:
                row = decode_row(model, line)
                if model is Pack:
                    values = dict(zip(columns, row, strict=True))
                    packs.add(StoredFile(values["kind"], values["digest"], values["size"]))
                yield row
    except (ValueError, TypeError, zstandard.ZstdError) as error:
        raise MalformedBackup(name, f"not rows: {error}") from error


def _lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield the lines of a compressed member, of bounded length."""
    rest = b""
    for chunk in zstandard.ZstdDecompressor().read_to_iter(file):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > _LINE_BYTES:
            raise MalformedBackup(name, "a line is too long")
    if rest:
        raise MalformedBackup(name, "its last line is cut off")


def _count(rows: Iterator[list[Any]], wanted: int, name: str) -> Iterator[list[Any]]:
    count = 0
    for row in rows:
        count += 1
        yield row
    if count != wanted:
        raise MalformedBackup(name, f"it has {count} rows, not {wanted}")


def _reset_sequences(found: list[type[models.Model]]) -> None:
    """Let PostgreSQL number new rows behind the old ones; SQLite does so by itself."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), found):
            cursor.execute(statement)


def _delete_saved(saved: BinaryIO, files: Files) -> None:
    saved.seek(0)
    for line in saved:
        name = line.decode().strip()
        files.delete(name)
