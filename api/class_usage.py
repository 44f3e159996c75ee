"""Where a class is used, and how often it was over the versions of a dataset.

`GET taxonomies/SLUG/classes/ID/` has the branches that use a class now,
`GET datasets/SLUG/versions/REV/classes/ID/history/` its numbers in the versions up to REV.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer, answer_for_now, etag_of
from api.documentation import IF_NONE_MATCH, REV, answers, query
from api.pagination import integer_of
from api.readings import TAXONOMY, get_read_version
from api.taxonomy_access import get_taxonomy
from api.taxonomy_bodies import ClassSerializer, classes_json
from datasets_app.class_usage import (
    MOST_VERSIONS,
    BranchUsage,
    ClassUsage,
    UsageAt,
    class_history,
    class_usage,
)
from labels_app.reading import Reading

CLASS_ID = OpenApiParameter(
    "class_id", OpenApiTypes.INT, OpenApiParameter.PATH, description="the id of a class"
)


class ClassUseSerializer(serializers.Serializer):
    """What the head of a branch holds of a class; null: not counted yet."""

    dataset = serializers.CharField()
    branch = serializers.CharField()
    version = serializers.CharField()
    number = serializers.IntegerField()
    images = serializers.IntegerField(allow_null=True)
    segments = serializers.IntegerField(allow_null=True)
    pixels = serializers.IntegerField(help_text="visible ones")


class ClassUsageSerializer(serializers.Serializer):
    """Where a class is used, as the newest version of the taxonomy reads it.

    Of a retired class: its own labels, whatever they read as. While `pending`, ask again.
    """

    taxonomy = serializers.CharField()
    number = serializers.IntegerField(help_text="of the newest version")
    pending = serializers.BooleanField()
    jobs = serializers.ListField(child=serializers.UUIDField())
    used = ClassUseSerializer(many=True)
    left_out = serializers.IntegerField(help_text="branches that are not listed")

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add `class`, which no attribute can be named."""
        return {"class": ClassSerializer()} | super().get_fields()


class ClassAtSerializer(serializers.Serializer):
    """What a version held of a class; null: a union that nobody counted."""

    version = serializers.CharField()
    number = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    message = serializers.CharField()
    images = serializers.IntegerField(allow_null=True)
    segments = serializers.IntegerField(allow_null=True)
    pixels = serializers.IntegerField(help_text="visible ones")


class ClassHistorySerializer(serializers.Serializer):
    """A class over the versions of a line, oldest first."""

    class_id = serializers.IntegerField()
    class_name = serializers.CharField()
    versions = ClassAtSerializer(many=True)


class ClassUsageDetail(APIView):
    """A class and where it is used."""

    @extend_schema(
        operation_id="taxonomies_class",
        parameters=[CLASS_ID],
        responses=answers(ClassUsageSerializer, 404),
    )
    def get(self, request: Request, slug: str, class_id: int) -> Response:
        """Return a class of the newest version, and what branches hold of it."""
        usage = class_usage(get_taxonomy(request, slug), class_id, request.user)
        body = _usage_json(usage)
        return answer_for_now(body) if usage.pending else Response(body)


class ClassHistoryList(APIView):
    """A class over the versions of a dataset."""

    @extend_schema(
        operation_id="versions_class_history",
        parameters=[
            REV,
            CLASS_ID,
            TAXONOMY,
            query("limit", "versions, from 1 to 200; 200 by default", OpenApiTypes.INT),
            IF_NONE_MATCH,
        ],
        responses=answers(ClassHistorySerializer, 400, 404, 409),
    )
    def get(self, request: Request, slug: str, rev: str, class_id: int) -> HttpResponseBase:
        """Return what each version up to this one held of a class, along first parents.

        All of them as one taxonomy version reads them, so that a merge of classes is no step.
        """
        found = get_read_version(request, slug, rev)
        limit = integer_of(request, "limit", MOST_VERSIONS, least=1, most=MOST_VERSIONS)

        def make() -> Response:
            rows = class_history(found.version, class_id, found.reading, limit=limit)
            response = Response(_history_json(class_id, found.reading, rows))
            if any(row.totals.images is None for row in rows):
                response["Cache-Control"] = "no-store"  # somebody may count it meanwhile
            return response

        etag = etag_of(request, *found.etag_parts)
        return answer(request, etag, make, immutable=found.immutable)


def _usage_json(usage: ClassUsage) -> dict[str, Any]:
    return {
        "class": classes_json([usage.spec])[0],
        "taxonomy": usage.under.taxonomy.slug,
        "number": usage.under.number,
        "pending": usage.pending,
        "jobs": sorted({str(row.job.pk) for row in usage.branches if row.job is not None}),
        "used": [_use_json(row) for row in usage.branches],
        "left_out": usage.left_out,
    }


def _use_json(row: BranchUsage) -> dict[str, Any]:
    return {
        "dataset": row.head.dataset.slug,
        "branch": row.head.branch,
        "version": row.head.version.id_hex,
        "number": row.head.version.number,
        **row.totals._asdict(),
    }


def _history_json(class_id: int, reading: Reading, rows: list[UsageAt]) -> dict[str, Any]:
    body = {
        "class_id": class_id,
        "class_name": reading.classes[class_id].name,
        "versions": [
            {
                "version": row.version.id_hex,
                "number": row.version.number,
                "created_at": row.version.created_at,
                "message": row.version.message,
                **row.totals._asdict(),
            }
            for row in rows
        ],
    }
    return dict(ClassHistorySerializer(body).data)
