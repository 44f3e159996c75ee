"""The audit log: who did what to which object, when, from where and with which token."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.documentation import PAGE, answers, page_of, query
from api.errors import invalid
from api.fields import ProblemSerializer
from api.pagination import Keyset, page_json
from api.taxonomy_access import TAXONOMY
from datasets_app.models import Dataset
from datasets_app.models.dataset import DATASET_KIND
from datasets_app.names import is_storable
from datasets_app.taxonomy_access import visible_taxonomies
from people_app.audit_listing import (
    event_json,
    iter_event_lines,
    select_events,
    visible_events,
    with_people_and_proofs,
)
from people_app.models import AuditEvent, Team, Token, TokenScope
from people_app.moments import parse_moment

_ORDER = Keyset("audit", ("-id",))
_NDJSON = "application/x-ndjson"
_FILTERS = (
    query("actor", "the name of an account"),
    query("verb", "`tag.created`, or `tag.*` for all that begin so"),
    query("object", "`job` or `job:ID`: what was done to it"),
    query("dataset", "the slug of a dataset: its events, and those of its jobs and webhooks"),
    query("taxonomy", "the slug of a taxonomy"),
    query("team", "the slug of a team that is there"),
    query("token", "the public id of a token"),
    query("since", "a time (ISO 8601; UTC unless it says otherwise)", OpenApiTypes.DATETIME),
    query("until", "a time; events at it are left out", OpenApiTypes.DATETIME),
)


class AuditTokenSerializer(serializers.Serializer):
    """The token of a request, as it was then: its public id and its name."""

    id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)


class AuditObjectSerializer(serializers.Serializer):
    """How the log names an object."""

    kind = serializers.CharField()
    id = serializers.CharField(allow_blank=True)


class AuditEventSerializer(serializers.Serializer):
    """An event. `digest` is its sha256 since it was recorded; `seal` is null until it is sealed."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(allow_null=True, help_text="null: the service itself")
    actor_id = serializers.IntegerField(allow_null=True)
    token = AuditTokenSerializer(allow_null=True)
    address = serializers.CharField(allow_blank=True, help_text="empty: not by a request")
    request = serializers.CharField(allow_blank=True, help_text="the X-Request-ID")
    verb = serializers.CharField()
    object = AuditObjectSerializer()
    line = AuditObjectSerializer(
        help_text="the dataset, taxonomy or team in whose chain it is sealed"
    )
    facts = serializers.DictField()
    digest = serializers.CharField(allow_null=True)
    seal = serializers.IntegerField(allow_null=True)


class AuditEventList(APIView):
    """The events that the caller may see."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="audit_list",
        parameters=[*_FILTERS, *PAGE],
        responses=answers(page_of("AuditEvent", AuditEventSerializer(many=True)), 400, 401),
    )
    def get(self, request: Request) -> Response:
        """List events, newest first.

        Superusers see all; admins of a dataset, owners of a taxonomy and maintainers of a team
        what happened there; others what they did. A token without the scope `admin` sees what
        its user did.
        """
        page = _ORDER.page(request, with_people_and_proofs(_selected(request)))
        body = page_json(
            request, _ORDER.name, page, lambda rows: [event_json(event) for event in rows]
        )
        return Response(body, headers={"Cache-Control": "no-store"})


class AuditExport(APIView):
    """The log as one file."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="audit_export",
        parameters=[*_FILTERS],
        responses={
            (200, _NDJSON): OpenApiResponse(OpenApiTypes.BINARY, "an event a line"),
            400: ProblemSerializer,
            401: ProblemSerializer,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Stream the same events as lines of JSON, the oldest first."""
        response = StreamingHttpResponse(iter_event_lines(_selected(request)), content_type=_NDJSON)
        response["Content-Disposition"] = 'attachment; filename="audit.ndjson"'
        response["Cache-Control"] = "no-store"
        return response


def _selected(request: Request) -> QuerySet[AuditEvent]:
    narrow = isinstance(request.auth, Token) and not request.auth.has_scope(TokenScope.ADMIN)
    events = visible_events(request.user, own_only=narrow)
    kind, _, object_id = (_text(request, "object") or "").partition(":")
    dataset, taxonomy = _text(request, "dataset"), _text(request, "taxonomy")
    team = _text(request, "team")
    lines = []
    if dataset is not None:
        found: Any = Dataset.objects.visible_to(request.user).filter(slug=dataset)
        lines.append((DATASET_KIND, found.values_list("pk", flat=True).first()))
    if taxonomy is not None:
        found = visible_taxonomies(request.user).filter(slug=taxonomy)
        lines.append((TAXONOMY, found.values_list("pk", flat=True).first()))
    if team is not None:
        found = Team.objects.visible_to(request.user).filter(slug=team)
        lines.append(("team", found.values_list("pk", flat=True).first()))
    if len(lines) > 1 or any(pk is None for _, pk in lines):
        # No event is in two lines. What the caller may not see has no events to them.
        return events.none()
    return select_events(
        events,
        actor=_text(request, "actor"),
        verb=_text(request, "verb"),
        token=_text(request, "token"),
        object_kind=kind or None,
        object_id=object_id or None,
        line=(lines[0][0], str(lines[0][1])) if lines else None,
        since=_time(request, "since"),
        until=_time(request, "until"),
    )


def _text(request: Request, name: str) -> str | None:
    text = request.query_params.get(name)
    if text is not None and not is_storable(text):
        raise invalid(name, "a text")
    return text


def _time(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    moment = parse_moment(text)
    if moment is None:
        raise invalid(name, "a time such as 2026-11-22T14:00:00Z")
    return moment
