"""Random labels for laws: small, layered, with every field that a segment can have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from panoptic.kinds import Kinds
from panoptic.label import Label, Origin, Segment, compose_label
from panoptic.reading import LabelReading
from panoptic.runs import encode_runs
from panoptic.views import ClassMap

Mask = NDArray[np.bool_]
Painting = list[tuple[Segment, Mask]]

CLASS_IDS = (1, 2, 3, 4)
STUFF_IDS = frozenset({3, 4})
# What a reading may make of them: their own ids, a new thing and a new stuff class.
LIVE_IDS = (1, 2, 3, 4, 5, 6)
LIVE_STUFF_IDS = frozenset({3, 4, 6})
SIDES = st.integers(1, 6)
SHAPES = st.tuples(SIDES, SIDES)
IDS = st.one_of(st.integers(1, 9), st.sampled_from([255, 256, 70_000, 2**24 - 1]))

_ORIGINS = st.builds(
    Origin,
    st.sampled_from(["net", "other"]),
    st.sampled_from(["", "2"]),
    st.sampled_from([None, 0.25]),
)
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(["occluded", "note"]),
    st.one_of(st.booleans(), st.integers(0, 2), st.sampled_from(["", "é"])),
    max_size=2,
)


@st.composite
def masks(draw: Any, shape: tuple[int, int]) -> Mask:
    """A mask with at least one pixel: a rectangle, or any pixels."""
    height, width = shape
    mask = np.zeros(shape, bool)
    if draw(st.booleans()):
        bits = draw(st.integers(1, 2 ** (height * width) - 1))
        flat = [bits >> place & 1 for place in range(height * width)]
        return np.array(flat, bool).reshape(shape)
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    bottom, right = draw(st.integers(top, height - 1)), draw(st.integers(left, width - 1))
    mask[top : bottom + 1, left : right + 1] = True
    return mask


@st.composite
def segments(draw: Any, segment_id: int, class_ids: Sequence[int] = CLASS_IDS) -> Segment:
    """A row; most have no more than a class."""
    row = Segment(segment_id, draw(st.sampled_from(class_ids)))
    if draw(st.integers(0, 3)):
        return row
    return row._replace(
        crowd=draw(st.booleans()),
        track_id=draw(st.sampled_from([None, 1, 2**40])),
        score=draw(st.sampled_from([None, 0.0, 0.5, 1.0])),
        origin=draw(st.none() | _ORIGINS),
        attributes=draw(_ATTRIBUTES),
    )


@st.composite
def paintings(draw: Any, shape: tuple[int, int], max_segments: int = 5) -> Painting:
    """Rows with masks, bottom first; masks may overlap, nothing is sorted."""
    ids = draw(st.lists(IDS, unique=True, max_size=max_segments))
    return [(draw(segments(segment_id)), draw(masks(shape))) for segment_id in ids]


def compose(shape: tuple[int, int], painting: Painting) -> Label:
    """The label of a painting."""
    return compose_label(*shape, [(row, encode_runs(mask)) for row, mask in painting])


@st.composite
def layered_labels(draw: Any, shape: tuple[int, int] | None = None, max_segments: int = 5) -> Label:
    """A label of at most 6 × 6 pixels with overlapping segments."""
    size = draw(SHAPES) if shape is None else shape
    return compose(size, draw(paintings(size, max_segments)))


@st.composite
def label_pairs(draw: Any) -> tuple[Label, Label]:
    """Two labels of one size; mostly one is the other after some edits."""
    shape = draw(SHAPES)
    old = draw(paintings(shape))
    if draw(st.integers(0, 4)) == 0:
        return compose(shape, old), draw(layered_labels(shape))
    new: Painting = []
    free_ids = [i for i in (10, 11, 12, 13, 14, 15) if i not in {row.segment_id for row, _ in old}]
    for row, mask in old:
        new += draw(_edits(shape, row, mask, free_ids))
    if draw(st.integers(0, 2)) == 0:
        new = draw(st.permutations(new))
    for row, mask in draw(paintings(shape, max_segments=2)):
        if row.segment_id not in {other.segment_id for other, _ in new}:
            new.append((row, mask))
    pair = compose(shape, old), compose(shape, new)
    return pair if draw(st.booleans()) else (pair[1], pair[0])


@st.composite
def readings(draw: Any) -> LabelReading:
    """Any way for the classes to read: renamed, merged within and across kinds, flipped both
    ways, retired to void, or under classes of another taxonomy that happen to have their ids."""
    targets = st.sampled_from((0, *LIVE_IDS))
    live = {class_id: class_id for class_id in CLASS_IDS}
    for class_id in draw(st.lists(st.sampled_from(CLASS_IDS), min_size=1, unique=True)):
        live[class_id] = draw(targets)
    kinds = Kinds(LIVE_STUFF_IDS)
    if draw(st.integers(0, 3)) == 0:
        kinds = Kinds(draw(st.frozensets(st.sampled_from(LIVE_IDS))))
    return LabelReading(ClassMap.from_mapping(live), kinds, STUFF_IDS)


@st.composite
def _edits(
    draw: Any, shape: tuple[int, int], row: Segment, mask: Mask, free_ids: list[int]
) -> Painting:
    edit = draw(st.sampled_from(["keep", "keep", "drop", "class", "id", "fields", "mask", "split"]))
    if edit == "drop":
        return []
    if edit == "class":
        return [(row._replace(class_id=draw(st.sampled_from(CLASS_IDS))), mask)]
    if edit == "id" and free_ids:
        return [(row._replace(segment_id=free_ids.pop()), mask)]
    if edit == "fields":
        return [(draw(segments(row.segment_id, (row.class_id,))), mask)]
    if edit == "mask":
        edited = mask ^ draw(masks(shape))
        return [(row, edited)] if edited.any() else []
    if edit == "split" and free_ids:
        cut = draw(masks(shape))
        parts = [(row, mask & ~cut), (row._replace(segment_id=free_ids.pop()), mask & cut)]
        return [(part, pixels) for part, pixels in parts if pixels.any()]
    return [(row, mask)]
