"""People on foot, alone and in crowds."""

import numpy as np

from datasets_app.sample.frame import COATS, HAIR, SKIN, TOPS, TROUSERS, Frame
from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Item,
    Part,
    ellipse,
    limb,
    rounded,
    scale,
)

_UMBRELLAS: tuple[Color, ...] = (
    (206, 58, 64),
    (40, 92, 142),
    (244, 190, 60),
    (60, 62, 72),
    (76, 152, 130),
)


def person(brush: Brush, right: float, ahead: float, *, umbrella: bool = False) -> list[Item]:
    """Someone on foot, now and then with a bag or an umbrella (an item of its own)."""
    rng = brush.rng
    tall = 0.62 + 0.38 * rng.random() if rng.random() < 0.12 else rng.uniform(0.92, 1.07)
    frame = Frame(brush, right, ahead, 1 if rng.random() < 0.5 else -1, 1.75 * tall)
    walking = rng.random() < 0.75
    parts = _walker(frame, rng, walking)
    items = [Item("person", ahead, tuple(parts))]
    if umbrella:
        items.append(Item("umbrella", ahead - 0.01, _umbrella(frame, rng)))
    return items


def _walker(frame: Frame, rng: np.random.Generator, walking: bool) -> list[Part]:
    skin, hair = frame.brush.pick(SKIN), frame.brush.pick(HAIR)
    top, legs = frame.brush.pick(TOPS), frame.brush.pick(TROUSERS)
    swing = rng.uniform(0.06, 0.15) if walking else rng.uniform(0.0, 0.03)
    lean = 0.015 if walking else 0.0
    hip, shoulder = 0.50, 0.815
    dress, coat = rng.random() < 0.22, rng.random() < 0.25
    leg_color = skin if dress else legs
    shoe: Color = (48, 42, 44) if rng.random() < 0.6 else (222, 218, 212)
    far_knee, near_knee = (-swing * 0.25 + 0.03, 0.26), (swing * 0.7 + 0.01, 0.27)
    far_foot, near_foot = (-swing - 0.02, 0.03 + swing * 0.2), (swing, 0.025)
    parts = [
        frame.part(limb([(-0.02, hip), far_knee, far_foot], [0.10, 0.078, 0.048]), leg_color, 0.35),
        frame.part(
            rounded(
                [
                    (far_foot[0] - 0.02, far_foot[1] + 0.02),
                    (far_foot[0] + 0.075, far_foot[1] - 0.015),
                    (far_foot[0] + 0.07, far_foot[1] - 0.035),
                    (far_foot[0] - 0.03, far_foot[1] - 0.03),
                ],
                1,
            ),
            shoe,
            0.4,
        ),
        frame.part(
            limb(
                [(-0.01, shoulder - 0.03), (swing * 0.7, 0.63), (swing * 1.25 + 0.01, 0.49)],
                [0.06, 0.052, 0.036],
            ),
            top,
            0.35,
        ),
        frame.part(limb([(0.02, hip), near_knee, near_foot], [0.11, 0.084, 0.05]), leg_color, 0.75),
        frame.part(
            rounded(
                [
                    (near_foot[0] - 0.03, near_foot[1] + 0.02),
                    (near_foot[0] + 0.08, near_foot[1] - 0.005),
                    (near_foot[0] + 0.08, near_foot[1] - 0.03),
                    (near_foot[0] - 0.035, near_foot[1] - 0.03),
                ],
                1,
            ),
            shoe,
            0.8,
        ),
    ]
    if coat:
        top = frame.brush.pick(COATS)
    hem = 0.30 if dress else 0.36 if coat else 0.46
    wide = 0.135 if dress else 0.10 if coat else 0.082
    torso = [
        (-0.095, shoulder - 0.01),
        (-0.055, shoulder + 0.022),
        (0.055, shoulder + 0.022),
        (0.10, shoulder - 0.015),
        (0.088, 0.64),
        (wide, hem),
        (-wide, hem),
        (-0.085, 0.64),
    ]
    tilted = [(x + lean * (y - hem) * 3, y) for x, y in torso]
    parts.append(frame.part(rounded(tilted, 2), top, 0.85))
    # The side away from the sun, as a darker band inside the torso: a little roundness.
    parts.append(
        frame.part(
            [(-0.085, 0.78), (-0.03, 0.80), (-0.035, hem + 0.02), (-wide + 0.01, hem + 0.02)],
            top,
            0.3,
            False,
        )
    )
    if rng.random() < 0.3:
        bag = frame.brush.pick(COATS)
        parts.append(
            frame.part(
                rounded([(-0.16, 0.78), (-0.07, 0.80), (-0.07, 0.56), (-0.15, 0.57)], 2), bag, 0.7
            )
        )
    hand = (-swing * 1.2 + 0.015, 0.475)
    parts.append(
        frame.part(
            limb(
                [(0.0, shoulder - 0.03), (-swing * 0.75 - 0.01, 0.64), hand], [0.062, 0.055, 0.036]
            ),
            scale(top, 0.93),
            0.8,
        )
    )
    parts.append(frame.part(ellipse(hand[0], hand[1] - 0.015, 0.02, 0.026, 8), skin, 0.8))
    head_x = lean * 1.4 + 0.008
    parts.append(
        frame.part(
            [(head_x - 0.025, 0.87), (head_x + 0.025, 0.87), (0.03, 0.815), (-0.03, 0.815)],
            skin,
            0.5,
        )
    )
    parts.append(frame.part(ellipse(head_x, 0.92, 0.049, 0.064, 14), skin, 0.85))
    long_hair = rng.random() < 0.4
    if long_hair:
        cap = [
            (-0.06, 0.80),
            (-0.066, 0.92),
            (-0.045, 0.985),
            (0.005, 1.0),
            (0.045, 0.975),
            (0.052, 0.94),
            (0.0, 0.945),
            (-0.012, 0.86),
            (-0.02, 0.80),
        ]
    else:
        cap = [
            (-0.05, 0.885),
            (-0.058, 0.94),
            (-0.035, 0.985),
            (0.01, 0.998),
            (0.048, 0.975),
            (0.055, 0.945),
            (0.0, 0.948),
            (-0.02, 0.915),
        ]
    parts.append(frame.part(rounded([(x + head_x, y) for x, y in cap], 1), hair, 0.75))
    return parts


def _umbrella(frame: Frame, rng: np.random.Generator) -> tuple[Part, ...]:
    color = frame.brush.pick(_UMBRELLAS)
    top, low, half = 1.20, 0.985, 0.31
    scallops = [(half - half * 2 * i / 8, low + (0.022 if i % 2 else 0.0)) for i in range(9)]
    dome = [(-half * np.cos(a), low + (top - low) * np.sin(a)) for a in np.linspace(0.0, np.pi, 15)]
    x = 0.06
    return (
        frame.part(limb([(x, 0.56), (x, top + 0.025)], [0.012, 0.012]), (70, 66, 64), 0.5),
        frame.part([(px + x, py) for px, py in [*dome, *scallops[1:-1]]], color, 0.85),
        frame.part(
            [
                (x - half * 0.98, low),
                (x - half * 0.55, top - 0.07),
                (x, top),
                (x - half * 0.5, low + 0.02),
            ],
            color,
            0.45,
            False,
        ),
    )


def crowd(brush: Brush, right: float, ahead: float, count: int, spread: float) -> Item:
    """Many people far away that nobody separates: one segment with the crowd flag."""
    rng = brush.rng
    parts: list[Part] = []
    for z in np.sort(rng.uniform(ahead, ahead + 4.0, count))[::-1]:
        frame = Frame(
            brush,
            right + rng.normal(0.0, spread),
            float(z),
            1 if rng.random() < 0.5 else -1,
            1.75 * rng.uniform(0.9, 1.08),
        )
        top, legs = brush.pick(TOPS), brush.pick(TROUSERS)
        swing = rng.uniform(0.0, 0.1)
        parts += [
            frame.part(
                [
                    (-0.07, 0.5),
                    (0.08, 0.5),
                    (0.06 + swing, 0.0),
                    (0.01, 0.02),
                    (0.0, 0.3),
                    (-0.02, 0.0),
                    (-0.06 - swing, 0.02),
                ],
                legs,
                0.6,
            ),
            frame.part(
                rounded([(-0.1, 0.82), (0.1, 0.82), (0.11, 0.45), (-0.11, 0.45)], 1), top, 0.8
            ),
            frame.part(ellipse(0.0, 0.92, 0.055, 0.07, 10), brush.pick(SKIN), 0.8),
            frame.part(ellipse(-0.005, 0.955, 0.055, 0.045, 8), brush.pick(HAIR), 0.7),
        ]
    return Item("person", ahead, tuple(parts), crowd=True)
