import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels_app.class_spec import AttributeSpec, ClassSpec
from labels_app.classes import settle_classes
from labels_app.reading import Reading
from labels_app.rule_checks import (
    MOST_LISTED,
    ClosedSegments,
    RuleBook,
    check_counts,
    check_label,
    check_pixels,
    closed_classes,
    closed_message,
    find_closed,
    needs_pixels,
    open_classes_for,
)
from labels_app.rules import LabelRule, RuleKind, Severity, rules_from_plain
from panoptic.label import count_classes
from tests.builders import label, stack
from tests.labels_app.builders import classes
from tests.panoptic.brute_force import full_masks, rows_of, view_of
from tests.panoptic.strategies import layered_labels

CAR, PERSON, ROAD, SKY = 1, 2, 3, 4
PLAIN = "1:car 2:person 3:road/stuff 4:sky/stuff"
TAXONOMIES = [
    PLAIN,
    "1:car 2:person->1 3:road/stuff 4:sky/stuff->3",
    "1:car 2:person->void 3:road/stuff->void 4:sky/stuff",
    "1:car 2:person->3 3:road/stuff 4:sky/stuff->5 5:heaven",
]
TYPED = (
    AttributeSpec("occluded", "boolean", required=True),
    AttributeSpec("note", "choice", choices=("é",)),
)


def reading_of(drawing, attributes=()):
    specs = classes(drawing)
    specs[0] = replace(specs[0], attributes=attributes)
    return Reading.from_classes(settle_classes(specs).classes)


def book(*rules, drawing=PLAIN, attributes=()):
    """A book of rules as JSON has them."""
    reading = reading_of(drawing, attributes)
    return RuleBook.of(reading, rules_from_plain(rules, tuple(reading.classes.values())))


def broken(found):
    """Kind, class, segment and value of each violation."""
    return [(str(v.rule), v.class_id, v.segment_id, v.value) for v in found.violations]


def check(drawn, *rules, **fields):
    return broken(check_label(book(*rules, **fields), drawn))


# --- each rule ---------------------------------------------------------------------------------


def test_an_unlabelled_pixel_breaks_the_rule_against_them():
    rule = {"rule": "no_unlabelled_pixels"}
    assert check(label("11 1.", {1: CAR}), rule) == [("no_unlabelled_pixels", None, None, 1)]
    assert not check(label("11 11", {1: CAR}), rule)


def test_some_unlabelled_pixels_may_be_allowed():
    rule = {"rule": "no_unlabelled_pixels", "value": 2}
    assert not check(label("1. 1.", {1: CAR}), rule)
    assert check(label("1. ..", {1: CAR}), rule)


def test_what_reads_as_void_is_unlabelled():
    drawn = label("12 12", {1: CAR, 2: PERSON})
    rule = {"rule": "no_unlabelled_pixels"}
    assert check(drawn, rule, drawing=TAXONOMIES[2]) == [("no_unlabelled_pixels", None, None, 2)]


def test_a_segment_that_is_too_small_is_named():
    rule = {"rule": "smallest_area", "classes": ["car"], "value": 2}
    drawn = label("1122 3.44", {1: CAR, 2: PERSON, 3: CAR, 4: PERSON})
    assert check(drawn, rule) == [("smallest_area", CAR, 3, 1)]


def test_the_area_is_that_of_the_full_mask():
    drawn = stack("111", "22.", classes={1: CAR, 2: PERSON})
    assert not check(drawn, {"rule": "smallest_area", "classes": [CAR], "value": 3})


def test_stuff_that_reads_as_one_class_is_measured_as_one_segment():
    drawn = label("1.2", {1: ROAD, 2: SKY})
    rule = {"rule": "smallest_area", "value": 2}
    assert len(check(drawn, rule)) == 2
    assert not check(drawn, rule, drawing=TAXONOMIES[1])


def test_crowds_are_no_instances():
    rule = {"rule": "most_instances", "classes": ["car"], "value": 1}
    drawn = label("123", {1: CAR, 2: CAR, 3: CAR}, crowds=[3])
    assert check(drawn, rule) == [("most_instances", CAR, None, 2)]
    assert not check(label("12", {1: CAR, 2: CAR}, crowds=[1]), rule)


def test_instances_are_counted_as_the_taxonomy_reads_them():
    drawn = label("12", {1: CAR, 2: PERSON})
    rule = {"rule": "most_instances", "value": 1}
    assert not check(drawn, rule)
    assert check(drawn, rule, drawing=TAXONOMIES[1]) == [("most_instances", CAR, None, 2)]


def test_stuff_that_is_a_crowd_is_told():
    drawn = label("12", {1: ROAD, 2: CAR}, crowds=[1, 2])
    assert check(drawn, {"rule": "stuff_not_crowd"}) == [("stuff_not_crowd", ROAD, None, 1)]


def test_a_crowd_of_things_may_read_as_stuff():
    drawn = label("12", {1: PERSON, 2: ROAD}, crowds=[1])
    assert not check(drawn, {"rule": "stuff_not_crowd"}, drawing=TAXONOMIES[3])


@pytest.mark.parametrize(
    ("given_attributes", "told"),
    [
        ({"occluded": True}, []),
        ({"occluded": True, "note": "é", "colour": [1]}, []),
        ({}, ["car needs the attribute occluded"]),
        ({"occluded": "yes"}, ["occluded of car is neither true nor false"]),
        ({"occluded": False, "note": "e"}, ["note of car is none of é"]),
        ({"note": None}, ["car needs the attribute occluded", "note of car is none of é"]),
    ],
)
def test_typed_attributes_must_fit(given_attributes, told):
    drawn = label("12", {1: CAR, 2: PERSON}, attributes={1: given_attributes})
    found = check_label(book({"rule": "attributes_fit"}, attributes=TYPED), drawn)
    assert [violation.message for violation in found.violations] == told


def test_a_number_keeps_its_bounds():
    lanes = (AttributeSpec("lanes", "number", minimum=1, maximum=4),)
    rules = book({"rule": "attributes_fit"}, attributes=lanes)

    def told(value):
        drawn = label("1", {1: CAR}, attributes={1: {"lanes": value}})
        return [(v.value, v.message) for v in check_label(rules, drawn).violations]

    assert told(2.5) == told(4) == []
    assert told(5) == [(5, "lanes of car is above 4")]
    assert told(True) == [(True, "lanes of car is no number")]


# --- laws --------------------------------------------------------------------------------------

NAMED = st.lists(st.sampled_from([CAR, PERSON, ROAD, SKY]), max_size=2, unique=True)
RULES = st.lists(
    st.one_of(
        st.builds(LabelRule, st.just(RuleKind.NO_UNLABELLED_PIXELS), value=st.integers(0, 9)),
        st.builds(
            LabelRule,
            st.sampled_from([RuleKind.SMALLEST_AREA, RuleKind.MOST_INSTANCES]),
            st.sampled_from(Severity),
            NAMED.map(tuple),
            st.integers(0, 9),
        ),
        st.builds(
            LabelRule,
            st.sampled_from([RuleKind.STUFF_NOT_CROWD, RuleKind.ATTRIBUTES_FIT]),
            st.sampled_from(Severity),
            NAMED.map(tuple),
        ),
    ),
    max_size=4,
    unique=True,
)


def brute_force(drawn, rule, reading):
    """What a label breaks of a rule, pixel by pixel: kind, class, segment, value."""
    rows, masks, view = rows_of(drawn), full_masks(drawn), view_of(drawn)
    live = {i: reading.live_of[row.class_id] for i, row in rows.items()}
    kind_of = {class_id: spec.kind for class_id, spec in reading.classes.items()}
    groups = {}
    for i in sorted(rows):
        was_stuff = kind_of[rows[i].class_id] == "stuff"
        if live[i] is not None:
            joins = was_stuff or kind_of[live[i]] == "stuff"
            groups.setdefault((live[i], None if joins else i), []).append(i)
    found = []
    if rule.kind is RuleKind.NO_UNLABELLED_PIXELS:
        void = sum(live.get(int(i)) is None for i in view.ravel())
        return [(None, None, void)] if void > rule.value else []
    for class_id in {class_id for class_id, _ in groups if rule.covers(class_id)}:
        parts = [ids for (live_id, _), ids in groups.items() if live_id == class_id]
        is_stuff = kind_of[class_id] == "stuff"
        if rule.kind is RuleKind.SMALLEST_AREA:
            for ids in parts:
                area = int(np.logical_or.reduce([masks[i] for i in ids]).sum())
                found += [(class_id, ids[0], area)] if area < rule.value else []
        elif rule.kind is RuleKind.MOST_INSTANCES and not is_stuff:
            counted = sum(
                kind_of[rows[ids[0]].class_id] == "thing" and not rows[ids[0]].crowd
                for ids in parts
            )
            found += [(class_id, None, counted)] if counted > rule.value else []
        elif rule.kind is RuleKind.STUFF_NOT_CROWD and is_stuff:
            crowds = sum(
                rows[i].crowd and kind_of[rows[i].class_id] == "stuff" for ids in parts for i in ids
            )
            found += [(class_id, None, crowds)] if crowds else []
        elif rule.kind is RuleKind.ATTRIBUTES_FIT and class_id == CAR:
            for (i,) in parts:
                said = rows[i].attributes
                if not isinstance(said.get("occluded"), bool):
                    found.append((class_id, i, said.get("occluded")))
                if "note" in said and said["note"] != "é":
                    found.append((class_id, i, said["note"]))
    return found


@given(layered_labels(), RULES, st.sampled_from(TAXONOMIES))
def test_what_is_found_is_what_pixels_say(drawn, rules, drawing):
    reading = reading_of(drawing, TYPED)
    expected = [
        (str(rule.kind), *row) for rule in rules for row in brute_force(drawn, rule, reading)
    ]
    found = check_label(RuleBook.of(reading, rules), drawn)
    assert sorted(map(repr, broken(found))) == sorted(map(repr, expected))
    assert found.errors == sum(v.severity is Severity.ERROR for v in found.violations)
    assert found.count == len(found.violations)


@given(layered_labels(), RULES, st.sampled_from(TAXONOMIES))
def test_counts_say_which_labels_must_be_opened(drawn, rules, drawing):
    reading = reading_of(drawing, TYPED)
    rule_book, stored = RuleBook.of(reading, rules), count_classes(drawn)
    live = reading.counts_under(stored)
    found = check_counts(rule_book, stored, live)
    if needs_pixels(rule_book, live):
        found += check_pixels(rule_book, drawn)
    assert sorted(map(repr, broken(found))) == sorted(
        map(repr, broken(check_label(rule_book, drawn)))
    )


def test_the_only_segment_of_a_class_is_measured_by_its_visible_pixels():
    rules = book({"rule": "smallest_area", "value": 3})
    seen = label("111 222", {1: CAR, 2: ROAD})
    hidden = stack("111", "2..", classes={1: CAR, 2: ROAD})
    assert not needs_pixels(rules, count_classes(seen))
    assert needs_pixels(rules, count_classes(hidden))


def test_labels_without_typed_classes_need_not_be_opened():
    rules = book({"rule": "attributes_fit"}, attributes=TYPED)
    assert not needs_pixels(rules, count_classes(label("1", {1: PERSON})))
    assert needs_pixels(rules, count_classes(label("1", {1: CAR})))


def test_a_book_travels_to_another_process():
    rules = book({"rule": "smallest_area", "value": 2}, drawing=TAXONOMIES[1])
    drawn = label("12", {1: CAR, 2: PERSON})
    assert check_label(pickle.loads(pickle.dumps(rules)), drawn) == check_label(rules, drawn)


def test_many_violations_are_all_counted_and_the_first_listed():
    drawn = label("12345", dict.fromkeys(range(1, 6), CAR))
    rules = book(*({"rule": "smallest_area", "value": value} for value in range(2, 252)))
    found = check_label(rules, drawn)
    assert (found.count, len(found.violations)) == (1250, MOST_LISTED)


# --- closed classes ----------------------------------------------------------------------------


def counts(**segments):
    """Counts of a label: `counts(car=2)`."""
    named = {"car": CAR, "person": PERSON, "road": ROAD, "sky": SKY}
    ids = [named[name] for name, count in segments.items() for _ in range(count)]
    signs = "123456789"[: len(ids)]
    return count_classes(label(signs or ".", dict(enumerate(ids, 1))))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, {"car": 2}, [ClosedSegments(CAR, 2)]),
        ({}, {"car": 1, "person": 1}, [ClosedSegments(CAR, 1)]),
        ({"car": 2}, {"car": 2, "person": 1}, []),
        ({"car": 2}, {"car": 1}, []),
        ({"car": 1}, {"car": 3}, [ClosedSegments(CAR, 2)]),
        ({"person": 3}, {"car": 1}, [ClosedSegments(CAR, 1)]),
    ],
)
def test_more_segments_of_a_closed_class_than_before_are_told(before, after, told):
    old = None if before is None else counts(**before)
    assert find_closed(old, counts(**after), {CAR}) == told


def taxonomy(*specs):
    return Reading.from_classes(settle_classes(specs).classes)


def test_retired_and_deprecated_classes_are_closed():
    reading = taxonomy(
        ClassSpec("vehicle", "thing", 1, deprecated=True, split_into=(2, 3)),
        ClassSpec("car", "thing", 2),
        ClassSpec("truck", "thing", 3),
        ClassSpec("lorry", "thing", 4, retired=True, forwards_to=3),
        ClassSpec("dirt", "stuff", 5, retired=True),
        ClassSpec("waggon", "thing", 6, retired=True, forwards_to=1),
    )
    assert closed_classes(reading) == {1, 4, 5, 6}
    said = [closed_message(class_id, reading.classes) for class_id in (1, 4, 5, 6)]
    assert said == [
        "vehicle is split: use car or truck",
        "lorry is retired: use truck",
        "dirt is retired, and nothing replaces it",
        "waggon is retired: use car or truck",
    ]


def test_parts_that_were_split_again_lead_to_their_parts():
    reading = taxonomy(
        ClassSpec("vehicle", "thing", 1, deprecated=True, split_into=(2, 3)),
        ClassSpec("car", "thing", 2, deprecated=True, split_into=(3, 4)),
        ClassSpec("truck", "thing", 3),
        ClassSpec("taxi", "thing", 4),
    )
    assert [spec.name for spec in open_classes_for(1, reading.classes)] == ["truck", "taxi"]
