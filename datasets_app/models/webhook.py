"""Where a dataset tells other programs what happened to it, and each time that it did."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone

from datasets_app.models.dataset import Dataset
from people_app.models import User
from store_app.fields import DigestField

MAX_URL = 2_000


class WebhookEvent(models.TextChoices):
    """What a webhook may be told. The names are those of the audit log."""

    VERSION_COMMITTED = "version.committed"
    TAG_CREATED = "tag.created"
    JOB_FINISHED = "job.finished"
    BRANCH_CREATED = "branch.created"
    BRANCH_ADVANCED = "branch.advanced"
    BRANCH_DELETED = "branch.deleted"
    BRANCH_PROTECTED = "branch.protected"


PING = "ping"  # what the test button sends


class Webhook(models.Model):
    """A URL that is told of some events of a dataset.

    `events` are `WebhookEvent` values. The secret is kept nowhere: it is computed from the
    service's own key and `salt` (`datasets_app.webhooks.secrets`); `secret_check` tells
    whether that still gives the one that was shown.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=MAX_URL)
    events = models.JSONField(default=list)
    active = models.BooleanField(default=True)
    salt = DigestField()
    secret_check = DigestField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["dataset_id", "created_at", "id"]

    def __str__(self) -> str:
        return f"{self.dataset_id} to {self.url}"

    def wants(self, event: str) -> bool:
        """Say whether it is told of this event."""
        return event in self.events


class DeliveryState(models.TextChoices):
    """Whether it arrived."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Which deliveries."""

    def due(self, now: datetime) -> DeliveryQuerySet:
        """Keep what is to be sent now: no worker is sending it, or one died at it."""
        return self.filter(state=DeliveryState.WAITING, next_attempt_at__lte=now)


class Delivery(models.Model):
    """One event for one webhook: the outbox, and later the log.

    Made in the transaction of the act. `body` is the text that is signed and sent, the same
    at each attempt. `attempts` counts those that were begun. `next_attempt_at` is null once
    it is settled; while a worker sends it, it is when that worker is held for dead.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    body = models.TextField()
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    last_attempt_at = models.DateTimeField(null=True)
    response_code = models.PositiveIntegerField(null=True)
    problem = models.CharField(max_length=200, blank=True, default="")
    duration_ms = models.PositiveIntegerField(null=True)
    redelivers = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["webhook", "-created_at", "-id"], name="deliveries_of_webhook"),
            models.Index(
                fields=["next_attempt_at"],
                condition=models.Q(state="waiting"),
                name="deliveries_due",
            ),
            models.Index(fields=["created_at"], name="deliveries_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.id}"
