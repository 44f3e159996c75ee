"""The language of lists of changed images: what a URL says, and which images that keeps."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from datasets_app.actions.comparisons import compute_pixel_comparison
from datasets_app.changed_lists import (
    CHANGE_KINDS,
    IMAGE_KINDS,
    ChangedFilter,
    ListOrder,
    Severity,
    Unit,
    WrongFilter,
    find_listed,
    read_filter,
    severity_of,
)
from datasets_app.models import Dataset, PixelComparison
from datasets_app.numbering import names_of
from datasets_app.staging import ImageChange
from labels_app.reading import Reading, reading_of
from tests.datasets_app.builders import commit_to, dataset, put_label
from tests.laws import examples

ROAD, CAR, SKY = 1, 2, 3

_FLOWS = st.tuples(st.integers(0, 99), st.integers(0, 99)).map(lambda pair: f"{pair[0]}-{pair[1]}")


def some(choices: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(choices), unique=True, max_size=3).map(tuple)


FILTERS = st.builds(
    ChangedFilter,
    st.fixed_dictionaries(
        {
            "kind": some(IMAGE_KINDS),
            "change": some(CHANGE_KINDS),
            "facet": some(["label", "status"]),
            "severity": some([severity.value for severity in Severity]),
            "class": some(["car", "12", "a b&c", "ß"]),
            "flow": st.lists(_FLOWS, unique=True, max_size=2).map(tuple),
        }
    ),
    st.sampled_from(Unit),
    st.sampled_from(ListOrder),
)


def read(query: str) -> ChangedFilter:
    return read_filter(QueryDict(query).getlist)


@examples(60)
@given(FILTERS)
def test_a_filter_is_read_from_the_url_that_it_writes(wanted: ChangedFilter) -> None:
    query = QueryDict(mutable=True)
    for name, value in wanted.pairs():
        query.appendlist(name, value)

    assert read(query.urlencode()) == wanted


@examples(60)
@given(FILTERS)
def test_what_is_mirrored_twice_is_what_it_was(wanted: ChangedFilter) -> None:
    assert wanted.mirrored.mirrored == wanted


@examples(60)
@given(FILTERS, st.sampled_from(CHANGE_KINDS))
def test_a_value_that_is_toggled_twice_is_as_before(wanted: ChangedFilter, value: str) -> None:
    twice = wanted.toggled("change", value).toggled("change", value)
    assert set(twice.values["change"]) == set(wanted.values["change"])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("change=vanished", "change"),
        ("kind=%00", "kind"),
        ("severity=huge", "severity"),
        ("flow=1", "flow"),
        ("flow=1-2-3", "flow"),
        ("flow=999999-1", "flow"),
        ("class=a%00", "class"),
        ("order=colour", "order"),
        ("unit=metres", "unit"),
    ],
)
def test_what_makes_no_sense_is_refused_or_told(query: str, parameter: str) -> None:
    with pytest.raises(WrongFilter) as caught:
        read(query)
    assert caught.value.parameter == parameter
    told: list[WrongFilter] = []
    assert read_filter(QueryDict(query).getlist, told).pairs() == []
    assert [wrong.parameter for wrong in told] == [parameter]


@pytest.mark.parametrize(
    ("share", "severity"),
    [(0, "none"), (1e-9, "minor"), (0.01, "moderate"), (0.0999, "moderate"), (0.1, "major")],
)
def test_severity_is_a_band_of_the_changed_share(share: float, severity: str) -> None:
    assert severity_of(share) == severity


OLD = {
    "turned": ("1122 1122", {1: ROAD, 2: CAR}),
    "shaped": ("1111 1112", {1: ROAD, 2: CAR}),
    "numbered": ("11 22", {1: ROAD, 2: CAR}),
    "gone": ("33", {3: SKY}),
}
NEW = {
    "turned": ("1122 1122", {1: ROAD, 2: SKY}),
    "shaped": ("1111 1122", {1: ROAD, 2: CAR}),
    "numbered": ("11 77", {1: ROAD, 7: CAR}),
    "fresh": ("22 22 22", {2: CAR}),
}


@pytest.fixture
def compared(db) -> tuple[PixelComparison, Reading, Dataset]:
    """Cars that turned into sky, grew, were renumbered; an image less and one more."""
    streets = dataset()
    old, new = (
        commit_to(streets, [*(ImageChange(name, label=put_label(*one)) for name, one in sides)])
        for sides in (OLD.items(), NEW.items())
    )
    new = commit_to(streets, [ImageChange("gone", delete=True)])
    return compute_pixel_comparison(old, new), reading_of(new.taxonomy_version), streets


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["fresh", "turned", "gone", "shaped", "numbered"]),
        ("order=share", ["gone", "fresh", "turned", "shaped", "numbered"]),
        ("kind=added&kind=removed", ["fresh", "gone"]),
        ("change=reclassified", ["turned"]),
        ("change=thing_to_stuff", ["turned"]),
        ("change=stuff_to_thing", []),
        ("change=reshaped&change=renumbered", ["shaped", "numbered"]),
        ("severity=none", ["numbered"]),
        ("severity=major&kind=changed", ["turned", "shaped"]),
        ("class=sky", ["turned", "gone"]),
        ("class=2&class=3&kind=changed", ["turned", "shaped"]),
        ("flow=2-3", ["turned"]),
        ("flow=2-3&unit=segments", ["turned"]),
        ("flow=1-2", ["shaped"]),
        ("flow=1-2&unit=segments", []),
        ("flow=0-2&flow=3-0&unit=segments", ["fresh", "gone"]),
        ("flow=2-3&change=reshaped", []),
        ("order=segments&kind=changed", ["shaped", "turned", "numbered"]),
        ("order=quality&kind=changed", ["turned", "shaped", "numbered"]),
        ("order=boundary&change=reshaped", ["shaped"]),
    ],
)
def test_a_list_keeps_what_its_filter_says_in_its_order(
    compared: tuple[PixelComparison, Reading, Dataset], query: str, names: list[str]
) -> None:
    comparison, reading, streets = compared

    numbers = [row.image_no for row in find_listed(comparison, read(query), reading)]

    known = names_of(streets.pk, numbers)
    assert [known[number] for number in numbers] == names


def test_the_comparison_back_lists_the_same_under_the_mirrored_filter(
    compared: tuple[PixelComparison, Reading, Dataset],
) -> None:
    comparison, reading, _ = compared
    back = compute_pixel_comparison(comparison.new, comparison.old)
    for query in ("kind=added", "change=thing_to_stuff", "flow=2-3", "flow=0-2&unit=segments"):
        there = [row.image_no for row in find_listed(comparison, read(query), reading)]
        mirrored = find_listed(back, read(query).mirrored, reading)
        assert there == [row.image_no for row in mirrored] != []


def test_images_are_counted_under_each_key(
    compared: tuple[PixelComparison, Reading, Dataset],
) -> None:
    comparison, _, _ = compared
    counts: dict[str, int] = {}
    for key in comparison.images.values_list("key", flat=True):
        counts[key] = counts.get(key, 0) + 1
    assert comparison.image_counts == counts
    assert counts[""] == 5


def test_a_comparison_that_is_made_again_leaves_no_row_twice(
    compared: tuple[PixelComparison, Reading, Dataset],
) -> None:
    comparison, _, _ = compared
    rows = [model.objects.count() for model in (type(comparison.ranked.first()),)]
    compute_pixel_comparison(comparison.old, comparison.new)
    assert [comparison.ranked.count()] == rows == [5]
