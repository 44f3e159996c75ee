"""From full masks that may overlap to a label: painting order, stuff and empty masks (RULES 1.2).

The order is all that `on_overlap` decides. No thing loses a pixel to another thing: what is
covered stays in its layer and is counted as hidden. Only stuff takes pixels from things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from panoptic.formats.base import Kind, OnOverlap
from panoptic.formats.problems import WARNING, Problem, list_some
from panoptic.label import Label, Segment, compose_label, measure_label
from panoptic.runs import (
    Runs,
    Spans,
    constant_runs,
    runs_from_spans,
    spans_of_mask,
    subtract_masks,
    union_masks,
)


@dataclass(frozen=True)
class Mask:
    """The full mask of one segment, before anything is painted."""

    row: Segment
    kind: Kind
    spans: Spans


class Painting(NamedTuple):
    """A label, or None when overlaps were refused, and what it cost; see LabelledImage."""

    label: Label | None
    hidden_pixels: int
    lost_pixels: int
    problems: tuple[Problem, ...]


def paint_masks(
    height: int,
    width: int,
    masks: Sequence[Mask],
    on_overlap: OnOverlap,
    *,
    sinks_crowds: bool = True,
    file: str = "",
    image: str = "",
) -> Painting:
    """Compose a label from masks in the order of their file.

    Stuff of one class becomes one segment; empty masks are dropped and reported. Bottom to top:
    crowds, then by `on_overlap`: `small` puts the smaller on top (of equals the lower id),
    `first` what the file names first, `last` what it names last; `refuse` makes an overlap an
    error that names the two segments. Where a format has an order of its own crowds do not sink.
    """
    kept = [mask for mask in masks if mask.spans.area]
    problems = [_empty(mask, "has no pixel", file, image) for mask in masks if not mask.spans.area]
    kept = _join_stuff(height, width, kept, problems, file, image)
    if on_overlap == "refuse" and (pair := find_overlap(kept)):
        lower, upper = sorted(pair)
        message = f"segments {lower} and {upper} overlap; choose an order by on_overlap"
        problems.append(Problem("overlapping_segments", message, file, image, lower))
        return Painting(None, 0, 0, tuple(problems))
    ordered = order_masks(kept, on_overlap, sinks_crowds=sinks_crowds)
    painted, lost = _cut_things(height, width, ordered, problems, file, image)
    label = compose_label(height, width, [(mask.row, mask.spans) for mask in painted])
    return Painting(label, count_hidden(label), lost, tuple(problems))


def order_masks(
    masks: Sequence[Mask], on_overlap: OnOverlap, *, sinks_crowds: bool = True
) -> list[Mask]:
    """Masks from bottom to top."""
    if on_overlap == "small":
        ordered = sorted(masks, key=lambda mask: (-mask.spans.area, -mask.row.segment_id))
    elif on_overlap == "first":
        ordered = list(reversed(masks))
    else:
        ordered = list(masks)
    return sorted(ordered, key=lambda mask: not mask.row.crowd) if sinks_crowds else ordered


def count_hidden(label: Label) -> int:
    """Pixels of full masks that other segments cover, each as often as it is covered."""
    if label.is_partition:
        return 0
    measures = measure_label(label)
    return int((measures.areas - measures.visible_areas).sum())


def find_overlap(masks: Sequence[Mask]) -> tuple[int, int] | None:
    """The ids of two masks that share a pixel, None if no two do; the first in the image."""
    if len(masks) < 2:
        return None
    starts = np.concatenate([mask.spans.starts for mask in masks])
    ends = np.concatenate([mask.spans.ends for mask in masks])
    ids = np.repeat([mask.row.segment_id for mask in masks], [m.spans.starts.size for m in masks])
    order = np.argsort(starts, kind="stable")
    starts, ends, ids = starts[order], ends[order], ids[order]
    # Up to the first overlap spans are disjoint, so only a span's neighbour can reach into it.
    overlapping = np.flatnonzero(starts[1:] < ends[:-1])
    if not overlapping.size:
        return None
    place = int(overlapping[0])
    return int(ids[place]), int(ids[place + 1])


def _join_stuff(
    height: int,
    width: int,
    masks: list[Mask],
    problems: list[Problem],
    file: str,
    image: str,
) -> list[Mask]:
    """One segment per stuff class: the lowest id, the union, the place of the first."""
    by_class: dict[int, list[Mask]] = {}
    for mask in masks:
        if mask.kind == "stuff":
            by_class.setdefault(mask.row.class_id, []).append(mask)
    parted = {class_id: parts for class_id, parts in by_class.items() if len(parts) > 1}
    if not parted:
        return masks
    joined = []
    for mask in masks:
        parts = parted.get(mask.row.class_id) if mask.kind == "stuff" else None
        if parts is None:
            joined.append(mask)
        elif mask is parts[0]:
            problems.append(report_joined_stuff([part.row for part in parts], file, image))
            joined.append(_union(height, width, parts))
    return joined


def report_joined_stuff(parts: Sequence[Segment], file: str, image: str) -> Problem:
    """The warning that several segments of a stuff class became one."""
    ids = sorted(part.segment_id for part in parts)
    message = (
        f"segments {list_some(ids)} are of one stuff class and were joined into segment {ids[0]};"
        " stuff has one segment in an image"
    )
    return Problem("joined_stuff", message, file, image, ids[0], WARNING)


def _union(height: int, width: int, parts: Sequence[Mask]) -> Mask:
    plane = constant_runs(height, width)
    for part in parts:
        plane = union_masks(plane, _plane(height, width, part.spans))
    lowest = min(parts, key=lambda part: part.row.segment_id)
    return replace(lowest, spans=spans_of_mask(plane))


def _cut_things(
    height: int,
    width: int,
    ordered: list[Mask],
    problems: list[Problem],
    file: str,
    image: str,
) -> tuple[list[Mask], int]:
    """Take from every thing what stuff above it covers; the masks left, and the pixels lost."""
    if len({mask.kind for mask in ordered}) < 2:
        return ordered, 0
    stuff_above = constant_runs(height, width)
    left, lost = [], 0
    for mask in reversed(ordered):
        if mask.kind == "stuff":
            stuff_above = union_masks(stuff_above, _plane(height, width, mask.spans))
            left.append(mask)
            continue
        plane = _plane(height, width, mask.spans)
        cut = replace(mask, spans=spans_of_mask(subtract_masks(plane, stuff_above)))
        lost += mask.spans.area - cut.spans.area
        if cut.spans.area:
            left.append(cut)
        else:
            problems.append(_empty(mask, "lies wholly under stuff", file, image))
    return left[::-1], lost


def _plane(height: int, width: int, spans: Spans) -> Runs:
    return runs_from_spans(height, width, [(1, spans)])


def _empty(mask: Mask, why: str, file: str, image: str) -> Problem:
    message = f"segment {mask.row.segment_id} {why} and was left out"
    return Problem("empty_segment", message, file, image, mask.row.segment_id, WARNING)
