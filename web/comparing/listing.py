"""The changed images of a comparison, the most changed pixels first."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from datasets_app.models import Version
from datasets_app.models.pixel_comparison import ComparedImage, PixelComparison
from datasets_app.numbering import names_of
from labels_app.reading import Reading
from panoptic.diff import ALGORITHM_VERSION
from web.comparing.kinds import CHANGE_KINDS, FACETS, IMAGE_KINDS, KindWords

_KEY = re.compile(r"(kind|change|facet):[a-z]{1,20}|class:[0-9]{1,5}")
_CURSOR = re.compile(r"([0-9]{1,18})-([0-9]{1,9})")
# Under which keys an image is listed says what happened to it.
_TELLING = [
    *(f"kind:{kind}" for kind in IMAGE_KINDS),
    *(f"change:{kind}" for kind in CHANGE_KINDS),
    *(f"facet:{facet}" for facet in FACETS),
]


@dataclass(frozen=True)
class ListFilter:
    """Which changed images; `key` "" means all of them."""

    key: str
    after: tuple[int, int] | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> ListFilter:
        """Read `show` and `cursor`; what is neither does not filter."""
        key = query.get("show", "")
        found = _CURSOR.fullmatch(query.get("cursor", ""))
        return cls(
            key if _KEY.fullmatch(key) else "",
            (int(found[1]), int(found[2])) if found else None,
        )

    @property
    def query(self) -> str:
        """The filter as a query string, "" without one."""
        return "?" + urlencode({"show": self.key}) if self.key else ""


class ChangedRow(NamedTuple):
    """One changed image: what became of it, of its segments, and which sides of it changed."""

    number: int
    name: str
    changed_pixels: int
    kind: KindWords
    changes: list[KindWords]
    facets: list[str]


class ChangedPage(NamedTuple):
    """Some changed images; `following` is the query of the next page."""

    rows: list[ChangedRow]
    following: str | None


class Around(NamedTuple):
    """The changed images before and after one in the list; None where there is none."""

    before: int | None
    after: int | None


def list_changed(comparison: PixelComparison, wanted: ListFilter, limit: int) -> ChangedPage:
    """Return a page of a comparison that is ready; three queries."""
    listed = ComparedImage.objects.filter(comparison=comparison, key=wanted.key)
    if wanted.after is not None:
        listed = listed.filter(_comes_after(*wanted.after))
    found = list(
        listed.order_by("-changed_pixels", "image_no").values_list("image_no", "changed_pixels")[
            : limit + 1
        ]
    )
    shown = found[:limit]
    numbers = [number for number, _ in shown]
    names = names_of(comparison.new.dataset_id, numbers)
    told = _told(comparison, numbers)
    rows = [
        ChangedRow(number, names[number], pixels, *_words(told[number])) for number, pixels in shown
    ]
    following = None
    if len(found) > limit:
        number, pixels = shown[-1]
        parts = {"show": wanted.key} if wanted.key else {}
        following = "?" + urlencode({**parts, "cursor": f"{pixels}-{number}"})
    return ChangedPage(rows, following)


def find_around(
    old: Version, new: Version, reading: Reading, wanted: ListFilter, number: int, pixels: int
) -> Around:
    """Return the neighbours, in the list, of an image with so many changed pixels; two queries.

    Both are None while the comparison is not ready.
    """
    listed = ComparedImage.objects.filter(
        comparison__old=old,
        comparison__new=new,
        comparison__algorithm=ALGORITHM_VERSION,
        comparison__reading=reading.label_reading.digest,
        comparison__totals__isnull=False,
        key=wanted.key,
    )
    before = listed.filter(
        Q(changed_pixels__gt=pixels) | Q(changed_pixels=pixels, image_no__lt=number)
    )
    after = listed.filter(_comes_after(pixels, number))
    return Around(
        _first(before.order_by("changed_pixels", "-image_no")),
        _first(after.order_by("-changed_pixels", "image_no")),
    )


def _comes_after(pixels: int, number: int) -> Q:
    return Q(changed_pixels__lt=pixels) | Q(changed_pixels=pixels, image_no__gt=number)


def _first(listed: QuerySet[ComparedImage]) -> int | None:
    return listed.values_list("image_no", flat=True).first()


def _told(comparison: PixelComparison, numbers: list[int]) -> dict[int, list[str]]:
    told: dict[int, list[str]] = defaultdict(list)
    rows = ComparedImage.objects.filter(
        comparison=comparison, key__in=_TELLING, image_no__in=numbers
    )
    for number, key in rows.values_list("image_no", "key"):
        told[number].append(key)
    return told


def _words(keys: list[str]) -> tuple[KindWords, list[KindWords], list[str]]:
    held = set(keys)
    kind = next((words for value, words in IMAGE_KINDS.items() if f"kind:{value}" in held), None)
    return (
        kind or IMAGE_KINDS["changed"],
        [words for value, words in CHANGE_KINDS.items() if f"change:{value}" in held],
        [facet for facet in FACETS if f"facet:{facet}" in held],
    )
