"""Colours of classes and instances: told apart by everyone, the same for everyone.

A colour is three integers from 0 to 255, red, green and blue. Nothing here uses floating
point where a colour comes out, so that pictures are the same on every machine.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]

BLACK: Color = (0, 0, 0)
WHITE: Color = (255, 255, 255)

# Each colour lies as far as it can from all before it, and from black and white, in the worst
# of three sights: normal, without red cones, without green cones (OKLab distances; Machado
# et al., "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009).
# The first ones are those to use first. Frozen: the class colours of people hang on it.
_PALETTE = """
    1076ba 87a921 762110 bafe10 98bafe 1010fe 652165 329887 32dca9 657610 4310a9 9887fe
    765476 98fea9 cbcb54 43baba 98dced 1098ba 10ba76 6565fe 874343 2154cb 325498 439854
    762143 ed1010 54a9dc 98edcb 542187 dced76 547698 108765 1010cb 8776dc 98dc87 983210
    98ba54 87cbcb 654376 436598 cbdc10 cb7698 fe1054 76a9fe 87badc 7665dc 32a9ba 547643
    54cb87 10cba9 1087ba a9eded fe7610 a9cbfe 43eda9 9810ba 1054ed 873254 cbba10 3232dc
    21a976 872132 5498dc 658732 87dccb 8776fe ba3287 872165 98a954 875465 dc21a9 a932a9
    a96565 43ba98 543276 324398 8765cb a9ed54 761054 982187 ba5410 dc4343 4387a9 dc87fe
    87fedc 984332 545410 dc54a9 dc76cb 98ed87 7621a9 a98765 98cb76 105465 cb65cb 3265cb
    cb2154 65a9a9 ed87cb 10fefe fe8743 541098 cbcb21 fe6576 5410ba 76cbdc 1087ed 217687
    54feba 437654 a987ed a9a9ed 5454dc 4332cb 3254ba ba6576 65dc98 8721fe 21edfe ed65dc
    3276ed 32cb98 76ba32 a998ed 43baa9 5465a9 dcdc76 cb9887 a9baed 439898 cb6587 87cbba
    43eddc 8732a9 76ed98 985432 54dcdc ba5476 eda965 dc6510 1065ed 98dcba ed10ba 767632
    54a9cb a99865 a9fe98 1010dc 873243 98cbed ba32fe 65bacb 10cb65 654387 653221 a98732
    3232ed 4398cb cbed32 4387cb dca987 cb6554 871054 65ed65 87fecb a93221 76edba 985476
    cb3298 fea976 1010ed fe8710 543287 8765a9 105476 871021 875443 badc54 5443dc 4376cb
    659865 982132 108754 ed54ba 762132 87fe87 a99854 7665ba 982165 87fe54 fe9843 6598ed
"""
_DISTINCT: tuple[Color, ...] = tuple(
    (int(entry[0:2], 16), int(entry[2:4], 16), int(entry[4:6], 16)) for entry in _PALETTE.split()
)

# Fractions of the golden ratio: each new shade falls into the widest gap.
_GOLDEN_16_BITS = 40503
_PLASTIC_16_BITS = 49471


def distinct_color(index: int) -> Color:
    """The colour of entry `index` (from 0) of the default palette; it never ends.

    The first ones can be told apart by people with any kind of colour vision; from 192 on
    they are shades of earlier ones, and beyond 700 a shade may come twice.
    """
    turn, place = divmod(index, len(_DISTINCT))
    return instance_shade(_DISTINCT[place], turn)


def distinct_palette(count: int) -> list[Color]:
    """Colours for a class map: entry 0, void, is black; classes 1 to count − 1 follow."""
    return [BLACK, *(distinct_color(index) for index in range(count - 1))][:count]


def class_color(index: int, kind: str) -> Color:
    """The default colour of a new class: stuff is duller than things, so that these stand out."""
    color = distinct_color(index)
    return mix_colors(color, (128, 128, 128), 80) if kind == "stuff" else color


def instance_shade(color: Color, number: int) -> Color:
    """A shade of a class's colour for one instance; number 0 is the colour itself.

    Shades of successive numbers differ most; any number (a segment id) is allowed.
    """
    if number == 0:
        return color
    # Up to 37 % towards white or black, and a little warmer or colder.
    light = ((number * _GOLDEN_16_BITS & 0xFFFF) - 0x8000) * 95 // 0x8000
    warm = ((number * _PLASTIC_16_BITS & 0xFFFF) - 0x8000) * 28 // 0x8000
    red, green, blue = mix_colors(color, WHITE if light > 0 else BLACK, abs(light))
    return _clip(red + warm), green, _clip(blue - warm)


def instance_shades(color: Color, numbers: NDArray[np.integer]) -> NDArray[np.uint8]:
    """`instance_shade` of many numbers: uint8 (n, 3)."""
    shades = [instance_shade(color, number) for number in np.asarray(numbers).tolist()]
    return np.array(shades, np.uint8).reshape(-1, 3)


def mix_colors(color: Color, other: Color, share: int) -> Color:
    """`share` parts in 256 of the other colour, the rest of the first."""
    red, green, blue = (
        (mine * (256 - share) + others * share + 128) >> 8
        for mine, others in zip(color, other, strict=True)
    )
    return red, green, blue


def contrast_ratio(color: Color, other: Color) -> float:
    """WCAG 2's ratio, from 1 (equal) to 21 (black on white)."""
    darker, lighter = sorted([_luminance(color), _luminance(other)])
    return (lighter + 0.05) / (darker + 0.05)


def text_color(background: Color) -> Color:
    """Black or white, whichever is easier to read there; its contrast is at least 4.5."""
    on_black, on_white = contrast_ratio(background, BLACK), contrast_ratio(background, WHITE)
    return BLACK if on_black >= on_white else WHITE


def parse_color(text: str) -> Color:
    """(r, g, b) of "#rrggbb"; raises ValueError for anything else."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(f"{text!r} is no colour; #rrggbb is needed")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def format_color(color: Color) -> str:
    """ "#rrggbb" in small letters."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def _luminance(color: Color) -> float:
    red, green, blue = (
        channel / 255 / 12.92 if channel <= 10 else ((channel / 255 + 0.055) / 1.055) ** 2.4
        for channel in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _clip(channel: int) -> int:
    return max(0, min(255, channel))
