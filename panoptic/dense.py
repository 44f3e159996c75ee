"""From stored bytes straight to pixels, for those who read labels again and again.

What `decode_label` and the views give, in a third of the time: a compiled kernel paints each row
as soon as it is decoded, and of the segment table only what a view needs is looked at. All that
keeps a reader safe is checked, as strictly as in `decode_label`; whether layers are in normal
form, and origins, are not, since no pixel depends on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from panoptic.codec import PREDICTED, OpenLabel, decode_label, open_label, raise_finding
from panoptic.codec_table import decode_columns
from panoptic.errors import MalformedLabel
from panoptic.kernels import load_kernels
from panoptic.label_tail import decode_attributes
from panoptic.reading import LabelReading
from panoptic.runs import decode_runs
from panoptic.segments import Segments
from panoptic.views import ClassMap, semantic_runs

kernels = load_kernels("dense")

_NO_AREAS, _NO_BOXES = np.zeros(0, np.int64), np.zeros((0, 4), np.int64)


class DensePanoptic(NamedTuple):
    """A partition as pixels: `id_map` uint32 (height, width), 0 void; the columns of its segments;
    attributes by id, where there are any; areas int64[k] in pixels and boxes int64[k, 4] as top,
    left, bottom, right."""

    id_map: NDArray[np.uint32]
    segments: Segments
    attributes: Mapping[int, Mapping[str, Any]]
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]


def decode_class_map(stored: bytes, class_map: ClassMap, dtype: DTypeLike) -> NDArray[Any]:
    """The pixels of `semantic_runs`, of an integer dtype that holds all values (unchecked).

    Raises MalformedLabel and TooLarge as `decode_label`, UnknownClass as `semantic_runs`.
    """
    opened = open_label(stored)
    if opened.codec != PREDICTED:
        return decode_runs(semantic_runs(decode_label(stored), class_map), dtype)
    segments = _columns(opened)
    classes, counts = segments.class_ids, _segments_by_layer(opened, segments)
    if counts.size > 1:
        classes = classes[np.argsort(segments.layers, kind="stable")]
    colors = np.empty(len(segments) + 1, dtype)
    colors[0] = class_map.void
    colors[1:] = class_map.map_classes(classes)
    return _render(opened, colors, counts, _NO_AREAS, _NO_BOXES)


def decode_partition(stored: bytes, reading: LabelReading) -> DensePanoptic | None:
    """The panoptic view of a label in which nothing overlaps and all reads as it is stored.

    None for other labels, and where that is not seen at once: `decode_label` and `read_label` say
    what those show. Raises MalformedLabel and TooLarge as `decode_label`, UnknownClass as
    `read_label`.
    """
    opened = open_label(stored)
    if opened.codec != PREDICTED or len(opened.header.run_counts) != 1:
        return None
    segments = _columns(opened)
    if not _reads_as_stored(segments, reading):
        return None
    tail_size = opened.header.tail_size
    attributes: Mapping[int, Mapping[str, Any]] = {}
    if tail_size:
        attributes = decode_attributes(opened.table[-tail_size:], segments.ids)
    colors = np.empty(len(segments) + 1, np.uint32)
    colors[0] = 0
    colors[1:] = segments.ids
    areas, boxes = np.empty(len(segments), np.int64), np.empty((len(segments), 4), np.int64)
    id_map = _render(opened, colors, _segments_by_layer(opened, segments), areas, boxes)
    return DensePanoptic(id_map, segments, attributes, areas, boxes)


def _columns(opened: OpenLabel) -> Segments:
    header = opened.header
    layer_count = len(header.run_counts)
    return decode_columns(opened.table, header.segment_count, layer_count, header.tail_size)


def _segments_by_layer(opened: OpenLabel, segments: Segments) -> NDArray[np.int64]:
    """How many segments each layer has; MalformedLabel for a layer without any."""
    layer_count = len(opened.header.run_counts)
    if layer_count == 1:
        return np.array([len(segments)])
    counts = np.bincount(segments.layers, minlength=layer_count)
    if not counts.all():
        raise MalformedLabel("it has no segment", where=f"layer {int(np.argmin(counts))}")
    return counts


def _render(
    opened: OpenLabel,
    colors: NDArray[Any],
    counts: NDArray[np.int64],
    areas: NDArray[np.int64],
    boxes: NDArray[np.int64],
) -> NDArray[Any]:
    header = opened.header
    painted = np.empty((header.height, header.width), colors.dtype)
    if not header.run_counts:
        painted.fill(colors[0])
    streams = np.frombuffer(memoryview(opened.planes).toreadonly(), np.uint8)
    tokens, numbers = streams[: header.split], streams[header.split :]
    run_counts = np.array(header.run_counts, np.int64)
    raise_finding(
        *kernels.render_rows(tokens, numbers, run_counts, colors, counts, painted, areas, boxes)
    )
    return painted


def _reads_as_stored(segments: Segments, reading: LabelReading) -> bool:
    """Whether `read_label` gives the label itself; False, too, where what was stuff is a crowd."""
    class_map = reading.class_map
    class_map.map_classes(segments.class_ids)  # raises for a class that nobody knows
    if class_map.is_identity:
        return True
    things, stuff = _unchanged_classes(reading)
    met: set[int] = set()
    for class_id, crowd in zip(segments.class_ids.tolist(), segments.crowds.tolist(), strict=True):
        if class_id in things:
            continue
        # Segments of one stuff class would become one, which is no crowd.
        if class_id not in stuff or crowd or class_id in met:
            return False
        met.add(class_id)
    return True


@lru_cache(maxsize=64)
def _unchanged_classes(reading: LabelReading) -> tuple[frozenset[int], frozenset[int]]:
    """Things and stuff that read as they are stored, whatever is beside them."""
    class_map = reading.class_map
    stays = (class_map.keys == class_map.values) & ~reading.crowd_keys
    things = class_map.keys[stays & ~reading.stuff_keys]
    stuff = class_map.keys[stays & reading.stuff_keys]
    return frozenset(things.tolist()), frozenset(stuff.tolist())
