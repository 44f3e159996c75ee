import importlib
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.errors import ShapeMismatch
from panoptic.kernels import overlap_numpy
from panoptic.label import Label
from panoptic.overlaps import Overlaps, count_overlaps, cut_cells, overlap_masks
from panoptic.runs import encode_runs
from tests.builders import id_map, label, stack
from tests.panoptic.brute_force import full_masks
from tests.panoptic.strategies import label_pairs


@pytest.fixture(params=["numpy", "numba"])
def kernels(request: pytest.FixtureRequest) -> ModuleType:
    if request.param == "numba":
        pytest.importorskip("numba", reason="the compiled kernels need numba")
    return importlib.import_module(f"panoptic.kernels.overlap_{request.param}")


def planes(first: str, second: str) -> tuple[np.ndarray, ...]:
    runs = encode_runs(id_map(first)), encode_runs(id_map(second))
    return runs[0].values, runs[0].lengths, runs[1].values, runs[1].lengths


def by_pair(keys: np.ndarray, pixels: np.ndarray) -> dict[tuple[int, int], int]:
    return {(int(k) >> 32, int(k) & 0xFFFFFFFF): int(p) for k, p in zip(keys, pixels, strict=True)}


def test_every_pair_of_ids_is_counted_void_too():
    overlaps = count_overlaps(
        encode_runs(id_map("112 112 ..2")), encode_runs(id_map("122 122 .22"))
    )
    assert overlaps.as_dict() == {(0, 0): 1, (0, 2): 1, (1, 1): 2, (1, 2): 2, (2, 2): 3}


def test_overlaps_are_sorted_by_pair():
    overlaps = count_overlaps(encode_runs(id_map("9 1 1")), encode_runs(id_map("3 8 2")))
    assert overlaps.old_ids.tolist() == [1, 1, 9]
    assert overlaps.new_ids.tolist() == [2, 8, 3]


def test_maps_of_two_sizes_are_refused():
    with pytest.raises(ShapeMismatch, match=r"\(2, 3\), got \(3, 2\)"):
        count_overlaps(encode_runs(id_map("111 111")), encode_runs(id_map("11 11 11")))


def test_swapped_overlaps_are_those_of_swapped_maps():
    a, b = encode_runs(id_map("1122 3.22")), encode_runs(id_map("1322 31.2"))
    assert ~count_overlaps(a, b) == count_overlaps(b, a)


def test_full_masks_overlap_where_views_do_not():
    old = stack("11.", ".2.", classes={1: 1, 2: 1})
    new = stack("11.", classes={1: 1})
    assert overlap_masks(old, new).as_dict() == {(1, 1): 2, (2, 1): 1}


def test_a_label_without_segments_is_one_cell():
    empty, full = label("..", {}), label("11", {1: 1})
    cells = cut_cells(empty, full)
    assert cells.old_stacks.tolist() == [[-1]]
    assert cells.new_stacks.tolist() == [[0]]
    assert cells.pixels.tolist() == [2]


def test_cells_name_the_whole_stack_from_the_bottom():
    old = stack("11", ".2", ".3", classes={1: 1, 2: 1, 3: 1})
    cells = cut_cells(old, old)
    assert sorted(cells.old_stacks.tolist()) == [[0, -1, -1], [0, 1, 2]]


@given(label_pairs())
def test_overlaps_of_full_masks_are_those_of_their_pixels(pair: tuple[Label, Label]):
    old, new = pair
    expected = {
        (o, n): int((a & b).sum())
        for o, a in full_masks(old).items()
        for n, b in full_masks(new).items()
        if (a & b).any()
    }
    assert overlap_masks(old, new).as_dict() == expected


def test_a_kernel_counts_pairs(kernels: ModuleType):
    counted = by_pair(*kernels.count_pairs(*planes("1122 1122", "1112 3332")))
    assert counted == {(1, 1): 2, (2, 1): 1, (2, 2): 2, (1, 3): 2, (2, 3): 1}


def test_a_kernel_keeps_counting_when_pairs_outgrow_its_table(kernels: ModuleType):
    ids = np.arange(1, 5001, dtype=np.uint32)
    once = np.ones(5000, np.int64)
    keys, pixels = kernels.count_pairs(ids, once, ids[::-1].copy(), once)
    assert keys.size == 5000
    assert (pixels == 1).all()
    assert by_pair(keys, pixels)[1, 5000] == 1


def test_a_kernel_numbers_stacks_from_the_void(kernels: ModuleType):
    keys, numbers, lengths = kernels.number_pairs(*planes("111 ...", "1.. ..2"))
    stacks = {number: (int(key) >> 32, int(key) & 0xFFFFFFFF) for number, key in enumerate(keys)}
    assert stacks[0] == (0, 0)
    assert [stacks[number] for number in numbers.tolist()] == [(1, 1), (1, 0), (0, 0), (0, 2)]
    assert lengths.tolist() == [1, 2, 2, 1]


def test_the_void_stack_has_number_0_where_no_pixel_is_void(kernels: ModuleType):
    keys, numbers, _ = kernels.number_pairs(*planes("11", "12"))
    assert keys[0] == 0
    assert 0 not in numbers.tolist()


def test_a_kernel_numbers_more_stacks_than_its_first_table_holds(kernels: ModuleType):
    ids = np.arange(1, 3001, dtype=np.uint32)
    once = np.ones(3000, np.int64)
    keys, numbers, lengths = kernels.number_pairs(ids, once, ids, once)
    assert np.array_equal(keys[numbers] >> np.uint64(32), ids.astype(np.uint64))
    assert lengths.tolist() == once.tolist()


_COLUMNS = st.integers(0, 3)


@given(st.lists(st.tuples(_COLUMNS, _COLUMNS), min_size=1, max_size=30))
def test_both_kernels_count_and_number_alike(pixels: list[tuple[int, int]]):
    overlap_numba = pytest.importorskip(
        "panoptic.kernels.overlap_numba", reason="the compiled kernels need numba"
    )
    a = encode_runs(np.array([[a for a, _ in pixels]], np.uint32))
    b = encode_runs(np.array([[b for _, b in pixels]], np.uint32))
    args = a.values, a.lengths, b.values, b.lengths
    assert by_pair(*overlap_numba.count_pairs(*args)) == by_pair(*overlap_numpy.count_pairs(*args))
    plain, compiled = overlap_numpy.number_pairs(*args), overlap_numba.number_pairs(*args)
    assert plain[0][plain[1]].tolist() == compiled[0][compiled[1]].tolist()
    assert plain[2].tolist() == compiled[2].tolist()


def test_overlaps_compare_by_content():
    a = encode_runs(id_map("12"))
    assert count_overlaps(a, a) == count_overlaps(a, a)
    assert count_overlaps(a, a) != Overlaps(*(np.zeros(0, np.int64),) * 3)
