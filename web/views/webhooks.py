"""Webhooks of a dataset: making them, changing them, and what each of them was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from datasets_app.errors import HistoryError
from datasets_app.models import Dataset, Delivery, DeliveryState, Webhook
from datasets_app.webhooks.delivering import MAX_ATTEMPTS
from datasets_app.webhooks.errors import SecretLost
from datasets_app.webhooks.managing import (
    MAX_WEBHOOKS,
    create_webhook,
    delete_webhook,
    ping_webhook,
    redeliver,
    renew_secret,
    update_webhook,
)
from datasets_app.webhooks.secrets import secret_of
from people_app.moments import parse_moment
from web.administering import frame_of, get_dataset_to_administer
from web.sentences import sentence
from web.webhook_forms import WebhookForm, changes_of

_DELIVERIES_PER_PAGE = 50
# The page looks again by itself while something is about to be sent, not for hours.
_SOON = timedelta(seconds=30)
# Whose secret the next page shows; the secret itself is kept nowhere.
_SHOWN_NEXT = "webhook_secret_shown_next"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def list_webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the webhooks of a dataset; a POST makes one, whose page shows its secret once."""
    dataset = get_dataset_to_administer(request, slug)
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_webhook(dataset=dataset, actor=request.user, **form.cleaned_data)
        except HistoryError as error:
            form.add_error(None, sentence(error))
        else:
            messages.success(request, "The webhook is made.")
            return _with_secret(request, made.webhook)
    latest = Delivery.objects.filter(webhook=OuterRef("pk")).order_by("-created_at", "-id")
    webhooks = Webhook.objects.filter(dataset=dataset).annotate(
        last_state=Subquery(latest.values("state")[:1]),
        last_at=Subquery(latest.values("created_at")[:1]),
    )
    webhooks = list(webhooks.order_by("created_at", "id"))
    context = {
        **frame_of(dataset),
        "webhooks": webhooks,
        "form": form,
        "most": MAX_WEBHOOKS,
        "has_room": len(webhooks) < MAX_WEBHOOKS,
    }
    return render(request, "web/webhooks.html", context, status=422 if form.errors else 200)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show_webhook(request: HttpRequest, slug: str, webhook_id: UUID) -> HttpResponse:
    """Show a webhook and its deliveries, `?state=` only those; a POST is one `act` upon it.

    An `act` is change, pause, resume, test, renew or delete.
    """
    dataset = get_dataset_to_administer(request, slug)
    webhook = _get_webhook(dataset, webhook_id)
    changing = request.method == "POST" and request.POST.get("act") == "change"
    form = WebhookForm(
        request.POST if changing else None,
        initial={"url": webhook.url, "events": webhook.events},
    )
    if request.method == "POST":
        act = _ACTS.get(request.POST.get("act", ""))
        if act is not None:
            return act(request, webhook)
        if changing and form.is_valid():
            update_webhook(webhook=webhook, actor=request.user, **changes_of(form))
            messages.success(request, "Saved." if form.changed_data else "Nothing was different.")
            return _to(webhook)
    return _show(request, webhook, form)


def _show(request: HttpRequest, webhook: Webhook, form: WebhookForm) -> HttpResponse:
    state = request.GET.get("state", "")
    state = state if state in DeliveryState.values else ""
    found = _deliveries(webhook, state, request.GET.get("after", ""))
    shown = found[:_DELIVERIES_PER_PAGE]
    context = {
        "webhook": webhook,
        "deliveries": shown,
        "state": state,
        "states": [("", "All"), *DeliveryState.choices],
        "following": _cursor(shown[-1]) if len(found) > len(shown) else None,
        "is_moving": any(_is_due_soon(one) for one in shown),
        "most_attempts": MAX_ATTEMPTS,
    }
    if request.htmx:
        context["dataset"] = webhook.dataset
        return render(request, "web/parts/deliveries.html", context)
    context |= {**frame_of(webhook.dataset), "form": form, "secret": _secret(request, webhook)}
    return render(request, "web/webhook.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def show_delivery(
    request: HttpRequest, slug: str, webhook_id: UUID, delivery_id: UUID
) -> HttpResponse:
    """Show one message: what was sent, and what came of it."""
    dataset = get_dataset_to_administer(request, slug)
    delivery = _get_delivery(dataset, webhook_id, delivery_id)
    context = {
        **frame_of(dataset),
        "webhook": delivery.webhook,
        "delivery": delivery,
        "body": json.dumps(json.loads(delivery.body), indent=2, ensure_ascii=False),
        "most_attempts": MAX_ATTEMPTS,
    }
    return render(request, "web/delivery.html", context)


@login_required
@require_POST
def send_again(
    request: HttpRequest, slug: str, webhook_id: UUID, delivery_id: UUID
) -> HttpResponse:
    """Send the same message again."""
    dataset = get_dataset_to_administer(request, slug)
    delivery = _get_delivery(dataset, webhook_id, delivery_id)
    again = redeliver(delivery=delivery, actor=request.user)
    messages.success(request, "The same message is on its way again.")
    return HttpResponseRedirect(reverse("web:delivery", args=[slug, webhook_id, again.pk]))


def _pause(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    update_webhook(webhook=webhook, actor=request.user, active=False)
    messages.success(request, "Paused: it is told nothing until it is resumed.")
    return _to(webhook)


def _resume(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    update_webhook(webhook=webhook, actor=request.user, active=True)
    messages.success(request, "Resumed: it is told what happens from now on.")
    return _to(webhook)


def _test(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    ping_webhook(webhook=webhook, actor=request.user)
    messages.success(request, "A test message is on its way; the log below says how it went.")
    return _to(webhook)


def _renew(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    renew_secret(webhook=webhook, actor=request.user)
    messages.success(request, "It has a new secret; the old one is of no use any more.")
    return _with_secret(request, webhook)


def _delete(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    delete_webhook(webhook=webhook, actor=request.user)
    messages.success(request, f"The webhook to {webhook.url} is deleted.")
    return HttpResponseRedirect(reverse("web:webhooks", args=[webhook.dataset.slug]))


_ACTS: dict[str, Callable[[HttpRequest, Webhook], HttpResponse]] = {
    "pause": _pause,
    "resume": _resume,
    "test": _test,
    "renew": _renew,
    "delete": _delete,
}


def _to(webhook: Webhook) -> HttpResponse:
    return HttpResponseRedirect(reverse("web:webhook", args=[webhook.dataset.slug, webhook.pk]))


def _with_secret(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    request.session[_SHOWN_NEXT] = str(webhook.pk)
    return _to(webhook)


def _secret(request: HttpRequest, webhook: Webhook) -> str | None:
    """Return the secret where it was made a moment ago, this once."""
    if request.method != "GET" or request.session.get(_SHOWN_NEXT) != str(webhook.pk):
        return None
    del request.session[_SHOWN_NEXT]
    try:
        return secret_of(webhook)
    except SecretLost:
        return None


def _get_webhook(dataset: Dataset, webhook_id: UUID) -> Webhook:
    webhook = Webhook.objects.filter(dataset=dataset, pk=webhook_id)
    found = webhook.select_related("created_by").first()
    if found is None:
        raise Http404("There is no such webhook here.")
    found.dataset = dataset
    return found


def _get_delivery(dataset: Dataset, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    found = Delivery.objects.filter(pk=delivery_id, webhook=webhook_id, webhook__dataset=dataset)
    delivery = found.select_related("webhook").first()
    if delivery is None:
        raise Http404("There is no such message here; the log goes back 30 days.")
    delivery.webhook.dataset = dataset
    return delivery


def _deliveries(webhook: Webhook, state: str, after: str) -> list[Delivery]:
    rows: QuerySet[Delivery] = Delivery.objects.filter(webhook=webhook).defer("body")
    if state:
        rows = rows.filter(state=state)
    cursor = _read_cursor(after)
    if cursor is not None:
        at, pk = cursor
        rows = rows.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk), created_at__lte=at)
    return list(rows.order_by("-created_at", "-id")[: _DELIVERIES_PER_PAGE + 1])


def _cursor(delivery: Delivery) -> str:
    return f"{delivery.created_at.isoformat()},{delivery.pk}"


def _read_cursor(text: str) -> tuple[datetime, UUID] | None:
    at, _, pk = text.partition(",")
    try:
        key = UUID(pk)
    except ValueError:
        return None
    moment = parse_moment(at)
    return None if moment is None else (moment, key)


def _is_due_soon(delivery: Delivery) -> bool:
    due = delivery.next_attempt_at
    return due is not None and due < timezone.now() + _SOON
