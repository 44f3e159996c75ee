"""Colours: told apart, deterministic, readable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from panoptic.colors import (
    BLACK,
    WHITE,
    class_color,
    contrast_ratio,
    distinct_color,
    distinct_palette,
    format_color,
    instance_shade,
    instance_shades,
    mix_colors,
    parse_color,
    text_color,
)

channels = st.integers(0, 255)
colors = st.tuples(channels, channels, channels)

# Linear RGB → what people without red or green cones see (Machado et al. 2009, severity 1).
SIGHTS = {
    "normal": np.eye(3),
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
}


def oklab(palette, sight):
    """Björn Ottosson's perceptual space; black to white is a distance of 1."""
    linear = np.clip((np.array(palette) / 255) ** 2.2 @ np.array(SIGHTS[sight]).T, 0, 1)
    cones = [[0.412, 0.536, 0.051], [0.212, 0.681, 0.107], [0.088, 0.282, 0.630]]
    axes = [[0.210, 0.794, -0.004], [1.978, -2.429, 0.451], [0.026, 0.783, -0.809]]
    return np.cbrt(linear @ np.array(cones).T) @ np.array(axes).T


def nearest_pair(palette, sight):
    points = oklab(palette, sight)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    return distances[~np.eye(len(points), dtype=bool)].min()


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("count", "apart"), [(8, 0.14), (16, 0.09), (32, 0.05), (64, 0.035)])
def test_the_first_colours_are_told_apart_with_any_colour_vision(sight, count, apart):
    palette = [BLACK, WHITE, *map(distinct_color, range(count))]
    assert nearest_pair(palette, sight) > apart


def test_seven_hundred_classes_have_seven_hundred_colours():
    assert len({BLACK, *map(distinct_color, range(700))}) == 701


def test_the_first_colours_are_frozen():
    assert [format_color(distinct_color(k)) for k in (0, 1, 2, 191, 192)] == [
        "#1076ba",
        "#87a921",
        "#762110",
        "#6598ed",
        "#3382b2",
    ]


def test_a_palette_begins_with_black_for_void():
    assert distinct_palette(3) == [BLACK, distinct_color(0), distinct_color(1)]
    assert distinct_palette(0) == []


def test_stuff_is_duller_than_things():
    for index in range(50):
        stuff, thing = class_color(index, "stuff"), class_color(index, "thing")
        assert max(stuff) - min(stuff) < max(thing) - min(thing)


@given(colors, st.integers(0, 2**24 - 1))
def test_a_shade_is_a_colour_and_depends_on_its_number_alone(color, number):
    shade = instance_shade(color, number)
    assert shade == instance_shade(color, number)
    assert all(0 <= channel <= 255 for channel in shade)


@given(colors)
def test_number_0_is_the_colour_itself(color):
    assert instance_shade(color, 0) == color


def test_the_shades_of_fifty_instances_differ():
    shades = instance_shades((16, 118, 186), np.arange(50))
    assert shades.shape == (50, 3)
    assert shades.dtype == np.uint8
    assert len({tuple(shade) for shade in shades.tolist()}) == 50


def test_shades_of_nothing_are_an_empty_table():
    assert instance_shades(WHITE, np.array([], np.int64)).shape == (0, 3)


@given(colors, colors)
def test_mixing_starts_and_ends_at_its_colours(color, other):
    assert mix_colors(color, other, 0) == color
    assert mix_colors(color, other, 256) == other


def test_contrast_runs_from_1_to_21():
    assert contrast_ratio(BLACK, WHITE) == contrast_ratio(WHITE, BLACK) == pytest.approx(21)
    assert contrast_ratio((9, 9, 9), (9, 9, 9)) == 1


@given(colors)
def test_text_can_be_read_on_every_colour(color):
    assert contrast_ratio(text_color(color), color) >= 4.5


@given(colors)
def test_hex_comes_back(color):
    assert parse_color(format_color(color)) == color


@pytest.mark.parametrize("text", ["", "red", "#fff", "#1234567", "#12345g", "123456", "#12345\n"])
def test_what_is_no_hex_is_refused(text):
    with pytest.raises(ValueError, match="is no colour"):
        parse_color(text)
