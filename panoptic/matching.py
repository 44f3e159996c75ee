"""Which segment of one label is which segment of the other (RULES 3.1 and 3.2).

Pairs are taken greedily by (rank, -IoU, ids differ, ids), on full masks:

0. stuff of the same class (even where the masks do not meet: there is one sky)
1. IoU > 0.5, same class
2. IoU > 0.5, another class
3. same id and class, any overlap
4. same class, overlap greater than half of the smaller; by overlap instead of IoU

Labels with equal `shape_digest` are renumbered and nothing else (RULES 1.6): there a segment's
partner is the one in its place, since twins (two segments with the same mask) would tempt the
greedy choice to pair the same ids across layers.

Which of two candidates comes first depends only on what they have in common, so swapping the
labels swaps the answer and changes nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from panoptic.fields import find_differing_fields
from panoptic.kinds import Kinds
from panoptic.label import COVER, Label
from panoptic.overlaps import Cells, Shared
from panoptic.runs import Runs
from panoptic.segments import Segments

I64 = NDArray[np.int64]

_NO_RANK = 5


class Side(NamedTuple):
    """One label as the matching sees it: its segment table and the areas of the full masks."""

    segments: Segments
    areas: I64


class Matching(NamedTuple):
    """partners_of_old int64[n], partners_of_new int64[m]: position of the match, -1 if none;
    shared int64[n]: pixels that the full masks of a pair have in common, 0 where unmatched."""

    partners_of_old: I64
    partners_of_new: I64
    shared: I64


def match_segments(old: Side, new: Side, shared: Shared, kinds: Kinds) -> Matching:
    """Match segments one to one; `shared` are the overlaps of the full masks."""
    matching = Matching(
        np.full(len(old.segments), -1, np.int64),
        np.full(len(new.segments), -1, np.int64),
        np.zeros(len(old.segments), np.int64),
    )
    ranks, order = _rank(old, new, shared, kinds)
    stuff_first = int(np.searchsorted(ranks[order], 1))
    _take(matching, shared, order[:stuff_first])
    _match_parted_stuff(matching, old.segments, new.segments, kinds)
    _take(matching, shared, order[stuff_first:])
    return matching


def match_by_place(old: Label, new: Label, areas: I64) -> Matching | None:
    """Match two labels that differ in ids alone; None if anything else differs.

    `areas` are those of the old label's full masks.
    """
    count = len(old.segments)
    if count != len(new.segments) or len(old.layers) != len(new.layers):
        return None
    if len(old.planes) != len(new.planes):
        return None
    pairs = list(zip(old.layers, new.layers, strict=True))
    if old.painted is not None or new.painted is not None:
        painted = list(zip(old.planes, new.planes, strict=True))
        if not all(np.array_equal(a.values == COVER, b.values == COVER) for a, b in painted):
            return None
        # A cover matches itself, as void does.
        pairs += [(_uncover(a), _uncover(b)) for a, b in painted]
    if not all(np.array_equal(a.lengths, b.lengths) for a, b in pairs):
        return None
    partners, back = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
    for before, after in pairs:
        if not np.array_equal(before.values == 0, after.values == 0):
            return None
        places = np.searchsorted(old.segments.ids, before.values[before.values > 0])
        others = np.searchsorted(new.segments.ids, after.values[after.values > 0])
        partners[places], back[others] = others, places
        if not (np.array_equal(partners[places], others) and np.array_equal(back[others], places)):
            return None
    differ = find_differing_fields(old.segments, np.arange(count), new.segments, partners)
    differ |= old.segments.class_ids != new.segments.class_ids[partners]
    return None if differ.any() else Matching(partners, back, areas)


def find_pieces(
    old: Segments, new: Segments, new_areas: I64, cells: Cells, shared: Shared, matching: Matching
) -> dict[int, int]:
    """The unmatched new segments that broke off a matched old one: new → old position.

    It is the same-class old segment s with which the piece shares most pixels (ties: the lowest
    id), if more than half of the piece lies in s but not in the segment that s is matched to.
    """
    candidates = np.flatnonzero(
        (matching.partners_of_new[shared.new] < 0)
        & (matching.partners_of_old[shared.old] >= 0)
        & (old.class_ids[shared.old] == new.class_ids[shared.new])
    )
    if not candidates.size:
        return {}
    best: dict[int, tuple[int, int]] = {}
    for row in candidates.tolist():
        pixels, piece, whole = (
            int(column[row]) for column in (shared.pixels, shared.new, shared.old)
        )
        # Rows are sorted by old position, so the first of equals has the lowest id.
        if pixels > best.get(piece, (0, 0))[0]:
            best[piece] = pixels, whole
    inside = {
        piece: whole for piece, (pixels, whole) in best.items() if 2 * pixels > new_areas[piece]
    }
    if cells.new_stacks.shape[1] == 1:  # no piece lies in the rest, too
        return inside
    rows_of = _rows_by_member(cells.new_stacks, inside)
    pieces = {}
    for piece, whole in inside.items():
        rows = rows_of[piece]
        in_whole = (cells.old_stacks[rows] == whole).any(axis=1)
        in_rest = (cells.new_stacks[rows] == matching.partners_of_old[whole]).any(axis=1)
        left = int(cells.pixels[rows[in_whole & ~in_rest]].sum())
        if 2 * left > new_areas[piece]:
            pieces[piece] = whole
    return pieces


def swap_sides(cells: Cells, shared: Shared, matching: Matching) -> tuple[Cells, Shared, Matching]:
    """The same evidence seen from the other side, so that `find_pieces` finds what merged."""
    order = np.lexsort((shared.old, shared.new))
    mirrored = np.zeros(matching.partners_of_new.size, np.int64)
    is_matched = matching.partners_of_new >= 0
    mirrored[is_matched] = matching.shared[matching.partners_of_new[is_matched]]
    return (
        Cells(cells.new_stacks, cells.old_stacks, cells.pixels, cells.new_covers, cells.old_covers),
        Shared(shared.new[order], shared.old[order], shared.pixels[order]),
        Matching(matching.partners_of_new, matching.partners_of_old, mirrored),
    )


def _uncover(plane: Runs) -> Runs:
    values = np.where(plane.values == COVER, np.uint32(0), plane.values)
    return Runs(plane.height, plane.width, values, plane.lengths)


def _rank(old: Side, new: Side, shared: Shared, kinds: Kinds) -> tuple[I64, I64]:
    """The rank of every row of `shared`, and the rows that have one in the order of taking."""
    old_areas, new_areas = old.areas[shared.old], new.areas[shared.new]
    same_class = old.segments.class_ids[shared.old] == new.segments.class_ids[shared.new]
    same_id = old.segments.ids[shared.old] == new.segments.ids[shared.new]
    union = old_areas + new_areas - shared.pixels
    mostly_one = 2 * shared.pixels > union
    mostly_inside = 2 * shared.pixels > np.minimum(old_areas, new_areas)

    ranks = np.full(shared.pixels.size, _NO_RANK, np.int64)
    ranks[same_class & mostly_inside] = 4
    ranks[same_class & same_id] = 3
    ranks[mostly_one] = 2
    ranks[mostly_one & same_class] = 1
    stuff = np.array([kinds.is_stuff(c) for c in old.segments.class_ids.tolist()], bool)
    ranks[same_class & stuff[shared.old]] = 0
    merit = np.where(ranks == 4, shared.pixels, shared.pixels / union)
    rows = (ranks < _NO_RANK).nonzero()[0]
    # Rows are sorted by (old, new) and the sort is stable: ids come last without being named.
    return ranks, rows[np.lexsort((~same_id[rows], -merit[rows], ranks[rows]))]


def _take(matching: Matching, shared: Shared, order: I64) -> None:
    partners_of_old, partners_of_new, pixels = matching
    rows = zip(shared.old[order].tolist(), shared.new[order].tolist(), order.tolist(), strict=True)
    for old, new, row in rows:
        if partners_of_old[old] < 0 and partners_of_new[new] < 0:
            partners_of_old[old], partners_of_new[new] = new, old
            pixels[old] = shared.pixels[row]


def _match_parted_stuff(matching: Matching, old: Segments, new: Segments, kinds: Kinds) -> None:
    """Match what is left of each stuff class although the masks do not meet.

    All such pairs have IoU 0, so they come by equal ids first and then by ids.
    """
    if not kinds.stuff:
        return
    left_in_old = _left_stuff(matching.partners_of_old, old, kinds)
    left_in_new = _left_stuff(matching.partners_of_new, new, kinds)
    for class_id, places in left_in_old.items():
        others = left_in_new.get(class_id, [])
        by_id = {int(new.ids[place]): place for place in others}
        for place in places:
            same = by_id.get(int(old.ids[place]))
            if same is not None:
                _pair_up(matching, place, same)
        rest = (place for place in places if matching.partners_of_old[place] < 0)
        other_rest = (place for place in others if matching.partners_of_new[place] < 0)
        for place, other in zip(rest, list(other_rest), strict=False):
            _pair_up(matching, place, other)


def _left_stuff(partners: I64, segments: Segments, kinds: Kinds) -> dict[int, list[int]]:
    left = defaultdict(list)
    for place in (partners < 0).nonzero()[0].tolist():
        class_id = int(segments.class_ids[place])
        if kinds.is_stuff(class_id):
            left[class_id].append(place)
    return left


def _pair_up(matching: Matching, old: int, new: int) -> None:
    matching.partners_of_old[old], matching.partners_of_new[new] = new, old


def _rows_by_member(stacks: I64, members: Iterable[int]) -> dict[int, I64]:
    """The cells under each of some segments."""
    cells, layers = np.nonzero(stacks >= 0)
    owners = stacks[cells, layers]
    order = np.argsort(owners, kind="stable")
    owners, cells = owners[order], cells[order]
    wanted = list(members)
    firsts = np.searchsorted(owners, wanted)
    lasts = np.searchsorted(owners, wanted, side="right")
    return {
        member: cells[first:last] for member, first, last in zip(wanted, firsts, lasts, strict=True)
    }
