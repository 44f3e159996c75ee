"""Classes as JSON, both ways."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labels_app.class_json import class_from_plain, class_to_plain
from labels_app.class_spec import AttributeSpec, ClassSpec, ExamplePicture
from labels_app.classes import classes_digest, settle_classes
from tests.laws import examples

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
attributes = st.builds(
    AttributeSpec,
    name=texts,
    type=st.sampled_from(["text", "number", "boolean", "choice"]),
    choices=st.lists(texts, max_size=2).map(tuple),
    minimum=st.none() | st.integers(-9, 9) | st.floats(-9, 9),
    maximum=st.none() | st.integers(-9, 9),
    required=st.booleans(),
    description=texts,
)
references = st.none() | st.integers(1, 9) | texts
specs = st.builds(
    ClassSpec,
    name=texts,
    kind=st.sampled_from(["stuff", "thing"]),
    class_id=st.none() | st.integers(1, 9),
    color=st.none() | st.just("#010203"),
    parent=references,
    heading=texts,
    description=texts,
    external=st.dictionaries(texts.filter(bool), st.integers(0, 9) | texts, max_size=2),
    retired=st.booleans(),
    forwards_to=references,
    synonyms=st.lists(texts, max_size=2).map(tuple),
    attributes=st.lists(attributes, max_size=2).map(tuple),
    guideline=texts,
    examples=st.lists(st.builds(ExamplePicture, texts, texts, st.booleans()), max_size=2).map(
        tuple
    ),
    deprecated=st.booleans(),
    split_into=st.lists(st.integers(1, 9) | texts, max_size=2).map(tuple),
)


@given(specs)
@examples(100)
def test_a_class_comes_back_from_json_as_it_was(spec):
    assert class_from_plain(json.loads(json.dumps(class_to_plain(spec)))) == spec


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", 7, "name is a text"),
        ("name", "a\0b", "zero character"),
        ("kind", None, "kind is a text"),
        ("id", "7", "id is a whole number"),
        ("id", True, "id is a whole number"),
        ("parent", 1.5, "parent is a whole number"),
        ("external", [], "external is an object"),
        ("external", {"x" * 101: 1}, "at most 100 characters"),
        ("retired", 1, "retired is true or false"),
        ("synonyms", "auto", "synonyms is a list"),
        ("synonyms", [1], "synonyms is a text"),
        ("attributes", {}, "attributes is a list"),
        ("attributes", [{"name": "x"}], "an attribute needs the field 'type'"),
        ("attributes", [{"name": "x", "type": "text", "y": 1}], "no field 'y'"),
        ("attributes", [{"name": "x", "type": "number", "minimum": "1"}], "minimum is a number"),
        ("attributes", [{"name": "x", "type": "number", "minimum": 2**60}], "a number from"),
        ("attributes", [{"name": "x", "type": "number", "maximum": 10**400}], "a number from"),
        ("attributes", [{"name": "x", "type": "number", "maximum": float("nan")}], "a number"),
        ("examples", [{}], "an example needs the field 'picture'"),
        ("examples", ["0" * 64], "an example is an object"),
        ("split_into", [[]], "split_into is a whole number"),
        ("class_id", 1, "its number is 'id'"),
        ("colour", "#010203", "a class has no field 'colour'"),
    ],
)
def test_a_field_of_another_type_is_named(field, value, reason):
    with pytest.raises(ValueError, match=reason):
        class_from_plain({"name": "car", "kind": "thing", field: value})


@pytest.mark.parametrize("plain", [None, 7, "car", ["car"], {}, {"name": "car"}])
def test_what_is_no_class_is_refused(plain):
    with pytest.raises(ValueError, match="a class"):
        class_from_plain(plain)


def test_fields_that_say_nothing_are_not_in_a_digest():
    short = class_from_plain({"name": "car", "kind": "thing"})
    long = class_from_plain({**class_to_plain(short), "synonyms": [], "guideline": ""})
    digests = {classes_digest(settle_classes([one]).classes) for one in (short, long)}
    assert len(digests) == 1
    more = class_from_plain({"name": "car", "kind": "thing", "guideline": "x"})
    assert classes_digest(settle_classes([more]).classes) not in digests


@pytest.mark.parametrize(
    ("attribute", "value", "problem"),
    [
        (AttributeSpec("a", "text"), "x", None),
        (AttributeSpec("a", "text"), 1, "is no text"),
        (AttributeSpec("a", "boolean"), False, None),
        (AttributeSpec("a", "boolean"), 0, "is neither true nor false"),
        (AttributeSpec("a", "choice", ("x", "y")), "y", None),
        (AttributeSpec("a", "choice", ("x", "y")), "z", "is none of x, y"),
        (AttributeSpec("a", "number", minimum=0, maximum=1), 0.5, None),
        (AttributeSpec("a", "number", minimum=0), -1, "is below 0"),
        (AttributeSpec("a", "number", maximum=1), 2, "is above 1"),
        (AttributeSpec("a", "number"), True, "is no number"),
    ],
)
def test_an_attribute_says_which_values_fit(attribute, value, problem):
    assert attribute.problem_of(value) == problem
