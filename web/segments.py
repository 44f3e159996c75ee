"""The segment table of a label as a page shows it."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from datasets_app.entries import Entry
from datasets_app.segment_rows import SegmentRow, get_segment_rows
from labels_app.reading import Reading
from web.classes import Chip, chip_of


class ShownSegment(NamedTuple):
    """One row of the table: the segment, and its box in pixels."""

    row: SegmentRow
    chip: Chip
    left: int
    top: int
    width: int
    height: int


class SegmentTable(NamedTuple):
    """Segments of a label, largest first: `rows` of all `total`, and after which to go on."""

    rows: list[ShownSegment]
    total: int
    following: int | None
    layer_numbers: range
    has_scores: bool
    has_tracks: bool
    counts: list[tuple[Chip, int]]


def read_segments(entry: Entry, reading: Reading, *, first: int, limit: int) -> SegmentTable | None:
    """Return up to `limit` segments of an image's label in live classes, from the `first` on.

    None without a label.
    """
    if entry.label is None:
        return None
    rows = get_segment_rows(entry, reading)
    rows.sort(key=lambda row: (-row.area, row.segment.segment_id))
    counts = Counter(chip_of(reading, row.segment.class_id) for row in rows)
    return SegmentTable(
        rows=[_shown(row, reading) for row in rows[first : first + limit]],
        total=len(rows),
        following=first + limit if first + limit < len(rows) else None,
        layer_numbers=range(max((row.layer for row in rows), default=-1) + 1),
        has_scores=any(row.segment.score is not None for row in rows),
        has_tracks=any(row.segment.track_id is not None for row in rows),
        counts=sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].name)),
    )


def _shown(row: SegmentRow, reading: Reading) -> ShownSegment:
    top, left, bottom, right = row.box
    chip = chip_of(reading, row.segment.class_id)
    return ShownSegment(row, chip, left, top, right - left, bottom - top)
