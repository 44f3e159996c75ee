"""Who works on a taxonomy, and as what."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.documentation import PAGE, answers, page_of
from api.pagination import Keyset, page_json
from api.taxonomy_access import TAXONOMY, get_taxonomy
from api.taxonomy_bodies import ROLES
from datasets_app.errors import NotFound
from datasets_app.names import is_storable
from people_app.actions.roles import grant_role, revoke_role
from people_app.models import Membership, User
from people_app.roles import Role

_ORDER = Keyset("taxonomy_members", ("id",))
_USERNAME = OpenApiParameter("username", OpenApiTypes.STR, OpenApiParameter.PATH)


class RoleSerializer(serializers.Serializer):
    """A role; who has it may do what those before it may."""

    role = serializers.ChoiceField(ROLES)


class MemberSerializer(RoleSerializer):
    """Somebody with a role."""

    username = serializers.CharField(source="user.username")
    since = serializers.DateTimeField(source="created_at")


class MemberList(APIView):
    """The members of a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_members",
        parameters=[*PAGE],
        responses=answers(
            page_of("TaxonomyMember", MemberSerializer(many=True)), 400, 401, 403, 404
        ),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List who has a role here, the longest member first (curators)."""
        taxonomy = get_taxonomy(request, slug, Role.CURATOR)
        rows = Membership.objects.on(TAXONOMY, taxonomy.pk).select_related("user")
        page = _ORDER.page(request, rows)
        return Response(
            page_json(
                request, _ORDER.name, page, lambda rows: MemberSerializer(rows, many=True).data
            )
        )


class MemberDetail(APIView):
    """One member of a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_member_set",
        parameters=[_USERNAME],
        request=RoleSerializer,
        responses=answers(MemberSerializer, 400, 401, 403, 404, 409),
    )
    def put(self, request: Request, slug: str, username: str) -> Response:
        """Give somebody a role in place of the one that they had (owners).

        409 `last_admin`: a taxonomy keeps an owner.
        """
        taxonomy = get_taxonomy(request, slug, Role.OWNER)
        body = RoleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        member = grant_role(
            user=_get_user(username),
            resource=taxonomy,
            role=Role(body.validated_data["role"]),
            actor=request.user,
        )
        return Response(MemberSerializer(member).data)

    @extend_schema(
        operation_id="taxonomies_member_remove",
        parameters=[_USERNAME],
        responses=answers(None, 401, 403, 404, 409, status=204),
    )
    def delete(self, request: Request, slug: str, username: str) -> Response:
        """Take somebody's role (owners). 409 `last_admin`: a taxonomy keeps an owner."""
        taxonomy = get_taxonomy(request, slug, Role.OWNER)
        if not revoke_role(user=_get_user(username), resource=taxonomy, actor=request.user):
            raise NotFound("member", username)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _get_user(username: str) -> User:
    users = User.objects.filter(username=username, is_active=True)
    user: User | None = users.first() if is_storable(username) else None
    if user is None:
        raise NotFound("user", username)
    return user
