"""Runs: an id map, a class map or a mask as row-major runs, and what is computed on them.

Nothing here walks pixels except `encode_runs` and `decode_runs`; a constant layer of
20,000 × 20,000 pixels costs as much as one pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from panoptic.errors import MalformedLabel, ShapeMismatch, TooLarge
from panoptic.kernels import load_kernels

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]

MAX_PIXELS = 2**31 - 1

kernels = load_kernels("runs")
geometry_kernels = load_kernels("geometry")
spans_kernels = load_kernels("spans")


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Maximal runs of a (height, width) plane, flattened row by row.

    values : uint32[n], neighbours differ; 0 is void and is kept as runs
    lengths : int64[n], all positive, their sum is height · width; a run may cross a row's end

    The constructor trusts its caller; `make_runs` checks and joins.
    """

    height: int
    width: int
    values: U32
    lengths: I64

    @property
    def starts(self) -> I64:
        """First flat pixel of every run."""
        return self.ends - self.lengths

    @property
    def ends(self) -> I64:
        """Flat pixel after the last of every run."""
        return np.cumsum(self.lengths)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.height * self.width

    @property
    def count(self) -> int:
        """Number of runs."""
        return int(self.values.size)

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Runs):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self.values, other.values)
            and np.array_equal(self.lengths, other.lengths)
        )

    def __hash__(self) -> int:
        return hash((self.height, self.width, self.values.tobytes(), self.lengths.tobytes()))


class Spans(NamedTuple):
    """A mask as half-open intervals of flat row-major pixels: sorted, disjoint, not touching."""

    starts: I64
    ends: I64

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(self.ends.sum() - self.starts.sum())


class Measures(NamedTuple):
    """Per id: ids uint32[k] sorted without 0, areas int64[k] in pixels, and
    boxes int64[k, 4] as top, left, bottom, right (half-open)."""

    ids: U32
    areas: I64
    boxes: I64


def check_size(height: int, width: int) -> None:
    """Raise unless both sides are at least 1 and there are at most `MAX_PIXELS` pixels."""
    if height < 1 or width < 1:
        raise MalformedLabel(f"an image of {height} × {width} pixels has no pixel")
    if height * width > MAX_PIXELS:
        raise TooLarge("pixels", actual=height * width, limit=MAX_PIXELS)


def make_runs(height: int, width: int, values: ArrayLike, lengths: ArrayLike) -> Runs:
    """Runs from any values and lengths: joins equal neighbours, drops empty runs, checks sums."""
    check_size(height, width)
    checked_values = np.ascontiguousarray(values, dtype=np.uint32)
    checked_lengths = np.ascontiguousarray(lengths, dtype=np.int64)
    if checked_values.ndim != 1 or checked_values.shape != checked_lengths.shape:
        raise ShapeMismatch(checked_values.shape, checked_lengths.shape)
    if checked_lengths.size and checked_lengths.min() < 0:
        raise MalformedLabel("a run of negative length")
    if int(checked_lengths.sum()) != height * width:
        raise MalformedLabel(
            f"runs cover {int(checked_lengths.sum())} pixels of {height} × {width}"
        )
    return Runs(height, width, *kernels.merge(checked_values, checked_lengths))


def constant_runs(height: int, width: int, value: int = 0) -> Runs:
    """One run over the whole image."""
    check_size(height, width)
    return Runs(height, width, np.array([value], np.uint32), np.array([height * width], np.int64))


def encode_runs(id_map: NDArray[Any]) -> Runs:
    """Runs of a (height, width) array of bools or of non-negative integers below 2^32."""
    if id_map.ndim != 2:
        raise MalformedLabel(f"an id map has 2 dimensions, not {id_map.ndim}")
    if id_map.dtype.kind not in "bui":
        raise MalformedLabel(f"an id map holds integers, not {id_map.dtype}")
    check_size(*id_map.shape)
    out_of_range = id_map.dtype.itemsize == 8 and int(id_map.max()) >= 2**32
    if out_of_range or (id_map.dtype.kind == "i" and int(id_map.min()) < 0):
        raise MalformedLabel("an id map holds values outside 0 to 2^32 - 1")
    flat = np.ascontiguousarray(id_map, dtype=np.uint32).reshape(-1)
    return Runs(int(id_map.shape[0]), int(id_map.shape[1]), *kernels.encode(flat))


def decode_runs(runs: Runs, dtype: DTypeLike = np.uint32) -> NDArray[Any]:
    """The (height, width) array; values must fit `dtype` (unchecked)."""
    values = runs.values.astype(dtype, copy=False)
    flat: NDArray[Any] = kernels.decode(values, runs.lengths, runs.size)
    return flat.reshape(runs.height, runs.width)


def relabel_runs(
    runs: Runs, keys: ArrayLike, values: ArrayLike, missing: int | None = None
) -> Runs:
    """Replace each value by the entry of `values` at its place in the sorted, unique `keys`.

    0 stays 0 unless it is among the keys. A value that is not becomes `missing`, or raises
    KeyError when that is None. Neighbours that become equal are joined.
    """
    new_values, lengths, lost = kernels.relabel(
        runs.values,
        runs.lengths,
        np.ascontiguousarray(keys, np.uint32),
        np.ascontiguousarray(values, np.uint32),
        -1 if missing is None else missing,
    )
    if lost >= 0:
        raise KeyError(lost)
    return Runs(runs.height, runs.width, new_values, lengths)


def measure_runs(runs: Runs) -> Measures:
    """Area and box of every id but 0."""
    return Measures(*kernels.measure(runs.values, runs.lengths, runs.width))


def crop_runs(runs: Runs, top: int, left: int, height: int, width: int) -> Runs:
    """The window of `height` × `width` pixels whose first pixel is (top, left)."""
    inside = 0 <= top <= runs.height - height and 0 <= left <= runs.width - width
    if height < 1 or width < 1 or not inside:
        raise ShapeMismatch(runs.shape, (top + height, left + width))
    values, lengths = geometry_kernels.crop(
        runs.values, runs.lengths, runs.width, top, left, height, width
    )
    return Runs(height, width, values, lengths)


def transpose_runs(runs: Runs) -> Runs:
    """Runs of the transposed image, which are the column-major runs of this one."""
    values, lengths = geometry_kernels.transpose(runs.values, runs.lengths, runs.height, runs.width)
    return Runs(runs.width, runs.height, values, lengths)


def refine_runs(a: Runs, b: Runs) -> tuple[U32, U32, I64]:
    """Cut both at the boundaries of either: (values of a, values of b, lengths), not merged."""
    _check_same_shape(a, b)
    refined: tuple[U32, U32, I64] = kernels.refine(a.values, a.lengths, b.values, b.lengths)
    return refined


def paint_runs(below: Runs, above: Runs) -> Runs:
    """`above` where it is not void, else `below`."""
    _check_same_shape(below, above)
    painted = kernels.paint(below.values, below.lengths, above.values, above.lengths)
    return Runs(below.height, below.width, *painted)


def compose_runs(height: int, width: int, layers: Sequence[Runs]) -> Runs:
    """Paint layers from the first (lowest) to the last; void where there is none."""
    if not layers:
        return constant_runs(height, width)
    composed = layers[0]
    for layer in layers[1:]:
        composed = paint_runs(composed, layer)
    return composed


def select_runs(runs: Runs, ids: Iterable[int]) -> Runs:
    """Keep these ids; everything else becomes void."""
    keys = np.unique(np.fromiter(ids, np.uint32))
    return relabel_runs(runs, keys, keys, missing=0)


def mask_of(runs: Runs, segment_id: int) -> Runs:
    """1 where the id is, else 0; asking for 0 gives the mask of the void."""
    keys = np.array([0, segment_id] if segment_id else [0], np.uint32)
    return relabel_runs(runs, keys, keys == segment_id, missing=0)


def union_masks(a: Runs, b: Runs) -> Runs:
    """1 where either is not 0."""
    return _combine(a, b, 0b1110)


def intersect_masks(a: Runs, b: Runs) -> Runs:
    """1 where both are not 0."""
    return _combine(a, b, 0b1000)


def subtract_masks(a: Runs, b: Runs) -> Runs:
    """1 where `a` is not 0 and `b` is."""
    return _combine(a, b, 0b0100)


def spans_by_id(runs: Runs) -> dict[int, Spans]:
    """The mask of every id but 0 as spans, by ascending id."""
    ids, offsets, starts, ends = kernels.group_by_value(runs.values, runs.lengths)
    edges = offsets.tolist()
    return {
        segment_id: Spans(starts[begin:stop], ends[begin:stop])
        for segment_id, begin, stop in zip(ids.tolist(), edges[:-1], edges[1:], strict=True)
    }


def spans_of_mask(mask: Runs) -> Spans:
    """Where a mask is not 0."""
    runs = kernels.combine_masks(mask.values, mask.lengths, mask.values, mask.lengths, 0b1000)
    _, _, starts, ends = kernels.group_by_value(*runs)
    return Spans(starts, ends)


def runs_from_spans(height: int, width: int, painted: Iterable[tuple[int, Spans]]) -> Runs:
    """A plane of disjoint masks, void between them; raises MalformedLabel if two overlap."""
    check_size(height, width)
    masks = list(painted)
    if not masks:
        return constant_runs(height, width)
    starts = np.concatenate([spans.starts for _, spans in masks])
    ends = np.concatenate([spans.ends for _, spans in masks])
    ids = np.array([segment_id for segment_id, _ in masks], np.uint32)
    values = np.repeat(ids, [spans.starts.size for _, spans in masks])
    order = np.argsort(starts, kind="stable")
    merged, lengths, wrong = spans_kernels.fill_gaps(
        starts[order], ends[order], values[order], height * width
    )
    if wrong >= 0:
        raise MalformedLabel(
            f"span {starts[order[wrong]]} to {ends[order[wrong]]} is empty, overlaps another or"
            f" leaves the image of {height} × {width}",
            where=f"segment {values[order[wrong]]}",
        )
    return Runs(height, width, merged, lengths)


def _combine(a: Runs, b: Runs, table: int) -> Runs:
    _check_same_shape(a, b)
    combined = kernels.combine_masks(a.values, a.lengths, b.values, b.lengths, table)
    return Runs(a.height, a.width, *combined)


def _check_same_shape(a: Runs, b: Runs) -> None:
    if a.shape != b.shape:
        raise ShapeMismatch(a.shape, b.shape)
