"""Who works on a dataset, and as what: people and teams."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request

from api.access import get_dataset
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
from datasets_app.models import Dataset
from people_app.roles import Role


class DatasetRoleSerializer(serializers.Serializer):
    """A role; who has it may do what those before it may."""

    role = serializers.ChoiceField([role.value for role in Role.of_kind("dataset")])


class DatasetMemberSerializer(DatasetRoleSerializer, PersonSerializer):
    """Somebody with a role, by name or through a team."""


class DatasetTeamSerializer(DatasetRoleSerializer, TeamOfResourceSerializer):
    """A team with a role."""


@extend_schema_view(
    get=extend_schema(
        operation_id="datasets_members",
        description="List who has a role here, the oldest role first (reviewers).\n\n"
        "Somebody who has one by name and through teams comes once for each; the highest counts.",
        parameters=[*PAGE],
        responses=answers(
            page_of("DatasetMember", DatasetMemberSerializer(many=True)), 400, 401, 403, 404
        ),
    )
)
class MemberList(MembersView):
    """The members of a dataset."""

    order = Keyset("dataset_members", ("id", "username"))
    serializer = DatasetMemberSerializer

    def get_resource(self, request: Request, slug: str) -> Dataset:
        """Return the dataset; reviewers may see its members."""
        return get_dataset(request, slug, Role.REVIEWER)


@extend_schema_view(
    put=extend_schema(
        operation_id="datasets_member_set",
        description="Give somebody a role in place of the one that they had by name (admins).\n\n"
        "409 `last_admin`: a dataset keeps an admin by name.",
        parameters=[USERNAME],
        request=DatasetRoleSerializer,
        responses=answers(DatasetMemberSerializer, 400, 401, 403, 404, 409),
    ),
    delete=extend_schema(
        operation_id="datasets_member_remove",
        description="Take the role that somebody has by name (admins).\n\n"
        "409 `last_admin`: a dataset keeps an admin by name.",
        parameters=[USERNAME],
        responses=answers(None, 401, 403, 404, 409, status=204),
    ),
)
class MemberDetail(MemberView):
    """One member of a dataset."""

    role_serializer = DatasetRoleSerializer
    serializer = DatasetMemberSerializer

    def get_resource(self, request: Request, slug: str) -> Dataset:
        """Return the dataset, where the caller is its admin."""
        return get_dataset(request, slug, Role.ADMIN)


@extend_schema_view(
    get=extend_schema(
        operation_id="datasets_teams",
        description="List which teams have a role here, the oldest role first (reviewers).",
        parameters=[*PAGE],
        responses=answers(
            page_of("DatasetTeam", DatasetTeamSerializer(many=True)), 400, 401, 403, 404
        ),
    )
)
class TeamList(TeamsView):
    """The teams of a dataset."""

    order = Keyset("dataset_teams", ("id",))
    serializer = DatasetTeamSerializer

    def get_resource(self, request: Request, slug: str) -> Dataset:
        """Return the dataset; reviewers may see its teams."""
        return get_dataset(request, slug, Role.REVIEWER)


@extend_schema_view(
    put=extend_schema(
        operation_id="datasets_team_set",
        description="Give a team a role in place of the one that it had (admins).\n\n"
        "It is a team that the caller may see. A team is never the last admin: "
        "a dataset keeps an admin by name.",
        parameters=[TEAM],
        request=DatasetRoleSerializer,
        responses=answers(DatasetTeamSerializer, 400, 401, 403, 404),
    ),
    delete=extend_schema(
        operation_id="datasets_team_remove",
        description="Take the role of a team (admins).",
        parameters=[TEAM],
        responses=answers(None, 401, 403, 404, status=204),
    ),
)
class TeamDetail(TeamView):
    """One team of a dataset."""

    role_serializer = DatasetRoleSerializer
    serializer = DatasetTeamSerializer

    def get_resource(self, request: Request, slug: str) -> Dataset:
        """Return the dataset, where the caller is its admin."""
        return get_dataset(request, slug, Role.ADMIN)
