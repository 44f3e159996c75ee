"""Pictures of single segments: the photograph around one, with its outline.

Whatever the size of the image, no more of the label is decoded than the picture shows; the
photograph is read as `datasets_app.label_pictures` reads it, with its limits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets_app.entries import Entry
from datasets_app.errors import NotFound
from datasets_app.label_pictures import photo_under
from datasets_app.models import Version
from datasets_app.previews.examples import find_examples
from datasets_app.segment_rows import color_of, get_label
from datasets_app.views_of_labels import InvalidParameter, View
from labels_app.reading import Reading
from labels_app.revisions import get_labels
from panoptic.colors import BLACK, WHITE
from panoptic.label import Label, measure_label, segment_mask, visible_runs
from panoptic.reading import read_label
from panoptic.render import (
    Picture,
    colorize_runs,
    decode_picture,
    encode_thumbnail,
    shade_instances,
)
from panoptic.runs import Runs, encode_runs
from panoptic.segments import MAX_SEGMENT_ID

CROP_SIDE, MIN_SIDE, MAX_SIDE = 192, 32, 1024
MOST_CROPS = 48
# Raise it when the same segment gives another picture; part of the ETag.
FORM = 1

_MARGIN = 0.2  # of the longer side of the segment's box, on each side
_LEAST_MARGIN = 4  # pixels
_MOST_ENLARGED = 8
_PER_IMAGE = 3  # so that one image with a crowd in it does not fill the samples

Mask = NDArray[np.bool_]


class SegmentSample(NamedTuple):
    """A segment to show: `box` is (top, left, bottom, right), `area` of the full mask."""

    image_no: int
    name: str
    segment_id: int
    area: int
    box: tuple[int, int, int, int]


def sample_segments(
    version: Version, class_id: int, reading: Reading, *, wanted: int
) -> list[SegmentSample]:
    """Return up to `wanted` segments of a class, from images where it covers much.

    The largest segments of each image, at most three of it; reads at most `wanted` labels.

    Raises
    ------
    NotFound
        No live class of the reading has this id.
    """
    stored = reading.sources_of.get(class_id)
    if stored is None:
        raise NotFound("class", str(class_id))
    (examples,) = find_examples(version, [stored], wanted=wanted)
    labels = get_labels({one.entry.label for one in examples if one.entry.label is not None})
    samples: list[list[SegmentSample]] = []
    for one in examples:
        assert one.entry.label is not None  # it holds the class
        label = read_label(labels[one.entry.label], reading.label_reading)
        samples.append(
            [
                SegmentSample(one.image_no, one.name, *row)
                for row in _largest(label, class_id)[:_PER_IMAGE]
            ]
        )
    # The largest of each image first: many images say more than one.
    rounds = [rows[place] for place in range(_PER_IMAGE) for rows in samples if place < len(rows)]
    return rounds[:wanted]


def view_segment_crop(
    entry: Entry, reading: Reading, segment_id: int, *, side: int = CROP_SIDE
) -> View:
    """Return the picture of a segment as a reading has it, at most `side` pixels high and wide.

    Small segments are enlarged up to eight times. Without a photograph that fits: the colours of
    the label.

    Raises
    ------
    NotFound
        The image has no label; `render`: no such segment, or it reads as void or as part of
        another one.
    InvalidParameter
        `side` is out of bounds.
    """
    if entry.label is None:
        raise NotFound("label", "of this image")
    if not MIN_SIDE <= side <= MAX_SIDE:
        raise InvalidParameter("size", f"it is from {MIN_SIDE} to {MAX_SIDE}")
    digest = entry.label

    def render() -> bytes:
        return encode_thumbnail(
            crop_segment(entry, get_label(digest), reading, segment_id, side), side
        )

    parts = (FORM, digest.hex(), (entry.image or b"").hex(), reading.digest.hex(), segment_id, side)
    content = hashlib.sha256("crop.webp {} {} {} {} {} {}".format(*parts).encode())
    return View("image/webp", f'W/"{content.hexdigest()[:40]}"', render)


def crop_segment(
    entry: Entry, stored: Label, reading: Reading, segment_id: int, side: int
) -> Picture:
    """Return the pixels of the picture of a segment; see `view_segment_crop`."""
    label = read_label(stored, reading.label_reading)
    if segment_id > MAX_SEGMENT_ID or segment_id not in label.segments.ids:
        raise NotFound("segment", str(segment_id))
    grid = _grid_around(_box_of(label, segment_id), label.shape, side)
    photo = photo_under(entry, label, label.shape)
    picture = _colors(label, reading, grid) if photo is None else _cut(photo, grid)
    return _outlined(picture, _sample(segment_mask(label, segment_id), grid) != 0)


class _Grid(NamedTuple):
    """Which pixels of an image a picture shows: a window, and the rows and columns of it."""

    top: int
    left: int
    bottom: int
    right: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return self.rows.size, self.columns.size


def _largest(label: Label, class_id: int) -> Sequence[tuple[int, int, tuple[int, int, int, int]]]:
    """Return (segment id, area, box) of the segments of a live class, the largest first."""
    measures = measure_label(label)
    own = np.flatnonzero(label.segments.class_ids == class_id)
    rows = zip(
        measures.ids[own].tolist(),
        measures.areas[own].tolist(),
        map(tuple, measures.boxes[own].tolist()),
        strict=True,
    )
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _box_of(label: Label, segment_id: int) -> tuple[int, int, int, int]:
    measures = measure_label(label)
    top, left, bottom, right = measures.boxes[
        int(label.segments.index_of([segment_id])[0])
    ].tolist()
    return top, left, bottom, right


def _grid_around(box: tuple[int, int, int, int], shape: tuple[int, int], side: int) -> _Grid:
    top, left, bottom, right = box
    margin = max(_LEAST_MARGIN, round(_MARGIN * max(bottom - top, right - left)))
    top, left = max(0, top - margin), max(0, left - margin)
    bottom, right = min(shape[0], bottom + margin), min(shape[1], right + margin)
    longest = max(bottom - top, right - left)
    if longest >= side:
        height, width = (
            max(1, length * side // longest) for length in (bottom - top, right - left)
        )
    else:
        times = min(_MOST_ENLARGED, side // longest)
        height, width = times * (bottom - top), times * (right - left)
    return _Grid(
        top,
        left,
        bottom,
        right,
        top + (2 * np.arange(height) + 1) * (bottom - top) // (2 * height),
        left + (2 * np.arange(width) + 1) * (right - left) // (2 * width),
    )


def _sample(runs: Runs, grid: _Grid) -> NDArray[np.uint32]:
    """Return the values of the pixels of a grid."""
    pixels = grid.rows[:, None] * runs.width + grid.columns
    found: NDArray[np.uint32] = runs.values[np.searchsorted(runs.ends, pixels, side="right")]
    return found


def _cut(photo: Picture, grid: _Grid) -> Picture:
    window = np.ascontiguousarray(photo[grid.top : grid.bottom, grid.left : grid.right])
    if window.shape[:2] == grid.shape:
        return window
    height, width = grid.shape
    is_larger = height > window.shape[0]
    how = Image.Resampling.BICUBIC if is_larger else Image.Resampling.BOX
    return np.asarray(Image.fromarray(window).resize((width, height), how))


def _colors(label: Label, reading: Reading, grid: _Grid) -> Picture:
    lives = {
        segment_id: reading.classes[class_id]
        for segment_id, class_id in zip(
            label.segments.ids.tolist(), label.segments.class_ids.tolist(), strict=True
        )
    }
    things = frozenset(one for one, spec in lives.items() if spec.kind == "thing")
    table = shade_instances({one: color_of(spec) for one, spec in lives.items()}, things)
    shown = encode_runs(_sample(visible_runs(label), grid))
    return decode_picture(colorize_runs(shown, table))


def _outlined(picture: Picture, mask: Mask) -> Picture:
    """Draw the border of a mask: white within, black around, to be seen on any ground."""
    drawn = picture.copy()
    drawn[mask & _next_to(~mask)] = WHITE
    drawn[~mask & _next_to(mask)] = BLACK
    return drawn


def _next_to(mask: Mask) -> Mask:
    """Return the pixels above, below, left or right of a mask."""
    near = np.zeros_like(mask)
    near[1:] |= mask[:-1]
    near[:-1] |= mask[1:]
    near[:, 1:] |= mask[:, :-1]
    near[:, :-1] |= mask[:, 1:]
    return near
