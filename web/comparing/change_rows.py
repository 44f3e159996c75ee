"""The changes of one image as the rows of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from labels_app.reading import Reading
from panoptic.changes import Change, SegmentSide
from panoptic.segments import Segment
from web.classes import Chip, chip_of
from web.comparing.kinds import CHANGE_KINDS, KindWords

# Of a segment that went into many pieces a row tells the first.
_MOST_PIECES = 3


class Side(NamedTuple):
    """A segment before or after; `area` is that of its full mask, in pixels."""

    segment_id: int
    chip: Chip
    crowd: bool
    area: int


class ChangeRow(NamedTuple):
    """One change of segments; number 1 is the first of the image.

    `old` and `new` are the first segments of either side, `old_ids` and `new_ids` name all of
    them, `old_more` and `new_more` count the rest. With `is_same` both sides are one segment of
    one id and class. `area_change` is that of all its segments; the box is in pixels. `score`
    and `origin` are empty where a person drew both sides.
    """

    number: int
    words: KindWords
    also: list[KindWords]
    is_same: bool
    old: list[Side]
    new: list[Side]
    old_more: int
    new_more: int
    old_ids: str
    new_ids: str
    area_change: int
    iou: float | None
    boundary_iou: float | None
    changed_pixels: int
    score: str
    origin: str
    left: int
    top: int
    width: int
    height: int


def change_row(number: int, change: Change, reading: Reading) -> ChangeRow:
    """Return a change of read labels as a row of the list."""
    top, left, bottom, right = change.box
    old, new = (_sides(sides, reading) for sides in (change.old, change.new))
    return ChangeRow(
        number=number,
        words=CHANGE_KINDS[change.kind],
        also=[words for kind, words in CHANGE_KINDS.items() if _is_also(kind, change)],
        is_same=_is_same(change),
        old=old,
        new=new,
        old_more=len(change.old) - len(old),
        new_more=len(change.new) - len(new),
        old_ids=_ids(change.old),
        new_ids=_ids(change.new),
        area_change=sum(s.area for s in change.new) - sum(s.area for s in change.old),
        iou=change.iou,
        boundary_iou=change.boundary_iou,
        changed_pixels=change.changed_pixels,
        score=_before_and_after(change, _score),
        origin=_before_and_after(change, _origin),
        left=left,
        top=top,
        width=right - left,
        height=bottom - top,
    )


def _sides(sides: tuple[SegmentSide, ...], reading: Reading) -> list[Side]:
    return [
        Side(
            side.segment.segment_id,
            chip_of(reading, side.segment.class_id),
            side.segment.crowd,
            side.area,
        )
        for side in sides[:_MOST_PIECES]
    ]


def _is_also(kind: str, change: Change) -> bool:
    return kind != change.kind and kind in change.flags


def _is_same(change: Change) -> bool:
    if len(change.old) != 1 or len(change.new) != 1:
        return False
    old, new = (
        (segment.segment_id, segment.class_id, segment.crowd)
        for segment in (change.old[0].segment, change.new[0].segment)
    )
    return old == new


def _ids(sides: tuple[SegmentSide, ...]) -> str:
    return " ".join(str(side.segment.segment_id) for side in sides)


def _before_and_after(change: Change, tell: Callable[[Segment], str]) -> str:
    """Tell something of the first segment of each side: once where both say the same."""
    told = [tell(sides[0].segment) for sides in (change.old, change.new) if sides]
    if not any(told):
        return ""
    return " → ".join(dict.fromkeys(text or "a person" for text in told))


def _score(segment: Segment) -> str:
    score = segment.score
    if score is None and segment.origin is not None:
        score = segment.origin.score
    return "" if score is None else f"{score:.2f}"


def _origin(segment: Segment) -> str:
    return "" if segment.origin is None else f"{segment.origin.model} {segment.origin.version}"
