"""Merges: first the three-way of images as values, then of versions in the database."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app import merge_surveys
from datasets_app.actions import merges, publishing
from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.actions.merges import merge_versions, preview_merge
from datasets_app.changelog import iter_changes
from datasets_app.entries import Entry, Status
from datasets_app.errors import (
    AlreadyMerged,
    BranchMoved,
    ClassesStillUsed,
    InvalidResolution,
    KeyReused,
    MergeConflicts,
    NoCommonAncestor,
    NotFound,
)
from datasets_app.merge_surveys import Resolution
from datasets_app.merging import (
    OPEN,
    Choices,
    ConflictField,
    LabelTriple,
    Place,
    Sides,
    Take,
    merge_images,
    merge_values,
)
from datasets_app.models import Branch, Version, VersionClassStats
from datasets_app.nodes import SqlNodes
from datasets_app.tree import diff_roots
from labels_app.actions.taxonomies import publish_version
from people_app.models import AuditEvent
from tests.datasets_app.builders import (
    author,
    colored,
    commit_to,
    dataset,
    digest,
    entry,
    names,
    put_bytes,
    put_label,
)
from tests.datasets_app.counting import count_rows
from tests.datasets_app.test_commits import content
from tests.datasets_app.test_stats import recount
from tests.labels_app.builders import classes
from tests.laws import examples

pytestmark = pytest.mark.django_db

A = "a.png"
OURS, THEIRS, BASE = Take


# ---- images as values -----------------------------------------------------------


def merged(base, ours, theirs, *, taken=(), strategy=None, label_merger=None):
    """The entry that one image comes to, or the fields in conflict."""
    more = {"label_merger": label_merger} if label_merger else {}
    plan = merge_images([Sides(A, 1, base, ours, theirs)], Choices(dict(taken), strategy), **more)
    if plan.conflicts:
        assert not plan.changes
        return [conflict.field.value for conflict in plan.conflicts]
    return plan.changes[0].change.new if plan.changes else ours


def test_fields_are_merged_one_by_one():
    base = entry(split="train")
    assert merged(base, entry(split="val"), entry(split="train", image="photo")) == entry(
        split="val", image="photo"
    )


def test_one_field_set_in_two_ways_is_a_conflict_of_that_field():
    base = entry(split="train")
    assert merged(base, entry(split="val", image="x"), entry(split="test")) == ["split"]


def test_what_both_set_alike_is_no_conflict():
    assert merged(entry(), entry(split="val"), entry(split="val")) == entry(split="val")


def test_an_image_removed_here_and_changed_there_is_a_conflict():
    assert merged(entry(), None, entry(split="val")) == ["presence"]
    assert merged(entry(), entry(split="val"), None) == ["presence"]
    assert merged(entry(), entry(), None) is None
    assert merged(entry(), None, None) is None


def test_a_name_added_on_both_sides_is_one_image_with_an_empty_base():
    one = entry(image="photo")
    two = entry(label="cars", status=Status.LABELLED)
    assert merged(None, one, two) == entry(image="photo", label="cars", status=Status.LABELLED)
    assert merged(None, entry(image="x"), entry(image="y")) == ["image"]


def test_two_new_labels_are_one_conflict_and_the_status_goes_with_the_label():
    base = entry(label="base", status=Status.LABELLED)
    ours = entry(label="ours", status=Status.REVIEWED)
    theirs = entry(label="theirs", status=Status.PRELABELLED)
    assert merged(base, ours, theirs) == ["label"]
    assert merged(base, ours, theirs, strategy=THEIRS) == theirs


def test_a_label_that_was_removed_does_not_leave_its_status_behind():
    base = entry(label="base", status=Status.LABELLED)
    without = entry()
    theirs = entry(label="theirs", status=Status.LABELLED)
    assert merged(base, without, theirs, strategy=THEIRS) == theirs


def test_a_label_merger_is_asked_once_for_all_labels_that_both_sides_set():
    asked = []

    def merger(triples):
        asked.append(triples)
        return [digest("both"), None]

    sides = [
        Sides("a", 1, entry(label="b"), entry(label="o"), entry(label="t", split="val")),
        Sides("b", 2, None, entry(label="o"), entry(label="t")),
        Sides("c", 3, entry(label="b"), entry(label="b"), entry(label="t")),
        Sides("d", 4, entry(label="b"), entry(label="o"), entry()),
    ]
    plan = merge_images(sides, Choices(), merger)
    assert asked == [
        [
            LabelTriple(digest("b"), digest("o"), digest("t")),
            LabelTriple(None, digest("o"), digest("t")),
        ]
    ]
    assert [row.change.new for row in plan.changes] == [
        entry(label="both", split="val"),
        entry(label="t"),
    ]
    assert [(conflict.name, conflict.field.value) for conflict in plan.conflicts] == [
        ("b", "label"),
        ("d", "label"),
    ]


def test_a_choice_for_a_field_goes_before_that_for_the_image_and_both_before_the_strategy():
    sides = (
        entry(split="base", image="base", attributes="base"),
        entry(split="ours", image="ours", attributes="ours"),
        entry(split="theirs", image="theirs", attributes="theirs"),
    )
    taken = {Place(A, None): BASE, Place(A, ConflictField.SPLIT): THEIRS}
    assert merged(*sides, taken=taken, strategy=OURS) == entry(
        split="theirs", image="base", attributes="base"
    )
    only = {Place(A, ConflictField.SPLIT): THEIRS}
    assert merged(*sides, taken=only) == ["image", "attributes"]
    assert merged(*sides, taken=only, strategy=OURS) == entry(
        split="theirs", image="ours", attributes="ours"
    )


TEXTS = st.none() | st.sampled_from("xyz").map(digest)
ENTRIES = st.none() | st.builds(
    Entry,
    st.just(digest(A)),
    image=TEXTS,
    label=TEXTS,
    split=st.sampled_from(["", "val"]),
    status=st.sampled_from([Status.UNLABELLED, Status.LABELLED]),
    attributes=TEXTS,
)


@given(ENTRIES, ENTRIES)
def test_who_changed_nothing_has_no_say(base, changed):
    assert merged(base, base, changed) == changed
    assert merged(base, changed, base) == changed
    assert merged(base, changed, changed) == changed


@given(ENTRIES, ENTRIES, ENTRIES)
def test_a_merge_is_symmetric(base, ours, theirs):
    assert merged(base, ours, theirs) == merged(base, theirs, ours)


@given(ENTRIES, ENTRIES, ENTRIES, st.sampled_from([OURS, THEIRS]))
def test_a_strategy_leaves_no_conflict_and_invents_nothing(base, ours, theirs, strategy):
    result = merged(base, ours, theirs, strategy=strategy)
    assert not isinstance(result, list)
    if result is not None:
        for field in ("image", "label", "split", "status", "attributes"):
            given = [getattr(side, field) for side in (ours, theirs) if side is not None]
            assert getattr(result, field) in given


@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_values_merge_unless_three_differ(base, ours, theirs):
    assert (merge_values(base, ours, theirs) is OPEN) == (len({base, ours, theirs}) == 3)


# ---- versions ---------------------------------------------------------------------


def fork(streets, base, name="other"):
    """A branch at a version."""
    return create_branch(dataset=streets, name=name, head=base, actor=author())


def merge(streets, theirs, *, branch="main", **fields):
    """Merge into whatever the branch is at."""
    head = Branch.objects.select_related("head").get(dataset=streets, name=branch).head
    fields.setdefault("expected_head", head.version_id if head else None)
    fields.setdefault("author", author())
    return merge_versions(dataset=streets, branch=branch, from_version=theirs, **fields)


def diverged(ours, theirs, start=None):
    """A dataset whose branches main and other changed the images of one base."""
    streets = dataset()
    base = commit_to(streets, start or names(*"abcd"))
    fork(streets, base)
    return streets, commit_to(streets, ours), commit_to(streets, theirs, branch="other")


def listed(error):
    return [(conflict["name"], conflict["field"]) for conflict in error.value.conflicts]


def test_a_merge_has_two_parents_and_what_both_sides_changed():
    streets, ours, theirs = diverged(
        names("a", split="val"), [*names("b", split="test"), *names("e")]
    )
    version = merge(streets, theirs)
    assert [link.parent for link in version.parent_links.order_by("position")] == [ours, theirs]
    assert {name: row.split for name, row in content(version).items()} == {
        "a": "val", "b": "test", "c": "", "d": "", "e": "",
    }  # fmt: skip
    assert version.message == "Merge v3 into main"
    assert Branch.objects.get(dataset=streets, name="main").head == version


def test_the_change_log_of_a_merge_is_against_its_first_parent():
    streets, ours, theirs = diverged(names("a", split="val"), names("b", split="test"))
    version = merge(streets, theirs)
    assert list(iter_changes(version)) == list(diff_roots(SqlNodes(), ours.root, version.root))
    assert [change.image_no for change in iter_changes(version)] == [2]


def test_a_merge_removes_what_theirs_removed():
    streets, _, theirs = diverged(names("a", split="val"), [ImageChange("b", delete=True)])
    assert sorted(content(merge(streets, theirs))) == ["a", "c", "d"]


def test_conflicts_are_listed_and_no_version_is_made():
    streets, _, theirs = diverged(
        [*names("a", "b", split="val"), ImageChange("c", delete=True)],
        [*names("a", split="test"), *names("c", split="test"), *names("d", split="test")],
    )
    with pytest.raises(MergeConflicts) as caught:
        merge(streets, theirs)
    assert listed(caught) == [("a", "split"), ("c", "presence")]
    assert caught.value.conflict_count == 2
    assert caught.value.conflicts[0] == {
        "name": "a", "number": 1, "field": "split", "base": None, "ours": "val", "theirs": "test",
    }  # fmt: skip
    assert caught.value.conflicts[1]["ours"] is None
    assert caught.value.conflicts[1]["theirs"]["split"] == "test"
    assert Version.objects.count() == 3


def test_a_long_list_of_conflicts_is_cut_and_counted(monkeypatch):
    monkeypatch.setattr(merge_surveys, "LISTED", 3)
    streets, _, theirs = diverged(names(*"abcd", split="val"), names(*"abcd", split="test"))
    with pytest.raises(MergeConflicts) as caught:
        merge(streets, theirs)
    assert (len(caught.value.conflicts), caught.value.conflict_count) == (3, 4)


def test_resolutions_settle_conflicts():
    streets, _, theirs = diverged(
        names("a", "b", "c", split="val"), names("a", "b", "c", split="test")
    )
    chosen = [
        Resolution("a", ConflictField.SPLIT, OURS),
        Resolution("b", None, THEIRS),
        Resolution("c", None, BASE),
    ]
    version = merge(streets, theirs, resolutions=chosen)
    said = {name: row.split for name, row in content(version).items()}
    assert said == {"a": "val", "b": "test", "c": "", "d": ""}


def test_a_strategy_settles_what_no_resolution_names():
    streets, _, theirs = diverged(names("a", "b", split="val"), names("a", "b", split="test"))
    version = merge(streets, theirs, strategy=THEIRS, resolutions=[Resolution("a", None, OURS)])
    assert [content(version)[name].split for name in "ab"] == ["val", "test"]


@pytest.mark.parametrize(
    "chosen",
    [
        [Resolution("d", None, OURS)],
        [Resolution("nowhere", None, OURS)],
        [Resolution("a", ConflictField.LABEL, OURS)],
        [Resolution(None, ConflictField.TAXONOMY, OURS)],
        [Resolution("a", None, OURS), Resolution("a", None, THEIRS)],
    ],
)
def test_a_resolution_that_settles_nothing_is_refused(chosen):
    streets, _, theirs = diverged(names("a", split="val"), names("a", split="test"))
    with pytest.raises(InvalidResolution):
        merge(streets, theirs, resolutions=chosen)
    with pytest.raises(InvalidResolution):
        preview_merge(dataset=streets, branch="main", from_version=theirs, resolutions=chosen)


def test_a_branch_with_nothing_of_its_own_just_moves():
    streets = dataset()
    base = commit_to(streets, names("a"))
    fork(streets, base)
    theirs = commit_to(streets, names("b"), branch="other")
    assert merge(streets, theirs) == theirs
    assert Branch.objects.get(dataset=streets, name="main").head == theirs
    assert Version.objects.count() == 2
    assert AuditEvent.objects.latest("pk").verb == "branch.advanced"


def test_a_version_can_be_made_where_the_branch_could_just_move():
    streets = dataset()
    base = commit_to(streets, names("a"))
    fork(streets, base)
    theirs = commit_to(streets, names("b"), branch="other")
    version = merge(streets, theirs, fast_forward=False, message="All of it")
    assert list(version.parents.order_by("number")) == [base, theirs]
    assert (version.root, version.message) == (theirs.root, "All of it")


def test_a_branch_without_a_version_moves_to_what_is_merged():
    streets = dataset()
    theirs = commit_to(streets, names("a"), branch="other")
    preview = preview_merge(dataset=streets, branch="main", from_version=theirs)
    assert (preview.base, preview.fast_forward, preview.survey.images.added) == (None, True, 1)
    assert merge(streets, theirs, fast_forward=False) == theirs


def test_a_fast_forward_has_no_conflicts_to_settle():
    streets = dataset()
    base = commit_to(streets, names("a"))
    fork(streets, base)
    theirs = commit_to(streets, names("b"), branch="other")
    with pytest.raises(InvalidResolution):
        merge(streets, theirs, resolutions=[Resolution("b", None, OURS)])


def test_what_the_branch_has_already_is_not_merged():
    streets = dataset()
    base = commit_to(streets, names("a"))
    head = commit_to(streets, names("b"))
    for theirs in (base, head):
        with pytest.raises(AlreadyMerged, match="already"):
            merge(streets, theirs)
        assert preview_merge(dataset=streets, branch="main", from_version=theirs).up_to_date


def test_a_merge_after_a_merge_starts_from_there():
    streets, _, theirs = diverged(names("a", split="val"), names("b", split="test"))
    merge(streets, theirs)
    later = commit_to(streets, names("b", split="later"), branch="other")
    preview = preview_merge(dataset=streets, branch="main", from_version=later)
    assert (preview.base, preview.survey.images.changed) == (theirs, 1)


def test_versions_of_another_dataset_and_without_a_common_past_are_not_merged():
    streets = dataset()
    commit_to(streets, names("a"))
    with pytest.raises(NotFound):
        merge(streets, commit_to(dataset(), names("a")))
    with pytest.raises(NoCommonAncestor):
        merge(streets, commit_to(streets, names("a"), branch="island"))
    with pytest.raises(NotFound, match="branch"):
        merge_versions(
            dataset=streets, branch="nowhere", from_version=Version.objects.first(),
            expected_head=None, author=author(),
        )  # fmt: skip


def test_a_branch_that_moved_refuses_the_merge():
    streets, ours, theirs = diverged(names("a", split="val"), names("b", split="test"))
    moved = commit_to(streets, names("x"))
    with pytest.raises(BranchMoved) as caught:
        merge(streets, theirs, expected_head=ours.version_id)
    assert caught.value.actual == moved.id_hex


@pytest.mark.parametrize("fast_forward", [True, False])
def test_a_branch_that_moves_while_it_is_merged_refuses_it(monkeypatch, fast_forward):
    streets = dataset()
    base = commit_to(streets, names("a"))
    fork(streets, base)
    theirs = commit_to(streets, names("b"), branch="other")
    moved = commit_to(streets, names("c"), branch="other")

    def lock_late(wanted):
        Branch.objects.filter(dataset=streets, name="main").update(head=moved)
        return real(wanted)

    real = publishing.lock_dataset
    monkeypatch.setattr(merges, "lock_dataset", lock_late)
    monkeypatch.setattr(publishing, "lock_dataset", lock_late)
    with pytest.raises(BranchMoved):
        merge(streets, theirs, fast_forward=fast_forward)
    assert Version.objects.count() == 3


@pytest.mark.parametrize("fast_forward", [True, False])
def test_the_same_key_answers_the_same_version(fast_forward):
    streets = dataset()
    base = commit_to(streets, names("a"))
    fork(streets, base)
    theirs = commit_to(streets, names("b"), branch="other")
    key = {"idempotency_key": "k", "fast_forward": fast_forward, "expected_head": base.version_id}
    first = merge(streets, theirs, body_sha256=digest("body"), **key)
    assert merge(streets, theirs, body_sha256=digest("body"), **key) == first
    with pytest.raises(KeyReused):
        merge(streets, theirs, body_sha256=digest("other"), **key)


def test_a_merge_is_one_audit_event():
    streets, _, theirs = diverged(names("a", split="val"), names("b", split="test"))
    before = AuditEvent.objects.count()
    merge(streets, theirs)
    assert AuditEvent.objects.count() == before + 1
    assert AuditEvent.objects.latest("pk").verb == "version.committed"


def test_a_preview_counts_and_writes_nothing():
    streets, ours, theirs = diverged(
        names("a", split="val"),
        [*names("a", split="test"), *names("b", "e", split="test"), ImageChange("c", delete=True)],
    )
    before = AuditEvent.objects.count()
    preview = preview_merge(dataset=streets, branch="main", from_version=theirs)
    assert (preview.ours, preview.fast_forward, preview.up_to_date) == (ours, False, False)
    told = preview.survey.to_json()
    assert told["images"] == {"added": 1, "removed": 1, "changed": 1}
    assert (told["clean"], told["conflict_count"]) == (False, 1)
    assert [row["field"] for row in told["conflicts"]] == ["split"]
    assert (Version.objects.count(), AuditEvent.objects.count()) == (3, before)


def test_a_merge_of_many_images_is_the_merge_of_few(monkeypatch):
    streets, _, theirs = diverged(names("a", split="val"), names(*"bcdef", split="test"))
    fork(streets, Branch.objects.get(dataset=streets, name="main").head, "again")
    at_once = merge(streets, theirs)
    monkeypatch.setattr(merge_surveys, "_BATCH", 2)
    assert preview_merge(dataset=streets, branch="again", from_version=theirs).survey.plan is None
    assert merge(streets, theirs, branch="again").root == at_once.root


# ---- taxonomies -------------------------------------------------------------------

CLASSES = "1:road/stuff 2:car 3:sky/stuff"


def publish(streets, drawing):
    return publish_version(
        taxonomy=streets.taxonomy, classes=colored(classes(drawing)), actor=author(), message=""
    )


def test_the_taxonomy_of_the_side_that_moved_it_is_taken():
    streets = dataset()
    fork(streets, commit_to(streets, names("a")))
    trees = publish(streets, f"{CLASSES} tree")
    theirs = commit_to(
        streets, names("b", label=put_label("4", {4: 4})), branch="other", taxonomy_version=trees
    )
    commit_to(streets, names("c"))
    preview = preview_merge(dataset=streets, branch="main", from_version=theirs)
    assert preview.survey.to_json()["taxonomy"] == {
        "old": {"slug": streets.taxonomy.slug, "number": 1},
        "new": {"slug": streets.taxonomy.slug, "number": 2},
    }
    assert merge(streets, theirs).taxonomy_version == trees
    later = commit_to(streets, names("d"), branch="other")
    ours = commit_to(streets, names("e"))
    assert merge(streets, ours, branch="other").taxonomy_version == trees
    assert later.taxonomy_version == trees


def test_a_taxonomy_that_both_sides_moved_apart_is_a_conflict():
    streets = dataset()
    fork(streets, commit_to(streets, names("a")))
    second, third = (publish(streets, f"{CLASSES} {more}") for more in ("tree", "4:tree bus"))
    commit_to(streets, names("b"), taxonomy_version=second)
    theirs = commit_to(streets, names("c"), branch="other", taxonomy_version=third)
    with pytest.raises(MergeConflicts, match="taxonomy") as caught:
        merge(streets, theirs)
    slug = streets.taxonomy.slug
    assert caught.value.conflicts == [
        {
            "name": None, "number": None, "field": "taxonomy", "base": {"slug": slug, "number": 1},
            "ours": {"slug": slug, "number": 2}, "theirs": {"slug": slug, "number": 3},
        }
    ]  # fmt: skip
    chosen = [Resolution(None, ConflictField.TAXONOMY, THEIRS)]
    assert merge(streets, theirs, resolutions=chosen).taxonomy_version == third


def test_labels_are_checked_against_the_taxonomy_of_the_result():
    streets = dataset()
    fork(streets, commit_to(streets, names("a")))
    second, third = (publish(streets, f"{CLASSES} {more}") for more in ("tree", "4:tree bus"))
    commit_to(streets, names("b"), taxonomy_version=second)
    bus = names("c", label=put_label("55 .4", {5: 5, 4: 4}))
    theirs = commit_to(streets, bus, branch="other", taxonomy_version=third)
    preview = preview_merge(dataset=streets, branch="main", from_version=theirs, strategy=OURS)
    assert preview.survey.unknown_classes == {5: 1}
    with pytest.raises(ClassesStillUsed, match="revives") as caught:
        merge(streets, theirs, strategy=OURS)
    assert caught.value.segments == {5: 1}
    assert Version.objects.count() == 3


def test_labels_of_a_class_that_was_retired_meanwhile_are_merged():
    streets = dataset()
    fork(streets, commit_to(streets, names("a")))
    theirs = commit_to(streets, names("b", label=put_label("3", {3: 3})), branch="other")
    retired = publish(streets, "1:road/stuff 2:car 3:sky/stuff->1")
    commit_to(streets, [], taxonomy_version=retired)
    version = merge(streets, theirs)
    assert version.taxonomy_version == retired
    assert content(version)["b"].label == put_label("3", {3: 3})


# ---- cost -------------------------------------------------------------------------


def cost_of_a_merge(images, changed_by_ours):
    streets = dataset()
    start = names(*(f"{n:05}" for n in range(images)))
    ours = names(*(f"{n:05}" for n in range(changed_by_ours)), split="val")
    theirs = [*names("00001", label=put_label("1", {1: 1})), *names("new")]
    streets, _, theirs = diverged(ours, theirs, start)
    with count_rows() as preview:
        preview_merge(dataset=streets, branch="main", from_version=theirs)
    with count_rows() as cost:
        merge(streets, theirs)
    return preview.queries, cost.queries, cost.rows


def test_the_cost_of_a_merge_goes_by_what_theirs_changed():
    small = cost_of_a_merge(70, 2)
    large = cost_of_a_merge(4_000, 2_000)
    assert large[:2] == small[:2]
    assert large[2] <= small[2] + 8


# ---- laws -------------------------------------------------------------------------

DRAWINGS = ["12 12", "1. .1", "22 2.", "123"]
LABELS = st.none() | st.sampled_from(DRAWINGS)
PHOTOS = st.none() | st.sampled_from(["one", "two"])
STATES = st.dictionaries(
    st.sampled_from("abc"),
    st.fixed_dictionaries(
        {"split": st.sampled_from(["", "val"]), "label": LABELS, "image": PHOTOS}
    ),
)


def put(drawing):
    signs = {int(sign) for sign in drawing if sign.isdigit()}
    return put_label(drawing, {sign: sign for sign in signs})


def edits_to(state, present):
    """The changes that make `state` of the images that are present."""
    changes = [ImageChange(name, delete=True) for name in sorted(present - state.keys())]
    for name, fields in state.items():
        label = put(fields["label"]) if fields["label"] else None
        image = put_bytes(fields["image"]) if fields["image"] else None
        changes.append(ImageChange(name, image, label, fields["split"], status=None))
    return changes


def history_of(base, ours, theirs):
    """The versions of a fork: "fixed" is in all, so that no tree is empty."""
    streets = dataset()
    first = commit_to(streets, [*names("fixed"), *edits_to(base, set())])
    fork(streets, first)
    our = commit_to(streets, edits_to(ours, set(base)), allow_empty=True)
    changes = edits_to(theirs, set(base))
    # A message of its own, or the same edits would be the same version.
    their = commit_to(streets, changes, branch="other", allow_empty=True, message="Theirs")
    return streets, first, our, their


class Laws(TestCase):
    @examples(8)
    @given(STATES, STATES)
    def test_a_side_that_changed_nothing_takes_the_other(self, base, changed):
        for sides in ((base, changed), (changed, base), (changed, changed)):
            streets, _, ours, theirs = history_of(base, *sides)
            expected = theirs if sides[0] is base else ours
            assert merge(streets, theirs).root == expected.root

    @examples(15)
    @given(STATES, STATES, STATES)
    def test_edits_of_different_images_merge_clean_and_either_way_round(self, base, one, two):
        ours = {name: state for name, state in (base | one).items() if name != "c"}
        ours |= {name: state for name, state in base.items() if name == "c"}
        theirs = {name: state for name, state in base.items() if name != "c"}
        theirs |= {name: state for name, state in two.items() if name == "c"}
        streets, _, our, their = history_of(base, ours, theirs)
        merged = merge(streets, their)
        assert merge(streets, our, branch="other").root == merged.root

    @examples(15)
    @given(STATES, STATES, STATES, st.sampled_from([None, OURS, THEIRS]))
    def test_the_statistics_of_a_merge_equal_a_recount(self, base, ours, theirs, strategy):
        streets, _, our, their = history_of(base, ours, theirs)
        preview = preview_merge(
            dataset=streets, branch="main", from_version=their, strategy=strategy
        )
        if preview.survey.conflict_count:
            assert strategy is None
            with pytest.raises(MergeConflicts):
                merge(streets, their)
            return
        version = merge(streets, their, strategy=strategy)
        stored = {
            (row.split, row.class_id, field): getattr(row, field)
            for row in VersionClassStats.objects.filter(version=version)
            for field in ("images", "segments", "crowds", "pixels")
            if getattr(row, field)
        }
        assert stored == dict(recount(version))
        counts = preview.survey.images
        changes = list(iter_changes(version))
        assert sum(counts) == len(changes)
        assert version.image_count == our.image_count + counts.added - counts.removed


# ---- the operator's command ---------------------------------------------------------


def run(*arguments):
    """Why a command failed, or None; what it printed and what it complained of."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        return str(error), out.getvalue(), err.getvalue()
    return None, out.getvalue(), err.getvalue()


def test_the_command_merges_a_revision():
    streets, _, theirs = diverged(names("a", split="val"), names("b", split="test"))
    error, out, _ = run("merge_branch", streets.slug, "main", "other", "--json", "-m", "Both")
    version = Version.objects.latest("number")
    assert error is None
    assert (version.message, version.author.username) == ("Both", "operator")
    told = json.loads(out)
    assert told["version"] == {"id": version.id_hex, "number": 4}
    assert (told["images"]["changed"], told["fast_forward"]) == (1, False)
    error, _, _ = run("merge_branch", streets.slug, "main", theirs.id_hex)
    assert "nothing_changed" in error


def test_the_command_tells_conflicts_and_fails():
    streets, _, _ = diverged(names("a", split="val"), names("a", split="test"))
    error, out, _ = run("merge_branch", streets.slug, "main", "other", "--json")
    assert "merge_conflicts" in error
    told = json.loads(out)
    assert (told["code"], told["version"], told["conflict_count"]) == ("merge_conflicts", None, 1)
    error, _, err = run("merge_branch", streets.slug, "main", "other")
    assert "conflict: a: split" in err
    assert run("merge_branch", streets.slug, "main", "other", "--strategy", "ours")[0] is None


def test_a_dry_run_of_the_command_writes_nothing():
    streets = dataset()
    fork(streets, commit_to(streets, names("a")))
    commit_to(streets, names("b"), branch="other")
    error, out, _ = run("merge_branch", streets.slug, "main", "other", "--dry-run")
    assert (error, out) == (None, "Would be: images 1 added, 0 changed, 0 removed\n")
    assert Branch.objects.get(dataset=streets, name="main").head.number == 1
    assert run("merge_branch", streets.slug, "main", "other", "--no-ff")[1].startswith("v3 ")
