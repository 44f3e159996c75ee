"""Uploads that survive a broken connection: files in pieces, by the protocol tus.

A complete upload is named by an import (`upload` instead of `file`). What an upload is to others:
nothing; only who began it and admins of the dataset see it.
"""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response

from api import tus
from api.access import get_dataset
from api.documentation import PAGE, answers, page_of
from api.pagination import Keyset, page_json
from datasets_app.actions.uploads import (
    begin_dataset_upload,
    complete_upload,
    delete_dataset_upload,
    get_upload,
    uploads_to,
)
from datasets_app.models import Dataset
from people_app.models import Token, TokenScope, User
from people_app.roles import Role
from store_app.models import Upload
from store_app.uploads import check_open, receive

_ORDER = Keyset("uploads", ("-created_at", "-id"))


def _header(name: str, schema: Any, description: str, *, required: bool = True) -> Any:
    return OpenApiParameter(
        name, schema, OpenApiParameter.HEADER, required=required, description=description
    )


_BYTES = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
_RESUMABLE = _header(
    "Tus-Resumable", {"type": "string", "enum": [tus.VERSION]}, "the version of the protocol"
)
_LENGTH = _header("Upload-Length", _BYTES, "the size of the file in bytes")
_METADATA = _header(
    "Upload-Metadata",
    {"type": "string", "pattern": "^filename ([A-Za-z0-9+/]{4}){1,50}$"},
    "pairs by commas, values in base64: `filename`, and `sha256` of the whole file in hex",
    required=False,
)
_OFFSET = _header("Upload-Offset", _BYTES, "where the piece begins")
_CHECKSUM = _header(
    "Upload-Checksum",
    {"type": "string", "pattern": "^(sha1 [A-Za-z0-9+/]{27}=|sha256 [A-Za-z0-9+/]{43}=)$"},
    "the digest of the piece in base64",
    required=False,
)


class UploadSerializer(serializers.Serializer):
    """A file on its way. `state`: receiving, assembling, complete, failed."""

    id = serializers.UUIDField()
    state = serializers.SerializerMethodField()
    file_name = serializers.SerializerMethodField()
    size_bytes = serializers.IntegerField(source="size")
    received_bytes = serializers.IntegerField(source="received")
    sha256 = serializers.SerializerMethodField()
    problem = serializers.CharField(source="failed", help_text='a code; "" where all is well')
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    def get_state(self, upload: Upload) -> str:
        """Return how far it is."""
        if upload.failed:
            return "failed"
        if upload.digest is not None:
            return "complete"
        return "assembling" if upload.has_arrived else "receiving"

    def get_file_name(self, upload: Upload) -> str:
        """Return what its sender calls it."""
        return tus.file_name_in(upload.metadata)

    def get_sha256(self, upload: Upload) -> str | None:
        """Return the digest of the whole file, once it is complete."""
        return None if upload.digest is None else upload.digest.hex()


class UploadList(tus.TusView):
    """The uploads to a dataset that the caller may see."""

    @extend_schema(
        operation_id="uploads_list",
        parameters=list(PAGE),
        responses=answers(page_of("Upload", UploadSerializer(many=True)), 400, 401, 403, 404),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List your uploads that have not expired yet, newest first; admins see everybody's."""
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        rows = uploads_to(dataset, sender=sender_of(request, dataset))
        rows = rows.filter(expires_at__gt=timezone.now())
        page = _ORDER.page(request, rows)
        return Response(
            page_json(
                request, _ORDER.name, page, lambda rows: UploadSerializer(rows, many=True).data
            )
        )

    @extend_schema(
        operation_id="uploads_create",
        parameters=[
            _RESUMABLE,
            _LENGTH,
            _METADATA,
        ],
        request=None,
        responses=answers(UploadSerializer, 400, 401, 403, 404, 409, 412, 413, status=201),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Announce a file (annotators); its pieces go where `Location` says."""
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        tus.check_version(request)
        metadata = tus.metadata_of(request)
        upload = begin_dataset_upload(
            dataset,
            size=tus.number_of(request, "Upload-Length"),
            metadata=metadata,
            expected_digest=tus.digest_in(metadata),
            actor=request.user,
        )
        response = Response(UploadSerializer(upload).data, status=201)
        response["Location"] = f"/api/v1/datasets/{dataset.slug}/uploads/{upload.pk}/"
        return tus.describe(response, upload)


class UploadDetail(tus.TusView):
    """One upload."""

    @extend_schema(operation_id="uploads_get", responses=answers(UploadSerializer, 401, 403, 404))
    def get(self, request: Request, slug: str, upload_id: UUID) -> HttpResponseBase:
        """Return how far an upload is; HEAD says the same in headers, as tus has it."""
        upload = _find(request, slug, upload_id)[1]
        return tus.describe(Response(UploadSerializer(upload).data), upload)

    def head(self, request: Request, slug: str, upload_id: UUID) -> HttpResponseBase:
        """Say where to go on; 410 where an upload has expired or failed."""
        upload = _find(request, slug, upload_id)[1]
        tus.check_version(request)
        check_open(upload)
        response = HttpResponse()
        response["Upload-Length"] = str(upload.size)
        if upload.metadata:
            response["Upload-Metadata"] = upload.metadata
        return tus.describe(response, upload)

    @extend_schema(
        operation_id="uploads_append",
        parameters=[
            _RESUMABLE,
            _OFFSET,
            _CHECKSUM,
        ],
        request={tus.MEDIA_TYPE: OpenApiTypes.BINARY},
        responses=answers(
            None, 400, 401, 403, 404, 409, 410, 411, 412, 413, 415, 422, 460, status=204
        ),
    )
    def patch(self, request: Request, slug: str, upload_id: UUID) -> HttpResponseBase:
        """Add a piece. What arrived of it before a connection broke is kept, unless it
        has a checksum: then all of it is kept or nothing."""
        dataset, upload = _find(request, slug, upload_id)
        tus.check_version(request)
        length = tus.body_length(request)
        offset = tus.number_of(request, "Upload-Offset")
        checksum = tus.checksum_of(request)
        body = request.stream if length else io.BytesIO()
        receive(upload, body, offset=offset, length=length, checksum=checksum)
        if upload.has_arrived and upload.digest is None:
            complete_upload(upload, dataset, actor=request.user)
        return tus.describe(HttpResponse(status=204), upload)

    @extend_schema(
        operation_id="uploads_delete",
        parameters=[_RESUMABLE],
        responses=answers(None, 401, 403, 404, 412, status=204),
    )
    def delete(self, request: Request, slug: str, upload_id: UUID) -> HttpResponseBase:
        """Forget an upload and its bytes."""
        dataset, upload = _find(request, slug, upload_id)
        tus.check_version(request)
        delete_dataset_upload(upload, dataset, actor=request.user)
        return HttpResponse(status=204)

    @extend_schema(exclude=True)
    def post(self, request: Request, slug: str, upload_id: UUID) -> HttpResponseBase:
        """Do what `X-HTTP-Method-Override` says, for clients that can only POST."""
        methods = {"PATCH": self.patch, "DELETE": self.delete, "HEAD": self.head}
        method = methods.get(tus.overridden_method(request))
        if method is None:
            _find(request, slug, upload_id)
            raise MethodNotAllowed("POST")
        return method(request, slug, upload_id)


def _find(request: Request, slug: str, upload_id: UUID) -> tuple[Dataset, Upload]:
    dataset = get_dataset(request, slug, Role.ANNOTATOR)
    return dataset, get_upload(dataset, upload_id, sender=sender_of(request, dataset))


def sender_of(request: Request, dataset: Dataset) -> User | None:
    """Return whose uploads the caller sees; None: everybody's."""
    role = dataset.role_of(request.user)
    is_admin = role is not None and role.covers(Role.ADMIN)
    narrow = isinstance(request.auth, Token) and not request.auth.has_scope(TokenScope.ADMIN)
    return None if is_admin and not narrow else request.user
