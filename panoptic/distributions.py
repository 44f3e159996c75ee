"""How the segments of many labels are distributed: sums that add up, and can be taken away.

Of each class: how large its segments are, how many an image has, where in the image they lie,
and with which other classes they come. All numbers are whole, so that the sums over two sets of
labels are the sum of both, whatever the order, and a label that is taken away leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from panoptic.label import Label, measure_label
from panoptic.runs import Runs, refine_runs
from panoptic.views import semantic_runs

I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]

# Raise it when a label gives other sums than before.
FORM = 1

SIZE_BINS = 31  # bin b: areas of 2^b to 2^(b + 1) - 1 pixels
SHARE_BINS = 31  # bin b: shares of the image of at most 2^-b and more than 2^-(b + 1)
_SINGLE_COUNTS = 32
COUNT_BINS = _SINGLE_COUNTS + 19  # 0, 1, … 31 segments, then 32 to 63, 64 to 127, …
GRID = 32
FULL = 255  # a cell of the grid that a class covers wholly, in one image

_SIZES = slice(0, SIZE_BINS)
_SHARES = slice(_SIZES.stop, _SIZES.stop + SHARE_BINS)
_COUNTS = slice(_SHARES.stop, _SHARES.stop + COUNT_BINS)
_CELLS = slice(_COUNTS.stop, _COUNTS.stop + GRID * GRID)
ROW_LENGTH = _CELLS.stop


@dataclass(frozen=True, slots=True, eq=False)
class Distributions:
    """Sums over labels, by ascending class id; a class of which all is 0 is left out.

    class_ids : uint32[k]; class 0 is void, of which there are cells alone
    rows : int64[k, ROW_LENGTH], which `sizes`, `shares`, `counts` and `cells` name the parts of
    together : int64[k, k], in how many images two classes both have a segment; on the diagonal
        in how many there is one of the class
    segments : int64[COUNT_BINS], images by how many segments they have
    """

    class_ids: U32
    rows: I64
    together: I64
    segments: I64

    @property
    def labels(self) -> int:
        """How many labels were summed."""
        return int(self.segments.sum())

    @property
    def images(self) -> I64:
        """int64[k]: in how many images a class has a segment."""
        return np.diagonal(self.together)

    @property
    def sizes(self) -> I64:
        """int64[k, SIZE_BINS]: segments by the area of their full mask."""
        return self.rows[:, _SIZES]

    @property
    def shares(self) -> I64:
        """int64[k, SHARE_BINS]: segments by the share of the image that their full mask has."""
        return self.rows[:, _SHARES]

    @property
    def counts(self) -> I64:
        """int64[k, COUNT_BINS]: images by how many segments of the class they have, 0 left out."""
        return self.rows[:, _COUNTS]

    @property
    def cells(self) -> I64:
        """int64[k, GRID, GRID]: how much of each cell is visibly of the class.

        Each image counts up to `FULL` per cell, whatever its size.
        """
        return self.rows[:, _CELLS].reshape(-1, GRID, GRID)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Distributions):
            return NotImplemented
        return (
            np.array_equal(self.class_ids, other.class_ids)
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.together, other.together)
            and np.array_equal(self.segments, other.segments)
        )

    def __hash__(self) -> int:
        return hash((self.class_ids.tobytes(), self.segments.tobytes()))

    def __add__(self, other: Distributions) -> Distributions:
        return _combine(self, other, 1)

    def __sub__(self, other: Distributions) -> Distributions:
        return _combine(self, other, -1)

    def rename(self, names: Mapping[int, int | None]) -> Distributions:
        """Give the classes other ids, no two of them the same; what is None or absent is left out.

        Void keeps its id.
        """
        kept = [
            (0 if class_id == 0 else names.get(class_id), place)
            for place, class_id in enumerate(self.class_ids.tolist())
        ]
        renamed = sorted((name, place) for name, place in kept if name is not None)
        places = np.array([place for _, place in renamed], np.int64)
        return Distributions(
            np.array([name for name, _ in renamed], np.uint32),
            self.rows[places],
            self.together[np.ix_(places, places)],
            self.segments,
        )


def no_distributions() -> Distributions:
    """The sums over no labels."""
    return Distributions(
        np.zeros(0, np.uint32),
        np.zeros((0, ROW_LENGTH), np.int64),
        np.zeros((0, 0), np.int64),
        np.zeros(COUNT_BINS, np.int64),
    )


def count_distributions(labels: Iterable[tuple[Label, int]]) -> Distributions:
    """Sum over labels, each counted as often as the number beside it says; -1 takes it away.

    Some 0.5 ms for each label of 640 × 480 pixels; memory does not grow with the labels but by
    8 bytes for each class of each.
    """
    rows: dict[int, I64] = {}
    held: list[U32] = []
    weights: list[int] = []
    segments = np.zeros(COUNT_BINS, np.int64)
    for label, weight in labels:
        class_ids, found = _rows_of(label)
        for class_id, row in zip(class_ids.tolist(), found, strict=True):
            if class_id not in rows:
                rows[class_id] = np.zeros(ROW_LENGTH, np.int64)
            rows[class_id] += weight * row
        held.append(class_ids[1:])
        weights.append(weight)
        segments[_count_bins(np.array([len(label.segments)]))] += weight
    class_ids = np.array(sorted(rows), np.uint32)
    return _in_normal_form(
        class_ids,
        np.array([row for _, row in sorted(rows.items())], np.int64).reshape(-1, ROW_LENGTH),
        _together(held, weights, class_ids),
        segments,
    )


def edge_of_count(bin_number: int) -> int:
    """The least number of segments in a bin of `counts` and `segments`."""
    if bin_number < _SINGLE_COUNTS:
        return bin_number
    return _SINGLE_COUNTS << (bin_number - _SINGLE_COUNTS)


# ---- one label --------------------------------------------------------------


def _rows_of(label: Label) -> tuple[U32, I64]:
    """Return void and the classes of a label, and the row of each."""
    held, owners = np.unique(label.segments.class_ids, return_inverse=True)
    class_ids = np.concatenate((np.zeros(1, np.uint32), held.astype(np.uint32)))
    rows = np.zeros((class_ids.size, ROW_LENGTH), np.int64)
    areas = measure_label(label).areas
    owners = owners + 1
    np.add.at(rows, (owners, _SIZES.start + _log2(areas)), 1)
    np.add.at(rows, (owners, _SHARES.start + _log2(label.height * label.width // areas)), 1)
    counts = np.bincount(owners, minlength=class_ids.size)[1:]
    rows[np.arange(1, class_ids.size), _COUNTS.start + _count_bins(counts)] = 1
    rows[:, _CELLS] = _cover(label, class_ids)
    return class_ids, rows


def _log2(numbers: I64) -> I64:
    """Return the logarithms of numbers of 1 and more, rounded down: exact below 2^53."""
    return np.frexp(numbers)[1].astype(np.int64) - 1


def _count_bins(counts: I64) -> I64:
    many = _SINGLE_COUNTS + _log2(np.maximum(counts, _SINGLE_COUNTS) // _SINGLE_COUNTS)
    return np.where(counts < _SINGLE_COUNTS, counts, many)


def _cover(label: Label, class_ids: U32) -> I64:
    """Return how much of each cell shows each class, 0 to `FULL`: int64[classes, cells]."""
    grid = _grid_of(label.height, label.width)
    values, cells, lengths = refine_runs(semantic_runs(label), grid.runs)
    places = np.searchsorted(class_ids, values) * grid.pixels.size + cells
    shape = class_ids.size, grid.pixels.size
    # Weights are summed as float64, exact for all pixels of an image.
    sums = np.bincount(places, lengths, minlength=shape[0] * shape[1]).astype(np.int64)
    cover = (FULL * sums.reshape(shape) + grid.pixels // 2) // grid.pixels
    return cover[:, grid.places]


@dataclass(frozen=True, eq=False)
class _Grid:
    """The cells of an image: a pixel is in exactly one of them.

    runs : the cell of each pixel; pixels : of each cell; places : which cell stands for each of
    the GRID × GRID, since an image of fewer rows or columns has fewer cells
    """

    runs: Runs
    pixels: I64
    places: I64


@lru_cache(maxsize=16)
def _grid_of(height: int, width: int) -> _Grid:
    rows, columns = min(height, GRID), min(width, GRID)
    row_of = np.arange(height) * rows // height
    widths = np.bincount(np.arange(width) * columns // width)
    values = (row_of[:, None] * columns + np.arange(columns)).astype(np.uint32).reshape(-1)
    lengths = np.tile(widths, height).astype(np.int64)
    # In one column a cell is as many runs as it has rows, and runs are maximal.
    starts = np.flatnonzero(np.diff(values.astype(np.int64), prepend=-1))
    stretched = np.arange(GRID)
    return _Grid(
        Runs(height, width, values[starts], np.add.reduceat(lengths, starts)),
        np.outer(np.bincount(row_of), widths).reshape(-1),
        np.add.outer(stretched * rows // GRID * columns, stretched * columns // GRID).reshape(-1),
    )


# ---- sums -------------------------------------------------------------------


def _together(held: list[U32], weights: list[int], class_ids: U32) -> I64:
    has = np.zeros((len(held), class_ids.size), np.int64)
    images = np.repeat(np.arange(len(held)), [one.size for one in held])
    if images.size:
        has[images, np.searchsorted(class_ids, np.concatenate(held))] = 1
    return has.T @ (np.array(weights, np.int64)[:, None] * has)


def _combine(one: Distributions, other: Distributions, sign: int) -> Distributions:
    class_ids = np.union1d(one.class_ids, other.class_ids).astype(np.uint32)
    rows = np.zeros((class_ids.size, ROW_LENGTH), np.int64)
    together = np.zeros((class_ids.size, class_ids.size), np.int64)
    for side, weight in ((one, 1), (other, sign)):
        places = np.searchsorted(class_ids, side.class_ids)
        rows[places] += weight * side.rows
        together[np.ix_(places, places)] += weight * side.together
    return _in_normal_form(class_ids, rows, together, one.segments + sign * other.segments)


def _in_normal_form(class_ids: U32, rows: I64, together: I64, segments: I64) -> Distributions:
    kept = np.flatnonzero(rows.any(axis=1) | together.any(axis=1))
    return Distributions(class_ids[kept], rows[kept], together[np.ix_(kept, kept)], segments)
