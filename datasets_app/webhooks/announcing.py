"""Put what happened into the outbox, in the transaction in which it happens.

Every act on a dataset is one audit event, so webhooks listen to the log: no act can forget
them, what is rolled back takes its messages with it, and what is committed has them.
"""

from __future__ import annotations

from typing import Any

import orjson

from datasets_app.models.dataset import DATASET_KIND
from datasets_app.models.job import Job, JobState
from datasets_app.models.webhook import Delivery, Webhook, WebhookEvent
from people_app.audit import listen
from people_app.audit_form import moment
from people_app.models import AuditEvent

_EVENTS = frozenset(event.value for event in WebhookEvent)
_JOB_CANCELLED = "job.cancelled"


def register() -> None:
    """Listen to the audit log."""
    listen(announce)


def announce(event: AuditEvent) -> list[Delivery]:
    """Make a delivery for each active webhook that wants the event; mostly one query.

    Nothing is sent here: the worker finds the rows once they are committed.
    """
    name = WebhookEvent.JOB_FINISHED if event.verb == _JOB_CANCELLED else event.verb
    if event.line_kind != DATASET_KIND or name not in _EVENTS:
        return []
    hooks = Webhook.objects.filter(dataset_id=int(event.line_id), active=True)
    wanting = [hook for hook in hooks.select_related("dataset") if hook.wants(name)]
    if not wanting or (event.verb == _JOB_CANCELLED and not _is_cancelled(event.object_id)):
        return []
    body = _body(event, name, wanting[0].dataset.slug)
    return Delivery.objects.bulk_create(
        Delivery(webhook=hook, event=name, body=body) for hook in wanting
    )


def message(event_id: str, event: str, at: str, dataset: str, actor: str | None, data: Any) -> str:
    """Return the body of a message; `event_id` is the same however often it is sent."""
    body = {
        "id": event_id,
        "event": event,
        "at": at,
        "dataset": dataset,
        "actor": actor,
        "data": data,
    }
    return orjson.dumps(body).decode()


def _body(event: AuditEvent, name: str, slug: str) -> str:
    data = event.facts
    if name == WebhookEvent.JOB_FINISHED:
        job = Job.objects.get(pk=event.object_id)
        data = {"job": event.object_id, "kind": job.kind, "state": job.state}
        if job.problem:
            data["problem"] = job.problem.get("code")
    actor = event.actor.get_username() if event.actor is not None else None
    return message(str(event.pk), name, moment(event.at), slug, actor, data)


def _is_cancelled(job_id: str) -> bool:
    # One that runs is only asked to stop, and tells of its end itself.
    return Job.objects.filter(pk=job_id, state=JobState.CANCELLED).exists()
