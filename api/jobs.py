"""Jobs: the work of the machine, and the files that exports leave."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import FileResponse, HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer
from api.documentation import IF_NONE_MATCH, PAGE, answers, file_answers, page_of, query
from api.pagination import Keyset, choice_of, page_json
from datasets_app.actions.transfers import EXPORT_KIND
from datasets_app.errors import NotFound
from datasets_app.jobs.queue import cancel
from datasets_app.models import Job, JobState
from datasets_app.names import is_storable
from people_app.roles import Role
from store_app.blobs import open_content

_ORDER = Keyset("jobs", ("-created_at", "-id"))


class JobSerializer(serializers.Serializer):
    """A job. `result` is there when it is done, `problem` when it failed."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    dataset = serializers.CharField(source="dataset.slug", default=None, allow_null=True)
    state = serializers.ChoiceField(JobState.choices)
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()
    result = serializers.DictField(allow_null=True)
    problem = serializers.DictField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class JobList(APIView):
    """The jobs that the caller may see."""

    @extend_schema(
        operation_id="jobs_list",
        parameters=[
            query("state", "", enum=[state.value for state in JobState]),
            query("dataset", "the slug of a dataset"),
            *PAGE,
        ],
        responses=answers(page_of("Job", JobSerializer(many=True)), 400, 401),
    )
    def get(self, request: Request) -> Response:
        """List jobs, newest first."""
        if not request.user.is_authenticated:
            raise NotAuthenticated
        rows = Job.objects.visible_to(request.user).select_related("dataset")
        state = choice_of(request, "state", list(JobState))
        if state:
            rows = rows.filter(state=state)
        slug = request.query_params.get("dataset")
        if slug is not None:
            rows = rows.filter(dataset__slug=slug) if is_storable(slug) else rows.none()
        page = _ORDER.page(request, rows)
        return Response(
            page_json(request, _ORDER.name, page, lambda rows: JobSerializer(rows, many=True).data)
        )


class JobDetail(APIView):
    """One job."""

    @extend_schema(operation_id="jobs_get", responses=answers(JobSerializer, 404))
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return how far a job is."""
        response = Response(JobSerializer(_get_job(request, job_id)).data)
        response["Cache-Control"] = "no-store"
        return response


class JobCancel(APIView):
    """The end of a job before its end."""

    @extend_schema(
        operation_id="jobs_cancel", request=None, responses=answers(JobSerializer, 401, 403, 404)
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Ask a job to stop (who asked for it, and admins of its dataset)."""
        job = _get_job(request, job_id)
        if job.requested_by_id != request.user.pk and not _administers(request, job):
            raise PermissionDenied("only who asked for a job, or an admin, cancels it")
        return Response(JobSerializer(cancel(job, actor=request.user)).data)


class JobDownload(APIView):
    """The file that an export left."""

    @extend_schema(
        operation_id="jobs_download",
        parameters=[IF_NONE_MATCH],
        responses=file_answers("application/zip"),
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """Return the archive of a finished export."""
        job = _get_job(request, job_id)
        if job.kind != EXPORT_KIND or job.state != JobState.DONE or job.result is None:
            raise NotFound("file", f"of job {job_id}")
        result: dict[str, Any] = job.result

        def make() -> HttpResponseBase:
            return FileResponse(
                open_content(bytes.fromhex(result["digest"])),
                as_attachment=True,
                filename=result["file_name"],
                content_type="application/zip",
            )

        return answer(request, f'"{result["digest"]}"', make, immutable=False)


def job_response(job: Job) -> Response:
    """Answer 202 with a job and where to ask for it."""
    response = Response(JobSerializer(job).data, status=202)
    response["Location"] = f"/api/v1/jobs/{job.pk}/"
    return response


def _get_job(request: Request, job_id: UUID) -> Job:
    job = Job.objects.visible_to(request.user).select_related("dataset").filter(pk=job_id).first()
    if job is None:
        raise NotFound("job", str(job_id))
    return job


def _administers(request: Request, job: Job) -> bool:
    role = job.dataset.role_of(request.user) if job.dataset else None
    return role is not None and role.covers(Role.ADMIN)
