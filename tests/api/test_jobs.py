"""Jobs, their logs and the workers, as programs see them."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from datasets_app.actions.exports import ExportRequest
from datasets_app.actions.transfers import request_export
from datasets_app.jobs.queue import enqueue
from datasets_app.models import Job, JobKey, JobLine, JobState, Worker
from people_app.actions.tokens import create_token
from people_app.models import TokenScope, User
from tests.api.builders import API, STREETS, World, client_of, person


def job(world: World, **fields: Any) -> Job:
    made = enqueue("unions", {}, actor=person("ada"), dataset=world.dataset)
    Job.objects.filter(pk=made.pk).update(**fields)
    return made


def url(made: Job, act: str = "") -> str:
    return f"{API}/jobs/{made.pk}/{act}"


# ---- how far it is -------------------------------------------------------------------


def test_a_job_says_how_fast_it_is_and_how_long_it_will_take(world, reader):
    now = timezone.now()
    made = job(
        world,
        state=JobState.RUNNING,
        lease=2,
        retries=1,
        done=300,
        total=900,
        marks=[[now.timestamp() - 20, 100]],
        progressed_at=now,
        lease_expires_at=now + timedelta(seconds=30),
    )

    body = reader.get(url(made)).json()

    assert body["rate"] == pytest.approx(10, rel=0.01)
    assert 50 <= body["seconds_left"] <= 60
    assert (body["attempts"], body["retries"], body["cancel_requested"]) == (2, 1, False)


def test_what_is_not_known_is_null(world, reader):
    body = reader.get(url(job(world))).json()

    assert (body["rate"], body["seconds_left"], body["attempts"]) == (None, None, 0)


# ---- its log ---------------------------------------------------------------------------


def test_a_log_is_paged_from_its_beginning(world, reader):
    made = job(world)
    JobLine.objects.bulk_create(JobLine(job=made, message=f"line {n}") for n in range(5))

    page = reader.get(url(made, "log/?limit=4")).json()
    rest = reader.get(page["next"]).json()

    lines = [*page["results"], *rest["results"]]
    assert [line["message"] for line in lines] == ["queued", *(f"line {n}" for n in range(5))]
    assert set(lines[0]) == {"at", "level", "message"}
    assert rest["next"] is None


def test_a_log_costs_the_same_however_long_it_is(world, admin, django_assert_num_queries):
    made = job(world)
    JobLine.objects.bulk_create(JobLine(job=made, message=f"line {n}") for n in range(400))
    client = APIClient()
    client.force_authenticate(person("ada"))

    with django_assert_num_queries(2):
        assert len(client.get(url(made, "log/?limit=300")).json()["results"]) == 300


def test_the_log_of_what_one_may_not_see_is_not_there(world, stranger, anonymous):
    made = job(world)

    assert stranger.get(url(made, "log/")).status_code == 404
    assert anonymous.get(url(made, "log/")).status_code == 404


# ---- another try -----------------------------------------------------------------------


def test_who_asked_tries_again_what_failed(world, admin):
    made = job(world, state=JobState.FAILED, problem={"code": "x"}, lease=1)

    response = admin.post(url(made, "retry/"))

    assert (response.status_code, response["Location"]) == (202, url(made))
    body = response.json()
    assert (body["id"], body["state"], body["problem"]) == (str(made.pk), "queued", None)


def test_what_is_not_over_is_not_tried_again(world, admin):
    response = admin.post(url(job(world), "retry/"))

    assert (response.status_code, response.json()["code"]) == (409, "not_retriable")


def test_an_import_whose_file_is_gone_says_so(world, admin):
    made = job(world, state=JobState.FAILED, arguments={"upload": "ab" * 32})

    response = admin.post(url(made, "retry/"))

    assert (response.status_code, response.json()["code"]) == (410, "upload_expired")


def test_others_do_not_try_again(world, reader, annotator):
    made = job(world, state=JobState.FAILED)

    for client in (reader, annotator):
        assert client.post(url(made, "retry/")).status_code == 403


def test_admins_act_on_jobs_of_others_with_a_token_of_that_width_only(world, annotator):
    made = enqueue("unions", {}, actor=person("a-annotator"), dataset=world.dataset)
    Job.objects.update(state=JobState.FAILED)
    narrow, wide = (
        create_token(user=person("ada"), name=scope, scopes=[scope])[1]
        for scope in (TokenScope.WRITE, TokenScope.ADMIN)
    )
    for secret, status in ((narrow, 403), (wide, 202)):
        client = APIClient(headers={"Authorization": f"Token {secret}"})
        assert client.post(url(made, "retry/")).status_code == status


# ---- keys of requests --------------------------------------------------------------------


def export(client: APIClient, key: str, **fields: Any) -> Any:
    body = {"version": "v1", "format": "coco_panoptic", **fields}
    return client.post(f"{STREETS}/exports/", body, headers={"Idempotency-Key": key})


def import_of(client: APIClient, key: str, *, name: str = "x", **fields: Any) -> Any:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo(f"{name}.json"), "{}")
    form = {
        "file": SimpleUploadedFile("labels.zip", archive.getvalue()),
        "format": "coco_panoptic",
        **fields,
    }
    return client.post(
        f"{STREETS}/imports/", form, format="multipart", headers={"Idempotency-Key": key}
    )


def leaks(client: APIClient, key: str, **fields: Any) -> Any:
    body = {"distance": 9, **fields}
    return client.post(f"{STREETS}/versions/v1/leaks/", body, headers={"Idempotency-Key": key})


ASKED: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (export, {"filter": "split:val"}),
    (import_of, {"name": "y"}),
    (import_of, {"message": "other"}),
    (leaks, {"distance": 3}),
]


@pytest.mark.parametrize(("ask", "other"), ASKED)
def test_the_same_request_sent_again_finds_its_job(annotator, ask, other):
    first = ask(annotator, "k")
    again = ask(annotator, "k")

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert Job.objects.count() == 1


@pytest.mark.parametrize(("ask", "other"), ASKED)
def test_another_request_with_the_same_key_is_refused(annotator, ask, other):
    ask(annotator, "k")

    response = ask(annotator, "k", **other)

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert Job.objects.count() == 1


def test_keys_of_two_people_and_of_two_kinds_of_work_are_four(annotator, admin):
    ids = {ask(who, "k").json()["id"] for ask in (import_of, leaks) for who in (annotator, admin)}

    assert len(ids) == 3  # one report serves both
    assert JobKey.objects.count() == 3


def test_a_key_finds_its_job_whatever_became_of_it(annotator):
    first = import_of(annotator, "k").json()
    Job.objects.update(state=JobState.CANCELLED)

    again = import_of(annotator, "k").json()

    assert (again["id"], again["state"]) == (first["id"], "cancelled")


def test_a_key_that_is_none_is_refused(annotator):
    for ask in (export, import_of, leaks):
        assert ask(annotator, "k" * 201).status_code == 400


def _at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """Do all at the same moment, each in a thread."""
    together = threading.Barrier(len(acts))
    found: list[Any] = [None] * len(acts)

    def run(place: int) -> None:
        try:
            together.wait()
            found[place] = acts[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.fixture
def _queued(settings) -> None:
    """Jobs wait in the database, as they do in production."""
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_queued")
def test_one_key_sent_twice_at_once_is_one_job(world, annotator):
    client = client_of("a-annotator")

    responses = _at_once([lambda: import_of(annotator, "k"), lambda: import_of(client, "k")])

    assert [response.status_code for response in responses] == [202, 202]
    assert len({response.json()["id"] for response in responses}) == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_queued")
def test_one_export_asked_for_twice_at_once_is_one_job(world):
    wanted = ExportRequest("coco_panoptic")

    def ask() -> Job:
        return request_export(world.versions[0], wanted, actor=person("ada"))

    for state in (None, JobState.FAILED):  # a new one, and one that is tried again
        if state is not None:
            Job.objects.update(state=state)
        jobs = _at_once([ask] * 4)
        assert len({job.pk for job in jobs}) == 1
        made = Job.objects.get()
        assert (made.state, made.retries) == (JobState.QUEUED, 0 if state is None else 1)


# ---- workers -----------------------------------------------------------------------------


@pytest.fixture
def root(db) -> APIClient:
    User.objects.create_superuser("root")
    return client_of("root")


def test_workers_are_listed_for_superusers(world, root):
    made = job(world)
    silent = timezone.now() - timedelta(minutes=5)
    Worker.objects.create(name="a:1:1", host="a", pid=1, version="0.1.0", job=made)
    Worker.objects.create(name="b:2:2", host="b", pid=2, heartbeat_at=silent)

    busy, dead = root.get(f"{API}/workers/").json()["results"]

    assert (busy["host"], busy["alive"], busy["version"]) == ("a", True, "0.1.0")
    assert busy["job"] == {"id": str(made.pk), "kind": "unions"}
    assert (dead["name"], dead["alive"], dead["job"]) == ("b:2:2", False, None)


def test_workers_are_nobody_elses_business(admin, anonymous, world):
    assert admin.get(f"{API}/workers/").status_code == 403
    assert anonymous.get(f"{API}/workers/").status_code == 401


def test_a_narrow_token_of_a_superuser_does_not_see_workers(root):
    _, secret = create_token(user=person("root"), name="ci", scopes=[TokenScope.READ])
    client = APIClient(headers={"Authorization": f"Token {secret}"})

    assert client.get(f"{API}/workers/").status_code == 403


def test_the_list_of_workers_is_one_query(root, django_assert_num_queries):
    Worker.objects.bulk_create(Worker(name=f"a:{n}:1", host="a", pid=n) for n in range(20))
    client = APIClient()
    client.force_authenticate(person("root"))

    with django_assert_num_queries(1):
        client.get(f"{API}/workers/")
