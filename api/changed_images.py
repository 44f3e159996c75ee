"""The images that differ between two versions, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.caching import answer, answer_for_now
from api.compare import Sides, comparison_etag, get_sides
from api.comparison_bodies import ChangedImageSerializer
from api.documentation import IF_NONE_MATCH, PAGE, SPEC, answers, page_of, query
from api.errors import Problem, invalid
from api.pagination import Keyset, Page, choice_of, limit_of, page_json, read_cursor
from api.readings import TAXONOMY
from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.changed_lists import (
    CHANGE_KINDS,
    IMAGE_KINDS,
    ORDER_FIELDS,
    ChangedFilter,
    ListOrder,
    Severity,
    Unit,
    WrongFilter,
    find_listed,
    get_class_id,
    read_filter,
    severity_of,
)
from datasets_app.comparison import kind_of
from datasets_app.entries import EntryChange, Facet
from datasets_app.models import Image
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.pixels.listing import UNDEFINED, rank_image
from datasets_app.pixels.pairs import get_pair_counts, pair_of
from datasets_app.tree import get_entries

_KEYSETS = {
    order: Keyset(f"compared.{order}", (f"-{field}", "image_no"))
    for order, field in ORDER_FIELDS.items()
}
_NAME, _BY_NAME = "name", "compared.name"
_ORDERS = (*(order.value for order in ListOrder), _NAME)
_REPEATED = "Several: any of them"
# So few images are sorted by name here; of more, names are walked in their order.
_FEW = 2_000


class ChangedImageList(APIView):
    """The images that differ."""

    @extend_schema(
        operation_id="compare_images",
        parameters=[
            SPEC,
            query(
                "kind",
                f"what became of the image; or of one of its segments. {_REPEATED}",
                enum=list(dict.fromkeys([*IMAGE_KINDS, *CHANGE_KINDS])),
            ),
            query("change", f"what became of one of its segments. {_REPEATED}", enum=CHANGE_KINDS),
            query(
                "facet", f"what differs in it. {_REPEATED}", enum=[facet.value for facet in Facet]
            ),
            query(
                "severity",
                "how much of it changed: no pixel, less than 1 %, less than 10 %, more. "
                f"{_REPEATED}",
                enum=[severity.value for severity in Severity],
            ),
            query(
                "class",
                f"name or id of a live class that changed pixels left or joined. {_REPEATED}",
            ),
            query(
                "flow",
                "`OLD-NEW`: something of this class became that one, by ids of live classes; 0 "
                f"is void, or no partner. {_REPEATED}",
            ),
            query("unit", "what `flow` looks at", enum=[unit.value for unit in Unit]),
            query(
                "order",
                "what comes first: the most changed pixels; the largest share of them; the "
                "lowest PQ; the most segments touched; the lowest boundary IoU; or by name",
                enum=list(_ORDERS),
            ),
            TAXONOMY,
            *PAGE,
            IF_NONE_MATCH,
        ],
        responses=answers(
            page_of(
                "ChangedImage",
                ChangedImageSerializer(many=True),
                pending=serializers.BooleanField(),
                job=serializers.UUIDField(allow_null=True),
            ),
            400,
            404,
            409,
        ),
    )
    def get(self, request: Request, slug: str, spec: str) -> HttpResponseBase:
        """List changed images. While the comparison is `pending` the list is empty: ask again."""
        sides = get_sides(request, slug, spec)
        order = choice_of(request, "order", _ORDERS, _ORDERS[0])
        wanted = _wanted(request, sides, order)

        def make() -> Response:
            comparison = get_pixel_comparison(
                sides.old, sides.new, actor=request.user, read_by=sides.read_by
            )
            state = {"pending": False, "job": None}
            if not comparison.is_ready:
                state = {"pending": True, "job": comparison.job_id}
                return answer_for_now({"next": None, "previous": None, "results": [], **state})
            found = find_listed(comparison, wanted, sides.read_by.reading)
            if order == _NAME:
                name, page = _BY_NAME, _page_by_name(request, sides, found)
            else:
                keyset = _KEYSETS[wanted.order]
                name, page = keyset.name, keyset.page(request, found)
            body = page_json(request, name, page, lambda rows: _rows_json(sides, rows))
            return Response(body | state)

        return answer(request, comparison_etag(request, sides), make, immutable=sides.immutable)


def _wanted(request: Request, sides: Sides, order: str) -> ChangedFilter:
    """Return the filter that is asked for; 400 for what nothing can be listed by."""
    query_params = request.query_params

    def get_values(name: str) -> list[str]:
        # The names are in their order in the rows of images, not among the ranks.
        return [] if name == "order" and order == _NAME else query_params.getlist(name)

    try:
        wanted = read_filter(get_values)
        for value in wanted.values["class"]:
            get_class_id(sides.read_by.reading, value)
    except WrongFilter as wrong:
        if wrong.parameter == "class":
            raise Problem(400, "unknown_class", wrong.reason) from wrong
        raise invalid(wrong.parameter, wrong.reason) from wrong
    return wanted


def _page_by_name(request: Request, sides: Sides, found: QuerySet[Any]) -> Page:
    limit = limit_of(request)
    after: str = read_cursor(request, _BY_NAME) or ""
    some = list(found.order_by().values_list("image_no", flat=True)[: _FEW + 1])
    if len(some) <= _FEW:
        named = names_of(sides.dataset.pk, some).items()
        later = [(name, number) for number, name in named if name.encode() > after.encode()]
        pairs = sorted(later, key=lambda pair: pair[0].encode())[: limit + 1]
    else:
        images = Image.objects.filter(dataset=sides.dataset, name__gt=after)
        changed = Exists(found.filter(image_no=OuterRef("image_no")))
        chosen = images.filter(changed).order_by("name").values_list("name", "image_no")
        pairs = list(chosen[: limit + 1])
    numbers = [number for _, number in pairs[:limit]]
    rows = {row.image_no: row for row in found.filter(image_no__in=numbers)}
    return Page(
        [rows[number] for number in numbers], pairs[limit - 1][0] if len(pairs) > limit else None
    )


def _rows_json(sides: Sides, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return rows with kind, facets and segment changes; a constant number of queries."""
    numbers = [row.image_no for row in rows]
    nodes = SqlNodes()
    before = get_entries(nodes, sides.old.root, numbers)
    after = get_entries(nodes, sides.new.root, numbers)
    changes = {no: EntryChange(no, before.get(no), after.get(no)) for no in numbers}
    pairs = {no: pair for no, change in changes.items() if (pair := pair_of(change)) is not None}
    counts = get_pair_counts(list(dict.fromkeys(pairs.values())), sides.read_by.reading)
    names = names_of(sides.dataset.pk, numbers)
    body = []
    for row in rows:
        change, pair = changes[row.image_no], pairs.get(row.image_no)
        counted = counts[pair] if pair is not None else None
        kinds = counted.summary.changes if counted is not None else {}
        ranks = rank_image(counted)
        body.append(
            {
                "number": row.image_no,
                "name": names[row.image_no],
                "kind": kind_of(change),
                "facets": list(change.facets),
                "segments": {kind.value: number for kind, number in kinds.items() if number},
                "changed_pixels": ranks.changed_pixels,
                "changed_share": ranks.changed_share,
                "severity": severity_of(ranks.changed_share),
                "quality_loss": _defined(ranks.quality_loss),
                "boundary_loss": _defined(ranks.boundary_loss),
            }
        )
    return body


def _defined(loss: float) -> float | None:
    return None if loss == UNDEFINED else loss
