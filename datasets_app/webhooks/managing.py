"""Make, change and remove webhooks; test them and send again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from datasets_app.actions.publishing import lock_dataset
from datasets_app.models import Dataset
from datasets_app.models.webhook import PING, Delivery, DeliveryState, Webhook, WebhookEvent
from datasets_app.webhooks.announcing import message
from datasets_app.webhooks.errors import TooManyWebhooks
from datasets_app.webhooks.secrets import new_secret
from datasets_app.webhooks.targets import parse_target
from people_app.audit import record
from people_app.audit_form import moment
from people_app.models import User

MAX_WEBHOOKS = 20  # of a dataset: each act writes a row for each


class NewWebhook(NamedTuple):
    """A webhook and its secret, which is shown this once."""

    webhook: Webhook
    secret: str


@transaction.atomic
def create_webhook(
    *, dataset: Dataset, url: str, events: Iterable[str], actor: User, active: bool = True
) -> NewWebhook:
    """Have a URL told of some events of a dataset.

    Raises
    ------
    InvalidWebhookUrl, TooManyWebhooks
    """
    parse_target(url)
    lock_dataset(dataset)  # or two at once would both be the twentieth
    if Webhook.objects.filter(dataset=dataset).count() >= MAX_WEBHOOKS:
        raise TooManyWebhooks(MAX_WEBHOOKS)
    made = new_secret()
    webhook = Webhook.objects.create(
        dataset=dataset,
        url=url,
        events=_ordered(events),
        active=active,
        salt=made.salt,
        secret_check=made.check,
        created_by=actor,
    )
    record(actor, "webhook.created", webhook, url=url, events=webhook.events, active=active)
    return NewWebhook(webhook, made.secret)


@transaction.atomic
def update_webhook(
    *,
    webhook: Webhook,
    actor: User,
    url: str | None = None,
    events: Iterable[str] | None = None,
    active: bool | None = None,
) -> Webhook:
    """Change what is given. What waits for one that becomes inactive is given up.

    Raises
    ------
    InvalidWebhookUrl
    """
    changed: dict[str, object] = {}
    if url is not None and url != webhook.url:
        parse_target(url)
        changed["url"] = webhook.url = url
    if events is not None and _ordered(events) != webhook.events:
        changed["events"] = webhook.events = _ordered(events)
    if active is not None and active != webhook.active:
        changed["active"] = webhook.active = active
    if changed:
        webhook.save(update_fields=list(changed))
        record(actor, "webhook.updated", webhook, **changed)
    if changed.get("active") is False:
        # Later they would arrive as news of things long past.
        webhook.deliveries.filter(state=DeliveryState.WAITING).update(
            state=DeliveryState.FAILED, next_attempt_at=None, problem="the webhook was deactivated"
        )
    return webhook


@transaction.atomic
def delete_webhook(*, webhook: Webhook, actor: User) -> None:
    """Remove a webhook with its log."""
    record(actor, "webhook.deleted", webhook, url=webhook.url)
    webhook.delete()


@transaction.atomic
def renew_secret(*, webhook: Webhook, actor: User) -> NewWebhook:
    """Give a webhook a new secret, at once: also waiting messages are signed with it."""
    made = new_secret()
    webhook.salt, webhook.secret_check = made.salt, made.check
    webhook.save(update_fields=["salt", "secret_check"])
    record(actor, "webhook.secret_renewed", webhook)
    return NewWebhook(webhook, made.secret)


@transaction.atomic
def ping_webhook(*, webhook: Webhook, actor: User) -> Delivery:
    """Send a `ping`, by the same way as everything else."""
    event = record(actor, "webhook.tested", webhook)
    data = {"webhook": str(webhook.pk)}
    username = actor.get_username()
    body = message(str(event.pk), PING, moment(event.at), webhook.dataset.slug, username, data)
    return Delivery.objects.create(webhook=webhook, event=PING, body=body)


@transaction.atomic
def redeliver(*, delivery: Delivery, actor: User) -> Delivery:
    """Send the same message again, as a delivery of its own."""
    record(actor, "webhook.redelivered", delivery.webhook, delivery=delivery)
    return Delivery.objects.create(
        webhook=delivery.webhook,
        event=delivery.event,
        body=delivery.body,
        redelivers=delivery,
        next_attempt_at=timezone.now(),
    )


def _ordered(events: Iterable[str]) -> list[str]:
    wanted = set(events)
    return [event.value for event in WebhookEvent if event.value in wanted]
