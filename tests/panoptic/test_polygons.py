"""Polygons: from COCO's points to masks as pycocotools fills them, and exact outlines back."""

import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from panoptic.errors import LibraryMissing, MalformedFile
from panoptic.polygons import Ring, decode_polygons, spans_to_polygons
from panoptic.runs import constant_runs, decode_runs, encode_runs, spans_of_mask
from tests.builders import id_map
from tests.real_data import real_data

coco = pytest.importorskip("pycocotools.mask", reason="the extra `coco` is not installed")

unhurried = settings(deadline=None)
masks = hnp.arrays(bool, st.tuples(st.integers(1, 16), st.integers(1, 16)))


def rings_of(mask):
    return spans_to_polygons(spans_of_mask(encode_runs(mask)), mask.shape[1])


def fill(rings, height, width):
    """The even-odd rule: every edge downwards or upwards flips all that lies right of it."""
    mask = np.zeros((height, width), bool)
    for ring in rings:
        for (x, y), (next_x, next_y) in zip(
            ring.points, np.roll(ring.points, -1, axis=0), strict=True
        ):
            assert (x == next_x) != (y == next_y), "edges follow the grid and have a length"
            if x == next_x:
                mask[min(y, next_y) : max(y, next_y), x:] ^= True
    return mask


def signed_area(ring):
    x, y = ring.points.T
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) // 2


def drawn(drawing):
    return id_map(drawing) > 0


@unhurried
@given(masks)
def test_filling_the_outlines_gives_the_mask_back(mask):
    assert (fill(rings_of(mask), *mask.shape) == mask).all()


@unhurried
@given(masks)
def test_outer_rings_run_clockwise_holes_the_other_way_and_their_areas_add_up(mask):
    rings = rings_of(mask)
    assert all((signed_area(ring) < 0) == ring.is_hole for ring in rings)
    assert sum(map(signed_area, rings)) == mask.sum()


@unhurried
@given(masks)
def test_corners_are_corners(mask):
    for ring in rings_of(mask):
        steps = np.roll(ring.points, -1, axis=0) - ring.points
        assert ((steps != 0).sum(axis=1) == 1).all()
        assert ((steps[:, 0] == 0) != (np.roll(steps, -1, axis=0)[:, 0] == 0)).all()


def test_a_rectangle_has_four_corners():
    (ring,) = rings_of(drawn(".... .11. .11. ...."))
    assert ring.points.tolist() == [[1, 1], [3, 1], [3, 3], [1, 3]]
    assert not ring.is_hole


def test_a_hole_is_a_ring_of_its_own():
    outer, hole = rings_of(drawn("111 1.1 111"))
    assert outer.points.tolist() == [[0, 0], [3, 0], [3, 3], [0, 3]]
    assert hole.points.tolist() == [[1, 1], [1, 2], [2, 2], [2, 1]]
    assert (outer.is_hole, hole.is_hole) == (False, True)


@pytest.mark.parametrize("drawing", ["1. .1", ".1 1."])
def test_pixels_that_touch_at_a_corner_are_outlined_apart(drawing):
    assert [len(ring.points) for ring in rings_of(drawn(drawing))] == [4, 4]


def test_a_mask_across_the_end_of_a_row():
    assert len(rings_of(drawn("..1 1.. ..."))) == 2


def test_a_full_image_is_one_rectangle_and_an_empty_one_nothing():
    (ring,) = spans_to_polygons(spans_of_mask(constant_runs(300, 400, 1)), 400)
    assert ring.points.tolist() == [[0, 0], [400, 0], [400, 300], [0, 300]]
    assert spans_to_polygons(spans_of_mask(constant_runs(3, 4)), 4) == []


def test_a_ring_is_a_value():
    assert Ring(np.zeros((4, 2), np.int64), False).is_hole is False


# From points to masks


def test_polygons_are_joined_as_pycocotools_joins_them():
    polygons = [[1.0, 1.0, 6.0, 1.0, 6.0, 5.0], [2, 2, 9.5, 3, 4, 7.25, 1, 6]]
    expected = coco.merge(coco.frPyObjects(polygons, 9, 11))
    mask = decode_polygons(polygons, 9, 11)
    assert mask.shape == (9, 11)
    assert coco.area(expected) == decode_runs(mask).sum()


@pytest.mark.parametrize(
    ("polygons", "reason"),
    [
        ([], "without any polygon"),
        (None, "without any polygon"),
        ([1, 2, 3, 4, 5, 6], "polygon 0 is no list"),
        ([[1, 2, 3, 4]], "2 points, fewer than 3"),
        ([[]], "0 points"),
        ([[1, 2, 3, 4, 5, 6], [1, 2]], "polygon 1 has 1 points"),
        ([[1, 2, 3, 4, 5, 6, 7]], "7 numbers, x without y"),
        ([[1, 2, 3, 4, 5, float("nan")]], "nan, which is no coordinate"),
        ([[1, 2, 3, 4, 5, float("inf")]], "inf, which is no coordinate"),
        ([[1, 2, 3, 4, 5, "6"]], "'6', which is no coordinate"),
        ([[1, 2, 3, 4, 5, True]], "True, which is no coordinate"),
        ([[1, 2, 3, 4, 5, None]], "None, which is no coordinate"),
        ([[1, 2, 3, 4, 5, 1e9]], "far outside"),
    ],
)
def test_what_is_no_polygon_is_refused_with_a_reason(polygons, reason):
    with pytest.raises(MalformedFile, match=reason):
        decode_polygons(polygons, 20, 20)


@unhurried
@given(st.lists(st.floats(-30, 50), min_size=6, max_size=6))
def test_points_outside_the_image_are_cut_at_its_edge(points):
    assert decode_polygons([points], 12, 9).shape == (12, 9)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_every_polygon_of_real_coco_is_filled_as_by_pycocotools():
    path = real_data("coco_instances") / "instances_train80.json"
    content = json.loads(path.read_text())
    sizes = {image["id"]: (image["height"], image["width"]) for image in content["images"]}
    several = 0
    for annotation in content["annotations"]:
        polygons, size = annotation["segmentation"], sizes[annotation["image_id"]]
        if not isinstance(polygons, list):
            continue
        several += len(polygons) > 1
        expected = coco.decode(coco.merge(coco.frPyObjects(polygons, *size)))
        mask = decode_runs(decode_polygons(polygons, *size), np.uint8)
        assert (mask == expected).all()
        if annotation["id"] % 7 == 0:
            assert (fill(rings_of(mask > 0), *size) == mask).all()
    assert several > 50


def test_polygons_without_the_library_that_draws_them_say_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(LibraryMissing, match=r"pip install 'tessera\[coco\]'"):
        decode_polygons([[0, 0, 2, 0, 2, 2]], 3, 3)
