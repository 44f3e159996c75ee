"""The format `coco_stuff`: a JSON file with one RLE for every class of an image.

It is the file of instances where no annotation is one: an annotation is all that its category
covers in an image, `iscrowd` is 0 and `isthing` mostly missing, so that its classes are stuff.
Where a class is a thing its region is read as a crowd. COCO's own files of stuff name things
only as the category 183 `other`; panopticapi makes such files by `--things_other`, and so does
the option `things=other` here, which leaves the categories of things out.

Only the name `stuff….json` of COCO tells it from instances; `recognition` goes by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from panoptic.formats.base import (
    Binding,
    Carries,
    ExportClass,
    ExportImage,
    Format,
    LabelledImage,
    Option,
    ReadOptions,
    WriteOptions,
)
from panoptic.formats.coco.categories import category_ids
from panoptic.formats.coco.fields import SCHEME as COCO
from panoptic.formats.coco.instances_reader import open_instances, read_instances_item
from panoptic.formats.coco.instances_writer import (
    AnnotationRecord,
    InstancesRecord,
    InstancesWriter,
    encode_annotation,
    leave_empty,
)
from panoptic.formats.coco.recognition import recognise_stuff
from panoptic.formats.coco.source import CocoItem, CocoSource
from panoptic.formats.coco.writer import (
    encode_fields,
    encode_image,
    report_lost,
)
from panoptic.formats.losses import FIELDS, MERGED_SEGMENTS
from panoptic.formats.options import SCHEME
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import visible_part
from panoptic.label import Segment, replace_segments, segments_from_rows
from panoptic.rle import encode_coco_rles
from panoptic.runs import Runs, measure_runs, relabel_runs

OTHER_ID = 183
THINGS = Option(
    "things",
    f"keep: a region for each class of things; other: all of them are category {OTHER_ID}, other",
    ("keep", "other"),
)


def open_stuff(path: Path, options: ReadOptions) -> CocoSource:
    """Scan the JSON; everything is in it."""
    return open_instances(path, options, default_kind="stuff")


def read_stuff_item(item: CocoItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever the file holds becomes a problem, never an exception."""
    image = read_instances_item(item, binding, options)
    if image.label is None:
        return image
    things = {bound.class_id for bound in binding.values() if bound.kind == "thing"}
    regions = [row for row in image.label.segments if row.class_id in things and not row.crowd]
    crowds = [row._replace(crowd=True) for row in regions]
    return image._replace(label=replace_segments(image.label, crowds))


class StuffWriter(InstancesWriter):
    """Writes one JSON file."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        scheme = options.scheme or COCO
        others = [each.class_id for each in classes if each.kind == "thing"]
        if THINGS.value_in(options.values) == "keep":
            others = []
        written = _with_other(classes, scheme) if others else classes
        super().__init__(target, written, options)
        categories = category_ids(written, scheme) | dict.fromkeys(others, OTHER_ID)
        self.encode = partial(encode_stuff, categories)


def encode_stuff(categories: Mapping[int, int], image: ExportImage) -> InstancesRecord:
    """Encode one image; pure. Raises UnknownClass for a class without a category id."""
    record = encode_image(image)
    label = image.label
    if label is None:
        return leave_empty(record)
    visible = visible_part(image, label, categories)
    parts: dict[int, list[Segment]] = {}
    for row in visible.rows:
        parts.setdefault(categories[row.class_id], []).append(row)
    lost_names: set[str] = set()
    annotations = tuple(_iter_regions(visible.runs, parts, lost_names))
    joined = [rows for rows in parts.values() if len(rows) > 1]
    lost = {
        **visible.lost,
        MERGED_SEGMENTS: len(visible.rows) - len(parts),
        FIELDS: sum(count_fields(segments_from_rows(rows)) for rows in joined),
    }
    problems = report_lost(lost_names, image.name)
    record = record._replace(segments=len(annotations), lost=lost, problems=problems)
    return InstancesRecord(record, annotations)


def _iter_regions(
    runs: Runs, parts: Mapping[int, Sequence[Segment]], lost: set[str]
) -> Iterator[AnnotationRecord]:
    """An annotation for every category of an image, of its segments by ascending id."""
    # The lowest id of a category stands for it.
    firsts = {row.segment_id: rows[0].segment_id for rows in parts.values() for row in rows}
    regions = relabel_runs(runs, sorted(firsts), [firsts[key] for key in sorted(firsts)])
    counts = encode_coco_rles(regions)
    measures = measure_runs(regions)
    places = {segment_id: place for place, segment_id in enumerate(measures.ids.tolist())}
    for category, rows in sorted(parts.items()):
        segment_id = rows[0].segment_id
        top, left, bottom, right = measures.boxes[places[segment_id]].tolist()
        entry = {
            "segmentation": {"size": list(runs.shape), "counts": counts[segment_id]},
            "area": int(measures.areas[places[segment_id]]),
            "iscrowd": 0,
            "bbox": [left, top, right - left, bottom - top],
            "category_id": category,
            # What several segments were said to be is not true of all of them.
            **(encode_fields(rows[0], lost) if len(rows) == 1 else {}),
        }
        yield encode_annotation(entry, segment_id)


def _with_other(classes: Sequence[ExportClass], scheme: str) -> tuple[ExportClass, ...]:
    """The stuff of an export, and `other` if it has none of this id."""
    stuff = tuple(each for each in classes if each.kind == "stuff")
    if any(each.external.get(scheme) == OTHER_ID for each in stuff):
        return stuff
    # No class has the id 0.
    other = ExportClass(0, "other", "stuff", (128, 128, 128), {scheme: OTHER_ID}, "other")
    return (*stuff, other)


COCO_STUFF = Format(
    name="coco_stuff",
    title="COCO stuff",
    has_classes=True,
    has_ids=True,
    file_name="stuff.json",
    open=open_stuff,
    read_item=read_stuff_item,
    create=StuffWriter,
    recognise=recognise_stuff,
    scheme=COCO,
    write_options=(SCHEME, THINGS),
    settings=frozenset({"on_overlap"}),
    carries=Carries(
        void="what no annotation covers",
        crowd="the region of a thing class, which is read as one crowd",
        overlap="the topmost segment",
        loses="hidden pixels and segments; which thing is which, with `things=other` also of which"
        " class; scores, tracks, origins and attributes of segments that are joined; attributes"
        " that have the name of a COCO key; that an image is unlabelled; splits and photographs",
    ),
)
