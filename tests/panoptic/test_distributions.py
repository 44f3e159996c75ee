"""Sums of sizes, numbers, places and company: exact, and they add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.distribution_bytes import decode_distributions, encode_distributions
from panoptic.distributions import (
    COUNT_BINS,
    FULL,
    GRID,
    count_distributions,
    edge_of_count,
    no_distributions,
)
from panoptic.errors import MalformedLabel
from panoptic.label import count_classes, empty_label, label_from_id_map, measure_label
from panoptic.runs import decode_runs
from panoptic.segments import Segment
from panoptic.views import semantic_runs
from tests.builders import label, stack
from tests.laws import examples
from tests.panoptic.strategies import layered_labels

ROAD, CAR = 1, 2
few = examples(30)


def of(*labels):
    return count_distributions((one, 1) for one in labels)


def bins(row):
    """The bins that hold something, with what they hold."""
    return {int(place): int(row[place]) for place in np.flatnonzero(row)}


def test_a_size_is_counted_between_two_powers_of_two():
    sums = of(label("1222 2222", {1: CAR, 2: CAR}))
    assert bins(sums.sizes[-1]) == {0: 1, 2: 1}  # 1 pixel, and 7


def test_a_share_is_counted_by_how_often_it_can_be_halved():
    sums = of(label("1123 1133", {1: ROAD, 2: CAR, 3: CAR}))
    road, car = sums.shares[-2:]
    assert bins(road) == {1: 1}  # a half
    assert bins(car) == {1: 1, 3: 1}  # 3 and 1 of 8 pixels


def test_a_segment_that_is_the_image_has_a_share_of_one():
    assert bins(of(label("11 11", {1: ROAD})).shares[-1]) == {0: 1}


def test_the_size_of_a_segment_is_that_of_its_full_mask():
    sums = of(stack("1111", ".22.", classes={1: CAR, 2: ROAD}))
    assert bins(sums.sizes[sums.class_ids.tolist().index(CAR)]) == {2: 1}


def test_images_are_counted_by_their_segments_of_a_class():
    sums = of(label("123", {1: CAR, 2: CAR, 3: ROAD}), label("1", {1: CAR}))
    assert bins(sums.counts[-1]) == {1: 1, 2: 1}
    assert bins(sums.segments) == {1: 1, 3: 1}


def test_an_image_without_segments_is_counted_as_one_with_none():
    sums = of(empty_label(2, 2))
    assert bins(sums.segments) == {0: 1}
    assert sums.class_ids.tolist() == [0]


@pytest.mark.parametrize(("count", "least"), [(31, 31), (32, 32), (63, 32), (64, 64), (130, 128)])
def test_many_segments_share_a_bin(count, least):
    ids = np.arange(1, count + 1, dtype=np.uint32)[None]
    sums = of(label_from_id_map(ids, [Segment(n, CAR) for n in range(1, count + 1)]))
    assert [edge_of_count(place) for place in bins(sums.segments)] == [least]


def test_every_number_of_segments_has_a_bin():
    assert edge_of_count(COUNT_BINS) == 2**24


def test_classes_that_one_image_holds_are_together():
    sums = of(label("12", {1: ROAD, 2: CAR}), label("1", {1: ROAD}))
    assert sums.class_ids.tolist() == [ROAD, CAR]
    assert sums.together[-2:, -2:].tolist() == [[2, 1], [1, 1]]


def test_a_cell_is_full_where_all_its_pixels_are_of_the_class():
    upper = np.ones((64, 96), np.uint32)
    upper[32:] = 2
    cells = of(label_from_id_map(upper, [Segment(1, ROAD), Segment(2, CAR)])).cells
    halves = [[int(half.min()), int(half.max())] for one in cells for half in np.split(one, 2)]
    assert halves == [[FULL, FULL], [0, 0], [0, 0], [FULL, FULL]]


@pytest.mark.parametrize("drawing", ["1", "12 12", "1 1 2", "12"])
def test_an_image_smaller_than_the_grid_covers_all_of_it(drawing):
    sums = of(label(drawing, {int(n): int(n) for n in set(drawing.split()[0] + drawing[-1])}))
    assert (sums.cells.sum(axis=0) == FULL).all()


@few
@given(layered_labels(), st.integers(1, 9), st.integers(1, 9))
def test_cells_are_the_visible_share_of_their_pixels(found, down, across):
    """Magnified, so that cells have several pixels."""
    class_map = decode_runs(semantic_runs(found))
    class_map = np.kron(class_map, np.ones((down * 5, across * 7), np.uint32)).astype(np.uint32)
    height, width = class_map.shape
    ids = sorted(set(np.unique(class_map).tolist()) - {0})
    sums = of(label_from_id_map(class_map, [Segment(one, one) for one in ids]))
    rows, columns = min(height, GRID), min(width, GRID)
    row_of, column_of = np.arange(height) * rows // height, np.arange(width) * columns // width
    for class_id, cells in zip(sums.class_ids.tolist(), sums.cells, strict=True):
        for row, column in ((0, 0), (GRID - 1, GRID // 2), (GRID // 3, GRID - 1)):
            part = class_map[row_of == row * rows // GRID][:, column_of == column * columns // GRID]
            share = (part == class_id).sum() * FULL / part.size
            assert abs(cells[row, column] - share) <= 0.5


@few
@given(layered_labels())
def test_the_sums_agree_with_the_counts_of_a_label(found):
    sums, counts = of(found), count_classes(found)
    held = np.isin(sums.class_ids, counts.class_ids)
    assert sums.class_ids[held].tolist() == counts.class_ids.tolist()
    assert sums.sizes[held].sum(axis=1).tolist() == counts.segments.tolist()
    assert sums.shares[held].sum(axis=1).tolist() == counts.segments.tolist()
    assert (sums.images[held] == 1).all()
    for area in measure_label(found).areas.tolist():
        assert sums.sizes[:, area.bit_length() - 1].sum() > 0


@few
@given(st.lists(layered_labels(), max_size=5), st.integers(0, 5))
def test_sums_add_up_whatever_the_parts(labels, cut):
    assert of(*labels[:cut]) + of(*labels[cut:]) == of(*labels)
    assert of(*labels) + no_distributions() == of(*labels)


@few
@given(st.lists(layered_labels(), max_size=4), st.lists(layered_labels(), max_size=3))
def test_what_is_taken_away_leaves_no_trace(kept, gone):
    assert of(*kept, *gone) - of(*gone) == of(*kept)
    changed = count_distributions([*((one, -1) for one in gone), *((one, 1) for one in kept)])
    assert of(*gone) + changed == of(*kept)


@few
@given(st.lists(layered_labels(), max_size=4))
def test_bytes_bring_the_sums_back(labels):
    assert decode_distributions(encode_distributions(of(*labels))) == of(*labels)


@pytest.mark.parametrize("damage", [lambda d: d[:-3], lambda d: b"x" + d, lambda d: d[:6]])
def test_damaged_bytes_are_refused(damage):
    data = encode_distributions(of(label("12", {1: ROAD, 2: CAR})))
    with pytest.raises(MalformedLabel, match="distributions"):
        decode_distributions(damage(data))


def test_sums_below_nothing_are_not_kept():
    with pytest.raises(ValueError, match="below 0"):
        encode_distributions(no_distributions() - of(label("1", {1: ROAD})))


def test_classes_are_renamed_and_left_out():
    sums = of(label("12", {1: ROAD, 2: CAR}))
    renamed = sums.rename({ROAD: 9, CAR: None})
    assert renamed.class_ids.tolist()[-1] == 9
    assert renamed.images.tolist()[-1] == 1
    assert CAR not in renamed.class_ids
