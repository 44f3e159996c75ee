"""What diff and metrics must say, worked out pixel by pixel and pair by pair: slow and plain.

Shares no code with `panoptic` but the label itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from panoptic.label import Label
from panoptic.runs import Runs
from panoptic.segments import Segment

Mask = NDArray[np.bool_]
Pairs = dict[int, int]
Stack = tuple[int, ...]

# In a plane of a derived label: void that hides what lies below.
COVER = 2**24
COVERED = ("void", 0)


def planes_of(label: Label) -> list[NDArray[np.uint32]]:
    """The id map of every plane, bottom first: the layers, or what a derived label has painted."""
    return _decode(label, label.layers if label.painted is None else label.painted)


def full_masks(label: Label) -> dict[int, Mask]:
    """bool (height, width) by id."""
    masks = {}
    for plane in _decode(label, label.layers):
        for segment_id in set(plane.ravel().tolist()) - {0}:
            masks[segment_id] = plane == segment_id
    return masks


def view_of(label: Label) -> NDArray[np.uint32]:
    """The topmost id of every pixel."""
    view = np.zeros((label.height, label.width), np.uint32)
    for plane in planes_of(label):
        view[plane > 0] = plane[plane > 0]
    view[view == COVER] = 0
    return view


def stacks_of(label: Label) -> list[Stack]:
    """Per flat pixel the ids that lie over each other, bottom first; a cover is 0."""
    planes = [plane.ravel().tolist() for plane in planes_of(label)]
    pixels = zip(*planes, strict=True) if planes else [()] * (label.height * label.width)
    return [tuple(i % COVER for i in pixel if i) for pixel in pixels]


def rows_of(label: Label) -> dict[int, Segment]:
    return {row.segment_id: row for row in label.segments}


def match(old: Label, new: Label, stuff: frozenset[int]) -> Pairs:
    """RULES 3.1, by sorting all pairs there are; IoUs are fractions."""
    old_masks, new_masks = full_masks(old), full_masks(new)
    old_rows, new_rows = rows_of(old), rows_of(new)
    candidates = []
    for o, a in old_masks.items():
        for n, b in new_masks.items():
            shared, union = int((a & b).sum()), int((a | b).sum())
            iou = Fraction(shared, union)
            same_class = old_rows[o].class_id == new_rows[n].class_id
            if same_class and old_rows[o].class_id in stuff:
                rank, merit = 0, iou
            elif iou > Fraction(1, 2) and same_class:
                rank, merit = 1, iou
            elif iou > Fraction(1, 2):
                rank, merit = 2, iou
            elif o == n and same_class and shared:
                rank, merit = 3, iou
            elif same_class and 2 * shared > min(a.sum(), b.sum()):
                rank, merit = 4, Fraction(shared)
            else:
                continue
            candidates.append((rank, -merit, o != n, o, n))
    pairs: Pairs = {}
    for *_, o, n in sorted(candidates):
        if o not in pairs and n not in pairs.values():
            pairs[o] = n
    return pairs


def pieces_of(old: Label, new: Label, pairs: Pairs) -> dict[int, int]:
    """RULES 3.2: new piece → the old segment that it broke off."""
    old_masks, new_masks = full_masks(old), full_masks(new)
    old_rows, new_rows = rows_of(old), rows_of(new)
    pieces = {}
    for n in sorted(set(new_masks) - set(pairs.values())):
        wholes = [o for o in sorted(pairs) if old_rows[o].class_id == new_rows[n].class_id]
        if not wholes:
            continue
        whole = max(wholes, key=lambda o: int((new_masks[n] & old_masks[o]).sum()))
        left = new_masks[n] & old_masks[whole] & ~new_masks[pairs[whole]]
        if 2 * left.sum() > new_masks[n].sum():
            pieces[n] = whole
    return pieces


def owners(label: Label, pairs: Pairs, old_side: Label | None = None) -> list[list[tuple]]:
    """Per flat pixel the stack of owners, bottom first: a name that matched segments of one
    class have in common."""
    back = {n: o for o, n in pairs.items()}
    names = {}
    for row in label.segments:
        name: tuple = ("old" if old_side is None else "new", row.segment_id)
        if old_side is not None and row.segment_id in back:
            other = rows_of(old_side)[back[row.segment_id]]
            if other.class_id == row.class_id:
                name = ("old", other.segment_id)
        names[row.segment_id] = name
    stacks: list[list[tuple]] = [[] for _ in range(label.height * label.width)]
    for plane in planes_of(label):
        for pixel, segment_id in enumerate(plane.ravel().tolist()):
            if segment_id:
                stacks[pixel].append(names.get(segment_id, COVERED))
    return stacks


def changed_and_hidden(old: Label, new: Label, pairs: Pairs) -> tuple[Mask, int]:
    """RULES 3.4: the mask of changed pixels, and the number of hidden ones."""
    before, after = owners(old, pairs), owners(new, pairs, old)
    changed = [_seen(a) != _seen(b) for a, b in zip(before, after, strict=True)]
    hidden = sum(
        [name for name in a if name is not COVERED] != [name for name in b if name is not COVERED]
        and not visibly
        for a, b, visibly in zip(before, after, changed, strict=True)
    )
    return np.array(changed, bool).reshape(old.shape), hidden


def pixel_flow(old: Label, new: Label) -> Counter[tuple[int, int]]:
    """RULES 3.5, F: pixels by (old class, new class), 0 for void."""
    old_classes = {0: 0} | {i: row.class_id for i, row in rows_of(old).items()}
    new_classes = {0: 0} | {i: row.class_id for i, row in rows_of(new).items()}
    pixels = zip(view_of(old).ravel().tolist(), view_of(new).ravel().tolist(), strict=True)
    return Counter((old_classes[o], new_classes[n]) for o, n in pixels)


def panoptic_counts(truth: Label, other: Label) -> dict[int, list[float]]:
    """Class → [tp, fp, fn, IoU sum] of the views (RULES 3.6); wholly hidden segments left out."""
    old_view, new_view = view_of(truth), view_of(other)
    old_rows = {i: r for i, r in rows_of(truth).items() if (old_view == i).any()}
    new_rows = {i: r for i, r in rows_of(other).items() if (new_view == i).any()}
    counts: dict[int, list[float]] = {}
    found_old, found_new = set(), set()
    for o, old_row in old_rows.items():
        for n, new_row in new_rows.items():
            if old_row.crowd or old_row.class_id != new_row.class_id:
                continue
            union = ((old_view == o) | (new_view == n)) & ~((old_view == 0) & (new_view == n))
            iou = ((old_view == o) & (new_view == n)).sum() / union.sum()
            if iou > 0.5:
                counted = counts.setdefault(old_row.class_id, [0, 0, 0, 0.0])
                counted[0] += 1
                counted[3] += iou
                found_old.add(o)
                found_new.add(n)
    for o, old_row in old_rows.items():
        if o not in found_old and not old_row.crowd:
            counts.setdefault(old_row.class_id, [0, 0, 0, 0.0])[2] += 1
    for n, new_row in new_rows.items():
        crowds = [o for o, r in old_rows.items() if r.crowd and r.class_id == new_row.class_id]
        excused = np.isin(old_view, [0, *crowds]) & (new_view == n)
        if n not in found_new and 2 * excused.sum() <= (new_view == n).sum():
            counts.setdefault(new_row.class_id, [0, 0, 0, 0.0])[1] += 1
    return counts


def band(mask: Mask, reach: int) -> Mask:
    """The pixels of a mask that `reach` erosions by 3 × 3 take away."""
    eroded = np.pad(mask, 1)
    for _ in range(reach):
        inner = eroded.copy()
        for row in range(1, eroded.shape[0] - 1):
            for column in range(1, eroded.shape[1] - 1):
                inner[row, column] = eroded[row - 1 : row + 2, column - 1 : column + 2].all()
        eroded = inner
    return mask & ~eroded[1:-1, 1:-1]


def boundary_iou(a: Mask, b: Mask) -> float:
    """Cheng et al., with bands of 2 % of the diagonal."""
    reach = max(1, round(0.02 * (a.shape[0] ** 2 + a.shape[1] ** 2) ** 0.5))
    band_a, band_b = band(a, reach), band(b, reach)
    return float((band_a & band_b).sum() / (band_a | band_b).sum())


def read_roots(label: Label, live: Mapping[int, int], stuff: set[int], crowds: set[int]) -> Pairs:
    """RULES 5.2: segment id → the id that it has when it is read, 0 for void.

    live : stored class → live class, 0 void; stuff : live classes; crowds : stored stuff classes
    that read as crowds where they read as things
    """
    roots: Pairs = {}
    rows = rows_of(label)
    for segment_id, row in rows.items():
        mates = [segment_id]
        if live[row.class_id] in stuff:
            mates = [i for i, other in rows.items() if live[other.class_id] == live[row.class_id]]
        elif row.class_id in crowds:
            mates = [
                i
                for i, other in rows.items()
                if other.class_id in crowds and live[other.class_id] == live[row.class_id]
            ]
        roots[segment_id] = min(mates) if live[row.class_id] else 0
    return roots


def read_stacks(label: Label, roots: Pairs) -> list[Stack]:
    """Per flat pixel what `stacks_of` must give for the label that is read."""
    stacks = []
    for stack in stacks_of(label):
        seen: list[int] = []
        for segment_id in reversed(stack):
            root = roots[segment_id]
            is_cover = root == 0 and not seen
            if is_cover or (root and root not in seen):
                seen.append(root)
        stacks.append(tuple(reversed(seen)) if any(seen) else ())
    return stacks


def _decode(label: Label, planes: tuple[Runs, ...]) -> list[NDArray[np.uint32]]:
    return [np.repeat(p.values, p.lengths).reshape(label.height, label.width) for p in planes]


def _seen(stack: list[tuple]) -> list[tuple]:
    """What is visible of a stack of owners."""
    return [name for name in stack[-1:] if name is not COVERED]
