import io
import json
import tarfile
import tracemalloc
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from datasets_app.imports.request import ImportReport
from datasets_app.jobs.queue import enqueue
from datasets_app.jobs.running import run_job
from datasets_app.models import Job, JobState
from panoptic.formats.recognition import readable_formats
from panoptic.png import encode_class_png
from panoptic.runs import encode_runs
from tests.api.builders import API, STREETS, body_of, client_of, person
from tests.builders import id_map

PANOPTIC = b'{"annotations": [{"image_id": 1, "segments_info": []}]}'

# The queue starts jobs after the commit, which never comes within a test's transaction.
pytestmark = pytest.mark.usefixtures("_jobs_run_when_asked")


@pytest.fixture
def _jobs_run_when_asked(monkeypatch):
    monkeypatch.setattr("datasets_app.jobs.queue._start", lambda job: None)


def archive(**files: bytes) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, data in files.items():
            target.writestr(name.replace("__", "/"), data)
    return SimpleUploadedFile("upload.zip", buffer.getvalue())


def masks(form: str = "zip") -> SimpleUploadedFile:
    def mask(drawing: str) -> bytes:
        return encode_class_png(encode_runs(id_map(drawing) * 255))

    files = {
        "cells__masks__one.png": mask("1... 1..."),
        "cells__masks__two.png": mask("..11 ...."),
    }
    return archive(**files) if form == "zip" else tar(files, form)


def tar(files: dict[str, bytes], form: str) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz" if form == "gz" else "w") as target:
        for name, data in files.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(data)
            target.addfile(info, io.BytesIO(data))
    return SimpleUploadedFile("upload.zip", buffer.getvalue())


def post_import(client, **fields):
    body = {"file": masks(), "format": "instance_masks", "class_name": "car", **fields}
    return client.post(f"{STREETS}/imports/", body, format="multipart")


def finish(client, response):
    """Run the job of a 202, and return what the API says of it then."""
    assert response.status_code == 202, response.content
    run_job(response.json()["id"])
    return client.get(response["Location"]).json()


@pytest.mark.django_db(transaction=True)
def test_an_upload_becomes_a_version(world, annotator):
    asked = post_import(annotator)
    assert (asked.json()["state"], asked.json()["kind"]) == ("queued", "import")
    job = finish(annotator, asked)
    assert (job["state"], job["problem"]) == ("done", None)
    assert job["result"]["images"]["added"] == 1
    body = annotator.get(f"{STREETS}/versions/main/images/?prefix=cells").json()
    assert body["results"][0]["segment_count"] == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", ["zip", "tar", "gz"])
def test_the_format_is_recognised_in_any_archive(world, annotator, form):
    body = {"file": masks(form), "class_name": "car", "path": "."}
    asked = annotator.post(f"{STREETS}/imports/", body, format="multipart")
    job = finish(annotator, asked)
    assert (job["state"], job["problem"]) == ("done", None)
    told = {name: job["result"][name] for name in ("format", "path", "reason")}
    assert told == {
        "format": "instance_masks", "path": ".", "reason": "cells/masks is a folder of masks",
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"a__masks__1.png": b"", "x.json": PANOPTIC}, "ambiguous_format"),
        ({"a.txt": b"", "b.txt": b""}, "unrecognised_format"),
    ],
)  # fmt: skip
def test_what_is_not_one_format_fails_with_a_list(world, annotator, files, code):
    body = {"file": archive(**files), "format": "auto"}
    job = finish(annotator, annotator.post(f"{STREETS}/imports/", body, format="multipart"))
    assert (job["state"], job["problem"]["code"]) == ("failed", code)
    assert "instance_masks" in job["problem"]["detail"]


@pytest.mark.django_db(transaction=True)
def test_options_and_a_table_of_classes_reach_the_import(world, annotator, monkeypatch):
    seen = []

    def look(request, **_):
        seen.append(request)
        return ImportReport()

    monkeypatch.setattr("datasets_app.actions.transfers.import_labels", look)
    [form] = [one for one in readable_formats() if one.name == "sceneparsing"]
    [option] = [one for one in form.read_options if one.choices][:1]
    said = {option.name: option.choices[-1]}
    fields = {
        "format": form.name,
        "classes": "names.csv",
        f"options.{option.name}": option.choices[-1],
    }
    finish(annotator, post_import(annotator, **fields))
    assert (seen[0].options, seen[0].classes.name, seen[0].path.name) == (
        said,
        "names.csv",
        "files",
    )
    assert seen[0].classes.parent == seen[0].path


@pytest.mark.django_db(transaction=True)
def test_a_broken_upload_fails_with_a_problem(world, annotator):
    upload = SimpleUploadedFile("upload.zip", b"no zip")
    job = finish(annotator, post_import(annotator, file=upload))
    assert (job["state"], job["problem"]["code"]) == ("failed", "malformed_file")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "nonsense"),
        ("mode", "overwrite"),
        ("on_overlap", "largest"),
        ("taxonomy", "/etc/passwd"),
        ("taxonomy", "nothing@1"),
        ("taxonomy", "streets-classes@2"),
        ("path", "../x"),
        ("classes", "../x"),
        ("options.colour", "red"),
        ("options", "colour=red"),
        ("options[colour]", "red"),
        ("path", "/etc"),
        ("branch", "v12"),
    ],
)
def test_an_import_that_cannot_be_done_is_refused_at_once(annotator, field, value):
    assert post_import(annotator, **{field: value}).status_code in (400, 422)
    assert not Job.objects.exists()


def test_an_import_needs_a_file(annotator):
    body = {"format": "coco_panoptic"}
    response = annotator.post(f"{STREETS}/imports/", body, format="multipart")
    assert response.status_code == 400
    assert "file" in [error["field"] for error in response.json()["errors"]]


def test_a_form_that_is_too_large_is_refused_unread(annotator, settings, monkeypatch):
    settings.TESSERA_FORM_LIMIT_BYTES = 10
    monkeypatch.setattr("django.core.handlers.wsgi.LimitedStream.read", None)
    body = {"file": SimpleUploadedFile("x.zip", bytes(2**20 + 100)), "format": "coco_panoptic"}
    response = annotator.post(f"{STREETS}/imports/", body, format="multipart")
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_the_archive_of_a_form_goes_to_disk_as_it_comes(annotator):
    upload = SimpleUploadedFile("x.zip", bytes(24 * 2**20))
    body = encode_multipart(BOUNDARY, {"file": upload, "format": "coco_panoptic"})
    tracemalloc.start()
    response = annotator.post(f"{STREETS}/imports/", body, content_type=MULTIPART_CONTENT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.status_code == 202
    assert peak < len(body) + 8 * 2**20  # the client of the test holds a copy of its own


def test_a_body_that_is_no_form_is_refused(annotator):
    for boundary in ("", "; boundary=x"):
        response = annotator.post(
            f"{STREETS}/imports/", b"--y", content_type=f"multipart/form-data{boundary}"
        )
        assert response.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_an_export_can_be_downloaded(world, reader):
    body = {"version": "v1", "format": "coco_panoptic", "filter": "class:sky"}
    job = finish(reader, reader.post(f"{STREETS}/exports/", body))
    assert (job["state"], job["result"]["images"]) == ("done", 1)
    response = reader.get(f"{API}/jobs/{job['id']}/download/")
    assert response["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(body_of(response))) as found:
        [document] = [name for name in found.namelist() if name.endswith(".json")]
        annotations = json.loads(found.read(document))["annotations"]
    assert len(annotations[0]["segments_info"]) == 3
    again = reader.get(
        f"{API}/jobs/{job['id']}/download/", headers={"If-None-Match": response["ETag"]}
    )
    assert again.status_code == 304


@pytest.mark.django_db(transaction=True)
def test_an_export_may_be_a_tar_and_tells_what_it_lost(world, reader):
    body = {"version": "v1", "format": "coco_panoptic", "archive": "tar"}
    job = finish(reader, reader.post(f"{STREETS}/exports/", body))
    assert job["result"]["lost"]["hidden_pixels"] > 0
    response = reader.get(f"{API}/jobs/{job['id']}/download/")
    assert response["Content-Type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(body_of(response))) as found:
        assert "panoptic.json" in found.getnames()


@pytest.mark.django_db(transaction=True)
def test_an_export_holds_photographs_where_that_is_asked(world, reader):
    body = {"version": "v1", "format": "voc", "options": {"photos": "yes"}}
    job = finish(reader, reader.post(f"{STREETS}/exports/", body))
    response = reader.get(f"{API}/jobs/{job['id']}/download/")
    with zipfile.ZipFile(io.BytesIO(body_of(response))) as found:
        assert [name for name in found.namelist() if name.startswith("JPEGImages/a.")]


def test_the_same_export_is_found_again(reader, annotator):
    body = {"version": "v1", "format": "coco_instances"}
    first = reader.post(f"{STREETS}/exports/", body).json()
    assert (
        annotator.post(f"{STREETS}/exports/", {**body, "version": "release/1.0"}).json()["id"]
        == first["id"]
    )
    other = reader.post(f"{STREETS}/exports/", {**body, "version": "v2"}).json()
    assert other["id"] != first["id"]


@pytest.mark.parametrize(
    "fields",
    [{"format": "nonsense"}, {"archive": "rar"},
     {"format": "auto"}, {"filter": "colour:red"}, {"filter": "'"}, {"options": {"a": "b"}},
     {"options": {"geometry": "dots"}}, {"options": {"scheme": "mine"}}, {"options": []},
     {"filter": "class:bicycle"}],
)  # fmt: skip
def test_an_export_that_means_nothing_is_refused(reader, fields):
    body = {"version": "v1", "format": "coco_panoptic", **fields}
    assert reader.post(f"{STREETS}/exports/", body).status_code == 400


def test_an_export_of_no_version_is_not_found(reader):
    body = {"version": "nowhere", "format": "coco_panoptic"}
    assert reader.post(f"{STREETS}/exports/", body).status_code == 404


def test_only_a_finished_export_can_be_downloaded(reader, world):
    job = reader.post(f"{STREETS}/exports/", {"version": "v1", "format": "coco_panoptic"}).json()
    assert reader.get(f"{API}/jobs/{job['id']}/download/").status_code == 404


def test_a_job_is_seen_by_the_members_of_its_dataset(world, reader, stranger):
    job = enqueue("nothing", {}, actor=person("ada"), dataset=world.dataset)
    assert reader.get(f"{API}/jobs/{job.pk}/").json()["dataset"] == "streets"
    assert stranger.get(f"{API}/jobs/{job.pk}/").status_code == 404
    assert stranger.get(f"{API}/jobs/").json()["results"] == []


def test_jobs_can_be_filtered(world, reader):
    enqueue("nothing", {}, actor=person("ada"), dataset=world.dataset)
    for query, count in [("?state=queued", 1), ("?state=done", 0), ("?dataset=streets", 1),
                         ("?dataset=parks", 0)]:  # fmt: skip
        assert len(reader.get(f"{API}/jobs/{query}").json()["results"]) == count


def test_a_job_is_cancelled_by_who_asked_for_it_and_by_admins(world, reader, annotator, admin):
    for client in (annotator, admin):
        job = enqueue("nothing", {}, actor=person("a-annotator"), dataset=world.dataset)
        assert reader.post(f"{API}/jobs/{job.pk}/cancel/").status_code == 403
        assert client.post(f"{API}/jobs/{job.pk}/cancel/").json()["state"] == JobState.CANCELLED


def test_a_settled_job_stays_as_it_is(world, admin):
    job = enqueue("nothing", {}, actor=person("ada"), dataset=world.dataset)
    Job.objects.update(state=JobState.DONE)
    assert admin.post(f"{API}/jobs/{job.pk}/cancel/").json()["state"] == JobState.DONE


def test_a_job_of_nobody_elses_is_found_by_its_owner(db):
    job = enqueue("nothing", {}, actor=person("zoe"))
    assert client_of("zoe").get(f"{API}/jobs/{job.pk}/").json()["dataset"] is None
