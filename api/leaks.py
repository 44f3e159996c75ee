"""Leaks: images of different splits that are the same, look the same, or belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import NamedVersion, get_version
from api.caching import answer_for_now
from api.documentation import PAGE, REV, answers, page_of, query
from api.errors import invalid
from api.fields import SplitField
from api.group_keys import GroupKeySerializer, group_key_of
from api.idempotency import JOB_KEY, once_of
from api.jobs import JobSerializer, job_response
from api.pagination import Keyset, choice_of, integer_of, page_json
from datasets_app.jobs.asking import find_asked
from datasets_app.leaks.asking import JOB_KIND as LEAKS_KIND
from datasets_app.leaks.asking import find_report, request_report
from datasets_app.leaks.certainty import DEFAULT_DISTANCE, MOST_DISTANCE
from datasets_app.leaks.request import LeakRequest
from datasets_app.models.leak_report import Leak, LeakKind, LeakReport
from datasets_app.names import is_storable
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.tree import get_entries

_ORDER = Keyset("leaks", ("position",))
_KEYS = ("folders", "pattern", "attribute")


class LeakRequestSerializer(serializers.Serializer):
    """What to look for."""

    distance = serializers.IntegerField(
        min_value=0,
        max_value=MOST_DISTANCE,
        default=DEFAULT_DISTANCE,
        help_text="in how many of 192 bits the hashes of photographs may differ",
    )
    group = GroupKeySerializer(
        required=False, allow_null=True, help_text="what must not be divided between splits"
    )


class LeakImageSerializer(serializers.Serializer):
    """One side of a leak."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    split = SplitField()


class LeakSerializer(serializers.Serializer):
    """Two images in different splits. `group` joins leaks with images in common.

    `same_label` is a hint, and no leak: two scenes may have equal labels.
    """

    kind = serializers.ChoiceField(LeakKind.choices)
    group = serializers.IntegerField(help_text="0: in none")
    images = LeakImageSerializer(many=True)
    distance = serializers.IntegerField(allow_null=True, help_text="bits that differ, of 192")
    certainty = serializers.FloatField(
        allow_null=True,
        help_text="probability that no unrelated photograph of the version comes as near by "
        "accident, from measured rates",
    )
    detail = serializers.DictField(help_text="of a divided group: `key` and images by split")


class LeakList(APIView):
    """The leaks between the splits of a version."""

    # It reads a dataset: a token that may only read asks for it, too.
    action = "report"
    reading_actions = ("report",)

    @extend_schema(
        operation_id="leaks_list",
        parameters=[
            REV,
            query("distance", "as it was asked for", OpenApiTypes.INT),
            query("folders", "group by so many leading folders", OpenApiTypes.INT),
            query("pattern", "group by what stands in {key}"),
            query("attribute", "group by an attribute"),
            query("kind", "", enum=[kind.value for kind in LeakKind]),
            *PAGE,
        ],
        responses=answers(
            page_of(
                "Leak",
                LeakSerializer(many=True),
                state=serializers.ChoiceField(["missing", "pending", "ready"]),
                job=serializers.UUIDField(allow_null=True),
                totals=serializers.DictField(allow_null=True),
            ),
            400,
            404,
        ),
    )
    def get(self, request: Request, slug: str, rev: str) -> Response:
        """List the leaks of a report, the surest first; `missing`: ask for it by POST."""
        found = get_version(request, slug, rev)
        return _answer(request, found, find_report(found.version, _asked(request)))

    @extend_schema(
        operation_id="leaks_create",
        parameters=[REV, JOB_KEY],
        request=LeakRequestSerializer,
        responses={
            **answers(JobSerializer, 400, 401, 404, 422, status=202),
            200: OpenApiResponse(OpenApiTypes.OBJECT, "the report, if there is one: as by GET"),
        },
    )
    def post(self, request: Request, slug: str, rev: str) -> Response:
        """Ask for a report (readers): a job, or the report where it was made before."""
        found = get_version(request, slug, rev)
        if not request.user.is_authenticated:
            raise NotAuthenticated
        body = LeakRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        group = body.validated_data.get("group")
        wanted = LeakRequest(
            body.validated_data["distance"], group_key_of(group) if group is not None else None
        )
        # The path is a part of what is asked.
        sent = {"version": found.version.id_hex, **wanted.to_plain()}
        once = once_of(request, found.dataset, LEAKS_KIND, sent)
        if (asked := find_asked(once)) is not None and not asked.is_settled:
            return job_response(asked)
        report = request_report(found.version, wanted, actor=request.user, once=once)
        if report.is_ready or report.job is None:
            return _answer(request, found, report)
        return job_response(report.job)


def _asked(request: Request) -> LeakRequest:
    distance = integer_of(request, "distance", DEFAULT_DISTANCE, least=0, most=MOST_DISTANCE)
    values: dict[str, Any] = {
        name: request.query_params[name] for name in _KEYS if name in request.query_params
    }
    if not values:
        return LeakRequest(distance)
    if "folders" in values:
        values["folders"] = integer_of(request, "folders", 1, least=1, most=64)
    for name, value in values.items():
        if isinstance(value, str) and not is_storable(value):
            raise invalid(name, "a text")
    return LeakRequest(distance, group_key_of(values))


def _answer(request: Request, found: NamedVersion, report: LeakReport | None) -> Response:
    state: dict[str, Any] = {"state": "missing", "job": None, "totals": None}
    if report is None or not report.is_ready:
        if report is not None:
            state |= {"state": "pending", "job": report.job_id}
        return answer_for_now({"next": None, "previous": None, "results": [], **state})
    rows = Leak.objects.filter(report=report)
    kind = choice_of(request, "kind", list(LeakKind))
    if kind:
        rows = rows.filter(kind=kind)
    page = _ORDER.page(request, rows)
    body = page_json(request, _ORDER.name, page, lambda leaks: leaks_json(found, leaks))
    return Response({**body, "state": "ready", "job": report.job_id, "totals": report.totals})


def leaks_json(found: NamedVersion, leaks: Sequence[Leak]) -> list[dict[str, Any]]:
    """Return leaks with names and splits; a constant number of queries."""
    version = found.version
    numbers = sorted({number for leak in leaks for number in (leak.first_no, leak.second_no)})
    names = names_of(version.dataset_id, numbers)
    entries = get_entries(SqlNodes(), version.root, numbers)
    return [
        {
            "kind": leak.kind,
            "group": leak.group,
            "images": [
                {"number": number, "name": names[number], "split": entries[number].split or None}
                for number in (leak.first_no, leak.second_no)
            ],
            "distance": leak.distance,
            "certainty": leak.certainty,
            "detail": leak.detail,
        }
        for leak in leaks
    ]
