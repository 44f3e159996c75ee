"""The changed images of a comparison, a page at a time."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import OuterRef, Q, Subquery
from django.http import QueryDict

from datasets_app.changed_lists import (
    ORDER_FIELDS,
    ChangedFilter,
    ListOrder,
    WrongFilter,
    find_listed,
    get_class_id,
    read_filter,
)
from datasets_app.models import Image
from datasets_app.models.pixel_comparison import ComparedImage, PixelComparison, RankedImage
from datasets_app.pixels.listing import UNDEFINED
from labels_app.reading import Reading
from web.comparing.kinds import CHANGE_KINDS, FACETS, IMAGE_KINDS, KindWords

_CURSOR = re.compile(r"([0-9.e+-]{1,30})~([0-9]{1,9})")
_MOST_COUNTED = 10_000
# Under which keys an image is listed says what happened to it.
_TELLING = [
    *(f"kind:{kind}" for kind in IMAGE_KINDS),
    *(f"change:{kind}" for kind in CHANGE_KINDS),
    *(f"facet:{facet}" for facet in FACETS),
]


@dataclass(frozen=True)
class ListFilter:
    """What a URL says of the list: a filter, where a page begins, and what made no sense.

    after : the value that the list is sorted by, and the number, of the image before
    """

    filter: ChangedFilter
    after: tuple[float, int] | None = None
    wrong: tuple[WrongFilter, ...] = ()

    @classmethod
    def from_query(cls, query: QueryDict, reading: Reading | None = None) -> ListFilter:
        """Read a query; what is not understood does not filter, and is told in `wrong`.

        With a `reading` that goes for classes it does not have, too.
        """
        wrong: list[WrongFilter] = []
        wanted = read_filter(query.getlist, wrong)
        for value in wanted.values["class"] if reading else ():
            try:
                get_class_id(reading, value)
            except WrongFilter as error:
                wrong.append(error)
                wanted = wanted.toggled("class", value)
        return cls(wanted, _after(query.get("cursor", "")), tuple(wrong))

    @property
    def query(self) -> str:
        """The filter as a query string, "" where it says nothing."""
        return query_of(self.filter)


class ChangedRow(NamedTuple):
    """One changed image: what became of it and of its segments, and by how much.

    pq, boundary_iou : of the new label against the old one; None is undefined
    """

    number: int
    name: str
    changed_pixels: int
    changed_share: float
    pq: float | None
    boundary_iou: float | None
    segments: int
    kind: KindWords
    changes: list[KindWords]
    facets: list[str]


class ChangedPage(NamedTuple):
    """Some changed images; `following` is the query of the next page.

    `total` counts what the filter keeps, no farther than 10,000; `is_more`: there are more.
    """

    rows: list[ChangedRow]
    following: str | None
    total: int
    is_more: bool


def query_of(wanted: ChangedFilter, **more: str) -> str:
    """Return a filter as a query string, "" where it says nothing."""
    pairs = [*wanted.pairs(), *more.items()]
    return "?" + urlencode(pairs) if pairs else ""


def list_changed(
    comparison: PixelComparison, wanted: ListFilter, reading: Reading, limit: int
) -> ChangedPage:
    """Return a page of a comparison that is ready; three queries, one more under a filter."""
    listed = find_listed(comparison, wanted.filter, reading)
    field = ORDER_FIELDS[wanted.filter.order]
    total = comparison.image_counts.get("", 0)
    if wanted.filter.is_narrow:
        total = listed.order_by()[: _MOST_COUNTED + 1].count()
    if wanted.after is not None:
        value, number = wanted.after
        beyond = Q(**{f"{field}__lt": value}) | Q(**{field: value, "image_no__gt": number})
        # Implied by the rest; without it databases walk the index from its beginning.
        listed = listed.filter(Q(**{f"{field}__lte": value}) & beyond)
    found = list(listed.values_list("image_no", field)[: limit + 1])
    shown = found[:limit]
    following = None
    if len(found) > limit:
        number, value = shown[-1]
        following = query_of(wanted.filter, cursor=f"{value}~{number}")
    rows = tell_images(comparison, [number for number, _ in shown])
    is_more = wanted.filter.is_narrow and total > _MOST_COUNTED
    return ChangedPage(rows, following, min(total, _MOST_COUNTED) if is_more else total, is_more)


def tell_images(comparison: PixelComparison, numbers: list[int]) -> list[ChangedRow]:
    """Return what is to be said of changed images, in the order given; two queries."""
    images = Image.objects.filter(
        dataset_id=comparison.new.dataset_id, image_no=OuterRef("image_no")
    )
    ranked = RankedImage.objects.filter(comparison=comparison, image_no__in=numbers)
    ranks = {row.image_no: row for row in ranked.annotate(name=Subquery(images.values("name")))}
    told: dict[int, list[str]] = defaultdict(list)
    keys = ComparedImage.objects.filter(
        comparison=comparison, key__in=_TELLING, image_no__in=numbers
    )
    for number, key in keys.values_list("image_no", "key"):
        told[number].append(key)
    return [_row(ranks[number], set(told[number])) for number in numbers]


def _row(ranks: Any, keys: set[str]) -> ChangedRow:
    kind = next((words for value, words in IMAGE_KINDS.items() if f"kind:{value}" in keys), None)
    return ChangedRow(
        number=ranks.image_no,
        name=ranks.name,
        changed_pixels=ranks.changed_pixels,
        changed_share=ranks.changed_share,
        pq=_agreement(ranks.quality_loss),
        boundary_iou=_agreement(ranks.boundary_loss),
        segments=ranks.segments,
        kind=kind or IMAGE_KINDS["changed"],
        changes=[words for value, words in CHANGE_KINDS.items() if f"change:{value}" in keys],
        facets=[facet for facet in FACETS if f"facet:{facet}" in keys],
    )


def _agreement(loss: float) -> float | None:
    return None if loss == UNDEFINED else 1 - loss


def _after(cursor: str) -> tuple[float, int] | None:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        return None
    try:
        value = float(found[1])
    except ValueError:
        return None
    # A larger number is none of an image's pixels, and no database takes it.
    return (value, int(found[2])) if math.isfinite(value) and UNDEFINED <= value < 2**53 else None


ORDER_WORDS = {
    ListOrder.CHANGED_PIXELS: ("pixels", "most changed pixels first"),
    ListOrder.SHARE: ("share", "largest share of changed pixels first"),
    ListOrder.QUALITY: ("1 − PQ", "least agreement (PQ) first"),
    ListOrder.SEGMENTS: ("segments", "most segments touched first"),
    ListOrder.BOUNDARY: ("boundaries", "largest shift of boundaries first"),
}
