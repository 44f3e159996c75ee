"""What the database tells of the service as a whole: the same from whichever machine is asked.

A scrape comes every few seconds for ever, so no query here may grow with the service. Each reads
what an index keeps small (jobs that wait, events without a seal), at most `CAP` rows of a window,
one row that upkeep left behind, or an estimate of the database's own.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import django
from django.db import DatabaseError, connection, models
from django.db.models import Min, QuerySet
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from datasets_app.jobs.code_version import code_version
from datasets_app.jobs.workers import living_workers
from datasets_app.models import Job, JobState
from datasets_app.models.webhook import Delivery, DeliveryState
from people_app.models import AuditEvent, AuditProof
from people_app.upkeep_audit import KIND as STORE
from store_app.models import Blob, Pack
from store_app.verification import LEVELS

CAP = 2_000
_JOBS_WINDOW = timedelta(hours=1)
# A delivery is given up about 15 hours after it was made.
_DELIVERIES_WINDOW = timedelta(hours=48)


def collect_service() -> Iterator[Metric]:
    """Yield what is known; without its database that is little, and says so."""
    yield _gauge("tessera_build_info", "What runs here.", 1, **_build())
    found: list[Metric] = []
    try:
        for collect in (_jobs, _workers, _audit, _webhooks, _store, _upkeep):
            found.extend(collect(timezone.now()))
    except DatabaseError:
        found = []
        reachable = 0
    else:
        reachable = 1
    yield _gauge("tessera_database_up", "Whether the database answers.", reachable)
    yield from found


def _jobs(now: datetime) -> Iterator[Metric]:
    family = _family("tessera_jobs", "Jobs that wait or run.", "kind", "state")
    unsettled = Job.objects.filter(state__in=(JobState.QUEUED, JobState.RUNNING))
    _add_counts(family, unsettled.order_by(), "kind", "state")
    yield family
    ended = _family(
        "tessera_jobs_ended_last_hour", f"Jobs that ended, of the last {CAP:,}.", "kind", "state"
    )
    _add_counts(
        ended,
        Job.objects.filter(finished_at__gt=now - _JOBS_WINDOW).order_by("-finished_at"),
        "kind",
        "state",
    )
    yield ended
    oldest = Job.objects.filter(state=JobState.QUEUED).aggregate(at=Min("queued_at"))["at"]
    yield _gauge(
        "tessera_jobs_oldest_waiting_seconds",
        "For how long the job has waited that waits longest; 0 where none does.",
        _age(oldest, now),
    )


def _workers(now: datetime) -> Iterator[Metric]:
    jobs = list(living_workers(now).order_by().values_list("job", flat=True)[:CAP])
    yield _gauge("tessera_workers", "Workers that were heard of in the time of a lease.", len(jobs))
    busy = sum(job is not None for job in jobs)
    yield _gauge("tessera_workers_busy", "Those of them that are at a job.", busy)


def _audit(now: datetime) -> Iterator[Metric]:
    unsealed = AuditProof.objects.filter(seal__isnull=True).order_by("pk")
    events = list(unsealed.values_list("pk", flat=True)[:CAP])
    yield _gauge(
        "tessera_audit_unsealed_events",
        f"Events of the audit log without a seal; {CAP:,} means so many or more.",
        len(events),
    )
    oldest = AuditEvent.objects.filter(pk__in=events[:1]).values_list("at", flat=True).first()
    yield _gauge(
        "tessera_audit_oldest_unsealed_seconds",
        "For how long the oldest of them has waited; 0 where all are sealed.",
        _age(oldest, now),
    )


def _webhooks(now: datetime) -> Iterator[Metric]:
    family = _family(
        "tessera_webhook_deliveries",
        f"Messages that wait, that failed and are tried again, and that were given up in the "
        f"last two days; of the last {CAP:,}.",
        "state",
    )
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING, next_attempt_at__isnull=False)
    attempts = waiting.order_by("next_attempt_at").values_list("attempts", flat=True)[:CAP]
    recent = Delivery.objects.filter(created_at__gt=now - _DELIVERIES_WINDOW)
    states = recent.order_by("-created_at").values_list("state", flat=True)[:CAP]
    counts = Counter("retrying" if count else "waiting" for count in attempts)
    counts["failed"] = sum(state == DeliveryState.FAILED for state in states)
    for state in ("waiting", "retrying", "failed"):
        family.add_metric([state], counts[state])
    yield family


def _store(now: datetime) -> Iterator[Metric]:
    for model, name in ((Blob, "blobs"), (Pack, "files")):
        rows = _estimated_rows(model)
        if rows is not None:
            yield _gauge(
                f"tessera_store_{name}", f"Rows of {name} as the database estimates them.", rows
            )


def _upkeep(now: datetime) -> Iterator[Metric]:
    collected = _last(STORE, "garbage")
    if collected is not None:
        family = _family(
            "tessera_store_bytes", "Bytes of the store by the last garbage collection.", "state"
        )
        facts = collected.facts
        # What is dead in files that stay is part of them.
        dead = facts["dead_bytes"]
        family.add_metric(["live"], facts["live_bytes"] - dead)
        family.add_metric(["dead"], dead)
        family.add_metric(["condemned"], facts["condemned_bytes"])
        yield family
    runs = _family(
        "tessera_upkeep_last_timestamp_seconds", "When upkeep last came to its end.", "kind"
    )
    findings = _family(
        "tessera_verification_findings", "What the last verification found damaged.", "level"
    )
    verified = {level: _last(STORE, level) for level in LEVELS}
    for level, event in verified.items():
        if event is not None:
            findings.add_metric([level], event.facts["findings"])
    events = {
        "garbage_collection": collected,
        "compaction": _last(STORE, "packs"),
        "backup": AuditEvent.objects.filter(verb="backup.written").order_by("-pk").first(),
        **{f"verification_{level}": event for level, event in verified.items()},
    }
    for kind, event in events.items():
        if event is not None:
            runs.add_metric([kind], event.at.timestamp())
    yield from (runs, findings)


def _last(kind: str, object_id: str) -> AuditEvent | None:
    return AuditEvent.objects.about(kind, object_id).first()


def _estimated_rows(model: type[models.Model]) -> int | None:
    """Return about how many rows a table has, without counting them; None where nobody knows."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = to_regclass(%s)", [table])
            rows = int(cursor.fetchone()[0])
            return rows if rows >= 0 else None  # -1: never analysed
        # SQLite keeps no count. Rows are numbered on, so this is right but for those deleted.
        cursor.execute(f"SELECT max(rowid) FROM {connection.ops.quote_name(table)}")
        return cursor.fetchone()[0] or 0


def _add_counts(family: GaugeMetricFamily, rows: QuerySet[Any], *fields: str) -> None:
    for labels, count in Counter(rows.values_list(*fields)[:CAP]).items():
        family.add_metric(labels, count)


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _build() -> dict[str, str]:
    return {
        "version": code_version(),
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": connection.vendor,
    }


def _family(name: str, documentation: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, labels=labels)


def _gauge(name: str, documentation: str, value: float, **labels: str) -> GaugeMetricFamily:
    family = _family(name, documentation, *labels)
    family.add_metric(list(labels.values()), value)
    return family
