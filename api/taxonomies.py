"""Taxonomies: lists, new ones, what is said about one, and its frozen versions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Max, QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer_json, etag_of
from api.documentation import IF_NONE_MATCH, PAGE, answers, page_of
from api.pagination import Keyset, page_json
from api.parsers import StrictJSONParser
from api.taxonomy_access import get_taxonomy
from api.taxonomy_bodies import (
    FullTaxonomyVersionSerializer,
    ObjectsField,
    TaxonomySerializer,
    TaxonomyVersionSerializer,
)
from api.uploads import form_parser, kept_upload
from datasets_app.errors import NotFound
from datasets_app.taxonomy_access import visible_taxonomies
from labels_app.actions.taxonomies import create_taxonomy, describe_taxonomy
from labels_app.models import Taxonomy, TaxonomyVersion
from labels_app.presets import PRESETS, preset_classes
from labels_app.taxonomy_files import (
    CLASS_FORMATS,
    LARGEST_FILE_BYTES,
    TaxonomyFile,
    classes_from_plain,
    read_taxonomy_file,
)
from people_app.models import Membership
from people_app.roles import Role

_ORDER = Keyset("taxonomies", ("slug",))
_VERSIONS = Keyset("taxonomy_versions", ("-number",))
_HIGHEST_NUMBER = 2**31 - 1


class TaxonomyDescriptionSerializer(serializers.Serializer):
    """What may be said about a taxonomy later, too."""

    title = serializers.CharField(max_length=200, allow_blank=True, required=False)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)


class NewTaxonomySerializer(TaxonomyDescriptionSerializer):
    """A new taxonomy; its classes come from one of `preset`, `classes` and `file`."""

    slug = serializers.SlugField(max_length=100)
    message = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    preset = serializers.ChoiceField(sorted(PRESETS), required=False)
    classes = ObjectsField(required=False, help_text="as a version has them; `id` may be left out")
    rules = ObjectsField(required=False, help_text="label rules, with `classes` only")
    file = serializers.FileField(
        required=False,
        help_text='in a form: `{"classes": […], "rules": […]}`, a list of classes, '
        "or a label file that declares its classes",
    )
    format = serializers.ChoiceField(
        CLASS_FORMATS, required=False, help_text="of a label file that does not tell by itself"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and several sources of classes."""
        if sum(name in attrs for name in ("preset", "classes", "file")) != 1:
            raise serializers.ValidationError("one of preset, classes and file")
        if "rules" in attrs and "classes" not in attrs:
            raise serializers.ValidationError("rules come with classes")
        return attrs


class TaxonomyList(APIView):
    """The taxonomies that the caller may see."""

    parser_classes = [StrictJSONParser, form_parser(LARGEST_FILE_BYTES)]

    @extend_schema(
        operation_id="taxonomies_list",
        parameters=[*PAGE],
        responses=answers(page_of("Taxonomy", TaxonomySerializer(many=True)), 400),
    )
    def get(self, request: Request) -> Response:
        """List taxonomies by slug."""
        page = _ORDER.page(request, _with_latest(visible_taxonomies(request.user)))
        return Response(
            page_json(request, _ORDER.name, page, lambda rows: taxonomies_json(request, rows))
        )

    @extend_schema(
        operation_id="taxonomies_create",
        request={
            "application/json": NewTaxonomySerializer,
            "multipart/form-data": NewTaxonomySerializer,
        },
        responses=answers(TaxonomySerializer, 400, 401, 409, 413, 422, status=201),
    )
    def post(self, request: Request) -> Response:
        """Make a taxonomy with its first version; the caller becomes its owner."""
        body = NewTaxonomySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        found = _classes_of(values)
        version = create_taxonomy(
            slug=values["slug"],
            title=values.get("title", ""),
            description=values.get("description", ""),
            message=values["message"],
            classes=found.classes,
            rules=found.rules,
            actor=request.user,
        )
        return Response(
            taxonomy_json(request, version.taxonomy, version.number), status=status.HTTP_201_CREATED
        )


class TaxonomyDetail(APIView):
    """One taxonomy."""

    @extend_schema(operation_id="taxonomies_get", responses=answers(TaxonomySerializer, 404))
    def get(self, request: Request, slug: str) -> Response:
        """Return what is said about a taxonomy."""
        return Response(taxonomy_json(request, get_taxonomy(request, slug)))

    @extend_schema(
        operation_id="taxonomies_update",
        request=TaxonomyDescriptionSerializer,
        responses=answers(TaxonomySerializer, 400, 401, 403, 404),
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change what is said about a taxonomy (curators)."""
        taxonomy = get_taxonomy(request, slug, Role.CURATOR)
        body = TaxonomyDescriptionSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        describe_taxonomy(taxonomy=taxonomy, actor=request.user, **body.validated_data)
        return Response(taxonomy_json(request, taxonomy))


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
        rows = get_taxonomy(request, slug).versions.select_related("author")
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
        """Return the classes and rules of a version, which never change."""
        version = get_version(get_taxonomy(request, slug), number)
        return answer_json(
            request,
            etag_of(request, version.digest, version.pk),
            lambda: FullTaxonomyVersionSerializer(version).data,
            immutable=True,
        )


def get_version(taxonomy: Taxonomy, number: int) -> TaxonomyVersion:
    """Return a version of a taxonomy; `NotFound` where nobody published it."""
    versions = taxonomy.versions.select_related("author", "taxonomy")
    version: TaxonomyVersion | None = versions.filter(number=min(number, _HIGHEST_NUMBER)).first()
    if version is None:
        raise NotFound("taxonomy version", f"{taxonomy.slug}@{number}")
    return version


def find_taxonomy_version(request: Request, slug: str, number: int) -> TaxonomyVersion | None:
    """Return a version of a taxonomy that the caller may see."""
    if number > _HIGHEST_NUMBER:
        return None
    return (
        TaxonomyVersion.objects.select_related("taxonomy")
        .filter(taxonomy__in=visible_taxonomies(request.user), taxonomy__slug=slug, number=number)
        .first()
    )


def taxonomies_json(request: Request, taxonomies: Iterable[Any]) -> Any:
    """Return taxonomies that came with `latest`, with the caller's roles: one query."""
    taxonomies = list(taxonomies)
    keys = [taxonomy.pk for taxonomy in taxonomies]
    context = {"roles": Membership.objects.roles_on(request.user, "taxonomy", keys)}
    return TaxonomySerializer(taxonomies, many=True, context=context).data


def taxonomy_json(request: Request, taxonomy: Taxonomy, latest: int | None = None) -> Any:
    """Return one taxonomy; two queries, one where `latest` is known."""
    known = latest or taxonomy.versions.aggregate(latest=Max("number"))["latest"]
    taxonomy.latest = known  # type: ignore[attr-defined]
    return taxonomies_json(request, [taxonomy])[0]


def _classes_of(values: dict[str, Any]) -> TaxonomyFile:
    if "preset" in values:
        return TaxonomyFile(preset_classes(values["preset"]))
    if "classes" in values:
        rules = tuple(values.get("rules", ()))
        return TaxonomyFile(classes_from_plain(values["classes"]), rules)
    with kept_upload(values["file"]) as path:
        return read_taxonomy_file(path, values.get("format", ""))


def _with_latest(taxonomies: QuerySet[Taxonomy]) -> QuerySet[Taxonomy]:
    return taxonomies.annotate(latest=Max("versions__number"))
