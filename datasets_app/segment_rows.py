"""The segments of a label as a taxonomy reads them: tables and JSON rows.

Compose first, then map (RULES 2): segments that read as void are void, and those that read as
one stuff class are one segment (RULES 5.2). Stored labels never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from datasets_app.entries import Entry
from labels_app.classes import ClassSpec
from labels_app.reading import Reading
from labels_app.revisions import get_labels
from panoptic.colors import Color, parse_color
from panoptic.label import Label, Segment, measure_label
from panoptic.polygons import spans_to_polygons
from panoptic.rle import encode_coco_rles
from panoptic.runs import Runs, Spans, measure_runs, relabel_runs
from panoptic.views import instances, panoptic_runs


class SegmentRow(NamedTuple):
    """One segment of a label as a taxonomy reads it.

    `live` is None where it reads as void; area and box (top, left, bottom, right) are of the
    full mask.
    """

    segment: Segment
    layer: int
    live: ClassSpec | None
    crowd: bool
    area: int
    visible_area: int
    box: tuple[int, int, int, int]


def get_segment_rows(entry: Entry, reading: Reading) -> list[SegmentRow]:
    """Return the segment table of an image's label by id; empty where there is no label."""
    if entry.label is None:
        return []
    label = get_label(entry.label)
    measures = measure_label(label)
    columns = zip(
        label.segments,
        label.segments.layers.tolist(),
        measures.areas.tolist(),
        measures.visible_areas.tolist(),
        measures.boxes.tolist(),
        strict=True,
    )
    return [
        SegmentRow(
            row,
            layer,
            reading.find(row.class_id),
            _reads_as_crowd(row, reading),
            area,
            visible,
            tuple(box),
        )
        for row, layer, area, visible, box in columns
    ]


class PanopticView(NamedTuple):
    """The topmost segments, with void and joined stuff as the taxonomy reads them.

    runs : ids of segments, 0 is void; lives and crowds are by id, also of hidden segments
    """

    runs: Runs
    lives: Mapping[int, ClassSpec]
    crowds: Mapping[int, bool]


def read_panoptic(label: Label, reading: Reading) -> PanopticView:
    """Return the panoptic view of a label as a taxonomy reads it."""
    names: dict[int, int] = {}  # what becomes of each id
    lives: dict[int, ClassSpec] = {}
    stuff: dict[int | None, int] = {}
    crowds: dict[int, bool] = {}
    for row in label.segments:
        segment_id, live = row.segment_id, reading.find(row.class_id)
        crowds[segment_id] = _reads_as_crowd(row, reading)
        if live is None:
            names[segment_id] = 0
        elif live.kind == "stuff":
            names[segment_id] = stuff.setdefault(live.class_id, segment_id)
        else:
            names[segment_id] = segment_id
        if live is not None:
            lives[segment_id] = live
    runs = relabel_runs(panoptic_runs(label), list(names), list(names.values()))
    return PanopticView(runs, lives, crowds)


def _reads_as_crowd(row: Segment, reading: Reading) -> bool:
    live = reading.find(row.class_id)
    if live is None or live.kind == "stuff":
        return False
    # Nobody counted what was stuff when it was labelled (RULES 5.2).
    return row.crowd or reading.classes[row.class_id].kind == "stuff"


def segments_info(view: PanopticView) -> list[dict[str, Any]]:
    """Return what COCO panoptic says of every visible segment, by id."""
    measures = measure_runs(view.runs)
    return [
        {
            "id": segment_id,
            "category_id": view.lives[segment_id].class_id,
            "isthing": int(view.lives[segment_id].kind == "thing"),
            "iscrowd": int(view.crowds[segment_id]),
            "area": area,
            "bbox": bbox_json(box),
        }
        for segment_id, area, box in zip(
            measures.ids.tolist(), measures.areas.tolist(), measures.boxes.tolist(), strict=True
        )
    ]


def category_json(spec: ClassSpec, reading: Reading) -> dict[str, Any]:
    """Return a class as COCO panoptic lists it."""
    assert spec.class_id is not None
    return {
        "id": spec.class_id,
        "name": spec.name,
        "supercategory": reading.heading_of(spec.class_id),
        "isthing": int(spec.kind == "thing"),
        "color": list(color_of(spec)),
    }


def instance_rows(label: Label, reading: Reading, *, as_polygons: bool) -> list[dict[str, Any]]:
    """Return every thing segment with its full mask, by id."""
    found = instances(label, reading.thing_ids)
    layers = dict(zip(label.segments.ids.tolist(), label.segments.layers.tolist(), strict=True))
    counts: dict[int, str] = {}
    for layer in label.layers:
        counts.update(encode_coco_rles(layer))
    rows = []
    for view in found:
        row = view.segment
        live = reading.find(row.class_id)
        assert live is not None  # a thing does not read as void
        crowd = _reads_as_crowd(row, reading)
        geometry: Any = {"size": [label.height, label.width], "counts": counts[row.segment_id]}
        if as_polygons and not crowd:
            geometry = _outlines(view.mask, label.width) or geometry
        rows.append(
            {
                "id": row.segment_id,
                "class_id": live.class_id,
                "class_name": live.name,
                "layer": layers[row.segment_id],
                "crowd": crowd,
                "track_id": row.track_id,
                "score": row.score,
                "area": view.area,
                "visible_area": view.visible_area,
                "bbox": bbox_json(view.box),
                "segmentation": geometry,
            }
        )
    return rows


def _outlines(mask: Spans, width: int) -> list[list[int]] | None:
    """Return the rings of a mask, None where it has a hole: polygons cannot say that."""
    rings = spans_to_polygons(mask, width)
    if any(ring.is_hole for ring in rings):
        return None
    return [ring.points.reshape(-1).tolist() for ring in rings]


def get_label(digest: bytes) -> Label:
    """Read one label from the store."""
    return get_labels([digest])[digest]


def color_of(spec: ClassSpec) -> Color:
    """Return the colour of a settled class."""
    assert spec.color is not None  # settled classes have one
    return parse_color(spec.color)


def bbox_json(box: Any) -> list[int]:
    """Return a box (top, left, bottom, right) as x, y, width, height."""
    top, left, bottom, right = box
    return [left, top, right - left, bottom - top]
