"""Which pixels two planes, or all layers of two labels, share: the ground of diff and metrics.

Overlaps of two planes are counted per pair of ids. Two labels are cut into *cells*: all pixels
that lie under one stack of segments in the old label and under one stack in the new one. A
640×480 label pair has some dozens of cells; everything that a diff says about pixels (overlaps
of full masks, visible owners, what is hidden, painting order) is read off them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import ShapeMismatch
from panoptic.kernels import load_kernels
from panoptic.label import COVER, Label
from panoptic.runs import Runs

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

kernels = load_kernels("overlap")

_32 = np.uint64(32)
_LOW_32_BITS = np.uint64(0xFFFFFFFF)
_COVERED = -2


@dataclass(frozen=True, slots=True, eq=False)
class Overlaps:
    """One row per pair of ids that shares a pixel, sorted by pair; 0 is void and is listed too.

    old_ids, new_ids : uint32[k]; pixels : int64[k], all positive
    """

    old_ids: U32
    new_ids: U32
    pixels: I64

    def __len__(self) -> int:
        return int(self.pixels.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Overlaps):
            return NotImplemented
        return (
            np.array_equal(self.old_ids, other.old_ids)
            and np.array_equal(self.new_ids, other.new_ids)
            and np.array_equal(self.pixels, other.pixels)
        )

    def __hash__(self) -> int:
        return hash((self.old_ids.tobytes(), self.new_ids.tobytes(), self.pixels.tobytes()))

    def __invert__(self) -> Overlaps:
        """The same rows with the sides swapped, sorted again."""
        order = np.lexsort((self.old_ids, self.new_ids))
        return Overlaps(self.new_ids[order], self.old_ids[order], self.pixels[order])

    def as_dict(self) -> dict[tuple[int, int], int]:
        """(old id, new id) → pixels."""
        pairs = zip(self.old_ids.tolist(), self.new_ids.tolist(), strict=True)
        return dict(zip(pairs, self.pixels.tolist(), strict=True))


class Shared:
    """Rows (old position, new position, pixels) by place in the two segment tables.

    A position is -1 for void. int64[k] each; a pair has one row.
    """

    __slots__ = ("new", "old", "pixels")

    def __init__(self, old: I64, new: I64, pixels: I64) -> None:
        self.old, self.new, self.pixels = old, new, pixels


@dataclass(frozen=True, eq=False)
class Cells:
    """The pixels of two labels, cut by the stacks of segments over them.

    old_stacks, new_stacks : int64[k, layers], positions in the segment tables, bottom to top,
        -1 where a layer says nothing
    pixels : int64[k]
    old_covers, new_covers : bool[k], whether void hides the stack; None: it never does
    """

    old_stacks: I64
    new_stacks: I64
    pixels: I64
    old_covers: Flags | None = None
    new_covers: Flags | None = None

    @property
    def are_flat(self) -> bool:
        """Whether both labels are partitions, so that no mask hides another."""
        return bool(self.old_stacks.shape[1] == 1 and self.new_stacks.shape[1] == 1)

    @cached_property
    def old_tops(self) -> I64:
        """Position of the visible owner of each cell, -1 for void: int64[k]."""
        return _tops(self.old_stacks, self.old_covers)

    @cached_property
    def new_tops(self) -> I64:
        return _tops(self.new_stacks, self.new_covers)


class StackPlane(NamedTuple):
    """A plane whose values tell the stacks of segments in a label apart.

    values uint32[n], lengths int64[n] : its runs
    members : int64[k, planes], the stack of each value as positions in the segment table, bottom
        to top, -1 for none; None where there is one layer at most: the values are segment ids
    covers : bool[k], whether void hides the stack of a value; None: it never does
    """

    values: U32
    lengths: I64
    members: I64 | None
    covers: Flags | None


def count_overlaps(old: Runs, new: Runs) -> Overlaps:
    """Count the pixels that every pair of ids shares.

    Works on any two planes of one size; of labels give their panoptic views. Raises
    ShapeMismatch. The matching step of Kirillov et al., "Panoptic Segmentation", CVPR 2019,
    in one walk over the runs of both.
    """
    if old.shape != new.shape:
        raise ShapeMismatch(old.shape, new.shape)
    return _unpack(*kernels.count_pairs(old.values, old.lengths, new.values, new.lengths))


def overlap_masks(old: Label, new: Label) -> Overlaps:
    """Count the pixels that the *full* masks of every pair of segments share; no void rows."""
    shared = shared_masks(cut_cells(old, new))
    return Overlaps(old.segments.ids[shared.old], new.segments.ids[shared.new], shared.pixels)


def cut_cells(old: Label, new: Label) -> Cells:
    """Cut two labels of one size into cells; raises ShapeMismatch."""
    if old.shape != new.shape:
        raise ShapeMismatch(old.shape, new.shape)
    before, after = number_stacks(old), number_stacks(new)
    keys, pixels = kernels.count_pairs(before.values, before.lengths, after.values, after.lengths)
    old_keys, new_keys = keys >> _32, keys & _LOW_32_BITS
    return Cells(
        _members_of(old, before.members, old_keys),
        _members_of(new, after.members, new_keys),
        pixels,
        None if before.covers is None else before.covers[old_keys.astype(np.int64)],
        None if after.covers is None else after.covers[new_keys.astype(np.int64)],
    )


def number_stacks(label: Label) -> StackPlane:
    """One plane that tells the stacks of a label apart."""
    planes = label.planes
    if not planes:
        size = np.array([label.height * label.width])
        return StackPlane(np.zeros(1, np.uint32), size, None, None)
    plane = planes[0].values, planes[0].lengths
    members = None
    for layer in planes[1:]:
        keys, *numbered = kernels.number_pairs(*plane, layer.values, layer.lengths)
        plane = numbered[0], numbered[1]
        below = _members_of(label, members, keys >> _32)
        above = _positions(label, keys & _LOW_32_BITS)
        members = np.concatenate((below, above[:, None]), axis=1)
    if members is None or label.painted is None:
        return StackPlane(*plane, members, None)
    covered = members == _COVERED
    return StackPlane(*plane, np.where(covered, -1, members), covered.any(axis=1))


def shared_masks(cells: Cells) -> Shared:
    """The overlaps of full masks: every layer against every layer; sorted by pair."""
    if cells.are_flat:
        both = ((cells.old_tops >= 0) & (cells.new_tops >= 0)).nonzero()[0]
        return add_up(cells.old_tops[both], cells.new_tops[both], cells.pixels[both])
    old_parts, new_parts, pixel_parts = [], [], []
    for old in cells.old_stacks.T:
        for new in cells.new_stacks.T:
            both = (old >= 0) & (new >= 0)
            old_parts.append(old[both])
            new_parts.append(new[both])
            pixel_parts.append(cells.pixels[both])
    return add_up(np.concatenate(old_parts), np.concatenate(new_parts), np.concatenate(pixel_parts))


def shared_views(cells: Cells) -> Shared:
    """The overlaps of the panoptic views, void (-1) included; sorted by pair."""
    return add_up(cells.old_tops, cells.new_tops, cells.pixels)


def sum_by_member(stacks: I64, pixels: I64, count: int) -> I64:
    """Pixels of the full mask of each of `count` segments, from the stacks of one side."""
    sums = np.zeros(count + 1, np.int64)  # the last one takes the void, -1
    for layer in stacks.T:
        np.add.at(sums, layer, pixels)
    return sums[:count]


def add_up(old: I64, new: I64, pixels: I64) -> Shared:
    """One row per pair, sorted; positions may be -1."""
    keys = ((old + 1) << 32) | (new + 1)
    order = np.argsort(keys, kind="stable")
    keys, pixels = keys[order], pixels[order]
    is_first = np.ones(keys.size, bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    if not is_first.all():
        firsts = is_first.nonzero()[0]
        keys, pixels = keys[firsts], np.add.reduceat(pixels, firsts)
    return Shared((keys >> 32) - 1, (keys & 0xFFFFFFFF) - 1, pixels)


def _members_of(label: Label, members: I64 | None, values: NDArray[np.uint64]) -> I64:
    if members is None:
        return _positions(label, values)[:, None]
    return members[values.astype(np.int64)]


def _positions(label: Label, ids: NDArray[np.uint64]) -> I64:
    # Every value is 0 or an id of the table, whose positions are found from behind the void.
    places = np.searchsorted(label.segments.ids, ids.astype(np.uint32), side="right") - 1
    places[ids == 0] = -1
    if label.painted is not None:
        places[ids == COVER] = _COVERED
    return places.astype(np.int64, copy=False)


def _tops(stacks: I64, covers: Flags | None) -> I64:
    tops = stacks[:, 0]
    for above in stacks.T[1:]:
        tops = np.where(above >= 0, above, tops)
    return tops if covers is None else np.where(covers, -1, tops)


def _unpack(keys: NDArray[np.uint64], pixels: I64) -> Overlaps:
    order = np.argsort(keys)
    keys = keys[order]
    return Overlaps(
        (keys >> _32).astype(np.uint32), (keys & _LOW_32_BITS).astype(np.uint32), pixels[order]
    )
