"""Versions of a dataset, and what they contain in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import find_branch, get_dataset, get_version
from api.caching import answer, answer_for_now, answer_json, etag_of
from api.documentation import IF_NONE_MATCH, PAGE, REV, answers, page_of, query
from api.fields import DigestField, SplitField
from api.pagination import Keyset, Page, limit_of, page_json, read_cursor
from api.readings import TAXONOMY, ReadVersion, get_read_version
from datasets_app.changelog import log
from datasets_app.models import Branch, Version
from datasets_app.models.statistics import VOID_CLASS
from datasets_app.stats import LiveClassCount, LiveStats, get_live_stats
from labels_app.models import Kind
from labels_app.reading import Reading

_ORDER = Keyset("versions", ("-number",))
_LINE = "versions.line"


class TaxonomyNameSerializer(serializers.Serializer):
    """A taxonomy version by name."""

    slug = serializers.CharField(source="taxonomy.slug")
    number = serializers.IntegerField()


class VersionSerializer(serializers.Serializer):
    """A version. `parents` are ids, the first parent first."""

    id = serializers.CharField(source="id_hex")
    number = serializers.IntegerField()
    message = serializers.CharField()
    author = serializers.CharField(source="author_name")
    created_at = serializers.DateTimeField()
    parents = serializers.SerializerMethodField()
    taxonomy = TaxonomyNameSerializer(source="taxonomy_version")
    image_count = serializers.IntegerField()
    segment_count = serializers.IntegerField()
    content_digest = DigestField()

    def get_parents(self, version: Version) -> list[str]:
        """Return the ids of the parents, which `with_parents` brought."""
        return [link.parent.id_hex for link in version.parent_links.all()]


class ClassStatsSerializer(serializers.Serializer):
    """One class in one split. Null: being counted; the sum over stored classes would lie."""

    split = SplitField()
    class_id = serializers.IntegerField(help_text="0 is void")
    class_name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices, allow_null=True)
    images = serializers.IntegerField(allow_null=True)
    segments = serializers.IntegerField(allow_null=True)
    crowds = serializers.IntegerField(allow_null=True)
    pixels = serializers.IntegerField(help_text="visible ones")


class SplitStatsSerializer(serializers.Serializer):
    """One split; null: the images in none."""

    split = SplitField()
    images = serializers.IntegerField()
    labelled = serializers.IntegerField()
    unlabelled = serializers.IntegerField()
    segments = serializers.IntegerField(allow_null=True)
    pixels = serializers.IntegerField()


class TotalsSerializer(serializers.Serializer):
    """All splits together."""

    images = serializers.IntegerField()
    labelled = serializers.IntegerField()
    unlabelled = serializers.IntegerField()
    segments = serializers.IntegerField(allow_null=True)
    pixels = serializers.IntegerField()


class StatsSerializer(serializers.Serializer):
    """What a version contains; `totals_by_class` has all splits together.

    While `pending` some counts are null, and `job` says how far they are.
    """

    version = serializers.CharField()
    pending = serializers.BooleanField()
    job = serializers.UUIDField(allow_null=True)
    totals = TotalsSerializer()
    splits = SplitStatsSerializer(many=True)
    classes = ClassStatsSerializer(many=True)
    totals_by_class = ClassStatsSerializer(many=True)


class VersionList(APIView):
    """The versions of a dataset."""

    @extend_schema(
        operation_id="versions_list",
        parameters=[query("branch", "only the line of this branch"), *PAGE],
        responses=answers(page_of("Version", VersionSerializer(many=True)), 400, 404),
    )
    def get(self, request: Request, slug: str) -> Response:
        """List versions, newest first; those of a branch follow first parents."""
        dataset = get_dataset(request, slug)
        name = request.query_params.get("branch")
        if name is None:
            rows = Version.objects.with_parents().filter(dataset=dataset)
            page, kind = _ORDER.page(request, rows), _ORDER.name
        else:
            page, kind = _line(request, find_branch(dataset, name)), _LINE
        return Response(page_json(request, kind, page, versions_json))


class VersionDetail(APIView):
    """One version."""

    @extend_schema(
        operation_id="versions_get",
        parameters=[REV, IF_NONE_MATCH],
        responses=answers(VersionSerializer, 404),
    )
    def get(self, request: Request, slug: str, rev: str) -> HttpResponseBase:
        """Return a version."""
        found = get_version(request, slug, rev)
        etag = etag_of(request, found.version.version_id)
        return answer_json(
            request, etag, lambda: version_json(found.version), immutable=found.by_id
        )


class VersionStatsDetail(APIView):
    """The statistics of a version."""

    @extend_schema(
        operation_id="versions_stats",
        parameters=[REV, TAXONOMY, IF_NONE_MATCH],
        responses=answers(StatsSerializer, 404, 409),
    )
    def get(self, request: Request, slug: str, rev: str) -> HttpResponseBase:
        """Return images, segments and pixels per class and split; O(1) in images."""
        found = get_read_version(request, slug, rev)

        def make() -> Response:
            stats = get_live_stats(found.version, found.reading, actor=request.user)
            body = _stats_json(found, stats)
            return answer_for_now(body) if stats.pending else Response(body)

        etag = etag_of(request, *found.etag_parts)
        return answer(request, etag, make, immutable=found.immutable)


def version_json(version: Version) -> Any:
    """Return one version, loading its parents and its taxonomy."""
    return versions_json([Version.objects.with_parents().get(pk=version.pk)])[0]


def versions_json(versions: Sequence[Version]) -> Any:
    """Return versions that came with their parents."""
    return VersionSerializer(versions, many=True).data


def _line(request: Request, branch: Branch) -> Page:
    """Return a page of a branch's first parents; four queries, however long the history is."""
    if branch.head is None:
        return Page([])
    limit = limit_of(request)
    number = read_cursor(request, _LINE)
    start = branch.head
    if number is not None:
        start = Version.objects.get(dataset=branch.dataset, number=number)
    found = log(start, limit=limit + 1, skip_first=number is not None)
    more = len(found) > limit
    return Page(found[:limit], found[limit - 1].number if more else None)


def _stats_json(found: ReadVersion, stats: LiveStats) -> Any:
    reading = found.reading
    return StatsSerializer(
        {
            "version": found.version.id_hex,
            "pending": stats.pending,
            "job": stats.job.pk if stats.job else None,
            "totals": stats.totals,
            "splits": stats.splits,
            "classes": [_class_row(row, reading) for row in stats.classes],
            "totals_by_class": [_class_row(row, reading) for row in stats.over_splits],
        }
    ).data


def _class_row(row: LiveClassCount, reading: Reading) -> dict[str, Any]:
    spec = None if row.class_id == VOID_CLASS else reading.classes[row.class_id]
    return {
        **row._asdict(),
        "class_name": spec.name if spec else "void",
        "kind": spec.kind if spec else None,
    }
