"""CVAT's masks: counts of pixels within a box, row by row, beginning with what is outside.

COCO counts the whole image, column by column.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from panoptic.errors import MalformedFile
from panoptic.runs import Spans

_COUNTS = re.compile(r"\s*[0-9]{1,18}\s*(?:,\s*[0-9]{1,18}\s*)*")


class Box(NamedTuple):
    """Where a mask is, in pixels; its last column is left + width - 1."""

    left: int
    top: int
    width: int
    height: int


def decode_cvat_rle(text: str, box: Box, height: int, width: int) -> Spans:
    """The mask `2, 3, 1` of a box, as spans of an image of height × width.

    Raises MalformedFile for a box that is not within the image, for what is no list of numbers,
    and for counts that are not those of all pixels of the box.
    """
    is_within = 0 <= box.left <= width - box.width and 0 <= box.top <= height - box.height
    if box.width < 1 or box.height < 1 or not is_within:
        place = f"{box.width} × {box.height} pixels at ({box.left}, {box.top})"
        raise MalformedFile(f"the mask, {place}, is not within the image, {width} × {height}")
    if not _COUNTS.fullmatch(text):
        raise MalformedFile("the rle is no list of numbers with commas between")
    numbers = [int(number) for number in text.split(",")]
    covered = sum(numbers)
    if covered != box.width * box.height:
        reason = f"the rle covers {covered} pixels of {box.width} × {box.height}"
        raise MalformedFile(f"{reason} = {box.width * box.height}")
    counts = np.array(numbers, np.int64)
    ends = np.cumsum(counts)[1::2]
    starts = ends - counts[1::2]
    full = starts < ends
    shift = box.top * width + box.left
    return _reframe(Spans(starts[full], ends[full]), box.width, width, shift)


def encode_cvat_rle(mask: Spans, box: Box, width: int) -> str:
    """The counts of a mask in its box, in an image of this width; the inverse of the above."""
    spans = _reframe(mask, width, box.width, -(box.top * box.width + box.left))
    edges = np.stack([spans.starts, spans.ends], axis=1).reshape(-1)
    counts = np.diff(edges, prepend=0, append=box.width * box.height).tolist()
    if not counts[-1]:
        counts.pop()  # the mask ends with the box
    return ", ".join(map(str, counts))


def _reframe(spans: Spans, width: int, new_width: int, shift: int) -> Spans:
    """Spans of a frame of one width as those of another, where they are `shift` pixels later."""
    first_rows = spans.starts // width
    parts = (spans.ends - 1) // width - first_rows + 1
    before = np.cumsum(parts) - parts
    rows = np.arange(parts.sum()) + np.repeat(first_rows - before, parts)
    starts = np.maximum(np.repeat(spans.starts, parts), rows * width)
    ends = np.minimum(np.repeat(spans.ends, parts), (rows + 1) * width)
    moved = rows * (new_width - width) + shift
    starts, ends = starts + moved, ends + moved
    # Where a row fills the new frame, it goes on in the next.
    apart = starts[1:] != ends[:-1]
    is_first, is_last = np.append(True, apart), np.append(apart, True)
    return Spans(starts[is_first[: starts.size]], ends[is_last[: ends.size]])
