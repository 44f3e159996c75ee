"""COCO instances, written: full masks, so overlaps survive; crowds as uncompressed RLE.

Annotations of an image stand in painting order, bottom first: reading them with `last` gives
the same layers again. A mask that polygons cannot say exactly, as one with a hole, is written as
RLE even where polygons were asked for. Areas and boxes are those of the pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.formats.base import ExportClass, ExportImage, WriteOptions
from panoptic.formats.coco.categories import category_ids
from panoptic.formats.coco.fields import SCHEME, is_int
from panoptic.formats.coco.writer import (
    CocoWriter,
    ImageRecord,
    encode_fields,
    encode_image,
    open_end,
    report_lost,
)
from panoptic.formats.json_stream import encode_json
from panoptic.formats.problems import Problem, describe_ids, warn
from panoptic.formats.visible import check_classes
from panoptic.label import Label, measure_label
from panoptic.polygons import decode_polygons, spans_to_polygons
from panoptic.rle import encode_coco_rles
from panoptic.runs import Runs, mask_of, spans_of_mask, transpose_runs
from panoptic.segments import MAX_SEGMENT_ID, Segment


class AnnotationRecord(NamedTuple):
    """See `CocoWriter.add_annotation`."""

    raw: bytes
    wanted: int
    segment: int
    source: bytes


class InstancesRecord(NamedTuple):
    """An encoded image and its annotations."""

    image: ImageRecord
    annotations: tuple[AnnotationRecord, ...]


class InstancesWriter(CocoWriter):
    """Writes one JSON file."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        super().__init__(target, classes, options)
        categories = category_ids(classes, options.scheme or SCHEME)
        self.encode = partial(encode_instances, categories, options.geometry == "polygon")

    def add(self, record: InstancesRecord, photo: bytes | None = None) -> None:
        self.add_image(record.image)
        for annotation in record.annotations:
            self.add_annotation(*annotation)

    def end_annotation(
        self, image_id: bytes, number: int | None, segment: int, source: bytes
    ) -> bytes:
        """The ids; those of segment and source where a reader would take others."""
        assert number is not None
        end = b',"image_id":' + image_id
        if number != segment:
            end += b',"segment_id":%d' % segment
        if source != (b"%d" % number if number > MAX_SEGMENT_ID else b"null"):
            end += b',"source_id":' + source
        return end + b',"id":%d' % number


def encode_instances(
    categories: Mapping[int, int], as_polygons: bool, image: ExportImage
) -> InstancesRecord:
    """Encode one image; pure. Raises UnknownClass for a class without a category id."""
    record = encode_image(image)
    label = image.label
    if label is None:
        return leave_empty(record)
    check_classes(label.segments, categories, image.name)
    measures = measure_label(label)
    lost: set[str] = set()
    not_polygons: list[int] = []
    annotations = []
    for row, place, layer, counts in _iter_painted(label):
        segmentation: Any = {"size": [label.height, label.width], "counts": counts}
        if row.crowd:
            segmentation = _uncompressed(layer, row.segment_id)
        elif as_polygons:
            polygons = _find_polygons(layer, row.segment_id)
            if polygons is None:
                not_polygons.append(row.segment_id)
            else:
                segmentation = polygons
        top, left, bottom, right = measures.boxes[place].tolist()
        entry = {
            "segmentation": segmentation,
            "area": int(measures.areas[place]),
            "iscrowd": int(row.crowd),
            "bbox": [left, top, right - left, bottom - top],
            "category_id": categories[row.class_id],
            **encode_fields(row, lost),
        }
        annotations.append(encode_annotation(entry, row.segment_id))
    problems = (*report_lost(lost, image.name), *_report_rle(not_polygons, image.name))
    record = record._replace(segments=len(annotations), problems=problems)
    return InstancesRecord(record, tuple(annotations))


def leave_empty(record: ImageRecord) -> InstancesRecord:
    """An unlabelled image, which these formats cannot tell from one without segments."""
    message = "the image is unlabelled, which reads back as a label without segments"
    problem = warn("unlabelled_image", message, image=record.name)
    return InstancesRecord(record._replace(problems=(problem,)), ())


def encode_annotation(entry: dict[str, Any], segment_id: int) -> AnnotationRecord:
    """An entry that waits for its ids; takes `source_id` out of it, the id that it wants."""
    source = entry.pop("source_id", None)
    wanted = source if is_int(source) and source >= 1 else segment_id
    return AnnotationRecord(open_end(entry), wanted, segment_id, encode_json(source))


def _iter_painted(label: Label) -> Iterator[tuple[Segment, int, Runs, str]]:
    """Row, its place in the table, layer and compressed RLE of every segment, bottom first."""
    rows = list(label.segments)
    for layer in label.layers:
        counts = encode_coco_rles(layer)
        ids = sorted(counts)
        for segment_id, place in zip(ids, label.segments.index_of(ids).tolist(), strict=True):
            yield rows[place], place, layer, counts[segment_id]


def _uncompressed(layer: Runs, segment_id: int) -> dict[str, Any]:
    """Column-major counts that start with what is outside of the mask, as COCO's crowds have."""
    columns = transpose_runs(mask_of(layer, segment_id))
    counts = columns.lengths.tolist()
    if columns.values[0]:
        counts.insert(0, 0)
    return {"counts": counts, "size": [layer.height, layer.width]}


def _find_polygons(layer: Runs, segment_id: int) -> list[list[int]] | None:
    """The outlines, if drawing them gives the mask again; None if not."""
    mask = mask_of(layer, segment_id)
    rings = spans_to_polygons(spans_of_mask(mask), layer.width)
    if any(ring.is_hole for ring in rings):
        return None
    polygons: list[list[int]] = [ring.points.reshape(-1).tolist() for ring in rings]
    return polygons if decode_polygons(polygons, *layer.shape) == mask else None


def _report_rle(segment_ids: list[int], image: str) -> tuple[Problem, ...]:
    if not segment_ids:
        return ()
    message = f"{describe_ids(segment_ids)} cannot be said by polygons: written as RLE"
    return (warn("no_polygon", message, image=image, segment=segment_ids[0]),)
