"""Polygons: COCO's lists of points to masks, and masks to the outlines of their pixels.

Points are (x, y) here, as in every file format; (0, 0) is the upper left corner of the image
and (1, 1) the lower right corner of its first pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import LibraryMissing, MalformedFile
from panoptic.rle import decode_coco_rle
from panoptic.runs import Runs, Spans, check_size

I64 = NDArray[np.int64]

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8


class Ring(NamedTuple):
    """One closed outline along pixel edges; the last point is joined to the first.

    points : int64 (n, 2), x and y, corners only; an outer ring runs clockwise as seen on the
        screen, that of a hole the other way
    """

    points: I64
    is_hole: bool


def decode_polygons(polygons: Sequence[Sequence[float]], height: int, width: int) -> Runs:
    """The union of COCO polygons [[x0, y0, x1, y1, …], …] as a mask (values 0 and 1).

    Rasterised by pycocotools (extra `coco`), as every reader of COCO does, which is not what
    other libraries fill. Raises MalformedFile unless each has at least three points, and
    LibraryMissing.
    """
    check_size(height, width)
    _check_polygons(polygons, height, width)
    try:
        # Only who reads polygons needs it: the extra `coco`.
        from pycocotools import mask as pycocotools_mask
    except ImportError:
        raise LibraryMissing("pycocotools", "coco") from None
    parts = pycocotools_mask.frPyObjects([list(polygon) for polygon in polygons], height, width)
    merged = pycocotools_mask.merge(parts)
    return decode_coco_rle(merged["counts"], height, width)


def spans_to_polygons(spans: Spans, width: int) -> list[Ring]:
    """The outlines of a mask in an image of this width: outer rings and holes, exact.

    Filling all rings by the even-odd rule gives the mask back. Pixels that touch at a corner
    alone are outlined apart. Rings come in the order of their first corner, row by row, and
    begin there; on most masks there are two corners for every row of every span.
    """
    corners = _find_corners(*_split_at_rows(spans, width), width)
    points, edges, is_start = corners
    across = _link(points[:, 1] * (width + 1) + points[:, 0], (edges & _LEFT) > 0)
    height = int(points[:, 1].max()) + 1 if len(points) else 1
    along = _link(points[:, 0] * (height + 1) + points[:, 1], (edges & _UP) > 0)
    return _walk(points, is_start, across, along)


def _check_polygons(polygons: Any, height: int, width: int) -> None:
    if not isinstance(polygons, list | tuple) or not polygons:
        raise MalformedFile("a segmentation without any polygon")
    # Far points make the rasteriser allocate memory for every pixel on their way.
    farthest = 10 * max(height, width) + 1000
    for number, polygon in enumerate(polygons):
        if not isinstance(polygon, list | tuple):
            raise MalformedFile(f"polygon {number} is no list of numbers")
        if len(polygon) % 2:
            raise MalformedFile(f"polygon {number} has {len(polygon)} numbers, x without y")
        if len(polygon) < 6:
            # pycocotools takes four numbers for a box and two points for an empty mask.
            raise MalformedFile(f"polygon {number} has {len(polygon) // 2} points, fewer than 3")
        for value in polygon:
            if type(value) not in (int, float) or not math.isfinite(value):
                raise MalformedFile(f"polygon {number} holds {value!r}, which is no coordinate")
            if abs(value) > farthest:
                raise MalformedFile(f"polygon {number} holds {value!r}, far outside the image")


def _split_at_rows(spans: Spans, width: int) -> tuple[I64, I64, I64]:
    """Spans within single rows: rows, first columns, columns after the last."""
    first_rows = spans.starts // width
    last_rows = (spans.ends - 1) // width
    parts = last_rows - first_rows + 1
    ends = np.cumsum(parts)
    within = np.arange(int(ends[-1]) if ends.size else 0) - np.repeat(ends - parts, parts)
    rows = np.repeat(first_rows, parts) + within
    starts = np.maximum(np.repeat(spans.starts, parts), rows * width) - rows * width
    stops = np.minimum(np.repeat(spans.ends, parts), (rows + 1) * width) - rows * width
    return rows, starts, stops


def _find_corners(
    rows: I64, starts: I64, stops: I64, width: int
) -> tuple[I64, NDArray[np.uint8], NDArray[np.bool_]]:
    """Where outlines turn: points (x, y), the two edges that meet, and whether the mask lies
    to the right of the edge below.

    The left and right edge of every span in row y runs from the grid line y to y + 1. Along a
    grid line, edges alternate between none and one with each end of such an edge; where two
    meet, they go on straight if no edge of the line comes there, else the outlines touch.
    """
    columns = np.concatenate([starts, stops])
    tops = np.concatenate([rows, rows])
    begins = np.concatenate([np.ones(len(starts), bool), np.zeros(len(stops), bool)])
    stride = width + 1
    keys = np.concatenate([tops * stride + columns, (tops + 1) * stride + columns])
    is_below = np.concatenate([np.ones(len(tops), bool), np.zeros(len(tops), bool)])
    begins = np.concatenate([begins, begins])
    # Among the edges of one point, the one below comes last.
    order = np.lexsort((is_below, keys))
    keys, is_below, begins = keys[order], is_below[order], begins[order]
    is_last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
    is_double = np.append(False, ~is_last[:-1])[: len(keys)]
    # Each grid line has an even number of ends, so that the count may run over all of them.
    parity = np.cumsum(np.ones(len(keys), np.int64)) & 1

    single = is_last & ~is_double
    right = parity[single].astype(bool)
    edges = np.where(is_below[single], _DOWN, _UP) | np.where(right, _RIGHT, _LEFT)
    # After both ends the parity is what it was before them.
    touching = is_double & (parity == 1)
    first_pair = np.where(begins[touching], _UP | _LEFT, _UP | _RIGHT)
    second_pair = np.where(begins[touching], _DOWN | _RIGHT, _DOWN | _LEFT)
    all_keys = np.concatenate([keys[single], keys[touching], keys[touching]])
    all_edges = np.concatenate([edges, first_pair, second_pair]).astype(np.uint8)
    all_begins = np.concatenate([begins[single], begins[touching], begins[touching]])
    order = np.lexsort((all_edges & _RIGHT, all_keys))
    points = np.stack([all_keys[order] % stride, all_keys[order] // stride], axis=1)
    return points, all_edges[order], all_begins[order]


def _link(keys: I64, comes_from_before: NDArray[np.bool_]) -> list[int]:
    """For each corner the other end of its edge: in this order they stand in pairs."""
    # Of two corners at one point, the edge that ends there comes before the one that begins.
    order = np.lexsort((~comes_from_before, keys))
    partners = np.empty(len(keys), np.int64)
    partners[order[0::2]], partners[order[1::2]] = order[1::2], order[0::2]
    links: list[int] = partners.tolist()
    return links


def _walk(
    points: I64, is_start: NDArray[np.bool_], across: list[int], along: list[int]
) -> list[Ring]:
    """Follow the edges across and along in turn, until every corner was met."""
    met = bytearray(len(points))
    rings = []
    for first in range(len(points)):
        if met[first]:
            continue
        # The first corner of a ring is its upper left one: off it goes to the right.
        ring, corner = [], first
        while not met[corner]:
            other = across[corner]
            met[corner] = met[other] = 1
            ring += [corner, other]
            corner = along[other]
        is_hole = not is_start[first]
        if is_hole:
            ring = [ring[0], *reversed(ring[1:])]
        rings.append(Ring(points[ring], is_hole))
    return rings
