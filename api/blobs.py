"""Blobs of a dataset: which of them to send, and the sending; and each by its digest."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.documentation import answers
from api.downloads import DOWNLOAD_PARAMETERS, Download, answer_download, download_answers
from api.fields import DigestField
from api.resumable_uploads import sender_of
from api.uploads import bytes_parsers
from datasets_app.actions.uploads import completed_digest, get_upload
from datasets_app.holdings import find_missing
from datasets_app.models import Dataset
from datasets_app.photos import get_photos
from datasets_app.pulling.serving import MOST_DIGESTS, find_served, iter_stored
from datasets_app.pushing.receiving import receive_pack, receive_photo
from panoptic.packs import MAX_PACK_BYTES
from people_app.roles import Role
from store_app.blobs import grant_lease, open_content, renew_lease

PACK_TYPE = "application/x-tessera-pack"
_IS_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch
_DIGEST = OpenApiParameter(
    "digest", OpenApiTypes.STR, OpenApiParameter.PATH, description="sha256 of the content, in hex"
)


class DigestListField(serializers.ListField):
    """Thousands of digests, looked at one by one only where one of them is wrong."""

    def run_child_validation(self, data: Any) -> Any:
        if all(isinstance(text, str) and _IS_DIGEST(text) for text in data):
            return list(data)
        return super().run_child_validation(data)


class DigestsSerializer(serializers.Serializer):
    """Digests of contents."""

    digests = DigestListField(
        child=serializers.RegexField(r"\A[0-9a-f]{64}\Z"), min_length=1, max_length=MOST_DIGESTS
    )


class MissingRequestSerializer(DigestsSerializer):
    """What somebody is about to commit."""

    lease = serializers.UUIDField(
        required=False, allow_null=True, help_text="from an earlier answer: it is renewed"
    )


class MissingSerializer(serializers.Serializer):
    """What to send. For an hour nothing is deleted of what is not missing."""

    missing = serializers.ListField(child=DigestField())
    lease = serializers.UUIDField()


class ReceivedSerializer(serializers.Serializer):
    """How many objects came, by what they are."""

    labels = serializers.IntegerField()
    photos = serializers.IntegerField()
    attributes = serializers.IntegerField()


class PhotoSerializer(serializers.Serializer):
    """A photograph that commits may name; sizes are of the upright picture."""

    digest = DigestField()
    media_type = serializers.CharField()
    height = serializers.IntegerField()
    width = serializers.IntegerField()


class UploadedSerializer(serializers.Serializer):
    """A complete upload that is the photograph."""

    upload = serializers.UUIDField()


class BlobFetch(APIView):
    """Many blobs at once."""

    # It reads: a public dataset is pulled by everybody, and by tokens that may only read.
    permission_classes = [AllowAny]
    action = "fetch"
    reading_actions = ("fetch",)

    @extend_schema(
        operation_id="blobs_fetch",
        request=DigestsSerializer,
        responses={
            (200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY),
            **answers(None, 400, 410, status=404),
        },
    )
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Return the stored bytes of blobs, one behind the other, in the order asked for.

        404 `object_missing` names those that this dataset was never given, 410 `object_erased`
        those that are no more; then nothing is sent.
        """
        dataset = get_dataset(request, slug)
        locations = find_served(dataset, _digests(request, DigestsSerializer)["digests"])
        response = StreamingHttpResponse(
            iter_stored(locations), content_type="application/octet-stream"
        )
        response["Content-Length"] = str(sum(location.length for location in locations))
        response["Cache-Control"] = "no-store"
        return response


class BlobsMissing(APIView):
    """What to send before a commit."""

    @extend_schema(
        operation_id="blobs_missing",
        request=MissingRequestSerializer,
        responses=answers(MissingSerializer, 400, 401, 403, 404, 410),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Say which of these contents this dataset lacks (annotators).

        What other datasets have is not said. The lease keeps what is there until the commit.
        """
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        values = _digests(request, MissingRequestSerializer)
        lease = _hold(dataset, values.get("lease"))
        missing = find_missing(dataset, values["digests"])
        return Response({"missing": [digest.hex() for digest in missing], "lease": lease})


class BlobList(APIView):
    """The sending of blobs."""

    parser_classes = bytes_parsers(MAX_PACK_BYTES, PACK_TYPE)

    @extend_schema(
        operation_id="blobs_send",
        request={PACK_TYPE: OpenApiTypes.BINARY},
        responses=answers(ReceivedSerializer, 400, 401, 403, 404, 410, 413, 415, 422),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Take a pack of labels, photographs and attributes (annotators); all of it or nothing.

        422 `objects_refused`: `errors` says of each object what is wrong.
        """
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        received = receive_pack(dataset, request.data.get("file", b""), actor=request.user)
        return Response(received._asdict())


class BlobDetail(APIView):
    """One blob by its digest."""

    @extend_schema(
        operation_id="blobs_get",
        parameters=[_DIGEST, *DOWNLOAD_PARAMETERS],
        responses=download_answers("application/octet-stream"),
    )
    def get(self, request: Request, slug: str, digest: str) -> HttpResponseBase:
        """Return a content, or a range of it; 404 where this dataset was never given it."""
        dataset = get_dataset(request, slug)
        wanted = bytes.fromhex(digest)
        find_served(dataset, [wanted])
        download = Download(wanted, "application/octet-stream", digest, immutable=True)
        return answer_download(request, download)

    @extend_schema(
        operation_id="photographs_put",
        parameters=[_DIGEST],
        request=UploadedSerializer,
        responses=answers(PhotoSerializer, 400, 401, 403, 404, 409, 410, 422, status=201),
    )
    def put(self, request: Request, slug: str, digest: str) -> Response:
        """Take a photograph that was uploaded in parts (annotators); see `uploads/`."""
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = UploadedSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        sender = sender_of(request, dataset)
        upload = get_upload(dataset, body.validated_data["upload"], sender=sender)
        wanted = bytes.fromhex(digest)
        with open_content(completed_digest(upload, dataset, actor=request.user)) as file:
            receive_photo(dataset, file, wanted, actor=request.user)
        [photo] = get_photos([wanted]).values()
        return Response(PhotoSerializer(photo).data, status=201)


def _digests(request: Request, serializer: type[DigestsSerializer]) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    values: dict[str, Any] = dict(body.validated_data)
    values["digests"] = [bytes.fromhex(text) for text in dict.fromkeys(values["digests"])]
    return values


def _hold(dataset: Dataset, lease: UUID | None) -> UUID:
    holder = f"push to {dataset.slug}"
    if lease is None:
        return grant_lease(holder)
    renew_lease(lease, holder=holder)
    return lease
