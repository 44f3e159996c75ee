"""Branches: names that move."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import find_branch, get_dataset, load_version
from api.documentation import PAGE, answers, page_of
from api.pagination import Keyset, page_json
from datasets_app.actions.branches import create_branch, delete_branch, protect_branch
from datasets_app.models import Branch
from people_app.roles import Role

_ORDER = Keyset("branches", ("name",))
NAME = OpenApiParameter(
    "name", OpenApiTypes.STR, OpenApiParameter.PATH, description="may contain `/`"
)


class BranchSerializer(serializers.Serializer):
    """A branch; `head` is the id of a version, null before the first commit."""

    name = serializers.CharField()
    head = serializers.CharField(source="head.id_hex", default=None, allow_null=True)
    protected = serializers.BooleanField()


class NewBranchSerializer(serializers.Serializer):
    """A new branch."""

    name = serializers.CharField(max_length=200)
    head = serializers.CharField(
        max_length=300,
        required=False,
        allow_null=True,
        help_text="any revision; left out: where the default branch is",
    )


class BranchChangeSerializer(serializers.Serializer):
    """What may be changed without a commit."""

    protected = serializers.BooleanField()


class BranchList(APIView):
    """The branches of a dataset."""

    @extend_schema(
        operation_id="branches_list",
        parameters=[*PAGE],
        responses=answers(page_of("Branch", BranchSerializer(many=True)), 400, 404),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List branches by name."""
        dataset = get_dataset(request, slug)
        rows = Branch.objects.filter(dataset=dataset).select_related("head")
        page = _ORDER.page(request, rows)
        return Response(page_json(request, _ORDER.name, page, _json))

    @extend_schema(
        operation_id="branches_create",
        request=NewBranchSerializer,
        responses=answers(BranchSerializer, 400, 401, 403, 404, 409, status=201),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make a branch at any version (annotators)."""
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = NewBranchSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        rev = values.get("head", dataset.default_branch)
        branch = create_branch(
            dataset=dataset,
            name=values["name"],
            head=None if rev is None else load_version(dataset, rev),
            actor=request.user,
        )
        return Response(BranchSerializer(branch).data, status=status.HTTP_201_CREATED)


class BranchDetail(APIView):
    """One branch."""

    @extend_schema(
        operation_id="branches_get", parameters=[NAME], responses=answers(BranchSerializer, 404)
    )
    def get(self, request: Request, slug: str, name: str) -> Response:
        """Return where a branch is."""
        return Response(BranchSerializer(find_branch(get_dataset(request, slug), name)).data)

    @extend_schema(
        operation_id="branches_protect",
        parameters=[NAME],
        request=BranchChangeSerializer,
        responses=answers(BranchSerializer, 400, 401, 403, 404),
    )
    def patch(self, request: Request, slug: str, name: str) -> Response:
        """Protect a branch from deletion, or no longer (admins)."""
        branch = find_branch(get_dataset(request, slug, Role.ADMIN), name)
        body = BranchChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        branch = protect_branch(branch=branch, actor=request.user, **body.validated_data)
        return Response(BranchSerializer(branch).data)

    @extend_schema(
        operation_id="branches_delete",
        parameters=[NAME],
        responses=answers(None, 401, 403, 404, 409, status=204),
    )
    def delete(self, request: Request, slug: str, name: str) -> Response:
        """Delete a branch (admins); its versions are kept for 30 days more."""
        branch = find_branch(get_dataset(request, slug, Role.ADMIN), name)
        delete_branch(branch=branch, actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _json(branches: Any) -> Any:
    return BranchSerializer(branches, many=True).data
