"""Who works on a dataset, and as what."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request

from api.access import get_dataset
from api.documentation import PAGE, answers, page_of
from api.members import USERNAME, MembersView, MemberView
from api.pagination import Keyset
from datasets_app.models import Dataset
from people_app.roles import Role


class DatasetRoleSerializer(serializers.Serializer):
    """A role; who has it may do what those before it may."""

    role = serializers.ChoiceField([role.value for role in Role.of_kind("dataset")])


class DatasetMemberSerializer(DatasetRoleSerializer):
    """Somebody with a role."""

    username = serializers.CharField(source="user.username")
    since = serializers.DateTimeField(source="created_at")


@extend_schema_view(
    get=extend_schema(
        operation_id="datasets_members",
        description="List who has a role here, the longest member first (reviewers).",
        parameters=[*PAGE],
        responses=answers(
            page_of("DatasetMember", DatasetMemberSerializer(many=True)), 400, 401, 403, 404
        ),
    )
)
class MemberList(MembersView):
    """The members of a dataset."""

    order = Keyset("dataset_members", ("id",))
    serializer = DatasetMemberSerializer

    def get_resource(self, request: Request, slug: str) -> Dataset:
        """Return the dataset; reviewers may see its members."""
        return get_dataset(request, slug, Role.REVIEWER)


@extend_schema_view(
    put=extend_schema(
        operation_id="datasets_member_set",
        description="Give somebody a role in place of the one that they had (admins).\n\n"
        "409 `last_admin`: a dataset keeps an admin.",
        parameters=[USERNAME],
        request=DatasetRoleSerializer,
        responses=answers(DatasetMemberSerializer, 400, 401, 403, 404, 409),
    ),
    delete=extend_schema(
        operation_id="datasets_member_remove",
        description="Take somebody's role (admins). 409 `last_admin`: a dataset keeps an admin.",
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
