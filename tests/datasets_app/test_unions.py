"""Unions of stored classes: exact, at once or by a job, and never a sum."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from datasets_app.actions.commits import ImageChange
from datasets_app.jobs.running import run_job
from datasets_app.models import Branch, Job, JobState, TreeNode, UnionCount
from datasets_app.unions import counting, get_union_counts, kept
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from tests.builders import stack
from tests.datasets_app.builders import author, commit_to, dataset, names, put_label

pytestmark = pytest.mark.django_db

CLASSES = "1:road/stuff 2:car 3:van 4:sky/stuff"


def streets(**images: str):
    """A version of images that hold the classes of their digits, each as one segment."""
    return held_by(dataset(drawing=CLASSES), **images)


def held_by(place, split="", **images: str):
    """The next version, in which these images hold the classes of their digits."""
    return commit_to(
        place,
        [
            ImageChange(
                name, label=put_label(row, {int(n): int(n) for n in row if n != "."}), split=split
            )
            for name, row in images.items()
        ],
    )


def union(version, *sources, **fields):
    """The images that hold any of the sources, over all splits."""
    return get_union_counts(version, [sources], **fields).over_splits(sources)


def test_an_image_with_several_sources_counts_once():
    version = streets(a="23", b="2", c="3", d="1")
    assert union(version, 2, 3) == 3
    assert union(version, 1, 2, 3) == 4


def test_splits_are_counted_by_themselves():
    place = dataset(drawing=CLASSES)
    held_by(place, split="train", a="23", b="2")
    version = held_by(place, split="val", c="23", d="3", e="1")
    counts = get_union_counts(version, [{2, 3}])
    assert [counts.find(split, {2, 3}) for split in ("train", "val", "test")] == [2, 2, 0]


def test_an_image_has_void_by_void_pixels_or_by_a_visible_pixel_of_a_class_that_is_void():
    version = streets(a="1.", b="14", c="11", d="4.")
    assert union(version, 0) == 2
    assert union(version, 0, 4) == 3


def test_a_class_that_is_void_and_hidden_makes_no_void():
    version = commit_to(
        dataset(drawing=CLASSES),
        names("a", label=hidden_below(2, top=1)) + names("b", label=put_label("2", {2: 2})),
    )
    assert union(version, 0, 2) == 1
    assert union(version, 2, 3) == 2


def hidden_below(class_id, *, top):
    """A label that shows only the class `top`."""
    packed = pack_label(stack("22", "11", classes={2: class_id, 1: top}))
    register_labels([packed])
    return packed.digest


def test_one_source_or_none_is_known_from_the_statistics(django_assert_num_queries):
    version = streets(a="23", b="2", c="1")
    with django_assert_num_queries(2):
        assert union(version, 2) == 2
    with django_assert_num_queries(2):
        assert union(version, 2, 4) == 2
    with django_assert_num_queries(2):
        assert union(version, 4) == 0


def test_a_class_that_every_labelled_image_holds_decides_without_a_look(django_assert_num_queries):
    version = streets(a="12", b="1", c="13")
    with django_assert_num_queries(2):
        assert union(version, 1, 2, 3) == 3


def test_classes_that_share_no_image_are_added_without_reading_the_tree():
    version = streets(a="2", b="2", c="3", d="1")
    with CaptureQueriesContext(connection) as queries:
        assert union(version, 2, 3) == 3
    assert not [query for query in queries if TreeNode._meta.db_table in query["sql"]]


def test_a_bit_of_another_version_is_looked_up_in_the_tree():
    place = dataset(drawing=CLASSES)
    held_by(place, a="23", b="2", c="3", d="1")
    version = held_by(place, a="2")
    UnionCount.objects.all().delete()
    assert union(version, 2, 3) == 3


def test_the_number_of_queries_does_not_grow_with_sets_and_images():
    def queries(images, sets):
        held = ("23", "14", "134", "1")
        version = streets(**{f"i{n}": held[n % 4] for n in range(images)})
        with CaptureQueriesContext(connection) as seen:
            get_union_counts(version, sets)
        return len(seen)

    one = queries(4, [{3, 4}])
    assert queries(40, [{2, 4}, {3, 4}, {1, 2}, {0, 3}]) == one


def test_what_was_counted_is_kept(django_assert_num_queries):
    version = streets(a="23", b="2", c="3", d="1")
    assert union(version, 2, 3) == 3
    with django_assert_num_queries(4):  # two of statistics, the classes, the row
        assert union(version, 3, 2) == 3


def test_a_later_version_is_counted_by_its_changes_alone():
    place = dataset(drawing=CLASSES)
    first = held_by(place, a="23", b="2", c="3", d="1")
    assert union(first, 2, 3) == 3
    held_by(place, d="13")
    version = held_by(place, b="1", e="23", f="2")
    with CaptureQueriesContext(connection) as queries:
        assert union(version, 2, 3) == 5
    assert not [query for query in queries if TreeNode._meta.db_table in query["sql"]]
    assert not [
        query for query in queries if "imageindex" in query["sql"] and "bits" in query["sql"]
    ]


def test_a_migration_costs_the_same_at_any_size(django_assert_num_queries):
    for images in (4, 60):
        place = dataset(drawing=CLASSES)
        first = held_by(place, **{f"i{n}": "23" if n % 2 else "14" for n in range(images)})
        assert union(first, 2, 4) == images
        union(first, 2, 3)
        version = commit_to(place, [], allow_empty=True)
        with django_assert_num_queries(7):
            assert union(version, 2, 3) == images // 2


def test_ancestors_with_too_many_changes_between_are_not_asked(monkeypatch):
    monkeypatch.setattr(kept, "CHANGES_AT_ONCE", 1)
    place = dataset(drawing=CLASSES)
    first = held_by(place, a="23", b="2", c="3", d="1")
    union(first, 2, 3)
    near = held_by(place, d="2")
    far = held_by(place, a="1", b="1")
    assert kept.derive_counts(near, [frozenset({2, 3})]) == {frozenset({2, 3}): {"": 4}}
    UnionCount.objects.exclude(version=first).delete()
    assert kept.derive_counts(far, [frozenset({2, 3})]) == {}
    assert union(far, 2, 3) == 2


def test_a_class_that_the_dataset_never_had_changes_no_set(django_assert_num_queries):
    version = streets(a="23", b="2", c="3", d="1")
    union(version, 2, 3)
    with django_assert_num_queries(4):
        assert union(version, 2, 3, 4) == 3


# ---- jobs -------------------------------------------------------------------


@pytest.fixture
def _nothing_at_once(monkeypatch):
    """Leave every look into the tree to a job, which the test runs."""
    monkeypatch.setattr(counting, "IMAGES_AT_ONCE", 0)


@pytest.mark.usefixtures("_nothing_at_once")
def test_what_takes_long_is_pending_and_then_exact():
    version = streets(a="23", b="2", c="3", d="1")
    waiting = get_union_counts(version, [{2, 3}], actor=author())
    assert waiting.pending
    assert waiting.find("", {2, 3}) is None
    assert waiting.over_splits({2, 3}) is None
    assert (waiting.job.state, waiting.job.requested_by) == (JobState.QUEUED, author())

    run_job(str(waiting.job.pk))

    ready = get_union_counts(version, [{2, 3}])
    assert (ready.pending, ready.job, ready.over_splits({2, 3})) == (False, None, 3)
    waiting.job.refresh_from_db()
    assert (waiting.job.done, waiting.job.total) == (1, 1)


@pytest.mark.usefixtures("_nothing_at_once")
def test_the_same_question_finds_the_same_job():
    version = streets(a="23", b="2", c="3", d="1")
    first = get_union_counts(version, [{2, 3}, {1, 2}])
    again = get_union_counts(version, [{1, 2}, {3, 2}])
    assert first.job == again.job
    assert Job.objects.count() == 1


@pytest.mark.usefixtures("_nothing_at_once")
def test_a_job_that_ended_without_a_result_is_asked_for_anew():
    version = streets(a="23", b="2", c="3", d="1")
    failed = get_union_counts(version, [{2, 3}]).job
    Job.objects.update(state=JobState.FAILED)
    assert get_union_counts(version, [{2, 3}]).job != failed


@pytest.mark.usefixtures("_nothing_at_once")
def test_a_job_may_run_twice():
    version = streets(a="23", b="2", c="3", d="1")
    job = get_union_counts(version, [{2, 3}]).job
    run_job(str(job.pk))
    Job.objects.update(state=JobState.QUEUED)
    run_job(str(job.pk))
    assert UnionCount.objects.count() == 1
    assert union(version, 2, 3) == 3


@pytest.mark.usefixtures("_nothing_at_once")
def test_what_shares_no_image_is_not_left_to_the_job():
    version = streets(a="23", b="2", c="3", d="1")
    counts = get_union_counts(version, [{2, 3}, {1, 2}])
    assert [counts.over_splits(sources) for sources in ({2, 3}, {1, 2})] == [None, 3]
    assert counts.job.arguments["sources"] == [[2, 3]]


def test_small_sets_are_counted_at_once_beside_a_large_one(monkeypatch):
    monkeypatch.setattr(counting, "IMAGES_AT_ONCE", 1)
    version = streets(a="23", b="23", c="12", d="4")
    counts = get_union_counts(version, [{2, 3}, {1, 2}])
    assert [counts.over_splits(sources) for sources in ({2, 3}, {1, 2})] == [None, 3]


def test_long_bitmaps_are_left_to_the_job(monkeypatch):
    monkeypatch.setattr(counting, "INDEX_ROWS_AT_ONCE", 1)
    assert get_union_counts(streets(a="23", b="2", c="3", d="1"), [{2, 3}]).pending


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_works_at_once_answers_at_once(monkeypatch):
    monkeypatch.setattr(counting, "IMAGES_AT_ONCE", 0)
    assert union(streets(a="23", b="2", c="3", d="1"), 2, 3) == 3


def test_counts_die_with_their_version():
    version = streets(a="23", b="2", c="3", d="1")
    union(version, 2, 3)
    Branch.objects.all().delete()
    version.delete()
    assert not UnionCount.objects.exists()
