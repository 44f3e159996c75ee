from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.errors import MalformedLabel, ShapeMismatch
from panoptic.label import (
    Label,
    Segment,
    compose_label,
    count_classes,
    empty_label,
    label_from_id_map,
    label_from_runs,
    measure_label,
    pack_counts,
    renumber,
    replace_segments,
    segment_mask,
    segments_from_rows,
    spans_of,
    unpack_counts,
)
from panoptic.label_bytes import canonical_bytes
from panoptic.label_checks import check_label
from panoptic.runs import Spans, constant_runs, decode_runs, encode_runs, make_runs
from tests.builders import id_map, label, rows, stack
from tests.panoptic.strategies import SHAPES, compose, layered_labels, paintings
from tests.panoptic.twins import law, twin  # noqa: F401

pytestmark = pytest.mark.usefixtures("twin")


def layers_of(drawn: Label) -> dict[int, int]:
    return dict(zip(drawn.segments.ids.tolist(), drawn.segments.layers.tolist(), strict=True))


def test_a_partition_is_one_layer():
    drawn = label("112 112", {1: 7, 2: 9}, crowds=[2])
    assert len(drawn.layers) == 1
    assert [row.crowd for row in drawn.segments] == [False, True]


def test_disjoint_masks_compose_to_one_layer_in_any_order():
    upwards = stack("1..", "..2", classes={1: 7, 2: 7})
    downwards = stack("..2", "1..", classes={1: 7, 2: 7})
    assert upwards == downwards == label("1.2", {1: 7, 2: 7})


def test_a_segment_lies_one_layer_above_what_it_overlaps_from_above():
    drawn = stack("11..", ".22.", "..33", "4...", classes={1: 5, 2: 5, 3: 5, 4: 5})
    assert layers_of(drawn) == {1: 0, 2: 1, 3: 2, 4: 1}


def test_touching_an_upper_segment_from_below_does_not_lift():
    drawn = stack(".22.", "11..", "..33", classes={1: 5, 2: 5, 3: 5})
    assert layers_of(drawn) == {2: 0, 1: 1, 3: 1}


@law
@given(layered_labels())
def test_normal_form_is_kept_by_composing_again(drawn):
    masks = spans_of(drawn)
    order = np.argsort(drawn.segments.layers, kind="stable")
    painted = [(row, masks[row.segment_id]) for row in drawn.segments]
    assert compose_label(*drawn.shape, [painted[k] for k in order]) == drawn
    check_label(drawn)


@law
@given(st.data())
def test_same_masks_and_same_order_on_overlaps_give_the_same_bytes(data):
    shape = data.draw(SHAPES)
    painting = data.draw(paintings(shape))
    swapped = list(painting)
    # Neighbours in the painting order that do not overlap may change places.
    for place in data.draw(st.lists(st.integers(0, 3), max_size=12)):
        if place + 1 < len(swapped):
            lower, upper = swapped[place : place + 2]
            if not (lower[1] & upper[1]).any():
                swapped[place : place + 2] = [upper, lower]
    assert canonical_bytes(compose(shape, painting)) == canonical_bytes(compose(shape, swapped))


@law
@given(SHAPES.flatmap(paintings))
def test_layers_follow_the_definition(painting):
    layers: list[int] = []
    for k, (_, mask) in enumerate(painting):
        below = [layers[j] for j in range(k) if (painting[j][1] & mask).any()]
        layers.append(1 + max(below) if below else 0)
    if painting:
        drawn = compose(painting[0][1].shape, painting)
        expected = {row.segment_id: layer for (row, _), layer in zip(painting, layers, strict=True)}
        assert layers_of(drawn) == expected


@law
@given(SHAPES.flatmap(paintings))
def test_full_masks_survive_composing(painting):
    for row, mask in painting:
        drawn = compose(mask.shape, painting)
        assert segment_mask(drawn, row.segment_id) == encode_runs(mask)
        assert spans_of(drawn)[row.segment_id].area == mask.sum()
        assert drawn.segments.row(row.segment_id) == row


@law
@given(SHAPES.flatmap(paintings))
def test_measures_agree_with_pixels(painting):
    if not painting:
        return
    shape = painting[0][1].shape
    view = np.zeros(shape, np.int64)
    for row, mask in painting:
        view[mask] = row.segment_id
    measures = measure_label(compose(shape, painting))
    masks = {row.segment_id: mask for row, mask in painting}
    assert measures.ids.tolist() == sorted(masks)
    for segment_id, area, visible, box in zip(*measures, strict=True):
        ys, xs = np.nonzero(masks[segment_id])
        assert (area, visible) == (ys.size, (view == segment_id).sum())
        assert box.tolist() == [ys.min(), xs.min(), ys.max() + 1, xs.max() + 1]


@law
@given(layered_labels())
def test_pixels_of_all_classes_and_the_void_are_the_image(drawn):
    counts = count_classes(drawn)
    assert counts.pixels.sum() + counts.void_pixels == drawn.height * drawn.width
    assert counts.segments.sum() == len(drawn.segments)
    assert counts.crowds.sum() == drawn.segments.crowds.sum()
    assert unpack_counts(pack_counts(counts)) == counts


def test_counts_are_of_the_panoptic_view():
    counts = count_classes(stack("111.", "22..", classes={1: 7, 2: 9}, crowds=[2]))
    assert counts.class_ids.tolist() == [7, 9]
    assert counts.pixels.tolist() == [1, 2]
    assert counts.crowds.tolist() == [0, 1]
    assert counts.void_pixels == 1


@pytest.mark.parametrize("packed", [b"", b"123", bytes(28), b"\1" + bytes(13)])
def test_bytes_that_are_no_counts_are_refused(packed):
    with pytest.raises(MalformedLabel, match="counts"):
        unpack_counts(packed)


def test_a_label_may_say_nothing():
    drawn = label("... ...", {})
    assert drawn == empty_label(2, 3) == compose_label(2, 3, [])
    assert drawn.layers == ()
    assert count_classes(drawn).void_pixels == 6
    assert measure_label(drawn).areas.size == 0


def test_one_pixel_may_be_a_label():
    assert measure_label(label("1", {1: 3})).boxes.tolist() == [[0, 0, 1, 1]]


def test_pixels_and_rows_must_agree_both_ways():
    with pytest.raises(MalformedLabel, match="segment 2: has pixels but no row"):
        label("12", {1: 7})
    with pytest.raises(MalformedLabel, match="segment 2: has a row but no pixels"):
        label("11", {1: 7, 2: 7})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (Segment(0, 1), "an id is between"),
        (Segment(2**24, 1), "an id is between"),
        (Segment(1, 0), "class 0"),
        (Segment(1, 2**16), "class 65536"),
        (Segment(1, 1, track_id=0), "track id 0"),
        (Segment(1, 1, score=1.5), "score 1.5"),
        (Segment(1, 1, score=-0.1), "score -0.1"),
    ],
)
def test_rows_out_of_range_are_refused(row, reason):
    with pytest.raises(MalformedLabel, match=reason):
        segments_from_rows([row])


def test_an_id_given_twice_is_refused():
    with pytest.raises(MalformedLabel, match="segment 1: the id is given twice"):
        segments_from_rows([Segment(1, 1), Segment(1, 2)])


def test_the_largest_id_is_an_id():
    top = 2**24 - 1
    drawn = label_from_id_map(id_map("1.") * top, [Segment(top, 65_535)])
    assert drawn.segments.row(top).class_id == 65_535


def test_an_empty_mask_is_refused():
    nothing = Spans(np.zeros(0, np.int64), np.zeros(0, np.int64))
    with pytest.raises(MalformedLabel, match="segment 1: the mask is empty"):
        compose_label(1, 1, [(Segment(1, 1), nothing)])


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ShapeMismatch):
        compose_label(2, 3, [(Segment(1, 1), constant_runs(3, 2, 1))])


def test_an_id_painted_twice_is_refused():
    painted = [(Segment(1, 1), constant_runs(1, 2, 1)), (Segment(1, 2), constant_runs(1, 2, 1))]
    with pytest.raises(MalformedLabel, match="twice"):
        compose_label(1, 2, painted)


@pytest.mark.parametrize("span", [(-1, 2), (3, 7), (2, 2)])
def test_spans_outside_the_image_are_refused(span):
    start, end = span
    with pytest.raises(MalformedLabel, match="segment 1"):
        compose_label(2, 3, [(Segment(1, 1), Spans(np.array([start]), np.array([end])))])


def test_fields_are_replaced_and_pixels_stay():
    drawn = stack("11.", ".22", classes={1: 7, 2: 9})
    edited = replace_segments(drawn, [Segment(2, 8, crowd=True)])
    assert edited.layers == drawn.layers
    assert edited.segments.row(2) == Segment(2, 8, crowd=True)
    assert edited.segments.row(1) == drawn.segments.row(1)
    with pytest.raises(KeyError):
        replace_segments(drawn, [Segment(3, 8)])


def test_renumbering_moves_rows_with_their_pixels():
    drawn = stack("11.", ".22", classes={1: 7, 2: 9}, attributes={1: {"a": 1}})
    swapped = renumber(drawn, [1, 2], [2, 1])
    assert swapped == stack("22.", ".11", classes={2: 7, 1: 9}, attributes={2: {"a": 1}})
    assert renumber(swapped, [1, 2], [2, 1]) == drawn
    with pytest.raises(MalformedLabel, match="twice"):
        renumber(drawn, [1], [2])


def test_true_and_one_are_not_equal_attributes():
    one, true = (label("1", {1: 1}, attributes={1: {"a": value}}) for value in (1, True))
    assert one != true


def test_rows_come_back_as_they_were_given():
    given_rows = rows({3: 7, 1: 9}, scores={3: 0.5}, track_ids={1: 4}, attributes={3: {"a": []}})
    drawn = label_from_id_map(id_map("13"), given_rows)
    assert list(drawn.segments) == sorted(given_rows)
    assert drawn.segments.index_of([3, 1]).tolist() == [1, 0]


def test_a_chain_of_overlaps_stacks_up():
    count = 1_000
    painted = [
        (Segment(k + 1, 1), Spans(np.array([2 * k]), np.array([2 * k + 3]))) for k in range(count)
    ]
    drawn = compose_label(1, 2 * count + 1, painted)
    assert drawn.segments.layers.tolist() == list(range(count))


def test_five_thousand_disjoint_segments_are_one_layer():
    plane = np.arange(1, 5_001, dtype=np.uint32).reshape(50, 100)
    table = [Segment(k, 1 + k % 9) for k in range(1, 5_001)]
    drawn = label_from_runs(encode_runs(plane), table)
    masks = spans_of(drawn)
    assert compose_label(50, 100, [(row, masks[row.segment_id]) for row in table]) == drawn
    assert measure_label(drawn).areas.sum() == 5_000


def test_a_huge_plain_label_never_becomes_pixels():
    side = 20_000
    sky = (Segment(1, 1), constant_runs(side, side, 1))
    bar = (Segment(2, 2), make_runs(side, side, [0, 1, 0], [10**8, 50, side * side - 10**8 - 50]))
    drawn = compose_label(side, side, [sky, bar])
    assert layers_of(drawn) == {1: 0, 2: 1}
    assert measure_label(drawn).visible_areas.tolist() == [side * side - 50, 50]


def test_layers_hold_segment_ids():
    drawn = stack("11.", ".22", classes={1: 7, 2: 9})
    assert decode_runs(drawn.layers[0]).tolist() == [[1, 1, 0]]
    assert decode_runs(drawn.layers[1]).tolist() == [[0, 2, 2]]
