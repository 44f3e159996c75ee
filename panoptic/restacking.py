"""The layers of a label in which segments vanish or are joined, and which shows what it showed.

Everything is decided on the stacks of segments that the label has (dozens, whatever the number of
pixels): each is rewritten, a segment keeps its highest place in it, and a stack whose top vanished
gets a cover. If one order of whole segments gives all of these stacks, the result is an ordinary
label in normal form. If none does (a cover; or a joined segment that lies above a thing here and
below it there) the stacks themselves are the truth, as `painted` planes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from panoptic.label import COVER, Label
from panoptic.overlaps import Flags, StackPlane, number_stacks
from panoptic.runs import Runs, kernels
from panoptic.segments import Segments

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]

# Becomes void: hides what lies below it, and is no segment.
GONE = -2


def restack(label: Label, targets: I64, segments: Segments) -> Label:
    """The label with another table: segment `k` of the old one becomes part of `targets[k]`.

    label : of at least two planes
    targets : int64[n], positions in `segments` or `GONE`; every position is the target of one
    segments : the new table; its layers are replaced
    """
    plane = number_stacks(label)
    assert plane.members is not None
    stacks, covers = _rewrite(plane.members, plane.covers, targets)
    lower, upper = _find_orders(stacks, len(segments))
    layers = _rank_layers(lower, upper, len(segments))
    painted = None
    if layers is None or covers.any():
        painted = _paint(label, plane, stacks, covers, segments.ids)
    if layers is None:
        layers = _pack_layers(lower, upper, _in_order_of_pixels(plane, stacks))
    return replace(
        label,
        segments=replace(segments, layers=layers.astype(np.uint16)),
        layers=_fill_layers(label, plane, stacks, layers, segments.ids),
        painted=painted,
    )


def _rewrite(members: I64, covers: Flags | None, targets: I64) -> tuple[I64, Flags]:
    """The stacks by new positions, without gaps, and which of them void hides."""
    stacks = np.append(targets, -1)[members]
    tops = stacks[:, 0]
    for above in stacks.T[1:]:
        tops = np.where(above != -1, above, tops)
    covered = tops == GONE if covers is None else covers | (tops == GONE)
    stacks[stacks == GONE] = -1
    for lower, upper in combinations(range(stacks.shape[1]), 2):
        # Parts of one segment: what lies higher is seen.
        stacks[stacks[:, lower] == stacks[:, upper], lower] = -1
    order = np.argsort(stacks < 0, axis=1, kind="stable")
    stacks = np.take_along_axis(stacks, order, axis=1)
    depth = int((stacks >= 0).sum(axis=1).max())
    return stacks[:, :depth], covered & (stacks[:, 0] >= 0)


def _find_orders(stacks: I64, count: int) -> tuple[I64, I64]:
    """The pairs (lower, upper) of segments of which one lies above the other on some pixel."""
    found = [np.zeros(0, np.int64)]
    for lower, upper in combinations(stacks.T, 2):
        both = upper >= 0  # there are no gaps below
        found.append(lower[both] * count + upper[both])
    keys = np.unique(np.concatenate(found))
    return keys // count, keys % count


def _rank_layers(lower: I64, upper: I64, count: int) -> I64 | None:
    """The normal form: 1 + the highest layer below; None where the orders go round in a circle."""
    layers = np.zeros(count, np.int64)
    layer = 0
    while lower.size:
        layer += 1
        # What lies above something that is not placed yet must go higher.
        layers[upper] = layer
        left = layers[lower] == layer
        if left.all():
            return None
        lower, upper = lower[left], upper[left]
    return layers


def _pack_layers(lower: I64, upper: I64, order: list[int]) -> I64:
    """Layers that only keep the full masks apart: each segment in the lowest that has room."""
    beside: dict[int, list[int]] = {place: [] for place in order}
    for one, other in zip(lower.tolist(), upper.tolist(), strict=True):
        beside[one].append(other)
        beside[other].append(one)
    layers = np.full(len(order), -1, np.int64)
    for place in order:
        taken = set(layers[beside[place]].tolist())
        layers[place] = next(layer for layer in range(len(taken) + 1) if layer not in taken)
    return layers


def _in_order_of_pixels(plane: StackPlane, stacks: I64) -> list[int]:
    """Segments by their first pixel, then from below: an order in which ids have no part."""
    numbers, firsts = np.unique(plane.values, return_index=True)
    found = dict.fromkeys(stacks[numbers[np.argsort(firsts)]].reshape(-1).tolist())
    return [place for place in found if place >= 0]


def _fill_layers(
    label: Label, plane: StackPlane, stacks: I64, layers: I64, ids: U32
) -> tuple[Runs, ...]:
    """The full masks: each layer holds the segments that are assigned to it."""
    layers_of = np.append(layers, -1)[stacks]
    names = np.append(ids, np.uint32(0))[stacks]
    return tuple(
        _fill(label, plane, np.where(layers_of == layer, names, np.uint32(0)).max(axis=1))
        for layer in range(int(layers.max()) + 1)
    )


def _paint(
    label: Label, plane: StackPlane, stacks: I64, covers: Flags, ids: U32
) -> tuple[Runs, ...]:
    """Plane k holds what lies k-th from below."""
    names = np.append(ids, np.uint32(0))[stacks]
    names = np.concatenate((names, np.zeros((len(names), 1), np.uint32)), axis=1)
    heights = (stacks >= 0).sum(axis=1)
    names[covers, heights[covers]] = COVER
    depth = int(np.flatnonzero(names.any(axis=0)).max()) + 1
    return tuple(_fill(label, plane, names[:, level]) for level in range(depth))


def _fill(label: Label, plane: StackPlane, names: U32) -> Runs:
    return Runs(*label.shape, *kernels.merge(names[plane.values], plane.lengths))
