"""Who works on a taxonomy, and as what."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request

from api.documentation import PAGE, answers, page_of
from api.members import USERNAME, MembersView, MemberView
from api.pagination import Keyset
from api.taxonomy_access import get_taxonomy
from api.taxonomy_bodies import ROLES
from labels_app.models import Taxonomy
from people_app.roles import Role


class RoleSerializer(serializers.Serializer):
    """A role; who has it may do what those before it may."""

    role = serializers.ChoiceField(ROLES)


class MemberSerializer(RoleSerializer):
    """Somebody with a role."""

    username = serializers.CharField(source="user.username")
    since = serializers.DateTimeField(source="created_at")


@extend_schema_view(
    get=extend_schema(
        operation_id="taxonomies_members",
        description="List who has a role here, the longest member first (curators).",
        parameters=[*PAGE],
        responses=answers(
            page_of("TaxonomyMember", MemberSerializer(many=True)), 400, 401, 403, 404
        ),
    )
)
class MemberList(MembersView):
    """The members of a taxonomy."""

    order = Keyset("taxonomy_members", ("id",))
    serializer = MemberSerializer

    def get_resource(self, request: Request, slug: str) -> Taxonomy:
        """Return the taxonomy; curators may see its members."""
        return get_taxonomy(request, slug, Role.CURATOR)


@extend_schema_view(
    put=extend_schema(
        operation_id="taxonomies_member_set",
        description="Give somebody a role in place of the one that they had (owners).\n\n"
        "409 `last_admin`: a taxonomy keeps an owner.",
        parameters=[USERNAME],
        request=RoleSerializer,
        responses=answers(MemberSerializer, 400, 401, 403, 404, 409),
    ),
    delete=extend_schema(
        operation_id="taxonomies_member_remove",
        description="Take somebody's role (owners). 409 `last_admin`: a taxonomy keeps an owner.",
        parameters=[USERNAME],
        responses=answers(None, 401, 403, 404, 409, status=204),
    ),
)
class MemberDetail(MemberView):
    """One member of a taxonomy."""

    role_serializer = RoleSerializer
    serializer = MemberSerializer

    def get_resource(self, request: Request, slug: str) -> Taxonomy:
        """Return the taxonomy, where the caller is its owner."""
        return get_taxonomy(request, slug, Role.OWNER)
