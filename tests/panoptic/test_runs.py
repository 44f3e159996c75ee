from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from panoptic.errors import MalformedLabel, ShapeMismatch, TooLarge
from panoptic.runs import (
    Runs,
    Spans,
    compose_runs,
    constant_runs,
    crop_runs,
    decode_runs,
    encode_runs,
    intersect_masks,
    make_runs,
    mask_of,
    measure_runs,
    paint_runs,
    refine_runs,
    relabel_runs,
    runs_from_spans,
    select_runs,
    spans_by_id,
    spans_of_mask,
    subtract_masks,
    transpose_runs,
    union_masks,
)
from tests.builders import id_map
from tests.panoptic.twins import law, twin  # noqa: F401

IDS = (0, 0, 1, 2, 3, 2**16, 2**24 - 1)

pytestmark = pytest.mark.usefixtures("twin")


@st.composite
def id_maps(draw: Any, shape: tuple[int, int] | None = None) -> NDArray[np.uint32]:
    height, width = shape or (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    cells = st.lists(st.sampled_from(IDS), min_size=height * width, max_size=height * width)
    return np.array(draw(cells), np.uint32).reshape(height, width)


@st.composite
def pairs_of_maps(draw: Any) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    first = draw(id_maps())
    return first, draw(id_maps(first.shape))


def plain_layer(side: int = 20_000) -> tuple[Runs, int]:
    """A layer far too large for pixels: void, and segment 5 as a bar of 3 rows by 4 columns."""
    values, lengths, used = [], [], 0
    for row in (10_000, 10_001, 10_002):
        start = row * side + 100
        values += [0, 5]
        lengths += [start - used, 4]
        used = start + 4
    return make_runs(side, side, [*values, 0], [*lengths, side * side - used]), side


@law
@given(id_maps())
def test_decode_is_the_inverse_of_encode(plane):
    assert np.array_equal(decode_runs(encode_runs(plane)), plane)


@law
@given(id_maps())
def test_runs_are_maximal_and_cover_the_image(plane):
    runs = encode_runs(plane)
    assert (runs.values[1:] != runs.values[:-1]).all()
    assert runs.lengths.min() > 0
    assert runs.lengths.sum() == runs.size == plane.size
    assert runs.ends.tolist()[-1] == plane.size
    assert runs.starts[0] == 0


def test_a_run_may_cross_the_end_of_a_row():
    runs = encode_runs(id_map("12 22 2."))
    assert runs.values.tolist() == [1, 2, 0]
    assert runs.lengths.tolist() == [1, 4, 1]


def test_one_pixel_is_one_run():
    assert encode_runs(id_map(".")) == constant_runs(1, 1)


def test_rows_wider_than_16_bits_survive():
    plane = np.zeros((3, 70_000), np.uint32)
    plane[1, 65_535:65_537] = 2**24 - 1
    plane[2, 69_999] = 7
    runs = encode_runs(plane)
    assert np.array_equal(decode_runs(runs), plane)
    assert measure_runs(runs).boxes.tolist() == [[2, 69_999, 3, 70_000], [1, 65_535, 2, 65_537]]
    assert transpose_runs(runs) == encode_runs(np.ascontiguousarray(plane.T))


def test_bools_encode_as_ones():
    assert encode_runs(np.array([[True, False]])).values.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("plane", "reason"),
    [
        (np.zeros(3, np.uint32), "2 dimensions"),
        (np.zeros((2, 2), np.float32), "integers"),
        (np.zeros((0, 2), np.uint32), "no pixel"),
        (np.array([[-1]]), "outside"),
        (np.array([[2**32]]), "outside"),
    ],
)
def test_what_is_no_id_map_is_refused(plane, reason):
    with pytest.raises(MalformedLabel, match=reason):
        encode_runs(plane)


@law
@given(id_maps())
def test_relabel_maps_every_pixel(plane):
    keys = np.unique(plane)
    values = keys // 2
    mapped = relabel_runs(encode_runs(plane), keys, values)
    expected = values[np.searchsorted(keys, plane)]
    assert mapped == encode_runs(np.where(np.isin(plane, keys), expected, 0))


def test_void_stays_void_unless_it_is_a_key():
    runs = encode_runs(id_map("1.2"))
    assert relabel_runs(runs, [1, 2], [8, 9]).values.tolist() == [8, 0, 9]
    assert relabel_runs(runs, [0, 1, 2], [7, 8, 9]).values.tolist() == [8, 7, 9]


def test_neighbours_that_become_equal_are_joined():
    assert relabel_runs(encode_runs(id_map("1213")), [1, 2, 3], [4, 4, 4]).count == 1


def test_a_value_that_is_no_key_raises_or_becomes_missing():
    runs = encode_runs(id_map("12."))
    with pytest.raises(KeyError, match="2"):
        relabel_runs(runs, [1], [1])
    assert relabel_runs(runs, [1], [1], missing=9).values.tolist() == [1, 9, 0]


@law
@given(id_maps())
def test_measures_agree_with_pixels(plane):
    measures = measure_runs(encode_runs(plane))
    assert measures.ids.tolist() == [i for i in np.unique(plane).tolist() if i]
    for segment_id, area, box in zip(*measures, strict=True):
        rows, columns = np.nonzero(plane == segment_id)
        assert area == rows.size
        assert box.tolist() == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


@law
@given(id_maps(), st.data())
def test_crop_cuts_a_window(plane, data):
    height, width = plane.shape
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    rows = data.draw(st.integers(1, height - top))
    columns = data.draw(st.integers(1, width - left))
    window = crop_runs(encode_runs(plane), top, left, rows, columns)
    assert window == encode_runs(plane[top : top + rows, left : left + columns])


@pytest.mark.parametrize("window", [(0, 0, 3, 1), (1, 0, 2, 1), (-1, 0, 1, 1), (0, 0, 0, 1)])
def test_a_window_outside_the_image_is_refused(window):
    with pytest.raises(ShapeMismatch):
        crop_runs(encode_runs(id_map("12 12")), *window)


@law
@given(id_maps())
def test_transpose_equals_the_transposed_array(plane):
    assert transpose_runs(encode_runs(plane)) == encode_runs(np.ascontiguousarray(plane.T))


@law
@given(pairs_of_maps())
def test_refinement_shows_both_values_of_every_pixel(maps):
    a, b = maps
    in_a, in_b, lengths = refine_runs(encode_runs(a), encode_runs(b))
    assert np.array_equal(np.repeat(in_a, lengths), a.ravel())
    assert np.array_equal(np.repeat(in_b, lengths), b.ravel())


@law
@given(pairs_of_maps())
def test_paint_puts_the_upper_layer_over_the_lower(maps):
    below, above = maps
    painted = paint_runs(encode_runs(below), encode_runs(above))
    assert painted == encode_runs(np.where(above > 0, above, below))


@law
@given(pairs_of_maps())
def test_set_operations_agree_with_pixels(maps):
    a, b = maps
    runs_a, runs_b = encode_runs(a), encode_runs(b)
    assert union_masks(runs_a, runs_b) == encode_runs((a > 0) | (b > 0))
    assert intersect_masks(runs_a, runs_b) == encode_runs((a > 0) & (b > 0))
    assert subtract_masks(runs_a, runs_b) == encode_runs((a > 0) & (b == 0))


def test_planes_of_two_sizes_are_refused():
    with pytest.raises(ShapeMismatch, match=r"\(2, 3\), got \(3, 2\)"):
        refine_runs(encode_runs(id_map("111 111")), encode_runs(id_map("11 11 11")))


@law
@given(id_maps(), st.sampled_from(IDS))
def test_the_mask_of_an_id_is_where_it_is(plane, segment_id):
    assert mask_of(encode_runs(plane), segment_id) == encode_runs(plane == segment_id)


@law
@given(id_maps())
def test_select_keeps_some_ids(plane):
    selected = select_runs(encode_runs(plane), [1, 2**24 - 1])
    assert selected == encode_runs(np.where(np.isin(plane, [1, 2**24 - 1]), plane, 0))


@law
@given(id_maps())
def test_spans_and_runs_are_two_forms_of_one_plane(plane):
    runs = encode_runs(plane)
    masks = spans_by_id(runs)
    assert list(masks) == [i for i in np.unique(plane).tolist() if i]
    assert runs_from_spans(*plane.shape, masks.items()) == runs
    for segment_id, spans in masks.items():
        assert spans.area == (plane == segment_id).sum()
        of_mask = spans_of_mask(mask_of(runs, segment_id))
        assert np.array_equal(of_mask.starts, spans.starts)
        assert np.array_equal(of_mask.ends, spans.ends)


@pytest.mark.parametrize("spans", [[(0, 3), (2, 4)], [(0, 0)], [(3, 7)], [(-1, 2)]])
def test_spans_that_overlap_or_leave_the_image_are_refused(spans):
    pairs = [(k + 1, Spans(np.array([a]), np.array([b]))) for k, (a, b) in enumerate(spans)]
    with pytest.raises(MalformedLabel, match="segment"):
        runs_from_spans(2, 3, pairs)


def test_no_spans_are_void():
    assert runs_from_spans(2, 3, []) == constant_runs(2, 3)


def test_composing_nothing_is_void():
    assert compose_runs(2, 3, []) == constant_runs(2, 3)


def test_make_runs_joins_drops_and_checks():
    assert make_runs(1, 4, [1, 2, 1, 0], [1, 0, 2, 1]).lengths.tolist() == [3, 1]
    with pytest.raises(MalformedLabel, match="3 pixels of 1 × 4"):
        make_runs(1, 4, [1], [3])
    with pytest.raises(MalformedLabel, match="negative"):
        make_runs(1, 1, [1, 2], [2, -1])
    with pytest.raises(ShapeMismatch):
        make_runs(1, 1, [1, 2], [1])


def test_more_than_two_billion_pixels_are_refused():
    constant_runs(2**31 - 1, 1)
    with pytest.raises(TooLarge, match="pixels"):
        constant_runs(2**16, 2**16)


def test_a_plain_layer_of_400_million_pixels_costs_nothing():
    layer, side = plain_layer()
    measures = measure_runs(layer)
    assert measures.boxes.tolist() == [[10_000, 100, 10_003, 104]]
    assert measures.areas.tolist() == [12]
    column_major = transpose_runs(layer)
    assert column_major.count == 9
    assert transpose_runs(column_major) == layer
    assert crop_runs(layer, 9_999, 98, 5, 8) == encode_runs(
        id_map("........ ..aaaa.. ..aaaa.. ..aaaa.. ........") // 2
    )
    assert paint_runs(constant_runs(side, side, 3), layer).count == 7
    assert spans_by_id(layer)[5].area == 12


def test_very_wide_and_plain_images_transpose_without_counters_per_column():
    width = 2**29
    runs = make_runs(2, width, [1, 2, 1, 2, 1], [7, 3, width - 3, 4, width - 11])
    column_major = transpose_runs(runs)
    assert column_major.shape == (width, 2)
    assert transpose_runs(column_major) == runs


def test_five_thousand_segments_keep_their_measures():
    plane = np.arange(1, 5_001, dtype=np.uint32).reshape(50, 100).repeat(2, axis=0)
    plane = plane.repeat(3, axis=1)
    measures = measure_runs(encode_runs(plane))
    assert measures.areas.tolist() == [6] * 5_000
    assert len(spans_by_id(encode_runs(plane))) == 5_000
