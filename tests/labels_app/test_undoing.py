"""Taking back what a version changed."""

from dataclasses import replace

import pytest
from hypothesis import given

from labels_app.classes import id_of, settle_classes
from labels_app.undoing import undo_changes
from tests.labels_app.operation_strategies import START, edits
from tests.labels_app.test_operations import BASE, after
from tests.laws import examples


def undone(classes, new, old=BASE):
    specs = undo_changes(tuple(classes.values()), old=old, new=tuple(new.values()))
    known = tuple(classes.values())
    settled = settle_classes(specs, previous=known, next_class_id=max(classes) + 1)
    return {id_of(spec): spec for spec in settled.classes}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "rename", "class": 2, "name": "auto"},
        {"op": "recolor", "class": 2, "color": "#010203"},
        {"op": "edit", "class": 2, "guideline": "x", "synonyms": ["auto"]},
        {"op": "merge", "classes": [2, 4], "into": 2},
        {"op": "retire", "class": 2},
    ],
)
def test_what_adds_no_class_is_taken_back_without_a_trace(operation):
    new = after(operation)
    assert undone(new, new) == {id_of(spec): spec for spec in BASE}


def test_a_class_that_was_merged_into_stays_since_labels_may_hold_it():
    new = after({"op": "merge", "classes": [2, 4], "into": "vehicle"})
    found = undone(new, new)
    assert [found[n] for n in (1, 2, 3, 4)] == list(BASE)
    assert not found[5].retired


def test_a_flip_is_taken_back_and_labels_of_meanwhile_read_as_the_old_class():
    new = after({"op": "flip", "class": 2})
    found = undone(new, new)
    assert found[2] == BASE[1]
    assert (found[5].retired, found[5].forwards_to) == (True, 2)


def test_what_happened_to_other_classes_since_stays():
    new = after({"op": "rename", "class": 2, "name": "auto"})
    later = {**new, 3: replace(new[3], guideline="Clouds too")}
    found = undone(later, new)
    assert (found[2].name, found[3].guideline) == ("car", "Clouds too")


def test_what_was_changed_again_is_not_taken_back():
    new = after({"op": "rename", "class": 2, "name": "auto"})
    later = {**new, 2: replace(new[2], name="lorry")}
    with pytest.raises(ValueError, match="lorry: name was changed again since"):
        undo_changes(tuple(later.values()), old=BASE, new=tuple(new.values()))


@given(edits())
@examples(80)
def test_undoing_gives_the_classes_that_were_but_for_those_that_were_added(edited):
    specs, next_id, _ = edited
    back = undo_changes(specs, old=START, new=specs)
    settled = settle_classes(back, previous=specs, next_class_id=next_id).classes
    by_id = {id_of(spec): spec for spec in settled}
    assert [by_id[id_of(spec)] for spec in START] == list(START)
    assert by_id.keys() == {id_of(spec) for spec in specs}
