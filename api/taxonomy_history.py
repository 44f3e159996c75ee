"""What changed between two sides of a taxonomy, and who did what to it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer_json, etag_of
from api.documentation import IF_NONE_MATCH, PAGE, answers, page_of
from api.errors import invalid
from api.pagination import Keyset, page_json
from api.taxonomies import get_version
from api.taxonomy_access import TAXONOMY, get_taxonomy
from api.taxonomy_bodies import RuleSerializer, TaxonomyChangeSerializer, changes_json
from datasets_app.taxonomy_access import DRAFT
from labels_app.actions.drafts import get_draft
from labels_app.classes import ClassSpec
from labels_app.models import Taxonomy
from labels_app.reading import reading_of
from labels_app.taxonomy_diff import diff_classes
from people_app.models import AuditEvent
from people_app.roles import Role

_EVENTS = Keyset("taxonomy_history", ("-id",))
_SIDE = re.compile(rf"\d{{1,9}}|{DRAFT}", re.ASCII)


class ComparedSideSerializer(serializers.Serializer):
    """One side: a version by its number, or the draft by its revision."""

    number = serializers.IntegerField(allow_null=True)
    draft_revision = serializers.IntegerField(allow_null=True)


class RuleChangeSerializer(serializers.Serializer):
    """The label rules of both sides."""

    old = RuleSerializer(many=True)
    new = RuleSerializer(many=True)
    same = serializers.BooleanField()


class TaxonomyComparisonSerializer(serializers.Serializer):
    """What happened to the classes of a taxonomy, and to its label rules."""

    old = ComparedSideSerializer()
    new = ComparedSideSerializer()
    changes = TaxonomyChangeSerializer(many=True)
    rules = RuleChangeSerializer()


class EventSerializer(serializers.Serializer):
    """Something that somebody did to a taxonomy; facts go with the verb."""

    at = serializers.DateTimeField()
    by = serializers.CharField(source="actor.username", default=None, allow_null=True)
    verb = serializers.CharField()
    facts = serializers.DictField()


class TaxonomyComparison(APIView):
    """Two sides of a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_compare",
        parameters=[
            OpenApiParameter(
                "spec",
                OpenApiTypes.STR,
                OpenApiParameter.PATH,
                description="`OLD..NEW`: numbers of versions, or `draft`; the older side first",
            ),
            IF_NONE_MATCH,
        ],
        responses=answers(TaxonomyComparisonSerializer, 400, 404),
    )
    def get(self, request: Request, slug: str, spec: str) -> HttpResponseBase:
        """Return what happened from one version to a later one, or to the draft."""
        taxonomy = get_taxonomy(request, slug)
        old, new = (_side(taxonomy, name) for name in _sides(spec))
        if old.rank > new.rank:
            raise invalid("spec", "the older side comes first")
        return answer_json(
            request,
            etag_of(request, *old.identity, *new.identity),
            lambda: _comparison(old, new),
            immutable=new.number is not None,
        )


class TaxonomyEventList(APIView):
    """What was done to a taxonomy."""

    @extend_schema(
        operation_id="taxonomies_history",
        parameters=[*PAGE],
        responses=answers(page_of("TaxonomyEvent", EventSerializer(many=True)), 400, 404),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List who did what and when, newest first; who got which role is told to curators."""
        taxonomy = get_taxonomy(request, slug)
        page = _EVENTS.page(request, _events(request, taxonomy))
        return Response(
            page_json(
                request, _EVENTS.name, page, lambda rows: EventSerializer(rows, many=True).data
            )
        )


class _Side(NamedTuple):
    """A list of classes and rules; `number` None: the draft, which comes after all versions."""

    number: int | None
    revision: int | None
    rank: int
    identity: tuple[bytes | int, ...]
    classes: tuple[ClassSpec, ...]
    rules: list[dict[str, Any]]


def _sides(spec: str) -> list[str]:
    sides = spec.split("..")
    if len(sides) != 2 or not all(_SIDE.fullmatch(side) for side in sides):
        raise invalid("spec", "OLD..NEW, where a side is a number or draft")
    return sides


def _side(taxonomy: Taxonomy, name: str) -> _Side:
    if name == DRAFT:
        draft = get_draft(taxonomy)
        return _Side(
            None,
            draft.revision,
            2**31,
            (draft.base.digest, draft.base.pk, draft.revision),
            draft.classes,
            [rule.to_plain() for rule in draft.rules],
        )
    version = get_version(taxonomy, int(name))
    return _Side(
        version.number,
        None,
        version.number,
        (version.digest, version.pk),
        tuple(reading_of(version).classes.values()),
        version.rules,
    )


def _comparison(old: _Side, new: _Side) -> dict[str, Any]:
    return {
        "old": {"number": old.number, "draft_revision": old.revision},
        "new": {"number": new.number, "draft_revision": new.revision},
        "changes": changes_json(diff_classes(old.classes, new.classes)),
        "rules": {"old": old.rules, "new": new.rules, "same": old.rules == new.rules},
    }


def _events(request: Request, taxonomy: Taxonomy) -> QuerySet[AuditEvent]:
    events = AuditEvent.objects.about(TAXONOMY, str(taxonomy.pk)).select_related("actor")
    role = taxonomy.role_of(request.user)
    if role is None or not role.covers(Role.CURATOR):
        # Everybody sees a public taxonomy; who works on it with which role is not for all.
        events = events.exclude(verb__startswith="role.")
    return events
