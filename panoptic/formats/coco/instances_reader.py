"""COCO instances, read: polygons or RLE, in any order, with overlaps and crowds.

Ids are unique over the file there and over the image here. One that fits (1 to 2^24 - 1) is
kept; a larger one, as real crowds have, gets the lowest free id of its image and stays as the
attribute `source_id`. Areas and boxes are those of the pixels. Of an RLE a claim that differs is
a warning; of polygons and crowds COCO's are those of an outline, so they are not compared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.errors import MalformedFile, PanopticError, UnknownClass
from panoptic.formats.base import Binding, Kind, LabelledImage, ReadOptions
from panoptic.formats.coco.fields import (
    Claim,
    check_claims,
    claim_of,
    id_key,
    is_int,
    is_segment_id,
    read_crowd,
    read_image_entry,
    read_row,
)
from panoptic.formats.coco.source import CocoItem, CocoSource
from panoptic.formats.painting import Mask, Painting, paint_masks
from panoptic.formats.photos import check_size, locate_photo
from panoptic.formats.problems import (
    WARNING,
    Problem,
    ProblemList,
    describe_ids,
    has_errors,
    list_some,
    problem_of,
    warn,
)
from panoptic.formats.spool import Spool
from panoptic.polygons import decode_polygons
from panoptic.rle import decode_coco_rle
from panoptic.runs import Runs, measure_runs, spans_of_mask
from panoptic.segments import MAX_SEGMENT_ID


def open_instances(path: Path, options: ReadOptions, default_kind: Kind = "thing") -> CocoSource:
    """Scan the JSON; everything is in it."""
    return CocoSource(
        path, check=_check_annotation_ids, watch=options.watch, default_kind=default_kind
    )


def read_instances_item(item: CocoItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever the file holds becomes a problem, never an exception.

    An image without annotations has a label without segments: COCO does not say whether
    somebody looked at it.
    """
    try:
        return _read(item, binding, options)
    except PanopticError as error:
        problem = problem_of(error, file=item.file, image=item.name)
        return LabelledImage(item.name, 0, 0, None, problems=(problem,))


class _Annotation(NamedTuple):
    """An annotation with the id that its segment will have."""

    info: Mapping[str, Any]
    segment_id: int
    extra: Mapping[str, Any]


def _read(item: CocoItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    entry = json.loads(item.image)
    image = read_image_entry(entry, item.file, item.name)
    if image.size is None:
        raise MalformedFile("the image has no height and width", file=item.file, image=item.name)
    photo = locate_photo(options.images, entry["file_name"])
    found = list(photo.problems)
    found += check_size(photo, image.size, item.name)
    masks: list[Mask] = []
    claims: list[Claim] = []
    for annotation in _number(item, found):
        try:
            mask = _read_geometry(annotation.info.get("segmentation"), image.size)
            masks.append(_read_mask(annotation, mask, binding, item, found))
            claims += _claims_of(annotation, mask)
        except PanopticError as error:
            problem = problem_of(error, file=item.file, image=item.name)
            found.append(problem._replace(segment=annotation.info["id"]))
    found += check_claims(claims, item.file, item.name)
    painting = Painting(None, 0, 0, ())
    if not has_errors(found):
        painting = paint_masks(
            *image.size, masks, options.on_overlap, file=item.file, image=item.name
        )
    return LabelledImage(
        item.name,
        *image.size,
        painting.label,
        photo.path,
        image.attributes,
        (*found, *painting.problems),
        painting.hidden_pixels,
        painting.lost_pixels,
    )


def _number(item: CocoItem, found: list[Problem]) -> list[_Annotation]:
    """Give every annotation its segment id, in the order of the file."""
    where = item.file, item.name
    numbered: dict[int, _Annotation] = {}
    large: dict[int, Mapping[str, Any]] = {}
    infos: list[Mapping[str, Any]] = [json.loads(raw) for raw in item.annotations]
    used: Counter[int] = Counter()
    for place, info in enumerate(infos):
        number, explicit = info.get("id"), info.get("segment_id")
        if not is_int(number) or number < 1:  # type: ignore[operator]
            message = f"annotation id {number!r} is no number from 1 on"
            found.append(Problem("invalid_id", message, *where, str(number)))
        elif is_segment_id(explicit) or number <= MAX_SEGMENT_ID:  # type: ignore[operator]
            # An exporter that had to give another id notes the segment's own beside it.
            segment_id = explicit if is_segment_id(explicit) else number
            used[segment_id] += 1  # type: ignore[index]
            numbered[place] = _Annotation(info, segment_id, _source_of(info, number))  # type: ignore[arg-type]
        else:
            large[place] = info
    if twice := sorted(segment_id for segment_id, times in used.items() if times > 1):
        message = f"the image has {describe_ids(twice)} more than once"
        found.append(Problem("duplicate_id", message, *where, twice[0]))
    free = (number for number in count(1) if number not in used)
    # By their ids, so that the order of the annotations in the file does not matter.
    for place in sorted(large, key=lambda place: large[place]["id"]):
        info = large[place]
        numbered[place] = _Annotation(info, next(free), _source_of(info, info["id"]))
    return [numbered[place] for place in sorted(numbered)]


def _source_of(info: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """The original id as an attribute, unless the file says by itself what it was."""
    return {"source_id": number} if number > MAX_SEGMENT_ID and "source_id" not in info else {}


def _read_mask(
    annotation: _Annotation,
    mask: Runs,
    binding: Binding,
    item: CocoItem,
    found: list[Problem],
) -> Mask:
    info, where = annotation.info, (item.file, item.name)
    category = info.get("category_id")
    bound = binding.get(category) if id_key(category) is not None else None  # type: ignore[arg-type]
    if bound is None:
        raise UnknownClass(repr(category), where=f"annotation {info['id']}")
    crowd = read_crowd(info, *where)
    if crowd and bound.kind == "stuff":
        message = f"annotation {info['id']} is stuff; its iscrowd was dropped"
        found.append(Problem("stuff_crowd", message, *where, info["id"], WARNING))
        crowd = False
    row = read_row(
        info, annotation.segment_id, bound.class_id, crowd, *where, extra=annotation.extra
    )
    return Mask(row, bound.kind, spans_of_mask(mask))


def _claims_of(annotation: _Annotation, mask: Runs) -> Iterator[Claim]:
    """What an RLE is said to measure; one without pixels is reported as such."""
    info = annotation.info
    if isinstance(info["segmentation"], Mapping) and not info.get("iscrowd"):
        _, areas, boxes = measure_runs(mask)
        for area, edges in zip(areas.tolist(), boxes.tolist(), strict=True):
            yield claim_of(info, annotation.segment_id, area, edges)


def _read_geometry(segmentation: Any, size: tuple[int, int]) -> Runs:
    """The full mask; MalformedFile says what is wrong with it."""
    if isinstance(segmentation, list):
        return decode_polygons(segmentation, *size)
    if not isinstance(segmentation, Mapping):
        raise MalformedFile("segmentation is neither a list of polygons nor an RLE")
    if segmentation.get("size") != list(size):
        told = segmentation.get("size")
        reason = f"the RLE is of size {told}, the image of {list(size)} (height, width)"
        raise MalformedFile(reason)
    counts: Any = segmentation.get("counts")
    return decode_coco_rle(counts, *size)


def _check_annotation_ids(spool: Spool, file: str, problems: ProblemList) -> None:
    """Ids that two images share are legal here, and a fault in COCO."""
    twice = "FROM annotations WHERE key IS NOT NULL GROUP BY key HAVING count(DISTINCT image) > 1"
    keys = [row[0][1:] for row in spool.iter_rows(f"SELECT key {twice} ORDER BY seq LIMIT 11")]
    if keys:
        message = f"annotation ids that several images use: {list_some(keys)}"
        problems.add(warn("shared_annotation_id", message, file=file))
