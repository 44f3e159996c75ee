"""Label files sent to the service, which makes a version of them."""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os.path import abspath
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.archives.members import is_litter
from panoptic.archives.packing import is_archive
from tessera.errors import TesseraError, UsageError
from tessera.http import Connection
from tessera.progress import Progress, silent
from tessera.uploading import upload_file

_ASK_SECONDS = 0.5
_NO_FAULT_OF_THE_FILES = frozenset({"internal_error", "job_cancelled", "worker_lost"})
_PACKED = frozenset({".png", ".jpg", ".jpeg", ".webp"})


class ImportFiles(NamedTuple):
    """What to send: the file or folder of the format, and what lies apart from it.

    `inside` says where in `path` the files lie. Where that is a zip or tar, the others are
    inside of it, too.
    """

    path: Path
    inside: str = ""
    labels: Path | None = None
    images: Path | None = None
    classes: Path | None = None


def import_files(
    connection: Connection,
    slug: str,
    files: ImportFiles,
    fields: Mapping[str, Any],
    *,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Send files, wait for the import, and return its report.

    Raises
    ------
    UsageError
        The service refuses the files or an option; `errors` lists what is wrong, by file, image
        and segment.
    """
    with _packed(files) as (archive, inside):
        upload = upload_file(connection, slug, archive)
    body = {**fields, **inside, "upload": upload}
    job = connection.post(f"/datasets/{slug}/imports/", body)
    settled = wait_for(connection, job, progress=progress)
    report: dict[str, Any] = settled["result"]
    return report


def wait_for(
    connection: Connection, job: Mapping[str, Any], *, progress: Progress = silent
) -> Mapping[str, Any]:
    """Wait until a job is settled; raise its problem if it failed."""
    while job["state"] in ("queued", "running"):
        time.sleep(_ASK_SECONDS)
        job = connection.get(f"/jobs/{job['id']}/")
        progress(job["done"], job["total"])
    if job["state"] == "done":
        return job
    problem = job["problem"] or {"code": "job_cancelled", "detail": "the job was cancelled"}
    kind = TesseraError if problem["code"] in _NO_FAULT_OF_THE_FILES else UsageError
    raise kind(problem["detail"], code=problem["code"], errors=problem.get("errors", ()))


@contextmanager
def _packed(files: ImportFiles) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give the archive to send, and what its parts are called in it."""
    given = {"labels": files.labels, "images": files.images, "classes": files.classes}
    apart = {name: path for name, path in given.items() if path is not None}
    if is_archive(files.path):
        places = {name: path.as_posix() for name, path in apart.items()}
        yield files.path, places | ({"path": files.inside} if files.inside else {})
        return
    source = Path(abspath(files.path))  # `.` has no name
    if source.is_dir() and next(_members(source, ""), None) is None:
        raise UsageError(f"there are no files in {files.path}")
    parts = {"path": (source, source.name)}
    for name, path in apart.items():
        if not path.exists():
            raise UsageError(f"there is no {path}")
        place = f"{source.name}.{name}"  # that nothing else is called
        parts[name] = (path, f"{place}/{path.name}" if path.is_file() else place)
    inside = {name: place for name, (_, place) in parts.items()}
    if files.inside:
        inside["path"] += f"/{files.inside}"
    beside = source.with_suffix("")
    if "labels" not in parts and source.is_file() and beside.is_dir():
        # Where an export puts the folder of label files, and formats look for it.
        parts["beside"] = (beside, beside.name)
    with tempfile.TemporaryDirectory(prefix="tessera-import-") as folder:
        archive = Path(folder) / "import.zip"
        _write(archive, parts.values())
        yield archive, inside


def _write(archive: Path, parts: Iterable[tuple[Path, str]]) -> None:
    # Files from before 1980, which a zip cannot say, are as welcome as others.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as zipped:
        for source, name in parts:
            for path, member in _members(source, name):
                packed = path.suffix.lower() in _PACKED
                zipped.write(path, member, zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED)


def _members(source: Path, name: str) -> Iterator[tuple[Path, str]]:
    if source.is_file():
        yield source, name
        return
    for path in sorted(source.rglob("*")):
        place = path.relative_to(source).as_posix()
        if path.is_file() and not is_litter(place):
            yield path, f"{name}/{place}"
