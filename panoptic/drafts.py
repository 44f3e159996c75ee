"""Which changes two labels have between them, by position in their segment tables.

The cheap part of a diff: one walk over the runs, then arrays of some dozens of rows. Rows, boxes
and pixels of each change are looked up later, by `description`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.changes import ChangeKind
from panoptic.fields import find_differing_fields
from panoptic.kinds import Kinds
from panoptic.label import Label
from panoptic.matching import (
    Matching,
    Side,
    find_pieces,
    match_by_place,
    match_segments,
    swap_sides,
)
from panoptic.overlaps import Cells, Shared, cut_cells, shared_masks, sum_by_member
from panoptic.stacking import find_swapped

I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Evidence(NamedTuple):
    """All that the changes are made from.

    old_areas, new_areas : int64 per segment, pixels of the full masks
    old_names, new_names : int64 by position + 1, 0 for void; equal only for the two segments of
        a matched pair of one class
    changed : bool per cell, whether its visible owners have other names
    """

    old: Label
    new: Label
    old_areas: I64
    new_areas: I64
    cells: Cells
    shared: Shared
    matching: Matching
    old_names: I64
    new_names: I64
    changed: Flags


class Draft(NamedTuple):
    """A change by positions; a matched pair stands first on both sides. `flags` in the order of
    choice, the first is the kind."""

    old: tuple[int, ...]
    new: tuple[int, ...]
    flags: tuple[ChangeKind, ...]


def gather_evidence(old: Label, new: Label, kinds: Kinds) -> Evidence:
    """Overlaps, areas and matching of two labels of one size; raises ShapeMismatch."""
    cells = cut_cells(old, new)
    shared = shared_masks(cells)
    old_areas = sum_by_member(cells.old_stacks, cells.pixels, len(old.segments))
    new_areas = sum_by_member(cells.new_stacks, cells.pixels, len(new.segments))
    matching = match_by_place(old, new, old_areas) or match_segments(
        Side(old.segments, old_areas), Side(new.segments, new_areas), shared, kinds
    )
    old_names, new_names = _name(old, new, matching)
    changed = old_names[cells.old_tops + 1] != new_names[cells.new_tops + 1]
    return Evidence(
        old,
        new,
        old_areas,
        new_areas,
        cells,
        shared,
        matching,
        old_names,
        new_names,
        changed,
    )


def draft_changes(evidence: Evidence) -> list[Draft]:
    """Every matched pair that differs, with its pieces; then what is removed and added."""
    matching = evidence.matching
    broken_off, joined = _find_broken_off(evidence), _find_joined(evidence)
    matched = (matching.partners_of_old >= 0).nonzero()[0]
    drafts = _draft_pairs(evidence, matched, _group(broken_off), _group(joined))
    for place in (matching.partners_of_old < 0).nonzero()[0].tolist():
        if place not in joined:
            drafts.append(Draft((place,), (), (ChangeKind.REMOVED,)))
    for place in (matching.partners_of_new < 0).nonzero()[0].tolist():
        if place not in broken_off:
            drafts.append(Draft((), (place,), (ChangeKind.ADDED,)))
    return drafts


def _find_broken_off(evidence: Evidence) -> dict[int, int]:
    """New position of every piece → old position of what it broke off."""
    matching = evidence.matching
    if (matching.partners_of_new >= 0).all():
        return {}
    return find_pieces(
        evidence.old.segments,
        evidence.new.segments,
        evidence.new_areas,
        evidence.cells,
        evidence.shared,
        matching,
    )


def _find_joined(evidence: Evidence) -> dict[int, int]:
    """Old position of every piece → new position of what took it up."""
    matching = evidence.matching
    if (matching.partners_of_old >= 0).all():
        return {}
    return find_pieces(
        evidence.new.segments,
        evidence.old.segments,
        evidence.old_areas,
        *swap_sides(evidence.cells, evidence.shared, matching),
    )


def _draft_pairs(
    evidence: Evidence,
    matched: I64,
    broken_off: dict[int, tuple[int, ...]],
    joined: dict[int, tuple[int, ...]],
) -> list[Draft]:
    partners = evidence.matching.partners_of_old[matched]
    flags = _flag_pairs(evidence, matched, partners)
    touched = np.logical_or.reduce(list(flags.values()))
    for place in broken_off:
        touched |= matched == place
    for partner in joined:
        touched |= partners == partner
    rows = touched.nonzero()[0]
    columns = [(kind, column[rows].tolist()) for kind, column in flags.items()]
    drafts = []
    places = zip(matched[rows].tolist(), partners[rows].tolist(), strict=True)
    for row, (place, partner) in enumerate(places):
        pieces, parts = broken_off.get(place, ()), joined.get(partner, ())
        held = [kind for kind, column in columns if column[row]]
        if pieces and not parts:
            held.insert(0, ChangeKind.SPLIT)
        if parts and not pieces:
            held.insert(0, ChangeKind.MERGED)
        drafts.append(Draft((place, *parts), (partner, *pieces), tuple(held)))
    return drafts


def _flag_pairs(evidence: Evidence, matched: I64, partners: I64) -> dict[ChangeKind, Flags]:
    """Which kinds hold for each matched pair, in the order of choice."""
    old, new = evidence.old.segments, evidence.new.segments
    shared = evidence.matching.shared[matched]
    reshaped = (shared != evidence.old_areas[matched]) | (shared != evidence.new_areas[partners])
    # No mask tells of another painting order, yet it changes what is visible of these segments.
    reshaped |= find_swapped(evidence.cells, evidence.matching)[matched]
    reshaped |= _find_uncovered(evidence)[matched]
    return {
        ChangeKind.RECLASSIFIED: old.class_ids[matched] != new.class_ids[partners],
        ChangeKind.RESHAPED: reshaped,
        ChangeKind.ATTRIBUTES: find_differing_fields(old, matched, new, partners),
        ChangeKind.RENUMBERED: old.ids[matched] != new.ids[partners],
    }


def _find_uncovered(evidence: Evidence) -> Flags:
    """The old segments that void hides on a pixel in one of the labels, where they, or what they
    are matched to, are visible in the other: bool[n]."""
    cells, matching = evidence.cells, evidence.matching
    uncovered = np.zeros(matching.partners_of_old.size + 1, bool)  # the last one is no segment
    if cells.new_covers is not None:
        uncovered[cells.old_tops[cells.new_covers]] = True
    if cells.old_covers is not None:
        owners = cells.new_tops[cells.old_covers]
        uncovered[np.append(matching.partners_of_new, -1)[owners]] = True
    return uncovered[:-1]


def _name(old: Label, new: Label, matching: Matching) -> tuple[I64, I64]:
    count = len(old.segments)
    old_names = np.arange(count + 1)
    new_names = np.arange(count, count + 1 + len(new.segments))
    new_names[0] = 0
    matched = (matching.partners_of_old >= 0).nonzero()[0]
    partners = matching.partners_of_old[matched]
    keeps = old.segments.class_ids[matched] == new.segments.class_ids[partners]
    new_names[partners[keeps] + 1] = matched[keeps] + 1
    return old_names, new_names


def _group(pieces: dict[int, int]) -> dict[int, tuple[int, ...]]:
    """Piece → whole, turned round: the pieces of each whole, ascending."""
    groups: dict[int, tuple[int, ...]] = {}
    for piece in sorted(pieces):
        groups[pieces[piece]] = (*groups.get(pieces[piece], ()), piece)
    return groups
