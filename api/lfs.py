"""The batch API of Git LFS, for tools that speak it: downloads of the blobs of a dataset.

An object id of Git LFS is the sha256 of a content, and so is a digest here. See the specification
"Git LFS Batch API" (git-lfs, docs/api/batch.md); `basic` is the one transfer adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.documentation import answers
from api.errors import Problem
from api.parsers import StrictJSONParser
from datasets_app.models import Dataset
from datasets_app.pulling.serving import served_sizes

MEDIA_TYPE = "application/vnd.git-lfs+json"
_MOST_OBJECTS = 1_000


class LfsParser(StrictJSONParser):
    """JSON under the name of Git LFS."""

    media_type = MEDIA_TYPE


class LfsRenderer(JSONRenderer):
    """JSON under the name of Git LFS."""

    media_type = MEDIA_TYPE
    format = "lfs"


class LfsObjectSerializer(serializers.Serializer):
    """An object; `size` is what the asker believes."""

    oid = serializers.RegexField(r"\A[0-9a-f]{64}\Z")
    size = serializers.IntegerField(min_value=0, max_value=2**62)


class LfsBatchSerializer(serializers.Serializer):
    """What somebody wants to transfer."""

    operation = serializers.ChoiceField(["download", "upload"])
    transfers = serializers.ListField(child=serializers.CharField(max_length=100), required=False)
    objects = LfsObjectSerializer(many=True)
    hash_algo = serializers.ChoiceField(["sha256"], default="sha256")

    def validate_objects(self, objects: list[Any]) -> list[Any]:
        """Refuse lists that no client sends."""
        if len(objects) > _MOST_OBJECTS:
            raise serializers.ValidationError(f"at most {_MOST_OBJECTS} objects at once")
        return objects


class LfsErrorSerializer(serializers.Serializer):
    """Why an object cannot be had."""

    code = serializers.IntegerField()
    message = serializers.CharField()


class LfsAnswerSerializer(serializers.Serializer):
    """An object, and where it is."""

    oid = serializers.CharField()
    size = serializers.IntegerField()
    actions = serializers.DictField(required=False)
    error = LfsErrorSerializer(required=False)


class LfsBatchAnswerSerializer(serializers.Serializer):
    """Where objects are."""

    transfer = serializers.CharField()
    hash_algo = serializers.CharField()
    objects = LfsAnswerSerializer(many=True)


class LfsBatch(APIView):
    """The objects of a dataset for Git LFS."""

    permission_classes = [AllowAny]
    parser_classes = [LfsParser]
    renderer_classes = [LfsRenderer]
    action = "batch"
    reading_actions = ("batch",)

    @extend_schema(
        operation_id="lfs_batch",
        request={MEDIA_TYPE: LfsBatchSerializer},
        responses={
            (200, MEDIA_TYPE): LfsBatchAnswerSerializer,
            **answers(None, 400, 404, 415, status=422),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """Say where objects can be downloaded; to send some, push with `tessera`."""
        dataset = get_dataset(request, slug)
        body = LfsBatchSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        if body.validated_data["operation"] == "upload":
            raise Problem(
                422, "download_only", "objects are sent by `tessera push`, not by Git LFS"
            )
        return Response(
            {
                "transfer": "basic",
                "hash_algo": "sha256",
                "objects": _objects(request, dataset, body.validated_data["objects"]),
            }
        )


def _objects(
    request: Request, dataset: Dataset, wanted: list[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    sizes = served_sizes(dataset, [bytes.fromhex(row["oid"]) for row in wanted])
    answered = []
    for row in wanted:
        size = sizes.get(bytes.fromhex(row["oid"]))
        if size is None:
            error = {"code": 404, "message": "this dataset has no such object"}
            answered.append({**row, "error": error})
            continue
        path = f"/api/v1/datasets/{dataset.slug}/blobs/{row['oid']}"
        # No header: what signed this request signs the download, and twice would be wrong.
        action = {"href": request.build_absolute_uri(path)}
        answered.append(
            {
                "oid": row["oid"],
                "size": size,
                "actions": {"download": action},
            }
        )
    return answered
