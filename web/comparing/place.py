"""Where an image stands in the list of changed images, and what comes before and after it."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import Case, Count, Max, OuterRef, Q, QuerySet, Subquery, When

from datasets_app.changed_lists import ORDER_FIELDS, ChangedFilter, WrongFilter, find_listed
from datasets_app.models import Version
from datasets_app.models.pixel_comparison import PixelComparison, RankedImage
from labels_app.reading import Reading
from panoptic.diff import ALGORITHM_VERSION

# Farther down a list nobody is told the place, so that a list of millions costs no more.
_MOST_COUNTED = 10_000


class Place(NamedTuple):
    """The neighbours of an image in a list, None where there is none, and its place from 1.

    `number` 0: the list does not hold the image, or holds it far down. `total` counts no
    farther than 10,000; `is_more` says that the list goes on.
    """

    before: int | None
    after: int | None
    number: int
    total: int
    is_more: bool


def find_place(
    old: Version, new: Version, reading: Reading, wanted: ChangedFilter, number: int
) -> Place | None:
    """Return the place of image `number` in the list that a filter keeps, in its order.

    A comparison that was made the other way round serves too: it lists the same images in the
    same order, but for quality, of which the old side is the truth. None while neither is ready.
    Two queries.
    """
    field = ORDER_FIELDS[wanted.order]
    ranked = RankedImage.objects.filter(comparison=OuterRef("pk"), image_no=number)
    ready = _ready(old, new, reading).annotate(rank=Subquery(ranked.values(field)[:1]))
    comparison = ready.first()
    if comparison is None:
        return None
    listed_as = wanted if comparison.old_id == old.pk else wanted.mirrored
    try:
        listed = find_listed(comparison, listed_as, reading)
    except WrongFilter:  # the list itself says so
        return None
    value = comparison.rank
    if value is None:  # it did not change
        return Place(None, None, 0, *_counted(listed[: _MOST_COUNTED + 1].count()))
    is_before = Q(**{f"{field}__gt": value}) | Q(**{field: value, "image_no__lt": number})
    is_after = Q(**{f"{field}__lt": value}) | Q(**{field: value, "image_no__gt": number})
    # The neighbours are asked for beside the counts, which saves a query: no row names others.
    asked = listed.annotate(
        before_no=_first(listed.filter(is_before).order_by(field, "-image_no")),
        after_no=_first(listed.filter(is_after)),
    )
    found = asked[: _MOST_COUNTED + 1].aggregate(
        before=Max("before_no"),
        after=Max("after_no"),
        total=Count("image_no"),
        ahead=Count("image_no", filter=is_before),
        held=Count("image_no", filter=Q(image_no=number)),
    )
    place = found["ahead"] + 1 if found["held"] else 0
    return Place(found["before"], found["after"], place, *_counted(found["total"]))


def _counted(total: int) -> tuple[int, bool]:
    return min(total, _MOST_COUNTED), total > _MOST_COUNTED


def _ready(old: Version, new: Version, reading: Reading) -> QuerySet[PixelComparison]:
    return PixelComparison.objects.filter(
        Q(old=old, new=new) | Q(old=new, new=old),
        algorithm=ALGORITHM_VERSION,
        reading=reading.label_reading.digest,
        totals__isnull=False,
    ).order_by(Case(When(old=old, then=0), default=1))


def _first(listed: QuerySet[Any]) -> Subquery:
    return Subquery(listed.values("image_no")[:1])
