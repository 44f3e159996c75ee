"""The segments of a label as a taxonomy reads them: tables and JSON rows.

All functions that take a label take one that was read: its class ids are live ones of the
taxonomy one reads by (`get_read_label`). Stored labels never change.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from datasets_app.entries import Entry
from labels_app.classes import ClassSpec
from labels_app.reading import Reading
from labels_app.revisions import get_labels
from panoptic.colors import Color, parse_color
from panoptic.label import Label, Segment, measure_label
from panoptic.polygons import spans_to_polygons
from panoptic.reading import read_label
from panoptic.rle import encode_coco_rles
from panoptic.runs import Spans, measure_runs
from panoptic.views import instances, panoptic_runs


class SegmentRow(NamedTuple):
    """One segment of a label as a taxonomy reads it.

    stored_class_id : the class that the stored segment of this id was labelled with; several
        that read as one have the smallest of their ids
    area, box : of the full mask; a box is (top, left, bottom, right)
    """

    segment: Segment
    layer: int
    live: ClassSpec
    stored_class_id: int
    area: int
    visible_area: int
    box: tuple[int, int, int, int]

    @property
    def crowd(self) -> bool:
        """Whether it covers a group, also because it was stuff once."""
        return self.segment.crowd


def get_segment_rows(entry: Entry, reading: Reading) -> list[SegmentRow]:
    """Return the segments of an image's label by id; none where there is no label.

    What reads as void is none of them, and what reads as one stuff class is one (RULES 5.2).
    """
    if entry.label is None:
        return []
    stored = get_label(entry.label)
    label = read_label(stored, reading.label_reading)
    places = stored.segments.index_of(label.segments.ids)
    measures = measure_label(label)
    columns = zip(
        label.segments,
        label.segments.layers.tolist(),
        stored.segments.class_ids[places].tolist(),
        measures.areas.tolist(),
        measures.visible_areas.tolist(),
        measures.boxes.tolist(),
        strict=True,
    )
    return [
        SegmentRow(
            row, layer, reading.classes[row.class_id], stored_class_id, area, visible, tuple(box)
        )
        for row, layer, stored_class_id, area, visible, box in columns
    ]


def get_label(digest: bytes) -> Label:
    """Read one label from the store, in the classes that it was made with."""
    return get_labels([digest])[digest]


def get_read_label(digest: bytes, reading: Reading) -> Label:
    """Read one label from the store, in live classes."""
    return read_label(get_label(digest), reading.label_reading)


def get_read_labels(
    digests: Iterable[bytes | None], reading: Reading
) -> dict[bytes | None, Label | None]:
    """Read labels from the store, in live classes, all at once; None stays None."""
    found = get_labels({digest for digest in digests if digest is not None})
    return {None: None} | {
        digest: read_label(label, reading.label_reading) for digest, label in found.items()
    }


def live_specs(label: Label, reading: Reading) -> dict[int, ClassSpec]:
    """Return the class of each segment, also of hidden ones, by id."""
    return {row.segment_id: reading.classes[row.class_id] for row in label.segments}


def segments_info(label: Label, reading: Reading) -> list[dict[str, Any]]:
    """Return what COCO panoptic says of every visible segment, by id."""
    rows = {row.segment_id: row for row in label.segments}
    specs = live_specs(label, reading)
    measures = measure_runs(panoptic_runs(label))
    return [
        {
            "id": segment_id,
            "category_id": rows[segment_id].class_id,
            "isthing": int(specs[segment_id].kind == "thing"),
            "iscrowd": int(rows[segment_id].crowd),
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
    specs = live_specs(label, reading)
    things = {spec.class_id for spec in specs.values() if spec.kind == "thing"}
    layers = dict(zip(label.segments.ids.tolist(), label.segments.layers.tolist(), strict=True))
    counts: dict[int, str] = {}
    for layer in label.layers:
        counts.update(encode_coco_rles(layer))
    rows = []
    for view in instances(label, things):
        row, live = view.segment, specs[view.segment.segment_id]
        geometry: Any = {"size": [label.height, label.width], "counts": counts[row.segment_id]}
        if as_polygons and not row.crowd:
            geometry = _outlines(view.mask, label.width) or geometry
        rows.append(
            {
                "id": row.segment_id,
                "class_id": live.class_id,
                "class_name": live.name,
                "layer": layers[row.segment_id],
                "crowd": row.crowd,
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


def color_of(spec: ClassSpec) -> Color:
    """Return the colour of a settled class."""
    assert spec.color is not None  # settled classes have one
    return parse_color(spec.color)


def bbox_json(box: Any) -> list[int]:
    """Return a box (top, left, bottom, right) as x, y, width, height."""
    top, left, bottom, right = box
    return [left, top, right - left, bottom - top]
