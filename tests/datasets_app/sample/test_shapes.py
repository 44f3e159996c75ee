import numpy as np

from datasets_app.sample.raster import draw_items, draw_mask
from datasets_app.sample.shapes import (
    Item,
    blob,
    divided,
    ellipse,
    limb,
    part,
    ragged,
    rectangle,
    ring,
    rounded,
)


def rng():
    return np.random.Generator(np.random.PCG64(7))


def test_a_later_item_covers_an_earlier_one():
    below = Item("road", 9.0, (part(rectangle(0, 0, 20, 20), None),))
    above = Item("car", 5.0, (part(rectangle(5, 5, 10, 10), None),))

    places = draw_items(20, 20, (below, above))

    assert places[7, 7] == 2
    assert places[2, 2] == 1


def test_a_mask_keeps_what_another_item_hides():
    hidden = part(rectangle(4, 4, 12, 12), None)

    top, left, mask = draw_mask(20, 20, (hidden,))

    assert mask[6 - top : 11 - top, 6 - left : 11 - left].all()


def test_a_mask_outside_the_image_is_empty():
    _, _, mask = draw_mask(20, 20, (part(rectangle(40, 40, 50, 50), None),))

    assert mask.size == 0


def test_a_detail_that_is_not_solid_leaves_no_pixel():
    item = Item("car", 5.0, (part(rectangle(2, 2, 9, 9), None, solid=False),))

    assert not draw_items(20, 20, (item,)).any()


def test_a_ring_is_open_in_the_middle():
    places = draw_items(40, 40, (Item("bicycle", 5.0, (part(ring(20, 20, 15, 15, 0.2), None),)),))

    assert places[20, 20] == 0
    assert places[20, 6] == 1


def test_dividing_keeps_the_outline_and_shortens_its_edges():
    square = rectangle(0, 0, 30, 30)

    dense = divided(square, 4.0)

    assert np.hypot(*(np.roll(dense, -1, 0) - dense).T).max() <= 4.0
    assert {tuple(p) for p in square} <= {tuple(p) for p in dense}


def test_a_smooth_blob_is_an_ellipse():
    np.testing.assert_allclose(blob(rng(), 5, 6, 3, 2, 24, 0.0), ellipse(5, 6, 3, 2, 24))


def test_rounding_stays_inside_the_corners():
    soft = rounded(rectangle(0, 0, 10, 10))

    assert soft.min() >= 0
    assert soft.max() <= 10
    assert not (soft == 0).all(axis=1).any()


def test_a_limb_is_as_wide_as_asked():
    arm = limb([(0, 0), (0, 10)], [4, 2], nose=0.0)

    assert np.ptp(arm[:, 0]) == 4
    assert np.ptp(arm[:, 1]) == 10


def test_a_ragged_line_is_the_same_for_the_same_chance():
    line = [(0, 0), (100, 0)]

    np.testing.assert_array_equal(ragged(rng(), line, 5, 2), ragged(rng(), line, 5, 2))
