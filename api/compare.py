"""What differs between two versions: in numbers, image by image, segment by segment."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset, is_full_id, load_version
from api.caching import answer, answer_bytes, answer_for_now, answer_json, etag_of
from api.comparison_bodies import ComparisonSerializer, ImageComparisonSerializer
from api.documentation import IF_NONE_MATCH, NUMBER, SPEC, answers, file_answers, query
from api.pagination import integer_of
from api.readings import TAXONOMY, asked_taxonomy, is_lasting
from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.comparison import kind_of, merge_base
from datasets_app.comparison_bodies import comparison_json
from datasets_app.entries import Entry
from datasets_app.errors import NotFound
from datasets_app.label_pictures import MAX_SIDE
from datasets_app.models import Dataset, Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.pixels.images import diff_numbered
from datasets_app.revs import split_comparison
from datasets_app.taxonomy_access import ReadBy, get_read_by
from datasets_app.tree import get_entries
from datasets_app.views_of_labels import MIN_SIDE, view_change_png
from panoptic.diff import ALGORITHM_VERSION


class Sides(NamedTuple):
    """Two versions of a dataset, and how both are read.

    immutable : whether what is named, and what it reads as, can only ever be this
    """

    dataset: Dataset
    old: Version
    new: Version
    read_by: ReadBy
    immutable: bool
    etag_parts: tuple[bytes | int, ...]


class Comparison(APIView):
    """Two versions in numbers."""

    @extend_schema(
        operation_id="compare",
        parameters=[SPEC, TAXONOMY, IF_NONE_MATCH],
        responses=answers(ComparisonSerializer, 404, 409),
    )
    def get(self, request: Request, slug: str, spec: str) -> HttpResponseBase:
        """Return what differs. What needs pixels may be `pending`: ask again."""
        sides = get_sides(request, slug, spec)

        def make() -> Response:
            comparison = get_pixel_comparison(
                sides.old, sides.new, actor=request.user, read_by=sides.read_by
            )
            body = comparison_json(sides.old, sides.new, comparison, sides.read_by)
            return answer_for_now(body) if body["pending"] else Response(body)

        return answer(request, comparison_etag(request, sides), make, immutable=sides.immutable)


class ImageComparison(APIView):
    """One image on both sides."""

    @extend_schema(
        operation_id="compare_image",
        parameters=[SPEC, NUMBER, TAXONOMY, IF_NONE_MATCH],
        responses=answers(ImageComparisonSerializer, 404, 409),
    )
    def get(self, request: Request, slug: str, spec: str, number: int) -> HttpResponseBase:
        """Return the changes of its segments, most changed pixels first."""
        sides = get_sides(request, slug, spec)
        return answer_json(
            request,
            comparison_etag(request, sides),
            lambda: _image_body(sides, number),
            immutable=sides.immutable,
        )


class ChangePng(APIView):
    """Where an image changed."""

    @extend_schema(
        operation_id="compare_change_png",
        parameters=[
            SPEC,
            NUMBER,
            query(
                "size",
                "at most so many pixels high and wide; where anything changed it still shows",
                {"type": "integer", "minimum": MIN_SIDE, "maximum": MAX_SIDE},
            ),
            TAXONOMY,
            IF_NONE_MATCH,
        ],
        responses=file_answers("image/png"),
    )
    def get(self, request: Request, slug: str, spec: str, number: int) -> HttpResponseBase:
        """Return the changed pixels in the colours of what happened to them, on black."""
        sides = get_sides(request, slug, spec)
        before, after = _entries(sides, number)
        side = integer_of(request, "size", 0, least=MIN_SIDE, most=MAX_SIDE) or None
        view = view_change_png(before, after, sides.read_by.reading, side=side)
        return answer_bytes(
            request, view.etag, view.media_type, view.render, immutable=sides.immutable
        )


def get_sides(request: Request, slug: str, spec: str) -> Sides:
    """Return both versions of `OLD..NEW`, or of `OLD...NEW` from their merge base.

    Both are read by the taxonomy version of `?taxonomy=`, by default the later of theirs.

    Raises
    ------
    NotFound, NoCommonAncestor, NoMapping, UnknownClass
    """
    dataset = get_dataset(request, slug)
    named = split_comparison(spec)
    old, new = load_version(dataset, named.old), load_version(dataset, named.new)
    if named.from_base:
        base = merge_base(old, new)
        old = old if base == old else load_version(dataset, base.id_hex)
    under = asked_taxonomy(request)
    read_by = get_read_by([old, new], user=request.user, under=under)
    by_id = is_full_id(named.old) and is_full_id(named.new)
    parts = (old.version_id, new.version_id, ALGORITHM_VERSION)
    return Sides(
        dataset,
        old,
        new,
        read_by,
        by_id and is_lasting(under, read_by.is_fixed),
        (*parts, read_by.reading.digest) if under else parts,
    )


def comparison_etag(request: Request, sides: Sides) -> str:
    """Return the ETag of what is said about two versions, once it can be said."""
    return etag_of(request, *sides.etag_parts)


def _image_body(sides: Sides, number: int) -> dict[str, Any]:
    name = names_of(sides.dataset.pk, [number]).get(number)
    if name is None:
        raise NotFound("image", str(number))
    reading = sides.read_by.reading
    found = diff_numbered(sides.old, sides.new, number, name, reading=reading)
    differs = found.change.old != found.change.new
    return found.to_json() | {"kind": kind_of(found.change) if differs else "unchanged"}


def _entries(sides: Sides, number: int) -> tuple[Entry | None, Entry | None]:
    nodes = SqlNodes()
    before, after = (
        get_entries(nodes, version.root, [number]).get(number) for version in (sides.old, sides.new)
    )
    if before is None and after is None:
        raise NotFound("image", str(number))
    return before, after
