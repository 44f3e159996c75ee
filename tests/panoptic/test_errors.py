from __future__ import annotations

import pickle

import pytest

from panoptic.errors import (
    MalformedFile,
    MalformedLabel,
    OverlappingSegments,
    PanopticError,
    ShapeMismatch,
    TooLarge,
    UnknownClass,
)

EVERY_KIND = [
    ShapeMismatch((2, 3), (3, 2)),
    MalformedLabel("cut off", where="header"),
    MalformedFile("no such id", file="a.json", image="b.png", segment=7),
    OverlappingSegments(1, 2, image="b.png"),
    UnknownClass(9, where="class map"),
    TooLarge("pixels", actual=5, limit=4),
]


@pytest.mark.parametrize("error", EVERY_KIND, ids=lambda error: error.code)
def test_errors_cross_a_process_pool_with_their_facts(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_every_kind_has_a_code_of_its_own():
    assert len({error.code for error in EVERY_KIND}) == len(EVERY_KIND)
    assert all(isinstance(error, PanopticError) for error in EVERY_KIND)


def test_a_malformed_file_names_file_image_and_segment():
    assert str(EVERY_KIND[2]) == "a.json: image b.png: segment 7: no such id"
