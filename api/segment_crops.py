"""Pictures of single segments, and which segments of a class to show.

`GET datasets/SLUG/versions/REV/classes/ID/samples/` names segments of a class and their
pictures, `GET …/versions/REV/images/NO/segments/ID/crop.webp?size=` is such a picture.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from api.caching import answer_bytes, answer_json, etag_of
from api.class_usage import CLASS_ID
from api.documentation import IF_NONE_MATCH, NUMBER, REV, answers, file_answers, query
from api.fields import BoxField
from api.pagination import integer_of
from api.readings import TAXONOMY, ReadVersion, asked_taxonomy, get_read_version
from datasets_app.image_lists import get_image
from datasets_app.segment_crops import (
    CROP_SIDE,
    MAX_SIDE,
    MIN_SIDE,
    MOST_CROPS,
    sample_segments,
    view_segment_crop,
)

_SAMPLES = 12


class SegmentSampleSerializer(serializers.Serializer):
    """A segment to show; `crop` is the path of its picture."""

    number = serializers.IntegerField(source="image_no", help_text="of the image")
    name = serializers.CharField()
    segment = serializers.IntegerField(source="segment_id")
    area = serializers.IntegerField(help_text="pixels of the full mask")
    bbox = BoxField(source="box")
    crop = serializers.CharField()


class SegmentSamplesSerializer(serializers.Serializer):
    """Some segments of a class."""

    results = SegmentSampleSerializer(many=True)


class SegmentSampleList(APIView):
    """Segments of a class to show."""

    @extend_schema(
        operation_id="versions_class_samples",
        parameters=[
            REV,
            CLASS_ID,
            TAXONOMY,
            query("limit", f"segments, from 1 to {MOST_CROPS}", OpenApiTypes.INT),
            IF_NONE_MATCH,
        ],
        responses=answers(SegmentSamplesSerializer, 400, 404, 409),
    )
    def get(self, request: Request, slug: str, rev: str, class_id: int) -> HttpResponseBase:
        """Return large segments of a class from a few images; not all that there are."""
        found = get_read_version(request, slug, rev)
        limit = integer_of(request, "limit", _SAMPLES, least=1, most=MOST_CROPS)
        return answer_json(
            request,
            etag_of(request, *found.etag_parts),
            lambda: _samples(found, class_id, asked_taxonomy(request), limit),
            immutable=found.immutable,
        )


class SegmentCrop(APIView):
    """The picture of one segment."""

    @extend_schema(
        operation_id="images_segment_crop",
        parameters=[
            REV,
            NUMBER,
            OpenApiParameter("segment_id", OpenApiTypes.INT, OpenApiParameter.PATH),
            query("size", f"{CROP_SIDE} by default", OpenApiTypes.INT),
            TAXONOMY,
            IF_NONE_MATCH,
        ],
        responses=file_answers("image/webp"),
    )
    def get(
        self, request: Request, slug: str, rev: str, number: int, segment_id: int
    ) -> HttpResponseBase:
        """Return the photograph around a segment with its outline, else the label's colours."""
        found = get_read_version(request, slug, rev)
        row = get_image(found.version, number)
        side = integer_of(request, "size", CROP_SIDE, least=MIN_SIDE, most=MAX_SIDE)
        view = view_segment_crop(row.entry, found.reading, segment_id, side=side)
        return answer_bytes(
            request, view.etag, view.media_type, view.render, immutable=found.immutable
        )


def _samples(found: ReadVersion, class_id: int, under: str, limit: int) -> dict[str, Any]:
    samples = sample_segments(found.version, class_id, found.reading, wanted=limit)
    place = f"/api/v1/datasets/{quote(found.dataset.slug)}/versions/{found.version.id_hex}"
    parameters = f"?{urlencode({'taxonomy': under})}" if under else ""
    rows = [
        one._asdict()
        | {"crop": f"{place}/images/{one.image_no}/segments/{one.segment_id}/crop.webp{parameters}"}
        for one in samples
    ]
    return dict(SegmentSamplesSerializer({"results": rows}).data)
