from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions.commits import ImageChange
from datasets_app.errors import NothingChanged
from datasets_app.nodes import SqlNodes
from datasets_app.stats import ClassCount, SplitCount, get_stats, read_under
from datasets_app.tree import iter_entries
from labels_app.classes import settle_classes
from labels_app.reading import Reading
from labels_app.revisions import get_labels
from panoptic.label import count_classes
from tests.datasets_app.builders import colored, commit_to, dataset, names, put_label
from tests.labels_app.builders import classes

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
    @settings(max_examples=20, deadline=None)
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
