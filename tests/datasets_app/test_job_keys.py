"""Keys of clients' requests: one key, one job, also where two requests come at once."""

from __future__ import annotations

import pytest

from datasets_app.errors import KeyReused
from datasets_app.jobs import queue
from datasets_app.jobs.asking import AskedOnce, find_asked
from datasets_app.jobs.queue import enqueue
from datasets_app.models import Dataset, Job, JobKey, JobLine
from people_app.models import AuditEvent
from tests.datasets_app.builders import author, dataset

pytestmark = pytest.mark.django_db


def once(streets: Dataset, body: str = "a") -> AskedOnce:
    return AskedOnce(author(), streets, "import", "k", body.encode().ljust(32))


def ask(asked: AskedOnce) -> Job:
    return enqueue("test", {}, actor=author(), dataset=asked.dataset, once=asked)


def test_who_comes_second_in_a_race_finds_the_job_of_the_first_and_leaves_nothing(monkeypatch):
    asked = once(dataset())
    first = ask(asked)
    # What the second saw before the first was committed.
    answers = iter([lambda _: None, find_asked])
    monkeypatch.setattr(queue, "find_asked", lambda wanted: next(answers)(wanted))

    assert ask(asked) == first

    assert Job.objects.get() == first
    assert JobLine.objects.count() == 1
    assert AuditEvent.objects.filter(verb="job.enqueued").count() == 1


def test_who_comes_second_with_another_body_is_refused(monkeypatch):
    streets = dataset()
    ask(once(streets))
    answers = iter([lambda _: None, find_asked])
    monkeypatch.setattr(queue, "find_asked", lambda wanted: next(answers)(wanted))

    with pytest.raises(KeyReused):
        ask(once(streets, "b"))

    assert Job.objects.count() == 1


def test_a_key_is_gone_with_the_job_that_it_finds():
    asked = once(dataset())
    ask(asked).delete()

    assert find_asked(asked) is None
    assert not JobKey.objects.exists()
