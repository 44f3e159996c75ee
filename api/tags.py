"""Tags: names that stay."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset, load_version
from api.branches import NAME
from api.documentation import PAGE, answers, page_of
from api.fields import DigestField
from api.pagination import Keyset, page_json
from datasets_app.actions.tags import create_tag
from datasets_app.errors import NotFound
from datasets_app.models import Tag
from datasets_app.names import is_storable
from people_app.roles import Role

_ORDER = Keyset("tags", ("name",))


class TagSerializer(serializers.Serializer):
    """A tag; `version` is an id, `manifest_sha256` the digest of the portable manifest."""

    name = serializers.CharField()
    version = serializers.CharField(source="version.id_hex")
    message = serializers.CharField()
    manifest_sha256 = DigestField()
    author = serializers.CharField(source="author.username")
    created_at = serializers.DateTimeField()


class NewTagSerializer(serializers.Serializer):
    """A new tag."""

    name = serializers.CharField(max_length=200)
    version = serializers.CharField(max_length=300, help_text="any revision")
    message = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class TagList(APIView):
    """The tags of a dataset."""

    @extend_schema(
        operation_id="tags_list",
        parameters=[*PAGE],
        responses=answers(page_of("Tag", TagSerializer(many=True)), 400, 404),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List tags by name."""
        dataset = get_dataset(request, slug)
        rows = Tag.objects.filter(dataset=dataset).select_related("version", "author")
        page = _ORDER.page(request, rows)
        return Response(page_json(request, _ORDER.name, page, _json))

    @extend_schema(
        operation_id="tags_create",
        request=NewTagSerializer,
        responses=answers(TagSerializer, 400, 401, 403, 404, 409, status=201),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Name a version for ever (annotators)."""
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = NewTagSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        tag = create_tag(
            dataset=dataset,
            name=values["name"],
            version=load_version(dataset, values["version"]),
            message=values["message"],
            actor=request.user,
        )
        return Response(TagSerializer(tag).data, status=status.HTTP_201_CREATED)


class TagDetail(APIView):
    """One tag."""

    @extend_schema(
        operation_id="tags_get", parameters=[NAME], responses=answers(TagSerializer, 404)
    )
    def get(self, request: Request, slug: str, name: str) -> Response:
        """Return what a tag names."""
        dataset = get_dataset(request, slug)
        tags = Tag.objects.filter(dataset=dataset, name=name).select_related("version", "author")
        tag = tags.first() if is_storable(name) else None
        if tag is None:
            raise NotFound("tag", name)
        return Response(TagSerializer(tag).data)


def _json(tags: Any) -> Any:
    return TagSerializer(tags, many=True).data
