"""Taxonomies and their versions, to read."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer_json, etag_of
from api.documentation import IF_NONE_MATCH, PAGE, answers, page_of
from api.pagination import Keyset, page_json
from datasets_app.errors import NotFound
from datasets_app.models import Dataset, Version
from labels_app.models import Kind, Taxonomy, TaxonomyVersion
from labels_app.reading import reading_of

_ORDER = Keyset("taxonomies", ("slug",))
_VERSIONS = Keyset("taxonomy_versions", ("-number",))
_HIGHEST_NUMBER = 2**31 - 1


class TaxonomySerializer(serializers.Serializer):
    """A taxonomy; `latest` is the number of its newest version."""

    slug = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    latest = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class ClassSerializer(serializers.Serializer):
    """A class as a version says it; a retired one reads as `forwards_to`, null: as void."""

    id = serializers.IntegerField(source="class_id")
    name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    color = serializers.CharField()
    parent = serializers.IntegerField(allow_null=True)
    heading = serializers.CharField(help_text="a name above the class that is no class")
    description = serializers.CharField()
    external = serializers.DictField(help_text="ids in other lists: `{coco: 3, cityscapes: 26}`")
    retired = serializers.BooleanField()
    forwards_to = serializers.IntegerField(allow_null=True)


class TaxonomyVersionSerializer(serializers.Serializer):
    """A frozen version."""

    number = serializers.IntegerField()
    digest = serializers.SerializerMethodField()
    message = serializers.CharField()
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()

    def get_digest(self, version: TaxonomyVersion) -> str:
        """Return the sha256 of the classes."""
        return bytes(version.digest).hex()


class FullTaxonomyVersionSerializer(TaxonomyVersionSerializer):
    """A frozen version with its classes."""

    taxonomy = serializers.CharField(source="taxonomy.slug")
    classes = serializers.SerializerMethodField()

    @extend_schema_field(ClassSerializer(many=True))
    def get_classes(self, version: TaxonomyVersion) -> Any:
        """Return the classes by id."""
        return ClassSerializer(reading_of(version).classes.values(), many=True).data


class TaxonomyList(APIView):
    """The taxonomies that the caller may read."""

    @extend_schema(
        operation_id="taxonomies_list",
        parameters=[*PAGE],
        responses=answers(page_of("Taxonomy", TaxonomySerializer(many=True)), 400),
    )
    def get(self, request: Request) -> Response:
        """List taxonomies by slug."""
        page = _ORDER.page(request, _with_latest(visible_taxonomies(request.user)))
        return Response(
            page_json(
                request, _ORDER.name, page, lambda rows: TaxonomySerializer(rows, many=True).data
            )
        )


class TaxonomyDetail(APIView):
    """One taxonomy."""

    @extend_schema(operation_id="taxonomies_get", responses=answers(TaxonomySerializer, 404))
    def get(self, request: Request, slug: str) -> Response:
        """Return what is said about a taxonomy."""
        return Response(TaxonomySerializer(_get_taxonomy(request, slug)).data)


class TaxonomyVersionList(APIView):
    """The versions of a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_versions",
        parameters=[*PAGE],
        responses=answers(
            page_of("TaxonomyVersion", TaxonomyVersionSerializer(many=True)), 400, 404
        ),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List versions, newest first."""
        rows = _get_taxonomy(request, slug).versions.select_related("author")
        page = _VERSIONS.page(request, rows)
        return Response(
            page_json(
                request,
                _VERSIONS.name,
                page,
                lambda rows: TaxonomyVersionSerializer(rows, many=True).data,
            )
        )


class TaxonomyVersionDetail(APIView):
    """One version of a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_version",
        parameters=[IF_NONE_MATCH],
        responses=answers(FullTaxonomyVersionSerializer, 404),
    )
    def get(self, request: Request, slug: str, number: int) -> HttpResponseBase:
        """Return the classes of a version, which never change."""
        taxonomy = _get_taxonomy(request, slug)
        versions = taxonomy.versions.select_related("author", "taxonomy")
        version = versions.filter(number=min(number, _HIGHEST_NUMBER)).first()
        if version is None:
            raise NotFound("taxonomy version", f"{slug}@{number}")
        return answer_json(
            request,
            etag_of(request, version.digest, version.pk),
            lambda: FullTaxonomyVersionSerializer(version).data,
            immutable=True,
        )


def visible_taxonomies(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Taxonomy]:
    """Return the taxonomies of datasets that `user` may read, and those that they published.

    Signed-in people see also those that no dataset uses yet, to make one with them.
    """
    if getattr(user, "is_superuser", False):
        return Taxonomy.objects.all()
    datasets = Dataset.objects.visible_to(user)
    of_datasets = Exists(datasets.filter(taxonomy=OuterRef("pk")))
    of_versions = Exists(
        Version.objects.filter(
            taxonomy_version__taxonomy=OuterRef("pk"), dataset__in=datasets.values("pk")
        )
    )
    wanted = Q(of_datasets) | Q(of_versions)
    if user.is_authenticated:
        own = TaxonomyVersion.objects.filter(taxonomy=OuterRef("pk"), author_id=user.pk)
        wanted |= Q(Exists(own)) | ~Q(Exists(Dataset.objects.filter(taxonomy=OuterRef("pk"))))
    return Taxonomy.objects.filter(wanted)


def find_taxonomy_version(request: Request, slug: str, number: int) -> TaxonomyVersion | None:
    """Return a version of a taxonomy that the caller may read."""
    if number > _HIGHEST_NUMBER:
        return None
    return (
        TaxonomyVersion.objects.select_related("taxonomy")
        .filter(taxonomy__in=visible_taxonomies(request.user), taxonomy__slug=slug, number=number)
        .first()
    )


def _get_taxonomy(request: Request, slug: str) -> Any:
    taxonomy = _with_latest(visible_taxonomies(request.user)).filter(slug=slug).first()
    if taxonomy is None:
        raise NotFound("taxonomy", slug)
    return taxonomy


def _with_latest(taxonomies: QuerySet[Taxonomy]) -> QuerySet[Taxonomy]:
    return taxonomies.annotate(latest=Max("versions__number"))
