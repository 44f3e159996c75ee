from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from api import health
from datasets_app.models import Job, Worker
from tests.store_app.builders import use_storage


def test_a_living_process_says_so_without_the_database(client):
    # No `db`: a query would fail.
    assert client.get("/healthz").json() == {"status": "ok"}


def worker(*, silent: timedelta = timedelta(0)) -> Worker:
    heard = timezone.now() - silent
    return Worker.objects.create(name="here:1:1", host="here", pid=1, heartbeat_at=heard)


@pytest.mark.django_db
def test_who_can_work_is_ready(client):
    worker()
    body = client.get("/readyz").json()
    assert body == {
        "status": "ok",
        "checks": {"database": "ok", "storage": "ok", "worker": "ok"},
    }


@pytest.mark.django_db
def test_without_its_database_it_is_not_ready(client, monkeypatch):
    def fail():
        raise OperationalError

    monkeypatch.setattr(health, "_ask_database", fail)
    response = client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["database"]) == (503, "failed")


@pytest.mark.django_db
def test_without_its_storage_it_is_not_ready(client, settings):
    use_storage(settings, "tests.api.broken_storage.BrokenStorage")
    response = client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["storage"]) == (503, "failed")


@pytest.mark.django_db
def test_a_worker_that_is_behind_is_told(client):
    worker()
    job = Job.objects.create(kind="nothing")
    Job.objects.filter(pk=job.pk).update(queued_at=timezone.now() - timedelta(hours=1))
    response = client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["worker"]) == (200, "behind")


@pytest.mark.django_db
def test_that_nobody_runs_jobs_is_told_and_requests_are_answered_still(client):
    worker(silent=timedelta(minutes=1))
    response = client.get("/readyz")
    assert (response.status_code, response.json()["checks"]["worker"]) == (200, "none")
