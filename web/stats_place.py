"""Which version, split and class a page of statistics shows, and how its links say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.urls import reverse

from datasets_app.distributions import LiveDistributions, get_distributions
from datasets_app.models import Dataset, Version, VersionSplitStats
from datasets_app.names import is_storable
from datasets_app.query_words import quote
from labels_app.reading import Reading, reading_of
from panoptic.distributions import Distributions
from web.classes import VOID, Chip, chip_of, chips_of
from web.finding import get_dataset, get_version

PARTS = (
    ("classes", "Classes"),
    ("sizes", "Sizes"),
    ("instances", "Per image"),
    ("places", "Places"),
    ("together", "Together"),
    ("history", "Over versions"),
)
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Side:
    """A version that is shown, and how the address names it."""

    version: Version
    rev: str

    @property
    def name(self) -> str:
        """As people call it."""
        return f"v{self.version.number}"


@dataclass(frozen=True)
class StatsPlace:
    """What a page of statistics is about.

    split : None is all of them, "" the images in none
    beside : the version that is shown beside, which is read by the same taxonomy
    chosen : the classes that the address names and the taxonomy has, in their order
    """

    request: HttpRequest
    dataset: Dataset
    side: Side
    beside: Side | None
    split: str | None
    splits: list[str]
    chosen: list[Chip]

    @property
    def version(self) -> Version:
        """The version that the page is about."""
        return self.side.version

    @property
    def rev(self) -> str:
        """The version as the address names it."""
        return self.side.rev

    @cached_property
    def reading(self) -> Reading:
        """How both versions are read."""
        return reading_of(self.version.taxonomy_version)

    @property
    def chip(self) -> Chip | None:
        """The class that is looked at; None: all of them."""
        return self.chosen[0] if self.chosen else None

    @cached_property
    def chips(self) -> list[Chip]:
        """The classes to choose from, by name."""
        return chips_of(self.reading)

    def chip_of(self, class_id: int) -> Chip:
        """Return a class by its id; 0 is void."""
        return chip_of(self.reading, class_id)

    def images(self, *words: str, side: Side | None = None) -> str:
        """Return the address of the images behind a number: `place.images(class_word(chip))`."""
        words = (*words, *([] if self.split is None else [key_word("split", self.split)]))
        address = reverse("web:images", args=[self.dataset.slug, (side or self.side).rev])
        return f"{address}?{urlencode({'q': ' '.join(words)})}" if words else address

    def image_words(self, chip: Chip) -> str:
        """Return the address of the images with a class; "" for void, which no filter names."""
        return self.images(class_word(chip)) if chip.class_id else ""

    @property
    def images_of_chip(self) -> str:
        """Return the address of the images with the class that is looked at, or of all."""
        return self.images(class_word(self.chip)) if self.chip else self.images()

    @property
    def parts(self) -> list[tuple[str, str, str]]:
        """The pages of statistics of this version: name, words and address."""
        return [(name, words, self.part(name)) for name, words in PARTS]

    def part(self, name: str) -> str:
        """Return the address of another page of the same version, split and neighbour."""
        if name == "classes":
            address = reverse("web:version", args=[self.dataset.slug, self.rev])
        else:
            address = reverse("web:statistics", args=[self.dataset.slug, self.rev, name])
        return f"{address}?{urlencode(kept)}" if (kept := self._kept()) else address

    def file(self, name: str) -> str:
        """Return the address of a table of this page as CSV."""
        address = reverse("web:statistics-file", args=[self.dataset.slug, self.rev, name])
        query = self.request.GET.copy()
        query.pop("all", None)
        return f"{address}?{query.urlencode()}" if query else address

    def _kept(self) -> dict[str, str]:
        kept = {} if self.split is None else {"split": self.split}
        return kept if self.beside is None else {**kept, "with": self.beside.rev}


def get_place(request: HttpRequest, slug: str, rev: str) -> StatsPlace:
    """Read the address of a page of statistics; what names nothing is as if it were not there.

    `?split=NAME`, `?with=REV`, `?class=ID`, which may come several times.

    Raises
    ------
    Http404
        The dataset or the version is not there for who asks; so is that of `?with=`.
    """
    dataset = get_dataset(request, slug)
    version = get_version(dataset, rev)
    splits = _splits_of(version)
    split = request.GET.get("split")
    other = request.GET.get("with", "").strip()
    reading = reading_of(version.taxonomy_version)
    chosen = dict.fromkeys(_numbers(request.GET.getlist("class")))
    chips = [chip_of(reading, class_id) for class_id in chosen]
    return StatsPlace(
        request,
        dataset,
        Side(version, rev),
        Side(_get_beside(dataset, other), other) if other else None,
        split if split in splits else None,
        splits,
        [chip for chip in chips if chip != VOID],
    )


def get_sums(place: StatsPlace) -> LiveDistributions:
    """Return the distributions of the version; pending ones have a job."""
    return get_distributions(place.version, place.reading, actor=place.request.user)


def find_sums_beside(place: StatsPlace) -> Distributions | None:
    """Return the sums of the version beside, by the same split; None: none, or not counted."""
    if place.beside is None:
        return None
    found = get_distributions(place.beside.version, place.reading, actor=place.request.user)
    return None if found.pending else found.of(place.split)


def class_word(chip: Chip, condition: str = "") -> str:
    """Return `class:"traffic light" count>3`, as the filter of images understands it."""
    word = key_word("class", chip.name)
    return f"{word} {condition}" if condition else word


def key_word(key: str, value: str) -> str:
    """Return `key:value`, in quotes where it needs them."""
    return f"{key}:{quote(value)}" if value else f'{key}:""'


def _get_beside(dataset: Dataset, rev: str) -> Version:
    if not is_storable(rev):
        raise Http404("There is no such version to show beside.")
    return get_version(dataset, rev)


def _numbers(texts: Sequence[str]) -> list[int]:
    return [
        int(text)
        for text in texts
        if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    ]


def _splits_of(version: Version) -> list[str]:
    rows = VersionSplitStats.objects.filter(version=version).order_by("split")
    return list(rows.values_list("split", flat=True))
