"""Imports and exports as jobs: uploads in, archives out."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from datasets_app.actions.exports import ExportRequest
from datasets_app.actions.transfers import request_export, request_import
from datasets_app.exports.files import ExportExpired, get_export_file
from datasets_app.imports.errors import InvalidUpload
from datasets_app.jobs import roots
from datasets_app.jobs.roots import EXPORTS_KEPT
from datasets_app.jobs.running import run_job
from datasets_app.models import Dataset, Job, JobState, Version
from datasets_app.staging import ImageChange
from panoptic.archives.packing import write_archive
from panoptic.formats.registry import UnknownFormat
from store_app.blobs import find_content, open_content
from store_app.erasure import destroy_erased, mark_erased
from store_app.errors import ObjectMissing, TesseraError
from store_app.garbage import collect_garbage
from store_app.models import Blob
from tests.datasets_app.builders import author, commit_to, dataset, put_label
from tests.panoptic.formats.files import panoptic_json, write_panoptic

pytestmark = pytest.mark.django_db
_DRAWINGS = {"a.jpg": "112 112", "b.jpg": "333 ..3"}


@pytest.fixture
def streets() -> Dataset:
    """A dataset whose taxonomy has the classes of the files below."""
    return dataset(drawing="1:person 2:sky/stuff 3:car")


def upload(tmp_path: Path) -> io.BytesIO:
    folder = tmp_path / "upload"
    folder.mkdir(exist_ok=True)
    write_panoptic(folder, panoptic_json(_DRAWINGS, {1: 1, 2: 200, 3: 3}), _DRAWINGS)
    write_archive(folder, tmp_path / "upload.zip")
    return io.BytesIO((tmp_path / "upload.zip").read_bytes())


def finished(job: Job) -> Job:
    run_job(str(job.pk))
    job.refresh_from_db()
    return job


def test_an_uploaded_archive_becomes_a_version(tmp_path: Path, streets: Dataset) -> None:
    fields = {"format": "coco_panoptic", "message": "from afar"}

    job = finished(request_import(streets, upload(tmp_path), fields, actor=author()))

    assert (job.state, job.problem) == (JobState.DONE, None)
    assert job.result["images"]["added"] == 2
    assert Version.objects.get(dataset=streets).message == "from afar"


def test_an_import_that_is_refused_tells_its_problems(tmp_path: Path, streets: Dataset) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("labels.json", '{"images": [')
    archive.seek(0)

    job = finished(request_import(streets, archive, {"format": "coco_panoptic"}, actor=author()))

    assert job.state == JobState.FAILED
    assert job.problem["code"] == "malformed_file"
    assert not Version.objects.filter(dataset=streets).exists()


def test_a_repeated_job_makes_no_second_version(tmp_path: Path, streets: Dataset) -> None:
    job = request_import(streets, upload(tmp_path), {"format": "coco_panoptic"}, actor=author())
    run_job(str(job.pk))
    Job.objects.update(state=JobState.QUEUED, result=None)

    assert finished(job).result["version"]["number"] == 1
    assert Version.objects.filter(dataset=streets).count() == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"format": "floppy"}, UnknownFormat),
        ({"format": "coco_panoptic", "path": "../x.json"}, InvalidUpload),
        ({"format": "coco_panoptic", "labels": "/etc"}, InvalidUpload),
        ({"format": "coco_panoptic", "split": "a\nb"}, TesseraError),
    ],
)
def test_what_can_be_refused_at_once_is(
    streets: Dataset, fields: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        request_import(streets, io.BytesIO(b""), fields, actor=author())

    assert not Job.objects.exists()


def test_an_export_is_an_archive_of_its_files(streets: Dataset) -> None:
    version = commit_to(streets, [ImageChange("a.png", label=put_label("12", {1: 1, 2: 2}))])

    job = finished(request_export(version, ExportRequest("coco_panoptic"), actor=author()))

    with open_content(bytes.fromhex(job.result["digest"])) as content:
        archive = zipfile.ZipFile(io.BytesIO(content.read()))
    assert set(archive.namelist()) == {"panoptic.json", "panoptic/a.png"}
    assert (job.result["images"], job.result["segments"]) == (1, 2)


def test_the_same_export_is_found_and_not_made_again(streets: Dataset) -> None:
    version = commit_to(streets, [ImageChange("a.png", split="val")])

    first = request_export(version, ExportRequest("coco_panoptic"), actor=author())

    assert request_export(version, ExportRequest("coco_panoptic"), actor=author("bob")) == first
    other = request_export(version, ExportRequest("coco_panoptic", "split:val"), actor=author())
    assert other != first


def test_an_export_that_failed_is_tried_again(streets: Dataset) -> None:
    version = commit_to(streets, [ImageChange("a.png", split="val")])
    request_export(version, ExportRequest("coco_panoptic"), actor=author())
    Job.objects.update(state=JobState.FAILED, finished_at=timezone.now())

    again = request_export(version, ExportRequest("coco_panoptic"), actor=author())

    assert again.state == JobState.QUEUED


def test_an_export_that_was_collected_is_made_anew(streets: Dataset) -> None:
    version = commit_to(streets, [ImageChange("a.png", label=put_label("12", {1: 1, 2: 2}))])
    first = finished(request_export(version, ExportRequest("coco_panoptic"), actor=author()))
    digest = get_export_file(first).digest
    Job.objects.update(finished_at=timezone.now() - EXPORTS_KEPT)
    Blob.objects.update(touched_at=timezone.now() - timedelta(days=9))
    for days in (0, 2):
        collect_garbage(dry_run=False, now=timezone.now() + timedelta(days=days))
    with pytest.raises(ObjectMissing):
        find_content(digest)
    first.refresh_from_db()
    with pytest.raises(ExportExpired):
        get_export_file(first)

    again = finished(request_export(version, ExportRequest("coco_panoptic"), actor=author()))

    assert again != first
    assert get_export_file(again).digest == digest  # the same bytes
    assert request_export(version, ExportRequest("coco_panoptic"), actor=author()) == again
    first.refresh_from_db()
    with pytest.raises(ExportExpired):
        get_export_file(first)


def test_an_export_that_is_about_to_go_is_made_anew(streets: Dataset) -> None:
    version = commit_to(streets, [ImageChange("a.png", split="val")])
    first = finished(request_export(version, ExportRequest("coco_panoptic"), actor=author()))
    Job.objects.update(finished_at=timezone.now() - EXPORTS_KEPT + timedelta(hours=1))

    assert request_export(version, ExportRequest("coco_panoptic"), actor=author()) != first
    first.refresh_from_db()
    assert get_export_file(first).size_bytes == first.result["size_bytes"]


def test_an_export_from_before_an_erasure_is_not_found_again(streets: Dataset) -> None:
    label = put_label("12", {1: 1, 2: 2})
    version = commit_to(streets, [ImageChange("a.png", label=label)])
    first = finished(request_export(version, ExportRequest("coco_panoptic"), actor=author()))
    mark_erased([label], reason="asked")
    destroy_erased([label])

    again = finished(request_export(version, ExportRequest("coco_panoptic"), actor=author()))

    assert (again != first, again.result["segments"]) == (True, 0)
    assert [problem["code"] for problem in again.result["problems"]] == ["object_erased"]
    assert request_export(version, ExportRequest("coco_panoptic"), actor=author()) == again


def test_an_import_of_what_is_not_there_is_refused(streets: Dataset) -> None:
    with pytest.raises(ObjectMissing):
        request_import(streets, bytes(32), {"format": "coco_panoptic"}, actor=author())

    assert not Job.objects.exists()


def test_uploads_and_exports_are_kept_from_garbage_collection(
    tmp_path: Path, streets: Dataset
) -> None:
    version = commit_to(streets, [ImageChange("a.png", split="val")])
    waiting = request_import(streets, upload(tmp_path), {"format": "coco_panoptic"}, actor=author())
    done = finished(request_export(version, ExportRequest("coco_panoptic"), actor=author()))

    kept = {reference.digest.hex() for reference in roots.iter_references()}

    assert kept == {waiting.arguments["upload"], done.result["digest"]}
