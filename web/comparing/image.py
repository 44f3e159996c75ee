"""One image of a comparison as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from datasets_app.entries import EntryChange
from datasets_app.errors import NotFound
from datasets_app.models import Version
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.pixels.counting import both_labels
from datasets_app.pixels.images import ImageDiff
from datasets_app.tree import diff_roots, get_entries
from labels_app.reading import Reading, reading_of
from labels_app.revisions import get_labels
from panoptic.changes import Change, SegmentSide
from panoptic.diff import diff_labels
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


def read_image_comparison(old: Version, new: Version, number: int) -> ImageComparison:
    """Compare one image of two versions.

    Raises
    ------
    NotFound
        Neither version has it.
    """
    change = _find_change(old, new, number)
    name = names_of(new.dataset_id, [number])[number]
    reading = reading_of(new.taxonomy_version)
    found = _diff(name, change, reading)
    diff = found.diff
    changes = diff.changes if diff else ()
    drawn = diff is not None and not diff.resized
    return ImageComparison(
        name=name,
        number=number,
        change=change,
        rows=[_row(one, reading) for one in changes[:_MOST_CHANGES]],
        hidden_rows=max(0, len(changes) - _MOST_CHANGES),
        changed_pixels=diff.changed_pixels if diff else 0,
        hidden_pixels=diff.hidden_pixels if diff else 0,
        total_pixels=diff.total_pixels if diff else 0,
        resized=bool(diff and diff.resized),
        height=diff.new.height if diff and drawn else None,
        width=diff.new.width if diff and drawn else None,
        quality=found.quality,
    )


def _find_change(old: Version, new: Version, number: int) -> EntryChange:
    # Both trees in one walk: a look into each would take twice the queries.
    nodes = SqlNodes()
    change = next(diff_roots(nodes, old.root, new.root, after=number - 1, window=1), None)
    if change is not None and change.image_no == number:
        return change
    entry = get_entries(nodes, new.root, [number]).get(number)
    if entry is None:
        raise NotFound("image", str(number))
    return EntryChange(number, entry, entry)


def _diff(name: str, change: EntryChange, reading: Reading) -> ImageDiff:
    digests = [entry.label if entry else None for entry in (change.old, change.new)]
    labels = get_labels({digest for digest in digests if digest is not None})
    if not labels:
        return ImageDiff(name, change, None, reading)
    sides = both_labels(*(labels.get(digest) if digest else None for digest in digests))
    return ImageDiff(name, change, diff_labels(*sides, kinds=reading.kinds), reading)


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
