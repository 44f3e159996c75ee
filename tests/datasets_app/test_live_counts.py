"""Counts of many labels at once are the sums of those of one label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_app.live_counts import read_counts
from panoptic.class_counts import ClassCounts
from panoptic.errors import UnknownClass
from panoptic.label import count_classes
from tests.builders import label
from tests.labels_app.builders import reading
from tests.panoptic.strategies import layered_labels

# The strategy draws the classes 1 to 4, of which 3 and 4 are stuff.
READINGS = [
    "1:a 2:b 3:c/stuff 4:d/stuff",
    "1:a 2:b->1 3:c/stuff 4:d/stuff->3",
    "1:a 2:b->void 3:c/stuff->void 4:d/stuff",
    "1:a 2:b->4 3:c/stuff->4 4:d/stuff",
    "1:a 2:b 3:c/stuff->2 4:d/stuff->2",
    "1:a->void 2:b->void 3:c/stuff->void 4:d/stuff->void",
]


@given(st.lists(layered_labels(), max_size=4), st.sampled_from(READINGS))
def test_many_labels_are_counted_as_each_of_them(labels, drawing):
    by = reading(drawing)
    counts = [count_classes(one) for one in labels]
    each = [by.counts_under(one) for one in counts]

    live = read_counts(counts, by.label_reading)

    assert live.segments_of_labels().tolist() == [int(one.segments.sum()) for one in each]
    sums = {class_id: row.tolist() for class_id, row in live.sums_by_class().items() if row.any()}
    assert sums == _sums(each)


def test_no_label_has_no_counts():
    live = read_counts([], reading("1:a").label_reading)
    assert live.sums_by_class() == {}
    assert live.segments_of_labels().tolist() == []


def test_a_class_that_the_taxonomy_never_had_is_refused():
    counts = count_classes(label("12", {1: 1, 2: 2}))
    with pytest.raises(UnknownClass):
        read_counts([counts], reading("1:a").label_reading)


def _sums(each: list[ClassCounts]) -> dict[int, list[int]]:
    sums: dict[int, np.ndarray] = {}
    for one in each:
        rows = [(0, 0, 0, one.void_pixels)]
        columns = (one.class_ids, one.segments, one.crowds, one.pixels)
        rows += zip(*(column.tolist() for column in columns), strict=True)
        for class_id, *row in rows:
            sums[class_id] = sums.get(class_id, 0) + np.array(row)
    return {class_id: row.tolist() for class_id, row in sums.items() if row.any()}
