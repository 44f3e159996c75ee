"""Workers: the processes that run jobs, for those who run the service."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import check_scope
from api.documentation import PAGE, answers, page_of
from api.pagination import Keyset, page_json
from datasets_app.jobs.workers import is_alive
from datasets_app.models import Worker
from people_app.models import TokenScope

_ORDER = Keyset("workers", ("id",))


class WorkerJobSerializer(serializers.Serializer):
    """What a worker does."""

    id = serializers.UUIDField()
    kind = serializers.CharField()


class WorkerSerializer(serializers.Serializer):
    """A process that runs jobs. One that died stays in the list for some minutes."""

    name = serializers.CharField()
    host = serializers.CharField()
    pid = serializers.IntegerField()
    version = serializers.CharField(help_text="of its code; with the commit in a checkout")
    started_at = serializers.DateTimeField()
    heartbeat_at = serializers.DateTimeField()
    alive = serializers.SerializerMethodField()
    job = WorkerJobSerializer(allow_null=True, help_text="null: it waits")

    def get_alive(self, worker: Worker) -> bool:
        """Say whether it was heard of in the time of a lease."""
        return is_alive(worker)


class WorkerList(APIView):
    """The workers of the service."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="workers_list",
        parameters=[*PAGE],
        responses=answers(page_of("Worker", WorkerSerializer(many=True)), 400, 401, 403),
    )
    def get(self, request: Request) -> Response:
        """List workers, the oldest first (superusers)."""
        user: Any = request.user
        if not user.is_superuser:
            raise PermissionDenied("this is for superusers")
        check_scope(request, TokenScope.ADMIN)
        page = _ORDER.page(request, Worker.objects.select_related("job"))
        body = page_json(
            request, _ORDER.name, page, lambda rows: WorkerSerializer(rows, many=True).data
        )
        return Response(body, headers={"Cache-Control": "no-store"})
