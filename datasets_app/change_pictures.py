"""Small pictures of where an image changed, in which a change of one pixel is still seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets_app.entries import EntryChange
from datasets_app.label_pictures import classify_pair, small_picture
from labels_app.reading import Reading
from panoptic.render import (
    CHANGE_COLORS,
    Picture,
    PixelChange,
    encode_thumbnail,
    plain_picture,
)
from panoptic.runs import Runs, decode_runs, encode_runs

_DIMMED = 0.3  # how bright what did not change is


def shrink_changes(kinds: Runs, side: int) -> Runs:
    """Return a map of `PixelChange` at most `side` pixels high and wide.

    A cell has the kind that changed in most rows of what it stands for, and none only where
    nothing changed: a mended outline of one pixel must not vanish. Costs the runs and what is
    kept, not what the label has.
    """
    longest = max(kinds.shape)
    if longest <= side:
        return kinds
    height, width = (max(1, length * side // longest) for length in kinds.shape)
    rows, lefts, rights, values = _row_spans(kinds)
    rows, lefts = rows * height // kinds.height, lefts * width // kinds.width
    ends = (rights - 1) * width // kinds.width + 1
    found = np.zeros((height, width), np.uint32)
    most = np.zeros((height, width), np.int32)
    for kind in PixelChange:
        is_kind = values == kind
        votes = np.zeros((height, width + 1), np.int32)
        np.add.at(votes, (rows[is_kind], lefts[is_kind]), 1)
        np.add.at(votes, (rows[is_kind], ends[is_kind]), -1)
        votes = votes.cumsum(axis=1, dtype=np.int32)[:, :width]
        found[votes > most] = kind
        np.maximum(most, votes, out=most)
    return encode_runs(found)


def draw_change(change: EntryChange, reading: Reading, side: int) -> bytes:
    """Return a WebP of what changed, over the photograph in dark grey; one side has a label."""
    before, after = (entry.label if entry else None for entry in (change.old, change.new))
    kinds = shrink_changes(classify_pair(before, after, reading), side)
    under = _grey_photo(change, reading, kinds.shape)
    values = decode_runs(kinds)
    for kind, color in CHANGE_COLORS.items():
        under[values == kind] = color
    return encode_thumbnail(under, side)


def _grey_photo(change: EntryChange, reading: Reading, shape: tuple[int, int]) -> Picture:
    entry = next((one for one in (change.new, change.old) if one is not None and one.image), None)
    if entry is None:
        return plain_picture(*shape).copy()
    photo = Image.fromarray(small_picture(entry, reading, max(shape), "photo"))
    grey = photo.convert("L").resize((shape[1], shape[0]), Image.Resampling.BOX)
    dimmed = (np.asarray(grey, np.float32) * _DIMMED).astype(np.uint8)
    return np.repeat(dimmed[:, :, None], 3, axis=2)


def _row_spans(kinds: Runs) -> tuple[NDArray[np.int64], ...]:
    """Return row, left, right and value of every changed run, cut at the ends of rows."""
    is_changed = kinds.values != 0
    stops = kinds.ends[is_changed].astype(np.int64)
    starts = stops - kinds.lengths[is_changed].astype(np.int64)
    first, last = starts // kinds.width, (stops - 1) // kinds.width
    counts = last - first + 1
    of_run = np.repeat(np.arange(starts.size), counts)
    offset = np.arange(of_run.size) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = first[of_run] + offset
    lefts = np.maximum(starts[of_run] - rows * kinds.width, 0)
    rights = np.minimum(stops[of_run] - rows * kinds.width, kinds.width)
    return rows, lefts, rights, kinds.values[is_changed].astype(np.int64)[of_run]
