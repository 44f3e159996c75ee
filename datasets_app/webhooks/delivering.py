"""Send what the outbox holds, until it arrives or is given up.

An attempt is claimed by moving `next_attempt_at` to when the worker would be held for dead, so
two workers never send the same at once, and what a dead one left is sent again. A receiver may
therefore get a message twice, with the same `id`.
"""

from __future__ import annotations

import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event

from django.db import close_old_connections, connection
from django.db.models import Min
from django.utils import timezone

from datasets_app.errors import HistoryError
from datasets_app.models.webhook import Delivery, DeliveryState
from datasets_app.webhooks.secrets import secret_of, sign
from datasets_app.webhooks.sending import Answer, send
from datasets_app.webhooks.targets import parse_target

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 10
FIRST_PAUSE_SECONDS = 10
LONGEST_PAUSE = timedelta(hours=6)
LONGEST_RETRY_AFTER = timedelta(hours=24)
LOG_KEPT = timedelta(days=30)

_LOOK_SECONDS = 1.0
_CLAIM = timedelta(seconds=120)  # beyond all limits of sending, resolving included
_THREADS = 8
_TURN_SECONDS = 15.0
_GONE = 410


def deliver_until(stop: Event) -> None:
    """Deliver what is due, again and again, until `stop` is set: a thread of each worker."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook") as threads:
        while not stop.wait(_LOOK_SECONDS):
            close_old_connections()
            try:
                while deliver_due(threads) and not stop.is_set():
                    continue
            except Exception:
                # A database that restarts, or one message, must not end deliveries for ever.
                logger.exception("webhooks wait: what is due cannot be read")
    connection.close()


def deliver_due(threads: ThreadPoolExecutor | None = None) -> int:
    """Give each webhook a turn that has something due; return how many were sent.

    Webhooks take turns of a few seconds side by side, so that one whose receiver hangs
    holds up none but itself. Without threads all is done here.
    """
    due = Delivery.objects.due(timezone.now()).order_by()
    turns = due.values_list("webhook").annotate(oldest=Min("next_attempt_at")).order_by("oldest")
    hooks = [hook for hook, _ in turns[: 4 * _THREADS]]
    if threads is None:
        return sum(map(_take_turn, hooks))
    return sum(threads.map(_take_turn_in_thread, hooks))


def drop_old_deliveries() -> int:
    """Forget what was settled 30 days ago; return how many."""
    old = Delivery.objects.filter(created_at__lt=timezone.now() - LOG_KEPT)
    count, _ = old.exclude(state=DeliveryState.WAITING).delete()
    return count


def attempt(delivery_id: object) -> bool:
    """Send a delivery if it is due and no other worker is at it; say whether it arrived."""
    delivery = _claim(delivery_id)
    if delivery is None:
        return False
    began = time.monotonic()
    answer: Answer | None = None
    problem, final = "", False
    try:
        answer = _send(delivery)
    except HistoryError as error:
        problem, final = f"{error.code}: {error.message}", getattr(error, "final", True)
    arrived = answer is not None and 200 <= answer.code < 300
    if answer is not None and not arrived:
        problem, final = f"answered {answer.code}", answer.code == _GONE
        if 300 <= answer.code < 400:
            problem = f"answered {answer.code}: redirects are not followed"
    _settle(delivery, arrived, final, answer, problem, time.monotonic() - began)
    return arrived


def pause_after(attempts: int, retry_after: float | None = None) -> timedelta:
    """Return how long to wait after so many attempts: 10 s, 30 s, 90 s … 6 hours.

    Half of it is chance, lest all that failed together come again together. A receiver's
    `Retry-After` is kept, up to a day.
    """
    full = min(FIRST_PAUSE_SECONDS * 3.0 ** (attempts - 1), LONGEST_PAUSE.total_seconds())
    pause = timedelta(seconds=full * random.uniform(0.5, 1.0))
    if retry_after is None:
        return pause
    return max(pause, min(timedelta(seconds=retry_after), LONGEST_RETRY_AFTER))


def _take_turn_in_thread(webhook_id: object) -> int:
    try:
        close_old_connections()
        return _take_turn(webhook_id)
    finally:
        connection.close()


def _take_turn(webhook_id: object) -> int:
    """Send what is due to one webhook, in order, until it fails or its time is over."""
    sent, deadline = 0, time.monotonic() + _TURN_SECONDS
    while time.monotonic() < deadline:
        due = Delivery.objects.due(timezone.now()).filter(webhook=webhook_id)
        following = due.order_by("next_attempt_at", "created_at").values_list("pk", flat=True)
        delivery_id = following.first()
        if delivery_id is None:
            break
        sent += 1
        if not attempt(delivery_id):
            break
    return sent


def _claim(delivery_id: object) -> Delivery | None:
    now = timezone.now()
    found = Delivery.objects.due(now).filter(pk=delivery_id).select_related("webhook").first()
    if found is None:
        return None
    if found.attempts >= MAX_ATTEMPTS:  # workers died at it
        _settle(found, False, True, None, "worker_lost: it was begun too often", 0.0)
        return None
    claimed = Delivery.objects.filter(
        pk=found.pk, state=DeliveryState.WAITING, attempts=found.attempts
    ).update(attempts=found.attempts + 1, next_attempt_at=now + _CLAIM, last_attempt_at=now)
    if not claimed:
        return None  # another worker was quicker
    found.attempts += 1
    return found


def _send(delivery: Delivery) -> Answer:
    body = delivery.body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Tessera-Webhook/1",
        "Connection": "close",
        "Tessera-Event": delivery.event,
        "Tessera-Delivery": str(delivery.pk),
        "Tessera-Signature": sign(secret_of(delivery.webhook), body, int(time.time())),
    }
    return send(parse_target(delivery.webhook.url), headers, body)


def _settle(
    delivery: Delivery,
    arrived: bool,
    final: bool,
    answer: Answer | None,
    problem: str,
    seconds: float,
) -> None:
    if arrived:
        state = DeliveryState.DELIVERED
    elif final or delivery.attempts >= MAX_ATTEMPTS:
        state = DeliveryState.FAILED
    else:
        state = DeliveryState.WAITING
    again: datetime | None = None
    if state == DeliveryState.WAITING:
        again = timezone.now() + pause_after(delivery.attempts, answer and answer.retry_after)
    # Who was held for dead, and is not, must not overwrite what came after.
    Delivery.objects.filter(
        pk=delivery.pk, attempts=delivery.attempts, state=DeliveryState.WAITING
    ).update(
        state=state,
        next_attempt_at=again,
        response_code=answer.code if answer else None,
        problem=problem[:200],
        duration_ms=round(seconds * 1000),
    )
