"""What publishing would do: the numbers of a preview against a count of the labels themselves."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.errors import NotFound, TaxonomiesDiffer
from datasets_app.jobs.running import run_job
from datasets_app.models import Dataset, Job
from datasets_app.previews import Head, NamedBranch, choose_heads, preview_changes
from datasets_app.previews.sources import touched_ids
from datasets_app.unions import counting
from labels_app.actions.drafts import (
    edit_draft,
    get_draft,
    preview_operations,
    publish_draft,
)
from labels_app.errors import InvalidOperation
from labels_app.models import DraftEdit, Taxonomy, TaxonomyDraft
from labels_app.reading import reading_of
from labels_app.revisions import register_labels
from labels_app.taxonomy_diff import diff_classes
from panoptic.codec import pack_label
from tests.builders import stack
from tests.datasets_app.builders import author, commit_to, dataset, names, put_label
from tests.labels_app.builders import reading

pytestmark = pytest.mark.django_db

CLASSES = "1:road/stuff 2:car 3:van 4:grass/stuff 5:sky/stuff"
ROAD, CAR, VAN, GRASS, SKY = range(1, 6)


def streets():
    """Four images: cars over road, a van that hides a car, stuff of two classes, no label."""
    place = dataset(drawing=CLASSES)
    commit_to(
        place,
        [
            *names("a", label=put_label("1123 1143", {1: ROAD, 2: CAR, 3: CAR, 4: VAN})),
            *names("b", label=hiding()),
            *names("c", label=put_label("1122 1122", {1: ROAD, 2: GRASS}), split="val"),
            *names("d"),
        ],
    )
    return place


def hiding():
    """A label of a car below a van, and grass."""
    return put_stack("11..", "22..", "..33", classes={1: CAR, 2: VAN, 3: GRASS})


def put_stack(*drawings, classes, **fields):
    """Store a label of masks, bottom first."""
    packed = pack_label(stack(*drawings, classes=classes, **fields))
    register_labels([packed])
    return packed.digest


def draft_of(place, *operations):
    """The draft after these operations; nothing is stored."""
    return preview_operations(get_draft(place.taxonomy), operations)


def preview(place, *operations, **fields):
    """The preview of operations on the head of main."""
    draft = draft_of(place, *operations)
    fields.setdefault("heads", choose_heads(place.taxonomy, Dataset.objects.all()).heads)
    return preview_changes(
        old=reading_of(draft.base),
        new=draft.reading,
        changes=draft.changes,
        **{"actor": author(), **fields},
    )


def effects(place, *operations, **fields):
    """(kind, class name) of each change → its effect as a tuple."""
    found = preview(place, *operations, **fields)
    (branch,) = found.branches
    return {
        (change.kind.value, change.name): tuple(effect)
        for change, effect in zip(found.changes, branch.effects, strict=True)
    }


def turns(place, *operations):
    """Class name → (before, after), as tuples of images, segments and pixels."""
    (branch,) = preview(place, *operations).branches
    return {
        turn.spec.name if turn.spec else "void": tuple(
            None if side is None else tuple(side) for side in (turn.before, turn.after)
        )
        for turn in branch.classes
    }


# ---- each kind of change ----------------------------------------------------


def test_a_merge_affects_what_becomes_something_else():
    merge = {"op": "merge", "classes": ["car", "van"], "into": "car"}
    assert effects(streets(), merge) == {("merged", "car"): (2, 2, 3, 0, 0)}
    assert turns(streets(), merge) == {
        "car": ((2, 3, 3), (2, 5, 6)),
        "van": ((2, 2, 3), None),
    }


def test_a_merge_into_a_new_class_affects_all_of_them():
    merge = {"op": "merge", "classes": ["car", "van"], "into": "vehicle"}
    assert effects(streets(), merge) == {("merged", "vehicle"): (2, 5, 6, 0, 0)}


def test_merged_stuff_is_joined_where_an_image_has_both():
    merge = {"op": "merge", "classes": ["grass", "road"], "into": "road"}
    assert effects(streets(), merge) == {("merged", "road"): (2, 2, 6, 1, 0)}
    assert turns(streets(), merge)["road"] == ((2, 2, 8), (3, 3, 14))


def test_things_that_become_stuff_are_joined_within_each_image():
    assert effects(streets(), {"op": "flip", "class": "car"}) == {
        ("flipped", "car"): (2, 3, 3, 1, 0)
    }


def test_stuff_that_becomes_a_thing_is_a_crowd_of_each_image():
    assert effects(streets(), {"op": "flip", "class": "road"}) == {
        ("flipped", "road"): (2, 2, 8, 0, 2)
    }


def test_stuff_and_things_merged_are_joined_or_crowds():
    both = {"op": "merge", "classes": ["car", "road"], "into": "ground"}
    as_stuff, as_things = ({**both, "kind": kind} for kind in ("stuff", "thing"))
    assert effects(streets(), as_stuff) == {("merged", "ground"): (3, 5, 11, 2, 0)}
    assert effects(streets(), as_things) == {("merged", "ground"): (3, 5, 11, 0, 2)}


def test_stuff_of_two_classes_becomes_one_crowd_of_an_image():
    merge = {"op": "merge", "classes": ["grass", "road"], "into": "ground", "kind": "thing"}
    assert effects(streets(), merge) == {("merged", "ground"): (3, 4, 14, 1, 3)}
    assert turns(streets(), merge)["ground"] == (None, (3, 3, 14))


def test_crowds_that_are_crowds_already_are_not_made():
    place = streets()
    publish(place, {"op": "flip", "class": "road"}, migrate=True)
    merge = {"op": "merge", "classes": ["car", "road"], "into": "object"}
    assert effects(place, merge) == {("merged", "object"): (3, 5, 11, 0, 0)}


def test_a_class_that_is_retired_becomes_void_where_it_is_seen():
    place = streets()
    retire = {"op": "retire", "class": "car"}
    assert effects(place, retire) == {("retired", "car"): (2, 3, 3, 0, 0)}
    found = turns(place, retire)
    assert found["car"] == ((2, 3, 3), None)
    assert found["void"] == ((0, 0, 0), (1, 0, 3))


def test_a_revived_class_takes_its_own_labels_back():
    place = streets()
    publish(place, {"op": "merge", "classes": ["car", "van"], "into": "car"}, migrate=True)
    assert effects(place, {"op": "revive", "class": "van"}) == {("revived", "van"): (2, 2, 3, 0, 0)}


def test_what_comes_back_from_void_is_counted_as_it_will_read():
    place = streets()
    publish(place, {"op": "retire", "class": "car"}, migrate=True)
    assert effects(place, {"op": "revive", "class": "car"}) == {("revived", "car"): (2, 3, 3, 0, 0)}


def test_a_flip_that_is_taken_back_parts_what_was_joined():
    place = streets()
    publish(place, {"op": "flip", "class": "car"}, migrate=True)
    back = {"op": "flip", "class": "car"}
    assert effects(place, back) == {("flipped", "car"): (2, 2, 3, 0, 0)}
    (branch,) = preview(place, back).branches
    (car,) = (turn for turn in branch.classes if turn.class_id == CAR)
    assert (car.before, tuple(car.after)) == (None, (2, 3, 3))


def test_a_split_and_other_words_leave_the_reading():
    found = preview(
        streets(),
        {"op": "rename", "class": "car", "name": "auto"},
        {"op": "recolor", "class": "road", "color": "#123456"},
        {"op": "split", "class": "grass", "into": ["lawn", "meadow"]},
        {"op": "add", "name": "tram", "kind": "thing"},
    )
    told = {
        change.kind.value: (change.changes_reading, *effect)
        for change, effect in zip(found.changes, found.branches[0].effects, strict=True)
    }
    assert told["renamed"] == (False, 2, 3, 3, 0, 0)
    assert told["recolored"] == (False, 2, 2, 8, 0, 0)
    assert told["split"] == (False, 2, 2, 6, 0, 0)
    assert told["added"] == (False, 0, 0, 0, 0, 0)


# ---- heads ------------------------------------------------------------------


def publish(place, *operations, migrate=False):
    """Publish operations, and move main there."""
    taxonomy = Taxonomy.objects.get(pk=place.taxonomy_id)
    edited = edit_draft(
        taxonomy=taxonomy,
        expected_revision=get_draft(taxonomy).revision,
        operations=operations,
        actor=author(),
    )
    version = publish_draft(
        taxonomy=taxonomy, expected_revision=edited.revision, message="Change", actor=author()
    )
    if migrate:
        commit_to(place, [], taxonomy_version=version)
    return version


def test_a_head_is_what_a_branch_points_at():
    place = streets()
    (head,) = choose_heads(place.taxonomy, Dataset.objects.all()).heads
    assert isinstance(head, Head)
    assert head.version == place.branches.get().head


def test_a_head_at_an_older_version_is_measured_from_how_it_reads_now():
    place = streets()
    publish(place, {"op": "merge", "classes": ["car", "van"], "into": "car"})
    found = preview(place, {"op": "retire", "class": "car"})
    (branch,) = found.branches
    assert [change.kind.value for change in branch.earlier] == ["merged"]
    assert tuple(branch.effects[0]) == (2, 5, 6, 0, 0)
    before = {turn.class_id: turn.before.segments for turn in branch.classes if turn.before}
    assert (before[CAR], before[VAN]) == (3, 2)


def test_what_the_draft_takes_back_before_a_head_came_there_does_nothing_to_it():
    place = streets()
    publish(place, {"op": "merge", "classes": ["car", "van"], "into": "car"})
    assert effects(place, {"op": "revive", "class": "van"}) == {("revived", "van"): (0, 0, 0, 0, 0)}


def test_classes_that_the_new_side_lacks_stand_against_the_move():
    place = streets()
    head = choose_heads(place.taxonomy, Dataset.objects.all()).heads
    now = reading_of(head[0].version.taxonomy_version)
    lesser = reading("1:road/stuff 2:car 5:sky/stuff")
    found = preview_changes(old=now, new=lesser, changes=(), heads=head, actor=None)
    assert [tuple(row) for row in found.branches[0].unknown] == [(VAN, 2), (GRASS, 2)]
    assert not found.branches[0].can_move


def test_the_default_heads_are_those_of_datasets_that_use_the_taxonomy():
    place, other = streets(), streets()
    create_branch(dataset=place, name="side", head=place.branches.get().head, actor=author())
    chosen = choose_heads(place.taxonomy, Dataset.objects.all())
    assert [(head.dataset, head.branch) for head in chosen.heads] == [(place, "main")]
    assert choose_heads(other.taxonomy, Dataset.objects.exclude(pk=other.pk)).heads == []


def test_more_heads_than_wanted_are_said():
    place = streets()
    for number in range(3):
        twin = Dataset.objects.create(slug=f"twin-{number}", taxonomy=place.taxonomy)
        commit_to(twin, names("a"))
    chosen = choose_heads(place.taxonomy, Dataset.objects.all(), limit=2)
    assert (len(chosen.heads), chosen.left_out) == (2, 2)


def test_named_branches_are_found_or_said_to_be_missing():
    place, other = streets(), streets()
    everything = Dataset.objects.all()
    Dataset.objects.create(slug="empty", taxonomy=place.taxonomy).branches.create(name="main")
    chosen = choose_heads(place.taxonomy, everything, [NamedBranch(place.slug)] * 2)
    assert [head.branch for head in chosen.heads] == ["main"]
    for dataset_name, branch in ((place.slug, "nope"), ("nowhere", None), ("empty", None)):
        with pytest.raises(NotFound):
            choose_heads(place.taxonomy, everything, [NamedBranch(dataset_name, branch)])
    with pytest.raises(NotFound):
        choose_heads(place.taxonomy, everything, [NamedBranch("a\x00")])
    with pytest.raises(TaxonomiesDiffer):
        choose_heads(place.taxonomy, everything, [NamedBranch(other.slug)])


# ---- which stored classes ---------------------------------------------------


def test_each_stored_class_is_under_one_change():
    old = reading("1:a 2:b->1 3:c 4:d")
    new = reading("1:a->3 2:b 3:c 4:d->void")
    changes = diffed(old, new)
    touched = touched_ids(old, new, changes)
    assert dict(zip([change.kind.value for change in changes], touched, strict=True)) == {
        "revived": {2},
        "merged": {1},
        "retired": {4},
    }


def diffed(old, new):
    return diff_classes(old.classes.values(), new.classes.values())


def test_the_own_labels_of_a_class_that_comes_back_and_takes_in_others_are_of_the_merge():
    old = reading("1:a 2:b 3:c->4 4:d")
    new = reading("1:a->3 2:b->3 3:c 4:d")
    (change,) = diffed(old, new)
    assert touched_ids(old, new, [change]) == ({1, 2, 3},)


# ---- previews of operations -------------------------------------------------


def test_operations_that_are_previewed_are_not_stored():
    place = streets()
    before = Taxonomy.objects.get(pk=place.taxonomy_id).next_class_id
    draft = draft_of(place, {"op": "add", "name": "tram", "kind": "thing"})
    assert [change.name for change in draft.changes] == ["tram"]
    assert not TaxonomyDraft.objects.exists()
    assert not DraftEdit.objects.exists()
    assert Taxonomy.objects.get(pk=place.taxonomy_id).next_class_id == before
    assert place.taxonomy.next_class_id == before


def test_an_operation_that_cannot_be_done_is_refused_with_its_place():
    with pytest.raises(InvalidOperation, match="operation 2"):
        draft_of(streets(), {"op": "flip", "class": "car"}, {"op": "flip", "class": "nope"})


# ---- cost -------------------------------------------------------------------


def many(images):
    place = dataset(drawing=CLASSES)
    both = put_label("1123", {1: ROAD, 2: CAR, 3: VAN})
    one = put_label("1122", {1: ROAD, 2: CAR})
    commit_to(
        place,
        [ImageChange(f"{n}.png", label=both if n % 3 else one) for n in range(images)],
    )
    return place


def test_a_preview_takes_the_same_queries_for_any_number_of_images():
    def queries(images):
        place = many(images)
        operations = (
            {"op": "merge", "classes": ["car", "van"], "into": "vehicle"},
            {"op": "flip", "class": "road"},
        )
        head = choose_heads(place.taxonomy, Dataset.objects.all()).heads
        with CaptureQueriesContext(connection) as seen:
            found = preview(place, *operations, heads=head, examples=3)
        assert [row.images for row in found.branches[0].effects] == [images, images]
        return len(seen)

    assert queries(90) == queries(9)


def test_changes_that_no_image_has_twice_take_two_queries(django_assert_num_queries):
    place = many(9)
    draft = draft_of(place, {"op": "rename", "class": "car", "name": "auto"})
    heads = choose_heads(place.taxonomy, Dataset.objects.all()).heads
    old, new = reading_of(draft.base), draft.reading
    with django_assert_num_queries(2):
        preview_changes(old=old, new=new, changes=draft.changes, heads=heads, actor=None)


def test_what_takes_long_is_pending_with_its_job_and_pixels_are_exact_at_once():
    place = streets()
    commit_to(place, names("e", label=put_label("1", {1: ROAD})))
    merge = {"op": "merge", "classes": ["car", "road"], "into": "ground", "kind": "stuff"}
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        waiting = preview(place, merge)
        assert waiting.pending
        assert waiting.jobs == [Job.objects.get().pk]
        (effect,) = waiting.branches[0].effects
        assert tuple(effect) == (None, 6, 12, None, 0)
        run_job(str(waiting.jobs[0]))
        ready = preview(place, merge)
    assert (ready.pending, ready.jobs) == (False, [])
    assert tuple(ready.branches[0].effects[0]) == (4, 6, 12, 2, 0)
