"""Where classes are used, and how often they were."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from datasets_app.actions.branches import create_branch
from datasets_app.class_usage import class_history, class_usage
from datasets_app.errors import NotFound
from datasets_app.jobs.running import run_job
from datasets_app.models import Dataset
from datasets_app.unions import counting
from labels_app.actions.taxonomies import publish_version
from labels_app.reading import reading_of
from people_app.actions.roles import grant_role
from people_app.roles import Role
from tests.datasets_app.builders import author, colored, commit_to, dataset, names, put_label
from tests.labels_app.builders import classes

pytestmark = pytest.mark.django_db

CLASSES = "1:road/stuff 2:car 3:van 4:sky/stuff"
ROAD, CAR, VAN = 1, 2, 3


def streets():
    """a: a car and a van, b: two cars, c: no label; ada is its admin."""
    place = dataset(drawing=CLASSES)
    commit_to(place, names("a", label=put_label("1223", {1: ROAD, 2: CAR, 3: VAN}), split="val"))
    commit_to(place, names("b", label=put_label("1233", {1: ROAD, 2: CAR, 3: CAR})))
    commit_to(place, names("c"))
    return place


def publish(place, drawing):
    return publish_version(
        taxonomy=place.taxonomy, classes=colored(classes(drawing)), actor=None, message="Change"
    )


def used(place, class_id, user=None):
    """(dataset, branch, images, segments, pixels) of each branch."""
    usage = class_usage(place.taxonomy, class_id, user or author())
    return [(row.head.dataset, row.head.branch, *row.totals) for row in usage.branches]


def test_a_class_is_used_by_the_heads_of_branches():
    place = streets()
    head = place.branches.get().head
    create_branch(dataset=place, name="early", head=head, actor=author())
    commit_to(place, names("a", label=put_label("1", {1: ROAD}), split="val"))
    assert used(place, CAR) == [(place, "main", 1, 2, 3), (place, "early", 2, 3, 5)]


def test_a_dataset_that_somebody_may_not_read_is_not_counted():
    place = streets()
    hidden = Dataset.objects.create(slug="hidden", taxonomy=place.taxonomy)
    commit_to(hidden, names("a", label=put_label("2", {2: CAR})))
    assert [row[0] for row in used(place, CAR)] == [place]
    assert used(place, CAR, author("stranger")) == []


def test_a_class_is_read_by_the_newest_version():
    place = streets()
    publish(place, "1:road/stuff 2:car->3 3:van 4:sky/stuff")
    assert used(place, VAN) == [(place, "main", 2, 4, 6)]


def test_a_retired_class_tells_its_own_labels():
    place = streets()
    publish(place, "1:road/stuff 2:car->void 3:van 4:sky/stuff")
    usage = class_usage(place.taxonomy, CAR, author())
    assert usage.spec.retired
    assert used(place, CAR) == [(place, "main", 2, 3, 5)]


def test_things_that_became_stuff_are_used_once_per_image():
    place = streets()
    publish(place, "1:road/stuff 2:car->5 3:van->5 4:sky/stuff 5:vehicle/stuff")
    assert used(place, 5) == [(place, "main", 2, 2, 6)]


def test_a_class_that_never_was_is_not_found():
    with pytest.raises(NotFound):
        class_usage(streets().taxonomy, 9, author())


def test_unions_that_take_long_are_pending_with_a_job():
    place = streets()
    commit_to(place, names("d", "e", label=put_label("1", {1: ROAD}), split="val"))
    publish(place, "1:road/stuff 2:car->3 3:van 4:sky/stuff")
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        usage = class_usage(place.taxonomy, VAN, author())
        assert (usage.pending, tuple(usage.branches[0].totals)) == (True, (None, 4, 6))
        run_job(str(usage.branches[0].job.pk))
        assert used(place, VAN) == [(place, "main", 2, 4, 6)]


def test_more_branches_than_wanted_are_said():
    place = streets()
    for number in range(3):
        create_branch(
            dataset=place, name=f"b{number}", head=place.branches.first().head, actor=author()
        )
    usage = class_usage(place.taxonomy, CAR, author(), limit=2)
    assert ([row.head.branch for row in usage.branches], usage.left_out) == (["main", "b0"], 2)


def test_usage_takes_the_same_queries_for_any_number_of_branches(django_assert_max_num_queries):
    place = streets()
    for number in range(5):
        create_branch(
            dataset=place, name=f"b{number}", head=place.branches.first().head, actor=author()
        )
    twin = Dataset.objects.create(slug="twin", taxonomy=place.taxonomy)
    commit_to(twin, names("a", label=put_label("2", {2: CAR})))
    grant_role(user=author(), resource=twin, role=Role.READER, actor=None)
    reading_of(place.taxonomy.versions.get())
    with django_assert_max_num_queries(5):
        assert len(used(place, CAR)) == 7


# ---- history ----------------------------------------------------------------


def history_of(place, class_id, drawing_version=None, **fields):
    head = place.branches.get().head
    reading = reading_of(drawing_version or head.taxonomy_version)
    return [tuple(row.totals) for row in class_history(head, class_id, reading, **fields)]


def test_the_history_of_a_class_is_oldest_first():
    assert history_of(streets(), CAR) == [(1, 1, 2), (2, 3, 5), (2, 3, 5)]


def test_the_history_goes_back_so_many_versions():
    assert history_of(streets(), CAR, limit=2) == [(2, 3, 5), (2, 3, 5)]


def test_versions_are_read_alike_whatever_their_own_taxonomy_was():
    place = streets()
    merged = publish(place, "1:road/stuff 2:car->3 3:van 4:sky/stuff")
    assert history_of(place, VAN, merged)[0] == (1, 2, 3)


def test_a_union_that_nobody_counted_is_unknown_and_no_sum():
    place = streets()
    commit_to(place, names("d", "e", label=put_label("1", {1: ROAD}), split="val"))
    merged = publish(place, "1:road/stuff 2:car->3 3:van 4:sky/stuff")
    assert history_of(place, VAN, merged)[-1] == (None, 4, 6)
    class_usage(place.taxonomy, VAN, author())
    assert history_of(place, VAN, merged)[-1] == (2, 4, 6)


def test_a_class_without_labels_has_a_history_of_nothing():
    assert history_of(streets(), 4) == [(0, 0, 0)] * 3


def test_the_history_of_an_unknown_class_is_not_found():
    with pytest.raises(NotFound):
        history_of(streets(), 9)


def test_a_history_takes_the_same_queries_whatever_its_length(django_assert_max_num_queries):
    place = streets()
    for number in range(20):
        commit_to(place, names(f"x{number}"))
    head = place.branches.get().head
    reading = reading_of(head.taxonomy_version)
    with django_assert_max_num_queries(7):
        assert len(class_history(head, CAR, reading)) == 23
