"""Imports: an archive of label files becomes one version, by a job."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.documentation import answers
from api.errors import invalid
from api.jobs import JobSerializer, job_response
from api.taxonomies import find_taxonomy_version
from datasets_app.actions.transfers import request_import
from datasets_app.imports.request import ImportMode
from panoptic.formats.registry import FORMATS
from people_app.roles import Role

_ON_OVERLAP = ("small", "first", "last", "refuse")
_MAX_PATH = 1_024


class ImportSerializer(serializers.Serializer):
    """What to read, and how; paths are inside the archive."""

    file = serializers.FileField(help_text="a zip of label files, with photographs or without")
    format = serializers.ChoiceField(sorted(FORMATS))
    path = serializers.CharField(max_length=_MAX_PATH, required=False)
    labels = serializers.CharField(max_length=_MAX_PATH, required=False)
    images = serializers.CharField(max_length=_MAX_PATH, required=False)
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


class ImportList(APIView):
    """The imports of a dataset."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="imports_create",
        request={"multipart/form-data": ImportSerializer},
        responses=answers(JobSerializer, 400, 401, 403, 404, status=202),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Take an archive and ask for its import (annotators)."""
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = ImportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields: dict[str, Any] = dict(body.validated_data)
        archive = fields.pop("file")
        _check_taxonomy(request, fields.get("taxonomy"))
        return job_response(request_import(dataset, archive, fields, actor=request.user))


def _check_taxonomy(request: Request, name: str | None) -> None:
    if name is None:
        return
    slug, _, number = name.rpartition("@")
    if find_taxonomy_version(request, slug, int(number)) is None:
        raise invalid("taxonomy", f"there is no taxonomy version {name!r}", "not_found")
