"""The draft of a taxonomy: read, edited, replaced, thrown away, published."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.caching import answer_json, etag_of
from api.documentation import IF_NONE_MATCH, answers, query
from api.errors import Problem, invalid
from api.fields import DigestField
from api.taxonomy_access import get_taxonomy
from api.taxonomy_bodies import (
    ClassSerializer,
    ObjectsField,
    RuleSerializer,
    TaxonomyChangeSerializer,
    TaxonomyVersionSerializer,
    changes_json,
    classes_json,
)
from api.versions import VersionSerializer, versions_json
from datasets_app.actions.migrations import BranchMove, Publication, publish_and_migrate
from datasets_app.models import Version
from labels_app.actions.drafts import (
    Draft,
    discard_draft,
    edit_draft,
    get_draft,
    replace_draft,
)
from people_app.roles import Role

_HIGHEST_REVISION = 2**31 - 1
MOST_BRANCHES = 100


class DraftSerializer(serializers.Serializer):
    """The next version as it stands; `base` is the version that it would follow.

    `revision` goes into every edit as `expected_revision`. Not edited: it says what the base
    says.
    """

    revision = serializers.IntegerField()
    base = serializers.IntegerField()
    is_edited = serializers.BooleanField()
    classes = ClassSerializer(many=True)
    rules = RuleSerializer(many=True)
    changes = TaxonomyChangeSerializer(many=True, help_text="from the base to the draft")
    updated_by = serializers.CharField(allow_null=True)
    updated_at = serializers.DateTimeField(allow_null=True)


class ExpectationSerializer(serializers.Serializer):
    """What the writer has seen."""

    expected_revision = serializers.IntegerField(min_value=0, max_value=_HIGHEST_REVISION)


class DraftReplacementSerializer(ExpectationSerializer):
    """All classes of the draft; without rules those stay. A class without an id is new."""

    classes = ObjectsField(help_text="as the draft has them; only name and kind are needed")
    rules = ObjectsField(required=False, allow_null=True)


class OperationsSerializer(ExpectationSerializer):
    """Edits, all of them or none: `[{"op": "rename", "class": "car", "name": "automobile"}]`."""

    operations = ObjectsField(
        help_text="op is one of add, rename, recolor, reparent, edit, merge, split, retire, flip, "
        "revive, import, remove, undo, rules; classes are named by id or name"
    )


class BranchMoveSerializer(serializers.Serializer):
    """A branch that moves to the new version; left out, `expected_head` is wherever it is."""

    dataset = serializers.SlugField(max_length=100)
    branch = serializers.CharField(max_length=200)
    expected_head = DigestField(required=False, allow_null=True)


class PublishSerializer(ExpectationSerializer):
    """A publication, with the branches that move to it in the same moment."""

    message = serializers.CharField(max_length=10_000, allow_blank=True, help_text="needed")
    migrate = serializers.ListField(
        child=BranchMoveSerializer(), max_length=MOST_BRANCHES, required=False
    )


class MovedBranchSerializer(serializers.Serializer):
    """A branch that moved."""

    dataset = serializers.CharField()
    branch = serializers.CharField()
    version = VersionSerializer()


class PublicationSerializer(TaxonomyVersionSerializer):
    """The new version, and the branches that moved to it."""

    taxonomy = serializers.CharField()
    migrated = MovedBranchSerializer(many=True)


class DraftDetail(APIView):
    """The draft of a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_draft",
        parameters=[IF_NONE_MATCH],
        responses=answers(DraftSerializer, 404),
    )
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        """Return the draft; its ETag goes by its revision."""
        draft = get_draft(get_taxonomy(request, slug))
        return _answer(request, draft)

    @extend_schema(
        operation_id="taxonomies_draft_replace",
        request=DraftReplacementSerializer,
        responses=answers(DraftSerializer, 400, 401, 403, 404, 409, 422),
    )
    def put(self, request: Request, slug: str) -> HttpResponseBase:
        """Set all classes of the draft (curators).

        409 `draft_moved` has both sides: what others did since (`theirs`) and this (`yours`).
        """
        taxonomy = get_taxonomy(request, slug, Role.CURATOR)
        body = DraftReplacementSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = {"rules": None, **body.validated_data}
        return Response(draft_json(replace_draft(taxonomy=taxonomy, actor=request.user, **values)))

    @extend_schema(
        operation_id="taxonomies_draft_discard",
        parameters=[
            query("expected_revision", "what was seen of it", OpenApiTypes.INT, required=True)
        ],
        responses=answers(None, 400, 401, 403, 404, 409, status=204),
    )
    def delete(self, request: Request, slug: str) -> Response:
        """Throw the draft away (curators); ids that its classes had are not given again."""
        taxonomy = get_taxonomy(request, slug, Role.CURATOR)
        seen = ExpectationSerializer(
            data={"expected_revision": request.query_params.get("expected_revision")}
        )
        seen.is_valid(raise_exception=True)
        discard_draft(taxonomy=taxonomy, actor=request.user, **seen.validated_data)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DraftOperations(APIView):
    """Edits of a draft."""

    @extend_schema(
        operation_id="taxonomies_draft_edit",
        request=OperationsSerializer,
        responses=answers(DraftSerializer, 400, 401, 403, 404, 409, 422),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Apply operations to the draft, all of them or none, and return it (curators).

        422 `invalid_operation` says which cannot be done (`position`, from 0) and why;
        409 `draft_moved` has both sides: what others did since (`theirs`) and these (`yours`).
        """
        taxonomy = get_taxonomy(request, slug, Role.CURATOR)
        body = OperationsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        draft = edit_draft(taxonomy=taxonomy, actor=request.user, **body.validated_data)
        return Response(draft_json(draft))


class DraftPublication(APIView):
    """The publication of a draft."""

    @extend_schema(
        operation_id="taxonomies_draft_publish",
        request=PublishSerializer,
        responses=answers(PublicationSerializer, 400, 401, 403, 404, 409, 422, status=201),
    )
    def post(self, request: Request, slug: str) -> Response:
        """Freeze the draft as the next version, and move branches to it (curators).

        Each branch gets a version of its own, for which annotators of its dataset are asked.
        Where one branch cannot move nothing is published, and the problem names it.
        """
        taxonomy = get_taxonomy(request, slug, Role.CURATOR)
        body = PublishSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        publication = publish_and_migrate(
            taxonomy=taxonomy,
            expected_revision=values["expected_revision"],
            message=values["message"],
            moves=_moves(request, values.get("migrate", ())),
            actor=request.user,
        )
        return Response(_publication_json(publication), status=status.HTTP_201_CREATED)


def draft_json(draft: Draft) -> dict[str, Any]:
    """Return a draft with what it changes."""
    return {
        "revision": draft.revision,
        "base": draft.base.number,
        "is_edited": draft.is_edited,
        "classes": classes_json(draft.classes),
        "rules": [rule.to_plain() for rule in draft.rules],
        "changes": changes_json(draft.changes),
        "updated_by": draft.updated_by.get_username() if draft.updated_by else None,
        "updated_at": draft.updated_at,
    }


def _answer(request: Request, draft: Draft) -> HttpResponseBase:
    etag = etag_of(request, draft.base.digest, draft.base.pk, draft.revision)
    return answer_json(request, etag, lambda: draft_json(draft), immutable=False)


def _moves(request: Request, rows: Any) -> list[BranchMove]:
    """Return the branches that shall move, in datasets that the caller may commit to."""
    times = Counter((row["dataset"], row["branch"]) for row in rows)
    if twice := [name for name, count in times.items() if count > 1]:
        raise invalid("migrate", f"{twice[0][0]}, branch {twice[0][1]}, comes twice")
    moves = []
    for row in rows:
        try:
            dataset = get_dataset(request, row["dataset"], Role.ANNOTATOR)
        except PermissionDenied as error:
            raise Problem(
                403,
                "permission_denied",
                f"{row['dataset']}, branch {row['branch']}: {error.detail}",
                dataset=row["dataset"],
                branch=row["branch"],
            ) from error
        moves.append(BranchMove(dataset, row["branch"], row.get("expected_head")))
    return moves


def _publication_json(publication: Publication) -> dict[str, Any]:
    version = publication.taxonomy_version
    keys = [moved.version.pk for moved in publication.moved]
    made = {one.pk: one for one in Version.objects.with_parents().filter(pk__in=keys)}
    rows = versions_json([made[key] for key in keys])
    return {
        **TaxonomyVersionSerializer(version).data,
        "taxonomy": version.taxonomy.slug,
        "migrated": [
            {"dataset": moved.dataset.slug, "branch": moved.branch, "version": row}
            for moved, row in zip(publication.moved, rows, strict=True)
        ],
    }
