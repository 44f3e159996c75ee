"""Jobs: the work of the machine, and the files that exports leave."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import check_scope
from api.documentation import PAGE, answers, page_of, query
from api.downloads import DOWNLOAD_PARAMETERS, answer_export, download_answers
from api.pagination import Keyset, choice_of, page_json
from datasets_app.errors import NotFound
from datasets_app.exports.files import ARCHIVE_TYPES
from datasets_app.jobs.pace import rate_of, seconds_left
from datasets_app.jobs.queue import cancel, retry
from datasets_app.jobs.rights import JobRights, rights_on
from datasets_app.models import Job, JobLine, JobState, Level
from datasets_app.names import is_storable
from datasets_app.taxonomy_access import get_taxonomy_version
from people_app.models import TokenScope

_ORDER = Keyset("jobs", ("-created_at", "-id"))
_LINES = Keyset("job_lines", ("id",))


class JobSerializer(serializers.Serializer):
    """A job. `result` is there when it is done, `problem` when it failed.

    `done`, `total`, `rate` and `seconds_left` are of its present phase, which `message` names.
    """

    id = serializers.UUIDField()
    kind = serializers.CharField()
    dataset = serializers.CharField(source="dataset.slug", default=None, allow_null=True)
    state = serializers.ChoiceField(JobState.choices)
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()
    rate = serializers.FloatField(
        allow_null=True, help_text="units a second, over the last half minute; null: not known"
    )
    seconds_left = serializers.IntegerField(allow_null=True, help_text="null: not known")
    attempts = serializers.IntegerField(
        source="lease", help_text="how many workers have taken it up"
    )
    retries = serializers.IntegerField(help_text="how often somebody had it done again")
    cancel_requested = serializers.BooleanField()
    result = serializers.DictField(allow_null=True)
    problem = serializers.DictField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Job) -> dict[str, Any]:
        """Add what follows from the row and the time."""
        now = timezone.now()
        rate = rate_of(instance, now)
        instance.rate = None if rate is None else float(f"{rate:.4g}")
        instance.seconds_left = seconds_left(instance, now)
        return super().to_representation(instance)


class JobLineSerializer(serializers.Serializer):
    """A line of the log of a job."""

    at = serializers.DateTimeField()
    level = serializers.ChoiceField(Level.choices)
    message = serializers.CharField()


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
        rights = _rights(request, job)
        if not rights.cancel:
            raise PermissionDenied("only who asked for a job, or an admin, cancels it")
        return Response(JobSerializer(cancel(job, actor=request.user)).data)


class JobRetry(APIView):
    """Another try."""

    @extend_schema(
        operation_id="jobs_retry",
        request=None,
        responses=answers(JobSerializer, 401, 403, 404, 409, 410, status=202),
    )
    def post(self, request: Request, job_id: UUID) -> Response:
        """Queue a job again that failed or was cancelled (who asked for it, and admins).

        It stays the same job. 409 `not_retriable` where it waits, runs or is done; 410
        `upload_expired` where the file that it was to read is not kept any more.
        """
        job = _get_job(request, job_id)
        rights = _rights(request, job)
        if not rights.retry:
            raise PermissionDenied(
                "only who asked for a job and may still do such work, or an admin, tries it again"
            )
        return job_response(retry(job, actor=request.user))


class JobLog(APIView):
    """What a job says of itself."""

    @extend_schema(
        operation_id="jobs_log",
        parameters=[*PAGE],
        responses=answers(page_of("JobLine", JobLineSerializer(many=True)), 400, 404),
    )
    def get(self, request: Request, job_id: UUID) -> Response:
        """List the lines of a job's log, the oldest first; the newest 1,000 are kept."""
        job = _get_job(request, job_id)
        page = _LINES.page(request, JobLine.objects.filter(job=job))
        body = page_json(
            request, _LINES.name, page, lambda rows: JobLineSerializer(rows, many=True).data
        )
        return Response(body, headers={"Cache-Control": "no-store"})


class JobDownload(APIView):
    """The file that an export left."""

    @extend_schema(
        operation_id="jobs_download",
        parameters=list(DOWNLOAD_PARAMETERS),
        responses=download_answers(*ARCHIVE_TYPES),
    )
    def get(self, request: Request, job_id: UUID) -> HttpResponseBase:
        """Return the archive of a finished export."""
        job = _get_job(request, job_id)
        _check_taxonomy(request, job)
        return answer_export(request, job)


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


def _check_taxonomy(request: Request, job: Job) -> None:
    """Raise where an archive tells of a taxonomy that the caller may not see.

    Who reads a dataset sees its jobs; another reader may have asked by a taxonomy of their own.
    """
    asked = job.arguments.get("taxonomy")
    try:
        if asked:
            get_taxonomy_version(request.user, asked)
    except NotFound as error:
        raise NotFound("file", f"of job {job.pk}") from error


def _rights(request: Request, job: Job) -> JobRights:
    rights = rights_on(job, request.user)
    if rights.as_admin:
        check_scope(request, TokenScope.ADMIN)
    return rights
