"""Label rules where they meet history: commits, merges, reverts, imports, lists of versions."""

from __future__ import annotations

import io
import json
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app import label_checks, violations
from datasets_app.actions import commits
from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.actions.imports import import_labels
from datasets_app.actions.merges import merge_versions
from datasets_app.actions.reverts import revert_version
from datasets_app.errors import ClassNotOpen, LabelRulesBroken, ObjectsMissing, UnknownClass
from datasets_app.imports.errors import ImportRefused
from datasets_app.imports.request import ImportMode, ImportRequest
from datasets_app.models import Branch, Change, ChangeSet, CommitWarnings, Image, Version
from datasets_app.violations import get_label_rules, iter_violations, violations_page
from labels_app.actions.drafts import edit_draft, get_draft, publish_draft
from labels_app.reading import reading_of
from labels_app.revisions import get_labels, register_labels
from labels_app.rule_checks import RuleBook, check_label
from labels_app.rules import rules_from_plain, stored_rules
from panoptic.codec import pack_label
from tests.datasets_app.builders import author, commit_to, dataset, digest, names, put_label
from tests.laws import examples
from tests.panoptic.formats.files import panoptic_json, write_panoptic
from tests.panoptic.strategies import layered_labels

pytestmark = pytest.mark.django_db

ROAD, CAR, SKY, TRUCK = 1, 2, 3, 4
DRAWING = "1:road/stuff 2:car 3:sky/stuff 4:truck"
NO_VOID = {"rule": "no_unlabelled_pixels"}
TWO_PIXELS = {"rule": "smallest_area", "classes": ["car"], "value": 2}


def publish(place, *operations):
    """Publish a version of the dataset's taxonomy, by operations on its draft."""
    taxonomy = place.taxonomy
    fields = {"taxonomy": taxonomy, "actor": author()}
    revision = get_draft(taxonomy).revision
    revision = edit_draft(expected_revision=revision, operations=operations, **fields).revision
    return publish_draft(expected_revision=revision, message="Change", **fields)


def ruled(*rules, severity="error"):
    """A dataset with label rules, and its taxonomy version."""
    place = dataset(drawing=DRAWING)
    rules = [{"severity": severity, **rule} for rule in rules]
    return place, publish(place, {"op": "rules", "rules": rules})


def split_cars(place):
    """Split car into taxi and van; return the ids of the parts."""
    version = publish(place, {"op": "split", "class": CAR, "into": ["taxi", "van"]})
    return version, reading_of(version).classes[CAR].split_into


def told(version):
    return [(row["image"], row["rule"], row["segment"]) for row in version.change_set.warnings]


# --- closed classes ----------------------------------------------------------------------------


def test_a_new_segment_of_a_retired_class_is_refused_and_told_what_to_use():
    place = dataset(drawing=DRAWING)
    commit_to(place, names("a", label=put_label("12", {1: ROAD, 2: CAR})))
    merged = publish(place, {"op": "merge", "classes": ["truck"], "into": "car"})
    label = put_label("12", {1: ROAD, 2: TRUCK})
    with pytest.raises(ClassNotOpen, match=r"b: truck is retired: use car") as refused:
        commit_to(place, names("b", label=label), taxonomy_version=merged)
    assert refused.value.errors == [
        {
            "image": "b",
            "class_id": TRUCK,
            "class_name": "truck",
            "segments": 1,
            "use": [{"class_id": CAR, "class_name": "car"}],
            "message": "truck is retired: use car",
        }
    ]


def test_an_unchanged_segment_of_a_retired_class_is_accepted():
    place = dataset(drawing=DRAWING)
    commit_to(place, names("a", label=put_label("1.", {1: TRUCK})))
    merged = publish(place, {"op": "merge", "classes": ["truck"], "into": "car"})
    commit_to(place, [], taxonomy_version=merged)
    more = commit_to(place, names("a", label=put_label("12", {1: TRUCK, 2: ROAD})))
    assert more.number == 3
    with pytest.raises(ClassNotOpen):
        commit_to(place, names("a", label=put_label("12", {1: TRUCK, 2: TRUCK})))


def test_a_class_that_was_split_is_refused_in_new_segments_and_can_be_read():
    place = dataset(drawing=DRAWING)
    label = put_label("12", {1: CAR, 2: ROAD})
    commit_to(place, names("a", label=label))
    split, (taxi, van) = split_cars(place)
    moved = commit_to(place, [], taxonomy_version=split)
    assert reading_of(moved.taxonomy_version).find(CAR).name == "car"
    with pytest.raises(ClassNotOpen, match="car is split: use taxi or van") as refused:
        commit_to(place, names("b", label=label))
    assert [row["class_id"] for row in refused.value.errors[0]["use"]] == [taxi, van]
    relabelled = put_label("12", {1: taxi, 2: ROAD})
    assert commit_to(place, names("a", "b", label=relabelled)).number == 3


def test_a_label_that_is_the_same_is_not_new():
    place = dataset(drawing=DRAWING)
    label = put_label("12", {1: CAR, 2: ROAD})
    commit_to(place, names("a", label=label))
    split, _ = split_cars(place)
    version = commit_to(place, names("a", label=label, split="val"), taxonomy_version=split)
    assert version.number == 2


def test_a_revert_brings_retired_and_split_classes_back():
    place = dataset(drawing=DRAWING)
    commit_to(place, names("a", label=put_label("12", {1: CAR, 2: TRUCK})))
    _, (taxi, _) = split_cars(place)
    merge = {"op": "merge", "classes": ["truck"], "into": "road", "kind": "stuff"}
    before = commit_to(place, [], taxonomy_version=publish(place, merge))
    relabelling = commit_to(place, names("a", label=put_label("12", {1: taxi, 2: ROAD})))
    reverted = revert_version(
        dataset=place,
        branch="main",
        expected_head=relabelling.version_id,
        version=relabelling,
        author=author(),
    )
    assert (reverted.number, reverted.root) == (4, before.root)


def test_a_merge_brings_segments_that_were_made_before_the_split():
    place = dataset(drawing=DRAWING)
    first = commit_to(place, names("a", label=put_label("1", {1: ROAD})))
    create_branch(dataset=place, name="side", head=first, actor=author())
    label = put_label("12", {1: CAR, 2: ROAD})
    side = commit_to(place, names("b", label=label), branch="side")
    split, _ = split_cars(place)
    main = commit_to(place, [], taxonomy_version=split)
    merged = merge_versions(
        dataset=place,
        branch="main",
        from_version=side,
        expected_head=main.version_id,
        author=author(),
    )
    assert (merged.image_count, merged.taxonomy_version) == (2, split)


def test_a_class_that_the_taxonomy_never_had_is_unknown_and_not_closed():
    place, version = ruled(NO_VOID)
    with pytest.raises(UnknownClass):
        commit_to(place, names("a", label=put_label("1", {1: 77})), taxonomy_version=version)


# --- rules -------------------------------------------------------------------------------------


def test_an_error_refuses_the_commit_and_names_image_segment_and_limit():
    place, version = ruled(TWO_PIXELS, NO_VOID)
    label = put_label("122 ..3", {1: CAR, 2: CAR, 3: ROAD})
    with pytest.raises(LabelRulesBroken, match=r"a: 2 pixels are unlabelled") as refused:
        commit_to(place, names("a", label=label), taxonomy_version=version)
    void, small = refused.value.errors
    assert (void["rule"], void["value"], void["limit"]) == ("no_unlabelled_pixels", 2, 0)
    assert small == {
        "image": "a",
        "rule": "smallest_area",
        "severity": "error",
        "class_id": CAR,
        "class_name": "car",
        "segment": 1,
        "attribute": None,
        "value": 1,
        "limit": 2,
        "message": "car has 1 pixels, at least 2 are asked for",
    }


def test_a_refused_commit_leaves_nothing():
    place, version = ruled(NO_VOID)
    commit_to(place, names("a"), taxonomy_version=version)
    counts = [model.objects.count() for model in (Version, Image, Change, ChangeSet)]
    with pytest.raises(LabelRulesBroken):
        commit_to(place, names("b", "c", label=put_label("1.", {1: ROAD})))
    assert counts == [model.objects.count() for model in (Version, Image, Change, ChangeSet)]
    assert Branch.objects.get(dataset=place).head.number == 1


def test_a_warning_is_kept_with_the_version_and_refuses_nothing():
    place, version = ruled(TWO_PIXELS, severity="warning")
    label = put_label("12 22", {1: CAR, 2: ROAD})
    made = commit_to(place, names("a", "b", label=label), taxonomy_version=version)
    made = Version.objects.get(pk=made.pk)
    assert made.change_set.warning_count == 2
    assert told(made) == [("a", "smallest_area", 1), ("b", "smallest_area", 1)]


def test_labels_that_images_have_already_are_not_checked():
    place = dataset(drawing=DRAWING)
    label = put_label("1.", {1: ROAD})
    commit_to(place, names("a", label=label))
    version = publish(place, {"op": "rules", "rules": [NO_VOID]})
    assert commit_to(place, [], taxonomy_version=version).number == 2
    assert commit_to(place, names("a", split="val")).number == 3
    assert commit_to(place, names("a", label=label, split="train")).number == 4


def test_a_revert_to_a_label_that_breaks_a_newer_rule_is_told_and_made():
    place = dataset(drawing=DRAWING)
    commit_to(place, names("a", label=put_label("1.", {1: ROAD})))
    change = commit_to(place, names("a", label=put_label("11", {1: ROAD})))
    head = commit_to(
        place, [], taxonomy_version=publish(place, {"op": "rules", "rules": [NO_VOID]})
    )
    reverted = revert_version(
        dataset=place,
        branch="main",
        expected_head=head.version_id,
        version=change,
        author=author(),
    )
    assert told(reverted) == [("a", "no_unlabelled_pixels", None)]


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_large_commits_are_checked_batch_by_batch_and_told_at_once(severity, monkeypatch):
    monkeypatch.setattr(commits, "BATCH", 2)
    place, version = ruled(NO_VOID, TWO_PIXELS, severity=severity)
    good, bad = put_label("11", {1: ROAD}), put_label("1.", {1: CAR})
    changes = [ImageChange(n, label=bad if n in "bcf" else good) for n in "abcdefg"]
    if severity == "error":
        with pytest.raises(LabelRulesBroken) as refused:
            commit_to(place, changes, taxonomy_version=version)
        assert (refused.value.error_count, len(refused.value.errors)) == (6, 6)
        assert (Version.objects.count(), Change.objects.count(), ChangeSet.objects.count()) == (
            (0, 0, 0)
        )
    else:
        made = commit_to(place, changes, taxonomy_version=version)
        assert made.change_set.warning_count == 6
        assert {row["image"] for row in made.change_set.warnings} == set("bcf")


def test_closed_classes_of_large_commits_are_told_at_once(monkeypatch):
    monkeypatch.setattr(commits, "BATCH", 2)
    place = dataset(drawing=DRAWING)
    split, _ = split_cars(place)
    changes = names(*"abcde", label=put_label("1", {1: CAR}))
    with pytest.raises(ClassNotOpen) as refused:
        commit_to(place, changes, taxonomy_version=split)
    assert (refused.value.count, Change.objects.count()) == (5, 0)


def test_the_list_of_violations_is_capped_and_their_count_is_not(monkeypatch):
    monkeypatch.setattr(label_checks, "LISTED", 3)
    place, version = ruled(NO_VOID, severity="warning")
    label = put_label("1.", {1: ROAD})
    made = commit_to(place, names(*"abcde", label=label), taxonomy_version=version)
    assert (made.change_set.warning_count, len(made.change_set.warnings)) == (5, 3)


def test_errors_are_listed_before_warnings(monkeypatch):
    monkeypatch.setattr(label_checks, "LISTED", 2)
    place, version = ruled(TWO_PIXELS | {"severity": "warning"}, NO_VOID)
    changes = names(*"abc", label=put_label("1.", {1: CAR}))
    with pytest.raises(LabelRulesBroken) as refused:
        commit_to(place, changes, taxonomy_version=version)
    assert [row["severity"] for row in refused.value.errors] == ["error", "error"]
    assert (refused.value.error_count, refused.value.warning_count) == (3, 3)


def test_a_label_that_is_not_there_is_missing_and_not_checked():
    place, version = ruled(TWO_PIXELS)
    with pytest.raises(ObjectsMissing):
        commit_to(place, names("a", label=digest("nothing")), taxonomy_version=version)


def test_pixels_are_read_before_the_dataset_is_locked(monkeypatch):
    place, version = ruled(TWO_PIXELS)
    order = []
    for name, module in (("check_pixels", label_checks), ("lock_dataset", commits)):
        wanted = "_read" if name == "check_pixels" else name
        found = getattr(module, wanted)

        def note(*args, _found=found, _name=name):
            order.append(_name)
            return _found(*args)

        monkeypatch.setattr(module, wanted, note)
    label = put_label("1122", {1: CAR, 2: CAR})
    commit_to(place, names("a", label=label), taxonomy_version=version)
    assert order == ["check_pixels", "lock_dataset"]


def test_without_rules_and_closed_classes_a_commit_costs_no_query_more(
    django_assert_num_queries, monkeypatch
):
    place = dataset(drawing=DRAWING)
    first = commit_to(place, names("a", label=put_label("11", {1: ROAD})))
    label = put_label("12", {1: ROAD, 2: CAR})
    with django_assert_num_queries(0):
        check = label_checks.LabelCheck(first.taxonomy_version)
        assert check.look([label]) == {}
        check.refuse()
    monkeypatch.setattr(label_checks, "find_violations", None)  # called, it would fail
    monkeypatch.setattr(label_checks, "find_closed", None)
    assert commit_to(place, names("a", label=label)).number == 2
    assert not CommitWarnings.objects.exists()


# --- versions ----------------------------------------------------------------------------------


def images_of(version, rules=None, **fields):
    """Walk all pages: names of images and how many violations each has."""
    reading = reading_of(version.taxonomy_version)
    rules = get_label_rules(version, reading, user=None) if rules is None else rules
    found, after, pages = [], -1, 0
    while after is not None:
        page = violations_page(version, reading, rules, after=after, **({"limit": 2} | fields))
        found += [(image.name, image.findings.count) for image in page.images]
        after, pages = page.after, pages + 1
        assert pages < 100
    return found


@pytest.mark.parametrize("rules", [[TWO_PIXELS], [TWO_PIXELS, NO_VOID]])
def test_the_violations_of_a_version_are_listed_image_by_image(rules):
    place = dataset(drawing=DRAWING)
    bad, good = put_label("1.", {1: CAR}), put_label("11", {1: ROAD})
    commit_to(
        place, [ImageChange(n, label={"b": bad, "d": bad, "e": bad}.get(n, good)) for n in "abcdef"]
    )
    commit_to(place, names("z"))
    version = publish(place, {"op": "rules", "rules": rules})
    head = commit_to(place, [ImageChange("d", delete=True)], taxonomy_version=version)
    expected = [("b", len(rules)), ("e", len(rules))]
    assert images_of(head) == expected
    assert images_of(head, limit=1) == expected
    with (
        patch.object(violations, "_IMAGES_AT_ONCE", 1),
        patch.object(violations, "_MOST_OPENED", 2),
    ):
        assert images_of(head) == expected
    walked = iter_violations(
        head, reading_of(version), get_label_rules(head, reading_of(version), user=None)
    )
    assert [(image.name, image.findings.count) for image in walked] == expected


def test_retired_classes_are_no_violations_of_a_version():
    place = dataset(drawing=DRAWING)
    commit_to(place, names("a", label=put_label("11", {1: TRUCK})))
    merge = {"op": "merge", "classes": ["truck"], "into": "car"}
    version = publish(place, merge, {"op": "rules", "rules": [NO_VOID]})
    head = commit_to(place, [], taxonomy_version=version)
    assert images_of(head) == []


def test_rules_about_no_class_that_is_left_list_nothing():
    place, version = ruled({"rule": "attributes_fit"})
    head = commit_to(place, names("a", label=put_label("1", {1: CAR})), taxonomy_version=version)
    assert images_of(head) == []


def test_a_page_costs_its_own_images(django_assert_max_num_queries):
    place = dataset(drawing=DRAWING)
    label = put_label("1.", {1: CAR})
    commit_to(place, names(*(f"{n:03}" for n in range(60)), label=label))
    version = publish(place, {"op": "rules", "rules": [NO_VOID]})
    head = commit_to(place, [], taxonomy_version=version)
    reading = reading_of(version)
    rules = stored_rules(version.rules)
    with django_assert_max_num_queries(8):
        page = violations_page(head, reading, rules, limit=10)
    assert (len(page.images), page.after) == (10, page.images[-1].image_no)


class Laws(TestCase):
    @examples(15)
    @given(
        st.lists(layered_labels(), min_size=1, max_size=4), st.integers(0, 12), st.integers(0, 2)
    )
    def test_a_version_lists_what_each_label_breaks(self, drawn, area, most):
        place = dataset(drawing=DRAWING)
        packed = [pack_label(one) for one in drawn]
        register_labels(packed)
        head = commit_to(
            place, [ImageChange(str(n), label=one.digest) for n, one in enumerate(packed)]
        )
        reading = reading_of(head.taxonomy_version)
        rules = rules_from_plain(
            [
                {"rule": "smallest_area", "value": area},
                {"rule": "most_instances", "value": most},
                {"rule": "stuff_not_crowd", "severity": "warning"},
            ],
            tuple(reading.classes.values()),
        )
        book = RuleBook.of(reading, rules)
        expected = {}
        for n, one in enumerate(packed):
            found = check_label(book, get_labels([one.digest])[one.digest])
            if found:
                expected[str(n)] = sorted(map(repr, found.violations))
        listed = {
            image.name: sorted(map(repr, image.findings.violations))
            for image in iter_violations(head, reading, rules)
        }
        assert listed == expected


def run_check(*arguments):
    out = io.StringIO()
    try:
        call_command("check_labels", *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize(("severity", "code"), [("error", 1), ("warning", 0)])
def test_the_command_lists_all_and_fails_on_errors(severity, code):
    place = dataset("streets", drawing=DRAWING)
    commit_to(place, names("a", "b", label=put_label("1.", {1: CAR})))
    rules = [rule | {"severity": severity} for rule in (NO_VOID, TWO_PIXELS)]
    version = publish(place, {"op": "rules", "rules": rules})
    name = f"{place.taxonomy.slug}@{version.number}"

    status, text = run_check("streets", "main", f"--taxonomy={name}")
    assert status == code
    assert text.splitlines()[:2] == [
        f"{severity}: a: 1 pixels are unlabelled, at most 0 may be",
        f"{severity}: a segment 1: car has 1 pixels, at least 2 are asked for",
    ]

    status, text = run_check("streets", "main", f"--taxonomy={name}", "--json")
    body = json.loads(text)
    assert (status, len(body["violations"]), body["images"]) == (code, 4, 2)
    assert body[f"{severity}_count"] == 4


def test_the_command_says_when_all_is_well():
    commit_to(dataset("streets", drawing=DRAWING), names("a"))
    status, text = run_check("streets", "main", "--json")
    assert (status, json.loads(text)["violations"]) == (0, [])


# --- imports -----------------------------------------------------------------------------------

# The categories of the files: segments 1 and 4 are persons, 2 is sky, 3 is a car.
_CATEGORIES = {1: 1, 2: 200, 3: 3, 4: 1}


@pytest.fixture
def bring(tmp_path: Path):
    """Import drawings by image name into the dataset `streets`."""
    count = 0

    def bring(drawings, **fields):
        nonlocal count
        count += 1
        folder = tmp_path / str(count)
        folder.mkdir()
        path = write_panoptic(folder, panoptic_json(drawings, _CATEGORIES), drawings)
        given = {"dataset": "streets", "path": path, "format": "coco_panoptic", "create": True}
        return import_labels(ImportRequest(**given, **fields), actor=author())

    return bring


def streets():
    return Branch.objects.select_related("dataset__taxonomy").get(name="main").dataset


def migrate(*operations):
    place = streets()
    commit_to(place, [], taxonomy_version=publish(place, *operations))


def problems_of(report):
    return [
        (problem.code, problem.image, problem.segment, problem.severity)
        for problem in report.problems
    ]


def test_an_import_that_breaks_a_rule_is_refused_with_all_images(bring):
    bring({"a.jpg": "1122"})
    rules = [{"rule": "smallest_area", "classes": ["person"], "value": 2}, NO_VOID]
    migrate({"op": "rules", "rules": rules})
    with pytest.raises(ImportRefused) as refused:
        bring({"b.jpg": "1222", "c.jpg": "112.", "d.jpg": "1122"})
    assert problems_of(refused.value.report) == [
        ("smallest_area", "b.jpg", 1, "error"),
        ("no_unlabelled_pixels", "c.jpg", None, "error"),
    ]
    assert Version.objects.count() == 2


def test_a_dry_run_tells_what_the_import_would_break(bring):
    bring({"a.jpg": "1122"})
    migrate({"op": "rules", "rules": [NO_VOID | {"severity": "warning"}]})
    report = bring({"b.jpg": "12.."}, dry_run=True)
    assert problems_of(report) == [("no_unlabelled_pixels", "b.jpg", None, "warning")]
    assert (report.error_count, Version.objects.count()) == (0, 2)


def test_an_import_with_warnings_keeps_them_with_its_version(bring):
    bring({"a.jpg": "1122"})
    migrate({"op": "rules", "rules": [NO_VOID | {"severity": "warning"}]})
    with patch.object(label_checks, "find_violations") as again:
        report = bring({"b.jpg": "12.."})
    assert not again.called  # the readers have checked already
    assert told(report.version) == [("b.jpg", "no_unlabelled_pixels", None)]
    assert report.version.change_set.warning_count == 1


def test_labels_that_an_update_finds_unchanged_are_not_checked(bring):
    bring({"a.jpg": "12..", "b.jpg": "1122"})
    migrate({"op": "rules", "rules": [NO_VOID]})
    report = bring({"a.jpg": "12..", "b.jpg": "1112"}, mode=ImportMode.UPDATE)
    assert (report.changed, report.unchanged, report.problems) == (1, 1, [])
    report = bring({"a.jpg": "12.."}, mode=ImportMode.UPDATE, split="val")
    assert (report.changed, report.problems) == (1, [])


def test_an_import_of_a_split_class_is_told_the_parts(bring):
    bring({"a.jpg": "11", "b.jpg": "14"})
    migrate({"op": "split", "class": "person", "into": ["rider", "pedestrian"]})
    with pytest.raises(ImportRefused) as refused:
        bring({"c.jpg": "12"})
    general, found = refused.value.report.problems
    assert (general.code, general.severity) == ("class_not_open", "warning")
    assert (found.code, found.image, found.segment) == ("class_not_open", "c.jpg", 1)
    assert "person is split: use rider or pedestrian" in found.message
    with pytest.raises(ImportRefused, match=r"new segments \(1\): person is split"):
        bring({"a.jpg": "14"}, mode=ImportMode.UPDATE)


def test_an_import_may_keep_old_segments_of_a_split_class(bring):
    bring({"a.jpg": "11", "b.jpg": "14"})
    migrate({"op": "split", "class": "person", "into": ["rider", "pedestrian"]})
    report = bring({"a.jpg": "12", "b.jpg": "14"}, mode=ImportMode.UPDATE)
    assert (report.changed, report.unchanged, report.error_count) == (1, 1, 0)
