"""Compile every kernel now, so that nobody waits for one: `python -m panoptic.warm_up`.

numba compiles a kernel where it is first called, which takes most of a minute for all of them, and
keeps it on disk: whoever installs the package, or builds an image of it, does that once and here.
Does nothing where numba is not installed.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np

from panoptic.boundary import boundary_iou
from panoptic.codec import decode_label, encode_label, pack_label
from panoptic.dense import decode_class_map, decode_partition
from panoptic.diff import diff_labels
from panoptic.kernels import numba_is_used
from panoptic.kinds import Kinds
from panoptic.label import (
    Label,
    compose_label,
    count_classes,
    label_from_id_map,
    visible_areas,
    visible_runs,
)
from panoptic.label_bytes import canonical_bytes, parse_canonical
from panoptic.metrics.boundary import boundary_quality
from panoptic.metrics.panoptic import panoptic_quality
from panoptic.png import encode_class_png, encode_panoptic_png, encode_rgba_png
from panoptic.png_read import read_id_runs, read_index_runs, read_value_runs
from panoptic.polygons import decode_polygons, spans_to_polygons
from panoptic.reading import LabelReading
from panoptic.repainting import repaint
from panoptic.rle import decode_coco_rle, encode_coco_rles
from panoptic.runs import (
    Runs,
    crop_runs,
    decode_runs,
    encode_runs,
    measure_runs,
    paint_runs,
    relabel_runs,
    spans_by_id,
    transpose_runs,
)
from panoptic.segments import Segment
from panoptic.views import ClassMap, decode_masks, instances, panoptic_runs, semantic_runs

_SKY, _CAR = 1, 2
_KINDS = Kinds(frozenset({_SKY}))
_PIXELS = (np.uint8, np.uint16, np.uint32, np.int64)


def warm_up() -> None:
    """Do once, with small labels, what labels are there for."""
    if not numba_is_used():
        return
    flat, stacked = _labels()
    _use_runs(flat, stacked)
    _use_store(flat, stacked)
    _use_files(flat)
    _compare(flat, stacked)


def _labels() -> tuple[Label, Label]:
    """A label without overlaps, and one in which a car hides a part of another one."""
    id_map = np.zeros((6, 8), np.uint32)
    id_map[:2] = 1
    id_map[3:, 1:5] = 70_000
    sky, car, other = Segment(1, _SKY), Segment(70_000, _CAR), Segment(5, _CAR)
    flat = label_from_id_map(id_map, [sky, car])
    spans = spans_by_id(encode_runs(id_map))
    below = np.zeros_like(id_map)
    below[4:, 3:7] = 1
    stacked = compose_label(
        6, 8, [(sky, spans[1]), (other, encode_runs(below)), (car, spans[70_000])]
    )
    return flat, stacked


def _use_runs(flat: Label, stacked: Label) -> None:
    runs = panoptic_runs(flat)
    for dtype in _PIXELS:
        decode_runs(runs, dtype)
    measure_runs(runs)
    transpose_runs(runs)
    crop_runs(runs, 1, 1, 3, 3)
    paint_runs(runs, relabel_runs(runs, [1, 70_000], [7, 8]))
    visible_runs(stacked)
    visible_areas(stacked)
    count_classes(stacked)
    decode_masks(stacked, [5])
    instances(stacked, {_CAR})
    repaint(stacked, flat)


def _use_store(flat: Label, stacked: Label) -> None:
    for label in (flat, stacked):
        pack_label(label)
        stored = encode_label(label)
        decode_label(stored)
        parse_canonical(canonical_bytes(label))
        for dtype in _PIXELS:
            decode_class_map(stored, ClassMap.identity, dtype)
        decode_partition(stored, LabelReading.identity_of(_KINDS))


def _use_files(flat: Label) -> None:
    ids, classes = panoptic_runs(flat), semantic_runs(flat)
    read_id_runs(BytesIO(encode_panoptic_png(ids)))
    read_value_runs(BytesIO(encode_rgba_png(ids)), "word")
    read_index_runs(BytesIO(encode_class_png(classes)))
    read_index_runs(BytesIO(encode_class_png(classes, 16)), bits=(16,))
    for counts in encode_coco_rles(ids).values():
        decode_coco_rle(counts, flat.height, flat.width)
        decode_coco_rle(counts.encode(), flat.height, flat.width)
    for spans in spans_by_id(ids).values():
        rings = spans_to_polygons(spans, flat.width)
        decode_polygons([ring.points.reshape(-1).tolist() for ring in rings], *flat.shape)


def _compare(flat: Label, stacked: Label) -> None:
    diff_labels(flat, stacked, kinds=_KINDS)
    panoptic_quality(flat, stacked, _KINDS)
    boundary_quality(flat, stacked)
    boundary_iou(_mask(flat), _mask(stacked))


def _mask(label: Label) -> Runs:
    return encode_runs(decode_runs(panoptic_runs(label)) == 70_000)


if __name__ == "__main__":
    warm_up()
