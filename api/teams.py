"""Teams: people who are given roles together."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import check_scope
from api.documentation import PAGE, answers, page_of
from api.members import USERNAME, get_user
from api.pagination import Keyset, page_json
from datasets_app.errors import NotFound
from datasets_app.names import is_storable
from people_app.actions.teams import (
    MAX_DESCRIPTION,
    MAX_NAME,
    MAX_SLUG,
    create_team,
    delete_team,
    remove_team_member,
    set_team_member,
    update_team,
)
from people_app.models import Team, TeamMember, TokenScope
from people_app.roles import TeamRole

_ORDER = Keyset("teams", ("slug",))
_MEMBERS = Keyset("team_members", ("id",))
_SLUG = OpenApiParameter(
    "slug", OpenApiTypes.STR, OpenApiParameter.PATH, description="the slug of a team"
)


class TeamSerializer(serializers.Serializer):
    """A team. Who is not in it, and sees it on a resource of theirs, is told its name only."""

    slug = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    description = serializers.SerializerMethodField()
    role = serializers.SerializerMethodField(help_text="the caller's; null: they are not in it")
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.CharField(allow_null=True, allow_blank=True))
    def get_description(self, team: Team) -> str | None:
        """Return the description, None to those who are not in the team."""
        return team.description if team.pk in self.context["roles"] else None

    @extend_schema_field(serializers.ChoiceField(TeamRole.choices, allow_null=True))
    def get_role(self, team: Team) -> TeamRole | None:
        """Return what the caller is in the team; `context["roles"]` has it."""
        role: TeamRole | None = self.context["roles"].get(team.pk)
        return role


class TeamChangeSerializer(serializers.Serializer):
    """What may be said about a team later, too."""

    name = serializers.CharField(max_length=MAX_NAME, allow_blank=True, required=False)
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, allow_blank=True, required=False
    )


class NewTeamSerializer(TeamChangeSerializer):
    """A new team."""

    slug = serializers.SlugField(max_length=MAX_SLUG)


class TeamRoleSerializer(serializers.Serializer):
    """What somebody is in a team."""

    role = serializers.ChoiceField(TeamRole.choices)


class TeamMemberSerializer(TeamRoleSerializer):
    """Somebody in a team."""

    username = serializers.CharField(source="user.username")
    since = serializers.DateTimeField(source="created_at")


class TeamList(APIView):
    """The teams that the caller may see."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="teams_list",
        parameters=[*PAGE],
        responses=answers(page_of("Team", TeamSerializer(many=True)), 400, 401),
    )
    def get(self, request: Request) -> Response:
        """List teams by slug: the caller's, and those with a role on what the caller governs."""
        page = _ORDER.page(request, Team.objects.visible_to(request.user))
        return Response(page_json(request, _ORDER.name, page, lambda rows: _json(request, rows)))

    @extend_schema(
        operation_id="teams_create",
        request=NewTeamSerializer,
        responses=answers(TeamSerializer, 400, 401, 403, 409, status=201),
    )
    def post(self, request: Request) -> Response:
        """Make a team; the caller becomes its maintainer."""
        body = NewTeamSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        team = create_team(actor=request.user, **body.validated_data)
        return Response(_json(request, [team])[0], status=status.HTTP_201_CREATED)


class TeamDetail(APIView):
    """One team."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="teams_get", parameters=[_SLUG], responses=answers(TeamSerializer, 401, 404)
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return what is said about a team."""
        return Response(_json(request, [_get_team(request, slug)])[0])

    @extend_schema(
        operation_id="teams_update",
        parameters=[_SLUG],
        request=TeamChangeSerializer,
        responses=answers(TeamSerializer, 400, 401, 403, 404),
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change what is said about a team (maintainers). The slug stays."""
        team = _get_team(request, slug, TeamRole.MAINTAINER)
        body = TeamChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        team = update_team(team=team, actor=request.user, **body.validated_data)
        return Response(_json(request, [team])[0])

    @extend_schema(
        operation_id="teams_delete",
        parameters=[_SLUG],
        responses=answers(None, 401, 403, 404, status=204),
    )
    def delete(self, request: Request, slug: str) -> Response:
        """Delete a team and the roles that it has (maintainers)."""
        delete_team(team=_get_team(request, slug, TeamRole.MAINTAINER), actor=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TeamMemberList(APIView):
    """Who is in a team."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="teams_members",
        parameters=[_SLUG, *PAGE],
        responses=answers(
            page_of("TeamMember", TeamMemberSerializer(many=True)), 400, 401, 403, 404
        ),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List who is in a team, the longest member first (members)."""
        team = _get_team(request, slug, TeamRole.MEMBER)
        rows = TeamMember.objects.filter(team=team).select_related("user")
        page = _MEMBERS.page(request, rows)
        return Response(
            page_json(
                request,
                _MEMBERS.name,
                page,
                lambda rows: TeamMemberSerializer(rows, many=True).data,
            )
        )


class TeamMemberDetail(APIView):
    """One place in a team."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="teams_member_set",
        parameters=[_SLUG, USERNAME],
        request=TeamRoleSerializer,
        responses=answers(TeamMemberSerializer, 400, 401, 403, 404, 409),
    )
    def put(self, request: Request, slug: str, username: str) -> Response:
        """Take somebody into a team, or change what they are in it (maintainers).

        They have the team's roles from now on. 409 `last_maintainer`: a team keeps one.
        """
        team = _get_team(request, slug, TeamRole.MAINTAINER)
        body = TeamRoleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        place = set_team_member(
            team=team,
            user=get_user(username),
            role=TeamRole(body.validated_data["role"]),
            actor=request.user,
        )
        return Response(TeamMemberSerializer(place).data)

    @extend_schema(
        operation_id="teams_member_remove",
        parameters=[_SLUG, USERNAME],
        responses=answers(None, 401, 403, 404, 409, status=204),
    )
    def delete(self, request: Request, slug: str, username: str) -> Response:
        """Take somebody out of a team (maintainers), or leave it (everybody in it).

        What the team gave them ends at once. 409 `last_maintainer`: a team keeps one.
        """
        is_oneself = username == request.user.get_username()
        team = _get_team(request, slug, TeamRole.MEMBER if is_oneself else TeamRole.MAINTAINER)
        check_scope(request, TokenScope.ADMIN)
        user = get_user(username, gone=True)
        if not remove_team_member(team=team, user=user, actor=request.user):
            raise NotFound("member", username)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _get_team(request: Request, slug: str, at_least: TeamRole | None = None) -> Team:
    """Return a team that the caller sees and is `at_least` this in; one or two queries.

    Raises
    ------
    NotFound
        There is none, or the caller may not see it.
    PermissionDenied
        The caller may see it, and not do this; or their token is too narrow.
    """
    visible = Team.objects.visible_to(request.user)
    team: Team | None = visible.filter(slug=slug).first() if is_storable(slug) else None
    if team is None:
        raise NotFound("team", slug)
    if at_least is not None:
        role = team.role_of(request.user)
        if role is None or not role.covers(at_least):
            raise PermissionDenied(
                f"this takes a {at_least.value} of the team; you are {role or 'not in it'}"
            )
    if at_least == TeamRole.MAINTAINER:
        check_scope(request, TokenScope.ADMIN)
    return team


def _json(request: Request, teams: Any) -> Any:
    """Return teams with what the caller is in them: one query for all of them."""
    keys = [team.pk for team in teams]
    roles = TeamMember.objects.roles_in(request.user, keys)
    return TeamSerializer(teams, many=True, context={"roles": roles}).data
