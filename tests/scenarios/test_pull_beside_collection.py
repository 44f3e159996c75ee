"""Pulls beside compaction and garbage collection, also of those who slept beyond their lease.

Packs that a plan names are really deleted here, as the clock moves on; what is told of a bucket's
addresses is true of S3: they end by the clock, and a file that is gone answers 404.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from datasets_app.actions.branches import create_branch, delete_branch
from datasets_app.models import Branch
from datasets_app.staging import ImageChange
from store_app import s3
from store_app.compaction import compact_packs
from store_app.garbage import GRACE, collect_garbage
from store_app.models import Lease
from tessera import http
from tessera.errors import NotFound
from tessera.pulling import Pulled, asking
from tessera.pulling.journal import Journal
from tests.api.builders import person
from tests.datasets_app.builders import commit_to, names, put_label
from tests.store_app.builders import s3_server, use_bucket, use_storage
from tests.tessera.answering import Answer, Clock, forwarding
from tests.tessera.test_pulling import IMAGES, Town, build_town

pytestmark = pytest.mark.django_db(transaction=True)

ALL = IMAGES + 3


class Later:
    """The service's clock: the real one, and what has gone by at once."""

    def __init__(self) -> None:
        self._real, self.passed = timezone.now, timedelta()

    def now(self) -> datetime:
        """Return what it shows."""
        return self._real() + self.passed


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    """A clock for the service that a test can move on; the client's pauses take no time."""
    clock = Later()
    monkeypatch.setattr(timezone, "now", clock.now)
    monkeypatch.setattr(http, "time", Clock())
    monkeypatch.setattr(asking, "_LARGEST_PAGE", 7)
    monkeypatch.setattr(asking, "_FIRST_PAGE", 7)
    monkeypatch.setattr(asking, "_SMALLEST_PAGE", 1)
    return clock


@pytest.fixture
def town(live_server, settings, tmp_path, later) -> Town:
    """A service on local files."""
    blobs = str(tmp_path / "blobs")
    use_storage(settings, "django.core.files.storage.FileSystemStorage", location=blobs)
    return scattered(build_town(live_server, tmp_path))


def scattered(town: Town) -> Town:
    """Commit labels one by one, so that there are many small packs, worth joining."""
    for n in range(6):
        label = put_label("1" * (50 + n), {1: 1})
        commit_to(town.world.dataset, names(f"w/{n}.png", label=label))
    return town


def tidy_up(later: Later) -> tuple[int, int]:
    """Let days go by, with compaction and collection; return blobs moved and files deleted."""
    later.passed += 2 * GRACE
    moved = compact_packs(threshold=0.01, dry_run=False).moved_blobs
    later.passed += 2 * GRACE
    deleted = collect_garbage(dry_run=False).deleted.files
    return moved, deleted


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch):
    """`interrupted(act)` does something when the first page of a pull is noted."""

    def at_first_page(act) -> None:
        add, done = Journal.add, []

        def noted(journal: Journal, page) -> None:
            add(journal, page)
            if not done:
                done.append(True)
                act()

        monkeypatch.setattr(Journal, "add", noted)

    return at_first_page


class Killed(BaseException):
    """What a process that is killed feels."""


def die() -> None:
    raise Killed


def test_a_pull_that_sleeps_beyond_its_lease_gets_a_new_plan(town, later, interrupted):
    tidied = []
    interrupted(lambda: tidied.append(tidy_up(later)))
    pulled = town.pull()
    [(moved, deleted)] = tidied
    assert moved > 0
    assert deleted > 0
    assert len(town.snapshot(pulled)) == ALL + 6
    assert town.is_whole(pulled)
    assert not Lease.objects.exists()


def test_a_pull_killed_and_gone_on_with_days_later_is_whole(town, later, interrupted):
    interrupted(die)
    with pytest.raises(Killed):
        town.pull()
    moved, deleted = tidy_up(later)
    assert moved > 0
    assert deleted > 0
    pulled = town.pull()
    assert len(town.snapshot(pulled)) == ALL + 6
    assert town.is_whole(pulled)


def test_a_version_that_was_collected_meanwhile_is_a_clear_error(town, later, interrupted):
    ada, dataset = person("ada"), town.world.dataset
    create_branch(dataset=dataset, name="side", head=town.world.versions[-1], actor=ada)
    drawn = {f"z/{n}.png": put_label("2" * (90 + n), {2: 2}) for n in range(60)}
    changes = [ImageChange(name, label=label) for name, label in drawn.items()]
    commit_to(dataset, changes, branch="side", author=ada)

    def collect() -> None:
        delete_branch(branch=Branch.objects.get(dataset=dataset, name="side"), actor=ada)
        later.passed += timedelta(days=31)
        for _ in range(3):
            collect_garbage(dry_run=False)
            later.passed += 2 * GRACE

    interrupted(collect)
    with pytest.raises(NotFound, match="there is no version"):
        town.pull("side")
    pulled = town.pull()
    assert town.is_whole(pulled)


# ---- from a bucket -------------------------------------------------------------


@pytest.fixture(scope="module")
def endpoint():
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket_town(live_server, settings, tmp_path, monkeypatch, endpoint, later) -> Town:
    """A service whose bytes are in a bucket, by addresses that end after a second."""
    use_bucket(settings, endpoint, f"aside-{uuid4().hex[:8]}")
    settings.TESSERA_SIGNED_URLS = True
    monkeypatch.setattr("datasets_app.pulling.ranges.SIGNED_BYTES", 1)
    monkeypatch.setattr(s3, "SIGNED_SECONDS", 1)
    return scattered(build_town(live_server, tmp_path))


class Gate:
    """Stands before the bucket and refuses addresses that have ended, as S3 does."""

    def __init__(self) -> None:
        self.refused = self.gone = 0
        self.url = ""

    def judge(self, asked, answer: Answer) -> Answer:
        """Return what S3 would answer."""
        query = parse_qs(urlsplit(asked.path).query)
        signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        age = datetime.now(UTC) - signed
        if age > timedelta(seconds=int(query["X-Amz-Expires"][0])):
            self.refused += 1
            return Answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        self.gone += answer.status == 404
        return answer


def pull_through(town: Town, endpoint: str, gate: Gate, meanwhile) -> Pulled:
    """Pull through the gate; `meanwhile` is done while the second page of the plan travels."""
    pages = []

    def lead(asked, answer: Answer) -> Answer:
        if asked.path.endswith("/pull/"):
            pages.append(asked)
            if len(pages) == 2:
                meanwhile()
        return answer._replace(body=answer.body.replace(endpoint.encode(), gate.url.encode()))

    with forwarding(endpoint, gate.judge) as bucket:
        gate.url = bucket.url
        with forwarding(town.url, lead) as server:
            return town.pull(url=server.url)


def test_addresses_that_ended_on_the_way_do_a_pull_no_harm(bucket_town, endpoint):
    gate = Gate()
    pulled = pull_through(bucket_town, endpoint, gate, lambda: time.sleep(2.1))
    assert gate.refused > 0
    assert bucket_town.is_whole(pulled)
    assert len(bucket_town.snapshot(pulled)) == ALL + 6


def test_packs_deleted_in_the_bucket_do_a_pull_no_harm(bucket_town, endpoint, later, monkeypatch):
    # Addresses that outlive the packs they lead to.
    monkeypatch.setattr(s3, "SIGNED_SECONDS", 3600)
    gate, tidied = Gate(), []

    def tidy() -> None:
        tidied.append(tidy_up(later))
        connection.close()  # that of the forwarding thread

    pulled = pull_through(bucket_town, endpoint, gate, tidy)
    [(moved, deleted)] = tidied
    assert moved > 0
    assert deleted > 0
    assert gate.gone > 0
    assert bucket_town.is_whole(pulled)
    assert len(bucket_town.snapshot(pulled)) == ALL + 6
