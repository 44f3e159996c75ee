"""Members of a resource: what the paths of datasets and of taxonomies have in common.

A person has a role by name or through teams; each way is a row of the list of members, and
the highest role counts.
"""

from __future__ import annotations

from datetime import datetime
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
from people_app.actions.roles import (
    grant_role,
    grant_team_role,
    revoke_role,
    revoke_team_role,
)
from people_app.models import Membership, Team, User
from people_app.roles import Role

USERNAME = OpenApiParameter("username", OpenApiTypes.STR, OpenApiParameter.PATH)
TEAM = OpenApiParameter(
    "team", OpenApiTypes.STR, OpenApiParameter.PATH, description="the slug of a team"
)


class PersonSerializer(serializers.Serializer):
    """Somebody with a role, and whence they have it: a row of `Membership.objects.people_on`."""

    username = serializers.CharField()
    team = serializers.CharField(
        source="team_slug", allow_null=True, help_text="through this team; null: by name"
    )
    since = serializers.SerializerMethodField()

    def get_since(self, row: Any) -> datetime:
        """Return when they got it: a team gives it from when both are together."""
        since: datetime = row.created_at
        return since if row.joined_at is None else max(since, row.joined_at)


class TeamOfResourceSerializer(serializers.Serializer):
    """A team with a role."""

    team = serializers.CharField(source="team.slug")
    name = serializers.CharField(source="team.name", allow_blank=True)
    since = serializers.DateTimeField(source="created_at")


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
        """List who has a role here by name or through a team, the oldest role first."""
        rows = Membership.objects.people_on(*_name_of(self.get_resource(request, slug)))
        return self.page(request, rows)

    def page(self, request: Request, rows: models.QuerySet[Membership]) -> Response:
        """Return a page of these rows."""
        page = self.order.page(request, rows)
        return Response(
            page_json(
                request, self.order.name, page, lambda rows: self.serializer(rows, many=True).data
            )
        )


class TeamsView(MembersView):
    """The list of teams."""

    def get(self, request: Request, slug: str) -> Response:
        """List which teams have a role here, the oldest role first."""
        rows = Membership.objects.on(*_name_of(self.get_resource(request, slug))).of_teams()
        return self.page(request, rows.select_related("team"))


class MemberView(Members):
    """One member."""

    role_serializer: ClassVar[type[serializers.Serializer]]

    def put(self, request: Request, slug: str, username: str) -> Response:
        """Give somebody a role in place of the one that they had by name."""
        resource = self.get_resource(request, slug)
        role = _role(self.role_serializer, request)
        user = get_user(username)
        member = grant_role(user=user, resource=resource, role=role, actor=request.user)
        row = Membership.objects.people_on(*_name_of(resource)).get(pk=member.pk)
        return Response(self.serializer(row).data)

    def delete(self, request: Request, slug: str, username: str) -> Response:
        """Take the role that somebody has by name; what teams give them stays."""
        resource = self.get_resource(request, slug)
        user = get_user(username, gone=True)
        if not revoke_role(user=user, resource=resource, actor=request.user):
            raise NotFound("member", username)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TeamView(Members):
    """One team."""

    role_serializer: ClassVar[type[serializers.Serializer]]

    def put(self, request: Request, slug: str, team: str) -> Response:
        """Give a team a role in place of the one that it had."""
        resource = self.get_resource(request, slug)
        role = _role(self.role_serializer, request)
        found = _get_team(request, team)
        member = grant_team_role(team=found, resource=resource, role=role, actor=request.user)
        return Response(self.serializer(member).data)

    def delete(self, request: Request, slug: str, team: str) -> Response:
        """Take the role of a team."""
        resource = self.get_resource(request, slug)
        found = _get_team(request, team)
        if not revoke_team_role(team=found, resource=resource, actor=request.user):
            raise NotFound("team", team)
        return Response(status=status.HTTP_204_NO_CONTENT)


def get_user(username: str, gone: bool = False) -> User:
    """Return an account; one that was deactivated only where `gone`, to take what it has."""
    users = User.objects.filter(username=username)
    user: User | None = None
    if is_storable(username):
        user = users.first() if gone else users.filter(is_active=True).first()
    if user is None:
        raise NotFound("user", username)
    return user


def _get_team(request: Request, slug: str) -> Team:
    """Return a team that the caller may see: others do not learn that it exists."""
    found: Team | None = None
    if is_storable(slug):
        found = Team.objects.visible_to(request.user).filter(slug=slug).first()
    if found is None:
        raise NotFound("team", slug)
    return found


def _role(serializer: type[serializers.Serializer], request: Request) -> Role:
    body: Any = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return Role(body.validated_data["role"])


def _name_of(resource: models.Model) -> tuple[str, int]:
    return str(resource._meta.model_name), resource.pk
