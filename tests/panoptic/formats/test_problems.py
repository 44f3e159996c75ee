"""Lists of problems: long ones are cut, and what stops an import still does."""

from __future__ import annotations

import pytest

from panoptic.formats.problems import (
    ERROR,
    MAX_PROBLEMS,
    WARNING,
    Problem,
    ProblemList,
    has_errors,
    list_some,
)


def filled(*severities: str) -> ProblemList:
    problems = ProblemList()
    for severity in severities:
        problems.add(Problem("x", "y", severity=severity))  # type: ignore[arg-type]
    return problems


def test_a_long_list_is_cut_and_the_rest_counted() -> None:
    *told, rest = filled(*[WARNING] * (MAX_PROBLEMS + 7)).as_tuple()
    assert len(told) == MAX_PROBLEMS
    assert rest.message == "7 more problems are not listed"


@pytest.mark.parametrize("last", [ERROR, WARNING])
def test_what_is_not_told_stops_an_import_only_if_it_holds_an_error(last: str) -> None:
    problems = filled(*[WARNING] * (MAX_PROBLEMS + 1), last).as_tuple()
    assert has_errors(problems) == (last == ERROR)


def test_a_few_values_are_shown_and_the_others_counted() -> None:
    assert list_some([3, 4, 5, 6], most=2) == "3, 4 and 2 more"
