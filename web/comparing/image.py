"""One image of a comparison as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from datasets_app.entries import EntryChange
from datasets_app.models import Version
from datasets_app.numbering import names_of
from datasets_app.pixels.images import diff_numbered
from labels_app.reading import Reading
from panoptic.changes import Change, SegmentSide
from web.classes import Chip, chip_of
from web.comparing.kinds import CHANGE_KINDS, KindWords

# More changes than this take long to lay out; these are those with the most changed pixels.
_MOST_CHANGES = 1_000


class Side(NamedTuple):
    """A segment before or after."""

    segment_id: int
    chip: Chip
    crowd: bool
    area: int


class ChangeRow(NamedTuple):
    """One change of segments; the box is in pixels, `area_change` of all its segments."""

    words: KindWords
    also: list[KindWords]
    old: list[Side]
    new: list[Side]
    area_change: int
    iou: float | None
    boundary_iou: float | None
    changed_pixels: int
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class ImageComparison:
    """An image on two sides. `height` and `width` are those of its labels.

    They are None where there is no label, and where the two have different sizes: then
    nothing can be drawn on both.
    """

    name: str
    number: int
    change: EntryChange
    rows: list[ChangeRow]
    hidden_rows: int
    changed_pixels: int
    hidden_pixels: int
    total_pixels: int
    resized: bool
    height: int | None
    width: int | None
    quality: dict[str, Any] | None

    @property
    def changed_share(self) -> float:
        """Changed pixels of all of them."""
        return self.changed_pixels / self.total_pixels if self.total_pixels else 0.0


def read_image_comparison(
    old: Version, new: Version, reading: Reading, number: int
) -> ImageComparison:
    """Compare one image of two versions, both read by the same classes.

    Raises
    ------
    NotFound
        Neither version has it.
    """
    name = names_of(new.dataset_id, [number]).get(number, "")
    found = diff_numbered(old, new, number, name, reading=reading)
    diff = found.diff
    changes = diff.changes if diff else ()
    drawn = diff is not None and not diff.resized
    return ImageComparison(
        name=name,
        number=number,
        change=found.change,
        rows=[_row(one, found.reading) for one in changes[:_MOST_CHANGES]],
        hidden_rows=max(0, len(changes) - _MOST_CHANGES),
        changed_pixels=diff.changed_pixels if diff else 0,
        hidden_pixels=diff.hidden_pixels if diff else 0,
        total_pixels=diff.total_pixels if diff else 0,
        resized=bool(diff and diff.resized),
        height=diff.new.height if diff and drawn else None,
        width=diff.new.width if diff and drawn else None,
        quality=found.quality,
    )


def _row(change: Change, reading: Reading) -> ChangeRow:
    top, left, bottom, right = change.box
    return ChangeRow(
        words=CHANGE_KINDS[change.kind],
        also=[words for kind, words in CHANGE_KINDS.items() if _is_also(kind, change)],
        old=[_side(side, reading) for side in change.old],
        new=[_side(side, reading) for side in change.new],
        area_change=sum(s.area for s in change.new) - sum(s.area for s in change.old),
        iou=change.iou,
        boundary_iou=change.boundary_iou,
        changed_pixels=change.changed_pixels,
        left=left,
        top=top,
        width=right - left,
        height=bottom - top,
    )


def _is_also(kind: str, change: Change) -> bool:
    return kind != change.kind and kind in change.flags


def _side(side: SegmentSide, reading: Reading) -> Side:
    segment = side.segment
    chip = chip_of(reading, segment.class_id)
    return Side(segment.segment_id, chip, segment.crowd, side.area)
