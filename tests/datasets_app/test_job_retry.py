"""Another try: the same job, so that whoever refers to it finds what comes of it."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.utils import timezone

from datasets_app.actions.commits import ImageChange
from datasets_app.actions.exports import ExportRequest
from datasets_app.actions.transfers import request_export
from datasets_app.jobs import kinds
from datasets_app.jobs.errors import NotRetriable, UploadExpired
from datasets_app.jobs.queue import MAX_ATTEMPTS, cancel, enqueue, reap, retry
from datasets_app.jobs.rights import rights_on
from datasets_app.jobs.roots import UPLOADS_KEPT, iter_references
from datasets_app.jobs.running import run_job
from datasets_app.models import Dataset, Job, JobState
from people_app.actions.roles import grant_role
from people_app.models import AuditEvent, User
from people_app.request_context import RequestContext, resumed
from people_app.roles import Role
from store_app.blobs import put_file
from tests.datasets_app.builders import author, commit_to, dataset

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of the kind `test` are done by those who may read."""
    monkeypatch.setitem(kinds._HANDLERS, "test", lambda job, progress: {"answer": 42})
    monkeypatch.setitem(kinds._NEEDED, "test", Role.READER)
    monkeypatch.setitem(kinds._NEEDED, "writing", Role.ANNOTATOR)


def failed(**fields) -> Job:
    job = enqueue("test", fields.pop("arguments", {}), actor=author(), **fields)
    return settled(job, JobState.FAILED)


def settled(job: Job, state: JobState) -> Job:
    values = {"state": state, "lease": 1, "problem": {"code": "x"}, "finished_at": timezone.now()}
    Job.objects.filter(pk=job.pk).update(**values)
    job.refresh_from_db()
    return job


def test_a_job_that_failed_is_done_in_another_try():
    job = failed()

    retry(job, actor=author())
    run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.result, job.problem) == (JobState.DONE, {"answer": 42}, None)
    assert (job.lease, job.retries) == (2, 1)


def test_a_job_that_was_cancelled_while_it_ran_is_not_cancelled_again():
    job = enqueue("test", {}, actor=author())
    Job.objects.update(state=JobState.RUNNING, lease=1)
    cancel(job, actor=author())
    settled(job, JobState.CANCELLED)

    retry(job, actor=author())
    run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.cancel_requested) == (JobState.DONE, False)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING, JobState.DONE])
def test_what_has_not_failed_is_not_tried_again(state: JobState):
    with pytest.raises(NotRetriable, match=state.value):
        retry(settled(failed(), state), actor=author())


def test_deaths_of_workers_before_another_try_are_forgiven():
    job = failed()
    Job.objects.update(lease=MAX_ATTEMPTS)
    job = retry(job, actor=author())
    past = timezone.now() - timedelta(seconds=1)
    Job.objects.update(state=JobState.RUNNING, lease=MAX_ATTEMPTS + 1, lease_expires_at=past)

    reap()

    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_a_worker_of_the_last_try_publishes_nothing(monkeypatch):
    def be_thought_dead(job, progress):
        settled(job, JobState.FAILED)
        retry(job, actor=author())
        return {"answer": "stale"}

    monkeypatch.setitem(kinds._HANDLERS, "test", be_thought_dead)
    job = enqueue("test", {}, actor=author())
    run_job(str(job.pk))

    job.refresh_from_db()
    assert (job.state, job.result) == (JobState.QUEUED, None)


def test_another_try_is_in_the_audit_log_with_who_asked_for_it():
    job = failed(dataset=dataset())
    other = User.objects.create(username="other")

    retry(job, actor=other)

    event = AuditEvent.objects.get(verb="job.retried")
    assert (event.actor, event.object_id, event.facts["retries"]) == (other, str(job.pk), 1)


def test_an_export_asked_for_again_finds_the_one_that_is_tried_again():
    version = commit_to(dataset(), [ImageChange("a.png", split="val")])
    job = request_export(version, ExportRequest("coco_panoptic"), actor=author())
    retry(settled(job, JobState.FAILED), actor=author())

    assert request_export(version, ExportRequest("coco_panoptic"), actor=author()) == job
    job.refresh_from_db()
    assert job.retries == 1


def test_what_cannot_be_read_any_more_is_not_tried_again():
    job = failed(arguments={"upload": "ab" * 32})

    with pytest.raises(UploadExpired):
        retry(job, actor=author())

    job.refresh_from_db()
    assert job.state == JobState.FAILED


def test_the_upload_of_a_job_that_failed_is_kept_for_a_week():
    upload = put_file(io.BytesIO(b"an archive"))
    job = failed(arguments={"upload": upload.hex()})

    assert [reference.digest for reference in iter_references()] == [upload]

    Job.objects.update(finished_at=timezone.now() - UPLOADS_KEPT)
    assert list(iter_references()) == []
    assert retry(job, actor=author()).state == JobState.QUEUED  # nobody has deleted it yet


# ---- whose the events are ----------------------------------------------------------


HERE = RequestContext("request-1", "203.0.113.7", "abcd1234", "laptop")
THERE = RequestContext("request-2", "203.0.113.8", "efgh5678", "cluster")


def test_events_of_the_work_tell_who_asked_from_where_with_which_token(monkeypatch):
    def record_something(job, progress):
        commit_to(job.dataset, [ImageChange("a.png", split="val")])
        return {}

    monkeypatch.setitem(kinds._HANDLERS, "test", record_something)
    with resumed(HERE):
        job = enqueue("test", {}, actor=author(), dataset=dataset())
    run_job(str(job.pk))

    for verb in ("job.enqueued", "version.committed", "job.finished"):
        event = AuditEvent.objects.get(verb=verb)
        told = RequestContext(event.request_id, event.address, event.token_id, event.token_name)
        assert (event.actor, told) == (author(), HERE), verb


def test_after_another_try_they_tell_from_where_that_was_asked():
    with resumed(HERE):
        job = failed()
    with resumed(THERE):
        retry(job, actor=author())
    run_job(str(job.pk))

    assert AuditEvent.objects.get(verb="job.finished").address == THERE.address


def test_where_somebody_else_asked_they_still_tell_of_the_one_whose_work_it_is():
    with resumed(HERE):
        job = failed()
    with resumed(THERE):
        retry(job, actor=User.objects.create(username="other"))
    run_job(str(job.pk))

    event = AuditEvent.objects.get(verb="job.finished")
    assert (event.actor, event.address) == (author(), HERE.address)


# ---- who may -----------------------------------------------------------------------


def person(name: str, role: Role | None, streets: Dataset) -> User:
    user = User.objects.create_user(name)
    if role is not None:
        grant_role(user=user, resource=streets, role=role, actor=author())
    return user


@pytest.mark.parametrize(
    ("kind", "role", "may_retry"),
    [
        ("test", Role.READER, True),
        ("writing", Role.READER, False),
        ("writing", Role.ANNOTATOR, True),
        ("nothing", Role.REVIEWER, False),
        ("test", None, False),
    ],
)
def test_who_asked_tries_again_what_they_may_still_do(kind: str, role, may_retry: bool):
    streets = dataset()
    who = person("mia", role, streets)
    job = enqueue(kind, {}, actor=who, dataset=streets)

    rights = rights_on(job, who)

    assert (rights.cancel, rights.retry, rights.as_admin) == (True, may_retry, False)


def test_admins_do_so_with_jobs_of_others():
    streets = dataset()
    job = enqueue("writing", {}, actor=person("mia", None, streets), dataset=streets)

    assert rights_on(job, person("ann", Role.ADMIN, streets)) == (True, True, True)
    assert rights_on(job, person("rex", Role.REVIEWER, streets)) == (False, False, False)
