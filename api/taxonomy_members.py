"""Who works on a taxonomy, and as what: people and teams."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request

from api.documentation import PAGE, answers, page_of
from api.members import (
    TEAM,
    USERNAME,
    MembersView,
    MemberView,
    PersonSerializer,
    TeamOfResourceSerializer,
    TeamsView,
    TeamView,
)
from api.pagination import Keyset
from api.taxonomy_access import get_taxonomy
from api.taxonomy_bodies import ROLES
from labels_app.models import Taxonomy
from people_app.roles import Role


class RoleSerializer(serializers.Serializer):
    """A role; who has it may do what those before it may."""

    role = serializers.ChoiceField(ROLES)


class MemberSerializer(RoleSerializer, PersonSerializer):
    """Somebody with a role, by name or through a team."""


class TaxonomyTeamSerializer(RoleSerializer, TeamOfResourceSerializer):
    """A team with a role."""


@extend_schema_view(
    get=extend_schema(
        operation_id="taxonomies_members",
        description="List who has a role here, the oldest role first (curators).\n\n"
        "Somebody who has one by name and through teams comes once for each; the highest counts.",
        parameters=[*PAGE],
        responses=answers(
            page_of("TaxonomyMember", MemberSerializer(many=True)), 400, 401, 403, 404
        ),
    )
)
class MemberList(MembersView):
    """The members of a taxonomy."""

    order = Keyset("taxonomy_members", ("id", "username"))
    serializer = MemberSerializer

    def get_resource(self, request: Request, slug: str) -> Taxonomy:
        """Return the taxonomy; curators may see its members."""
        return get_taxonomy(request, slug, Role.CURATOR)


@extend_schema_view(
    put=extend_schema(
        operation_id="taxonomies_member_set",
        description="Give somebody a role in place of the one that they had by name (owners).\n\n"
        "409 `last_admin`: a taxonomy keeps an owner by name.",
        parameters=[USERNAME],
        request=RoleSerializer,
        responses=answers(MemberSerializer, 400, 401, 403, 404, 409),
    ),
    delete=extend_schema(
        operation_id="taxonomies_member_remove",
        description="Take the role that somebody has by name (owners).\n\n"
        "409 `last_admin`: a taxonomy keeps an owner by name.",
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


@extend_schema_view(
    get=extend_schema(
        operation_id="taxonomies_teams",
        description="List which teams have a role here, the oldest role first (curators).",
        parameters=[*PAGE],
        responses=answers(
            page_of("TaxonomyTeam", TaxonomyTeamSerializer(many=True)), 400, 401, 403, 404
        ),
    )
)
class TeamList(TeamsView):
    """The teams of a taxonomy."""

    order = Keyset("taxonomy_teams", ("id",))
    serializer = TaxonomyTeamSerializer

    def get_resource(self, request: Request, slug: str) -> Taxonomy:
        """Return the taxonomy; curators may see its teams."""
        return get_taxonomy(request, slug, Role.CURATOR)


@extend_schema_view(
    put=extend_schema(
        operation_id="taxonomies_team_set",
        description="Give a team a role in place of the one that it had (owners).\n\n"
        "It is a team that the caller may see. A team is never the last owner: "
        "a taxonomy keeps an owner by name.",
        parameters=[TEAM],
        request=RoleSerializer,
        responses=answers(TaxonomyTeamSerializer, 400, 401, 403, 404),
    ),
    delete=extend_schema(
        operation_id="taxonomies_team_remove",
        description="Take the role of a team (owners).",
        parameters=[TEAM],
        responses=answers(None, 401, 403, 404, status=204),
    ),
)
class TeamDetail(TeamView):
    """One team of a taxonomy."""

    role_serializer = RoleSerializer
    serializer = TaxonomyTeamSerializer

    def get_resource(self, request: Request, slug: str) -> Taxonomy:
        """Return the taxonomy, where the caller is its owner."""
        return get_taxonomy(request, slug, Role.OWNER)
