"""Errors by the names that the service gives them."""

import pickle

import pytest

from tessera.errors import (
    AccessError,
    BranchMoved,
    ConflictError,
    DamagedError,
    NetworkError,
    NotFound,
    ObjectErased,
    RateLimited,
    TesseraError,
    UsageError,
    of_problem,
)


@pytest.mark.parametrize(
    ("status", "code", "kind", "exit_code"),
    [
        (400, "invalid_filter", UsageError, 2),
        (401, "not_authenticated", AccessError, 3),
        (403, "permission_denied", AccessError, 3),
        (404, "not_found", NotFound, 4),
        (409, "branch_moved", BranchMoved, 5),
        (409, "name_taken", ConflictError, 5),
        (410, "object_erased", ObjectErased, 7),
        (410, "lease_ended", DamagedError, 7),
        (422, "unknown_class", UsageError, 2),
        (429, "rate_limited", RateLimited, 6),
        (503, "", NetworkError, 6),
        (418, "of_a_newer_service", UsageError, 2),
    ],
)
def test_a_problem_is_raised_as_its_leaf_or_as_the_family_of_its_status(
    status, code, kind, exit_code
):
    error = of_problem(status, {"code": code, "detail": "no"})
    assert (type(error), error.exit_code, error.status) == (kind, exit_code, status)
    assert error.code == (code or kind.code)


def test_what_the_service_says_beside_the_standard_fields_is_kept():
    body = {"type": "about:blank", "detail": "moved", "code": "branch_moved", "actual": "ab" * 32}
    error = of_problem(409, {**body, "errors": [{"name": "a.png"}]})
    assert error.facts == {"actual": "ab" * 32}
    assert error.errors == [{"name": "a.png"}]
    assert error.to_json() == {
        "code": "branch_moved",
        "detail": "moved",
        "errors": [{"name": "a.png"}],
        "actual": "ab" * 32,
        "status": 409,
    }


def test_a_problem_without_a_word_still_says_something():
    assert str(of_problem(502, {})) == "the service answered 502"


def test_errors_that_are_no_list_are_left_out():
    assert of_problem(400, {"errors": "broken"}).errors == []


def test_an_error_comes_whole_from_another_process():
    error = of_problem(409, {"code": "branch_moved", "detail": "moved", "actual": "ab"})
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is BranchMoved
    assert again.to_json() == error.to_json()


def test_every_family_has_an_exit_code_of_its_own():
    codes = [family.exit_code for family in TesseraError.__subclasses__()]
    assert sorted(codes) == [2, 3, 4, 5, 6, 7]
