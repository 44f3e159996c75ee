"""Commits: changes by names and digests become the next version of a branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.branches import NAME
from api.change_bodies import ChangeSerializer, WantedChange, parse_changes
from api.documentation import answers
from api.errors import invalid
from api.fields import DigestField
from api.idempotency import key_of, sha256_of
from api.taxonomies import find_taxonomy_version
from api.versions import VersionSerializer, version_json
from api.violations import ImageViolationSerializer
from datasets_app.actions.commits import commit
from datasets_app.attributes import put_attributes
from datasets_app.holdings import hold_blobs
from datasets_app.models import Dataset, Version
from datasets_app.names import clean_ref_name
from datasets_app.staging import ImageChange
from labels_app.models import TaxonomyVersion
from people_app.roles import Role


class TaxonomyChoiceSerializer(serializers.Serializer):
    """A taxonomy version by name."""

    slug = serializers.SlugField(max_length=100)
    number = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class CommitSerializer(serializers.Serializer):
    """A commit but for its changes, which may be many and are read apart."""

    expected_head = DigestField(
        allow_null=True, help_text="the id that the branch is at; null before the first commit"
    )
    message = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    taxonomy = TaxonomyChoiceSerializer(required=False)


class FullCommitSerializer(CommitSerializer):
    """A commit."""

    changes = ChangeSerializer(many=True)


class CommittedVersionSerializer(VersionSerializer):
    """A version that a commit made, and the label rules that its labels break all the same."""

    warning_count = serializers.IntegerField()
    warnings = ImageViolationSerializer(many=True, help_text="the first 1,000")


class CommitList(APIView):
    """The commits of a branch."""

    @extend_schema(
        operation_id="commits_create",
        parameters=[
            NAME,
            OpenApiParameter(
                "Idempotency-Key",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                description="the same key and body answer the version that they made before",
            ),
        ],
        request=FullCommitSerializer,
        responses=answers(CommittedVersionSerializer, 400, 401, 403, 404, 409, 422, status=201),
    )
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Make the next version of a branch (annotators).

        In a change an absent field keeps and null clears. Digests must be of bytes that the
        dataset holds. 409 `branch_moved` says where the branch is (`actual`). 422
        `class_not_open`: new segments of retired or split classes; 422 `label_rules_broken`:
        the label rules of the taxonomy refuse them; `errors` lists both by image.
        """
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = CommitSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        wanted = parse_changes(request.data.get("changes"))
        version = commit(
            dataset=dataset,
            branch=clean_ref_name(name),
            expected_head=values["expected_head"],
            changes=_with_attributes(dataset, wanted),
            message=values["message"],
            author=request.user,
            taxonomy_version=_taxonomy_version(request, values.get("taxonomy")),
            idempotency_key=key_of(request),
            body_sha256=sha256_of(request.data),
            known_only=True,
        )
        return Response(committed_json(version), status=status.HTTP_201_CREATED)


def committed_json(version: Version) -> dict[str, Any]:
    """Return a version as whoever made it is answered: with what its labels break."""
    change_set = version.change_set
    return {
        **version_json(version),
        "warning_count": change_set.warning_count,
        "warnings": change_set.warnings,
    }


def _with_attributes(dataset: Dataset, wanted: list[WantedChange]) -> list[ImageChange]:
    """Store the attributes that came as JSON, and name them by their digests."""
    given = [place for place, change in enumerate(wanted) if change.attributes is not None]
    digests = put_attributes([wanted[place].attributes for place in given])
    hold_blobs(dataset, (digest for digest in digests if digest is not None))
    changes = [change.fields for change in wanted]
    for place, digest in zip(given, digests, strict=True):
        changes[place] = changes[place]._replace(attributes=digest)
    return changes


def _taxonomy_version(request: Request, wanted: Mapping[str, Any] | None) -> TaxonomyVersion | None:
    if wanted is None:
        return None
    found = find_taxonomy_version(request, wanted["slug"], wanted["number"])
    if found is None:
        name = f"{wanted['slug']}@{wanted['number']}"
        raise invalid("taxonomy", f"there is no taxonomy version {name!r}", "not_found")
    return found
