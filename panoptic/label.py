"""A label revision: layers of runs and a segment table, always in normal form (RULES 1.3).

Normal form: a segment's layer is 1 + the highest layer of the segments that it overlaps from
above, 0 if there are none. So the order of two segments counts only where their masks overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from panoptic.class_counts import ClassCounts, pack_counts, unpack_counts
from panoptic.errors import MalformedLabel, ShapeMismatch, TooLarge
from panoptic.runs import (
    Runs,
    Spans,
    check_size,
    compose_runs,
    encode_runs,
    kernels,
    mask_of,
    measure_runs,
    relabel_runs,
    spans_by_id,
    spans_kernels,
    spans_of_mask,
)
from panoptic.segments import (
    MAX_SEGMENT_ID,
    Origin,
    Segment,
    Segments,
    no_segments,
    segments_from_rows,
)

__all__ = [
    "COVER",
    "ClassCounts",
    "Label",
    "Origin",
    "Segment",
    "SegmentMeasures",
    "Segments",
    "compose_label",
    "count_classes",
    "empty_label",
    "label_from_id_map",
    "label_from_runs",
    "measure_label",
    "pack_counts",
    "renumber",
    "replace_segments",
    "segment_mask",
    "segments_from_rows",
    "spans_of",
    "unpack_counts",
    "visible_runs",
]

MAX_LAYERS = 2**16 - 1
# In painted planes: void that hides what lies below it. No segment has this id.
COVER = MAX_SEGMENT_ID + 1


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """Everything one labelling says about one image; a value, `==` compares content.

    layers[k] holds the segment ids of layer k, 0 where it says nothing; there is no layer
    without segments. Use the functions of this module to make one: they keep the normal form.

    painted : only in a label that `panoptic.reading` derived, and only where no order of its
        segments shows what the stored label shows. `painted[k]` is what lies k-th from below at
        each pixel, a segment or `COVER`; the layers then tell the full masks and no order.
        Such a label can be seen, counted and compared, and has no bytes.
    """

    height: int
    width: int
    segments: Segments
    layers: tuple[Runs, ...]
    painted: tuple[Runs, ...] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def is_partition(self) -> bool:
        """Whether all of every segment is visible, because nothing lies over anything."""
        return len(self.layers) < 2 and self.painted is None

    @property
    def planes(self) -> tuple[Runs, ...]:
        """What is painted, bottom to top: the layers, or `painted` where that is given."""
        return self.layers if self.painted is None else self.painted

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Label):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.layers == other.layers
            and self.painted == other.painted
            and self.segments == other.segments
        )

    def __hash__(self) -> int:
        return hash((self.height, self.width, self.segments, self.layers, self.painted))


class SegmentMeasures(NamedTuple):
    """Aligned with the segments of a label: ids uint32[k]; areas (full mask) and visible_areas
    (panoptic view) int64[k] in pixels; boxes int64[k, 4] of the full mask as top, left, bottom,
    right (half-open)."""

    ids: NDArray[np.uint32]
    areas: NDArray[np.int64]
    visible_areas: NDArray[np.int64]
    boxes: NDArray[np.int64]


def empty_label(height: int, width: int) -> Label:
    """A label that says nothing: all void."""
    check_size(height, width)
    return Label(height, width, no_segments(), ())


def label_from_runs(runs: Runs, rows: Iterable[Segment]) -> Label:
    """A partition: one layer of segment ids, and a row for each.

    Raises MalformedLabel for an id of the runs without a row, and for a row without pixels.
    """
    segments = segments_from_rows(rows)
    stranger, absent = kernels.match_ids(runs.values, segments.ids)
    if stranger >= 0:
        raise MalformedLabel("has pixels but no row", where=f"segment {stranger}")
    if absent >= 0:
        raise MalformedLabel("has a row but no pixels", where=f"segment {segments.ids[absent]}")
    return Label(runs.height, runs.width, segments, (runs,) if len(segments) else ())


def label_from_id_map(id_map: NDArray[Any], rows: Iterable[Segment]) -> Label:
    """A partition from a (height, width) array of segment ids; see `label_from_runs`."""
    return label_from_runs(encode_runs(id_map), rows)


def compose_label(
    height: int, width: int, painted: Sequence[tuple[Segment, Spans | Runs]]
) -> Label:
    """A label from full masks in painting order, bottom first; computes the normal form.

    Raises MalformedLabel for an empty mask (an import reports and drops those), an id painted
    twice and spans outside the image; ShapeMismatch for a mask of another size.
    """
    check_size(height, width)
    if not painted:
        return empty_label(height, width)
    masks = [_spans(row, mask, height, width) for row, mask in painted]
    ids = np.array([row.segment_id for row, _ in painted], np.int64)
    starts = np.concatenate([mask.starts for mask in masks])
    ends = np.concatenate([mask.ends for mask in masks])
    counts = [mask.starts.size for mask in masks]
    owners = np.repeat(np.arange(len(masks)), counts)
    layers, planes = _stack(height, width, starts, ends, owners, ids)
    segments = segments_from_rows(
        (row for row, _ in painted), dict(zip(ids.tolist(), layers.tolist(), strict=True))
    )
    return Label(height, width, segments, planes)


def measure_label(label: Label) -> SegmentMeasures:
    """Area, visible area and box of every segment."""
    ids = label.segments.ids
    areas = np.zeros(ids.size, np.int64)
    boxes = np.zeros((ids.size, 4), np.int64)
    for layer in label.layers:
        measured = measure_runs(layer)
        places = np.searchsorted(ids, measured.ids)
        areas[places], boxes[places] = measured.areas, measured.boxes
    return SegmentMeasures(ids, areas, areas if label.is_partition else visible_areas(label), boxes)


def visible_runs(label: Label) -> Runs:
    """The id of the topmost segment at each pixel, 0 where none is visible."""
    view = compose_runs(label.height, label.width, label.planes)
    if label.painted is None:
        return view
    values = np.where(view.values == COVER, np.uint32(0), view.values)
    return Runs(label.height, label.width, *kernels.merge(values, view.lengths))


def visible_areas(label: Label) -> NDArray[np.int64]:
    """Pixels of every segment in the panoptic view, aligned with the segments."""
    ids = label.segments.ids
    # A cover is no id: it is not counted.
    view = compose_runs(label.height, label.width, label.planes)
    pixels: NDArray[np.int64] = kernels.count_pixels(view.values, view.lengths, ids)
    return pixels


def count_classes(label: Label) -> ClassCounts:
    """Segments, crowds and visible pixels of every class, and the pixels of the void."""
    visible = visible_areas(label)
    class_ids, groups = np.unique(label.segments.class_ids, return_inverse=True)
    count = class_ids.size
    # Weights are summed as float64, exact for all pixels of an image.
    pixels = np.bincount(groups, visible, minlength=count).astype(np.int64)
    return ClassCounts(
        class_ids=class_ids,
        segments=np.bincount(groups, minlength=count),
        crowds=np.bincount(groups[label.segments.crowds], minlength=count),
        pixels=pixels,
        void_pixels=label.height * label.width - int(visible.sum()),
    )


def segment_mask(label: Label, segment_id: int) -> Runs:
    """The full mask of a segment as 0/1 runs; KeyError if there is none."""
    index = int(label.segments.index_of([segment_id])[0])
    return mask_of(label.layers[label.segments.layers[index]], segment_id)


def spans_of(label: Label) -> dict[int, Spans]:
    """The full masks of all segments, by ascending id."""
    masks: dict[int, Spans] = {}
    for layer in label.layers:
        masks.update(spans_by_id(layer))
    return dict(sorted(masks.items()))


def replace_segments(label: Label, rows: Iterable[Segment]) -> Label:
    """Other fields for the rows of these ids; the masks, ids and layers stay."""
    given = {row.segment_id: row for row in rows}
    label.segments.index_of(list(given))
    replaced = [given.get(row.segment_id, row) for row in label.segments]
    segments = replace(segments_from_rows(replaced), layers=label.segments.layers)
    return replace(label, segments=segments)


def renumber(label: Label, old_ids: ArrayLike, new_ids: ArrayLike) -> Label:
    """Give the segments `old_ids` the ids `new_ids`, all others keep theirs.

    KeyError for an old id that is not there; MalformedLabel if two segments get one id.
    """
    segments = label.segments
    changed = segments.ids.astype(np.int64)
    changed[segments.index_of(old_ids)] = np.asarray(new_ids, np.int64)
    rows = [
        row._replace(segment_id=segment_id)
        for row, segment_id in zip(segments, changed.tolist(), strict=True)
    ]
    layers = dict(zip(changed.tolist(), segments.layers.tolist(), strict=True))
    keys, values = np.append(segments.ids, COVER), np.append(changed, COVER)
    return Label(
        label.height,
        label.width,
        segments_from_rows(rows, layers),
        tuple(relabel_runs(layer, keys, values) for layer in label.layers),
        label.painted and tuple(relabel_runs(plane, keys, values) for plane in label.painted),
    )


def _spans(row: Segment, mask: Spans | Runs, height: int, width: int) -> Spans:
    if isinstance(mask, Runs):
        if mask.shape != (height, width):
            raise ShapeMismatch((height, width), mask.shape)
        mask = spans_of_mask(mask)
    if mask.starts.size == 0:
        raise MalformedLabel("the mask is empty", where=f"segment {row.segment_id}")
    return mask


def _stack(
    height: int,
    width: int,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    owners: NDArray[np.int64],
    ids: NDArray[np.int64],
) -> tuple[NDArray[np.int64], tuple[Runs, ...]]:
    """Layers of the segments and their planes; spans are grouped by owner, bottom first."""
    size = height * width
    order = np.argsort(starts, kind="stable")
    values = ids[owners].astype(np.uint32)
    sorted_spans = starts[order], ends[order], values[order]
    *plane, wrong = spans_kernels.fill_gaps(*sorted_spans, size)
    if wrong < 0:  # no two masks overlap: a partition
        return np.zeros(ids.size, np.int64), (Runs(height, width, *plane),)
    edges = np.unique(np.concatenate((starts, ends)))
    first, last = np.searchsorted(edges, starts), np.searchsorted(edges, ends)
    layers = spans_kernels.assign_layers(first, last, owners, ids.size, edges.size)
    depth = int(layers.max()) + 1
    if depth > MAX_LAYERS:
        raise TooLarge("layers", actual=depth, limit=MAX_LAYERS)
    layer_of_span = layers[owners][order]
    planes = []
    for ordinal in range(depth):
        own = layer_of_span == ordinal
        own_starts, own_ends, own_values = (column[own] for column in sorted_spans)
        *plane, wrong = spans_kernels.fill_gaps(own_starts, own_ends, own_values, size)
        if wrong >= 0:
            raise MalformedLabel(
                f"span {own_starts[wrong]} to {own_ends[wrong]} is empty, out of order or leaves"
                f" the image of {height} × {width}",
                where=f"segment {own_values[wrong]}",
            )
        planes.append(Runs(height, width, *plane))
    return layers, tuple(planes)
