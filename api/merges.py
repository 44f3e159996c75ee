"""Merges: what another version changed is brought into a branch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset, load_version
from api.branches import NAME
from api.commits import CommittedVersionSerializer, committed_json
from api.documentation import answers, query
from api.errors import invalid
from api.fields import DigestField
from api.idempotency import key_of, sha256_of
from api.versions import TaxonomyNameSerializer
from datasets_app.actions.merges import merge_versions, preview_merge
from datasets_app.merge_surveys import Resolution
from datasets_app.merging import ConflictField, Take
from datasets_app.models import Version
from datasets_app.names import clean_ref_name
from people_app.roles import Role

MOST_RESOLUTIONS = 10_000
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="the same key and body answer the version that they gave before",
)


class ResolutionSerializer(serializers.Serializer):
    """How a conflict is settled: that of an image's field, of all its fields, of the taxonomy."""

    name = serializers.CharField(max_length=1_024, required=False, help_text="of an image")
    taxonomy = serializers.BooleanField(default=False, help_text="instead of `name`")
    field = serializers.ChoiceField(
        [field.value for field in ConflictField],
        required=False,
        help_text="as the conflict says it; left out: every conflict of the image",
    )
    take = serializers.ChoiceField([take.value for take in Take])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what names an image and the taxonomy, or neither."""
        field = attrs.get("field")
        of_taxonomy = attrs["taxonomy"] or field == ConflictField.TAXONOMY
        if of_taxonomy == ("name" in attrs):
            raise serializers.ValidationError("either the name of an image, or taxonomy: true")
        if of_taxonomy and field not in (None, ConflictField.TAXONOMY):
            raise serializers.ValidationError("the taxonomy has no fields")
        return attrs


class ChoicesSerializer(serializers.Serializer):
    """How conflicts are settled; left out: they are refused."""

    strategy = serializers.ChoiceField(
        [Take.OURS.value, Take.THEIRS.value],
        required=False,
        allow_null=True,
        help_text="settles the conflicts that no resolution names",
    )
    resolutions = serializers.ListField(
        child=ResolutionSerializer(), max_length=MOST_RESOLUTIONS, required=False
    )


class MergeSerializer(ChoicesSerializer):
    """A merge. `from` is a revision."""

    expected_head = DigestField(
        allow_null=True, help_text="the id that the branch is at; null before the first commit"
    )
    message = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    fast_forward = serializers.BooleanField(
        default=True, help_text="false: make a version also where the branch could just move"
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add `from`, which no attribute can be named."""
        revision = serializers.CharField(max_length=300, help_text="any revision")
        return {"from": revision} | super().get_fields()


class ConflictSerializer(serializers.Serializer):
    """What base, ours and theirs disagree on, and what each says.

    Digests, splits and statuses are texts; of `presence` the values are whole images, null
    where there is none, of `taxonomy` taxonomy versions, and name and number are null.
    """

    name = serializers.CharField(allow_null=True)
    number = serializers.IntegerField(allow_null=True)
    field = serializers.ChoiceField([field.value for field in ConflictField])
    base = serializers.JSONField(allow_null=True)
    ours = serializers.JSONField(allow_null=True)
    theirs = serializers.JSONField(allow_null=True)


class ImageChangesSerializer(serializers.Serializer):
    """How many images of the branch are touched, those with conflicts not counted."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()


class TaxonomyMoveSerializer(serializers.Serializer):
    """The taxonomy version before and after; null: none, or in conflict."""

    old = TaxonomyNameSerializer(allow_null=True)
    new = TaxonomyNameSerializer(allow_null=True)


class UnknownClassSerializer(serializers.Serializer):
    """A class that the taxonomy version lacks, and how many segments have it."""

    class_id = serializers.IntegerField()
    segments = serializers.IntegerField()


class MergePreviewSerializer(serializers.Serializer):
    """What a merge would do. The first 1,000 conflicts are listed, and all are counted."""

    base = serializers.CharField(allow_null=True)
    ours = serializers.CharField(allow_null=True)
    theirs = serializers.CharField()
    up_to_date = serializers.BooleanField(help_text="there is nothing to merge")
    fast_forward = serializers.BooleanField(help_text="the branch can just move")
    clean = serializers.BooleanField(help_text="nothing stands against the merge")
    images = ImageChangesSerializer()
    taxonomy = TaxonomyMoveSerializer()
    unknown_classes = UnknownClassSerializer(many=True)
    conflict_count = serializers.IntegerField()
    conflicts = ConflictSerializer(many=True)


class MergePreviewDetail(APIView):
    """What a merge would do."""

    @extend_schema(
        operation_id="merges_preview",
        parameters=[NAME, query("from", "any revision", required=True)],
        responses=answers(MergePreviewSerializer, 400, 404, 409),
    )
    def get(self, request: Request, slug: str, name: str) -> Response:
        """Say what merging a revision into a branch would change, and what is in conflict."""
        dataset = get_dataset(request, slug)
        rev = request.query_params.get("from")
        if not rev:
            raise invalid("from", "a revision")
        preview = preview_merge(
            dataset=dataset, branch=clean_ref_name(name), from_version=load_version(dataset, rev)
        )
        return Response(
            {
                "base": _id(preview.base),
                "ours": _id(preview.ours),
                "theirs": _id(preview.theirs),
                "up_to_date": preview.up_to_date,
                "fast_forward": preview.fast_forward,
                **preview.survey.to_json(),
            }
        )


class MergeList(APIView):
    """The merges into a branch."""

    @extend_schema(
        operation_id="merges_create",
        parameters=[NAME, IDEMPOTENCY_KEY],
        request=MergeSerializer,
        responses=answers(CommittedVersionSerializer, 400, 401, 403, 404, 409, 422, status=201),
    )
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Merge a revision into a branch, and answer where the branch is then (annotators).

        That is a version with two parents, or, where the branch has nothing of its own, the
        revision itself. 409 `merge_conflicts` lists `conflicts`, as the preview does;
        409 `nothing_changed`: the branch has the revision already.
        """
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = MergeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        version = merge_versions(
            dataset=dataset,
            branch=clean_ref_name(name),
            from_version=load_version(dataset, values["from"]),
            expected_head=values["expected_head"],
            author=request.user,
            message=values["message"],
            fast_forward=values["fast_forward"],
            idempotency_key=key_of(request),
            body_sha256=sha256_of(request.data),
            **choices_of(values),
        )
        return Response(committed_json(version), status=status.HTTP_201_CREATED)


def choices_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return strategy and resolutions of a body as the actions take them."""
    strategy = values.get("strategy")
    return {
        "strategy": Take(strategy) if strategy else None,
        "resolutions": list(_resolutions(values.get("resolutions", ()))),
    }


def _resolutions(rows: Iterable[Mapping[str, Any]]) -> Iterable[Resolution]:
    for row in rows:
        name, field = row.get("name"), row.get("field")
        if name is None:
            field = ConflictField.TAXONOMY
        yield Resolution(name, ConflictField(field) if field else None, Take(row["take"]))


def _id(version: Version | None) -> str | None:
    return version.id_hex if version else None
