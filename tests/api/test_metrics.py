"""What /metrics tells, to whom, and what it costs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from api import request_metrics, service_metrics
from api.metrics_folder import files_of_counts, share_counts
from config.settings.networks import networks
from datasets_app.models import Job, JobState, Worker
from datasets_app.models.webhook import Delivery, DeliveryState, Webhook
from people_app.actions.tokens import create_token
from people_app.models import AuditEvent, User
from people_app.sealing import seal_events
from store_app.garbage import collect_garbage
from store_app.models import Pack
from store_app.verification import verify
from tests.api.builders import STREETS, client_of, person
from tests.datasets_app.builders import dataset

pytestmark = pytest.mark.django_db
_ROOT = Path(__file__).resolve().parent.parent.parent
LOOPBACK = ["127.0.0.0/8", "::1"]

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def scraper(settings: Any, client: Client) -> Client:
    """A client whose address may ask; answers that other tests left unread are not in flight."""
    request_metrics._in_flight.set(0)
    settings.TESSERA_METRICS_ALLOW = networks(LOOPBACK)
    return client


def scrape(client: Client, **headers: str) -> Samples:
    answer = client.get("/metrics", **headers)
    assert answer.status_code == 200, answer.content
    return parse(answer.content.decode())


def parse(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"tessera_{name}", frozenset(labels.items())))


def job(**fields: Any) -> Job:
    made = Job.objects.create(kind=fields.pop("kind", "import"))
    Job.objects.filter(pk=made.pk).update(**fields)
    return made


def test_what_is_told_can_be_parsed(scraper: Client) -> None:
    samples = scrape(scraper)
    assert value(samples, "database_up") == 1
    assert {name for name, _ in samples} >= {
        "tessera_build_info",
        "tessera_requests_in_flight",
        "tessera_workers",
        "tessera_jobs_oldest_waiting_seconds",
        "tessera_audit_unsealed_events",
        "tessera_webhook_deliveries",
        "tessera_web_processes",
    }


def test_who_prefers_openmetrics_gets_it(scraper: Client) -> None:
    answer = scraper.get("/metrics", HTTP_ACCEPT="application/openmetrics-text; version=1.0.0")
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")


# --- who may ask


def test_a_stranger_is_told_that_there_is_nothing(settings: Any, client: Client) -> None:
    settings.TESSERA_METRICS_ALLOW = networks(LOOPBACK)
    answer = client.get("/metrics", REMOTE_ADDR="203.0.113.9")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["post", "put", "delete", "options", "head"])
def test_no_method_tells_a_stranger_more(client: Client, method: str) -> None:
    assert getattr(client, method)("/metrics").status_code == 404


def test_networks_of_the_setting_may_ask(settings: Any, client: Client) -> None:
    settings.TESSERA_METRICS_ALLOW = networks(["10.1.0.0/16", "2001:db8::7"])
    statuses = [
        client.get("/metrics", REMOTE_ADDR=address).status_code
        for address in ("10.1.2.3", "2001:db8::7", "::ffff:10.1.2.3", "10.2.0.1", "127.0.0.1", "")
    ]
    assert statuses == [200, 200, 200, 404, 404, 404]


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: labels.example.org",
        "X-Real-IP: 127.0.0.1",
        "Forwarded: for=127.0.0.1",
        "Via: 1.1 proxy",
    ],
)
def test_behind_a_proxy_that_nobody_trusts_loopback_is_a_stranger(scraper, header: str) -> None:
    name, _, text = header.partition(": ")
    assert scraper.get("/metrics", headers={name: text}).status_code == 404


@pytest.mark.parametrize(("client_is", "status"), [("10.1.2.3", 200), ("203.0.113.9", 404)])
def test_a_trusted_proxy_says_who_asks(settings, scraper, client_is: str, status: int) -> None:
    settings.TESSERA_METRICS_ALLOW = networks(["127.0.0.1", "10.0.0.0/8"])
    settings.TESSERA_TRUSTED_PROXIES = ["127.0.0.1"]
    answer = scraper.get("/metrics", HTTP_X_FORWARDED_FOR=f"127.0.0.1, {client_is}")
    assert answer.status_code == status


def test_a_superuser_may_ask_from_anywhere_with_a_read_only_token() -> None:
    root = User.objects.create_superuser("root", password="irrelevant-here")
    _, secret = create_token(user=root, name="prometheus", read_only=True)
    answer = APIClient().get("/metrics", HTTP_AUTHORIZATION=f"Token {secret}")
    assert answer.status_code == 200


def test_an_account_that_is_no_superuser_gets_nothing(client: Client) -> None:
    client.force_login(person("ada"))
    assert client.get("/metrics").status_code == 404


# --- requests


def test_requests_are_counted_by_pattern_method_and_status(scraper, world) -> None:
    route = "api/v1/datasets/<slug:slug>/"
    labels = {"route": route, "method": "GET"}
    before = scrape(scraper)
    client_of("ada").get(f"{STREETS}/")
    client_of("stranger").get(f"{STREETS}/")
    after = scrape(scraper)

    def more(name: str, **labels: str) -> float:
        return (value(after, name, **labels) or 0) - (value(before, name, **labels) or 0)

    assert more("requests_total", **labels, status="200") == 1
    assert more("requests_total", **labels, status="404") == 1
    assert more("request_duration_seconds_count", **labels) == 2
    assert more("request_duration_seconds_bucket", **labels, le="+Inf") == 2
    assert more("problems_total", code="not_found", status="404") == 1


def test_labels_do_not_grow_with_what_strangers_think_of(scraper: Client) -> None:
    def ask(times: int) -> set[Any]:
        for number in range(times):
            for place in ("", "api/v1/", "static/", "api/v1/datasets/"):
                scraper.generic(f"BREW{number}", f"/{place}guess-{number}?x={number}")
                scraper.get(f"/{place}guess-{number}/{number}")
        return set(scrape(scraper))

    assert len(ask(3)) == len(ask(9))


def test_an_answer_that_is_being_given_is_in_flight(scraper: Client) -> None:
    assert value(scrape(scraper), "requests_in_flight") == 1
    assert value(scrape(scraper), "requests_in_flight") == 1


# --- the service


def test_jobs_are_told_by_kind_and_state(scraper: Client) -> None:
    now = timezone.now()
    for minutes in (1, 9):
        job(queued_at=now - timedelta(minutes=minutes))
    job(kind="export", state=JobState.RUNNING)
    job(kind="export", state=JobState.FAILED, finished_at=now - timedelta(minutes=59))
    job(kind="export", state=JobState.FAILED, finished_at=now - timedelta(minutes=61))
    samples = scrape(scraper)
    assert value(samples, "jobs", kind="import", state="queued") == 2
    assert value(samples, "jobs", kind="export", state="running") == 1
    assert value(samples, "jobs", kind="export", state="failed") is None
    assert value(samples, "jobs_ended_last_hour", kind="export", state="failed") == 1
    assert 540 <= (value(samples, "jobs_oldest_waiting_seconds") or 0) < 600


def test_workers_that_live_are_told_and_dead_ones_are_not(scraper: Client) -> None:
    Worker.objects.create(name="a:1:x", host="a", pid=1)
    Worker.objects.create(name="a:2:x", host="a", pid=2, job=job(state=JobState.RUNNING))
    long_ago = timezone.now() - timedelta(hours=1)
    Worker.objects.create(name="a:3:x", host="a", pid=3, heartbeat_at=long_ago)
    samples = scrape(scraper)
    assert value(samples, "workers") == 2
    assert value(samples, "workers_busy") == 1


def test_events_without_a_seal_are_told_until_they_have_one(scraper: Client) -> None:
    dataset("streets")
    samples = scrape(scraper)
    assert value(samples, "audit_unsealed_events") == AuditEvent.objects.count() > 0
    assert 0 <= (value(samples, "audit_oldest_unsealed_seconds") or 0) < 60
    seal_events()
    assert value(scrape(scraper), "audit_unsealed_events") == 0


def test_deliveries_are_told_by_what_they_wait_for(scraper: Client) -> None:
    hook = Webhook.objects.create(
        dataset=dataset("streets"), url="https://x.example", salt=b"0" * 32,
        secret_check=b"0" * 32, created_by=person("eve"),
    )  # fmt: skip
    for state, attempts, due in (
        (DeliveryState.WAITING, 0, timezone.now()),
        (DeliveryState.WAITING, 3, timezone.now()),
        (DeliveryState.WAITING, 1, timezone.now()),
        (DeliveryState.FAILED, 10, None),
        (DeliveryState.DELIVERED, 1, None),
    ):
        Delivery.objects.create(
            webhook=hook, event="ping", state=state, attempts=attempts, next_attempt_at=due
        )
    samples = scrape(scraper)
    counts = {
        state: value(samples, "webhook_deliveries", state=state)
        for state in ("waiting", "retrying", "failed")
    }
    assert counts == {"waiting": 1, "retrying": 2, "failed": 1}


def test_the_last_upkeep_is_told_with_what_it_found(scraper: Client, world) -> None:
    assert (
        value(scrape(scraper), "upkeep_last_timestamp_seconds", kind="garbage_collection") is None
    )
    began = time.time()
    collect_garbage(dry_run=True)
    collect_garbage(dry_run=False)
    Pack.objects.filter(pk=Pack.objects.earliest("pk").pk).update(size=1)
    assert list(verify("refs"))
    samples = scrape(scraper)
    for kind in ("garbage_collection", "verification_refs"):
        assert (value(samples, "upkeep_last_timestamp_seconds", kind=kind) or 0) >= began
    assert value(samples, "verification_findings", level="refs") == 1
    assert value(samples, "store_bytes", state="live") > 0
    assert AuditEvent.objects.filter(verb="store.collected").count() == 1


def test_without_its_database_it_says_so(scraper: Client, monkeypatch) -> None:
    def fail(now: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(service_metrics, "_workers", fail)
    samples = scrape(scraper)
    assert value(samples, "database_up") == 0
    assert value(samples, "jobs_oldest_waiting_seconds") is None
    assert value(samples, "requests_in_flight") == 1


# --- what it costs


def test_a_scrape_is_a_handful_of_queries_and_none_reads_a_whole_table(scraper: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        scrape(scraper)
    selects = [query["sql"] for query in queries if "reltuples" not in query["sql"]]
    assert len(queries) == 15
    with connection.cursor() as cursor:
        for select in selects:
            assert not list(_whole_tables(cursor, select)), select


def _whole_tables(cursor: Any, select: str) -> list[str]:
    """Return the steps of a query's plan that read all rows of a table."""
    if connection.vendor == "postgresql":
        # Small tables are read whole by choice; without that choice only for want of an index.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {select}")
        return [step for (step,) in cursor.fetchall() if "Seq Scan" in step]
    cursor.execute(f"EXPLAIN QUERY PLAN {select}")
    steps = [row[-1] for row in cursor.fetchall()]
    # An index that has only the rows in question may be read whole.
    return [step for step in steps if step.startswith("SCAN") and "INDEX" not in step]


# --- several processes


def test_the_first_process_of_a_server_begins_anew(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr("api.metrics_folder._shared", [])
    gone = _a_dead_process()
    for name in (f"process_{gone}", f"counter_{gone}.db", f"gauge_livesum_{gone}.db"):
        (tmp_path / name).write_bytes(b"old")
    share_counts(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lock", f"process_{os.getpid()}"]


def test_a_process_that_joins_keeps_the_counts_of_the_dead(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr("api.metrics_folder._shared", [])
    gone, living = _a_dead_process(), os.getppid()
    for name in (f"process_{living}", f"counter_{gone}.db", f"gauge_livesum_{gone}.db"):
        (tmp_path / name).write_bytes(b"old")
    share_counts(tmp_path)
    # Its requests were answered; those that were in flight are no more.
    assert [file.name for file in files_of_counts(tmp_path)] == [f"counter_{gone}.db"]


def _a_dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@pytest.mark.slow
def test_every_process_behind_the_port_answers_for_all(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TESSERA_DATA_DIR": str(tmp_path),
    }
    server = subprocess.Popen(
        [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port),
            "--workers", "2", "--blocking-threads", "2", "--no-ws", "--log-level", "error",
            "config.wsgi:application",
        ],
        cwd=_ROOT, env=environment,
    )  # fmt: skip
    try:
        _wait_for(port, processes=2)
        before = parse(_get(port, "/metrics"))
        for _ in range(40):
            _get(port, "/healthz")
        healthy = {"route": "healthz", "method": "GET", "status": "200"}
        counts = set()
        for _ in range(12):
            samples = parse(_get(port, "/metrics"))
            counts.add(
                (value(samples, "requests_total", **healthy) or 0)
                - (value(before, "requests_total", **healthy) or 0)
            )
            assert value(samples, "web_processes") == 2
    finally:
        server.terminate()
        server.wait(timeout=20)
    assert counts == {40}


def _wait_for(port: int, processes: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if value(parse(_get(port, "/metrics")), "web_processes") == processes:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError("the web server did not start")


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()
