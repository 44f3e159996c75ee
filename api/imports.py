"""Imports: an archive of label files becomes one version, by a job."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.documentation import answers
from api.errors import invalid
from api.idempotency import JOB_KEY, once_of, sha256_of_file
from api.jobs import JobSerializer, job_response
from api.parsers import StrictJSONParser
from api.resumable_uploads import sender_of
from api.taxonomies import find_taxonomy_version
from api.uploads import FormParser
from datasets_app.actions.transfers import IMPORT_KIND, request_import
from datasets_app.actions.uploads import completed_digest, get_upload
from datasets_app.imports.request import ImportMode
from datasets_app.jobs.asking import find_asked
from datasets_app.models import Dataset
from panoptic.formats.recognition import AUTO, readable_formats
from people_app.roles import Role

_ON_OVERLAP = ("small", "first", "last", "refuse")
_MAX_PATH = 1_024


class ImportSerializer(serializers.Serializer):
    """What to read, and how; paths are inside the archive."""

    file = serializers.FileField(
        required=False, help_text="a zip or tar of label files, with photographs or without"
    )
    upload = serializers.UUIDField(
        required=False, help_text="instead of `file`: a complete upload to this dataset"
    )
    format = serializers.ChoiceField(
        [AUTO, *(form.name for form in readable_formats())],
        default=AUTO,
        help_text="`auto`: the one that the files look like; the result of the job says which",
    )
    options = serializers.DictField(
        child=serializers.CharField(max_length=200), required=False, help_text="of the format"
    )
    path = serializers.CharField(max_length=_MAX_PATH, required=False)
    labels = serializers.CharField(max_length=_MAX_PATH, required=False)
    images = serializers.CharField(max_length=_MAX_PATH, required=False)
    classes = serializers.CharField(
        max_length=_MAX_PATH, required=False, help_text="a table of the classes"
    )
    split = serializers.CharField(max_length=64, required=False)
    branch = serializers.CharField(max_length=200, required=False)
    message = serializers.CharField(max_length=10_000, required=False)
    mode = serializers.ChoiceField([mode.value for mode in ImportMode], default="append")
    class_name = serializers.CharField(max_length=200, required=False)
    on_overlap = serializers.ChoiceField(_ON_OVERLAP, default="small")
    dry_run = serializers.BooleanField(default=False)
    # Never a path: it would name a file of the server.
    taxonomy = serializers.RegexField(
        r"\A[-\w]{1,100}@[0-9]{1,9}\Z", required=False, help_text="`slug@3`"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an import of nothing, and of two things."""
        if ("file" in attrs) == ("upload" in attrs):
            raise invalid("file", "either `file` or `upload` is required", "required")
        # In a form such a field would be passed by: its parts are fields of their own.
        if isinstance(self.initial_data, QueryDict) and any(
            name.partition("[")[0] == "options" for name in self.initial_data
        ):
            raise invalid("options", "in a form it is `options.NAME=VALUE`, a field for each")
        return attrs


class ImportFormParser(FormParser):
    """A form with one archive in it, which is written to disk as it comes."""

    @property
    def largest_file_bytes(self) -> int:  # type: ignore[override]
        """The setting at the time of the request."""
        limit: int = settings.TESSERA_FORM_LIMIT_BYTES
        return limit


class ImportList(APIView):
    """The imports of a dataset."""

    parser_classes = [ImportFormParser, StrictJSONParser]

    @extend_schema(
        operation_id="imports_create",
        parameters=[JOB_KEY],
        request={
            "multipart/form-data": ImportSerializer,
            "application/json": ImportSerializer,
        },
        responses=answers(JobSerializer, 400, 401, 403, 404, 409, 410, 413, 422, status=202),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Take an archive, or the upload of one, and ask for its import (annotators)."""
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = ImportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields: dict[str, Any] = dict(body.validated_data)
        archive = fields.pop("file", None)
        upload_id = fields.pop("upload", None)
        _check_taxonomy(request, fields.get("taxonomy"))
        named = {"upload": str(upload_id)} if upload_id else {"file": sha256_of_file(archive)}
        once = once_of(request, dataset, IMPORT_KIND, {**fields, **named})
        job = find_asked(once)
        if job is None:
            source = _uploaded(request, dataset, upload_id) if upload_id else archive
            job = request_import(dataset, source, fields, actor=request.user, once=once)
        return job_response(job)


def _uploaded(request: Request, dataset: Dataset, upload_id: UUID) -> bytes:
    """Return the digest of an upload that the caller may see, and that is complete."""
    upload = get_upload(dataset, upload_id, sender=sender_of(request, dataset))
    return completed_digest(upload, dataset, actor=request.user)


def _check_taxonomy(request: Request, name: str | None) -> None:
    if name is None:
        return
    slug, _, number = name.rpartition("@")
    if find_taxonomy_version(request, slug, int(number)) is None:
        raise invalid("taxonomy", f"there is no taxonomy version {name!r}", "not_found")
