"""Whether the service is alive, and whether it can do its work."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.core.files.storage import storages
from django.db import DatabaseError, connection
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.documentation import answers
from datasets_app.jobs.workers import state_of_workers


class HealthSerializer(serializers.Serializer):
    """`ok`, or what is wrong."""

    status = serializers.CharField()


class ReadySerializer(HealthSerializer):
    """The parts: `ok` or `failed`. `worker` is `ok`, `behind` (jobs wait for over two minutes) or
    `none` (nobody runs jobs): requests are answered still.
    """

    checks = serializers.DictField(child=serializers.CharField())


class Open(APIView):
    """Asked by machines that have no account, and must work when sign-in does not."""

    authentication_classes: list[type] = []
    permission_classes = [AllowAny]


class Healthz(Open):
    """The process answers."""

    @extend_schema(operation_id="healthz", auth=[], responses=answers(HealthSerializer))
    def get(self, request: Request) -> Response:
        """Answer, without a look at anything."""
        return Response({"status": "ok"}, headers={"Cache-Control": "no-store"})


class Readyz(Open):
    """Database and storage answer."""

    @extend_schema(
        operation_id="readyz",
        auth=[],
        responses={200: ReadySerializer, 503: ReadySerializer},
    )
    def get(self, request: Request) -> Response:
        """Look at database, storage and the queue of jobs."""
        checks = {"database": _check(_ask_database), "storage": _check(_ask_storage)}
        if checks["database"] == "ok":
            checks["worker"] = state_of_workers()
        ready = checks["database"] == checks["storage"] == "ok"
        return Response(
            {"status": "ok" if ready else "failed", "checks": checks},
            status=200 if ready else 503,
            headers={"Cache-Control": "no-store"},
        )


def _check(ask: Callable[[], None]) -> str:
    try:
        ask()
    except (DatabaseError, OSError, StorageSilent):
        return "failed"
    return "ok"


class StorageSilent(Exception):
    """The storage does not answer; clients of S3 have errors of many families."""


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_storage() -> None:
    # A name that nothing has: the storage must say so, and cannot from a cache.
    try:
        storages["blobs"].exists(f"readyz-{uuid.uuid4().hex}")
    except Exception as error:
        raise StorageSilent from error
