"""Small pictures of changes: nothing that changed vanishes, whatever the size."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from datasets_app.change_pictures import shrink_changes
from panoptic.render import PixelChange
from panoptic.runs import decode_runs, encode_runs
from tests.laws import examples

_MAPS = arrays.arrays(
    np.uint32,
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    elements=st.sampled_from([0, 0, 0, 0, *PixelChange]),
)


@examples(60)
@given(_MAPS, st.integers(1, 8))
def test_a_cell_is_changed_where_any_of_its_pixels_is(kinds: np.ndarray, side: int) -> None:
    small = decode_runs(shrink_changes(encode_runs(kinds), side))

    expected = np.zeros(small.shape, bool)
    for y, x in np.argwhere(kinds != 0):
        place = y * small.shape[0] // kinds.shape[0], x * small.shape[1] // kinds.shape[1]
        expected[place] = True
    assert (small != 0).tolist() == expected.tolist()


@examples(60)
@given(_MAPS, st.integers(1, 8))
def test_a_cell_has_a_kind_that_is_in_it(kinds: np.ndarray, side: int) -> None:
    small = decode_runs(shrink_changes(encode_runs(kinds), side))

    assert set(np.unique(small)) <= set(np.unique(kinds)) | {0}
    assert max(small.shape) <= max(side, 1) or small.shape == kinds.shape


def test_one_pixel_of_a_wide_label_is_seen() -> None:
    kinds = np.zeros((400, 600), np.uint32)
    kinds[399, 7] = PixelChange.RECLASSIFIED

    small = decode_runs(shrink_changes(encode_runs(kinds), 60))

    assert small.shape == (40, 60)
    assert small[39, 0] == PixelChange.RECLASSIFIED


def test_the_kind_of_most_rows_wins() -> None:
    kinds = np.full((4, 4), PixelChange.ADDED, np.uint32)
    kinds[0] = PixelChange.REMOVED

    assert decode_runs(shrink_changes(encode_runs(kinds), 1)).tolist() == [[PixelChange.ADDED]]
