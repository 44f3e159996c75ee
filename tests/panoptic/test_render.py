"""Pictures of labels, checked pixel by pixel."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from panoptic.colors import BLACK, WHITE, instance_shade
from panoptic.errors import ShapeMismatch
from panoptic.render import (
    CHANGE_COLORS,
    UNKNOWN_COLOR,
    PixelChange,
    blend_picture,
    classify_changes,
    colorize_runs,
    decode_picture,
    encode_change_png,
    encode_colored_png,
    encode_overlay_png,
    encode_thumbnail,
    make_color_table,
    outline_runs,
    plain_picture,
    shade_instances,
)
from panoptic.runs import constant_runs, decode_runs, encode_runs
from tests.builders import id_map

RED, BLUE = (200, 10, 20), (1, 2, 250)
TABLE = make_color_table({2: BLUE, 1: RED})

id_maps = hnp.arrays(
    np.uint32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)
)


def shown(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def runs(drawing):
    return encode_runs(id_map(drawing))


def photo(height, width, seed=0):
    shape = (height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_every_id_gets_its_colour_and_void_is_black():
    picture = decode_picture(colorize_runs(runs("12 .3"), TABLE))
    assert picture.tolist() == [[list(RED), list(BLUE)], [list(BLACK), list(UNKNOWN_COLOR)]]


def test_void_gets_a_colour_where_the_table_names_it():
    picture = decode_picture(colorize_runs(runs("1."), make_color_table({0: BLUE, 1: RED})))
    assert picture.tolist() == [[list(RED), list(BLUE)]]


def test_a_coloured_file_shows_the_same_as_the_picture():
    data = encode_colored_png(runs("1122 .122"), TABLE)
    assert (shown(data) == decode_picture(colorize_runs(runs("1122 .122"), TABLE))).all()


def test_things_get_shades_by_their_ids_and_stuff_the_colour_of_its_class():
    table = shade_instances({5: RED, 9: RED, 70: RED}, frozenset({5, 9}))
    picture = decode_picture(colorize_runs(encode_runs(np.array([[5, 9, 70]])), table))
    expected = [instance_shade(RED, 5), instance_shade(RED, 9), RED]
    assert picture[0].tolist() == [list(color) for color in expected]


@settings(deadline=None)
@given(id_maps)
def test_outlines_are_where_the_right_or_lower_neighbour_differs(ids):
    expected = np.zeros(ids.shape, bool)
    expected[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    expected[:-1] |= ids[:-1] != ids[1:]
    assert (decode_runs(outline_runs(encode_runs(ids))) == expected).all()


def test_outlines_are_drawn_in_their_colour():
    data = encode_colored_png(runs("112 112"), TABLE, outline=WHITE)
    assert shown(data).tolist() == [[list(RED), list(WHITE), list(BLUE)]] * 2


def test_black_outlines_are_drawn_too():
    data = encode_colored_png(runs("112"), TABLE, outline=BLACK)
    assert shown(data)[0, 1].max() == 1


@pytest.mark.parametrize(("opacity", "expected"), [(0, 100), (0.5, 150), (1, 200)])
def test_blending_mixes_by_opacity(opacity, expected):
    mixed = blend_picture(plain_picture(2, 3, (100,) * 3), plain_picture(2, 3, (200,) * 3), opacity)
    assert (mixed == expected).all()
    assert mixed.dtype == np.uint8


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(0, 255), st.floats(0, 1))
def test_blending_stays_between_its_colours(below, above, opacity):
    mixed = blend_picture(
        plain_picture(1, 1, (below,) * 3), plain_picture(1, 1, (above,) * 3), opacity
    )
    assert min(below, above) <= mixed[0, 0, 0] <= max(below, above)


def test_blending_of_two_sizes_is_refused():
    with pytest.raises(ShapeMismatch):
        blend_picture(plain_picture(2, 3), plain_picture(3, 2), 0.5)


def test_an_overlay_leaves_void_as_the_photograph_has_it():
    below = photo(2, 3)
    over = shown(encode_overlay_png(below, runs("..1 2.1"), TABLE, outline=None))
    void = id_map("..1 2.1") == 0
    assert (over[void] == below[void]).all()
    assert (over[0, 2] == (below[0, 2].astype(int) + RED + 1) // 2).all()


def test_an_overlay_of_another_size_is_refused():
    with pytest.raises(ShapeMismatch):
        encode_overlay_png(photo(2, 3), runs("11 11"), TABLE)


def test_an_overlay_draws_outlines():
    over = shown(encode_overlay_png(photo(1, 3), runs("112"), TABLE, outline=(9, 8, 7)))
    assert over[0, 1].tolist() == [9, 8, 7]


def test_changed_pixels_are_told_apart_by_what_happened_to_their_class():
    changed = runs("1111 11..")
    kinds = classify_changes(changed, runs("..55 5555"), runs("3.65 5.55"))
    assert decode_runs(kinds).tolist() == [
        [
            PixelChange.ADDED,
            PixelChange.REASSIGNED,
            PixelChange.RECLASSIFIED,
            PixelChange.REASSIGNED,
        ],
        [PixelChange.REASSIGNED, PixelChange.REMOVED, 0, 0],
    ]


def test_a_change_picture_has_the_colour_of_each_kind_on_black():
    picture = shown(encode_change_png(encode_runs(np.array([[0, 1, 2, 3, 4]]))))
    expected = [BLACK, *(CHANGE_COLORS[kind] for kind in PixelChange)]
    assert picture[0].tolist() == [list(color) for color in expected]


def test_a_change_picture_over_a_photograph_is_grey_where_nothing_changed():
    picture = shown(encode_change_png(encode_runs(id_map("...1 ....")), photo(2, 4)))
    grey = picture[..., 0] == picture[..., 1]
    assert grey.tolist() == [[True, True, True, False], [True] * 4]


@pytest.mark.parametrize(
    ("size", "expected"), [((300, 600), (128, 256)), ((600, 300), (256, 128)), ((20, 30), (20, 30))]
)
def test_a_thumbnail_keeps_the_shape_and_is_never_enlarged(size, expected):
    image = Image.open(io.BytesIO(encode_thumbnail(photo(*size))))
    assert image.format == "WEBP"
    assert (image.height, image.width) == expected


def test_a_thumbnail_of_a_very_long_picture_has_a_pixel_left():
    assert Image.open(io.BytesIO(encode_thumbnail(plain_picture(1, 5000)))).size == (256, 1)


def test_a_plain_label_has_no_outline():
    assert outline_runs(constant_runs(50, 70, 4)) == constant_runs(50, 70)
