from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from datasets_app.models import Dataset, Job, JobState
from tests.web.builders import Page, member, shared_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(member(shared_dataset("town")))
    return client


def job(**fields) -> Job:
    return Job.objects.create(dataset=Dataset.objects.get(), **{"kind": "import", **fields})


def test_the_list_tells_state_and_progress(reader: Client) -> None:
    job(state=JobState.RUNNING, done=3, total=9, message="images read")
    html = reader.get("/jobs/").content.decode()
    assert "running 3 of 9 images read" in Page(html).text
    assert 'hx-get="/jobs/"' in html


def test_a_list_where_all_is_settled_asks_for_nothing_more(reader: Client) -> None:
    job(state=JobState.DONE)
    html = reader.get("/jobs/").content.decode()
    assert "hx-get" not in html
    assert "htmx" not in html


def test_asking_again_answers_with_the_part_alone(reader: Client) -> None:
    one = job(state=JobState.RUNNING)
    for url in ("/jobs/", f"/jobs/{one.pk}/"):
        html = reader.get(url, headers={"hx-request": "true"}).content.decode()
        assert "running" in html
        assert "<html" not in html


def test_a_failed_job_says_why(reader: Client) -> None:
    one = job(state=JobState.FAILED, problem={"code": "malformed_file", "detail": "a.json ends"})
    assert "a.json ends" in Page(reader.get(f"/jobs/{one.pk}/").content.decode()).text


def test_the_list_goes_on_after_a_page(reader: Client) -> None:
    for number in range(52):
        one = job(kind=f"kind-{number:02}")
        Job.objects.filter(pk=one.pk).update(created_at=one.created_at + timedelta(hours=number))
    first = Page(reader.get("/jobs/").content.decode())
    assert "kind-01" not in first.text
    following = next(link for link in first.links if link.startswith("?after="))
    assert "kind-01" in Page(reader.get(f"/jobs/{following}").content.decode()).text
