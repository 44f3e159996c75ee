"""From drafts to changes: rows, areas, boxes and pixels of what changed."""

from __future__ import annotations

import numpy as np

from panoptic.boundary import PairBoundaries
from panoptic.changes import Box, Change, SegmentSide, in_order
from panoptic.drafts import Draft, Evidence
from panoptic.label import Label, SegmentMeasures, measure_label

Sides = tuple[SegmentSide, ...]


def describe_changes(evidence: Evidence, drafts: list[Draft]) -> tuple[Change, ...]:
    """The changes of two labels of one size, in the order of a diff."""
    if not drafts:
        return ()
    pixels = _count_changed_pixels(evidence, drafts)
    old_measures, new_measures = measure_label(evidence.old), measure_label(evidence.new)
    old_sides = describe_sides(evidence.old, old_measures, [draft.old for draft in drafts])
    new_sides = describe_sides(evidence.new, new_measures, [draft.new for draft in drafts])
    boxes = [
        _enclose([side.box for side in old + new])
        for old, new in zip(old_sides, new_sides, strict=True)
    ]
    boundaries = _boundaries(evidence, drafts, boxes)
    return in_order(
        [
            Change(
                kind=draft.flags[0],
                flags=frozenset(draft.flags),
                old=old,
                new=new,
                iou=_iou(evidence, draft) if draft.old and draft.new else None,
                changed_pixels=count,
                box=box,
                boundaries=boundaries if draft.old and draft.new else None,
            )
            for draft, count, old, new, box in zip(
                drafts, pixels, old_sides, new_sides, boxes, strict=True
            )
        ]
    )


def describe_sides(
    label: Label, measures: SegmentMeasures, groups: list[tuple[int, ...]]
) -> list[Sides]:
    """The segments of each group of positions."""
    places = np.array([place for group in groups for place in group], np.int64)
    ids = label.segments.ids[places].tolist()
    rows = (
        {row.segment_id: row for row in label.segments}
        if 4 * len(ids) > len(label.segments)
        else None
    )
    columns = (measures.areas, measures.visible_areas, measures.boxes)
    sides = iter(
        [
            SegmentSide(
                rows[segment_id] if rows else label.segments.row(segment_id),
                area,
                visible_area,
                (box[0], box[1], box[2], box[3]),
            )
            for segment_id, area, visible_area, box in zip(
                ids, *(column[places].tolist() for column in columns), strict=True
            )
        ]
    )
    return [tuple(next(sides) for _ in group) for group in groups]


def _count_changed_pixels(evidence: Evidence, drafts: list[Draft]) -> list[int]:
    """Changed pixels by change: those whose visible owner before or after belongs to it."""
    change_of_old = np.full(len(evidence.old.segments) + 1, -1, np.int64)
    change_of_new = np.full(len(evidence.new.segments) + 1, -1, np.int64)
    for number, draft in enumerate(drafts):
        for place in draft.old:
            change_of_old[place + 1] = number
        for place in draft.new:
            change_of_new[place + 1] = number
    cells, changed = evidence.cells, evidence.changed
    before = change_of_old[cells.old_tops[changed] + 1]
    after = change_of_new[cells.new_tops[changed] + 1]
    pixels = cells.pixels[changed]
    sums = np.zeros(len(drafts) + 1, np.int64)  # the last one takes what belongs to no change
    np.add.at(sums, before, pixels)
    np.add.at(sums, after[after != before], pixels[after != before])
    counted: list[int] = sums[:-1].tolist()
    return counted


def _boundaries(evidence: Evidence, drafts: list[Draft], boxes: list[Box]) -> PairBoundaries | None:
    old_ids, new_ids = evidence.old.segments.ids, evidence.new.segments.ids
    pairs, around = [], []
    for draft, box in zip(drafts, boxes, strict=True):
        if draft.old and draft.new:
            pairs.append((int(old_ids[draft.old[0]]), int(new_ids[draft.new[0]])))
            around.append(box)
    if not pairs:
        return None
    return PairBoundaries(evidence.old, evidence.new, tuple(pairs), _enclose(around))


def _iou(evidence: Evidence, draft: Draft) -> float:
    old, new = draft.old[0], draft.new[0]
    shared = int(evidence.matching.shared[old])
    return shared / (int(evidence.old_areas[old]) + int(evidence.new_areas[new]) - shared)


def _enclose(boxes: list[Box]) -> Box:
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)
