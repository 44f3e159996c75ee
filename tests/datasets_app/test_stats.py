import os
from collections import Counter
from dataclasses import replace
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions.commits import ImageChange
from datasets_app.errors import NothingChanged
from datasets_app.jobs.running import run_job
from datasets_app.nodes import SqlNodes
from datasets_app.stats import (
    ClassCount,
    LiveClassCount,
    SplitCount,
    get_live_stats,
    get_stats,
    read_under,
)
from datasets_app.tree import iter_entries
from datasets_app.unions import counting
from labels_app.actions.taxonomies import publish_version
from labels_app.classes import ClassSpec, settle_classes
from labels_app.reading import Reading, reading_of
from labels_app.revisions import get_labels, register_labels
from panoptic.codec import pack_label
from panoptic.errors import UnknownClass
from panoptic.label import count_classes
from panoptic.reading import read_label
from tests.builders import stack
from tests.datasets_app.builders import colored, commit_to, dataset, names, put_label
from tests.labels_app.builders import classes
from tests.laws import examples

# `make test-long` makes 1,000.
COMMITS = int(os.environ.get("TESSERA_STATS_COMMITS", "250"))

pytestmark = pytest.mark.django_db


def test_a_version_counts_images_segments_and_visible_pixels():
    streets = dataset()
    mask = put_label("1123 .123", {1: 1, 2: 2, 3: 2}, crowds=[3])
    version = commit_to(streets, names("a", "b", label=mask, split="val"))
    stats = get_stats(version)
    assert stats.classes == (
        ClassCount("val", 0, images=2, segments=0, crowds=0, pixels=2),
        ClassCount("val", 1, images=2, segments=2, crowds=0, pixels=6),
        ClassCount("val", 2, images=2, segments=4, crowds=2, pixels=8),
    )
    assert stats.splits == (
        SplitCount("val", images=2, labelled=2, unlabelled=0, segments=6, pixels=16),
    )
    assert (version.image_count, version.segment_count) == (2, 6)


def test_images_without_a_label_are_unlabelled():
    streets = dataset()
    version = commit_to(streets, names("a", "b", split="train"))
    assert get_stats(version).totals == SplitCount("*", 2, 0, 2, 0, 0)


def test_an_image_that_moves_takes_its_counts_along():
    streets = dataset()
    commit_to(streets, names("a", label=put_label("12", {1: 1, 2: 2}), split="val"))
    version = commit_to(streets, names("a", split="train"))
    stats = get_stats(version)
    assert {row.split for row in stats.classes} == {row.split for row in stats.splits} == {"train"}


def test_an_empty_version_counts_nothing():
    streets = dataset()
    commit_to(streets, names("a", label=put_label("1", {1: 1})))
    version = commit_to(streets, [ImageChange("a", delete=True)])
    stats = get_stats(version)
    assert (stats.classes, stats.splits) == ((), ())
    assert stats.totals.images == 0
    assert version.root is None


def test_statistics_take_two_queries(django_assert_num_queries):
    version = commit_to(dataset(), names(*map(str, range(50))))
    with django_assert_num_queries(2):
        get_stats(version)


def reading(drawing):
    """How a taxonomy of these classes reads."""
    return Reading.from_classes(settle_classes(colored(classes(drawing))).classes)


def test_under_a_merge_pixels_and_things_add_and_unions_are_unknown():
    rows = [ClassCount("", 2, 5, 7, 1, 100), ClassCount("", 3, 4, 4, 0, 50)]
    (joined,) = read_under(rows, reading("2:car 3:van->2"))
    assert joined[1:] == (2, None, 11, 1, 150)


def test_one_source_of_stuff_has_a_segment_per_image():
    rows = [ClassCount("", 1, 5, 5, 0, 100), ClassCount("", 0, 9, 0, 0, 3)]
    void, road = read_under(rows, reading("1:road/stuff"))
    assert road[1:] == (1, 5, 5, 0, 100)
    assert void[1:] == (0, 9, 0, 0, 3)


# ---- as a taxonomy reads it -------------------------------------------------


def live_rows(version, drawing, **fields):
    """The live classes of a version over all splits, by class id."""
    stats = get_live_stats(version, reading(drawing), **fields)
    return {row.class_id: row[2:] for row in stats.over_splits}


def crossing(**fields):
    """Two images: road, two cars and a van; a car and a void pixel."""
    first = put_label("1234 1234", {1: 1, 2: 2, 3: 2, 4: 3}, crowds=[3])
    second = put_label("2. 22", {2: 2})
    place = dataset(drawing="1:road/stuff 2:car 3:van")
    return commit_to(place, [*names("a", label=first), *names("b", label=second)], **fields)


def test_merged_things_add_and_their_images_count_once():
    rows = live_rows(crossing(), "1:road/stuff 2:car 3:van->2")
    assert rows == {0: (1, 0, 0, 1), 1: (1, 1, 0, 2), 2: (2, 4, 1, 9)}


def test_things_that_become_stuff_are_one_segment_of_an_image():
    rows = live_rows(crossing(), "1:road/stuff 2:car->4 3:van->4 4:vehicle/stuff")
    assert rows[4] == (2, 2, 0, 9)


def test_stuff_that_becomes_a_thing_is_one_crowd_of_an_image():
    rows = live_rows(crossing(), "1:road/stuff->2 2:car 3:van->2")
    assert rows[2] == (2, 5, 2, 11)


def test_stuff_of_two_classes_is_one_crowd_of_an_image():
    place = dataset(drawing="1:road/stuff 2:car 3:path/stuff 4:lawn/stuff")
    both, one = put_label("13", {1: 1, 3: 3}), put_label("34", {3: 3, 4: 4})
    version = commit_to(place, [*names("a", label=both), *names("b", label=one)])
    rows = live_rows(version, "1:road/stuff->2 2:car 3:path/stuff->2 4:lawn/stuff")
    assert rows[2] == (2, 2, 2, 3)


def test_what_reads_as_void_is_void_where_it_is_seen():
    rows = live_rows(crossing(), "1:road/stuff->void 2:car 3:van->void")
    assert rows[0] == (2, 0, 0, 5)


def test_the_segments_of_a_split_are_those_a_reader_sees():
    version = crossing()
    stats = get_live_stats(version, reading("1:road/stuff 2:car->4 3:van->4 4:vehicle/stuff"))
    assert get_stats(version).totals.segments == 5
    assert [row.segments for row in stats.splits] == [stats.totals.segments] == [3]


def test_what_is_not_counted_yet_is_none_and_no_sum():
    place = crossing().dataset
    version = commit_to(place, names("c", "d", label=put_label("1", {1: 1})))
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        stats = get_live_stats(version, reading("1:road/stuff 2:car->4 3:van->4 4:vehicle/stuff"))
    assert stats.pending
    assert stats.classes[-1] == LiveClassCount("", 4, None, None, 0, 9)
    assert stats.over_splits[-1] == LiveClassCount("*", 4, None, None, 0, 9)
    assert (stats.totals.segments, stats.splits[0].segments) == (None, None)
    run_job(str(stats.job.pk))
    assert not get_live_stats(version, reading("1:road/stuff 2:car->4 3:van->4 4:x/stuff")).pending


def test_classes_that_the_reading_never_had_are_an_error_or_left_out():
    version = crossing()
    with pytest.raises(UnknownClass):
        live_rows(version, "1:road/stuff 2:car")
    assert live_rows(version, "1:road/stuff 2:car", known_only=True).keys() == {0, 1, 2}


def test_live_statistics_of_own_classes_take_two_queries(django_assert_num_queries):
    version = crossing()
    own = reading_of(version.taxonomy_version)
    with django_assert_num_queries(2):
        get_live_stats(version, own)


# ---- laws -------------------------------------------------------------------


def recount(version):
    """Open every label."""
    classes = Counter()
    entries = [entry for _, entry in iter_entries(SqlNodes(), version.root)]
    labels = get_labels({entry.label for entry in entries if entry.label})
    for entry in entries:
        if entry.label is None:
            continue
        counts = count_classes(labels[entry.label])
        columns = zip(counts.class_ids, counts.segments, counts.crowds, counts.pixels, strict=True)
        rows = [(int(class_id), *numbers) for class_id, *numbers in columns]
        if counts.void_pixels:
            rows.append((0, 0, 0, counts.void_pixels))
        for class_id, *numbers in rows:
            for field, number in zip(
                ("images", "segments", "crowds", "pixels"), (1, *numbers), strict=True
            ):
                classes[entry.split, class_id, field] += int(number)
    return +classes


DRAWINGS = ["12 12", "1. .1", "22 2.", ".", "123"]
EDIT = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from(["", "train", "val"]),
    st.none() | st.sampled_from(DRAWINGS),
    st.booleans(),
)


class Laws(TestCase):
    @examples(20)
    @given(st.lists(st.lists(EDIT, max_size=4, unique_by=lambda edit: edit[0]), max_size=4))
    def test_the_statistics_of_a_version_equal_a_recount(self, commits):
        streets = dataset()
        present = set()
        version = commit_to(streets, names("first"))
        for edits in commits:
            changes = []
            for name, split, drawing, delete in edits:
                if delete and name in present:
                    changes.append(ImageChange(name, delete=True))
                    present.discard(name)
                    continue
                ids = np.unique([int(sign) for sign in drawing or "" if sign.isdigit()])
                mask = put_label(drawing, {int(n): int(n) for n in ids}) if drawing else None
                changes.append(ImageChange(name, label=mask, split=split))
                present.add(name)
            try:
                version = commit_to(streets, changes)
            except NothingChanged:
                continue
            stored = Counter()
            for row in get_stats(version).classes:
                for field in ("images", "segments", "crowds", "pixels"):
                    stored[row.split, row.class_id, field] = getattr(row, field)
            assert +stored == recount(version)
            assert version.image_count == len(present) + 1

    @examples(25)
    @given(st.randoms(use_true_random=False), st.sampled_from([0, 2, 5_000]))
    def test_every_version_under_every_later_reading_equals_a_recount(self, chance, at_once):
        history = RandomHistory(chance, images=5)
        with patch.object(counting, "IMAGES_AT_ONCE", at_once):
            for _ in range(chance.randint(1, 8)):
                history.step()
            for version in chance.sample(history.versions, len(history.versions)):
                for under in history.readings_since(version):
                    history.check(version, under)


@pytest.mark.slow
def test_after_many_commits_and_migrations_every_version_equals_a_recount():
    history = RandomHistory(Random(1000), images=20)
    while len(history.versions) < COMMITS:
        history.step()
        history.check(history.versions[-1], history.readings[-1])
    for version in history.versions[::10]:
        history.check(version, reading_of(version.taxonomy_version))
        history.check(version, history.readings[-1])


class RandomHistory:
    """A dataset that is edited and migrated at random, and the recount of its statistics."""

    def __init__(self, chance, *, images):
        self._chance = chance
        self._names = [f"{number}.png" for number in range(images)]
        self._place = dataset(drawing="1:a/stuff 2:b 3:c 4:d/stuff 5:e 6:f/stuff")
        self._counts, self._entries = {}, {}
        self._present, self._labels = set(), []
        self.readings = [reading_of(self._place.taxonomy.versions.get())]
        self.versions = [commit_to(self._place, names("first"))]

    def step(self):
        """Make a version: other images, or another taxonomy."""
        if self._chance.random() < 0.25:
            self._migrate()
        else:
            self._edit()

    def readings_since(self, version):
        """The reading of a version and all later ones."""
        return self.readings[version.taxonomy_version.number - 1 :]

    def check(self, version, under):
        """Compare the live statistics with a recount from what the labels read as."""
        stats = get_live_stats(version, under)
        if stats.pending:
            run_job(str(stats.job.pk))
            stats = get_live_stats(version, under)
        rows = {(row.split, row.class_id): row[2:] for row in stats.classes}
        assert (stats.pending, rows) == (False, self._recount(version, under))
        segments = Counter()
        for row in stats.classes:
            segments[row.split] += row.segments
        assert {row.split: row.segments for row in stats.splits if row.segments} == +segments

    def _edit(self):
        changes = []
        for name in self._chance.sample(self._names, self._chance.randint(1, 3)):
            if name in self._present and self._chance.random() < 0.2:
                changes.append(ImageChange(name, delete=True))
                self._present.discard(name)
                continue
            fields = {"split": self._chance.choice(["", "train", "val"])}
            if self._chance.random() < 0.8:
                if len(self._labels) < 4:
                    self._labels.append(self._new_label())
                fields["label"] = self._chance.choice(self._labels)
            changes.append(ImageChange(name, **fields))
            self._present.add(name)
        try:
            self.versions.append(commit_to(self._place, changes))
        except NothingChanged:
            return

    def _new_label(self):
        """Store a label of live classes: things overlap and hide each other, stuff comes once."""
        live = reading_of(self.versions[-1].taxonomy_version).live_classes
        bottom = self._chance.choice(["1122 1122", "1.2. ....", "1112 1112"])
        top = self._chance.choice([".33. .33.", "3333 3333", "3344 ....", "...."])
        top = top if " " in top else f"{top} {top}"
        specs = self._chance.choices([spec for spec in live if spec.kind == "thing"], k=4)
        stuff = [spec for spec in live if spec.kind == "stuff"]
        for place, spec in zip((0, 2, 1), self._chance.sample(stuff, len(stuff)), strict=False):
            if self._chance.random() < 0.5:
                specs[place] = spec
        drawn = {int(sign) for sign in bottom + top if sign.isdigit()}
        packed = pack_label(
            stack(
                bottom,
                top,
                classes={n: spec.class_id for n, spec in enumerate(specs, 1) if n in drawn},
                crowds=[
                    n
                    for n, spec in enumerate(specs, 1)
                    if spec.kind == "thing" and self._chance.random() < 0.2 and n in drawn
                ],
            )
        )
        register_labels([packed])
        return packed.digest

    def _migrate(self):
        classes = {spec.class_id: spec for spec in self.readings[-1].classes.values()}
        live = [spec for spec in classes.values() if not spec.retired]
        gone = [spec for spec in classes.values() if spec.retired]
        one, other = self._chance.sample(live, 2)
        change = self._chance.choice(["merge", "retire", "flip", "revive", "revive"])
        things = [spec for spec in live if spec.kind == "thing" and spec is not one]
        if change == "revive" and gone:
            revived = self._chance.choice(gone)
            classes[revived.class_id] = replace(revived, retired=False, forwards_to=None)
        elif change == "flip" and len(classes) < 14 and things:
            kind = "stuff" if one.kind == "thing" else "thing"
            flipped = ClassSpec(f"{one.name}{len(classes)}", kind)
            classes[None] = flipped
            classes[one.class_id] = replace(one, retired=True, forwards_to=flipped.name)
        elif len(live) > 3 and things:
            successor = other.class_id if change == "merge" else None
            classes[one.class_id] = replace(one, retired=True, forwards_to=successor)
        else:
            classes[one.class_id] = replace(one, name=f"{one.name}'"[-20:])
        published = publish_version(
            taxonomy=self._place.taxonomy, classes=classes.values(), actor=None, message="Change"
        )
        self.readings.append(reading_of(published))
        self._labels = []  # some of their classes may be retired now
        self.versions.append(commit_to(self._place, [], taxonomy_version=published))

    def _recount(self, version, under):
        """Read every label under the taxonomy and count what is there."""
        sums = {}
        for split, digest in self._labels_of(version):
            for class_id, *numbers in self._counts_of(digest, under):
                row = sums.setdefault((split, class_id), [0] * 4)
                row[:] = [a + b for a, b in zip(row, (1, *numbers), strict=True)]
        return {key: tuple(row) for key, row in sums.items()}

    def _labels_of(self, version):
        if version.root not in self._entries:
            entries = iter_entries(SqlNodes(), version.root)
            self._entries[version.root] = [(e.split, e.label) for _, e in entries if e.label]
        return self._entries[version.root]

    def _counts_of(self, digest, under):
        key = digest, under.digest
        if key not in self._counts:
            stored = get_labels([digest])[digest]
            counts = count_classes(read_label(stored, under.label_reading))
            assert under.counts_under(count_classes(stored)) == counts
            columns = (counts.class_ids, counts.segments, counts.crowds, counts.pixels)
            rows = list(zip(*(column.tolist() for column in columns), strict=True))
            if counts.void_pixels:
                rows.append((0, 0, 0, counts.void_pixels))
            self._counts[key] = rows
        return self._counts[key]
