"""Webhooks of a dataset, and the log of what they were sent."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.documentation import PAGE, answers, page_of, query
from api.pagination import Keyset, choice_of, page_json
from datasets_app.errors import NotFound
from datasets_app.models import Delivery, DeliveryState, Webhook, WebhookEvent
from datasets_app.models.webhook import MAX_URL
from datasets_app.webhooks.managing import (
    NewWebhook,
    create_webhook,
    delete_webhook,
    ping_webhook,
    redeliver,
    renew_secret,
    update_webhook,
)
from people_app.roles import Role

_ORDER = Keyset("webhooks", ("created_at", "id"))
_DELIVERIES = Keyset("webhook_deliveries", ("-created_at", "-id"))


class WebhookChangeSerializer(serializers.Serializer):
    """What to change; what is absent stays."""

    url = serializers.CharField(max_length=MAX_URL, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(WebhookEvent.choices),
        allow_empty=False,
        max_length=len(WebhookEvent),
        required=False,
    )
    active = serializers.BooleanField(required=False)


class WebhookRequestSerializer(serializers.Serializer):
    """A webhook to make."""

    url = serializers.CharField(
        max_length=MAX_URL, help_text="http or https, to a public address; not followed elsewhere"
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(WebhookEvent.choices),
        allow_empty=False,
        max_length=len(WebhookEvent),
    )
    active = serializers.BooleanField(default=True)


class WebhookSerializer(serializers.Serializer):
    """A webhook without its secret."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.ChoiceField(WebhookEvent.choices))
    active = serializers.BooleanField()
    created_by = serializers.CharField(source="created_by.username")
    created_at = serializers.DateTimeField()


class MadeWebhookSerializer(WebhookSerializer):
    """A webhook with its secret, which is shown this once."""

    secret = serializers.CharField()


class DeliverySerializer(serializers.Serializer):
    """A message to a webhook. `next_attempt_at` is null once it arrived or was given up."""

    id = serializers.UUIDField()
    event = serializers.CharField()
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    response_code = serializers.IntegerField(allow_null=True)
    problem = serializers.CharField(allow_blank=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    redelivers = serializers.UUIDField(source="redelivers_id", allow_null=True)
    created_at = serializers.DateTimeField()
    last_attempt_at = serializers.DateTimeField(allow_null=True)
    next_attempt_at = serializers.DateTimeField(allow_null=True)


class DeliveryDetailSerializer(DeliverySerializer):
    """A message with its body: exactly what was signed."""

    body = serializers.CharField()


class WebhookList(APIView):
    """The webhooks of a dataset."""

    @extend_schema(
        operation_id="webhooks_list",
        parameters=[*PAGE],
        responses=answers(page_of("Webhook", WebhookSerializer(many=True)), 400, 401, 403, 404),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List webhooks, the oldest first (admins)."""
        dataset = get_dataset(request, slug, Role.ADMIN)
        rows = Webhook.objects.filter(dataset=dataset).select_related("created_by")
        page = _ORDER.page(request, rows)
        return Response(
            page_json(
                request, _ORDER.name, page, lambda rows: WebhookSerializer(rows, many=True).data
            )
        )

    @extend_schema(
        operation_id="webhooks_create",
        request=WebhookRequestSerializer,
        responses=answers(MadeWebhookSerializer, 400, 401, 403, 404, 409, status=201),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Have a URL told of events (admins); the answer shows the secret, this once.

        Each message carries `Tessera-Signature: t=SECONDS,v1=HEX`, the HMAC-SHA256 of
        `SECONDS.BODY` under the secret.
        """
        dataset = get_dataset(request, slug, Role.ADMIN)
        body = WebhookRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        made = create_webhook(dataset=dataset, actor=request.user, **body.validated_data)
        return _with_secret(made, status.HTTP_201_CREATED)


class WebhookDetail(APIView):
    """One webhook."""

    @extend_schema(operation_id="webhooks_get", responses=answers(WebhookSerializer, 401, 403, 404))
    def get(self, request: Request, slug: str, webhook_id: UUID) -> Response:
        """Return a webhook (admins)."""
        return Response(WebhookSerializer(_get_webhook(request, slug, webhook_id)).data)

    @extend_schema(
        operation_id="webhooks_update",
        request=WebhookChangeSerializer,
        responses=answers(WebhookSerializer, 400, 401, 403, 404),
    )
    def patch(self, request: Request, slug: str, webhook_id: UUID) -> Response:
        """Change a webhook (admins). What waits for one made inactive is given up."""
        webhook = _get_webhook(request, slug, webhook_id)
        body = WebhookChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        update_webhook(webhook=webhook, actor=request.user, **body.validated_data)
        return Response(WebhookSerializer(webhook).data)

    @extend_schema(
        operation_id="webhooks_delete", responses=answers(None, 401, 403, 404, status=204)
    )
    def delete(self, request: Request, slug: str, webhook_id: UUID) -> Response:
        """Remove a webhook with its log (admins)."""
        delete_webhook(webhook=_get_webhook(request, slug, webhook_id), actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class WebhookSecret(APIView):
    """The secret of a webhook."""

    @extend_schema(
        operation_id="webhooks_renew_secret",
        request=None,
        responses=answers(MadeWebhookSerializer, 401, 403, 404),
    )
    def post(self, request: Request, slug: str, webhook_id: UUID) -> Response:
        """Make a new secret in place of the old one, at once (admins)."""
        webhook = _get_webhook(request, slug, webhook_id)
        return _with_secret(renew_secret(webhook=webhook, actor=request.user), status.HTTP_200_OK)


class WebhookTest(APIView):
    """The test button."""

    @extend_schema(
        operation_id="webhooks_test",
        request=None,
        responses=answers(DeliverySerializer, 401, 403, 404, status=202),
    )
    def post(self, request: Request, slug: str, webhook_id: UUID) -> Response:
        """Send a `ping`, also to an inactive webhook (admins); its delivery tells how it went."""
        webhook = _get_webhook(request, slug, webhook_id)
        delivery = ping_webhook(webhook=webhook, actor=request.user)
        return Response(DeliverySerializer(delivery).data, status=status.HTTP_202_ACCEPTED)


class DeliveryList(APIView):
    """What a webhook was sent."""

    @extend_schema(
        operation_id="webhooks_deliveries",
        parameters=[query("state", "", enum=[state.value for state in DeliveryState]), *PAGE],
        responses=answers(
            page_of("WebhookDelivery", DeliverySerializer(many=True)), 400, 401, 403, 404
        ),
    )
    def get(self, request: Request, slug: str, webhook_id: UUID) -> Response:
        """List messages of the last 30 days, newest first (admins)."""
        rows = Delivery.objects.filter(webhook=_get_webhook(request, slug, webhook_id))
        state = choice_of(request, "state", list(DeliveryState))
        if state:
            rows = rows.filter(state=state)
        page = _DELIVERIES.page(request, rows.defer("body"))
        body: dict[str, Any] = page_json(
            request, _DELIVERIES.name, page, lambda rows: DeliverySerializer(rows, many=True).data
        )
        return Response(body, headers={"Cache-Control": "no-store"})


class DeliveryDetail(APIView):
    """One message to a webhook."""

    @extend_schema(
        operation_id="webhooks_delivery", responses=answers(DeliveryDetailSerializer, 401, 403, 404)
    )
    def get(self, request: Request, slug: str, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Return a message and what became of it (admins)."""
        delivery = _get_delivery(request, slug, webhook_id, delivery_id)
        return Response(
            DeliveryDetailSerializer(delivery).data, headers={"Cache-Control": "no-store"}
        )


class DeliveryAgain(APIView):
    """A message that is sent again."""

    @extend_schema(
        operation_id="webhooks_redeliver",
        request=None,
        responses=answers(DeliverySerializer, 401, 403, 404, status=202),
    )
    def post(self, request: Request, slug: str, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Send the same message again, as a delivery of its own (admins)."""
        delivery = _get_delivery(request, slug, webhook_id, delivery_id)
        again = redeliver(delivery=delivery, actor=request.user)
        return Response(DeliverySerializer(again).data, status=status.HTTP_202_ACCEPTED)


def _get_webhook(request: Request, slug: str, webhook_id: UUID) -> Webhook:
    dataset = get_dataset(request, slug, Role.ADMIN)
    rows = Webhook.objects.filter(dataset=dataset, pk=webhook_id)
    webhook = rows.select_related("created_by", "dataset").first()
    if webhook is None:
        raise NotFound("webhook", str(webhook_id))
    return webhook


def _get_delivery(request: Request, slug: str, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    webhook = _get_webhook(request, slug, webhook_id)
    delivery = Delivery.objects.filter(webhook=webhook, pk=delivery_id).first()
    if delivery is None:
        raise NotFound("delivery", str(delivery_id))
    delivery.webhook = webhook
    return delivery


def _with_secret(made: NewWebhook, code: int) -> Response:
    answer = {**WebhookSerializer(made.webhook).data, "secret": made.secret}
    return Response(answer, status=code, headers={"Cache-Control": "no-store"})
