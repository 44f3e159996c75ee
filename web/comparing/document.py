"""A comparison as one file to mail around: what all its forms have in common."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum

from django.utils.text import get_valid_filename

from datasets_app.change_pictures import draw_change
from datasets_app.changed_lists import ORDER_FIELDS, find_listed
from datasets_app.entries import Entry, EntryChange
from datasets_app.errors import NotFound
from datasets_app.label_pictures import small_picture
from datasets_app.models.pixel_comparison import PixelComparison
from datasets_app.taxonomy_access import ReadBy
from labels_app.reading import Reading
from panoptic.render import encode_thumbnail
from store_app.errors import ObjectErased
from web.comparing.listing import ListFilter
from web.finding import Sides
from web.taxonomy_words import Sentence


class DiffForm(StrEnum):
    """What a comparison can be downloaded as."""

    HTML = "html"
    JSON = "json"
    CSV = "csv"


# Pictures make a mail heavy: 50 images are some 3 MB. Programs that want more than the most ask
# the API, which has pages.
DEFAULT_IMAGES = {DiffForm.HTML: 50, DiffForm.JSON: 1_000, DiffForm.CSV: 1_000}
MOST_IMAGES = {DiffForm.HTML: 500, DiffForm.JSON: 10_000, DiffForm.CSV: 10_000}
_SIDE = 360  # pixels of a picture


@dataclass(frozen=True)
class Diff:
    """A comparison that is ready, and which of its images a file holds.

    numbers : of the images, in the order of the list
    total : how many the list has; more than `numbers` where the file is capped
    address : of the page of this comparison, by full ids
    classes : what happened to classes, in words
    """

    sides: Sides
    comparison: PixelComparison
    read_by: ReadBy
    wanted: ListFilter
    numbers: list[int]
    total: int
    address: str
    classes: list[Sentence]

    @property
    def reading(self) -> Reading:
        """How both sides are read."""
        return self.read_by.reading

    @property
    def is_capped(self) -> bool:
        """Whether the list has more images than the file."""
        return len(self.numbers) < self.total

    def file_name(self, form: DiffForm) -> str:
        """Return a name that is safe on every system, and that says what is left out."""
        dataset, old, new = self.sides.new.dataset, self.sides.old, self.sides.new
        parts = [f"{dataset.slug}-v{old.number}-v{new.number}"]
        if self.wanted.filter.is_narrow:
            parts.append("filtered")
        if self.is_capped:
            parts.append(f"{len(self.numbers)}-of-{self.total}-images")
        return get_valid_filename("-".join(parts)) + f".{form}"


def choose_images(
    comparison: PixelComparison, wanted: ListFilter, reading: Reading, most: int
) -> tuple[list[int], int]:
    """Return the first images of a list, and how many it has; two queries."""
    listed = find_listed(comparison, wanted.filter, reading)
    field = ORDER_FIELDS[wanted.filter.order]
    numbers = [number for number, _ in listed.values_list("image_no", field)[:most]]
    total = len(numbers)
    if total == most:
        total = listed.order_by().count()
    return numbers, total


def count_wanted(text: str, form: DiffForm) -> int:
    """Return how many images `?images=` asks for, at most as many as a form holds."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        return DEFAULT_IMAGES[form]
    return min(int(text), MOST_IMAGES[form])


def label_picture(entry: Entry | None, reading: Reading) -> str | None:
    """Return a side of an image as a data URL; None where there is nothing to show."""
    if entry is None or (entry.label is None and entry.image is None):
        return None
    try:
        return _data_url(encode_thumbnail(small_picture(entry, reading, _SIDE, "overlay"), _SIDE))
    except (NotFound, ObjectErased):
        return None


def change_picture(change: EntryChange, reading: Reading) -> str | None:
    """Return what changed as a data URL; None where no label did."""
    before, after = (entry.label if entry else None for entry in (change.old, change.new))
    if before == after:
        return None
    try:
        return _data_url(draw_change(change, reading, _SIDE))
    except ObjectErased:
        return None


def _data_url(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"
