"""Imports and exports that somebody asks for from afar: as jobs, with archives."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import rfc8785
from django.db import transaction

from datasets_app.actions.exports import ExportRequest, export_classes, export_version
from datasets_app.actions.imports import import_labels
from datasets_app.errors import NotFound
from datasets_app.exports.files import EXPORT_KIND, forget_old
from datasets_app.image_query import parse_query
from datasets_app.imports.errors import InvalidUpload
from datasets_app.imports.request import ImportMode, ImportRequest
from datasets_app.imports.unpacking import unpack
from datasets_app.jobs.asking import AskedOnce
from datasets_app.jobs.kinds import Progress, job_kind
from datasets_app.jobs.queue import enqueue
from datasets_app.models import Dataset, Job, Version
from datasets_app.names import clean_ref_name, clean_split
from datasets_app.taxonomy_access import get_read_by, get_read_by_again
from panoptic.archives.packing import ARCHIVE_FORMS
from panoptic.formats.options import check_scheme, parse_read_options, parse_write_options
from panoptic.formats.recognition import AUTO, get_readable, get_writable
from people_app.models import User
from people_app.roles import Role
from store_app.blobs import find_content, iter_content, put_file, touch_blobs
from store_app.errors import ObjectMissing

IMPORT_KIND = "import"
# Raise it when a writer writes other bytes: exports made before are then made again.
WRITERS_VERSION = 1
_PLACES = ("path", "labels", "images", "classes")


def request_import(
    dataset: Dataset,
    archive: BinaryIO | bytes,
    fields: Mapping[str, Any],
    *,
    actor: User,
    once: AskedOnce | None = None,
) -> Job:
    """Ask for the import of a file, or of a blob that is there, by its digest.

    `fields` are those of `ImportRequest` that make sense from afar; `path`, `labels`, `images`
    and `classes` are relative to the archive. All that can be checked without reading is checked.

    Raises
    ------
    ObjectMissing, ObjectErased
        There is no such blob, or the file is one that must not come back.
    """
    if fields.get("format", AUTO) != AUTO:
        parse_read_options(get_readable(fields["format"]), fields.get("options") or {})
    if fields.get("branch"):
        clean_ref_name(fields["branch"])
    if fields.get("split"):
        clean_split(fields["split"])
    for name in _PLACES:
        _check_inside(fields.get(name) or ".")
    digest = archive if isinstance(archive, bytes) else put_file(archive)
    with transaction.atomic():
        # Until the job is there, garbage collection must be told.
        if missing := touch_blobs([digest]):
            raise ObjectMissing(missing)
        return enqueue(
            IMPORT_KIND,
            {**fields, "upload": digest.hex()},
            actor=actor,
            dataset=dataset,
            once=once,
        )


@job_kind(IMPORT_KIND, needs=Role.ANNOTATOR)
def run_import_job(job: Job, progress: Progress) -> dict[str, Any]:
    """Unpack an upload and import it; a repetition finds the version that was made."""
    fields = dict(job.arguments)
    with _work_folder() as folder:
        upload = folder / "upload"
        content = find_content(bytes.fromhex(fields.pop("upload")))
        with upload.open("wb") as file:
            file.writelines(iter_content(content))
        files = folder / "files"
        files.mkdir()
        unpack(upload, files, progress)
        upload.unlink()  # its room may be needed
        request = _import_request(job.dataset, files, fields)
        report = import_labels(
            request, actor=job.requested_by, progress=progress, idempotency_key=f"job:{job.pk}"
        )
    return report.to_json()


def request_export(
    version: Version,
    request: ExportRequest,
    *,
    actor: User,
    archive: str = ARCHIVE_FORMS[0],
    taxonomy: str = "",
    once: AskedOnce | None = None,
) -> Job:
    """Ask for an export; one of the same version, reading and request is found again.

    One that failed is done again. One whose archive is gone, or will be within a day, or is from
    before something of the dataset was erased, is left to itself, and another one made.

    Parameters
    ----------
    archive
        One of ARCHIVE_FORMS.
    taxonomy
        By which published taxonomy version, as `SLUG@N` or `SLUG`; "": the version's own.

    Raises
    ------
    NotFound, NoMapping, UnknownClass
        As `get_reading` says; a draft is not there, since an export is of what stays.
    """
    read_by = get_read_by([version], user=actor, under=taxonomy)
    if read_by.number is None:
        raise NotFound("taxonomy version", taxonomy)
    parse_query(request.filter, read_by.reading)
    options = parse_write_options(get_writable(request.format), request.options or {})
    check_scheme(options.scheme, export_classes(read_by.reading))
    arguments = {
        "version": version.id_hex,
        "format": request.format,
        "filter": request.filter,
        "options": dict(request.options or {}),
        "archive": archive,
        "taxonomy": read_by.name,
        # Somebody may make another mapping before the job runs.
        "mapping": read_by.mapping.number if read_by.mapping else None,
    }
    identity = {
        **arguments,
        "reading": read_by.reading.digest.hex(),
        "dataset": version.dataset_id,
        "writers": WRITERS_VERSION,
    }
    key = f"export:{hashlib.sha256(rfc8785.dumps(identity)).hexdigest()}"
    with transaction.atomic():
        forget_old(key)
        return enqueue(
            EXPORT_KIND,
            arguments,
            actor=actor,
            dataset=version.dataset,
            idempotency_key=key,
            once=once,
            again=True,
        )


@job_kind(EXPORT_KIND)
def run_export_job(job: Job, progress: Progress) -> dict[str, Any]:
    """Write an export, pack it and keep it as a blob."""
    arguments = job.arguments
    version = Version.objects.select_related("taxonomy_version__taxonomy", "dataset").get(
        dataset=job.dataset, version_id=bytes.fromhex(arguments["version"])
    )
    reading = None  # of a job from before exports were read by other taxonomies
    if "taxonomy" in arguments:
        reading = get_read_by_again(version, arguments["taxonomy"], arguments["mapping"]).reading
    request = ExportRequest(arguments["format"], arguments["filter"], arguments["options"])
    form = arguments.get("archive", ARCHIVE_FORMS[0])  # there was one form once
    name = f"{version.dataset.slug}-v{version.number}-{request.format}.{form}"
    with _work_folder() as folder:
        archive = folder / name
        report = export_version(version, archive, request, reading=reading, progress=progress)
        size = archive.stat().st_size
        digest = put_file(archive)
    return {
        "file_name": archive.name,
        "digest": digest.hex(),
        "size_bytes": size,
    } | report.to_json()


def _import_request(dataset: Dataset, files: Path, fields: dict[str, Any]) -> ImportRequest:
    """Return the request of a job; its paths are of the archive, whatever lies elsewhere."""
    inside = fields.pop("path", None) or None
    places = {name: files / fields.pop(name) for name in _PLACES if fields.get(name)}
    mode = ImportMode(fields.pop("mode", ImportMode.APPEND))
    return ImportRequest(
        dataset=dataset.slug, path=files, inside=inside, mode=mode, **places, **fields
    )


def _check_inside(name: str) -> None:
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InvalidUpload(f"{name!r} is no path inside the archive")


@contextmanager
def _work_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tessera-job-") as folder:
        yield Path(folder)
