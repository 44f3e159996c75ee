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
from api.errors import Problem
from api.pagination import Keyset, Page, choice_of, limit_of, page_json, read_cursor
from api.readings import TAXONOMY
from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.comparison import ImageChangeKind, kind_of
from datasets_app.entries import EntryChange, Facet
from datasets_app.models import Image
from datasets_app.models.pixel_comparison import ComparedImage, PixelComparison
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.pixels.pairs import get_pair_counts, pair_of
from datasets_app.tree import get_entries
from labels_app.classes import id_of
from labels_app.reading import Reading
from panoptic.changes import ChangeKind

_BY_CHANGE = Keyset("compared.changed_pixels", ("-changed_pixels", "image_no"))
_BY_NAME = "compared.name"
_ORDERS = ("changed_pixels", "name")
_IMAGE_KINDS = [kind.value for kind in ImageChangeKind]
_CHANGE_KINDS = [kind.value for kind in ChangeKind]
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
                "what became of the image; or of one of its segments",
                enum=list(dict.fromkeys([*_IMAGE_KINDS, *_CHANGE_KINDS])),
            ),
            query("change", "what became of one of its segments", enum=_CHANGE_KINDS),
            query("facet", "what differs in it", enum=[facet.value for facet in Facet]),
            query("class", "name or id of a live class that changed pixels left or joined"),
            query("order", "the most changed pixels first, or by name", enum=list(_ORDERS)),
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
        keys = _keys(request, sides)
        order = choice_of(request, "order", _ORDERS, _ORDERS[0])

        def make() -> Response:
            comparison = get_pixel_comparison(
                sides.old, sides.new, actor=request.user, read_by=sides.read_by
            )
            state = {"pending": False, "job": None}
            if not comparison.is_ready:
                state = {"pending": True, "job": comparison.job_id}
                return answer_for_now({"next": None, "previous": None, "results": [], **state})
            name = _BY_CHANGE.name if order == "changed_pixels" else _BY_NAME
            found = _find_rows(comparison, keys)
            if order == "changed_pixels":
                page = _BY_CHANGE.page(request, found)
            else:
                page = _page_by_name(request, sides, found)
            body = page_json(request, name, page, lambda rows: _rows_json(sides, rows))
            return Response(body | state)

        return answer(request, comparison_etag(request, sides), make, immutable=sides.immutable)


def _keys(request: Request, sides: Sides) -> list[list[str]]:
    """Return the keys of the list that is asked for: one group per condition."""
    groups = []
    kind = choice_of(request, "kind", [*_IMAGE_KINDS, *_CHANGE_KINDS])
    if kind:
        groups.append([f"kind:{kind}" if kind in _IMAGE_KINDS else f"change:{kind}"])
    change = choice_of(request, "change", _CHANGE_KINDS)
    if change:
        groups.append([f"change:{change}"])
    facet = choice_of(request, "facet", list(Facet))
    if facet:
        groups.append([f"facet:{facet}"])
    wanted = request.query_params.get("class")
    if wanted is not None:
        groups.append([f"class:{_live_class(sides.read_by.reading, wanted)}"])
    return groups


def _live_class(reading: Reading, wanted: str) -> int:
    """Return the live class of this name or id; raise `Problem` where there is none."""
    for spec in reading.live_classes:
        if wanted in (str(spec.class_id), spec.name):
            return id_of(spec)
    raise Problem(400, "unknown_class", f"the taxonomy has no class {wanted!r}")


def _find_rows(comparison: PixelComparison, groups: list[list[str]]) -> QuerySet[ComparedImage]:
    """Return one row per image that has a key of every group.

    The rows of a single key are one range of an index; other groups are looked up per row.
    """
    rows = ComparedImage.objects.filter(comparison=comparison)
    first = next((group for group in groups if len(group) == 1), None)
    found = rows.filter(key=first[0] if first else "")
    for group in groups:
        if group is not first:
            found = found.filter(Exists(rows.filter(key__in=group, image_no=OuterRef("image_no"))))
    return found


def _page_by_name(request: Request, sides: Sides, found: QuerySet[ComparedImage]) -> Page:
    limit = limit_of(request)
    after: str = read_cursor(request, _BY_NAME) or ""
    some = dict(found.values_list("image_no", "changed_pixels")[: _FEW + 1])
    if len(some) <= _FEW:
        named = names_of(sides.dataset.pk, list(some)).items()
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


def _rows_json(sides: Sides, rows: Sequence[ComparedImage]) -> list[dict[str, Any]]:
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
        kinds = counts[pair].summary.changes if pair is not None else {}
        body.append(
            {
                "number": row.image_no,
                "name": names[row.image_no],
                "kind": kind_of(change),
                "facets": list(change.facets),
                "segments": {kind.value: number for kind, number in kinds.items() if number},
                "changed_pixels": row.changed_pixels,
            }
        )
    return body
