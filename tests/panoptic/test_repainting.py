import numpy as np
import pytest
from hypothesis import given

from panoptic.errors import MalformedLabel, ShapeMismatch
from panoptic.label import Label, label_from_runs, segment_mask, visible_runs
from panoptic.repainting import repaint
from panoptic.runs import decode_runs
from tests.builders import label, stack
from tests.panoptic.strategies import label_pairs, layered_labels

CAR, ROAD = 7, 9


def view_of(given: Label) -> Label:
    """The label as a PNG and its table show it: visible pixels, class and crowd."""
    view = visible_runs(given)
    shown = set(view.values.tolist())
    rows = [row for row in given.segments if row.segment_id in shown]
    return label_from_runs(
        view, [row._replace(track_id=None, score=None, origin=None, attributes={}) for row in rows]
    )


def mask_of(given: Label, segment_id: int) -> str:
    plane = decode_runs(segment_mask(given, segment_id))
    return " ".join("".join(".#"[value] for value in row) for row in plane.tolist())


@given(layered_labels())
def test_a_view_that_nobody_edited_gives_the_label_back(base):
    assert repaint(base, view_of(base)) == base


@given(label_pairs())
def test_the_result_shows_what_was_edited(pair):
    base, other = pair
    edited = view_of(other)
    assert visible_runs(repaint(base, edited)) == visible_runs(edited)


@given(label_pairs())
def test_covered_pixels_that_nobody_touched_stay(pair):
    base, other = pair
    edited = view_of(other)
    result = repaint(base, edited)
    untouched = decode_runs(visible_runs(base)) == decode_runs(visible_runs(edited))
    for row in result.segments:
        if row.segment_id in base.segments.ids:
            before = decode_runs(segment_mask(base, row.segment_id)) != 0
            after = decode_runs(segment_mask(result, row.segment_id)) != 0
            assert not np.any(before & untouched & ~after)


def test_a_car_drawn_larger_keeps_what_is_behind_the_other_car():
    base = stack("1111", "..22", classes={1: CAR, 2: CAR})
    edited = label("1112", {1: CAR, 2: CAR})
    result = repaint(base, edited)
    assert (mask_of(result, 1), mask_of(result, 2)) == ("####", "...#")


def test_a_car_that_was_painted_over_is_gone_with_what_was_covered():
    base = stack("1111", ".222", classes={1: CAR, 2: CAR})
    result = repaint(base, label("3222", {2: CAR, 3: ROAD}))
    assert [row.segment_id for row in result.segments] == [2, 3]


def test_a_segment_that_nobody_could_see_stays():
    base = stack("11..", "222.", classes={1: CAR, 2: CAR})
    result = repaint(base, label("2222", {2: CAR}))
    assert mask_of(result, 1) == "##.."


def test_void_brings_nothing_covered_to_light():
    base = stack("11", "22", classes={1: CAR, 2: CAR})
    result = repaint(base, label("2.", {2: CAR}))
    assert (mask_of(result, 1), mask_of(result, 2)) == ("#.", "#.")


def test_fields_that_a_picture_cannot_tell_stay():
    base = label("12", {1: CAR, 2: ROAD}, scores={1: 0.5}, attributes={1: {"parked": True}})
    [row] = repaint(base, label("11", {1: ROAD})).segments
    assert (row.class_id, row.score, dict(row.attributes)) == (ROAD, 0.5, {"parked": True})


def test_labels_of_two_sizes_are_refused():
    with pytest.raises(ShapeMismatch):
        repaint(label("11", {1: CAR}), label("1 1", {1: CAR}))


def test_what_was_edited_is_a_partition():
    with pytest.raises(MalformedLabel, match="overlap"):
        repaint(label("11", {1: CAR}), stack("11", ".2", classes={1: CAR, 2: CAR}))
