import pickle

import pytest
from hypothesis import given

from panoptic.diff import Kinds, apply_diff, diff_labels
from panoptic.label import Label, empty_label
from panoptic.label_bytes import label_digest
from panoptic.patch import Patch, PatchDoesNotFit, apply_patch, make_patch
from tests.builders import label, stack
from tests.panoptic.strategies import label_pairs, layered_labels


def test_a_patch_of_equal_labels_holds_nothing():
    one = stack("11", ".2", classes={1: 7, 2: 8})
    patch = make_patch(one, one)
    assert patch.old.rows == patch.new.rows == ()
    assert [len(edits) for edits in patch.layers] == [0, 0]
    assert apply_patch(one, patch) == one


def test_a_patch_holds_only_the_rows_and_pixels_that_differ():
    patch = make_patch(label("1122", {1: 7, 2: 8}), label("1112", {1: 7, 2: 9}))
    assert [row.segment_id for row in patch.old.rows] == [2]
    (edits,) = patch.layers
    assert (edits.starts.tolist(), edits.lengths.tolist()) == ([2], [1])
    assert (edits.old_ids.tolist(), edits.new_ids.tolist()) == ([2], [1])


def test_a_swapped_painting_order_is_carried_over():
    old = stack("11.", ".22", classes={1: 7, 2: 8})
    new = stack(".22", "11.", classes={1: 7, 2: 8})
    assert apply_patch(old, make_patch(old, new)) == new


def test_layers_appear_and_vanish():
    flat, deep = label("11", {1: 7}), stack("11", ".2", "..", classes={1: 7, 2: 8})
    assert apply_patch(flat, make_patch(flat, deep)) == deep
    assert apply_patch(deep, make_patch(deep, flat)) == flat
    assert apply_patch(flat, make_patch(flat, empty_label(1, 2))) == empty_label(1, 2)


def test_a_label_of_another_size_is_replaced_whole():
    old, new = label("11", {1: 7}), stack("11 1.", ".2 ..", classes={1: 7, 2: 8})
    patch = make_patch(old, new)
    assert apply_patch(old, patch) == new
    assert apply_patch(new, ~patch) == old


def test_another_label_than_the_old_one_is_refused_by_its_segment():
    patch = make_patch(label("12", {1: 7, 2: 8}), label("11", {1: 7}))
    with pytest.raises(PatchDoesNotFit, match="segment 2 is not as it was"):
        apply_patch(label("12", {1: 7, 2: 9}), patch)


def test_a_label_of_another_size_is_refused():
    patch = make_patch(label("12", {1: 7, 2: 8}), label("11", {1: 7}))
    with pytest.raises(PatchDoesNotFit, match="1 × 3 pixels, not 1 × 2"):
        apply_patch(label("122", {1: 7, 2: 8}), patch)


def test_a_label_that_differs_where_the_patch_does_not_touch_it_is_refused():
    patch = make_patch(label("123", {1: 7, 2: 8, 3: 9}), label("113", {1: 7, 3: 9}))
    with pytest.raises(PatchDoesNotFit) as caught:
        apply_patch(label("12.", {1: 7, 2: 8}), patch)
    assert caught.value.code == "patch_does_not_fit"
    assert caught.value.expected == patch.old.digest


def test_the_refusal_can_be_pickled():
    error = PatchDoesNotFit("no", expected=b"\1" * 32, actual=b"\2" * 32)
    assert pickle.loads(pickle.dumps(error)).actual == b"\2" * 32


def test_a_diff_applied_to_its_new_side_is_refused():
    old, new = label("12", {1: 7, 2: 8}), label("11", {1: 7})
    with pytest.raises(PatchDoesNotFit):
        apply_diff(new, diff_labels(old, new, kinds=Kinds()))


def _reach(patch: Patch, start: Label, end: Label) -> bool:
    return label_digest(apply_patch(start, patch)) == label_digest(end)


@given(label_pairs())
def test_a_patch_leads_there_and_back_bit_for_bit(pair: tuple[Label, Label]):
    old, new = pair
    patch = make_patch(old, new)
    assert _reach(patch, old, new)
    assert _reach(~patch, new, old)


@given(layered_labels(), layered_labels())
def test_a_patch_between_any_sizes_leads_there_and_back(old: Label, new: Label):
    patch = make_patch(old, new)
    assert _reach(patch, old, new)
    assert _reach(~patch, new, old)
