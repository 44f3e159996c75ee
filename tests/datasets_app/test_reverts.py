import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions import publishing
from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.actions.reverts import preview_revert, revert_version
from datasets_app.changelog import iter_changes
from datasets_app.errors import (
    BranchMoved,
    ClassesStillUsed,
    KeyReused,
    MergeConflicts,
    NotFound,
    NothingChanged,
    NotInHistory,
)
from datasets_app.merge_surveys import Resolution
from datasets_app.merging import ConflictField, Take
from datasets_app.models import Branch, Version, VersionClassStats
from people_app.models import AuditEvent
from tests.datasets_app.builders import author, commit_to, dataset, digest, names, put_label
from tests.datasets_app.counting import count_rows
from tests.datasets_app.test_commits import content
from tests.datasets_app.test_merges import CLASSES, STATES, edits_to, fork, merge, publish, run
from tests.datasets_app.test_stats import recount
from tests.laws import examples

pytestmark = pytest.mark.django_db


def head_of(streets, branch="main"):
    return Branch.objects.select_related("head").get(dataset=streets, name=branch).head


def revert(streets, version, *, branch="main", **fields):
    """Undo a version on whatever the branch is at."""
    fields.setdefault("expected_head", head_of(streets, branch).version_id)
    fields.setdefault("author", author())
    return revert_version(dataset=streets, branch=branch, version=version, **fields)


def splits(version):
    return {name: row.split for name, row in content(version).items()}


def test_a_revert_takes_back_what_a_version_did_and_keeps_what_came_after():
    streets = dataset()
    commit_to(streets, names(*"abc"))
    wrong = commit_to(
        streets,
        [*names("a", "d", split="val"), ImageChange("b", delete=True)],
        message="Wrong\n\nVery wrong",
    )
    later = commit_to(streets, names("c", split="test"))
    version = revert(streets, wrong)
    assert splits(version) == {"a": "", "b": "", "c": "test"}
    assert list(version.parents.all()) == [later]
    assert version.message == 'Revert v2 "Wrong"'
    assert len(list(iter_changes(version))) == 3


def test_another_field_of_the_same_image_is_kept():
    streets = dataset()
    commit_to(streets, names("a"))
    wrong = commit_to(streets, names("a", split="val"))
    mask = put_label("1", {1: 1})
    commit_to(streets, names("a", label=mask))
    found = content(revert(streets, wrong))["a"]
    assert (found.split, found.label) == ("", mask)


def test_a_field_that_was_set_again_since_is_a_conflict():
    streets = dataset()
    commit_to(streets, names("a", "b"))
    wrong = commit_to(streets, names("a", "b", split="val"))
    commit_to(streets, names("a", split="test"))
    with pytest.raises(MergeConflicts) as caught:
        revert(streets, wrong)
    assert caught.value.conflicts == [
        {"name": "a", "number": 1, "field": "split", "base": "val", "ours": "test", "theirs": None}
    ]
    kept = revert(streets, wrong, resolutions=[Resolution("a", None, Take.OURS)])
    assert splits(kept) == {"a": "test", "b": ""}


def test_an_image_that_the_version_added_and_somebody_changed_is_a_conflict():
    streets = dataset()
    commit_to(streets, names("a"))
    wrong = commit_to(streets, names("b"))
    commit_to(streets, names("b", split="val"))
    with pytest.raises(MergeConflicts) as caught:
        revert(streets, wrong)
    assert caught.value.conflicts[0]["field"] == "presence"
    assert splits(revert(streets, wrong, strategy=Take.THEIRS)) == {"a": ""}


def test_what_somebody_undid_already_is_no_conflict():
    streets = dataset()
    commit_to(streets, names("a", "b"))
    wrong = commit_to(streets, names("a", "b", split="val"))
    commit_to(streets, names("a", split=""))
    assert splits(revert(streets, wrong)) == {"a": "", "b": ""}
    with pytest.raises(NothingChanged):
        revert(streets, wrong)


def test_the_first_version_is_undone_by_removing_its_images():
    streets = dataset()
    first = commit_to(streets, names("a", "b"))
    commit_to(streets, names("c"), taxonomy_version=publish(streets, f"{CLASSES} tree"))
    version = revert(streets, first)
    assert list(content(version)) == ["c"]
    assert version.taxonomy_version.number == 2


def test_a_merge_is_undone_against_its_first_parent():
    streets = dataset()
    fork(streets, commit_to(streets, names("a", "b")))
    ours = commit_to(streets, names("a", split="val"))
    theirs = commit_to(streets, names("b", split="val"), branch="other")
    both = merge(streets, theirs)
    assert revert(streets, both).root == ours.root


def test_a_version_that_the_branch_never_had_is_not_undone():
    streets = dataset()
    base = commit_to(streets, names("a"))
    fork(streets, base)
    theirs = commit_to(streets, names("b"), branch="other")
    with pytest.raises(NotInHistory):
        revert(streets, theirs)
    with pytest.raises(NotInHistory):
        revert(streets, commit_to(streets, names("a"), branch="island"))
    with pytest.raises(NotFound):
        revert(streets, commit_to(dataset(), names("a")))
    create_branch(dataset=streets, name="empty", head=None, actor=author())
    with pytest.raises(NotInHistory):
        preview_revert(dataset=streets, branch="empty", version=base)


def test_a_version_that_came_by_a_merge_can_be_undone():
    streets = dataset()
    fork(streets, commit_to(streets, names("a")))
    commit_to(streets, names("b"))
    theirs = commit_to(streets, names("c"), branch="other")
    merge(streets, theirs)
    assert sorted(content(revert(streets, theirs))) == ["a", "b"]


def test_a_branch_that_moved_refuses_the_revert(monkeypatch):
    streets = dataset()
    first = commit_to(streets, names("a"))
    second = commit_to(streets, names("b"))
    with pytest.raises(BranchMoved):
        revert(streets, second, expected_head=first.version_id)

    def lock_late(wanted):
        Branch.objects.filter(dataset=streets, name="main").update(head=first)
        return real(wanted)

    real = publishing.lock_dataset
    monkeypatch.setattr(publishing, "lock_dataset", lock_late)
    with pytest.raises(BranchMoved):
        revert(streets, second)
    assert Version.objects.count() == 2


def test_the_same_key_answers_the_same_revert():
    streets = dataset()
    commit_to(streets, names("a"))
    second = commit_to(streets, names("b"))
    key = {"idempotency_key": "k", "expected_head": second.version_id}
    first = revert(streets, second, body_sha256=digest("body"), **key)
    assert revert(streets, second, body_sha256=digest("body"), **key) == first
    with pytest.raises(KeyReused):
        revert(streets, second, body_sha256=digest("other"), **key)


def test_a_revert_is_one_audit_event():
    streets = dataset()
    commit_to(streets, names("a"))
    second = commit_to(streets, names("b"))
    before = AuditEvent.objects.count()
    preview_revert(dataset=streets, branch="main", version=second)
    assert AuditEvent.objects.count() == before
    revert(streets, second)
    assert AuditEvent.objects.count() == before + 1


# ---- taxonomies -------------------------------------------------------------------


def test_reverting_a_migration_gives_the_taxonomy_back_and_touches_no_label():
    streets = dataset()
    mask = put_label("12", {1: 1, 2: 2})
    first = commit_to(streets, names("a", label=mask))
    moved = commit_to(streets, [], taxonomy_version=publish(streets, "1:road/stuff 2:car 3:sky->1"))
    version = revert(streets, moved)
    assert (version.root, version.taxonomy_version) == (first.root, first.taxonomy_version)
    assert version.content_digest == first.content_digest
    assert content(version)["a"].label == mask


def test_reverting_a_migration_keeps_the_images_that_came_after():
    streets = dataset()
    commit_to(streets, names("a"))
    moved = commit_to(streets, [], taxonomy_version=publish(streets, f"{CLASSES} tree"))
    later = commit_to(streets, names("b", label=put_label("1", {1: 1})))
    version = revert(streets, moved)
    assert (version.root, version.taxonomy_version.number) == (later.root, 1)


def test_labels_in_a_class_that_the_older_taxonomy_lacks_stand_against_it():
    streets = dataset()
    commit_to(streets, names("a"))
    moved = commit_to(streets, [], taxonomy_version=publish(streets, f"{CLASSES} tree"))
    commit_to(streets, names("b", label=put_label("45", {4: 4, 5: 4})))
    preview = preview_revert(dataset=streets, branch="main", version=moved)
    assert preview.survey.unknown_classes == {4: 2}
    with pytest.raises(ClassesStillUsed) as caught:
        revert(streets, moved)
    assert caught.value.segments == {4: 2}
    assert "revives" in caught.value.facts["hint"]
    assert caught.value.facts["classes"] == [{"class_id": 4, "segments": 2}]


def test_labels_that_the_revert_itself_takes_away_do_not_stand_against_it():
    streets = dataset()
    commit_to(streets, names("a"))
    tree = names("b", label=put_label("4", {4: 4}))
    moved = commit_to(streets, tree, taxonomy_version=publish(streets, f"{CLASSES} tree"))
    assert revert(streets, moved).taxonomy_version.number == 1


def test_labels_of_a_class_that_was_retired_meanwhile_come_back():
    streets = dataset()
    mask = put_label("3", {3: 3})
    commit_to(streets, names("a", label=mask))
    wrong = commit_to(streets, names("a", label=put_label("1", {1: 1})))
    retired = publish(streets, "1:road/stuff 2:car 3:sky/stuff->1")
    commit_to(streets, [], taxonomy_version=retired)
    assert content(revert(streets, wrong))["a"].label == mask


def test_a_taxonomy_that_moved_on_since_is_a_conflict():
    streets = dataset()
    commit_to(streets, names("a"))
    moved = commit_to(streets, [], taxonomy_version=publish(streets, f"{CLASSES} tree"))
    commit_to(streets, [], taxonomy_version=publish(streets, f"{CLASSES} 4:tree bus"))
    with pytest.raises(MergeConflicts) as caught:
        revert(streets, moved)
    assert [row["field"] for row in caught.value.conflicts] == ["taxonomy"]
    back = [Resolution(None, ConflictField.TAXONOMY, Take.THEIRS)]
    assert revert(streets, moved, resolutions=back).taxonomy_version.number == 1


def test_a_version_that_left_the_taxonomy_alone_is_undone_under_any_other():
    streets = dataset()
    commit_to(streets, names("a"))
    wrong = commit_to(streets, names("b"))
    newer = publish(streets, f"{CLASSES} tree")
    commit_to(streets, [], taxonomy_version=newer)
    assert revert(streets, wrong).taxonomy_version == newer


# ---- cost and laws ------------------------------------------------------------------


def queries_of_a_revert(images):
    streets = dataset()
    commit_to(streets, names(*(f"{n:05}" for n in range(images))))
    wrong = commit_to(streets, names("00001", "00002", split="val"))
    commit_to(streets, names("00003", split="val"))
    with count_rows() as cost:
        revert(streets, wrong)
    return cost.queries


def test_the_queries_of_a_revert_do_not_grow_with_the_dataset():
    assert queries_of_a_revert(4_000) == queries_of_a_revert(70)


class Laws(TestCase):
    @examples(15)
    @given(STATES, STATES)
    def test_a_revert_of_the_head_gives_its_parent_and_again_the_head(self, before, after):
        streets = dataset()
        parent = commit_to(streets, [*names("fixed"), *edits_to(before, set())])
        newer = publish(streets, f"{CLASSES} tree")
        head = commit_to(streets, edits_to(after, set(before)), taxonomy_version=newer)
        undone = revert(streets, head)
        assert undone.content_digest == parent.content_digest
        redone = revert(streets, undone)
        assert redone.content_digest == head.content_digest

    @examples(20)
    @given(st.lists(STATES, min_size=3, max_size=3), st.sampled_from([None, *Take]))
    def test_the_statistics_of_a_revert_equal_a_recount(self, states, strategy):
        streets = dataset()
        commit_to(streets, names("fixed"))
        versions, present = [], set()
        for state in states:
            changes = edits_to(state, present)
            versions.append(commit_to(streets, changes, allow_empty=True))
            present = set(state)
        survey = preview_revert(
            dataset=streets, branch="main", version=versions[1], strategy=strategy
        ).survey
        if survey.conflict_count or not any(survey.images):
            with pytest.raises((MergeConflicts, NothingChanged)):
                revert(streets, versions[1], strategy=strategy)
            return
        version = revert(streets, versions[1], strategy=strategy)
        stored = {
            (row.split, row.class_id, field): getattr(row, field)
            for row in VersionClassStats.objects.filter(version=version)
            for field in ("images", "segments", "crowds", "pixels")
            if getattr(row, field)
        }
        assert stored == dict(recount(version))
        assert len(list(iter_changes(version))) == sum(survey.images)


# ---- the operator's command ---------------------------------------------------------


def test_the_command_undoes_a_version():
    streets = dataset()
    commit_to(streets, names("a"))
    commit_to(streets, names("b"))
    error, out, _ = run("revert_version", streets.slug, "main", "v2", "--dry-run")
    assert (error, out) == (None, "Would be: images 0 added, 0 changed, 1 removed\n")
    error, out, _ = run("revert_version", streets.slug, "main", "v2", "--json", "-m", "Undo")
    assert error is None
    told = json.loads(out)
    assert told["images"] == {"added": 0, "changed": 0, "removed": 1}
    assert told["version"]["id"] == head_of(streets).id_hex
    assert head_of(streets).message == "Undo"


def test_the_command_tells_what_stands_against_it():
    streets = dataset()
    commit_to(streets, names("a"))
    commit_to(streets, names("b"))
    commit_to(streets, names("b", split="val"))
    error, out, _ = run("revert_version", streets.slug, "main", "v2", "--json")
    assert "merge_conflicts" in error
    assert json.loads(out)["conflicts"][0]["field"] == "presence"
    assert "not_found" in run("revert_version", streets.slug, "main", "v9")[0]
