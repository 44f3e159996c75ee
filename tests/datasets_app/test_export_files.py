"""What an export leaves: photographs, archives, and what it tells that it lost."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from datasets_app.actions.exports import ExportRequest, export_version
from datasets_app.actions.transfers import request_export
from datasets_app.exports.files import get_export_file
from datasets_app.jobs.running import run_job
from datasets_app.models import Job, JobState, Version
from datasets_app.staging import ImageChange
from panoptic.archives.targets import UnwrittenArchive
from panoptic.formats.base import OneWayFormat, TargetExists
from panoptic.formats.losses import HIDDEN_PIXELS, HIDDEN_SEGMENTS
from panoptic.formats.registry import FORMATS
from store_app.blobs import open_content
from tests.api.builders import png, put_layered, put_photo
from tests.datasets_app.builders import author, commit_to, dataset, put_label
from tests.scenarios.commands import run

pytestmark = pytest.mark.django_db
PHOTO = png(2, 2)


@pytest.fixture
def version() -> Version:
    """A photograph with a label, one without, and a label without a photograph."""
    car = put_label("12 12", {1: 1, 2: 2})
    photo = put_photo(PHOTO, 2, 2)
    return commit_to(
        dataset(),
        [
            ImageChange("a.png", image=photo, label=car, split="train"),
            ImageChange("b.png", image=photo),
            ImageChange("night/c.png", label=car, split="val"),
        ],
    )


@pytest.fixture
def layered() -> Version:
    return commit_to(dataset(), [ImageChange("b.png", label=put_layered())])


def finished(job: Job) -> Job:
    run_job(str(job.pk))
    job.refresh_from_db()
    assert job.state == JobState.DONE, job.problem
    return job


def content_of(job: Job) -> io.BytesIO:
    with open_content(get_export_file(job).digest) as content:
        return io.BytesIO(content.read())


def members(packed: io.BytesIO | Path) -> dict[str, bytes]:
    with zipfile.ZipFile(packed) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def names_in(folder: Path) -> list[str]:
    """What lies in the folder of a test beside its storage."""
    return sorted(path.name for path in folder.iterdir() if path.name != "blobs")


# ---- photographs -------------------------------------------------------------------


def test_photographs_are_written_where_the_format_has_them(
    version: Version, tmp_path: Path
) -> None:
    export_version(version, tmp_path / "x", ExportRequest("voc", options={"photos": "yes"}))
    export_version(version, tmp_path / "without", ExportRequest("voc"))

    assert (tmp_path / "x/JPEGImages/a.png").read_bytes() == PHOTO
    assert not (tmp_path / "without/JPEGImages").exists()


def test_a_job_and_a_command_write_the_same_photographs(version: Version, tmp_path: Path) -> None:
    request = ExportRequest("voc", options={"photos": "yes"})
    job = finished(request_export(version, request, actor=author()))
    asked = (version.dataset.slug, "v1", tmp_path / "x.zip", "--format", "voc")
    told = run("export_version", *asked, "--option", "photos=yes")

    assert members(content_of(job))["JPEGImages/a.png"] == PHOTO
    assert content_of(job).read() == (tmp_path / "x.zip").read_bytes()
    assert (told["images"], told["path"]) == (job.result["images"], str(tmp_path / "x.zip"))


# ---- archives ------------------------------------------------------------------------


def test_an_export_may_be_a_zip_or_a_tar(version: Version, tmp_path: Path) -> None:
    for name in ("x", "x.zip", "x.tar"):
        report = export_version(version, tmp_path / name, ExportRequest("coco_panoptic"))
        assert report.images == 3

    assert names_in(tmp_path) == ["x", "x.tar", "x.zip"]
    files = {
        path.relative_to(tmp_path / "x").as_posix(): path.read_bytes()
        for path in (tmp_path / "x").rglob("*") if path.is_file()
    }  # fmt: skip
    assert members(tmp_path / "x.zip") == files
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert {one.name: archive.extractfile(one).read() for one in archive} == files
        assert {(one.mtime, one.uid, one.uname, one.mode) for one in archive} == {(0, 0, "", 0o644)}


def test_a_job_packs_as_it_is_asked_and_finds_it_again(version: Version) -> None:
    request = ExportRequest("coco_panoptic")
    first = request_export(version, request, actor=author(), archive="tar")
    assert request_export(version, request, actor=author(), archive="tar") == first
    assert request_export(version, request, actor=author()) != first

    job = finished(first)

    assert job.result["file_name"].endswith("-coco_panoptic.tar")
    assert get_export_file(job).media_type == "application/x-tar"
    with tarfile.open(fileobj=content_of(job)) as archive:
        assert "panoptic.json" in archive.getnames()


@pytest.mark.parametrize("name", ["x.zip", "x.tar"])
def test_the_same_version_makes_the_same_archive(
    version: Version, tmp_path: Path, name: str
) -> None:
    contents = []
    for folder in ("one", "two"):
        path = tmp_path / folder / name
        export_version(version, path, ExportRequest("coco_instances"))
        contents.append(path.read_bytes())
        with pytest.raises(TargetExists):
            export_version(version, path, ExportRequest("coco_instances"))

    assert contents[0] == contents[1]


def test_an_export_that_fails_leaves_nothing(
    version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int | None = None, message: str = "") -> None:
        raise KeyboardInterrupt

    for name in ("deep/x.zip", "deep/x", "deep/x.json"):
        with pytest.raises(KeyboardInterrupt):
            export_version(version, tmp_path / name, ExportRequest("coco_panoptic"), progress=stop)
    with pytest.raises(UnwrittenArchive):
        export_version(version, tmp_path / "x.tar.gz", ExportRequest("coco_panoptic"))

    assert names_in(tmp_path) == []


# ---- what is lost ----------------------------------------------------------------------


def test_a_job_and_a_command_tell_what_was_lost(layered: Version, tmp_path: Path) -> None:
    job = finished(request_export(layered, ExportRequest("coco_panoptic"), actor=author()))
    asked = (layered.dataset.slug, "v1", tmp_path / "x", "--format", "coco_panoptic")
    document = run("export_version", *asked)

    lost = job.result["lost"]
    assert lost[HIDDEN_PIXELS] > 0
    assert document["lost"] == lost
    out = io.StringIO()
    call_command("export_version", *map(str, (*asked[:2], tmp_path / "y", *asked[3:])), stdout=out)
    assert f"{lost[HIDDEN_PIXELS]} pixels hidden under others" in out.getvalue()
    assert HIDDEN_SEGMENTS not in lost or lost[HIDDEN_SEGMENTS] > 0


# ---- formats of one way -------------------------------------------------------------------


def test_what_is_only_read_is_not_exported(
    version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panoptic = FORMATS["coco_panoptic"]
    read: Any = type(panoptic)(
        "x", "X", True, True, None, panoptic.carries, panoptic.recognise, panoptic.open
    )
    monkeypatch.setitem(FORMATS, "x", read)

    with pytest.raises(OneWayFormat):
        export_version(version, tmp_path / "x", ExportRequest("x"))
    with pytest.raises(OneWayFormat):
        request_export(version, ExportRequest("x"), actor=author())
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("export_version", "streets", "v1", str(tmp_path / "x"), "--format", "x")
    assert not Job.objects.exists()


def test_a_place_that_may_not_be_written_is_told_in_a_sentence(
    version: Version, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CommandError, match="file: "):
        call_command(
            "export_version",
            version.dataset.slug,
            "v1",
            str(tmp_path / "file/x"),
            "--format",
            "id_maps",
        )
