"""What publishing a draft would do to branches, before anybody does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer_for_now
from api.documentation import answers
from api.taxonomy_access import get_taxonomy
from api.taxonomy_bodies import ObjectsField, TaxonomyChangeSerializer
from api.versions import TaxonomyNameSerializer
from datasets_app.models import Dataset
from datasets_app.previews import NamedBranch, choose_heads, preview_changes, preview_to_plain
from datasets_app.previews.heads import MOST_HEADS
from datasets_app.previews.previewing import MOST_EXAMPLES
from labels_app.actions.drafts import get_draft, preview_operations
from labels_app.models import Kind
from labels_app.reading import reading_of

_PICTURE_SIDE = 512


class NamedBranchSerializer(serializers.Serializer):
    """A branch by name."""

    dataset = serializers.SlugField(max_length=100)
    branch = serializers.CharField(
        max_length=200, required=False, help_text="left out: the default branch"
    )


class PreviewRequestSerializer(serializers.Serializer):
    """What to preview."""

    branches = serializers.ListField(
        child=NamedBranchSerializer(),
        required=False,
        max_length=MOST_HEADS,
        help_text="left out: the default branches of the datasets that use the taxonomy",
    )
    examples = serializers.IntegerField(
        min_value=0, max_value=MOST_EXAMPLES, default=3, help_text="images per change and branch"
    )
    operations = ObjectsField(
        required=False, help_text="edits of the draft to preview with it; they are not stored"
    )


class PreviewedChangeSerializer(TaxonomyChangeSerializer):
    """A net change of the draft against the newest version."""

    changes_reading = serializers.BooleanField(help_text="whether labels read differently by it")


class ExampleImageSerializer(serializers.Serializer):
    """An image that shows the classes, and its picture before and after.

    `after` shows the draft as it is stored: null where operations are previewed.
    """

    number = serializers.IntegerField()
    name = serializers.CharField()
    pixels = serializers.IntegerField(help_text="visible ones of the classes")
    before = serializers.CharField(help_text="a path")
    after = serializers.CharField(allow_null=True, help_text="a path")


class ChangeEffectSerializer(serializers.Serializer):
    """What one change does to one branch; null: not counted yet."""

    images = serializers.IntegerField(
        allow_null=True, help_text="with a segment that reads as something else then"
    )
    segments = serializers.IntegerField(
        allow_null=True, help_text="such segments, as the branch reads now"
    )
    pixels = serializers.IntegerField(help_text="their visible pixels")
    joined = serializers.IntegerField(
        allow_null=True, help_text="segments that become part of another one"
    )
    crowds = serializers.IntegerField(allow_null=True, help_text="crowds that stuff becomes")
    examples = ExampleImageSerializer(many=True)


class ClassTotalsSerializer(serializers.Serializer):
    """What a branch holds of a class; null: not counted yet."""

    images = serializers.IntegerField(allow_null=True)
    segments = serializers.IntegerField(allow_null=True)
    pixels = serializers.IntegerField(help_text="visible ones")


class ClassTurnSerializer(serializers.Serializer):
    """A class that the changes touch, before and after; null: there is no such live class."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices, allow_null=True)
    before = ClassTotalsSerializer(allow_null=True)
    after = ClassTotalsSerializer(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field]:
        """Add `class`, which no attribute can be named."""
        return {"class": serializers.IntegerField(help_text="0 is void")} | super().get_fields()


class LackingClassSerializer(serializers.Serializer):
    """A class that labels of the branch hold and that the draft lacks."""

    class_id = serializers.IntegerField()
    segments = serializers.IntegerField()


class BranchPreviewSerializer(serializers.Serializer):
    """What the changes do to a branch; `effects` are in the order of `changes`."""

    dataset = serializers.CharField()
    branch = serializers.CharField()
    version = serializers.CharField()
    number = serializers.IntegerField()
    taxonomy = TaxonomyNameSerializer(help_text="by which the branch reads now")
    pending = serializers.BooleanField()
    job = serializers.UUIDField(allow_null=True)
    can_move = serializers.BooleanField(help_text="false: 409 `unknown_class`")
    unknown_classes = LackingClassSerializer(many=True)
    earlier = PreviewedChangeSerializer(
        many=True, help_text="published changes that moving the branch brings beside these"
    )
    effects = ChangeEffectSerializer(many=True)
    classes = ClassTurnSerializer(many=True)


class PreviewSerializer(serializers.Serializer):
    """What publishing the draft would do. While `pending`, ask again when the jobs are done."""

    taxonomy = serializers.CharField()
    base = serializers.IntegerField(help_text="the version that the changes are against")
    revision = serializers.IntegerField(help_text="of the draft")
    changes_rules = serializers.BooleanField()
    pending = serializers.BooleanField()
    jobs = serializers.ListField(child=serializers.UUIDField())
    changes = PreviewedChangeSerializer(many=True)
    branches = BranchPreviewSerializer(many=True)
    branches_left_out = serializers.IntegerField()


class TaxonomyPreview(APIView):
    """The effect of a draft. To ask for it changes nothing of the taxonomy."""

    action = "preview"
    reading_actions = ("preview",)

    @extend_schema(
        operation_id="taxonomies_draft_preview",
        request=PreviewRequestSerializer,
        responses=answers(PreviewSerializer, 400, 401, 404, 409, 422),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Say per change and branch what publishing the draft would do; nothing is written.

        Segments and pixels are exact at once, whatever the number of images; what has to be
        counted image by image is null, `pending`, and left to a job.
        """
        taxonomy = get_taxonomy(request, slug)
        body = PreviewRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        operations = wanted.get("operations") or ()
        draft = preview_operations(get_draft(taxonomy), operations)
        chosen = choose_heads(
            taxonomy, Dataset.objects.visible_to(request.user), _named(wanted.get("branches"))
        )
        preview = preview_changes(
            old=reading_of(draft.base),
            new=draft.reading,
            changes=draft.changes,
            heads=chosen.heads,
            actor=request.user,
            examples=wanted["examples"],
        )
        found = preview_to_plain(preview)
        for branch in found["branches"]:
            _add_pictures(branch, None if operations else taxonomy.slug)
        answer = {
            "taxonomy": taxonomy.slug,
            "base": draft.base.number,
            "revision": draft.revision,
            "changes_rules": draft.changes_rules,
            **found,
            "branches_left_out": chosen.left_out,
        }
        return answer_for_now(answer) if preview.pending else Response(answer)


def _named(rows: list[Mapping[str, str]] | None) -> list[NamedBranch] | None:
    return (
        None if rows is None else [NamedBranch(row["dataset"], row.get("branch")) for row in rows]
    )


def _add_pictures(branch: dict[str, Any], draft_of: str | None) -> None:
    """Say where the pictures of the examples are; none after, where no draft is stored."""
    place = f"/api/v1/datasets/{quote(branch['dataset'])}/versions/{branch['version']}"
    for effect in branch["effects"]:
        for example in effect["examples"]:
            path = f"{place}/images/{example['number']}/overlay.png?size={_PICTURE_SIDE}"
            example["before"] = path
            example["after"] = f"{path}&taxonomy={quote(draft_of)}@draft" if draft_of else None
