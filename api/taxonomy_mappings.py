"""Mappings: how the classes of one taxonomy read in another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.documentation import PAGE, answers, page_of, query
from api.errors import invalid
from api.fields import DigestField
from api.pagination import Keyset, page_json
from api.taxonomies import get_version
from api.taxonomy_access import check_taxonomy_role, get_taxonomy
from api.taxonomy_bodies import PlainField
from api.versions import TaxonomyNameSerializer
from datasets_app.errors import NotFound
from datasets_app.taxonomy_access import get_taxonomy_version, visible_taxonomies
from labels_app.actions.mappings import create_mapping, explain_entries, propose_entries
from labels_app.models import Taxonomy, TaxonomyMapping, TaxonomyVersion
from labels_app.reading import Reading, reading_of
from people_app.roles import Role

_ORDER = Keyset("taxonomy_mappings", ("-id",))
_HIGHEST_NUMBER = 2**31 - 1


@extend_schema_field(
    {
        "oneOf": [
            {
                "type": "object",
                "additionalProperties": {
                    "oneOf": [{"type": "integer"}, {"type": "string"}],
                    "nullable": True,
                },
            },
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "class": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
                        "into": {
                            "oneOf": [{"type": "integer"}, {"type": "string"}],
                            "nullable": True,
                        },
                    },
                    "required": ["class", "into"],
                },
            },
        ]
    }
)
class EntriesField(PlainField):
    """`{class: class}` or the rows of a proposal; classes by id or name, null for void."""

    default_error_messages = {"object": "an object, or a list of rows"}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__((dict, list), **kwargs)

    def to_internal_value(self, data: Any) -> dict[Any, Any]:
        """Return an object."""
        rows = super().to_internal_value(data)
        if isinstance(rows, dict):
            return rows
        found: dict[Any, Any] = {}
        for row in rows:
            if not isinstance(row, dict) or not {"class", "into"} <= row.keys():
                raise serializers.ValidationError("a row has class and into")
            named = row["class"]
            if isinstance(named, bool) or not isinstance(named, int | str):
                raise serializers.ValidationError("a class is an id or a name")
            if named in found:
                raise serializers.ValidationError(f"{named} is mapped twice")
            found[named] = row["into"]
        return found


class NewMappingSerializer(serializers.Serializer):
    """A mapping: what each live class of the source reads as."""

    target = serializers.CharField(max_length=120, help_text="`slug@1`, or `slug`: the newest")
    source_version = serializers.IntegerField(
        min_value=1, max_value=_HIGHEST_NUMBER, required=False, help_text="default: the newest"
    )
    entries = EntriesField()
    message = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class MappingSerializer(serializers.Serializer):
    """A mapping; of two to the same taxonomy the one with the higher number counts."""

    number = serializers.IntegerField()
    source = TaxonomyNameSerializer()
    target = TaxonomyNameSerializer()
    digest = DigestField()
    message = serializers.CharField()
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    created_at = serializers.DateTimeField()


class EntrySerializer(serializers.Serializer):
    """What a class of the source reads as; `into` null: void."""

    name = serializers.CharField()
    into = serializers.IntegerField(allow_null=True)
    into_name = serializers.CharField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add `class`, which no attribute can be named."""
        return {"class": serializers.IntegerField()} | super().get_fields()


class ProposedEntrySerializer(EntrySerializer):
    """A proposed entry; null where nothing is known."""

    reason = serializers.CharField(help_text="why, where others may map otherwise")


class FullMappingSerializer(MappingSerializer):
    """A mapping with its entries."""

    entries = serializers.SerializerMethodField()

    @extend_schema_field(EntrySerializer(many=True))
    def get_entries(self, mapping: TaxonomyMapping) -> Any:
        """Return the entries by class id."""
        entries = {int(stored): live for stored, live in mapping.entries.items()}
        return _rows(entries, reading_of(mapping.source), reading_of(mapping.target))


class ProposalSerializer(serializers.Serializer):
    """How classes might read in another taxonomy, for people to look at and change."""

    source = TaxonomyNameSerializer()
    target = TaxonomyNameSerializer()
    entries = ProposedEntrySerializer(many=True)


class MappingList(APIView):
    """The mappings from a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_mappings",
        parameters=[query("target", "the slug of a taxonomy"), *PAGE],
        responses=answers(page_of("TaxonomyMapping", MappingSerializer(many=True)), 400, 404),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List mappings to taxonomies that the caller may see, newest first."""
        taxonomy = get_taxonomy(request, slug)
        rows = _mappings(request, taxonomy)
        if (target := request.query_params.get("target")) is not None:
            rows = rows.filter(target_taxonomy=get_taxonomy(request, target))
        page = _ORDER.page(request, rows)
        return Response(
            page_json(
                request, _ORDER.name, page, lambda rows: MappingSerializer(rows, many=True).data
            )
        )

    @extend_schema(
        operation_id="taxonomies_mapping_create",
        request=NewMappingSerializer,
        responses=answers(FullMappingSerializer, 400, 401, 403, 404, 422, status=201),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Say how the classes read in another taxonomy (curators of either)."""
        source = get_taxonomy(request, slug)
        body = NewMappingSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        target = _get_target(request, values["target"])
        if (own := source.role_of(request.user)) is None or not own.covers(Role.CURATOR):
            check_taxonomy_role(request, target.taxonomy, Role.CURATOR)
        mapping = create_mapping(
            source=_source_version(source, values.get("source_version")),
            target=target,
            entries=values["entries"],
            actor=request.user,
            message=values["message"],
        )
        return Response(FullMappingSerializer(mapping).data, status=status.HTTP_201_CREATED)


class MappingDetail(APIView):
    """One mapping."""

    @extend_schema(operation_id="taxonomies_mapping", responses=answers(FullMappingSerializer, 404))
    def get(self, request: Request, slug: str, target: str, number: int) -> Response:
        """Return a mapping with its entries."""
        taxonomy = get_taxonomy(request, slug)
        mapping = (
            _mappings(request, taxonomy)
            .filter(target_taxonomy__slug=target, number=min(number, _HIGHEST_NUMBER))
            .first()
        )
        if mapping is None:
            raise NotFound("mapping", f"{slug} to {target}, {number}")
        return Response(FullMappingSerializer(mapping).data)


class MappingProposal(APIView):
    """A mapping that nobody made yet."""

    @extend_schema(
        operation_id="taxonomies_mapping_proposal",
        parameters=[
            query("target", "`slug@1`, or `slug`: the newest", required=True),
            query("source_version", "default: the newest"),
        ],
        responses=answers(ProposalSerializer, 400, 404),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Propose what each live class reads as: its entries can be changed and posted."""
        taxonomy = get_taxonomy(request, slug)
        seen = ProposalQuerySerializer(data=request.query_params)
        seen.is_valid(raise_exception=True)
        source = _source_version(taxonomy, seen.validated_data.get("source_version"))
        target = _get_target(request, seen.validated_data["target"])
        old, new = reading_of(source), reading_of(target)
        reasons = explain_entries(old, new)
        rows = _rows(propose_entries(old, new), old, new)
        entries = [row | {"reason": reasons.get(row["class"], "")} for row in rows]
        return Response(
            ProposalSerializer({"source": source, "target": target, "entries": entries}).data
        )


class ProposalQuerySerializer(serializers.Serializer):
    """What a proposal is asked with."""

    target = serializers.CharField(max_length=120)
    source_version = serializers.IntegerField(
        min_value=1, max_value=_HIGHEST_NUMBER, required=False
    )


def _mappings(request: Request, taxonomy: Taxonomy) -> Any:
    return TaxonomyMapping.objects.filter(
        source_taxonomy=taxonomy, target_taxonomy__in=visible_taxonomies(request.user)
    ).select_related("source__taxonomy", "target__taxonomy", "author")


def _get_target(request: Request, name: str) -> TaxonomyVersion:
    try:
        return get_taxonomy_version(request.user, name)
    except NotFound:
        raise invalid("target", f"there is no taxonomy version {name!r}", "not_found") from None


def _source_version(taxonomy: Taxonomy, number: int | None) -> TaxonomyVersion:
    if number is not None:
        return get_version(taxonomy, number)
    return taxonomy.versions.select_related("taxonomy", "author").latest("number")


def _rows(
    entries: Mapping[int, int | None], source: Reading, target: Reading
) -> list[dict[str, Any]]:
    return [
        {
            "class": stored,
            "name": source.classes[stored].name,
            "into": live,
            "into_name": None if live is None else target.classes[live].name,
        }
        for stored, live in _sorted(entries.items())
    ]


def _sorted(pairs: Iterable[tuple[int, int | None]]) -> list[tuple[int, int | None]]:
    return sorted(pairs, key=lambda pair: pair[0])
