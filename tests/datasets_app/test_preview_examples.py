"""Examples of classes: found among a bounded number of candidates, the largest first."""

from __future__ import annotations

import pytest

from datasets_app.actions.commits import ImageChange
from datasets_app.previews import find_examples
from tests.datasets_app.builders import commit_to, dataset, put_label
from tests.datasets_app.test_previews import CAR, CLASSES, ROAD, VAN, many

pytestmark = pytest.mark.django_db


def test_examples_are_images_where_the_class_covers_most():
    place = dataset(drawing=CLASSES)
    drawings = {"a": "1112", "b": "1222", "c": "1111", "d": "1122"}
    version = commit_to(
        place,
        [
            ImageChange(name, label=put_label(row, {int(n): int(n) for n in set(row)}))
            for name, row in drawings.items()
        ],
    )
    (found,) = find_examples(version, [{CAR, VAN}], wanted=2)
    assert [(one.name, one.pixels) for one in found] == [("b", 3), ("d", 2)]


def test_images_that_lost_the_class_are_no_examples():
    place = many(3)
    commit_to(place, [ImageChange(f"{n}.png", label=put_label("1", {1: ROAD})) for n in (0, 1)])
    version = commit_to(place, [ImageChange("2.png", delete=True)])
    assert find_examples(version, [{CAR}, {ROAD}, set()], wanted=5)[0::2] == [[], []]


def test_examples_beyond_the_first_candidates_are_looked_for_once_more():
    place = many(100)
    road = put_label("1", {1: ROAD})
    version = commit_to(place, [ImageChange(f"{n}.png", label=road) for n in range(80)])
    (found,) = find_examples(version, [{VAN}], wanted=3)
    assert [one.name for one in found] == ["80.png", "82.png", "83.png"]
