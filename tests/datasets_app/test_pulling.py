"""Plans of pulls: which images, where their bytes are, and what it costs to tell."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from datasets_app.actions.commits import ImageChange
from datasets_app.attributes import put_attributes
from datasets_app.entries import Status
from datasets_app.image_query import parse_query
from datasets_app.pulling.plan import plan_page
from datasets_app.pulling.ranges import RANGE_BYTES, find_ranges
from datasets_app.pulling.serving import find_served, iter_stored
from datasets_app.query_words import InvalidFilter
from labels_app.reading import reading_of
from store_app.blobs import get_blobs, new_blob, put_blobs
from store_app.erasure import destroy_erased, mark_erased
from store_app.errors import ObjectErased, ObjectMissing
from store_app.index import locate
from tests.datasets_app.builders import (
    commit_to,
    dataset,
    digest,
    names,
    put_bytes,
    put_label,
)
from tests.datasets_app.counting import count_rows
from tests.laws import examples

pytestmark = pytest.mark.django_db

DRAWINGS = {
    None: None,
    "road": ("11", {1: 1}),
    "car": ("12", {1: 1, 2: 2}),
    "cars": ("123", {1: 1, 2: 2, 3: 2}),
    "sky": ("3", {3: 3}),
}
FILTERS = [
    "",
    "class:car",
    "class:car count>1",
    "class:car count=0",
    "class:road class:sky count<1",
    "split:val",
    "split:",
    "status:reviewed",
    "prefix:b",
    "class:car split:val prefix:b",
]


def pages(version, have=None, text="", limit=3, labels_only=False):
    """All pages of a plan."""
    reading = reading_of(version.taxonomy_version)
    wanted = parse_query(text, reading)
    after = -1
    while after is not None:
        page = plan_page(
            version, have, wanted, reading, labels_only=labels_only, after=after, limit=limit
        )
        assert len(page.entries.numbers) <= limit
        yield page
        assert page.after is None or page.after > after
        after = page.after


class Row(NamedTuple):
    """What a plan says of an image."""

    image: bytes | None
    label: bytes | None
    attributes: bytes | None
    split: str
    status: Status
    height: int | None
    width: int | None


def planned(version, have=None, text="", limit=3):
    """What a plan says: the entries by name, and the names to forget."""
    entries, removed = {}, set()
    for page in pages(version, have, text, limit):
        for image_no, name, *row in zip(*page.entries, strict=True):
            assert name not in entries
            entries[name] = (image_no, Row(*row))
        removed.update(page.removed)
    assert removed.isdisjoint(entries)
    return entries, removed


def asked_for(version, have=None, text="", **fields):
    """Every blob of the ranges of a plan, and what was erased."""
    found, erased = [], []
    for page in pages(version, have, text, **fields):
        found += [location.digest for part in page.ranges for location in part.locations]
        erased += page.erased
    return found, erased


# ---- which images ----------------------------------------------------------------------


@pytest.fixture
def street():
    """Six images of which each filter finds others."""
    streets = dataset()
    drawn = {key: put_label(*drawing) for key, drawing in DRAWINGS.items() if drawing}
    return commit_to(
        streets,
        [
            ImageChange("a/road", label=drawn["road"], split="train"),
            ImageChange("a/car", label=drawn["car"], split="val", status=Status.REVIEWED),
            ImageChange("b/cars", label=drawn["cars"], split="val"),
            ImageChange("b/sky", label=drawn["sky"]),
            ImageChange("b/nothing", split="val"),
            ImageChange("c d", label=drawn["car"], split="a split"),
        ],
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {"a/road", "a/car", "b/cars", "b/sky", "b/nothing", "c d"}),
        ("class:car", {"a/car", "b/cars", "c d"}),
        ("class:car count>1", {"b/cars"}),
        ("class:car count>=1", {"a/car", "b/cars", "c d"}),
        ("class:car count=1", {"a/car", "c d"}),
        ("class:car count<2", {"a/road", "a/car", "b/sky", "b/nothing", "c d"}),
        ("class:car count<=0", {"a/road", "b/sky", "b/nothing"}),
        ("class:car class:road", {"a/car", "b/cars", "c d"}),
        ("class:car class:sky", set()),
        ("class:road count=0 class:sky count=0", {"b/nothing"}),
        ("split:val", {"a/car", "b/cars", "b/nothing"}),
        ("split:", {"b/sky"}),
        ('split:"a split"', {"c d"}),
        ("status:reviewed", {"a/car"}),
        ("prefix:b/", {"b/cars", "b/sky", "b/nothing"}),
        ("'prefix:c d'", {"c d"}),
        ("class:car split:val prefix:b", {"b/cars"}),
    ],
)
def test_a_filter_keeps_the_images_of_which_all_words_hold(street, text, found):
    for limit in (1, 2, 100):
        assert set(planned(street, text=text, limit=limit)[0]) == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("colour:red", "has none of the keys"),
        ("car", "has none of the keys"),
        ("class:unicorn", "no class 'unicorn'"),
        ("status:done", "no status is 'done'"),
        ("split:a split:b", "split comes twice"),
        ("class:car count>-1", "count is a whole number"),
        ("class:car count>x", "count is a whole number"),
        ("class:car count!=1", "has none of the keys"),
        ("class:'car", "the quotation ' is not closed"),
        ("class:car " * 21, "at most 20 classes"),
    ],
)
def test_a_filter_that_means_nothing_says_why(street, text, reason):
    with pytest.raises(InvalidFilter, match=reason):
        parse_query(text, reading_of(street.taxonomy_version))


def test_sizes_are_the_labels(street):
    entries, _ = planned(street, text="prefix:b")
    assert {name: row[-2:] for name, (_, row) in entries.items()} == {
        "b/cars": (1, 3),
        "b/sky": (1, 1),
        "b/nothing": (None, None),
    }


def test_pages_are_full_where_every_image_is_wanted(street):
    assert [len(page.entries.numbers) for page in pages(street, limit=4)] == [4, 2]


def test_a_version_is_told_the_same_after_others_came(street):
    before = planned(street)
    commit_to(street.dataset, [ImageChange("a/car", delete=True), *names("new")])
    assert planned(street) == before


# ---- what differs from a version that one has --------------------------------------------


def test_only_what_differs_is_told(street):
    label = put_label("1", {1: 1})
    changes = [
        ImageChange("a/car", label=label),
        ImageChange("b/sky", delete=True),
        *names("new", label=label),
    ]
    new = commit_to(street.dataset, changes)
    entries, removed = planned(new, street)
    assert set(entries) == {"a/car", "new"}
    assert removed == {"b/sky"}
    assert asked_for(new, street)[0].count(label) == 1


def test_what_does_not_match_any_more_is_to_be_forgotten(street):
    new = commit_to(street.dataset, names("b/cars", split="train"))
    entries, removed = planned(new, street, "split:val")
    assert (entries, removed) == ({}, {"b/cars"})


def test_bytes_that_the_image_had_before_are_not_told_again():
    streets = dataset()
    photo, label, other = put_bytes("photo"), put_label("1", {1: 1}), put_label("2", {2: 2})
    [attributes] = put_attributes([{"scene": "day"}])
    old = commit_to(streets, names("a", image=photo, label=label, attributes=attributes))
    new = commit_to(streets, names("a", label=other))
    assert asked_for(new, old)[0] == [other]
    assert set(asked_for(new)[0]) == {photo, other, attributes}


class TestPullingWhatChanged(TestCase):
    """Laws of plans over histories."""

    @examples(15)
    @given(st.data())
    def test_the_difference_applied_to_what_one_has_is_what_pulling_anew_gives(self, data):
        labels = {key: put_label(*drawing) for key, drawing in DRAWINGS.items() if drawing}
        streets = dataset()
        versions = []
        for _ in range(data.draw(st.integers(2, 4))):
            changes = data.draw(st.lists(changes_of(labels), min_size=1, max_size=5))
            changes = {change.name: change for change in changes}
            known = planned(versions[-1])[0] if versions else {}
            changes = [one for one in changes.values() if not one.delete or one.name in known]
            changes.append(ImageChange("always", split=f"s{len(versions)}"))
            versions.append(commit_to(streets, changes))
        old, new = data.draw(st.tuples(st.sampled_from(versions), st.sampled_from(versions)))
        text = data.draw(st.sampled_from(FILTERS))
        limit = data.draw(st.integers(1, 7))

        held, _ = planned(old, text=text)
        changed, removed = planned(new, old, text, limit)
        applied = {name: row for name, row in held.items() if name not in removed} | changed
        assert applied == planned(new, text=text)[0]
        # The bytes: what the old one named, and what is told now, are all that is needed.
        had = set(asked_for(old, text=text)[0])
        assert set(asked_for(new, text=text)[0]) <= had | set(asked_for(new, old, text)[0])

    @examples(10)
    @given(st.data())
    def test_a_filter_finds_what_looking_at_every_image_finds(self, data):
        labels = {key: put_label(*drawing) for key, drawing in DRAWINGS.items() if drawing}
        kinds = {labels[key]: key for key in labels}
        given_ = data.draw(
            st.lists(changes_of(labels), min_size=1, max_size=8, unique_by=lambda one: one.name)
        )
        version = commit_to(dataset(), [one for one in given_ if not one.delete] or names("a"))
        every = planned(version)[0]
        cars = {None: 0, "road": 0, "car": 1, "cars": 2, "sky": 0}
        for text, holds in {
            "class:car count>1": lambda n: n > 1,
            "class:car count<=1": lambda n: n <= 1,
            "class:car": lambda n: n >= 1,
        }.items():
            found = planned(version, text=text, limit=2)[0]
            assert set(found) == {
                name for name, row in every.items() if holds(cars[kinds.get(row[1].label)])
            }


def changes_of(labels):
    """Changes of few images, so that they meet."""
    image_names = st.sampled_from(["a", "b", "c", "b/d"])
    edits = st.tuples(
        image_names,
        st.sampled_from([None, *labels.values()]),
        st.sampled_from([None, "val", "train"]),
        st.sampled_from([Status.LABELLED, Status.REVIEWED]),
    )
    return edits.map(
        lambda drawn: ImageChange(drawn[0], label=drawn[1], split=drawn[2], status=drawn[3])
    ) | image_names.map(lambda name: ImageChange(name, delete=True))


# ---- where the bytes are -----------------------------------------------------------------


def test_neighbours_in_a_pack_are_one_range():
    blobs = [new_blob(f"blob {n}".encode(), "raw") for n in range(20)]
    put_blobs(blobs)
    [found] = find_ranges([blob.digest for blob in blobs]).ranges
    assert found.length == sum(len(blob.data) for blob in blobs)


def test_a_range_never_holds_the_bytes_of_others_that_lie_between():
    blobs = [new_blob(f"blob {n}".encode(), "raw") for n in range(30)]
    put_blobs(blobs)
    ours = {blob.digest for n, blob in enumerate(blobs) if n % 3}
    found = find_ranges(ours).ranges
    locations = locate(blob.digest for blob in blobs)
    for one in found:
        inside = {
            digest_
            for digest_, at in locations.items()
            if at.pack == one.file and one.start <= at.start < one.start + one.length
        }
        assert inside == {location.digest for location in one.locations} <= ours
    assert {location.digest for one in found for location in one.locations} == ours


def test_a_range_ends_where_it_would_get_too_long():
    blobs = [new_blob(bytes([n]) * (RANGE_BYTES // 4 + 1), "raw") for n in range(8)]
    put_blobs(blobs)
    found = find_ranges([blob.digest for blob in blobs]).ranges
    assert all(one.length <= RANGE_BYTES for one in found)
    assert sum(len(one.locations) for one in found) == 8


def test_each_blob_is_told_once_on_a_page():
    label = put_label("1", {1: 1})
    version = commit_to(dataset(), names("a", "b", "c", label=label))
    assert asked_for(version)[0] == [label]


def test_photographs_are_left_out_on_request():
    photo, label = put_bytes("photo"), put_label("1", {1: 1})
    version = commit_to(dataset(), names("a", image=photo, label=label))
    assert asked_for(version, labels_only=True)[0] == [label]


def test_what_was_erased_is_reported_and_the_rest_told():
    photo, label = put_bytes("photo"), put_label("1", {1: 1})
    version = commit_to(dataset(), names("a", image=photo, label=label))
    mark_erased([photo], reason="asked")
    destroy_erased([photo])
    assert asked_for(version) == ([label], [photo])


def test_what_is_lost_is_an_error_that_names_it(street):
    with pytest.raises(ObjectMissing) as caught:
        find_ranges([digest("nobody has it")])
    assert caught.value.digests == (digest("nobody has it"),)


def test_a_dataset_gives_what_it_holds_in_the_order_asked_for(street):
    wanted = list(dict.fromkeys(asked_for(street)[0]))[::-1]
    locations = find_served(street.dataset, wanted)
    stored = get_blobs(wanted)
    assert b"".join(iter_stored(locations)) == b"".join(stored[one] for one in wanted)


def test_a_dataset_does_not_give_what_another_one_holds(street):
    other = dataset()
    commit_to(other, names("a", label=put_label("3", {3: 3}), image=put_bytes("secret")))
    with pytest.raises(ObjectMissing):
        find_served(street.dataset, [put_bytes("secret")])


def test_what_was_erased_is_not_given(street):
    photo = put_bytes("photo")
    commit_to(street.dataset, names("a", image=photo))
    mark_erased([photo], reason="asked")
    destroy_erased([photo])
    with pytest.raises(ObjectErased):
        find_served(street.dataset, [photo])


# ---- what it costs -----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "class:car", "class:car split:val", "prefix:x/"])
@pytest.mark.parametrize("since", [False, True])
def test_a_page_costs_what_it_shows_and_the_same_queries_however_many_images(text, since):
    label, other = put_label("12", {1: 1, 2: 2}), put_label("122", {1: 1, 2: 2})
    costs = []
    for count in (100, 2_000):
        streets = dataset()
        every = [f"x/{n:05}" for n in range(count)]
        old = commit_to(streets, names(*every, label=label, split="val"))
        new = commit_to(streets, names(*every[::2], label=other))
        reading = reading_of(new.taxonomy_version)
        wanted = parse_query(text, reading)
        with count_rows() as cost:
            page = plan_page(
                new, old if since else None, wanted, reading,
                labels_only=True, after=10, limit=20,
            )  # fmt: skip
        assert len(page.entries.numbers) == 20
        costs.append(cost)
    small, large = costs
    assert large.queries <= small.queries + 2
    assert large.rows <= small.rows + 300
