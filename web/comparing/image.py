"""One image of a comparison as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datasets_app.entries import EntryChange
from datasets_app.models import Version
from datasets_app.numbering import names_of
from datasets_app.pixels.images import ImageDiff, diff_numbered
from labels_app.reading import Reading
from panoptic.changes import ChangeKind
from panoptic.diff import LabelDiff
from panoptic.label import Label
from web.classes import Chip, chip_of, sorted_chips
from web.comparing.change_rows import ChangeRow, change_row
from web.comparing.kinds import CHANGE_KINDS, KindWords

# So many rows come with the page, and so many each time the browser asks for more.
_FIRST_ROWS, _MORE_ROWS = 100, 500
# More than these nobody walks through; they are those with the most changed pixels.
_MOST_ROWS = 5_000


@dataclass(frozen=True)
class ImageComparison:
    """An image on two sides, with some of its changes as `rows`.

    `height` and `width` are those of its labels. They are None where there is no label, and
    where the two have different sizes: then nothing can be drawn on both.
    """

    name: str
    number: int
    change: EntryChange
    diff: LabelDiff | None
    rows: list[ChangeRow]
    height: int | None
    width: int | None
    quality: dict[str, Any] | None
    classes: list[Chip]

    @property
    def changed_share(self) -> float:
        """Changed pixels of all of them."""
        return 0.0 if self.diff is None else self.diff.changed_pixels / self.diff.total_pixels

    @property
    def changed_pixels(self) -> int:
        """Where the visible segments differ."""
        return 0 if self.diff is None else self.diff.changed_pixels

    @property
    def has_label(self) -> bool:
        """Whether either side has a label."""
        return self.diff is not None

    @property
    def resized(self) -> bool:
        """Whether the labels have different sizes."""
        return self.diff is not None and self.diff.resized

    @property
    def change_count(self) -> int:
        """How many changes there are."""
        return 0 if self.diff is None else len(self.diff.changes)

    @property
    def listed_count(self) -> int:
        """How many changes the list can show."""
        return min(self.change_count, _MOST_ROWS)

    @property
    def unlisted_count(self) -> int:
        """How many changes only the API tells."""
        return self.change_count - self.listed_count

    @property
    def kinds(self) -> list[tuple[KindWords, int]]:
        """The kinds of its changes in the order of `CHANGE_KINDS`, and how many of each."""
        counts = {} if self.diff is None else self.diff.counts
        told = ((words, counts.get(ChangeKind(kind), 0)) for kind, words in CHANGE_KINDS.items())
        return [(words, count) for words, count in told if count]

    @property
    def layer_numbers(self) -> range:
        """The layers of the side that has more, from 0."""
        return range(max((len(label.layers) for label in self._labels), default=0))

    @property
    def sizes(self) -> list[str]:
        """Width × height of both labels."""
        return [f"{label.width} × {label.height}" for label in self._labels]

    @property
    def _labels(self) -> list[Label]:
        return [] if self.diff is None else [self.diff.old, self.diff.new]


def read_image_comparison(
    old: Version, new: Version, reading: Reading, number: int, *, first: int = 0, until: int = 0
) -> ImageComparison:
    """Compare one image of two versions, both read by the same classes.

    The rows begin after the `first` so many changes, and go on at least to number `until`.

    Raises
    ------
    NotFound
        Neither version has it.
    """
    name = names_of(new.dataset_id, [number]).get(number, "")
    found = diff_numbered(old, new, number, name, reading=reading)
    drawn = None if found.diff is None or found.diff.resized else found.diff.new
    return ImageComparison(
        name=name,
        number=number,
        change=found.change,
        diff=found.diff,
        rows=_rows(found, first, until),
        height=drawn.height if drawn else None,
        width=drawn.width if drawn else None,
        quality=found.quality,
        classes=_classes_of(found),
    )


def _rows(found: ImageDiff, first: int, until: int) -> list[ChangeRow]:
    if found.diff is None:
        return []
    wanted = max(until, first + _MORE_ROWS) if first else _FIRST_ROWS
    end = min(wanted, _MOST_ROWS)
    return [
        change_row(number, change, found.reading)
        for number, change in enumerate(found.diff.changes[first:end], first + 1)
    ]


def _classes_of(found: ImageDiff) -> list[Chip]:
    """Return the classes of either side, as a legend lists them."""
    if found.diff is None:
        return []
    sides = (found.diff.old, found.diff.new)
    ids = {int(class_id) for label in sides for class_id in label.segments.class_ids}
    return sorted_chips(chip_of(found.reading, class_id) for class_id in ids)
