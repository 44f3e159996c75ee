"""Numbers become segments: alone, in pairs, and numbered by their first pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from panoptic.errors import MalformedFile, ShapeMismatch
from panoptic.formats.coded_maps import label_from_numbers, number_by_first_pixel, pair_maps
from panoptic.label import Segment
from panoptic.runs import decode_runs, encode_runs
from tests.builders import id_map, label, stack


@given(
    maps=st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
        lambda shape: st.tuples(*[arrays.arrays(np.uint32, shape)] * 2)
    )
)
def test_a_pair_holds_the_numbers_of_both_maps(maps: tuple[np.ndarray, np.ndarray]) -> None:
    paired = pair_maps(*map(encode_runs, maps))
    places = decode_runs(paired.runs)
    assert (paired.pairs[places, 0] == maps[0]).all()
    assert (paired.pairs[places, 1] == maps[1]).all()


def test_maps_of_two_sizes_make_no_pairs() -> None:
    with pytest.raises(ShapeMismatch):
        pair_maps(encode_runs(id_map("11")), encode_runs(id_map("1 1")))


def test_numbers_become_the_segments_that_they_mean() -> None:
    runs = encode_runs(id_map("12. 12."))
    read = label_from_numbers(runs, {0: None, 1: Segment(7, 3), 2: Segment(9, 4)})
    assert read == label("79. 79.", {7: 3, 9: 4})


def test_numbers_of_one_segment_are_joined() -> None:
    runs = encode_runs(id_map("123"))
    sky = Segment(1, 5)
    assert label_from_numbers(runs, {1: sky, 2: None, 3: sky}) == label("1.1", {1: 5})


def test_zero_may_be_a_segment() -> None:
    runs = encode_runs(id_map("..1"))
    read = label_from_numbers(runs, {0: Segment(1, 4), 1: None})
    assert read == label("11.", {1: 4})


def test_numbers_without_meaning_are_told_with_their_pixels() -> None:
    runs = encode_runs(id_map("122 345"))
    with pytest.raises(MalformedFile, match=r"3 pixels have values that mean no class: 3, 4, 5"):
        label_from_numbers(runs, {1: None, 2: None})


def test_ids_follow_the_first_pixels() -> None:
    given_label = label("9.5 7.5", {9: 1, 5: 2, 7: 3})
    assert number_by_first_pixel(given_label) == label("1.2 3.2", {1: 1, 2: 2, 3: 3})


def test_ids_follow_the_first_pixels_in_every_layer() -> None:
    given_label = stack(".88", "9..", ".4.", classes={8: 1, 9: 2, 4: 3})
    expected = stack(".33", "1..", ".2.", classes={3: 1, 1: 2, 2: 3})
    assert number_by_first_pixel(given_label) == expected


def test_a_label_without_segments_needs_no_ids() -> None:
    empty = label("..", {})
    assert number_by_first_pixel(empty) == empty
