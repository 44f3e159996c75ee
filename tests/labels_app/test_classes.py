import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels_app.classes import ClassSpec, classes_digest, settle_classes
from labels_app.errors import InvalidTaxonomy
from tests.labels_app.builders import classes


def settle(drawing, **fields):
    return settle_classes(classes(drawing), **fields).classes


def ids_by_name(settled):
    return {spec.name: spec.class_id for spec in settled}


def problems_of(specs, **fields):
    with pytest.raises(InvalidTaxonomy) as caught:
        settle_classes(specs, **fields)
    return caught.value.problems


def test_new_classes_are_numbered_from_one():
    assert ids_by_name(settle("road/stuff car")) == {"road": 1, "car": 2}


def test_new_classes_are_numbered_after_those_that_have_ids():
    assert ids_by_name(settle("sky 7:road car")) == {"road": 7, "sky": 8, "car": 9}


def test_an_id_that_was_given_once_is_never_given_again():
    settled = settle_classes(classes("1:road car"), previous=settle("1:road"), next_class_id=6)
    assert ids_by_name(settled.classes)["car"] == 6
    assert settled.next_class_id == 7


def test_an_old_id_is_refused_for_another_class():
    problems = problems_of(classes("1:road 3:car"), previous=settle("1:road"), next_class_id=6)
    assert problems == ("car: the class id 3 belonged to another class",)


def test_a_class_cannot_be_left_out():
    problems = problems_of(classes("1:road"), previous=settle("1:road 2:car"), next_class_id=3)
    assert problems == ("class 2 is missing; retire it instead",)


def test_two_live_classes_of_one_name_are_refused():
    assert problems_of(classes("1:car 2:car")) == ("2 live classes are named car",)


def test_a_retired_class_may_share_its_name_with_a_live_one():
    assert len(settle("1:car->2 2:car")) == 2


def test_names_that_only_look_alike_are_one_name():
    composed = [ClassSpec("caf\u00e9", "thing"), ClassSpec(" cafe\u0301 ", "thing")]
    assert problems_of(composed) == ("2 live classes are named café",)


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (ClassSpec("", "thing"), "a class has no name"),
        (ClassSpec("a\x00b", "thing"), r"'a\x00b': a name has no control characters"),
        (ClassSpec("car", "widget"), "car: kind is stuff or thing, not widget"),
        (ClassSpec("car", "thing", color="red"), "car: a colour is #rrggbb, not red"),
        (ClassSpec("car", "thing", 0), "car: a class id is from 1 to 65535, not 0"),
        (ClassSpec("car", "thing", 65536), "car: a class id is from 1 to 65535, not 65536"),
        (ClassSpec("car", "thing", parent=9), "car: its parent 9 is no class of this taxonomy"),
        (
            ClassSpec("car", "thing", parent="van"),
            "car: its parent van is no class of this taxonomy",
        ),
        (ClassSpec("car", "thing", 1, forwards_to=1), "car: only a retired class forwards"),
        (ClassSpec("car", "thing", external={"coco": True}), "car: True is no id of the scheme"),
        (ClassSpec("car", "thing", external={"coco": 2**32}), "is no id of the scheme coco"),
        (ClassSpec("car", "thing", 1, parent="car"), "car: is its own parent"),
        (ClassSpec("car", "thing", 1, retired=True, forwards_to=1), "car: is its own successor"),
    ],
)
def test_a_class_that_breaks_a_rule_is_refused_with_the_reason(broken, problem):
    assert problem in "; ".join(problems_of([broken]))


def test_every_problem_is_told_at_once():
    assert len(problems_of([ClassSpec("", "thing"), ClassSpec("car", "widget")])) == 2


def test_parents_in_a_circle_are_refused():
    specs = [ClassSpec(name, "thing", parent=above) for name, above in ("ab", "bc", "ca")]
    assert len(problems_of(specs)) == 3


def test_the_parent_of_a_live_class_is_live():
    specs = [ClassSpec("car", "thing", 1, parent=2), ClassSpec("vehicle", "thing", 2, retired=True)]
    assert problems_of(specs) == ("car: its parent vehicle is retired",)


def test_parents_and_successors_may_be_named_before_anybody_knows_their_ids():
    vehicle, car, van = settle_classes(
        [
            ClassSpec("vehicle", "thing"),
            ClassSpec("car", "thing", parent="vehicle"),
            ClassSpec("van", "thing", retired=True, forwards_to="car"),
        ]
    ).classes
    assert (car.parent, van.forwards_to) == (vehicle.class_id, car.class_id)


def test_a_chain_of_successors_is_read_in_one_step():
    settled = settle("1:van->2 2:lorry->3 3:truck 4:cart->5 5:sledge->void")
    assert [spec.forwards_to for spec in settled] == [3, 3, None, None, None]


@given(st.lists(st.integers(0, 8), min_size=1, max_size=8))
def test_every_class_ever_used_reads_as_a_live_one_or_as_void(successors):
    """Class n forwards to successors[n - 1]: 0 is void, itself or no class means live."""
    specs = []
    for number, successor in enumerate(successors, 1):
        live = successor == number or successor > len(successors)
        specs.append(
            ClassSpec(
                f"c{number}",
                "thing",
                number,
                retired=not live,
                forwards_to=successor if successor and not live else None,
            )
        )
    try:
        settled = settle_classes(specs).classes
    except InvalidTaxonomy as error:
        assert all("its own successor" in problem for problem in error.problems)  # noqa: PT017
    else:
        live = {spec.class_id for spec in settled if not spec.retired}
        assert all(spec.forwards_to in {None, *live} for spec in settled)
        assert settle_classes(settled).classes == settled


def test_classes_without_a_colour_get_distinct_ones():
    settled = settle(" ".join(f"c{number}" for number in range(300)))
    assert len({spec.color for spec in settled}) == 300


def test_thousands_of_classes_still_have_distinct_colours():
    settled = settle(" ".join(f"c{number}" for number in range(1500)))
    assert len({spec.color for spec in settled}) == 1500


def test_a_default_colour_avoids_the_colours_that_were_chosen():
    [first] = settle("car")
    road, car = settle_classes(
        [ClassSpec("car", "thing", 1), ClassSpec("road", "stuff", 2, color=first.color.upper())]
    ).classes
    assert road.color != car.color
    assert car.color == first.color


@given(st.permutations(settle("1:road/stuff 2:car 3:van->2 4:sky/stuff")))
def test_the_digest_does_not_depend_on_the_order_of_the_classes(shuffled):
    assert classes_digest(shuffled) == classes_digest(sorted(shuffled, key=lambda s: s.class_id))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "lorry"},
        {"kind": "stuff"},
        {"color": "#000000"},
        {"parent": 1},
        {"heading": "vehicle"},
        {"description": "with wheels"},
        {"external": {"coco": 3}},
        {"retired": True},
        {"retired": True, "forwards_to": 1},
    ],
)
def test_the_digest_covers_every_field(change):
    road, car = settle("1:road 2:car")
    assert classes_digest([road, replace(car, **change)]) != classes_digest([road, car])


def test_the_digest_is_that_of_a_text_that_never_changes():
    spec = ClassSpec("car", "thing", 2, "#00ff00", external={"coco": 3, "cityscapes": 26})
    text = (
        '{"classes":[{"color":"#00ff00","description":"","external":{"cityscapes":26,"coco":3},'
        '"forwards_to":null,"heading":"","id":2,"kind":"thing","name":"car","parent":null,'
        '"retired":false}],"form":1}'
    )
    assert classes_digest([spec]) == hashlib.sha256(text.encode()).digest()
