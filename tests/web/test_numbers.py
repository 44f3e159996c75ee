from __future__ import annotations

import pytest

from web.bars import percent, stacked_bar
from web.classes import Chip
from web.templatetags.tessera import compact, count, ratio, share, signed


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1234, "1.2 k"), (5 * 10**9, "5.0 G"), (None, "–")]
)
def test_large_numbers_are_short(number: int | None, text: str) -> None:
    assert compact(number) == text


def test_exact_numbers_have_commas() -> None:
    assert count(1234567) == "1,234,567"


@pytest.mark.parametrize(("number", "text"), [(3, "+3"), (-1200, "−1,200"), (0, "±0"), (None, "–")])
def test_differences_have_signs(number: int | None, text: str) -> None:
    assert signed(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0.00 %"),
        (1e-9, "< 0.01 %"),
        (0.004, "0.40 %"),
        (0.5, "50.0 %"),
        (0.99999, "> 99.99 %"),
        (1, "100.0 %"),
    ],
)
def test_few_are_not_none_and_nearly_all_are_not_all(number: float, text: str) -> None:
    assert share(number) == text


def test_an_undefined_ratio_is_a_dash() -> None:
    assert ratio(None) == "–"


def test_the_parts_of_a_bar_follow_one_another_to_its_end() -> None:
    red, blue = Chip(1, "a", "stuff", "#f00"), Chip(2, "b", "thing", "#00f")
    parts = stacked_bar([(red, 1), (blue, 3)])
    assert [(part.x, part.wide) for part in parts] == [("0.00%", "25.00%"), ("25.00%", "75.00%")]


def test_a_bar_of_nothing_has_no_parts() -> None:
    assert stacked_bar([(Chip(1, "a", "stuff", "#f00"), 0)]) == []
    assert percent(3, 0) == "0%"
