"""Members of a resource: what the paths of datasets and of taxonomies have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.pagination import Keyset, page_json
from datasets_app.errors import NotFound
from datasets_app.names import is_storable
from people_app.actions.roles import grant_role, revoke_role
from people_app.models import Membership, User
from people_app.roles import Role

USERNAME = OpenApiParameter("username", OpenApiTypes.STR, OpenApiParameter.PATH)


class Members(APIView):
    """Says of which resource, and as what its members are written."""

    serializer: ClassVar[type[serializers.Serializer]]

    def get_resource(self, request: Request, slug: str) -> models.Model:
        """Return the resource, if the caller may ask this of it."""
        raise NotImplementedError


class MembersView(Members):
    """The list of members."""

    order: ClassVar[Keyset]

    def get(self, request: Request, slug: str) -> Response:
        """List who has a role here, the longest member first."""
        resource = self.get_resource(request, slug)
        rows = Membership.objects.on(str(resource._meta.model_name), resource.pk)
        page = self.order.page(request, rows.select_related("user"))
        return Response(
            page_json(
                request, self.order.name, page, lambda rows: self.serializer(rows, many=True).data
            )
        )


class MemberView(Members):
    """One member."""

    role_serializer: ClassVar[type[serializers.Serializer]]

    def put(self, request: Request, slug: str, username: str) -> Response:
        """Give somebody a role in place of the one that they had."""
        resource = self.get_resource(request, slug)
        body: Any = self.role_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        member = grant_role(
            user=_get_user(username),
            resource=resource,
            role=Role(body.validated_data["role"]),
            actor=request.user,
        )
        return Response(self.serializer(member).data)

    def delete(self, request: Request, slug: str, username: str) -> Response:
        """Take somebody's role."""
        resource = self.get_resource(request, slug)
        if not revoke_role(
            user=_get_user(username, gone=True), resource=resource, actor=request.user
        ):
            raise NotFound("member", username)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _get_user(username: str, gone: bool = False) -> User:
    """Return an account; one that was deactivated only to take its role."""
    users = User.objects.filter(username=username)
    user: User | None = None
    if is_storable(username):
        user = users.first() if gone else users.filter(is_active=True).first()
    if user is None:
        raise NotFound("user", username)
    return user
