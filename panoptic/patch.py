"""Patch: what must be written to turn one label revision into another, and back.

It holds the rows that differ and, layer by layer, the pixels that differ, each with what was
there before and after. So painting order, layer moves and new ids need no rules of their own, and
swapping the sides inverts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.errors import PanopticError
from panoptic.fields import find_differing_fields
from panoptic.label import Label, segments_from_rows
from panoptic.label_bytes import label_digest
from panoptic.runs import Runs, constant_runs, make_runs, refine_runs
from panoptic.segments import Segment, Segments

U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]

# Above every segment id: in a plane of edits, a pixel that stays as it is.
_KEPT = np.uint32(2**32 - 1)


class PatchDoesNotFit(PanopticError):
    """A patch or diff was applied to another label than the one that it starts from."""

    code = "patch_does_not_fit"

    def __init__(self, reason: str, *, expected: bytes, actual: bytes) -> None:
        super().__init__(f"{reason}: expected label {expected.hex()[:12]}, got {actual.hex()[:12]}")
        self.reason, self.expected, self.actual = reason, expected, actual


class PatchSide(NamedTuple):
    """One end of a patch: the label's digest and size, and its rows that the other end lacks or
    has otherwise, by id."""

    digest: bytes
    height: int
    width: int
    layer_count: int
    rows: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, eq=False)
class LayerEdits:
    """The pixels of one layer that differ: pieces by flat pixel, disjoint and ascending.

    starts, lengths : int64[k]; old_ids, new_ids : uint32[k], 0 where the layer says nothing
    """

    starts: I64
    lengths: I64
    old_ids: U32
    new_ids: U32

    def __invert__(self) -> LayerEdits:
        return LayerEdits(self.starts, self.lengths, self.new_ids, self.old_ids)

    def __len__(self) -> int:
        return int(self.starts.size)


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """The way from one label to another.

    layers : edits of every layer that either label has, lowest first; empty where the sizes
        differ, for then `planes` holds all layers of both
    """

    old: PatchSide
    new: PatchSide
    layers: tuple[LayerEdits, ...]
    planes: tuple[tuple[Runs, ...], tuple[Runs, ...]] | None = None

    def __invert__(self) -> Patch:
        return Patch(
            self.new,
            self.old,
            tuple(~edits for edits in self.layers),
            (self.planes[1], self.planes[0]) if self.planes else None,
        )


def make_patch(old: Label, new: Label) -> Patch:
    """What differs between two labels, in full."""
    old_rows, new_rows = _differing_rows(old.segments, new.segments)
    old_side, new_side = _side(old, old_rows), _side(new, new_rows)
    if old.shape != new.shape:
        return Patch(old_side, new_side, (), (old.layers, new.layers))
    blank = constant_runs(*old.shape)
    layers = zip_longest(old.layers, new.layers, fillvalue=blank)
    return Patch(old_side, new_side, tuple(_edits(before, after) for before, after in layers))


def apply_patch(label: Label, patch: Patch) -> Label:
    """The label at the other end of the patch.

    Raises PatchDoesNotFit if `label` is not the one that the patch starts from.
    """
    actual = label_digest(label)
    if actual != patch.old.digest:
        raise PatchDoesNotFit(_misfit(label, patch), expected=patch.old.digest, actual=actual)
    if patch.planes:
        layers = patch.planes[1]
    else:
        blank = constant_runs(*label.shape)
        planes = zip_longest(label.layers, patch.layers, fillvalue=blank)
        edited = [_edit(plane, edits) for plane, edits in planes if isinstance(edits, LayerEdits)]
        layers = tuple(edited[: patch.new.layer_count])
    gone = {row.segment_id for row in patch.old.rows}
    rows = [row for row in label.segments if row.segment_id not in gone]
    segments = segments_from_rows([*rows, *patch.new.rows], _layers_by_id(layers))
    return Label(patch.new.height, patch.new.width, segments, layers)


def _side(label: Label, rows: Sequence[Segment]) -> PatchSide:
    return PatchSide(label_digest(label), label.height, label.width, len(label.layers), tuple(rows))


def _differing_rows(old: Segments, new: Segments) -> tuple[list[Segment], list[Segment]]:
    _, old_places, new_places = np.intersect1d(old.ids, new.ids, True, return_indices=True)
    differ = find_differing_fields(old, old_places, new, new_places)
    differ |= old.class_ids[old_places] != new.class_ids[new_places]
    kept = set(old.ids[old_places[~differ]].tolist())
    return (
        [old.row(segment_id) for segment_id in old.ids.tolist() if segment_id not in kept],
        [new.row(segment_id) for segment_id in new.ids.tolist() if segment_id not in kept],
    )


def _edits(before: Runs, after: Runs) -> LayerEdits:
    old_ids, new_ids, lengths = refine_runs(before, after)
    differ = old_ids != new_ids
    starts = np.cumsum(lengths) - lengths
    return LayerEdits(starts[differ], lengths[differ], old_ids[differ], new_ids[differ])


def _edit(plane: Runs, edits: LayerEdits) -> Runs:
    if not len(edits):
        return plane
    values = np.full(2 * len(edits) + 1, _KEPT, np.uint32)
    values[1::2] = edits.new_ids
    edges = np.zeros(2 * len(edits) + 2, np.int64)
    edges[1:-1:2], edges[2::2] = edits.starts, edits.starts + edits.lengths
    edges[-1] = plane.size
    written = make_runs(plane.height, plane.width, values, np.diff(edges))
    below, above, lengths = refine_runs(plane, written)
    return make_runs(plane.height, plane.width, np.where(above == _KEPT, below, above), lengths)


def _layers_by_id(layers: Sequence[Runs]) -> dict[int, int]:
    by_id = {}
    for layer, plane in enumerate(layers):
        by_id.update(dict.fromkeys(np.unique(plane.values).tolist(), layer))
    return by_id


def _misfit(label: Label, patch: Patch) -> str:
    """What in the label is not as the patch expects it, as far as the patch knows."""
    size = patch.old.height, patch.old.width
    if label.shape != size:
        return f"the image has {label.height} × {label.width} pixels, not {size[0]} × {size[1]}"
    present = {row.segment_id: row for row in label.segments}
    for row in patch.old.rows:
        if present.get(row.segment_id) != row:
            return f"segment {row.segment_id} is not as it was"
    return "the label is not the old one of this patch"
