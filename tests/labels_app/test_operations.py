"""Operations on the classes of a draft, as pure functions."""

from dataclasses import replace

import pytest
from hypothesis import given

from labels_app.classes import ClassSpec, id_of, settle_classes
from labels_app.operations import OPERATIONS, apply_operation
from labels_app.reading import Reading
from tests.labels_app.builders import classes
from tests.labels_app.operation_strategies import START, edits
from tests.laws import examples

BASE = settle_classes(classes("road/stuff car sky/stuff bus")).classes
NAMES = {"road": 1, "car": 2, "sky": 3, "bus": 4}


def after(*operations, base=BASE):
    """The settled classes after operations, by id."""
    specs, next_id = base, max(id_of(spec) for spec in base) + 1
    for operation in operations:
        specs, next_id = settle_classes(
            apply_operation(specs, operation),
            previous=base,
            next_class_id=next_id,
            reserved=[id_of(spec) for spec in specs],
        )
    return {id_of(spec): spec for spec in specs}


def live(found):
    return {spec.name for spec in found.values() if not spec.retired}


@pytest.mark.parametrize("name", [2, "car", " car "])
def test_a_class_is_named_by_its_id_or_its_name(name):
    assert after({"op": "rename", "class": name, "name": "auto"})[2].name == "auto"


def test_an_operation_leaves_the_classes_that_it_was_given():
    before = list(BASE)
    apply_operation(BASE, {"op": "retire", "class": "car"})
    assert list(BASE) == before


def test_what_is_not_named_stays():
    found = after({"op": "edit", "class": "car", "guideline": "Mirrors too"})
    assert found[2] == replace(BASE[1], guideline="Mirrors too")
    assert [found[n] for n in (1, 3, 4)] == [BASE[0], BASE[2], BASE[3]]


def test_children_of_a_merged_class_go_below_the_result():
    found = after(
        {"op": "add", "name": "wheel", "kind": "thing", "parent": "car"},
        {"op": "merge", "classes": ["car", "bus"], "into": "vehicle"},
    )
    assert found[5].parent == 6
    assert found[6].name == "vehicle"


def test_children_of_a_retired_class_go_up():
    found = after(
        {"op": "reparent", "class": "car", "parent": "road"},
        {"op": "add", "name": "wheel", "kind": "thing", "parent": "car"},
        {"op": "retire", "class": "car"},
    )
    assert found[5].parent == 1


def test_a_child_may_take_the_place_of_its_parent():
    found = after(
        {"op": "reparent", "class": "bus", "parent": "car"},
        {"op": "merge", "classes": ["car", "bus"], "into": "bus"},
    )
    assert (found[4].parent, found[2].forwards_to) == (None, 4)


def test_a_merge_keeps_what_all_of_them_say():
    found = after(
        {"op": "edit", "class": "car", "external": {"coco": 3}},
        {"op": "edit", "class": "bus", "external": {"coco": 3}},
        {"op": "merge", "classes": ["car", "bus"], "into": "vehicle"},
    )
    result = found[5]
    assert (result.external, result.synonyms) == ({"coco": 3}, ("car", "bus"))
    assert result.color == BASE[1].color


def test_a_merge_may_say_everything_of_the_result():
    into = {"name": "vehicle", "kind": "stuff", "color": "#010203", "guideline": "All of them"}
    found = after({"op": "merge", "classes": ["car", "road"], "into": into})
    result = found[5]
    assert (result.kind, result.color, result.guideline) == ("stuff", "#010203", "All of them")


def test_a_merge_into_a_class_of_another_kind_flips_it():
    found = after({"op": "merge", "classes": ["car", "bus"], "into": "car", "kind": "stuff"})
    assert [found[n].forwards_to for n in (2, 4)] == [5, 5]
    assert (found[5].name, found[5].kind) == ("car", "stuff")


def test_a_class_that_was_retired_into_another_is_led_on_when_that_one_goes():
    found = after({"op": "retire", "class": "bus", "into": "car"}, {"op": "retire", "class": "car"})
    assert [found[n].forwards_to for n in (2, 4)] == [None, None]


def test_a_split_class_still_reads_as_itself():
    found = after({"op": "split", "class": "car", "into": ["van", "bus"]})
    assert found[2].split_into == (5, 4)
    assert not found[2].is_open
    assert Reading.from_classes(found.values()).live_of[2] == 2


def test_a_revived_class_goes_where_its_parent_lives():
    found = after(
        {"op": "reparent", "class": "bus", "parent": "car"},
        {"op": "retire", "class": "bus"},
        {"op": "revive", "class": "bus"},
    )
    assert not found[4].retired


def test_a_name_of_several_retired_classes_needs_an_id():
    base = settle_classes(classes("1:car 2:van->1 3:van->1")).classes
    with pytest.raises(ValueError, match="names the classes 2, 3"):
        apply_operation(base, {"op": "revive", "class": "van"})


def test_every_operation_needs_its_fields_and_takes_no_others():
    for name, (needed, _, _) in OPERATIONS.items():
        with pytest.raises(ValueError, match="needs the field"):
            apply_operation(BASE, {"op": name})
        fields = dict.fromkeys(needed, "car")
        with pytest.raises(ValueError, match="has no field 'id'"):
            apply_operation(BASE, {"op": name, **fields, "id": 7})


@given(edits())
@examples(80)
def test_any_sequence_of_operations_settles(edited):
    specs, next_id, _ = edited
    again = settle_classes(specs, previous=specs, next_class_id=next_id)
    assert again.classes == specs
    reading = Reading.from_classes(specs)
    assert all(
        found is None or not reading.classes[found].retired for found in reading.live_of.values()
    )


@given(edits())
@examples(80)
def test_no_id_is_ever_lost_reused_or_of_another_kind(edited):
    specs, next_id, _ = edited
    by_id = {id_of(spec): spec for spec in specs}
    assert len(by_id) == len(specs)
    assert max(by_id) < next_id
    for spec in START:
        assert by_id[id_of(spec)].kind == spec.kind


def test_names_of_live_classes_stay_distinct():
    with pytest.raises(Exception, match="2 live classes are named car"):
        after({"op": "add", "name": "car", "kind": "thing"})
    assert live(after()) == set(NAMES)
    assert isinstance(BASE[0], ClassSpec)
