"""Dogs and birds, and the heaps that nobody has a class for."""

import numpy as np

from datasets_app.sample.frame import Frame
from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Item,
    blob,
    ellipse,
    limb,
    rounded,
    scale,
)

_FUR: tuple[Color, ...] = (
    (150, 100, 56),
    (66, 50, 42),
    (222, 204, 172),
    (186, 140, 88),
    (112, 104, 98),
)


def dog(brush: Brush, right: float, ahead: float) -> Item:
    rng = brush.rng
    frame = Frame(brush, right, ahead, 1 if rng.random() < 0.5 else -1, rng.uniform(0.75, 1.1))
    fur = brush.pick(_FUR)
    step = rng.uniform(0.02, 0.1)
    legs = [
        frame.part(
            limb([(x, 0.34), (x + bend, 0.18), (x + foot, 0.02)], [0.13, 0.07, 0.06]), fur, lit
        )
        for x, bend, foot, lit in (
            (-0.26, -0.04, step, 0.3),
            (0.22, 0.02, -step, 0.3),
            (-0.3, -0.06, -step, 0.75),
            (0.26, 0.03, step, 0.75),
        )
    ]
    return Item(
        "dog",
        ahead,
        (
            *legs,
            frame.part(
                limb([(-0.36, 0.44), (-0.5, 0.56), (-0.54, 0.70)], [0.08, 0.06, 0.03]), fur, 0.7
            ),
            frame.part(
                rounded(
                    [
                        (-0.4, 0.46),
                        (-0.3, 0.54),
                        (0.2, 0.54),
                        (0.36, 0.58),
                        (0.36, 0.36),
                        (0.2, 0.28),
                        (-0.2, 0.33),
                        (-0.4, 0.32),
                    ],
                    2,
                ),
                fur,
                0.8,
            ),
            frame.part(limb([(0.28, 0.48), (0.44, 0.66)], [0.22, 0.18]), fur, 0.85),
            frame.part(
                rounded(
                    [
                        (0.36, 0.78),
                        (0.52, 0.79),
                        (0.56, 0.70),
                        (0.72, 0.66),
                        (0.72, 0.59),
                        (0.54, 0.56),
                        (0.38, 0.60),
                    ],
                    2,
                ),
                fur,
                0.9,
            ),
            frame.part(
                rounded([(0.40, 0.78), (0.34, 0.70), (0.36, 0.58), (0.44, 0.66)], 1),
                scale(fur, 0.7),
                0.6,
            ),
            frame.part(ellipse(0.71, 0.645, 0.025, 0.025, 8), (30, 26, 26), 0.5, False),
            frame.part(ellipse(0.54, 0.70, 0.015, 0.02, 6), (26, 22, 22), 0.5, False),
        ),
    )


def bird(brush: Brush, x: float, y: float, size: float) -> Item:
    """A bird in the sky; x, y and size in pixels."""
    flap = brush.rng.uniform(-0.1, 0.5)
    left = [(-1.0, 0.1 + flap), (-0.55, 0.34 + flap * 0.6), (-0.1, 0.05)]
    right = [(0.1, 0.05), (0.6, 0.38 + flap * 0.6), (1.05, 0.12 + flap)]
    body = np.array(
        [*left, (0.0, 0.1), *right, (0.5, 0.12), (0.2, -0.18), (-0.1, -0.2), (-0.5, 0.1)]
    )
    return Item(
        "bird",
        150.0,
        (brush.paint(np.array([x, y]) + body * (size, -size), (54, 52, 60), 20.0, 0.3),),
    )


def heap(brush: Brush, right: float, ahead: float) -> Item:
    """Something nobody has a class for (a covered heap, a stack of bags): void in the label."""
    rng = brush.rng
    x, y, unit = brush.camera.stand(right, ahead)
    wide, high = rng.uniform(0.5, 0.9) * unit, rng.uniform(0.45, 0.8) * unit
    outline = blob(rng, x, y - high * 0.45, wide, high * 0.62, 40, 0.22)
    outline[:, 1] = np.minimum(outline[:, 1], y + 0.06 * unit)
    color = brush.pick(((96, 112, 128), (128, 120, 98), (84, 96, 84)))
    inner = blob(rng, x - wide * 0.2, y - high * 0.5, wide * 0.5, high * 0.36, 30, 0.2)
    return Item(
        None,
        ahead,
        (
            brush.paint(outline, color, ahead, 0.5),
            brush.paint(inner, scale(color, 1.15), ahead, 0.9, False),
        ),
    )
