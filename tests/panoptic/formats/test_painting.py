"""Painting order, stuff and empty masks (RULES 1.2)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panoptic.formats.base import Kind, OnOverlap
from panoptic.formats.painting import Mask, Painting, paint_masks
from panoptic.label import Segment, measure_label, spans_of
from panoptic.runs import decode_runs, encode_runs, spans_of_mask
from panoptic.views import panoptic_runs
from tests.builders import id_map
from tests.panoptic.strategies import SHAPES, masks

ON_OVERLAP: list[OnOverlap] = ["small", "first", "last"]


def test_the_smaller_mask_lies_on_top() -> None:
    assert drawn(paint("11.. ....", "2222 ....")) == "1122 ...."
    assert drawn(paint("2222 ....", "11.. ....")) == "1122 ...."


def test_of_equal_masks_the_lower_id_lies_on_top() -> None:
    assert drawn(paint(".22", "11.")) == "112"


def test_first_puts_on_top_what_the_file_names_first() -> None:
    assert drawn(paint("2222", "11..", on_overlap="first")) == "2222"


def test_last_puts_on_top_what_the_file_names_last() -> None:
    assert drawn(paint("11..", "2222", on_overlap="last")) == "2222"


@pytest.mark.parametrize("on_overlap", ON_OVERLAP)
def test_crowds_lie_lowest(on_overlap: OnOverlap) -> None:
    for order in (("1...", "2222"), ("2222", "1...")):
        assert drawn(paint(*order, crowds=[1], on_overlap=on_overlap)) == "2222"


def test_no_thing_loses_a_pixel_to_another_and_hidden_pixels_are_counted() -> None:
    painting = paint("1111", ".22.", "..33")
    assert painting.label is not None
    assert measure_label(painting.label).areas.tolist() == [4, 2, 2]
    # 2 and 3 are of one size: the lower id hides a pixel of the other.
    assert (painting.hidden_pixels, painting.lost_pixels) == (4, 0)


def test_refused_overlaps_are_an_error_that_names_both() -> None:
    painting = paint("11..", ".22.", "...3", on_overlap="refuse")
    assert painting.label is None
    (problem,) = painting.problems
    assert (problem.code, problem.severity, problem.segment) == ("overlapping_segments", "error", 1)
    assert "segments 1 and 2 overlap" in problem.message


def test_refuse_accepts_masks_that_only_touch() -> None:
    assert drawn(paint("11..", "..22", on_overlap="refuse")) == "1122"


def test_an_empty_mask_is_dropped_with_a_warning() -> None:
    painting = paint_masks(1, 2, [mask(id_map("1."), 1), mask(id_map("..") == 9, 2)], "small")
    assert painting.label is not None
    assert painting.label.segments.ids.tolist() == [1]
    (problem,) = painting.problems
    assert (problem.code, problem.severity, problem.segment) == ("empty_segment", "warning", 2)


def test_stuff_of_one_class_becomes_one_segment_with_the_lowest_id() -> None:
    painting = paint("5...", "..3.", stuff=[3, 5])
    assert drawn(painting) == "3.3."
    (problem,) = painting.problems
    assert (problem.code, problem.severity) == ("joined_stuff", "warning")


def test_stuff_of_two_classes_stays_two() -> None:
    painting = paint("5...", "..3.", stuff=[3, 5], classes={5: 8})
    assert drawn(painting) == "5.3."


def test_stuff_above_a_thing_takes_its_pixels() -> None:
    painting = paint("1111", ".22.", stuff=[2])
    assert painting.label is not None
    assert len(painting.label.layers) == 1
    assert measure_label(painting.label).areas.tolist() == [2, 2]
    assert (painting.hidden_pixels, painting.lost_pixels) == (0, 2)


def test_a_thing_wholly_under_stuff_is_dropped_with_a_warning() -> None:
    painting = paint(".1..", ".22.", stuff=[2], on_overlap="last")
    assert drawn(painting) == ".22."
    assert [problem.code for problem in painting.problems] == ["empty_segment"]
    assert painting.lost_pixels == 1


def test_stuff_below_a_thing_keeps_its_full_mask() -> None:
    painting = paint("1111", ".22.", stuff=[1])
    assert painting.label is not None
    assert measure_label(painting.label).areas.tolist() == [4, 2]
    assert painting.hidden_pixels == 2


@settings(deadline=None)
@given(data=st.data(), shape=SHAPES, on_overlap=st.sampled_from(ON_OVERLAP))
def test_things_keep_their_masks_in_every_order(
    data: st.DataObject, shape: tuple[int, int], on_overlap: OnOverlap
) -> None:
    planes = data.draw(st.lists(masks(shape), max_size=4))
    painted = [mask(plane, number) for number, plane in enumerate(planes, 1)]
    painting = paint_masks(*shape, painted, on_overlap)
    assert painting.label is not None
    full = spans_of(painting.label)
    for given_mask in painted:
        kept = full[given_mask.row.segment_id]
        assert np.array_equal(kept.starts, given_mask.spans.starts)
        assert np.array_equal(kept.ends, given_mask.spans.ends)
    areas = sum(int(plane.sum()) for plane in planes)
    covered = int(np.logical_or.reduce(planes).sum()) if planes else 0
    assert painting.hidden_pixels == areas - covered


@settings(deadline=None)
@given(data=st.data(), shape=SHAPES)
def test_by_size_the_order_of_the_file_does_not_matter(
    data: st.DataObject, shape: tuple[int, int]
) -> None:
    planes = data.draw(st.lists(masks(shape), max_size=4))
    painted = [mask(plane, number) for number, plane in enumerate(planes, 1)]
    shuffled = data.draw(st.permutations(painted))
    assert paint_masks(*shape, painted, "small") == paint_masks(*shape, shuffled, "small")


def paint(
    *drawings: str,
    on_overlap: OnOverlap = "small",
    crowds: list[int] | None = None,
    stuff: list[int] | None = None,
    classes: dict[int, int] | None = None,
) -> Painting:
    """Masks in the order of a file; each drawing shows one segment, of class 7."""
    painted = []
    for drawing in drawings:
        plane = id_map(drawing)
        number = int(plane.max())
        kind: Kind = "stuff" if number in (stuff or []) else "thing"
        class_id = (classes or {}).get(number, 7)
        painted.append(mask(plane, number, number in (crowds or []), kind, class_id))
    return paint_masks(*id_map(drawings[0]).shape, painted, on_overlap)


def mask(
    plane: np.ndarray, number: int, crowd: bool = False, kind: Kind = "thing", class_id: int = 7
) -> Mask:
    spans = spans_of_mask(encode_runs(plane != 0))
    return Mask(Segment(number, class_id, crowd), kind, spans)


def drawn(painting: Painting) -> str:
    assert painting.label is not None
    rows = decode_runs(panoptic_runs(painting.label)).tolist()
    return " ".join("".join(".123456789"[value] for value in row) for row in rows)
