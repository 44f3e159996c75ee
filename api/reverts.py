"""Reverts: one version of a branch is undone by another one."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset, load_version
from api.branches import NAME
from api.commits import CommittedVersionSerializer, committed_json
from api.documentation import answers
from api.fields import DigestField
from api.idempotency import key_of, sha256_of
from api.merges import IDEMPOTENCY_KEY, ChoicesSerializer, choices_of
from datasets_app.actions.reverts import revert_version
from datasets_app.names import clean_ref_name
from people_app.roles import Role


class RevertSerializer(ChoicesSerializer):
    """A revert. In its conflicts ours is the branch, theirs what was before the version."""

    version = serializers.CharField(max_length=300, help_text="any revision")
    expected_head = DigestField(help_text="the id that the branch is at")
    message = serializers.CharField(
        max_length=10_000,
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="default: which version was undone",
    )


class RevertList(APIView):
    """The reverts on a branch."""

    @extend_schema(
        operation_id="reverts_create",
        parameters=[NAME, IDEMPOTENCY_KEY],
        request=RevertSerializer,
        responses=answers(CommittedVersionSerializer, 400, 401, 403, 404, 409, 422, status=201),
    )
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Make a version of a branch that undoes one of its versions (annotators).

        A version is undone against its first parent: its images, and its taxonomy where it
        moved that. 409 `merge_conflicts` lists what was changed again since;
        409 `unknown_class` counts labels that the older taxonomy version cannot read.
        """
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = RevertSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        version = revert_version(
            dataset=dataset,
            branch=clean_ref_name(name),
            expected_head=values["expected_head"],
            version=load_version(dataset, values["version"]),
            author=request.user,
            message=values.get("message"),
            idempotency_key=key_of(request),
            body_sha256=sha256_of(request.data),
            **choices_of(values),
        )
        return Response(committed_json(version), status=status.HTTP_201_CREATED)
