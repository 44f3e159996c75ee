"""Class flow: how many pixels and segments went from which class to which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.class_counts import ClassCounts

Column = NDArray[np.int64] | NDArray[np.uint32]


class FlowCell(NamedTuple):
    """What went from one class to another: visible pixels, and segments by their matching."""

    pixels: int = 0
    segments: int = 0


class FlowRow(NamedTuple):
    """A cell with its place; class 0 is void (pixels) or no partner (segments)."""

    old_class: int
    new_class: int
    pixels: int
    segments: int


@dataclass(frozen=True)
class ClassFlow:
    """A sparse matrix over (old class, new class), 0 for void; the diagonal is included.

    Row sums are what the old side holds of a class, column sums what the new side holds. Flows
    add up with `+`, in any order; `~` swaps the sides.
    """

    cells: Mapping[tuple[int, int], FlowCell] = field(default_factory=dict)

    def __iter__(self) -> Iterator[FlowRow]:
        """Rows by (old class, new class)."""
        for (old_class, new_class), cell in sorted(self.cells.items()):
            yield FlowRow(old_class, new_class, *cell)

    def __add__(self, other: ClassFlow) -> ClassFlow:
        if not isinstance(other, ClassFlow):
            return NotImplemented
        cells = dict(self.cells)
        for place, (pixels, segments) in other.cells.items():
            known = cells.get(place)
            cells[place] = (
                FlowCell(known.pixels + pixels, known.segments + segments)
                if known
                else FlowCell(pixels, segments)
            )
        return ClassFlow(cells)

    def __invert__(self) -> ClassFlow:
        return ClassFlow({(new, old): cell for (old, new), cell in self.cells.items()})

    def pixels_of_old(self, class_id: int) -> int:
        """Row sum: visible pixels of the class in the old side."""
        return sum(cell.pixels for (old, _), cell in self.cells.items() if old == class_id)

    def pixels_of_new(self, class_id: int) -> int:
        """Column sum: visible pixels of the class in the new side."""
        return sum(cell.pixels for (_, new), cell in self.cells.items() if new == class_id)

    def segments_of_old(self, class_id: int) -> int:
        """Row sum: segments of the class in the old side."""
        return sum(cell.segments for (old, _), cell in self.cells.items() if old == class_id)

    def segments_of_new(self, class_id: int) -> int:
        """Column sum: segments of the class in the new side."""
        return sum(cell.segments for (_, new), cell in self.cells.items() if new == class_id)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; the inverse is `from_dict`."""
        return {"cells": [list(row) for row in self]}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> ClassFlow:
        return cls({(old, new): FlowCell(*cell) for old, new, *cell in plain["cells"]})


def flow_from_columns(
    pixels: tuple[Column, Column, Column], segments: tuple[Column, Column] | None = None
) -> ClassFlow:
    """A flow from (old classes, new classes, pixels) of overlaps, in which pairs of classes may
    recur, and (old classes, new classes) of segments, one row for each matching."""
    cells = {(old, new): FlowCell(count, 0) for old, new, count in _sum_by_pair(*pixels) if count}
    if segments is not None:
        for old, new, count in _sum_by_pair(*segments, np.ones(segments[0].size, np.int64)):
            known = cells.get((old, new))
            cells[old, new] = FlowCell(known.pixels if known else 0, count)
    return ClassFlow(cells)


def flow_of_counts(counts: ClassCounts) -> ClassFlow:
    """The flow of a label into itself, from its statistics alone: the diagonal."""
    columns = (counts.class_ids, counts.pixels, counts.segments)
    cells = {
        (class_id, class_id): FlowCell(pixels, segments)
        for class_id, pixels, segments in zip(*(c.tolist() for c in columns), strict=True)
    }
    if counts.void_pixels:
        cells[0, 0] = FlowCell(counts.void_pixels, 0)
    return ClassFlow(cells)


def _sum_by_pair(
    old_classes: Column, new_classes: Column, counts: Column
) -> Iterator[tuple[int, int, int]]:
    keys = (old_classes.astype(np.int64) << 32) | new_classes
    order = keys.argsort()
    keys = keys[order]
    is_first = np.ones(keys.size, bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    firsts = is_first.nonzero()[0]
    if not firsts.size:
        return iter(())
    sums = np.add.reduceat(counts[order], firsts)
    keys = keys[firsts]
    return zip((keys >> 32).tolist(), (keys & 0xFFFFFFFF).tolist(), sums.tolist(), strict=True)
