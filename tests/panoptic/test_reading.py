"""Labels as a taxonomy reads them, against brute force on random layered labels."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.codec import encode_label, pack_label
from panoptic.errors import MalformedLabel, UnknownClass
from panoptic.kinds import ALL_THINGS, Kinds
from panoptic.label import (
    Label,
    Origin,
    Segment,
    count_classes,
    measure_label,
    renumber,
    replace_segments,
    spans_of,
)
from panoptic.label_bytes import canonical_bytes, label_digest, parse_canonical, shape_digest
from panoptic.label_checks import check_label
from panoptic.reading import LabelReading, find_dropped_fields, read_label
from panoptic.runs import decode_runs
from panoptic.views import ClassMap, instances, panoptic_runs, semantic_runs
from tests.builders import label, stack
from tests.panoptic import brute_force
from tests.panoptic.strategies import CLASS_IDS, LIVE_STUFF_IDS, STUFF_IDS, layered_labels, readings
from tests.panoptic.twins import law, twin  # noqa: F401

pytestmark = pytest.mark.usefixtures("twin")

SKY, ROAD, CAR, BUS, CROWD = 3, 4, 1, 2, 5
KINDS = Kinds(LIVE_STUFF_IDS)


def reading(changed: dict[int, int], crowd_ids: frozenset[int] = STUFF_IDS) -> LabelReading:
    live = {class_id: class_id for class_id in CLASS_IDS} | changed
    return LabelReading(ClassMap.from_mapping(live), KINDS, crowd_ids)


def live_of(given: LabelReading) -> dict[int, int]:
    keys, values = given.class_map.keys.tolist(), given.class_map.values.tolist()
    return {0: 0} | dict(zip(keys, values, strict=True))


def roots_of(stored: Label, given: LabelReading) -> dict[int, int]:
    return brute_force.read_roots(
        stored, live_of(given), set(given.kinds.stuff), set(given.crowd_ids)
    )


def view_of(read: Label) -> list[list[int]]:
    return decode_runs(panoptic_runs(read)).tolist()


def mask_of(read: Label, segment_id: int) -> list[list[bool]]:
    return brute_force.full_masks(read)[segment_id].tolist()


@law
@given(layered_labels(), readings())
def test_every_pixel_shows_what_it_showed(stored: Label, given: LabelReading):
    roots = {0: 0} | roots_of(stored, given)
    expected = np.vectorize(roots.get, otypes=[np.uint32])(brute_force.view_of(stored))
    assert np.array_equal(decode_runs(panoptic_runs(read_label(stored, given))), expected)


@law
@given(layered_labels(), readings())
def test_the_semantic_view_is_the_relabelled_one(stored: Label, given: LabelReading):
    classes = {0: 0} | {row.segment_id: row.class_id for row in stored.segments}
    pixels = brute_force.view_of(stored)
    expected = [[live_of(given)[classes[i]] for i in row] for row in pixels.tolist()]
    assert decode_runs(semantic_runs(read_label(stored, given))).tolist() == expected
    assert semantic_runs(stored, given.class_map) == semantic_runs(read_label(stored, given))


@law
@given(layered_labels(), readings())
def test_full_masks_are_the_unions_of_the_stored_ones(stored: Label, given: LabelReading):
    expected: dict[int, np.ndarray] = {}
    masks = brute_force.full_masks(stored)
    for segment_id, root in roots_of(stored, given).items():
        if root:
            expected[root] = expected.get(root, False) | masks[segment_id]
    found = brute_force.full_masks(read_label(stored, given))
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[i], expected[i]) for i in found)


@law
@given(layered_labels(), readings())
def test_what_is_hidden_lies_in_the_order_in_which_it_lay(stored: Label, given: LabelReading):
    expected = brute_force.read_stacks(stored, roots_of(stored, given))
    assert brute_force.stacks_of(read_label(stored, given)) == expected


@law
@given(layered_labels(), readings())
def test_things_keep_their_rows_and_their_masks(stored: Label, given: LabelReading):
    read = read_label(stored, given)
    masks, read_masks = spans_of(stored), spans_of(read)
    live = live_of(given)
    for row in stored.segments:
        class_id = live[row.class_id]
        if class_id and class_id not in given.kinds.stuff and row.class_id not in STUFF_IDS:
            assert read.segments.row(row.segment_id) == row._replace(class_id=class_id)
            assert np.array_equal(read_masks[row.segment_id], masks[row.segment_id])


@law
@given(layered_labels(), readings())
def test_an_image_has_one_segment_of_a_stuff_class_and_no_crowd_of_it(
    stored: Label, given: LabelReading
):
    rows = [row for row in read_label(stored, given).segments if row.class_id in given.kinds.stuff]
    assert len({row.class_id for row in rows}) == len(rows)
    assert not any(row.crowd for row in rows)


@law
@given(layered_labels(), readings())
def test_all_pixels_are_counted_once(stored: Label, given: LabelReading):
    read = read_label(stored, given)
    counts = count_classes(read)
    assert int(counts.pixels.sum()) + counts.void_pixels == stored.height * stored.width
    view = brute_force.view_of(read)
    visible = [int((view == i).sum()) for i in read.segments.ids.tolist()]
    assert measure_label(read).visible_areas.tolist() == visible
    assert [i.visible_area for i in instances(read, set(range(1, 7)))] == visible


@law
@given(layered_labels(), readings())
def test_a_label_with_an_order_of_its_own_is_in_normal_form(stored: Label, given: LabelReading):
    read = read_label(stored, given)
    if read.painted is None:
        check_label(read)
        assert parse_canonical(canonical_bytes(read)) == read
    else:
        with pytest.raises(MalformedLabel, match="no bytes"):
            check_label(read)


@law
@given(layered_labels(), readings())
def test_the_stored_label_is_untouched(stored: Label, given: LabelReading):
    before = label_digest(stored)
    read_label(stored, given)
    assert label_digest(stored) == before


@law
@given(layered_labels())
def test_the_identity_gives_the_same_object(stored: Label):
    assert read_label(stored, LabelReading.identity_of(KINDS)) is stored
    listed = LabelReading(ClassMap.from_mapping({c: c for c in CLASS_IDS}), ALL_THINGS)
    assert read_label(stored, listed) is stored


@law
@given(layered_labels(), st.data())
def test_reading_twice_is_reading_by_the_composed_map(stored: Label, data: st.DataObject):
    # Whose kind goes there and back again was one segment in between: things stay what they
    # became, and no crowd is made on the way.
    things, stuff = st.sampled_from([0, 1, 2, 5]), st.sampled_from([0, 3, 4, 6])
    first = {c: data.draw(stuff if c in STUFF_IDS else things | stuff) for c in CLASS_IDS}
    second = {c: data.draw(things | stuff) for c in (1, 2, 5)}
    has_flipped = any(first[c] in LIVE_STUFF_IDS for c in (1, 2))
    second |= {c: data.draw(stuff if has_flipped else things | stuff) for c in (3, 4, 6)}
    both = {c: second.get(first[c], 0) for c in CLASS_IDS}
    one, two = (
        LabelReading(ClassMap.from_mapping(live), KINDS, frozenset({3, 4, 6}))
        for live in (first, second)
    )
    at_once = LabelReading(ClassMap.from_mapping(both), KINDS, STUFF_IDS)
    assert read_label(read_label(stored, one), two) == read_label(stored, at_once)


@law
@given(layered_labels(), readings())
def test_ids_have_no_part_in_what_is_above_what(stored: Label, given: LabelReading):
    # Shifted in their order, so that the smallest of several stays the smallest.
    ids = stored.segments.ids
    shifted = {old: new for new, old in enumerate(ids.tolist(), 20)}
    renumbered = renumber(stored, ids, list(shifted.values()))
    read = read_label(stored, given)
    expected = renumber(read, read.segments.ids, [shifted[i] for i in read.segments.ids.tolist()])
    assert read_label(renumbered, given) == expected


def test_a_rename_keeps_the_layers():
    stored = stack("1111", ".22.", classes={1: SKY, 2: CAR})
    read = read_label(stored, reading({CAR: BUS}))
    assert read.layers is stored.layers
    assert [row.class_id for row in read.segments] == [SKY, BUS]


def test_a_class_that_reads_as_void_reveals_nothing():
    read = read_label(stack("1111", "..22", classes={1: CAR, 2: BUS}), reading({BUS: 0}))
    assert view_of(read) == [[1, 1, 0, 0]]
    assert mask_of(read, 1) == [[True] * 4]
    measures = measure_label(read)
    assert (measures.areas.tolist(), measures.visible_areas.tolist()) == ([4], [2])
    assert count_classes(read).void_pixels == 2


def test_a_class_that_reads_as_void_below_others_leaves_an_ordinary_label():
    read = read_label(stack("1111", "..22", classes={1: SKY, 2: BUS}), reading({SKY: 0}))
    assert read == label("..22", {2: BUS})


def test_a_label_of_which_nothing_is_left_is_empty():
    read = read_label(label("12", {1: CAR, 2: BUS}), reading({CAR: 0, BUS: 0}))
    assert (len(read.segments), read.layers, view_of(read)) == (0, (), [[0, 0]])


def test_stuff_that_becomes_one_class_is_one_segment():
    read = read_label(label("1123", {1: CAR, 2: SKY, 3: ROAD}), reading({ROAD: SKY}))
    assert read == label("1122", {1: CAR, 2: SKY})


def test_joined_stuff_has_the_union_of_the_full_masks():
    stored = stack("11..", ".22.", "..33", classes={1: SKY, 2: CAR, 3: ROAD})
    read = read_label(stored, reading({ROAD: SKY}))
    assert view_of(read) == [[1, 2, 1, 1]]
    assert mask_of(read, 1) == [[True] * 4]
    assert mask_of(read, 2) == [[False, True, True, False]]


def test_things_that_become_stuff_are_joined_with_their_crowds():
    stored = label("123", {1: CAR, 2: CAR, 3: CAR}, crowds=[3])
    assert read_label(stored, reading({CAR: 6})) == label("111", {1: 6})


def test_stuff_that_becomes_a_thing_is_a_crowd():
    read = read_label(label("12", {1: SKY, 2: CAR}), reading({SKY: CROWD}))
    assert read == label("12", {1: CROWD, 2: CAR}, crowds=[1])


def test_all_stuff_that_becomes_one_thing_class_is_one_crowd_beside_its_instances():
    stored = label("1234", {1: SKY, 2: ROAD, 3: CAR, 4: CAR}, crowds=[4])
    read = read_label(stored, reading({SKY: CAR, ROAD: CAR}))
    assert read == label("1134", {1: CAR, 3: CAR, 4: CAR}, crowds=[1, 4])


def test_fields_of_joined_segments_stay_where_all_agree():
    ann, bob = Origin("ann"), Origin("bob")
    stored = label(
        "1234",
        {1: SKY, 2: ROAD, 3: CAR, 4: CAR},
        scores={1: 0.5, 2: 0.5, 3: 0.5},
        track_ids={1: 7, 2: 8},
        origins={1: ann, 2: ann, 3: ann, 4: bob},
        attributes={1: {"wet": True, "lit": 1}, 2: {"wet": True, "lit": True}, 3: {"a": 1}},
    )
    sky, car = read_label(stored, reading({ROAD: SKY, CAR: 6})).segments
    assert (sky.score, sky.track_id, sky.origin) == (0.5, None, ann)
    assert sky.attributes == {"wet": True}
    assert (car.score, car.origin, car.attributes) == (None, None, {})


def test_what_joining_drops_is_told():
    stored = label(
        "123",
        {1: SKY, 2: ROAD, 3: CAR},
        scores={2: 0.5},
        track_ids={1: 7, 2: 7, 3: 8},
        attributes={1: {"wet": True}, 2: {"wet": False}},
    )
    given = reading({ROAD: SKY})
    assert find_dropped_fields(stored, given) == {1: ("score", "attributes.wet")}
    assert find_dropped_fields(stored, LabelReading.identity_of(KINDS)) == {}


def test_a_class_of_another_taxonomy_that_has_the_same_id_is_another_class():
    stored = label("12", {1: CAR, 2: CAR})
    cars_are_stuff = LabelReading(ClassMap.from_mapping({CAR: CAR}), Kinds(frozenset({CAR})))
    assert read_label(stored, cars_are_stuff) == label("11", {1: CAR})


@pytest.mark.parametrize("mapping", [{SKY: SKY}, {}])
def test_a_class_that_the_reading_lacks_is_named_even_where_it_is_hidden(mapping):
    stored = stack("1", "2", classes={1: CAR, 2: SKY})
    with pytest.raises(UnknownClass) as caught:
        read_label(stored, LabelReading(ClassMap.from_mapping(mapping), KINDS))
    assert caught.value.class_id == CAR


@pytest.mark.parametrize(
    "class_map", [ClassMap.from_mapping({1: 2**16}), ClassMap.from_mapping({1: 1}, void=255)]
)
def test_a_class_map_into_another_id_space_is_no_reading(class_map):
    with pytest.raises(MalformedLabel, match="a live class is 1 to 65535"):
        LabelReading(class_map, KINDS)


def test_the_digest_of_a_reading_is_of_its_content():
    one = reading({CAR: BUS})
    assert one == reading({CAR: BUS})
    assert hash(one) == hash(reading({CAR: BUS}))
    others = [
        reading({}),
        reading({CAR: BUS}, frozenset()),
        LabelReading(one.class_map, ALL_THINGS, one.crowd_ids),
        LabelReading(one.class_map, one.kinds, frozenset({3})),
        LabelReading.identity_of(KINDS),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 6


def test_kinds_and_crowds_are_no_interchangeable_parts_of_the_digest():
    three = frozenset({3})
    one = LabelReading(ClassMap.identity, Kinds(three))
    assert one != LabelReading(ClassMap.identity, ALL_THINGS, three)


def test_a_reading_crosses_a_process_pool():
    given = reading({CAR: BUS})
    stored = label("12", {1: CAR, 2: SKY})
    copy = pickle.loads(pickle.dumps(given))
    assert copy == given
    assert read_label(stored, copy) == read_label(stored, given)


@law
@given(layered_labels(), readings())
def test_a_read_label_crosses_a_process_pool(stored: Label, given: LabelReading):
    read = read_label(stored, given)
    copy = pickle.loads(pickle.dumps(read))
    assert copy == read
    assert hash(copy) == hash(read)


def test_a_segment_above_here_and_below_there_has_both_in_its_view():
    stored = stack("11...", ".222.", "...33", classes={1: SKY, 2: CAR, 3: ROAD})
    read = read_label(stored, reading({ROAD: SKY}))
    assert view_of(read) == [[1, 2, 2, 1, 1]]
    assert mask_of(read, 2) == [[False, True, True, True, False]]
    assert read.painted is not None


def test_what_is_painted_is_part_of_a_label():
    read = read_label(stack("1111", "..22", classes={1: CAR, 2: BUS}), reading({BUS: 0}))
    ordinary = Label(read.height, read.width, read.segments, read.layers)
    assert ordinary == label("1111", {1: CAR})
    assert ordinary != read
    assert hash(ordinary) != hash(read)


@pytest.mark.parametrize("write", [canonical_bytes, shape_digest, encode_label, pack_label])
def test_a_label_that_has_no_order_of_its_own_has_no_bytes(write):
    read = read_label(stack("1111", "..22", classes={1: CAR, 2: BUS}), reading({BUS: 0}))
    with pytest.raises(MalformedLabel, match="no bytes"):
        write(read)


def test_rows_may_be_replaced_where_no_order_shows_the_view():
    read = read_label(stack("1111", "..22", classes={1: CAR, 2: BUS}), reading({BUS: 0}))
    replaced = replace_segments(read, [Segment(1, BUS)])
    assert view_of(replaced) == [[1, 1, 0, 0]]
