"""How the segments of a version are distributed: sizes, numbers per image, places, company."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from numpy.typing import NDArray
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer, answer_for_now, etag_of
from api.documentation import IF_NONE_MATCH, REV, answers, query
from api.pagination import integer_of
from api.readings import TAXONOMY, ReadVersion, get_read_version
from datasets_app.distributions import LiveDistributions, get_distributions
from labels_app.classes import HIGHEST_CLASS_ID
from labels_app.models import Kind
from panoptic.distributions import FULL, GRID, Distributions, edge_of_count


class ImagesByCountSerializer(serializers.Serializer):
    """Images with `least` to `most` segments."""

    least = serializers.IntegerField()
    most = serializers.IntegerField()
    images = serializers.IntegerField()


class ClassDistributionSerializer(serializers.Serializer):
    """One live class; images without it are in no bin."""

    class_id = serializers.IntegerField()
    class_name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    images = serializers.IntegerField()
    segments = serializers.IntegerField()
    sizes = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="segments by the area of their full mask: bin b has 2^b to 2^(b + 1) - 1 pixels",
    )
    shares = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="segments by their share of the image: bin b has at most 2^-b, and more than "
        "2^-(b + 1)",
    )
    images_by_count = ImagesByCountSerializer(many=True)


class TogetherSerializer(serializers.Serializer):
    """The images that hold a segment of both classes; each pair once, the lower id first."""

    class_id = serializers.IntegerField()
    other_class_id = serializers.IntegerField()
    images = serializers.IntegerField()


class OccurrenceSerializer(serializers.Serializer):
    """Where a class is seen; class 0 is void."""

    class_id = serializers.IntegerField()
    cells = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()),
        help_text=f"{GRID} rows of {GRID} shares, 0 to 1: how much of what the labelled images "
        "show in this part of them is of the class",
    )


class DistributionsSerializer(serializers.Serializer):
    """Over all labelled images of a version, or of one split.

    While `pending`, all else is empty, and `job` says how far it is.
    """

    version = serializers.CharField()
    pending = serializers.BooleanField()
    job = serializers.UUIDField(allow_null=True)
    labelled = serializers.IntegerField(help_text="images that were counted")
    classes = ClassDistributionSerializer(many=True)
    images_by_count = ImagesByCountSerializer(many=True)
    together = TogetherSerializer(many=True)
    occurrence = OccurrenceSerializer(allow_null=True)


class VersionDistributionsDetail(APIView):
    """The distributions of a version."""

    @extend_schema(
        operation_id="versions_distributions",
        parameters=[
            REV,
            query("split", "only this split; empty: the images in none"),
            query("class", "where this class occurs; 0 is void", OpenApiTypes.INT),
            TAXONOMY,
            IF_NONE_MATCH,
        ],
        responses=answers(DistributionsSerializer, 400, 404, 409),
    )
    def get(self, request: Request, slug: str, rev: str) -> HttpResponseBase:
        """Return sizes, segments per image, and which classes come together.

        Counted when somebody first asks, from a version near it where one was counted.
        """
        found = get_read_version(request, slug, rev)
        class_id = None
        if "class" in request.query_params:
            class_id = integer_of(request, "class", 0, least=0, most=HIGHEST_CLASS_ID)

        def make() -> Response:
            live = get_distributions(found.version, found.reading, actor=request.user)
            body = _body(found, live, request.query_params.get("split"), class_id)
            return answer_for_now(body) if live.pending else Response(body)

        etag = etag_of(request, *found.etag_parts)
        return answer(request, etag, make, immutable=found.immutable)


def _body(
    found: ReadVersion, live: LiveDistributions, split: str | None, class_id: int | None
) -> Any:
    sums = live.of(split)
    ids = sums.class_ids.tolist()
    firsts, seconds = np.nonzero(np.triu(sums.together, 1))
    return DistributionsSerializer(
        {
            "version": found.version.id_hex,
            "pending": live.pending,
            "job": live.job.pk if live.job else None,
            "labelled": sums.labels,
            "classes": [
                _class_row(found, sums, place) for place in range(len(ids)) if sums.images[place]
            ],
            "images_by_count": _by_count(sums.segments),
            "together": [
                {
                    "class_id": ids[first],
                    "other_class_id": ids[second],
                    "images": sums.together[first, second],
                }
                for first, second in zip(firsts.tolist(), seconds.tolist(), strict=True)
            ],
            "occurrence": None if class_id is None else _occurrence(sums, class_id),
        }
    ).data


def _class_row(found: ReadVersion, sums: Distributions, place: int) -> dict[str, Any]:
    class_id = int(sums.class_ids[place])
    spec = found.reading.classes[class_id]
    return {
        "class_id": class_id,
        "class_name": spec.name,
        "kind": spec.kind,
        "images": sums.images[place],
        "segments": sums.sizes[place].sum(),
        "sizes": sums.sizes[place].tolist(),
        "shares": sums.shares[place].tolist(),
        "images_by_count": _by_count(sums.counts[place]),
    }


def _by_count(row: NDArray[np.int64]) -> list[dict[str, int]]:
    return [
        {
            "least": edge_of_count(place),
            "most": edge_of_count(place + 1) - 1,
            "images": int(row[place]),
        }
        for place in np.flatnonzero(row).tolist()
    ]


def _occurrence(sums: Distributions, class_id: int) -> dict[str, Any]:
    cells = sums.cells[sums.class_ids == class_id].sum(axis=0)
    return {
        "class_id": class_id,
        "cells": np.round(cells / max(1, sums.labels * FULL), 6).tolist(),
    }
