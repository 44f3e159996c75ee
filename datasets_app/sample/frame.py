"""Where a figure stands and how it is turned; the colours of people and their clothes."""

import numpy as np

from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Part,
    Points,
)

SKIN: tuple[Color, ...] = (
    (244, 208, 178),
    (226, 178, 140),
    (190, 136, 98),
    (134, 90, 62),
    (96, 64, 48),
)

HAIR: tuple[Color, ...] = (
    (44, 34, 30),
    (92, 60, 36),
    (160, 116, 62),
    (206, 178, 120),
    (150, 150, 152),
    (26, 24, 28),
)

TOPS: tuple[Color, ...] = (
    (206, 70, 62),
    (242, 178, 64),
    (58, 112, 168),
    (74, 148, 122),
    (236, 232, 222),
    (52, 56, 74),
    (176, 92, 140),
    (226, 124, 74),
    (112, 126, 140),
    (120, 156, 206),
    (242, 214, 196),
)

TROUSERS: tuple[Color, ...] = (
    (50, 62, 92),
    (42, 44, 52),
    (122, 104, 84),
    (86, 98, 112),
    (176, 160, 134),
    (62, 78, 66),
)

COATS: tuple[Color, ...] = (
    (150, 112, 80),
    (70, 76, 90),
    (116, 52, 56),
    (188, 176, 154),
    (52, 84, 88),
)


class Frame:
    """Places local shapes (units of metres, y up, x along the figure's way) into the image."""

    def __init__(self, brush: Brush, right: float, ahead: float, way: int, size: float) -> None:
        self.brush, self.ahead = brush, ahead
        self.x, self.y, per_metre = brush.camera.stand(right, ahead)
        self.unit, self.way = per_metre * size, way

    def place(self, points: object) -> Points:
        p = np.asarray(points, dtype=np.float64)
        return p * (self.unit * self.way, -self.unit) + (self.x, self.y)

    def part(self, points: object, base: Color, lit: float = 0.8, solid: bool = True) -> Part:
        return self.brush.paint(self.place(points), base, self.ahead, lit, solid)
