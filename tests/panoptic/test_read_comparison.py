"""Diff and quality of labels that a reading derived, against brute force."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from panoptic.diff import ChangeKind, Kinds, LabelDiff, apply_diff, change_mask, diff_labels
from panoptic.errors import MalformedLabel
from panoptic.flow import flow_of_counts
from panoptic.label import Label, count_classes, label_from_id_map, measure_label, renumber
from panoptic.matching import match_by_place
from panoptic.metrics import (
    boundary_quality,
    boundary_tally_of_counts,
    panoptic_quality,
    panoptic_tally_of_counts,
    semantic_quality,
    semantic_tally_of_counts,
    semantic_tally_of_flow,
)
from panoptic.reading import LabelReading, read_label
from panoptic.runs import decode_runs
from panoptic.views import ClassMap
from tests.builders import label, stack
from tests.panoptic import brute_force
from tests.panoptic.strategies import STUFF_IDS, label_pairs, layered_labels, readings
from tests.panoptic.twins import law, twin  # noqa: F401

pytestmark = pytest.mark.usefixtures("twin")

CAR, BUS, SKY, ROAD = 1, 2, 3, 4
KINDS = Kinds(STUFF_IDS)
NO_BUSES = LabelReading(ClassMap.from_mapping({CAR: CAR, BUS: 0, SKY: SKY, ROAD: ROAD}), KINDS)
ONE_GROUND = LabelReading(ClassMap.from_mapping({CAR: CAR, SKY: SKY, ROAD: SKY}), KINDS)


class ReadPair(NamedTuple):
    """Two labels read under one taxonomy."""

    old: Label
    new: Label
    kinds: Kinds

    def diff(self) -> LabelDiff:
        return diff_labels(self.old, self.new, kinds=self.kinds)


@st.composite
def read_pairs(draw: Any) -> ReadPair:
    old, new = draw(label_pairs())
    given = draw(readings())
    return ReadPair(read_label(old, given), read_label(new, given), given.kinds)


def ids(sides: tuple) -> list[int]:
    return [side.segment.segment_id for side in sides]


@law
@given(read_pairs())
def test_the_inverse_is_the_diff_of_swapped_sides(pair: ReadPair):
    assert ~pair.diff() == diff_labels(pair.new, pair.old, kinds=pair.kinds)


@law
@given(read_pairs())
def test_changed_and_hidden_pixels_are_those_of_their_stacks(pair: ReadPair):
    old, new, kinds = pair
    assume(match_by_place(old, new, measure_label(old).areas) is None)
    found = pair.diff()
    changed, hidden = brute_force.changed_and_hidden(
        old, new, brute_force.match(old, new, kinds.stuff)
    )
    assert (found.changed_pixels, found.hidden_pixels) == (int(changed.sum()), hidden)
    assert np.array_equal(decode_runs(change_mask(old, new, found)), changed)


@law
@given(read_pairs())
def test_every_changed_pixel_belongs_to_a_change(pair: ReadPair):
    old, new, _ = pair
    found = pair.diff()
    mask = decode_runs(change_mask(old, new, found)).astype(bool)
    views = brute_force.view_of(old), brute_force.view_of(new)
    covered = np.zeros(old.shape, bool)
    for change in found.changes:
        owned = np.isin(views[0], ids(change.old)) | np.isin(views[1], ids(change.new))
        assert int((mask & owned).sum()) == change.changed_pixels
        covered |= mask & owned
    assert np.array_equal(covered, mask)
    assert bool(found) >= mask.any()


@law
@given(read_pairs())
def test_each_segment_is_in_at_most_one_change(pair: ReadPair):
    changes = pair.diff().changes
    for sides in ([ids(change.old) for change in changes], [ids(change.new) for change in changes]):
        assert max(Counter(i for group in sides for i in group).values(), default=1) == 1


@law
@given(read_pairs())
def test_flow_is_that_of_the_views_and_sums_to_the_counts(pair: ReadPair):
    flow = pair.diff().flow
    counted = {(row.old_class, row.new_class): row.pixels for row in flow if row.pixels}
    assert counted == dict(brute_force.pixel_flow(pair.old, pair.new))
    counts = count_classes(pair.new)
    classes = counts.class_ids.tolist()
    assert [flow.pixels_of_new(c) for c in classes] == counts.pixels.tolist()
    assert [flow.segments_of_new(c) for c in classes] == counts.segments.tolist()
    assert semantic_tally_of_flow(flow) == semantic_quality(pair.old, pair.new)


@law
@given(layered_labels(), readings())
def test_a_read_label_agrees_with_itself(stored: Label, given: LabelReading):
    one, same = read_label(stored, given), read_label(stored, given)
    found = diff_labels(one, same, kinds=given.kinds)
    counts = count_classes(one)
    assert not found
    assert found.flow == flow_of_counts(counts)
    assert panoptic_quality(one, same, given.kinds) == panoptic_tally_of_counts(counts, given.kinds)
    assert semantic_quality(one, same) == semantic_tally_of_counts(counts)
    assert boundary_quality(one, same) == boundary_tally_of_counts(counts)


@law
@given(layered_labels(), readings())
def test_other_ids_alone_are_a_renumbering(stored: Label, given: LabelReading):
    shifted = list(range(20, 20 + len(stored.segments)))
    one = read_label(stored, given)
    other = read_label(renumber(stored, stored.segments.ids, shifted), given)
    found = diff_labels(one, other, kinds=given.kinds)
    assert {change.kind for change in found.changes} <= {ChangeKind.RENUMBERED}
    assert found.changed_pixels == found.hidden_pixels == 0


@law
@given(read_pairs())
def test_panoptic_quality_is_that_of_the_pixels(pair: ReadPair):
    flat = [_flatten(one) for one in pair[:2]]
    assume([len(one.segments) for one in flat] == [len(one.segments) for one in pair[:2]])
    expected = brute_force.panoptic_counts(*flat)
    tally = panoptic_quality(*pair)
    assert {c: list(t[:3]) for c, t in tally.classes.items()} == {
        c: numbers[:3] for c, numbers in expected.items()
    }
    for class_id, numbers in expected.items():
        assert tally.classes[class_id].iou_sum == pytest.approx(numbers[3], abs=1e-9)
    assert boundary_quality(*pair[:2]) == boundary_quality(*flat)


@law
@given(read_pairs())
def test_what_one_counts_of_a_diff_is_json(pair: ReadPair):
    summary = pair.diff().summary().to_dict()
    assert json.loads(json.dumps(summary)) == summary


def test_a_segment_that_void_uncovers_is_reshaped():
    old = read_label(stack("1111", "..22", classes={1: CAR, 2: BUS}), NO_BUSES)
    new = read_label(label("1111", {1: CAR}), NO_BUSES)
    found = diff_labels(old, new, kinds=KINDS)
    (change,) = found.changes
    assert (change.kind, change.iou, change.changed_pixels) == (ChangeKind.RESHAPED, 1.0, 2)
    assert (found.changed_pixels, found.hidden_pixels) == (2, 0)
    assert decode_runs(change_mask(old, new, found)).tolist() == [[0, 0, 1, 1]]


def test_what_changes_below_void_is_hidden():
    old = read_label(stack("111.", ".222", classes={1: CAR, 2: BUS}), NO_BUSES)
    new = read_label(stack("11..", ".222", classes={1: CAR, 2: BUS}), NO_BUSES)
    found = diff_labels(old, new, kinds=KINDS)
    assert (found.changed_pixels, found.hidden_pixels) == (0, 1)


def test_a_car_is_not_reshaped_because_ground_is_joined_elsewhere():
    drawn = {"classes": {1: SKY, 2: CAR, 3: ROAD, 4: CAR}}
    old = read_label(stack("11....", ".222..", "...33.", ".....4", **drawn), ONE_GROUND)
    new = read_label(stack(".222..", "...33.", ".....4", classes={2: 1, 3: 4, 4: 1}), ONE_GROUND)
    assert old.painted is not None
    assert new.painted is None
    changed = {i for change in diff_labels(old, new, kinds=KINDS).changes for i in ids(change.new)}
    assert changed == {3}


def test_labels_that_void_hides_otherwise_do_not_differ_in_ids_alone():
    left, right = (
        read_label(stack("1111", buses, classes={1: CAR, 2: BUS}), NO_BUSES)
        for buses in ("22..", "..22")
    )
    areas = measure_label(left).areas
    assert left.layers == right.layers
    assert match_by_place(left, right, areas) is None
    assert match_by_place(left, label("1111", {1: CAR}), areas) is None
    renumbered = renumber(left, [1], [7])
    assert match_by_place(left, renumbered, areas) is not None


def test_a_diff_with_a_label_that_has_no_order_has_no_patch():
    stored = stack("1111", "..22", classes={1: CAR, 2: BUS})
    read = read_label(stored, NO_BUSES)
    found = diff_labels(stored, read, kinds=KINDS)
    with pytest.raises(MalformedLabel, match="no patch"):
        apply_diff(stored, found)
    with pytest.raises(MalformedLabel, match="no patch"):
        apply_diff(read, ~found)


def _flatten(one: Label) -> Label:
    view = brute_force.view_of(one)
    present = set(view.ravel().tolist())
    return label_from_id_map(view, [row for row in one.segments if row.segment_id in present])
