"""An edit of what can be seen, put back over what cannot.

A PNG shows the panoptic view of a label: covered pixels, scores, tracks and attributes are not in
it. Who edits one and hands it in does not mean to delete those.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import MalformedLabel, ShapeMismatch
from panoptic.label import Label, compose_label, label_from_runs, spans_of, visible_runs
from panoptic.runs import (
    Runs,
    Spans,
    constant_runs,
    make_runs,
    refine_runs,
    runs_from_spans,
    spans_by_id,
    subtract_masks,
    union_masks,
)
from panoptic.segments import Segment


def repaint(base: Label, edited: Label, *, untold: Collection[str] | None = None) -> Label:
    """The label whose panoptic view is `edited`, with all of `base` that nobody could see.

    - A pixel of the view that has another owner now leaves the full mask of the owner that it had
      and joins that of the new one; covered pixels stay where they are.
    - Segments that were visible and have no pixel any more are gone, with what was covered; those
      that were covered as a whole stay.
    - Class and crowd are those of `edited`. Track, score, origin and attributes of a segment that
      is still there stay, where `edited` does not say others; with `untold` they are those of
      `edited` beside the attributes of these names, which its file could not tell.
    - Where a pixel goes to a segment that lies under one that is covered there, the covered
      one loses it: else it would come to light.

    Parameters
    ----------
    base : a stored label; edited : a partition of the same size, as a reader of a PNG makes it

    Raises
    ------
    ShapeMismatch
        The sizes differ.
    MalformedLabel
        `edited` is no partition.
    """
    if base.shape != edited.shape:
        raise ShapeMismatch(base.shape, edited.shape)
    if not edited.is_partition:
        raise MalformedLabel("segments overlap in what was edited", where="repaint")
    rows = _rows(base, edited, untold)
    before, after = visible_runs(base), visible_runs(edited)
    if base.is_partition:
        return label_from_runs(after, rows.values())
    masks = _full_masks(base, before, after, rows)
    layers = dict(zip(base.segments.ids.tolist(), base.segments.layers.tolist(), strict=True))
    # What is new lies on top.
    order = sorted(rows, key=lambda key: (layers.get(key, len(base.layers)), key))
    return _compose_showing(after, [rows[key] for key in order], masks)


def _rows(base: Label, edited: Label, untold: Collection[str] | None) -> dict[int, Segment]:
    """Return the segments of the result by id, without their masks."""
    old = {row.segment_id: row for row in base.segments}
    rows = {
        row.segment_id: _with_fields(row, old.get(row.segment_id), untold)
        for row in edited.segments
    }
    shown = set(visible_runs(base).values.tolist())
    covered = {key: row for key, row in old.items() if key not in shown and key not in rows}
    return rows | covered


def _with_fields(row: Segment, old: Segment | None, untold: Collection[str] | None) -> Segment:
    if old is None:
        return row
    if untold is not None:
        kept = {name: value for name, value in old.attributes.items() if name in untold}
        return row._replace(attributes={**kept, **row.attributes}) if kept else row
    return row._replace(
        track_id=old.track_id if row.track_id is None else row.track_id,
        score=old.score if row.score is None else row.score,
        origin=row.origin or old.origin,
        attributes={**old.attributes, **row.attributes},
    )


def _full_masks(
    base: Label, before: Runs, after: Runs, rows: Mapping[int, Segment]
) -> dict[int, Runs]:
    """Return the full mask of every segment, 0 and 1."""
    had, has, lengths = refine_runs(before, after)
    moved = had != has
    lost = _masks_by_id(base.shape, np.where(moved, had, 0), lengths)
    gained = _masks_by_id(base.shape, np.where(moved, has, 0), lengths)
    old, nothing = spans_of(base), constant_runs(*base.shape, 0)
    masks = {}
    for key in rows:
        mask = _mask(base.shape, old[key]) if key in old else nothing
        if key in lost:
            mask = subtract_masks(mask, lost[key])
        if key in gained:
            mask = union_masks(mask, gained[key])
        masks[key] = mask
    return masks


def _compose_showing(view: Runs, rows: list[Segment], masks: dict[int, Runs]) -> Label:
    """Return the label of these masks, bottom first, whose panoptic view is `view`.

    What covers the segment that a pixel of the view shows loses that pixel; each turn uncovers
    one layer at least.
    """
    while True:
        painted = [
            (row, masks[row.segment_id]) for row in rows if masks[row.segment_id].values.any()
        ]
        label = compose_label(*view.shape, painted)
        shown, wanted, lengths = refine_runs(visible_runs(label), view)
        wrong = shown != wanted
        if not wrong.any():
            return label
        for key, mask in _masks_by_id(view.shape, np.where(wrong, shown, 0), lengths).items():
            masks[key] = subtract_masks(masks[key], mask)


def _masks_by_id(
    shape: tuple[int, int], values: NDArray[np.uint32], lengths: NDArray[np.int64]
) -> dict[int, Runs]:
    spans = spans_by_id(make_runs(*shape, values, lengths))
    return {key: _mask(shape, one) for key, one in spans.items()}


def _mask(shape: tuple[int, int], spans: Spans) -> Runs:
    return runs_from_spans(*shape, [(1, spans)])
