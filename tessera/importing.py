"""Label files sent to the service, which makes a version of them."""

from __future__ import annotations

import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tessera.errors import TesseraError, UsageError
from tessera.http import Connection
from tessera.progress import Progress, silent
from tessera.uploading import upload_file

_ASK_SECONDS = 0.5
_PACKED = frozenset({".png", ".jpg", ".jpeg", ".webp"})


class ImportFiles(NamedTuple):
    """What to send: the file or folder of the format, and what lies apart from it."""

    path: Path
    labels: Path | None = None
    images: Path | None = None


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
        The service refuses the files; `errors` lists what is wrong, by file, image and segment.
    """
    with tempfile.TemporaryDirectory(prefix="tessera-import-") as folder:
        archive = Path(folder) / "import.zip"
        inside = _pack(archive, files)
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
    kind = UsageError if problem.get("errors") else TesseraError
    raise kind(problem["detail"], code=problem["code"], errors=problem.get("errors", ()))


def _pack(archive: Path, files: ImportFiles) -> dict[str, str]:
    """Write the archive; return what its parts are called in it."""
    inside = {"path": f"labels/{files.path.name}"}
    labels = files.labels or _folder_beside(files.path)
    parts = [(files.path, inside["path"])]
    if labels is not None:
        inside["labels"] = "label-files"
        parts.append((labels, inside["labels"]))
    if files.images is not None:
        inside["images"] = "images"
        parts.append((files.images, inside["images"]))
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as zipped:
        for source, name in parts:
            for path, member in _members(source, name):
                packed = path.suffix.lower() in _PACKED
                zipped.write(path, member, zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED)
    return inside


def _folder_beside(path: Path) -> Path | None:
    """Return the folder of label files where an export puts it; None where there is none."""
    folder = path.with_suffix("") if path.suffix else path.with_name(f"{path.name}_masks")
    return folder if path.is_file() and folder.is_dir() else None


def _members(source: Path, name: str) -> Iterator[tuple[Path, str]]:
    if source.is_file():
        yield source, name
        return
    for path in sorted(source.rglob("*")):
        if path.is_file():
            yield path, f"{name}/{path.relative_to(source).as_posix()}"
