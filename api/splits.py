"""Splits: train, val and test for many images at once."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.branches import NAME
from api.documentation import answers
from api.errors import invalid
from api.fields import DigestField
from api.group_keys import GroupKeySerializer, group_key_of
from api.idempotency import key_of, sha256_of
from api.jobs import JobSerializer, job_response
from api.merges import IDEMPOTENCY_KEY
from api.versions import VersionSerializer, version_json
from datasets_app.actions.splits import (
    ByGroup,
    ByList,
    Splitting,
    assign_splits,
    is_large,
    preview_splits,
    request_splits,
)
from datasets_app.names import clean_ref_name
from datasets_app.splitting import SplitRule
from people_app.roles import Role


class SplitsSerializer(serializers.Serializer):
    """An assignment: `ratios`, `seed`, `group` and `keyless` by group, `splits` by list."""

    expected_head = DigestField(help_text="the id that the branch is at")
    by = serializers.ChoiceField(["group", "list"])
    message = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    dry_run = serializers.BooleanField(default=False, help_text="count, and commit nothing")
    only_unassigned = serializers.BooleanField(
        default=False, help_text="leave images that have a split; others of their group join them"
    )
    ratios = serializers.DictField(
        child=serializers.FloatField(min_value=0, max_value=1),
        required=False,
        help_text="share of each split, together 1",
    )
    seed = serializers.CharField(
        max_length=200, allow_blank=True, default="", trim_whitespace=False
    )
    group = GroupKeySerializer(required=False)
    keyless = serializers.ChoiceField(
        ["leave", "alone"],
        default="leave",
        help_text="images without a key: left as they are, or each a group of its own",
    )
    splits = serializers.DictField(
        child=serializers.CharField(allow_null=True, allow_blank=True, max_length=64),
        required=False,
        help_text="the split of each name; null: none",
    )
    skip_unknown = serializers.BooleanField(
        default=False, help_text="pass over names that are not there"
    )


class SplitCountSerializer(serializers.Serializer):
    """One split after the assignment; null: the images in none."""

    split = serializers.CharField(allow_null=True)
    images = serializers.IntegerField()
    groups = serializers.IntegerField(allow_null=True)


class MoveSerializer(serializers.Serializer):
    """How many images go from one split to another; null: none."""

    to = serializers.CharField(allow_null=True)
    images = serializers.IntegerField()

    def get_fields(self) -> dict[str, Any]:
        """Add `from`, which is no name in Python."""
        return {"from": serializers.CharField(allow_null=True), **super().get_fields()}


class KeylessSerializer(serializers.Serializer):
    """Images that have no group; the first 20 names."""

    images = serializers.IntegerField()
    names = serializers.ListField(child=serializers.CharField())


class AssignmentSerializer(serializers.Serializer):
    """What an assignment does, of the images that it looks at."""

    by = serializers.ChoiceField(["group", "list"])
    images = serializers.IntegerField()
    changed = serializers.IntegerField()
    splits = SplitCountSerializer(many=True)
    moves = MoveSerializer(many=True)
    groups = serializers.IntegerField(allow_null=True)
    divided_groups = serializers.IntegerField(
        allow_null=True, help_text="groups in several splits: by hand, with only_unassigned"
    )
    without_key = KeylessSerializer()
    unknown_names = serializers.IntegerField()


class SplitPreviewSerializer(serializers.Serializer):
    """What would be done."""

    assignment = AssignmentSerializer()


class AssignedVersionSerializer(VersionSerializer):
    """The version that an assignment made."""

    assignment = AssignmentSerializer()


class SplitList(APIView):
    """The splits of a branch."""

    @extend_schema(
        operation_id="splits_create",
        parameters=[NAME, IDEMPOTENCY_KEY],
        request=SplitsSerializer,
        responses={
            **answers(AssignedVersionSerializer, 400, 401, 403, 404, 409, 422, status=201),
            200: SplitPreviewSerializer,
            202: OpenApiResponse(JobSerializer, "more than 5,000 images: by a job"),
        },
    )
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Give images their splits in one version (annotators).

        By group, an image's split is a pure function of its group, the seed and the ratios:
        images that are added move no others, and no group is divided. 409 `branch_moved` as
        for commits, `nothing_changed` if all have their splits already.
        """
        dataset = get_dataset(request, slug, Role.ANNOTATOR)
        body = SplitsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        splitting = _splitting_of(values)
        wanted: dict[str, Any] = {
            "dataset": dataset,
            "branch": clean_ref_name(name),
            "expected_head": values["expected_head"],
            "splitting": splitting,
        }
        commit: dict[str, Any] = {
            "author": request.user,
            "message": values["message"],
            "idempotency_key": key_of(request),
            "body_sha256": sha256_of(request.data),
        }
        if is_large(dataset, values["expected_head"], splitting):
            return job_response(request_splits(**wanted, **commit, dry_run=values["dry_run"]))
        if values["dry_run"]:
            return Response({"assignment": preview_splits(**wanted).counts.to_json()})
        made = assign_splits(**wanted, **commit)
        assert made.version is not None  # it was not only tried
        found = {**version_json(made.version), "assignment": made.counts.to_json()}
        return Response(found, status=status.HTTP_201_CREATED)


def _splitting_of(values: dict[str, Any]) -> Splitting:
    if values["by"] == "list":
        if values.get("splits") is None:
            raise invalid("splits", "a list needs it", "required")
        splits = {name: split or "" for name, split in values["splits"].items()}
        return ByList(splits, values["only_unassigned"], values["skip_unknown"])
    if values.get("ratios") is None:
        raise invalid("ratios", "groups need it", "required")
    return ByGroup(
        SplitRule(values["ratios"], values["seed"]),
        group_key_of(values.get("group")),
        values["only_unassigned"],
        alone=values["keyless"] == "alone",
    )
