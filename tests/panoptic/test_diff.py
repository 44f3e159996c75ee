import pickle

import numpy as np
import pytest

from panoptic.diff import (
    Change,
    ChangeKind,
    ClassFlow,
    DiffSummary,
    Kinds,
    LabelDiff,
    change_mask,
    diff_labels,
)
from panoptic.errors import ShapeMismatch
from panoptic.label import Label, Origin, Segment, label_from_id_map
from tests.builders import label, stack
from tests.panoptic.strategies import STUFF_IDS

CAR, PERSON, SKY = 1, 2, 3
KINDS = Kinds(STUFF_IDS)


def diff(old: Label, new: Label) -> LabelDiff:
    return diff_labels(old, new, kinds=KINDS)


def only_change(old: Label, new: Label) -> Change:
    (change,) = diff(old, new).changes
    return change


def ids(change: Change) -> tuple[list[int], list[int]]:
    return (
        [side.segment.segment_id for side in change.old],
        [side.segment.segment_id for side in change.new],
    )


def test_equal_labels_have_an_empty_diff():
    found = diff(label("112 ..2", {1: CAR, 2: SKY}), label("112 ..2", {1: CAR, 2: SKY}))
    assert not found
    assert found.changes == ()
    assert found.changed_pixels == found.hidden_pixels == 0


def test_a_new_segment_is_added():
    change = only_change(label("....", {}), label("..11", {1: CAR}))
    assert change.kind == ChangeKind.ADDED
    assert ids(change) == ([], [1])
    assert change.iou is None
    assert change.boundary_iou is None
    assert change.changed_pixels == 2
    assert change.box == (0, 2, 1, 4)


def test_a_segment_that_is_gone_is_removed():
    change = only_change(label("..11", {1: CAR}), label("....", {}))
    assert change.kind == ChangeKind.REMOVED
    assert ids(change) == ([1], [])


def test_the_same_id_elsewhere_is_removed_and_added():
    found = diff(label("11..", {1: CAR}), label("..11", {1: CAR}))
    assert [change.kind for change in found.changes] == [ChangeKind.ADDED, ChangeKind.REMOVED]


def test_another_mask_is_reshaped():
    change = only_change(label("111.", {1: CAR}), label("1111", {1: CAR}))
    assert change.kind == ChangeKind.RESHAPED
    assert change.iou == 0.75
    assert change.changed_pixels == 1
    assert (change.old[0].area, change.new[0].area) == (3, 4)


def test_another_class_is_reclassified():
    change = only_change(label("11", {1: CAR}), label("11", {1: PERSON}))
    assert change.kind == ChangeKind.RECLASSIFIED
    assert change.flags == {ChangeKind.RECLASSIFIED}
    assert change.changed_pixels == 2


def test_flags_name_all_that_holds():
    old = label("1111.", {1: CAR}, scores={1: 0.5})
    change = only_change(old, label("22222", {2: PERSON}))
    assert change.kind == ChangeKind.RECLASSIFIED
    assert change.flags == {
        ChangeKind.RECLASSIFIED,
        ChangeKind.RESHAPED,
        ChangeKind.ATTRIBUTES,
        ChangeKind.RENUMBERED,
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"crowds": {1}},
        {"track_ids": {1: 4}},
        {"scores": {1: 0.0}},
        {"origins": {1: Origin("net")}},
        {"attributes": {1: {"occluded": True}}},
    ],
)
def test_any_other_field_is_an_attribute(fields: dict):
    change = only_change(label("11", {1: CAR}), label("11", {1: CAR}, **fields))
    assert change.flags == {ChangeKind.ATTRIBUTES}
    assert change.changed_pixels == 0


def test_true_is_not_one():
    old = label("11", {1: CAR}, attributes={1: {"occluded": [True]}})
    new = label("11", {1: CAR}, attributes={1: {"occluded": [1]}})
    assert only_change(old, new).kind == ChangeKind.ATTRIBUTES


def test_a_new_id_alone_is_renumbered_and_changes_no_pixel():
    found = diff(label("11", {1: CAR}), label("22", {2: CAR}))
    assert [change.kind for change in found.changes] == [ChangeKind.RENUMBERED]
    assert found.changed_pixels == 0


def test_renumbered_twins_keep_their_places():
    old = stack("11", "22", classes={1: CAR, 2: CAR})
    new = stack("22", "33", classes={2: CAR, 3: CAR})
    found = diff(old, new)
    assert {(*ids(change)[0], *ids(change)[1]) for change in found.changes} == {(1, 2), (2, 3)}
    assert {change.kind for change in found.changes} == {ChangeKind.RENUMBERED}


def test_a_piece_that_got_an_id_of_its_own_is_split():
    change = only_change(label("111111", {1: CAR}), label("111122", {1: CAR, 2: CAR}))
    assert change.kind == ChangeKind.SPLIT
    assert change.flags == {ChangeKind.SPLIT, ChangeKind.RESHAPED}
    assert ids(change) == ([1], [1, 2])
    assert change.changed_pixels == 2


def test_a_segment_that_another_took_up_is_merged():
    change = only_change(label("111122", {1: CAR, 2: CAR}), label("111111", {1: CAR}))
    assert change.kind == ChangeKind.MERGED
    assert ids(change) == ([1, 2], [1])


def test_pieces_both_ways_are_neither_split_nor_merged_but_one_change():
    old = label("1111111.22", {1: CAR, 2: CAR})
    new = label("33.1111111", {1: CAR, 3: CAR})
    change = only_change(old, new)
    assert ids(change) == ([1, 2], [1, 3])
    assert change.kind == ChangeKind.RESHAPED
    assert change.flags == {ChangeKind.RESHAPED}


def test_stuff_that_lost_pixels_to_a_new_thing_is_reshaped_too():
    found = diff(label("3333", {3: SKY}), label("3311", {3: SKY, 1: CAR}))
    assert [(c.kind, c.changed_pixels) for c in found.changes] == [
        (ChangeKind.ADDED, 2),
        (ChangeKind.RESHAPED, 2),
    ]
    assert found.changed_pixels == 2


def test_what_appears_behind_a_removed_segment_is_no_change_of_its_own():
    old = stack("3333", ".11.", classes={3: SKY, 1: CAR})
    found = diff(old, stack("3333", classes={3: SKY}))
    assert [(c.kind, c.changed_pixels) for c in found.changes] == [(ChangeKind.REMOVED, 2)]


def test_another_painting_order_reshapes_both_segments():
    old = stack("11.", ".22", classes={1: CAR, 2: PERSON})
    new = stack(".22", "11.", classes={1: CAR, 2: PERSON})
    found = diff(old, new)
    assert [(c.kind, c.iou, c.changed_pixels) for c in found.changes] == [
        (ChangeKind.RESHAPED, 1.0, 1),
        (ChangeKind.RESHAPED, 1.0, 1),
    ]
    assert found.changed_pixels == 1


def test_another_order_under_a_third_segment_is_hidden():
    classes = {1: CAR, 2: PERSON, 3: SKY}
    old = stack("11.", ".22", ".3.", classes=classes)
    new = stack(".22", "11.", ".3.", classes=classes)
    found = diff(old, new)
    assert (found.changed_pixels, found.hidden_pixels) == (0, 1)
    assert {tuple(ids(change)[0]) for change in found.changes} == {(1,), (2,)}


def test_a_mask_that_grows_under_another_changes_hidden_pixels_only():
    old = stack("11..", "..33", classes={1: CAR, 3: SKY})
    new = stack("111.", "..33", classes={1: CAR, 3: SKY})
    found = diff(old, new)
    assert (found.changed_pixels, found.hidden_pixels) == (0, 1)
    assert found.changes[0].changed_pixels == 0


def test_moving_up_a_layer_alone_is_no_change():
    old = stack("11..", "..22", classes={1: CAR, 2: PERSON})
    new = stack("11..", ".333", "..22", classes={1: CAR, 2: PERSON, 3: SKY})
    assert [change.kind for change in diff(old, new).changes] == [ChangeKind.ADDED]


def test_void_is_an_owner():
    assert diff(label("11..", {1: CAR}), label("1...", {1: CAR})).changed_pixels == 1


def test_labels_of_two_sizes_are_all_removed_and_all_added():
    old, new = label("11.", {1: CAR}), label("11 22", {1: CAR, 2: SKY})
    found = diff(old, new)
    assert found.resized
    assert found.counts[ChangeKind.REMOVED] == 1
    assert found.counts[ChangeKind.ADDED] == 2
    assert found.changed_pixels == found.total_pixels == 4
    assert found.flow.pixels_of_old(CAR) == found.flow.pixels_of_new(CAR) == 2
    with pytest.raises(ShapeMismatch):
        change_mask(old, new, found)


def test_resized_empty_labels_still_differ():
    assert diff(label("..", {}), label("...", {}))


def test_flow_counts_pixels_and_segments_between_classes():
    old = label("1122.", {1: CAR, 2: PERSON})
    new = label("11133", {1: CAR, 3: SKY})
    assert list(diff(old, new).flow) == [
        (0, SKY, 1, 1),
        (CAR, CAR, 2, 1),
        (PERSON, 0, 0, 1),
        (PERSON, CAR, 1, 0),
        (PERSON, SKY, 1, 0),
    ]


def test_flows_add_up():
    once = diff(label("12", {1: CAR, 2: SKY}), label("11", {1: CAR})).flow
    assert list(once + once) == [(o, n, 2 * p, 2 * s) for o, n, p, s in once]


def test_flow_survives_json():
    flow = diff(label("12", {1: CAR, 2: SKY}), label("11", {1: CAR})).flow
    assert ClassFlow.from_dict(flow.to_dict()) == flow


def test_summaries_add_up_and_survive_json():
    one = diff(label("11", {1: CAR}), label("12", {1: CAR, 2: SKY})).summary()
    both = one + diff(label("11", {1: CAR}), label("1", {1: CAR})).summary()
    assert (both.images, both.resized, both.total_pixels) == (2, 1, 4)
    assert both.changes[ChangeKind.ADDED] == 2
    assert DiffSummary.from_dict(both.to_dict()) == both
    assert DiffSummary() + one == one


def test_boundary_iou_looks_at_the_full_masks():
    old = stack("11111", "22222", classes={1: CAR, 2: PERSON})
    new = stack("1111.", "22222", classes={1: CAR, 2: PERSON})
    assert only_change(old, new).boundary_iou == 0.8


def test_a_diff_can_be_pickled():
    found = diff(label("11.", {1: CAR}), label("122", {1: CAR, 2: SKY}))
    assert pickle.loads(pickle.dumps(found)) == found


def test_one_wrong_pixel_on_a_thousand_segments_is_one_pair_of_changes():
    plane = np.arange(1, 1001, dtype=np.uint32).reshape(40, 25).repeat(3, 0).repeat(3, 1)
    edited = plane.copy()
    edited[0, 2] = plane[0, 3]
    classes = dict.fromkeys(range(1, 1001), CAR)
    found = diff(_partition(plane, classes), _partition(edited, classes))
    assert {tuple(ids(change)[0]) for change in found.changes} == {(1,), (2,)}


def test_the_worked_example_of_the_guide():
    sky, car, person, bus = 1, 2, 3, 4
    old = label("1111111111 2222223311 22222233.. 444.......", {1: sky, 2: car, 3: person, 4: car})
    new = label(
        "1111111111 2222553331 22225533.. 444....666",
        {1: sky, 2: car, 5: car, 3: person, 4: bus, 6: person},
    )
    found = diff_labels(old, new, kinds=Kinds(frozenset({sky})))
    assert [
        (change.kind.value, *ids(change), change.changed_pixels) for change in found.changes
    ] == [
        ("split", [2], [2, 5], 4),
        ("added", [], [6], 3),
        ("reclassified", [4], [4], 3),
        ("reshaped", [1], [1], 1),
        ("reshaped", [3], [3], 1),
    ]
    assert found.changed_pixels == 11
    assert list(found.flow) == [
        (0, 0, 6, 0),
        (0, car, 0, 1),
        (0, person, 3, 1),
        (sky, sky, 11, 1),
        (sky, person, 1, 0),
        (car, car, 12, 1),
        (car, bus, 3, 1),
        (person, person, 4, 1),
    ]


def _partition(plane: np.ndarray, classes: dict[int, int]) -> Label:
    return label_from_id_map(plane, [Segment(i, c) for i, c in classes.items()])
