"""What happened between two lists of classes, told as curators do it."""

import pytest
from hypothesis import given

from labels_app.classes import id_of
from labels_app.reading import Reading
from labels_app.taxonomy_diff import ClassChangeKind, diff_classes
from tests.labels_app.operation_strategies import START, edits
from tests.labels_app.test_operations import BASE, after
from tests.laws import examples


def told(*operations):
    """The kind, class, sources and results of each change."""
    found = diff_classes(BASE, after(*operations).values())
    return [(one.kind.value, one.class_id, one.sources, one.into) for one in found]


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        ({"op": "add", "name": "van", "kind": "thing"}, ("added", 5, (), ())),
        ({"op": "rename", "class": 2, "name": "auto"}, ("renamed", 2, (2,), (2,))),
        ({"op": "recolor", "class": 2, "color": "#010203"}, ("recolored", 2, (2,), (2,))),
        ({"op": "reparent", "class": 2, "parent": 1}, ("reparented", 2, (2,), (2,))),
        ({"op": "edit", "class": 2, "guideline": "x"}, ("edited", 2, (2,), (2,))),
        ({"op": "merge", "classes": [2, 4], "into": "vehicle"}, ("merged", 5, (2, 4), (5,))),
        ({"op": "merge", "classes": [2, 4], "into": 2}, ("merged", 2, (2, 4), (2,))),
        ({"op": "retire", "class": 2}, ("retired", 2, (2,), (None,))),
        ({"op": "flip", "class": 2}, ("flipped", 5, (2,), (5,))),
    ],
)
def test_each_operation_is_one_change(operation, change):
    assert told(operation) == [change]


def test_a_split_is_one_change_and_not_two_additions_more():
    assert told({"op": "split", "class": 2, "into": ["van", "pickup"]}) == [
        ("split", 2, (2,), (5, 6))
    ]


def test_a_diff_is_net():
    there = {"op": "rename", "class": 2, "name": "auto"}
    assert told(there, {"op": "rename", "class": 2, "name": "car"}) == []
    assert told(there, {"op": "retire", "class": 2}) == [("retired", 2, (2,), (None,))]


def test_reviving_is_told_with_what_it_read_as():
    retired = after({"op": "retire", "class": 4, "into": 2})
    [change] = diff_classes(retired.values(), BASE)
    assert (change.kind, change.class_id, change.sources) == ("revived", 4, (2,))


def test_a_flip_is_told_with_its_kinds():
    [change] = diff_classes(BASE, after({"op": "flip", "class": 2}).values())
    assert change.to_plain()["fields"] == {"kind": {"old": "thing", "new": "stuff"}}
    assert change.changes_reading


@given(edits())
@examples(80)
def test_nothing_differs_from_itself_and_the_order_of_classes_does_not_matter(edited):
    specs, _, _ = edited
    assert diff_classes(specs, specs) == ()
    assert diff_classes(START, specs) == diff_classes(reversed(START), reversed(specs))


@given(edits())
@examples(80)
def test_a_class_that_reads_differently_is_in_exactly_one_change_of_reading(edited):
    specs, _, _ = edited
    new = Reading.from_classes(specs)
    changes = [one for one in diff_classes(START, specs) if one.changes_reading]
    for spec in START:
        own = id_of(spec)
        times = sum(own in change.sources for change in changes)
        if new.live_of[own] != own:
            assert times == 1
        assert times <= 1


@given(edits())
@examples(80)
def test_equal_lists_are_those_without_changes(edited):
    specs, _, _ = edited
    if not diff_classes(START, specs):
        unused = {id_of(spec) for spec in specs} - {id_of(spec) for spec in START}
        assert [spec for spec in specs if id_of(spec) not in unused] == list(START)
    assert {one.kind for one in diff_classes(START, specs)} <= set(ClassChangeKind)
