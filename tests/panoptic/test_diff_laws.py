"""Laws of the diff on random layered labels, and what it says against brute force."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given

from panoptic.diff import Change, ChangeKind, Kinds, LabelDiff, apply_diff, change_mask, diff_labels
from panoptic.flow import flow_of_counts
from panoptic.label import Label, count_classes, renumber
from panoptic.label_bytes import label_digest, shape_digest
from panoptic.runs import decode_runs
from tests.panoptic import brute_force
from tests.panoptic.strategies import STUFF_IDS, label_pairs, layered_labels

KINDS = Kinds(STUFF_IDS)


def diff(old: Label, new: Label) -> LabelDiff:
    return diff_labels(old, new, kinds=KINDS)


def ids(change: Change) -> tuple[list[int], list[int]]:
    return (
        [side.segment.segment_id for side in change.old],
        [side.segment.segment_id for side in change.new],
    )


@given(label_pairs())
def test_the_inverse_is_the_diff_of_swapped_sides(pair: tuple[Label, Label]):
    old, new = pair
    assert ~diff(old, new) == diff(new, old)


@given(label_pairs())
def test_a_diff_leads_from_old_to_new_and_back(pair: tuple[Label, Label]):
    old, new = pair
    found = diff(old, new)
    there, back = apply_diff(old, found), apply_diff(new, ~found)
    assert (label_digest(there), label_digest(back)) == (label_digest(new), label_digest(old))


@given(layered_labels(), layered_labels())
def test_labels_of_any_sizes_have_a_diff_that_inverts(old: Label, new: Label):
    found = diff(old, new)
    assert apply_diff(old, found) == new
    assert ~found == diff(new, old)


@given(label_pairs())
def test_each_segment_is_in_at_most_one_change(pair: tuple[Label, Label]):
    changes = diff(*pair).changes
    for sides in ([ids(change)[0] for change in changes], [ids(change)[1] for change in changes]):
        assert max(Counter(i for group in sides for i in group).values(), default=1) == 1


@given(label_pairs())
def test_segments_in_no_change_are_equal_in_both_labels(pair: tuple[Label, Label]):
    old, new = pair
    changes = diff(old, new).changes
    untouched = set(old.segments.ids.tolist()) - {i for c in changes for i in ids(c)[0]}
    assert untouched == set(new.segments.ids.tolist()) - {i for c in changes for i in ids(c)[1]}
    masks = brute_force.full_masks(old), brute_force.full_masks(new)
    for segment_id in untouched:
        assert old.segments.row(segment_id) == new.segments.row(segment_id)
        assert (masks[0][segment_id] == masks[1][segment_id]).all()


@given(label_pairs())
def test_changed_and_hidden_pixels_are_those_of_their_stacks(pair: tuple[Label, Label]):
    old, new = pair
    assume(shape_digest(old) != shape_digest(new))  # those are matched by their place
    found = diff(old, new)
    changed, hidden = brute_force.changed_and_hidden(
        old, new, brute_force.match(old, new, STUFF_IDS)
    )
    assert (found.changed_pixels, found.hidden_pixels) == (int(changed.sum()), hidden)
    assert np.array_equal(decode_runs(change_mask(old, new, found)), changed)


@given(label_pairs())
def test_every_changed_pixel_belongs_to_a_change(pair: tuple[Label, Label]):
    old, new = pair
    found = diff(old, new)
    mask = decode_runs(change_mask(old, new, found)).astype(bool)
    views = brute_force.view_of(old), brute_force.view_of(new)
    covered = np.zeros(old.shape, bool)
    for change in found.changes:
        touched = mask & (np.isin(views[0], ids(change)[0]) | np.isin(views[1], ids(change)[1]))
        assert int(touched.sum()) == change.changed_pixels
        covered |= touched
    assert np.array_equal(covered, mask)


@given(label_pairs())
def test_flow_of_pixels_is_that_of_the_semantic_views(pair: tuple[Label, Label]):
    flow = diff(*pair).flow
    counted = {(row.old_class, row.new_class): row.pixels for row in flow if row.pixels}
    assert counted == dict(brute_force.pixel_flow(*pair))


@given(label_pairs())
def test_sums_of_the_flow_are_the_counts_of_either_side(pair: tuple[Label, Label]):
    flow = diff(*pair).flow
    for side, pixels_of, segments_of in (
        (pair[0], flow.pixels_of_old, flow.segments_of_old),
        (pair[1], flow.pixels_of_new, flow.segments_of_new),
    ):
        counts = count_classes(side)
        assert [pixels_of(c) for c in counts.class_ids.tolist()] == counts.pixels.tolist()
        assert [segments_of(c) for c in counts.class_ids.tolist()] == counts.segments.tolist()
        assert pixels_of(0) == counts.void_pixels


@given(layered_labels())
def test_a_label_has_an_empty_diff_with_itself(one: Label):
    found = diff(one, one)
    assert not found
    assert found.flow == flow_of_counts(count_classes(one))


@given(layered_labels())
def test_equal_shapes_under_other_ids_are_renumbered_and_nothing_else(one: Label):
    shifted = [i % (2**24 - 1) + 1 for i in one.segments.ids.tolist()]
    other = renumber(one, one.segments.ids, shifted)
    assert shape_digest(one) == shape_digest(other)
    found = diff(one, other)
    assert {change.kind for change in found.changes} <= {ChangeKind.RENUMBERED}
    assert found.changed_pixels == found.hidden_pixels == 0


@given(label_pairs())
def test_measures_of_each_change_are_those_of_its_masks(pair: tuple[Label, Label]):
    old, new = pair
    masks = brute_force.full_masks(old), brute_force.full_masks(new)
    for change in diff(old, new).changes:
        rows, columns = np.nonzero(
            np.logical_or.reduce([masks[side][i] for side in (0, 1) for i in ids(change)[side]])
        )
        assert change.box == (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
        if change.is_pair:
            a, b = masks[0][ids(change)[0][0]], masks[1][ids(change)[1][0]]
            assert change.iou == pytest.approx((a & b).sum() / (a | b).sum())
            assert change.boundary_iou == pytest.approx(brute_force.boundary_iou(a, b))
