"""Bicycles and scooters, parked and ridden."""

import numpy as np

from datasets_app.sample.frame import HAIR, SKIN, TOPS, TROUSERS, Frame
from datasets_app.sample.light import Brush
from datasets_app.sample.shapes import (
    Color,
    Item,
    Part,
    Points,
    ellipse,
    limb,
    ring,
    rounded,
    scale,
)


def cyclist(brush: Brush, right: float, ahead: float) -> list[Item]:
    """A bicycle and, apart from it, its rider."""
    rng = brush.rng
    frame = Frame(brush, right, ahead, 1 if rng.random() < 0.5 else -1, 1.0)
    color = brush.pick(TOPS)
    rider = _rider(frame, rng, seat=(-0.18, 0.98), grip=(0.44, 1.06), pedal=(0.06, 0.22))
    return [
        Item("bicycle", ahead, tuple(_bicycle(frame, color))),
        Item("rider", ahead - 0.01, tuple(rider)),
    ]


def parked_bicycle(brush: Brush, right: float, ahead: float) -> Item:
    frame = Frame(brush, right, ahead, 1 if brush.rng.random() < 0.5 else -1, 1.0)
    return Item(
        "bicycle", ahead, tuple(_bicycle(frame, brush.pick(TOPS))), attributes=(("parked", True),)
    )


def _bicycle(frame: Frame, color: Color) -> list[Part]:
    dark: Color = (40, 40, 44)
    back, front, crank, saddle, head = (
        (-0.52, 0.34),
        (0.52, 0.34),
        (-0.06, 0.3),
        (-0.2, 0.86),
        (0.38, 0.84),
    )
    thin = 0.045
    parts = [
        frame.part(ring(*back, 0.34, 0.34, 0.13), dark, 0.6),
        frame.part(ring(*front, 0.34, 0.34, 0.13), dark, 0.6),
        frame.part(ring(*crank, 0.1, 0.1, 0.3, 10), (150, 150, 150), 0.7),
    ]
    tubes = (
        (back, crank),
        (back, saddle),
        (crank, saddle),
        (crank, head),
        (saddle, head),
        (head, front),
    )
    parts += [frame.part(limb(line, [thin, thin]), color, 0.8) for line in tubes]
    parts.append(frame.part(limb([(-0.3, 0.9), (-0.1, 0.89)], [0.07, 0.05]), dark, 0.6))
    parts.append(
        frame.part(limb([head, (0.36, 1.02), (0.48, 1.05)], [thin, thin, 0.05]), dark, 0.6)
    )
    return parts


def _rider(
    frame: Frame,
    rng: np.random.Generator,
    seat: tuple[float, float],
    grip: tuple[float, float],
    pedal: tuple[float, float],
) -> list[Part]:
    skin, top, legs = frame.brush.pick(SKIN), frame.brush.pick(TOPS), frame.brush.pick(TROUSERS)
    (sx, sy), (gx, gy), (px, py) = seat, grip, pedal
    neck = (sx + 0.30, sy + 0.52)
    knee = (sx + 0.42, sy - 0.22)
    far_knee = (sx + 0.34, sy - 0.30)
    return [
        frame.part(
            limb([(sx, sy), far_knee, (px - 0.16, py - 0.02)], [0.17, 0.13, 0.09]), legs, 0.3
        ),
        frame.part(
            limb([neck, (neck[0] + 0.12, neck[1] - 0.28), (gx, gy)], [0.11, 0.09, 0.07]), top, 0.35
        ),
        frame.part(limb([(sx, sy), knee, (px, py)], [0.2, 0.15, 0.1]), legs, 0.8),
        frame.part(
            limb([(px - 0.06, py - 0.03), (px + 0.15, py - 0.03)], [0.09, 0.07]), (50, 46, 48), 0.7
        ),
        frame.part(
            rounded(
                [
                    (sx - 0.12, sy - 0.06),
                    (sx + 0.13, sy - 0.08),
                    (neck[0] + 0.1, neck[1] - 0.08),
                    (neck[0] + 0.03, neck[1] + 0.05),
                    (neck[0] - 0.14, neck[1] - 0.03),
                ],
                2,
            ),
            top,
            0.85,
        ),
        frame.part(
            limb(
                [(neck[0], neck[1] - 0.04), (neck[0] + 0.16, neck[1] - 0.27), (gx, gy)],
                [0.12, 0.095, 0.07],
            ),
            scale(top, 0.92),
            0.85,
        ),
        frame.part(ellipse(gx, gy, 0.045, 0.045, 8), skin, 0.8),
        frame.part(ellipse(neck[0] + 0.1, neck[1] + 0.15, 0.095, 0.12, 14), skin, 0.85),
        frame.part(
            _helmet(neck[0] + 0.08, neck[1] + 0.18),
            frame.brush.pick(TOPS) if rng.random() < 0.7 else frame.brush.pick(HAIR),
            0.9,
        ),
    ]


def _helmet(x: float, y: float) -> Points:
    angle = np.linspace(-0.25, np.pi + 0.2, 12)
    return np.stack([x + 0.125 * np.cos(angle), y + 0.11 * np.sin(angle)], axis=1)


def motorcyclist(brush: Brush, right: float, ahead: float, ridden: bool = True) -> list[Item]:
    """A scooter, ridden or parked."""
    rng = brush.rng
    frame = Frame(brush, right, ahead, 1 if rng.random() < 0.5 else -1, 1.0)
    color, dark = brush.pick(TOPS), (38.0, 38.0, 42.0)
    parts = [
        frame.part(ellipse(-0.58, 0.28, 0.28, 0.28), dark, 0.5),
        frame.part(ellipse(0.62, 0.28, 0.28, 0.28), dark, 0.5),
        frame.part(ellipse(-0.58, 0.28, 0.13, 0.13, 10), (168, 168, 170), 0.7, False),
        frame.part(ellipse(0.62, 0.28, 0.13, 0.13, 10), (168, 168, 170), 0.7, False),
        frame.part(
            rounded(
                [
                    (-0.85, 0.62),
                    (-0.72, 0.78),
                    (-0.1, 0.74),
                    (0.05, 0.36),
                    (0.34, 0.34),
                    (0.46, 0.92),
                    (0.56, 0.9),
                    (0.66, 0.5),
                    (0.4, 0.2),
                    (-0.3, 0.2),
                    (-0.5, 0.42),
                ],
                2,
            ),
            color,
            0.85,
        ),
        frame.part(limb([(-0.72, 0.8), (-0.1, 0.79)], [0.1, 0.1]), dark, 0.7),
        frame.part(limb([(0.5, 0.88), (0.42, 1.08), (0.3, 1.1)], [0.07, 0.06, 0.05]), dark, 0.7),
        frame.part(ellipse(0.58, 0.84, 0.07, 0.08, 10), (255, 246, 208), 1.0),
    ]
    items = [
        Item("motorcycle", ahead, tuple(parts), attributes=() if ridden else (("parked", True),))
    ]
    if ridden:
        rider = _rider(frame, rng, seat=(-0.35, 0.86), grip=(0.34, 1.1), pedal=(0.14, 0.26))
        items.append(Item("rider", ahead - 0.01, tuple(rider)))
    return items
