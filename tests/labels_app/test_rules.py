"""Label rules as values: what a taxonomy may ask for, and of which classes."""

import pytest

from labels_app.classes import settle_classes
from labels_app.errors import InvalidTaxonomy
from labels_app.rules import LabelRule, RuleKind, Severity, rules_from_plain, stored_rules
from tests.labels_app.builders import classes

CLASSES = settle_classes(classes("1:road/stuff 2:car 3:van->2 4:dirt->void 5:sky/stuff")).classes


def rules(*plain):
    return rules_from_plain(list(plain), CLASSES)


def test_a_rule_names_classes_by_id_or_name():
    [rule] = rules({"rule": "smallest_area", "classes": ["car", 1], "value": 20})
    assert rule == LabelRule(RuleKind.SMALLEST_AREA, Severity.ERROR, (1, 2), 20)
    assert (rule.covers(2), rule.covers(5), rule.needs_pixels) == (True, False, True)


def test_a_rule_without_classes_is_about_all():
    [rule] = rules({"rule": "stuff_not_crowd", "severity": "warning"})
    assert rule.covers(1)
    assert rule.covers(5)
    assert not rule.needs_pixels


def test_a_rule_about_a_retired_class_is_about_what_it_reads_as():
    [rule] = rules({"rule": "most_instances", "classes": [3], "value": 1})
    assert rule.class_ids == (2,)


def test_a_rule_whose_classes_are_void_is_gone():
    assert rules({"rule": "most_instances", "classes": [4], "value": 1}) == ()


def test_a_rule_twice_is_one():
    row = {"rule": "stuff_not_crowd"}
    assert len(rules(row, dict(row))) == 1


def test_what_is_stored_comes_back():
    found = rules(
        {"rule": "smallest_area", "classes": [2], "value": 0},
        {"rule": "no_unlabelled_pixels", "severity": "warning", "value": 10},
        {"rule": "attributes_fit"},
    )
    plain = [rule.to_plain() for rule in found]
    assert stored_rules(plain) == found == rules_from_plain(plain, CLASSES)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (7, "a rule is an object"),
        ({}, "rule is one of"),
        ({"rule": ["stuff_not_crowd"]}, "rule is one of"),
        ({"rule": "stuff_not_crowd", "severity": "fatal"}, "severity is one of error, warning"),
        ({"rule": "stuff_not_crowd", "value": 1}, "stuff_not_crowd has no value"),
        ({"rule": "smallest_area"}, "smallest_area needs a value"),
        ({"rule": "smallest_area", "value": -1}, "a whole number from 0"),
        ({"rule": "smallest_area", "value": 1.5}, "a whole number from 0"),
        ({"rule": "smallest_area", "value": True}, "a whole number from 0"),
        ({"rule": "smallest_area", "value": 2**31}, "a whole number from 0"),
        ({"rule": "smallest_area", "value": 1, "classes": "car"}, "classes is a list"),
        ({"rule": "smallest_area", "value": 1, "classes": ["lorry"]}, "lorry is no class"),
        ({"rule": "smallest_area", "value": 1, "classes": [9]}, "9 is no class"),
        ({"rule": "no_unlabelled_pixels", "classes": ["car"]}, "about whole images"),
        ({"rule": "stuff_not_crowd", "where": "here"}, "a rule has no field 'where'"),
    ],
)
def test_a_rule_that_is_none_is_told_with_its_place(row, reason):
    with pytest.raises(InvalidTaxonomy, match=f"rule 2: .*{reason}"):
        rules({"rule": "attributes_fit"}, row)


def test_all_problems_are_told():
    with pytest.raises(InvalidTaxonomy) as caught:
        rules({"rule": "x"}, {"rule": "attributes_fit"}, {"rule": "smallest_area"})
    assert [problem[:6] for problem in caught.value.problems] == ["rule 1", "rule 3"]


@pytest.mark.parametrize("plain", [None, "x", {}, 7])
def test_rules_are_a_list(plain):
    with pytest.raises(InvalidTaxonomy, match="are a list"):
        rules_from_plain(plain, CLASSES)


def test_rules_are_bounded():
    with pytest.raises(InvalidTaxonomy, match="at most 1000"):
        rules(*[{"rule": "attributes_fit"}] * 1_001)
