import importlib
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic import boundary
from panoptic.boundary import boundary_iou, boundary_reach, boundary_runs
from panoptic.errors import ShapeMismatch
from panoptic.runs import decode_runs, encode_runs
from tests.builders import id_map
from tests.panoptic import brute_force


@pytest.fixture(params=["numpy", "numba"])
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    if request.param == "numba":
        pytest.importorskip("numba", reason="the compiled kernels need numba")
    return importlib.import_module(f"panoptic.kernels.overlap_{request.param}")


def test_bands_are_two_percent_of_the_diagonal_wide():
    assert boundary_reach(480, 640) == 16
    assert boundary_reach(3, 4) == 1


def test_the_band_leaves_the_inside_void():
    runs = encode_runs(id_map("1111 1111 1111 1111"))
    assert np.array_equal(decode_runs(boundary_runs(runs, 1)), id_map("1111 1..1 1..1 1111"))


def test_each_segment_has_its_own_band():
    band = boundary_runs(encode_runs(id_map("111222 111222 111222")), 1)
    assert np.array_equal(decode_runs(band), id_map("111222 1.12.2 111222"))


def test_void_has_no_band():
    band = boundary_runs(encode_runs(id_map("..... .111. .111. .111. .....")), 1)
    assert np.array_equal(decode_runs(band), id_map("..... .111. .1.1. .111. ....."))


def test_boundary_iou_of_a_mask_with_itself_is_one():
    mask = encode_runs(id_map("11. 11."))
    assert boundary_iou(mask, mask) == 1.0


def test_boundary_iou_of_two_empty_masks_is_undefined():
    empty = encode_runs(id_map("..."))
    assert boundary_iou(empty, empty) is None


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(ShapeMismatch):
        boundary_iou(encode_runs(id_map("1")), encode_runs(id_map("11")))


def test_the_inside_does_not_count():
    whole, hollow = np.ones((20, 20), bool), np.ones((20, 20), bool)
    hollow[10, 10] = False
    iou = boundary_iou(encode_runs(whole), encode_runs(hollow))
    assert iou == brute_force.boundary_iou(whole, hollow)
    assert iou < (whole & hollow).sum() / (whole | hollow).sum()


def test_strips_give_the_same_band_as_the_whole(monkeypatch: pytest.MonkeyPatch):
    ids = np.random.default_rng(5).integers(0, 3, (12, 3)).repeat(5, 0).repeat(5, 1)
    runs = encode_runs(ids.astype(np.uint32))
    whole = boundary_runs(runs, 2)
    monkeypatch.setattr(boundary, "_STRIP_PIXELS", 1)
    assert boundary_runs(runs, 2) == whole


@pytest.mark.parametrize("reach", [1, 2, 3, 5])
def test_a_kernel_keeps_what_erosions_take_away(kernels: ModuleType, reach: int):
    ids = np.random.default_rng(reach).integers(0, 4, (4, 5)).astype(np.uint32)
    ids = ids.repeat(7, 0).repeat(5, 1)
    band = kernels.keep_band(ids, reach)
    for segment_id in (1, 2, 3):
        assert np.array_equal(band == segment_id, brute_force.band(ids == segment_id, reach))
    assert not band[ids == 0].any()


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 2**32), st.booleans()
)
def test_both_kernels_keep_the_same_band(height, width, reach, seed, is_coarse):
    overlap_numba = pytest.importorskip(
        "panoptic.kernels.overlap_numba", reason="the compiled kernels need numba"
    )
    overlap_numpy = importlib.import_module("panoptic.kernels.overlap_numpy")
    ids = np.random.default_rng(seed).integers(0, 3, (height, width)).astype(np.uint32)
    if is_coarse:
        ids = ids.repeat(4, 0).repeat(4, 1)
    plain, compiled = overlap_numpy.keep_band(ids, reach), overlap_numba.keep_band(ids, reach)
    assert np.array_equal(plain, compiled)
