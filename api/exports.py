"""Exports: a version as label files, made by a job."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset, load_version
from api.documentation import answers
from api.idempotency import JOB_KEY, once_of
from api.jobs import JobSerializer, job_response
from datasets_app.actions.exports import ExportRequest
from datasets_app.actions.transfers import EXPORT_KIND, request_export
from datasets_app.jobs.asking import find_asked
from panoptic.archives.packing import ARCHIVE_FORMS
from panoptic.formats.recognition import writable_formats


class ExportSerializer(serializers.Serializer):
    """What to write."""

    version = serializers.CharField(max_length=300, help_text="any revision")
    format = serializers.ChoiceField([form.name for form in writable_formats()])
    filter = serializers.CharField(
        max_length=1_000,
        allow_blank=True,
        default="",
        help_text="as in pull: `class:car count>3 split:val status:reviewed prefix:night/`",
    )
    options = serializers.DictField(child=serializers.CharField(max_length=200), default=dict)
    archive = serializers.ChoiceField(ARCHIVE_FORMS, default=ARCHIVE_FORMS[0])
    taxonomy = serializers.CharField(
        max_length=150,
        allow_blank=True,
        default="",
        help_text="the published taxonomy version to read by: `SLUG@N`, or `SLUG` for the newest; "
        "by default the version's own",
    )


class ExportList(APIView):
    """The exports of a dataset."""

    # It reads a dataset: a token that may only read asks for it, too.
    action = "export"
    reading_actions = ("export",)

    @extend_schema(
        operation_id="exports_create",
        parameters=[JOB_KEY],
        request=ExportSerializer,
        responses=answers(JobSerializer, 400, 401, 404, 409, 422, status=202),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Ask for an export; one of the same version and options is found, not made again."""
        dataset = get_dataset(request, slug)
        if not request.user.is_authenticated:
            raise NotAuthenticated
        body = ExportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        once = once_of(request, dataset, EXPORT_KIND, values)
        version = load_version(dataset, values["version"])
        wanted = ExportRequest(values["format"], values["filter"], values["options"])
        job = find_asked(once) or request_export(
            version,
            wanted,
            actor=request.user,
            archive=values["archive"],
            taxonomy=values["taxonomy"],
            once=once,
        )
        return job_response(job)
