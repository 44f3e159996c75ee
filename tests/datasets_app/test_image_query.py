"""What the words of a filter mean, in the one place that lists, pulls and exports share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_app.entries import Status
from datasets_app.image_lists import find_around, find_image_before, get_image, list_images
from datasets_app.image_query import parse_query
from datasets_app.nodes import SqlNodes
from datasets_app.query_words import InvalidFilter, join_words, quote, split_words
from labels_app.reading import reading_of
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.label import label_from_id_map
from panoptic.segments import Segment
from store_app.erasure import destroy_erased, mark_erased
from tests.datasets_app.builders import commit_to, dataset, names, put_label
from tests.laws import examples

pytestmark = pytest.mark.django_db


def scored(*rows: Segment) -> bytes:
    """Store a label of one pixel per row, which has an id below 10."""
    drawing = np.array([[row.segment_id for row in rows]], np.uint32)
    packed = pack_label(label_from_id_map(drawing, rows))
    register_labels([packed])
    return packed.digest


@pytest.fixture
def street():
    """Class 1 is road, 2 car, 3 sky; a car of 1 pixel, cars of 2 and 4, one that is unsure."""
    streets = dataset()
    for name, label, fields in (
        ("road", put_label("1111", {1: 1}), {"split": "train"}),
        ("small", put_label("1112", {1: 1, 2: 2}), {"split": "val"}),
        ("two", put_label("2233 3333", {2: 2, 3: 2}), {"split": "val"}),
        ("night/sure", scored(Segment(2, 2, score=0.9), Segment(5, 3)), {}),
        ("night/unsure", scored(Segment(2, 2, score=0.25), Segment(5, 3)), {}),
    ):
        commit_to(streets, names(name, label=label, status=Status.LABELLED, **fields))
    return commit_to(streets, names("nothing"))


def found(version, text, limit=100):
    reading = reading_of(version.taxonomy_version)
    wanted, cursor, seen = parse_query(text, reading), None, []
    for _ in range(40):
        page = list_images(version, wanted, limit=limit, cursor=cursor, reading=reading)
        seen += [row.name for row in page.rows]
        cursor = page.cursor
        if cursor is None:
            return set(seen) if len(seen) == len(set(seen)) else seen
    raise AssertionError("the list does not end")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class:car area>1", {"two"}),
        ("class:car area>=1 area<2", {"small", "night/sure", "night/unsure"}),
        ("area>3", {"road", "two"}),
        ("class:car area=6", {"two"}),
        ("class:car count=2", {"two"}),
        ("class:car count=2 area<5", set()),
        ("class:car count>0 count<2", {"small", "night/sure", "night/unsure"}),
        ("count>1", {"small", "two", "night/sure", "night/unsure"}),
        ("count=0", {"nothing"}),
        ("score<0.5", {"night/unsure"}),
        ("class:car score>=0.9", {"night/sure"}),
        ("class:sky score>0", set()),
        ("-class:car", {"road", "nothing"}),
        ("-class:car area>1", {"road", "small", "night/sure", "night/unsure", "nothing"}),
        ("-split:val", {"road", "night/sure", "night/unsure", "nothing"}),
        ("-split: class:car", {"small", "two"}),
        ("-status:labelled", {"nothing"}),
        ("-prefix:night/ class:car", {"small", "two"}),
        ("prefix:night/ -prefix:night/u", {"night/sure"}),
        ("prefix:night/ score<0.5", {"night/unsure"}),
    ],
)
def test_a_filter_keeps_the_images_of_which_all_words_hold(street, text, expected):
    for limit in (1, 2, 100):
        assert found(street, text, limit) == expected


@pytest.mark.parametrize(
    ("text", "wrong", "reason"),
    [
        ("split:val class:unicorn", "class:unicorn", "no class 'unicorn'"),
        ("class:car  areas>3", "areas>3", "none of the keys"),
        ("class:car area:3", "area:3", "area is compared"),
        ("score<2", "score<2", "a number from 0 to 1"),
        ("score<1e5", "score<1e5", "a number from 0 to 1"),
        ("area>1.5", "area>1.5", "a whole number"),
        ("-count>3", "-count>3", "a minus is for class"),
        ("-status:done", "-status:done", "no status is 'done'"),
        ("prefix:a 'class:x", "'class:x", "is not closed"),
        ("prefix:a\\", "\\", "nothing follows the backslash"),
        ("split:a -split:b split:c", "split:c", "split comes twice"),
    ],
)
def test_a_filter_that_means_nothing_says_what_and_where(street, text, wrong, reason):
    with pytest.raises(InvalidFilter, match=reason) as caught:
        parse_query(text, reading_of(street.taxonomy_version))
    assert text[caught.value.start : caught.value.end] == wrong


def test_a_label_whose_bytes_are_gone_has_no_segment_of_any_area(street):
    reading = reading_of(street.taxonomy_version)
    row = list_images(street, parse_query("class:car area>1", reading), limit=1).rows[0]
    mark_erased([row.entry.label], reason="asked for")
    destroy_erased([row.entry.label])
    assert found(street, "class:car area>1") == set()


def test_a_filter_by_area_looks_at_few_labels_and_tells_how_many():
    streets = dataset()
    road = put_label("1", {1: 1})
    version = commit_to(streets, names(*(f"{n:03}" for n in range(60)), label=road))
    reading = reading_of(version.taxonomy_version)
    page = list_images(version, parse_query("area>5", reading), limit=5, reading=reading)
    assert (page.rows, page.looked_at) == ([], 20)
    assert page.cursor == "20"


@pytest.mark.parametrize("text", ["class:car", "prefix:night/ class:car", "area<9", "-split:train"])
def test_the_image_before_one_is_the_one_before_it_in_the_list(street, text):
    reading = reading_of(street.taxonomy_version)
    wanted = parse_query(text, reading)
    rows = list_images(street, wanted, limit=100, reading=reading).rows
    assert len(rows) > 1
    for before, row in zip([None, *rows], rows, strict=False):
        image = get_image(street, row.image_no)
        expected = None if before is None else before.image_no
        assert find_image_before(street, wanted, image, reading) == expected
        assert find_around(street, wanted, image, reading, SqlNodes()).before == expected


@pytest.mark.parametrize("text", ["class:car", "prefix:night/ class:car", "area<9", "-split:train"])
def test_the_image_after_one_is_the_one_after_it_in_the_list(street, text):
    reading = reading_of(street.taxonomy_version)
    wanted = parse_query(text, reading)
    rows = list_images(street, wanted, limit=100, reading=reading).rows
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        around = find_around(street, wanted, row, reading, SqlNodes())
        assert around.after == (None if after is None else after.image_no)


WORDS = st.text(st.sampled_from("ab:'\"\\ -><=0"), max_size=8)


@examples(60)
@given(WORDS)
def test_a_quoted_value_is_read_as_it_was(value):
    (word,) = split_words(f"class:{quote(value)}")
    assert (word.key, word.sign, word.value, word.negated) == ("class", ":", value, False)


@examples(60)
@given(st.lists(WORDS.map(lambda value: f"-split:{quote(value)}")))
def test_words_that_are_put_together_are_taken_apart_again(words):
    text = join_words(split_words(" ".join(words)))
    assert join_words(split_words(text)) == text
    assert [word.value for word in split_words(text)] == [
        word.value for word in split_words(" ".join(words))
    ]
