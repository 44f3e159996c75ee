"""Migrations: a branch moves to another version of its taxonomy."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.branches import NAME
from api.commits import TaxonomyChoiceSerializer
from api.commits import _taxonomy_version as find_version
from api.documentation import answers
from api.fields import DigestField
from api.idempotency import key_of, sha256_of
from api.merges import IDEMPOTENCY_KEY
from api.versions import VersionSerializer, version_json
from datasets_app.actions.migrations import migrate_branch
from datasets_app.names import clean_ref_name
from people_app.roles import Role


class MigrationSerializer(serializers.Serializer):
    """A migration; the taxonomy version is one of the branch's taxonomy, older or newer."""

    taxonomy = TaxonomyChoiceSerializer()
    expected_head = DigestField(help_text="the id that the branch is at")
    message = serializers.CharField(
        max_length=10_000,
        allow_blank=True,
        default="",
        help_text="default: what was said of the taxonomy version",
    )


class MigrationList(APIView):
    """The migrations of a branch."""

    @extend_schema(
        operation_id="migrations_create",
        parameters=[NAME, IDEMPOTENCY_KEY],
        request=MigrationSerializer,
        responses=answers(VersionSerializer, 400, 401, 403, 404, 409, 422, status=201),
    )
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Make a version of a branch that reads by another taxonomy version (annotators).

        No label is touched, and it costs the same for any number of images. 409
        `unknown_class` counts labels that the taxonomy version cannot read.
        """
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = MigrationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        taxonomy_version = find_version(request, values["taxonomy"])
        assert taxonomy_version is not None  # it was named
        version = migrate_branch(
            dataset=dataset,
            branch=clean_ref_name(name),
            expected_head=values["expected_head"],
            taxonomy_version=taxonomy_version,
            message=values["message"],
            author=request.user,
            idempotency_key=key_of(request),
            body_sha256=sha256_of(request.data),
        )
        return Response(version_json(version), status=status.HTTP_201_CREATED)
