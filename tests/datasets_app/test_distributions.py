"""Distributions of versions: exact, kept, and counted by what changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app import distributions_counting
from datasets_app.actions.commits import ImageChange
from datasets_app.distributions import get_distributions, run_distributions_job
from datasets_app.distributions_counting import count_version
from datasets_app.distributions_kept import find_base, find_kept
from datasets_app.distributions_plan import DistributionPlan, held_classes
from datasets_app.jobs.kinds import silent
from datasets_app.models import Job, JobState, VersionDistributions
from labels_app.class_spec import ClassSpec
from labels_app.reading import Reading, reading_of
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.distributions import Distributions, count_distributions
from panoptic.reading import read_label
from store_app.erasure import mark_erased
from tests.builders import label
from tests.datasets_app.builders import commit_to, dataset, names, put_label
from tests.labels_app.builders import classes
from tests.laws import examples

CLASSES = "1:road/stuff 2:car 3:van 4:sky/stuff"
few = examples(15)


def put(drawing: str) -> bytes:
    """A label in which every digit is one segment of the class of that number."""
    return put_label(drawing, {int(n): int(n) for n in drawing if n.isdigit()})


def at(place, split="", **images: str):
    """The next version, in which these images hold the classes of their digits; "": deleted."""
    return commit_to(
        place,
        [
            ImageChange(name, label=put(drawing), split=split)
            if drawing
            else ImageChange(name, delete=True)
            for name, drawing in images.items()
        ],
    )


def found(version, **fields):
    return get_distributions(version, reading_of(version.taxonomy_version), **fields)


def images_of(sums: Distributions) -> dict[int, int]:
    return {
        class_id: images
        for class_id, images in zip(sums.class_ids.tolist(), sums.images.tolist(), strict=True)
        if class_id
    }


@pytest.mark.django_db
def test_splits_are_counted_by_themselves_and_add_up():
    place = dataset(drawing=CLASSES)
    at(place, "train", a="12", b="1")
    version = at(place, "val", c="2", d="23")
    sums = found(version)
    assert images_of(sums.of("train")) == {1: 2, 2: 1}
    assert images_of(sums.of("val")) == {2: 2, 3: 1}
    assert images_of(sums.of(None)) == {1: 2, 2: 3, 3: 1}
    assert sums.of("test").labels == 0


@pytest.mark.django_db
def test_a_label_that_many_images_share_counts_for_each():
    version = at(dataset(drawing=CLASSES), a="12", b="12", c="12")
    assert found(version).of(None).labels == 3


@pytest.mark.django_db
def test_images_without_a_label_are_in_no_sum():
    place = dataset(drawing=CLASSES)
    version = commit_to(place, names("a", "b"))
    assert found(version).of(None).labels == 0
    assert not found(version).pending


@pytest.mark.django_db
def test_what_was_counted_is_kept(django_assert_num_queries):
    version = at(dataset(drawing=CLASSES), a="12")
    first = found(version)
    with django_assert_num_queries(2):
        assert found(version).of(None) == first.of(None)


@pytest.mark.django_db
def test_a_later_version_reads_the_labels_that_changed_alone(monkeypatch):
    place = dataset(drawing=CLASSES)
    found(at(place, **{f"i{n}": "12" for n in range(9)}, a="123"))
    read = []
    real = distributions_counting.get_blobs
    monkeypatch.setattr(
        distributions_counting,
        "get_blobs",
        lambda digests: read.extend(digests) or real(digests),
    )
    version = at(place, a="13", i0="", b="23")
    assert images_of(found(version).of(None)) == {1: 9, 2: 9, 3: 2}
    assert len(read) == 4  # of a before and after, of i0 and of b


@pytest.mark.django_db
def test_an_earlier_version_is_counted_from_a_later_one():
    place = dataset(drawing=CLASSES)
    first = at(place, a="12", b="3")
    found(at(place, a="1", b=""))
    plan = DistributionPlan()
    assert find_base(first, plan) is not None
    assert images_of(found(first).of(None)) == {1: 1, 2: 1, 3: 1}


@pytest.mark.django_db
def test_a_change_of_status_or_message_alone_opens_no_label(monkeypatch):
    place = dataset(drawing=CLASSES)
    before = found(at(place, a="12"))
    version = commit_to(place, [ImageChange("a", status="reviewed")])
    monkeypatch.setattr(distributions_counting, "get_blobs", lambda digests: dict.fromkeys(digests))
    assert found(version).of(None) == before.of(None)


@pytest.mark.django_db
def test_much_is_counted_by_a_job(monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(distributions_counting, "LABELS_AT_ONCE", 1)
    version = at(dataset(drawing=CLASSES), a="12", b="3")
    sums = found(version)
    if sums.pending:
        assert sums.job.state in (JobState.QUEUED, JobState.RUNNING)
        run_distributions_job(sums.job, silent)
    assert images_of(found(version).of(None)) == {1: 1, 2: 1, 3: 1}
    assert Job.objects.filter(kind="distributions").count() == 1


@pytest.mark.django_db
def test_a_job_that_failed_is_shown_and_not_asked_for_again(monkeypatch):
    monkeypatch.setattr(distributions_counting, "LABELS_AT_ONCE", 0)
    version = at(dataset(drawing=CLASSES), a="12")
    found(version)
    VersionDistributions.objects.all().delete()
    Job.objects.update(state=JobState.FAILED)
    assert found(version).job.state == JobState.FAILED
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_a_job_that_is_done_twice_changes_nothing():
    version = at(dataset(drawing=CLASSES), a="12")
    plan = DistributionPlan()
    before = found(version).of(None)
    job = Job(kind="distributions", arguments={"version": version.pk, "plan": plan.to_plain()})
    run_distributions_job(job, silent)
    assert found(version).of(None) == before


@pytest.mark.django_db
def test_the_queries_of_counting_do_not_grow_with_the_labels():
    def queries(labels):
        version = at(dataset(drawing=CLASSES), **{f"i{n}": "12" * (n + 1) for n in range(labels)})
        with CaptureQueriesContext(connection) as seen:
            found(version)
        return len(seen)

    assert queries(40) == queries(2)


# ---- readings ---------------------------------------------------------------


def specs(**fields_of: dict) -> Reading:
    """The four classes, some of them with other fields: `specs(van={"forwards_to": 2})`."""
    given: list[ClassSpec] = classes(CLASSES)
    return Reading.from_classes(replace(spec, **fields_of.get(spec.name, {})) for spec in given)


RETIRED = {"retired": True}
READINGS = {
    "all as they are": {},
    "things merged": {"van": {**RETIRED, "forwards_to": 2}},
    "stuff merged": {"sky": {**RETIRED, "forwards_to": 1}},
    "a thing becomes stuff": {"car": {"kind": "stuff"}},
    "stuff becomes a thing": {"road": {"kind": "thing"}},
    "stuff merged into a thing": {"sky": {**RETIRED, "forwards_to": 2}},
    "things merged into stuff": {
        "car": {**RETIRED, "forwards_to": 1}, "van": {**RETIRED, "forwards_to": 1}
    },
    "retired to void": {"car": RETIRED, "sky": RETIRED},
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("changes", READINGS.values(), ids=READINGS)
def test_sums_are_those_of_the_labels_as_they_read(changes):
    under = specs(**changes)
    drawings = {
        "a": label("1122 3344 3.44", {1: 1, 2: 2, 3: 3, 4: 4}),
        "b": label("1123 1123", {1: 1, 2: 2, 3: 2}),
        "c": label("1.34 1.34", {1: 3, 3: 4, 4: 1}),
    }
    version = commit_to(
        dataset(drawing=CLASSES),
        [ImageChange(name, label=stored(one)) for name, one in drawings.items()],
    )
    expected = count_distributions(
        (read_label(one, under.label_reading), 1) for one in drawings.values()
    )
    assert get_distributions(version, under).of(None) == expected


def stored(one) -> bytes:
    packed = pack_label(one)
    register_labels([packed])
    return packed.digest


@pytest.mark.django_db
def test_renaming_and_unused_classes_share_what_is_kept():
    version = at(dataset(drawing=CLASSES), a="12")
    get_distributions(version, specs())
    get_distributions(version, specs(car={"name": "automobile"}, van=RETIRED))
    assert VersionDistributions.objects.count() == 1


@pytest.mark.django_db
def test_a_class_that_the_reading_never_had_is_left_out():
    version = at(dataset(drawing=CLASSES), a="12", b="3")
    under = Reading.from_classes(classes("1:road/stuff 3:van"))
    assert images_of(get_distributions(version, under).of(None)) == {1: 1, 3: 1}


def test_a_plan_comes_back_from_its_json():
    plan = DistributionPlan(((2, 3), (1,)), frozenset({1}), frozenset({3}), frozenset({4}))
    assert DistributionPlan.from_plain(plan.to_plain()) == plan
    assert DistributionPlan.from_plain(plan.to_plain()).digest == plan.digest


# ---- the law ----------------------------------------------------------------

_digits = st.text("1234.", min_size=1, max_size=6).filter(lambda row: set(row) != {"."})
_edits = st.lists(
    st.dictionaries(
        st.sampled_from("abcde"), st.tuples(_digits, st.sampled_from(("", "train", "val"))),
        min_size=1, max_size=4,
    ),
    min_size=2, max_size=4,
)  # fmt: skip


class IncrementsAreExact(TestCase):
    """Whatever was committed and counted before, a version's sums are those of its labels."""

    @few
    @given(_edits, st.sampled_from(sorted(READINGS)))
    def test_counting_by_changes_is_counting_from_nothing(self, commits, name):
        under = specs(**READINGS[name])
        place = dataset(drawing=CLASSES)
        present: dict[str, object] = {}
        for edits in commits:
            changes = []
            for image, (drawing, split) in edits.items():
                if (drawing, split) == present.get(image):
                    continue
                present[image] = (drawing, split)
                changes.append(ImageChange(image, label=put(drawing), split=split))
            if not changes:
                continue
            version = commit_to(place, changes)
            plan = DistributionPlan.of(held_classes(version), under)
            get_distributions(version, under)
            assert find_kept(version, plan) == count_version(version, plan, None)


# ---- erased labels ----------------------------------------------------------


@pytest.mark.django_db
def test_an_erased_label_is_in_no_sum():
    version = at(dataset(drawing=CLASSES), a="12", b="3")
    mark_erased([put("12")], reason="asked")
    assert images_of(found(version).of(None)) == {3: 1}


@pytest.mark.django_db
def test_what_an_erased_label_added_is_counted_anew_when_it_leaves():
    place = dataset(drawing=CLASSES)
    found(at(place, a="12", b="3"))
    mark_erased([put("12")], reason="asked")
    assert images_of(found(at(place, a="14")).of(None)) == {1: 1, 3: 1, 4: 1}
